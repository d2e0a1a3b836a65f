//! Where entries are kept before anything they speak of leaves.

use crate::domain::{Entry, Timestamp};
use crate::ledger::{CommitError, Durable, Head, Ledger, ReadError};

/// Keeps entries for good: the ledger, or a disk that a test makes fail. Only a ledger can say that they are durable.
pub trait Keeper {
    /// Shows every entry that is kept, oldest first.
    ///
    /// # Errors
    ///
    /// The disk refuses, or an entry cannot be understood.
    fn each(&self, visit: &mut dyn FnMut(Timestamp, Entry)) -> Result<(), ReadError>;

    /// Writes entries down, all or none, and returns once they are on disk.
    ///
    /// # Errors
    ///
    /// The disk is full, read-only or gone; what is kept is then as it was before.
    fn commit(&mut self, at: Timestamp, entries: &[Entry]) -> Result<Durable, CommitError>;

    /// Writes down that trading is halted when nothing else can be written any more, from room kept for this alone.
    ///
    /// # Errors
    ///
    /// There is no such room, or the disk is gone.
    fn latch(&mut self, at: Timestamp, halt: Entry) -> Result<Durable, CommitError> {
        self.commit(at, &[halt])
    }

    /// Whether what is kept is still where it was put; asked now and then while there is nothing to write.
    ///
    /// # Errors
    ///
    /// It is not.
    fn check(&mut self) -> Result<(), CommitError> {
        Ok(())
    }

    /// Whether that room is gone, so that the next entry may be the last that fits.
    fn is_short(&self) -> bool {
        false
    }

    /// The last entry that is kept.
    fn head(&self) -> Head;
}

impl Keeper for Ledger {
    fn each(&self, visit: &mut dyn FnMut(Timestamp, Entry)) -> Result<(), ReadError> {
        Self::each(self, |stored| visit(stored.at, stored.value))
    }

    fn commit(&mut self, at: Timestamp, entries: &[Entry]) -> Result<Durable, CommitError> {
        Self::commit(self, at, entries)
    }

    fn check(&mut self) -> Result<(), CommitError> {
        Self::check(self)
    }

    fn is_short(&self) -> bool {
        Self::is_short(self)
    }

    fn head(&self) -> Head {
        Self::head(self)
    }
}
