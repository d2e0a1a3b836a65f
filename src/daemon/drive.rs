//! The loop of a life: wait, stamp, apply, execute.

use crate::api::OperatorRequest;
use crate::clock;
use crate::config::Speed;
use crate::domain::{Event, Span, Timestamp};

use super::error::DaemonError;
use super::inbox::{Inbox, Message};
use super::shell::Shell;
use super::source::Source;

/// Whoever looks on.
pub trait Observer {
    /// Something may have changed.
    fn look(&mut self, shell: &mut Shell);

    /// The loop goes round: it is alive, and has come this far.
    fn alive(&mut self, shell: &Shell, source: &dyn Source);

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

/// Runs until told to stop, until `source` is over, or until `until` by the clock.
///
/// # Errors
///
/// Data that cannot be read, or amounts that do not fit.
pub fn drive(
    shell: &mut Shell,
    source: &mut dyn Source,
    speed: Speed,
    inbox: &Inbox,
    observer: &mut dyn Observer,
    until: Option<Timestamp>,
) -> Result<Ending, DaemonError> {
    let mut next = take(source)?;
    while let Some((at, event)) = next.take_if(|(at, _)| *at < shell.engine().began()) {
        shell.warm_up(at, event);
        next = take(source)?;
    }
    let clock = MarketClock::new(speed, next.as_ref().map_or(Timestamp::ZERO, |(at, _)| *at));
    let mut rounds: u32 = 0;
    shell.settle();
    while let Some((at, _)) = next.as_ref() {
        let due = shell.deadline().map_or(*at, |deadline| deadline.min(*at));
        rounds = rounds.wrapping_add(1);
        match wait(shell, &clock, inbox, due, rounds) {
            Waited::Due => {}
            Waited::Slept => {
                observer.alive(shell, source);
                observer.look(shell);
            }
            Waited::Message(message) => match hear(shell, &clock, message, observer) {
                Heard::Stop => return Ok(Ending::Stopped),
                Heard::GoOn => {
                    observer.look(shell);
                    continue;
                }
            },
            Waited::NotYet => {
                observer.alive(shell, source);
                observer.look(shell);
                if until.is_some_and(|until| clock::now() >= until) {
                    return Ok(Ending::Expired);
                }
                continue;
            }
        }
        if due < *at {
            shell.tick(due);
        } else if let Some((at, event)) = next.take() {
            shell.receive(at, event);
            next = take(source)?;
        }
        if rounds.is_multiple_of(ROUNDS_PER_LOOK) {
            observer.alive(shell, source);
            observer.look(shell);
            if until.is_some_and(|until| clock::now() >= until) {
                return Ok(Ending::Expired);
            }
        }
    }
    shell.settle();
    observer.look(shell);
    Ok(Ending::Exhausted)
}

enum Waited {
    /// It was due already.
    Due,
    /// It is due now.
    Slept,
    Message(Message),
    NotYet,
}

enum Heard {
    Stop,
    GoOn,
}

/// Waits until `due`, at most a moment, and listens meanwhile. What waits to be written is written first.
fn wait(shell: &mut Shell, clock: &MarketClock, inbox: &Inbox, due: Timestamp, rounds: u32) -> Waited {
    let Some(left) = clock.until(due) else {
        if !rounds.is_multiple_of(ROUNDS_PER_LISTEN) {
            return Waited::Due;
        }
        return inbox.look().map_or(Waited::Due, Waited::Message);
    };
    shell.settle();
    let moment = left.min(MOMENT);
    match inbox.wait(moment) {
        Some(message) => Waited::Message(message),
        None if clock.until(due).is_none() => Waited::Slept,
        None => Waited::NotYet,
    }
}

fn hear(shell: &mut Shell, clock: &MarketClock, message: Message, observer: &mut dyn Observer) -> Heard {
    match message {
        Message::Operator(OperatorRequest { event, reply }) => {
            let verdict = shell.operate(clock.now(shell.now()), event);
            // Whoever asked must find what came of it when they look next.
            observer.look(shell);
            let _ = reply.send(verdict);
            Heard::GoOn
        }
        Message::Reload => {
            observer.reload(shell);
            Heard::GoOn
        }
        Message::Stop => Heard::Stop,
    }
}

fn take(source: &mut dyn Source) -> Result<Option<(Timestamp, Event)>, DaemonError> {
    source.next().transpose().map_err(|error| DaemonError::Source(error.0))
}

/// The market's time against the clock.
struct MarketClock {
    times: Option<u32>,
    market_start: Timestamp,
    clock_start: Timestamp,
}

impl MarketClock {
    fn new(speed: Speed, market_start: Timestamp) -> Self {
        let times = match speed {
            Speed::Times(times) => Some(times.max(1)),
            Speed::Max => None,
        };
        Self { times, market_start, clock_start: clock::now() }
    }

    /// How long to wait for the market's `due`; `None` when there is no need to.
    fn until(&self, due: Timestamp) -> Option<Span> {
        let times = i64::from(self.times?);
        let after = Span::from_nanos(due.since(self.market_start).nanos() / times);
        let left = self.clock_start.plus(after).since(clock::now());
        (left.nanos() > 0).then_some(left)
    }

    /// The market's time now, not before `last`.
    fn now(&self, last: Timestamp) -> Timestamp {
        let Some(times) = self.times else { return last };
        let passed = clock::now().since(self.clock_start).nanos().saturating_mul(i64::from(times));
        self.market_start.plus(Span::from_nanos(passed)).max(last)
    }
}

/// Longest wait before whoever looks on is told that the loop is alive.
const MOMENT: Span = Span::from_millis(100);
/// Events between two looks when there is no wait between them.
const ROUNDS_PER_LOOK: u32 = 256;
/// Events between two listenings when there is no wait between them.
const ROUNDS_PER_LISTEN: u32 = 16;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::sync::oneshot;

    use super::*;
    use crate::config;
    use crate::daemon::{INBOX_MAX, Life};
    use crate::domain::OperatorEvent;

    struct Nobody;

    impl Observer for Nobody {
        fn look(&mut self, _: &mut Shell) {}

        fn alive(&mut self, _: &Shell, _: &dyn Source) {}

        fn reload(&mut self, _: &mut Shell) {}
    }

    #[test]
    fn a_stop_behind_a_full_queue_ends_the_loop_before_any_of_it_is_answered() {
        let folder = tempfile::tempdir().unwrap();
        let text = include_bytes!("../../config/paper.toml");
        let mut config = config::parse(Path::new("paper.toml"), text).unwrap();
        config.state = folder.path().join("state");
        for speed in [Speed::Max, Speed::Times(1)] {
            let Life { mut shell, mut source, speed } = Life::begin(&config, Some(speed), None).unwrap();
            let (mailbox, inbox) = Inbox::new();
            let event = || OperatorEvent::Halt { by: "a".to_owned(), reason: "b".to_owned() };
            let mut answers = Vec::new();
            for _ in 0..INBOX_MAX {
                let (reply, answer) = oneshot::channel();
                mailbox.ask(OperatorRequest { event: event(), reply }).unwrap();
                answers.push(answer);
            }
            mailbox.stop();
            let ending = drive(&mut shell, source.as_mut(), speed, &inbox, &mut Nobody, None).unwrap();
            assert_eq!(ending, Ending::Stopped);
            assert!(shell.engine().halted().is_none(), "none of the halts was taken");
            drop(inbox);
            assert!(answers.iter_mut().all(|answer| answer.try_recv().is_err()));
            shell.end().unwrap();
        }
    }
}
