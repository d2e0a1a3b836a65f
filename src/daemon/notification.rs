//! What the shell tells those who follow the bot's day.

use crate::domain::{Entry, Timestamp};
use crate::engine::Notice;

/// Something that happened, for whoever follows the bot's day. It is said once it is on disk, or once the disk has
/// refused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notification {
    /// It stands in the ledger, or waits for a disk that takes it.
    Entry(Timestamp, Entry),
    /// The engine said so.
    Notice(Timestamp, Notice),
}
