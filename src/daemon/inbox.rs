//! What reaches the loop from other threads: requests in a bounded queue, and signals as flags, which no queue can lose.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};

use crate::api::{CALLS_MAX, OperatorCall, OperatorDoorError};
use crate::domain::Span;

use super::waker::Waker;

/// Puts into an [`Inbox`]; each thread has its own.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// `None` only while this is dropped.
    queue: Option<SyncSender<OperatorCall>>,
    signals: Arc<Signals>,
    waker: Waker,
}

/// Where the loop finds what others ask of it.
#[derive(Debug)]
pub struct Inbox {
    queue: Receiver<OperatorCall>,
    signals: Arc<Signals>,
    waker: Waker,
}

/// What the loop is asked to do.
#[derive(Debug)]
pub enum Message {
    /// An operator asks for something, and waits to hear that it was taken.
    Operator(OperatorCall),
    /// Read what may change without a restart again.
    Reload,
    /// Stop in order.
    Stop,
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
    pub fn ask(&self, request: OperatorCall) -> Result<(), OperatorDoorError> {
        let Some(queue) = &self.queue else { return Err(OperatorDoorError::Closed) };
        queue.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => OperatorDoorError::Full,
            TrySendError::Disconnected(_) => OperatorDoorError::Closed,
        })?;
        self.waker.wake();
        Ok(())
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
        self.waker.wake();
    }
}

impl Drop for Mailbox {
    /// A loop that nobody can reach any more must not wait for anybody.
    fn drop(&mut self) {
        drop(self.queue.take());
        self.waker.wake();
    }
}

impl Inbox {
    /// An inbox and the first way into it.
    #[must_use]
    pub fn new() -> (Mailbox, Self) {
        let (sender, queue) = sync_channel(INBOX_MAX);
        let (signals, waker) = (Arc::new(Signals::default()), Waker::default());
        let mailbox = Mailbox { queue: Some(sender), signals: Arc::clone(&signals), waker: waker.clone() };
        (mailbox, Self { queue, signals, waker })
    }

    /// What ends its wait, for others that have something for the loop.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// What is there now: a stop before a reload before requests.
    pub fn look(&self) -> Option<Message> {
        if let Some(signal) = self.signal() {
            return Some(signal);
        }
        match self.queue.try_recv() {
            Ok(request) => Some(Message::Operator(request)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Message::Stop),
        }
    }

    /// The same, and waits for it at most so long. It returns with nothing when something else has woken the loop.
    pub fn wait(&self, longest: Span) -> Option<Message> {
        self.look().or_else(|| {
            self.waker.wait(longest);
            self.look()
        })
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
pub const INBOX_MAX: usize = CALLS_MAX;

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::domain::{OperatorEvent, OperatorRequest};

    fn request() -> OperatorCall {
        let request = OperatorRequest::Halt { reason: "b".to_owned() };
        let event = OperatorEvent { by: "a".to_owned(), request };
        OperatorCall { event, reply: oneshot::channel().0 }
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
        // Whoever was heard before the wait has woken nobody from it.
        assert!(inbox.wait(Span::ZERO).is_none());
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
        let (mailbox, inbox) = Inbox::new();
        let waiting = std::thread::spawn(move || inbox.wait(Span::HOUR));
        drop(mailbox);
        assert!(matches!(waiting.join().unwrap(), Some(Message::Stop)));
    }
}
