//! What reaches the loop from other threads: requests in a bounded queue, and signals as flags, which no queue can lose.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};

use crate::api::{OperatorDoorError, OperatorRequest};
use crate::domain::Span;

/// Puts into an [`Inbox`]; each thread has its own.
#[derive(Debug, Clone)]
pub struct Mailbox {
    queue: SyncSender<Letter>,
    signals: Arc<Signals>,
}

/// Where the loop finds what others ask of it.
#[derive(Debug)]
pub struct Inbox {
    queue: Receiver<Letter>,
    signals: Arc<Signals>,
}

/// What the loop is asked to do.
#[derive(Debug)]
pub enum Message {
    /// An operator asks for something, and waits to hear that it was taken.
    Operator(OperatorRequest),
    /// Read what may change without a restart again.
    Reload,
    /// Stop in order.
    Stop,
}

#[derive(Debug)]
enum Letter {
    Request(OperatorRequest),
    /// Ends the wait, so that a flag is seen at once.
    Wake,
}

#[derive(Debug, Default)]
struct Signals {
    stop: AtomicBool,
    reload: AtomicBool,
}

impl Mailbox {
    /// Hands a request to the loop.
    ///
    /// # Errors
    ///
    /// [`INBOX_MAX`] of them wait already, or the loop has ended.
    pub fn ask(&self, request: OperatorRequest) -> Result<(), OperatorDoorError> {
        self.queue.try_send(Letter::Request(request)).map_err(|error| match error {
            TrySendError::Full(_) => OperatorDoorError::Full,
            TrySendError::Disconnected(_) => OperatorDoorError::Closed,
        })
    }

    /// Ends the loop, however many requests wait.
    pub fn stop(&self) {
        self.raise(&self.signals.stop);
    }

    /// Has the loop read the configuration again, however many requests wait.
    pub fn reload(&self) {
        self.raise(&self.signals.reload);
    }

    fn raise(&self, flag: &AtomicBool) {
        flag.store(true, Ordering::Release);
        // A loop that does not take the letter because others wait is not asleep and looks at the flag by itself.
        let _ = self.queue.try_send(Letter::Wake);
    }
}

impl Inbox {
    /// An inbox and the first way into it.
    #[must_use]
    pub fn new() -> (Mailbox, Self) {
        let (sender, queue) = sync_channel(INBOX_MAX);
        let signals = Arc::new(Signals::default());
        (Mailbox { queue: sender, signals: Arc::clone(&signals) }, Self { queue, signals })
    }

    /// What is there now: a stop before a reload before requests.
    pub fn look(&self) -> Option<Message> {
        loop {
            if let Some(signal) = self.signal() {
                return Some(signal);
            }
            match self.queue.try_recv() {
                Ok(Letter::Request(request)) => return Some(Message::Operator(request)),
                Ok(Letter::Wake) => {}
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => return Some(Message::Stop),
            }
        }
    }

    /// The same, and waits for it at most so long. It may return earlier with nothing.
    pub fn wait(&self, longest: Span) -> Option<Message> {
        if let Some(message) = self.look() {
            return Some(message);
        }
        match self.queue.recv_timeout(longest.to_duration()) {
            Ok(Letter::Request(request)) => Some(self.signal().unwrap_or(Message::Operator(request))),
            Ok(Letter::Wake) | Err(RecvTimeoutError::Timeout) => self.signal(),
            Err(RecvTimeoutError::Disconnected) => Some(Message::Stop),
        }
    }

    fn signal(&self) -> Option<Message> {
        // A stop stays: whoever asks again is told again.
        if self.signals.stop.load(Ordering::Acquire) {
            return Some(Message::Stop);
        }
        self.signals.reload.swap(false, Ordering::AcqRel).then_some(Message::Reload)
    }
}

/// Requests that wait for the loop.
pub const INBOX_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::domain::OperatorEvent;

    fn request() -> OperatorRequest {
        let event = OperatorEvent::Halt { by: "a".to_owned(), reason: "b".to_owned() };
        OperatorRequest { event, reply: oneshot::channel().0 }
    }

    #[test]
    fn a_stop_and_a_reload_are_seen_before_a_full_queue() {
        let (mailbox, inbox) = Inbox::new();
        for _ in 0..INBOX_MAX {
            mailbox.ask(request()).unwrap();
        }
        assert_eq!(mailbox.ask(request()), Err(OperatorDoorError::Full));
        mailbox.reload();
        assert!(matches!(inbox.look(), Some(Message::Reload)));
        mailbox.reload();
        mailbox.stop();
        assert!(matches!(inbox.wait(Span::SECOND), Some(Message::Stop)));
        assert!(matches!(inbox.look(), Some(Message::Stop)), "a stop stays");
    }

    #[test]
    fn requests_come_in_their_order_and_a_signal_ends_a_wait() {
        let (mailbox, inbox) = Inbox::new();
        assert!(inbox.look().is_none());
        mailbox.ask(request()).unwrap();
        assert!(matches!(inbox.wait(Span::SECOND), Some(Message::Operator(_))));
        let waiting = std::thread::spawn(move || inbox.wait(Span::HOUR));
        mailbox.reload();
        assert!(matches!(waiting.join().unwrap(), Some(Message::Reload)));
        drop(mailbox);
    }

    #[test]
    fn an_inbox_into_which_nobody_can_put_anything_ends_the_loop() {
        let (mailbox, inbox) = Inbox::new();
        drop(mailbox);
        assert!(matches!(inbox.look(), Some(Message::Stop)));
        assert!(matches!(inbox.wait(Span::HOUR), Some(Message::Stop)));
    }
}
