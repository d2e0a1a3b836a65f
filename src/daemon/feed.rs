//! What a loop is fed with: market, account and link events from wherever they come.

use std::fmt;

use crate::domain::{Event, Timestamp};
use crate::market::practice::PracticeMarket;

/// A source of events that is asked and never waits.
///
/// It knows two times: the clock's, which the loop reads, and the market's, in which its events are. They are the same
/// unless a recording or a practice market goes by at another pace.
pub trait Feed {
    /// What there is when the clock shows `now`. Returns within a bounded time, whether there is anything or not.
    ///
    /// # Errors
    ///
    /// Data that cannot be read; the feed is over then.
    fn poll(&mut self, now: Timestamp) -> Result<Poll, FeedError>;

    /// What it waits for, in words, while it is not open yet: until then it has no events, and the bot is not ready. Once
    /// it is open it stays so.
    fn waits_for(&self) -> Option<&str> {
        None
    }

    /// The market's time when the clock shows `now`.
    fn time(&self, now: Timestamp) -> Timestamp {
        now
    }

    /// What the clock shows at the market's `at`; `None` while the market's time does not follow the clock, but goes from
    /// one event to the next.
    fn due(&self, at: Timestamp) -> Option<Timestamp> {
        Some(at)
    }

    /// How much of it has gone by, and of how much, in bytes; `None` when nobody can know.
    fn position(&self) -> Option<(u64, u64)> {
        None
    }
}

/// What a feed answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Poll {
    /// This happened, at this time of the market.
    Event(Timestamp, Event),
    /// Nothing yet, but there is more to read: ask again at once.
    Again,
    /// Nothing before the clock shows this.
    WaitUntil(Timestamp),
    /// Nothing until somebody wakes the loop.
    Idle,
    /// Nothing any more.
    Over,
}

/// Market data that cannot be read; where, what and how to mend it stand in its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedError(pub String);

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FeedError {}

impl Feed for PracticeMarket {
    fn poll(&mut self, _: Timestamp) -> Result<Poll, FeedError> {
        let (at, event) = self.next();
        Ok(Poll::Event(at, event))
    }
}

impl<F: Feed + ?Sized> Feed for Box<F> {
    fn poll(&mut self, now: Timestamp) -> Result<Poll, FeedError> {
        (**self).poll(now)
    }

    fn waits_for(&self) -> Option<&str> {
        (**self).waits_for()
    }

    fn time(&self, now: Timestamp) -> Timestamp {
        (**self).time(now)
    }

    fn due(&self, at: Timestamp) -> Option<Timestamp> {
        (**self).due(at)
    }

    fn position(&self) -> Option<(u64, u64)> {
        (**self).position()
    }
}
