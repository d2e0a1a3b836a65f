//! What a life begins with, and what it may leave.

use super::latch::Latched;
use crate::domain::{Asset, Entry, Notional, RunTag, Timestamp};
use crate::ledger::CommitError;

/// What a life could not write down at its end.
#[derive(Debug)]
pub struct Unwritten {
    /// When it ended.
    pub at: Timestamp,
    /// What is not in the ledger, oldest first; without the entry of the end itself.
    pub entries: Vec<Entry>,
    /// Why.
    pub cause: CommitError,
}

/// What a life begins with.
#[derive(Debug, Clone)]
pub struct Genesis {
    /// What sets the order ids of this life apart from those of every other.
    pub tag: RunTag,
    /// SHA-256 of the configuration, in hexadecimal.
    pub config: String,
    /// What a fresh ledger starts with.
    pub deposit: (Asset, Notional),
    /// Whether a fresh ledger starts halted, and why.
    pub halt: Option<String>,
    /// A halt that is in force and that the ledger does not know of.
    pub latched: Option<Latched>,
    /// Whose time goes by.
    pub time: TimeOf,
}

/// Whose time goes by in a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeOf {
    /// The clock's, which is this.
    Clock(Timestamp),
    /// That of a recording, which begins with this.
    Recording(Timestamp),
}

impl TimeOf {
    pub(super) const fn first(self) -> Timestamp {
        match self {
            Self::Clock(at) | Self::Recording(at) => at,
        }
    }
}
