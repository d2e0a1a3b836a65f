//! What a failure asks of us.

use super::time::Timestamp;

/// What to do about a failure; every error that can meet an order answers with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Try again, not before this.
    Retry(Timestamp),
    /// Give up this one; the next may pass.
    Refuse,
    /// The outcome is unknown: ask, never repeat.
    Ask,
    /// Stop trading.
    Halt,
}
