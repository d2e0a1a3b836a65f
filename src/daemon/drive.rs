//! The loop of a life: ask the feed, stamp, apply, execute; wait when there is nothing, and listen always.

use crate::api::OperatorCall;
use crate::clock;
use crate::domain::{Event, Span, Timestamp};

use super::error::DaemonError;
use super::feed::{Feed, Poll};
use super::inbox::{Inbox, Message};
use super::shell::Shell;

/// Whoever looks on.
pub trait Observer {
    /// The market is open: from now on the bot does its work.
    fn opened(&mut self, shell: &mut Shell);

    /// Something may have changed.
    fn look(&mut self, shell: &mut Shell, feed: &dyn Feed);

    /// The loop goes round: it is alive, and has come this far.
    fn alive(&mut self, shell: &Shell, feed: &dyn Feed);

    /// Read what may change without a restart again.
    fn reload(&mut self, shell: &mut Shell);
}

/// Why a loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was told to stop.
    Stopped,
    /// The market's data is over.
    Exhausted,
    /// Its time was up.
    Expired,
}

/// Runs until told to stop, until `feed` is over, or until `until` by the clock.
///
/// # Errors
///
/// Data that cannot be read, or amounts that do not fit.
pub fn drive(
    shell: &mut Shell,
    feed: &mut dyn Feed,
    inbox: &Inbox,
    observer: &mut dyn Observer,
    until: Option<Timestamp>,
) -> Result<Ending, DaemonError> {
    let (mut is_open, mut pending, mut rounds, mut now) = (false, None, 0_u32, clock::now());
    shell.settle();
    loop {
        if !is_open && feed.waits_for().is_none() {
            is_open = true;
            observer.opened(shell);
        }
        rounds = rounds.wrapping_add(1);
        let step = match advance(shell, feed, &mut pending, now)? {
            // Time has gone on since the clock was looked at.
            Step::Rest(Some(at)) if at <= clock::now() => Step::Again,
            step @ (Step::Worked | Step::Again | Step::Rest(_) | Step::Over) => step,
        };
        let message = match step {
            Step::Worked if !rounds.is_multiple_of(ROUNDS_PER_LISTEN) => continue,
            Step::Worked | Step::Again => inbox.look(),
            Step::Rest(at) => {
                // What waits to be written or shown does so before nothing happens.
                shell.settle();
                observer.look(shell, feed);
                inbox.wait(at.map_or(MOMENT, |at| at.since(clock::now()).min(MOMENT)))
            }
            Step::Over => {
                shell.settle();
                observer.look(shell, feed);
                return Ok(Ending::Exhausted);
            }
        };
        now = clock::now();
        match message {
            Some(Message::Operator(OperatorCall { event, reply })) => {
                let verdict = shell.operate(feed.time(now).max(shell.now()), event);
                // Whoever asked must find what came of it when they look next.
                observer.look(shell, feed);
                let _ = reply.send(verdict);
            }
            Some(Message::Reload) => observer.reload(shell),
            Some(Message::Stop) => return Ok(Ending::Stopped),
            None => {}
        }
        if matches!(step, Step::Rest(_)) || rounds.is_multiple_of(ROUNDS_PER_LOOK) {
            observer.alive(shell, feed);
            observer.look(shell, feed);
            if until.is_some_and(|until| now >= until) {
                return Ok(Ending::Expired);
            }
        }
    }
}

/// What one round came to.
enum Step {
    /// Something was taken in.
    Worked,
    /// Nothing, but there may be something at once.
    Again,
    /// Nothing before the clock shows that, or somebody wakes the loop.
    Rest(Option<Timestamp>),
    Over,
}

/// Takes in what is next: an event of the feed, or what was due before it.
fn advance(
    shell: &mut Shell,
    feed: &mut dyn Feed,
    pending: &mut Option<(Timestamp, Event)>,
    now: Timestamp,
) -> Result<Step, DaemonError> {
    let polled = match pending.take() {
        Some((at, event)) => Poll::Event(at, event),
        None => feed.poll(now).map_err(DaemonError::Feed)?,
    };
    let rest = match polled {
        Poll::Event(at, event) if at < shell.engine().began() => {
            shell.warm_up(at, event);
            return Ok(Step::Worked);
        }
        Poll::Event(at, event) => {
            match shell.deadline().filter(|due| *due < at) {
                Some(due) => {
                    *pending = Some((at, event));
                    shell.tick(due);
                }
                None => shell.receive(at, event),
            }
            return Ok(Step::Worked);
        }
        Poll::Again => return Ok(Step::Again),
        Poll::Over => return Ok(Step::Over),
        Poll::WaitUntil(at) => Some(at),
        Poll::Idle => None,
    };
    let Some((due, at)) = shell.deadline().and_then(|due| feed.due(due).map(|at| (due, at))) else {
        return Ok(Step::Rest(rest));
    };
    if at <= now {
        shell.tick(due);
        return Ok(Step::Worked);
    }
    Ok(Step::Rest(Some(rest.map_or(at, |rest| rest.min(at)))))
}

/// Longest wait before whoever looks on is told that the loop is alive.
const MOMENT: Span = Span::from_millis(100);
/// Events between two looks when there is no wait between them.
const ROUNDS_PER_LOOK: u32 = 256;
/// Events between two listenings, and two looks at the clock, when there is no wait between them.
const ROUNDS_PER_LISTEN: u32 = 16;

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::thread;

    use tokio::sync::oneshot;

    use super::*;
    use crate::clock::Mark;
    use crate::config::{self, Config, Speed};
    use crate::daemon::{FeedError, INBOX_MAX, Lanes, Life};
    use crate::domain::{LinkEvent, OperatorEvent, OperatorRequest};

    /// Counts, and keeps what it has seen.
    #[derive(Default)]
    struct Seen {
        opened: usize,
        looks: usize,
    }

    impl Observer for Seen {
        fn opened(&mut self, _: &mut Shell) {
            self.opened += 1;
        }

        fn look(&mut self, _: &mut Shell, _: &dyn Feed) {
            self.looks += 1;
        }

        fn alive(&mut self, _: &Shell, _: &dyn Feed) {}

        fn reload(&mut self, _: &mut Shell) {}
    }

    /// Waits for something for ever, and always has more to read.
    struct Opening;

    impl Feed for Opening {
        fn poll(&mut self, _: Timestamp) -> Result<Poll, FeedError> {
            Ok(Poll::Again)
        }

        fn waits_for(&self) -> Option<&str> {
            Some("what never comes")
        }

        fn due(&self, _: Timestamp) -> Option<Timestamp> {
            None
        }
    }

    fn config(folder: &Path) -> Config {
        let text = include_bytes!("../../config/paper.toml");
        let mut config = config::parse(Path::new("paper.toml"), text).unwrap();
        config.state = folder.join("state");
        config
    }

    fn halt() -> OperatorEvent {
        OperatorEvent { by: "a".to_owned(), request: OperatorRequest::Halt { reason: "b".to_owned() } }
    }

    #[test]
    fn a_stop_behind_a_full_queue_ends_the_loop_before_any_of_it_is_answered() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        for speed in [Speed::Max, Speed::Times(1)] {
            let Life { mut shell, mut feed } = Life::begin(&config, Some(speed), None).unwrap();
            let (mailbox, inbox) = Inbox::new();
            let mut answers = Vec::new();
            for _ in 0..INBOX_MAX {
                let (reply, answer) = oneshot::channel();
                mailbox.ask(OperatorCall { event: halt(), reply }).unwrap();
                answers.push(answer);
            }
            mailbox.stop();
            let ending = drive(&mut shell, feed.as_mut(), &inbox, &mut Seen::default(), None).unwrap();
            assert_eq!(ending, Ending::Stopped);
            assert!(shell.engine().halted().is_none(), "none of the halts was taken");
            drop(inbox);
            assert!(answers.iter_mut().all(|answer| answer.try_recv().is_err()));
            shell.end().unwrap();
        }
    }

    #[test]
    fn while_a_market_opens_requests_are_answered_and_nobody_is_told_that_it_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let Life { mut shell, .. } = Life::begin(&config(folder.path()), None, None).unwrap();
        let (mailbox, inbox) = Inbox::new();
        let asking = thread::spawn(move || {
            let (reply, answer) = oneshot::channel();
            mailbox.ask(OperatorCall { event: halt(), reply }).unwrap();
            let verdict = answer.blocking_recv();
            mailbox.stop();
            verdict
        });
        let mut seen = Seen::default();
        let ending = drive(&mut shell, &mut Opening, &inbox, &mut seen, None).unwrap();
        assert_eq!((ending, seen.opened), (Ending::Stopped, 0));
        assert!(seen.looks > 0);
        assert_eq!(asking.join().unwrap(), Ok(Ok(crate::domain::Verdict::Done)));
        assert!(shell.engine().halted().is_some());
        shell.end().unwrap();
    }

    #[test]
    fn what_other_threads_send_is_taken_in_at_once_and_a_stop_overtakes_it() {
        let folder = tempfile::tempdir().unwrap();
        let Life { mut shell, .. } = Life::begin(&config(folder.path()), None, None).unwrap();
        let (mailbox, inbox) = Inbox::new();
        let (sender, mut lanes) = Lanes::new(inbox.waker());
        let sending = thread::spawn(move || {
            for _ in 0..100 {
                sender.send(Event::Link(LinkEvent::Up)).unwrap();
            }
        });
        let mut seen = Seen::default();
        let begun = Mark::now();
        let ending = drive(&mut shell, &mut lanes, &inbox, &mut seen, None).unwrap();
        sending.join().unwrap();
        assert_eq!((ending, seen.opened, shell.events()), (Ending::Exhausted, 1, 100));
        assert!(begun.elapsed() < Span::MINUTE);

        let (sender, mut lanes) = Lanes::new(inbox.waker());
        for _ in 0..1_000 {
            sender.send(Event::Link(LinkEvent::Up)).unwrap();
        }
        mailbox.stop();
        let ending = drive(&mut shell, &mut lanes, &inbox, &mut seen, None).unwrap();
        assert_eq!(ending, Ending::Stopped);
        assert!(shell.events() < 200, "{} were taken in before it", shell.events());
        shell.end().unwrap();
    }
}
