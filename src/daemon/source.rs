//! Where market events come from.

use std::fmt;

use crate::domain::{Event, Timestamp};
use crate::market::practice::PracticeMarket;

/// A stream of market and link events in the order of their time.
pub trait Source {
    /// The next event and its time; `None` when there are no more.
    ///
    /// # Errors
    ///
    /// Data that cannot be read; the stream is over then.
    fn next(&mut self) -> Option<Result<(Timestamp, Event), SourceError>>;

    /// How much of it has gone by, and of how much, in bytes; `None` when nobody can know.
    fn position(&self) -> Option<(u64, u64)> {
        None
    }
}

/// Market data that cannot be read; where, what and how to mend it stand in its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError(pub String);

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SourceError {}

impl Source for PracticeMarket {
    fn next(&mut self) -> Option<Result<(Timestamp, Event), SourceError>> {
        Some(Ok(self.next()))
    }
}
