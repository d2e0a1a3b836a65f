//! Changes that were asked before: the same request with the same id gets the first answer, and is not done twice.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::watch;

use super::doors::UnwrittenError;
use crate::domain::{Span, Timestamp, Verdict};

/// The changes of the last while, at most [`REPLAYS_MAX`] of them.
#[derive(Debug, Default)]
pub(super) struct Replays {
    known: BTreeMap<ReplayKey, Asked>,
    oldest_first: VecDeque<(Timestamp, ReplayKey)>,
}

/// Who asked, and by which request id.
pub(super) type ReplayKey = (Arc<str>, Box<str>);

/// SHA-256 of what was asked.
pub(super) type Digest = [u8; 32];

/// What the engine said: nothing yet, or that nobody will ever know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Waiting,
    Lost,
    Given(Result<Verdict, UnwrittenError>),
}

#[derive(Debug)]
struct Asked {
    digest: Digest,
    answer: watch::Receiver<Answer>,
}

/// What is known of a request.
#[derive(Debug)]
pub(super) enum Known {
    /// Nothing: it is new, and its answer is to be put here.
    New(watch::Sender<Answer>),
    /// It was asked before.
    Before(watch::Receiver<Answer>),
    /// Something else was asked under this id.
    Other,
}

impl Replays {
    /// Looks a request up, and remembers it if it is new.
    pub(super) fn begin(&mut self, key: ReplayKey, digest: Digest, now: Timestamp) -> Known {
        self.sweep(now);
        if let Some(asked) = self.known.get(&key) {
            return if asked.digest == digest { Known::Before(asked.answer.clone()) } else { Known::Other };
        }
        if self.oldest_first.len() >= REPLAYS_MAX {
            self.forget_oldest();
        }
        let (sender, answer) = watch::channel(Answer::Waiting);
        self.known.insert(key.clone(), Asked { digest, answer });
        self.oldest_first.push_back((now, key));
        Known::New(sender)
    }

    /// Forgets a request that was never asked of the engine.
    pub(super) fn forget(&mut self, key: &ReplayKey) {
        self.known.remove(key);
        self.oldest_first.retain(|(_, other)| other != key);
    }

    fn sweep(&mut self, now: Timestamp) {
        while self.oldest_first.front().is_some_and(|(at, _)| now.since(*at) > REPLAYS_AGE_MAX) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.oldest_first.pop_front() {
            self.known.remove(&key);
        }
    }
}

const REPLAYS_MAX: usize = 1_024;
const REPLAYS_AGE_MAX: Span = Span::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000);

    fn key(by: &str, id: usize) -> ReplayKey {
        (Arc::from(by), id.to_string().into())
    }

    #[test]
    fn the_same_request_gets_the_first_answer() {
        let mut replays = Replays::default();
        let Known::New(sender) = replays.begin(key("ops", 1), [1; 32], NOW) else { panic!("it is new") };
        let Known::Before(waiting) = replays.begin(key("ops", 1), [1; 32], NOW) else { panic!("it was asked") };
        assert_eq!(*waiting.borrow(), Answer::Waiting);
        sender.send_replace(Answer::Given(Ok(Verdict::Done)));
        assert_eq!(*waiting.borrow(), Answer::Given(Ok(Verdict::Done)));
        assert!(matches!(replays.begin(key("ops", 1), [2; 32], NOW), Known::Other));
        assert!(matches!(replays.begin(key("ci", 1), [2; 32], NOW), Known::New(_)), "ids belong to who uses them");
    }

    #[test]
    fn what_was_never_asked_may_be_asked_again() {
        let mut replays = Replays::default();
        let _ = replays.begin(key("ops", 1), [1; 32], NOW);
        replays.forget(&key("ops", 1));
        assert!(matches!(replays.begin(key("ops", 1), [2; 32], NOW), Known::New(_)));
        assert_eq!((replays.known.len(), replays.oldest_first.len()), (1, 1));
    }

    #[test]
    fn memory_is_bounded_in_number_and_in_time() {
        let mut replays = Replays::default();
        for id in 0..3_000 {
            let _ = replays.begin(key("ops", id), [0; 32], NOW);
        }
        assert_eq!((replays.known.len(), replays.oldest_first.len()), (REPLAYS_MAX, REPLAYS_MAX));
        assert!(matches!(replays.begin(key("ops", 2_999), [0; 32], NOW), Known::Before(_)));
        let later = NOW.plus(Span::from_secs(601));
        assert!(matches!(replays.begin(key("ops", 2_999), [0; 32], later), Known::New(_)));
        assert_eq!(replays.known.len(), 1);
    }
}
