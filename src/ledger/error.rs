//! What can go wrong with a ledger.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::domain::Remedy;

/// A ledger that cannot be opened for writing.
#[derive(Debug, Error)]
pub enum OpenLedgerError {
    /// The file or its lock cannot be made.
    #[error("cannot make {}; check that its folder exists and is writable", path.display())]
    Create {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else writes it.
    #[error("{} is being written by another tradingbot; stop that one first or name another ledger", path.display())]
    Busy {
        /// Which ledger.
        path: PathBuf,
    },
    /// SQLite refuses.
    #[error("cannot use {} as a ledger; it may be damaged or not a database", path.display())]
    Database {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A database of another program.
    #[error("{} is a database but not a ledger of tradingbot; name another file", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// Made by a newer version.
    #[error("{} was made by a newer tradingbot (schema {version}); install that version again", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        version: i64,
    },
}

/// Entries that could not be written.
#[derive(Debug, Error)]
pub enum CommitError {
    /// SQLite refuses.
    #[error("the ledger cannot be written")]
    Database(#[source] rusqlite::Error),
    /// An entry has no JSON.
    #[error("an entry cannot be encoded")]
    Encode(#[source] serde_json::Error),
}

impl CommitError {
    /// What cannot be written is not done: trading stops.
    #[must_use]
    pub const fn remedy(&self) -> Remedy {
        match self {
            Self::Database(_) | Self::Encode(_) => Remedy::Halt,
        }
    }
}

/// Entries that cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file cannot be opened.
    #[error("cannot open {}; name a ledger with --ledger", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// SQLite refuses.
    #[error("the ledger cannot be read")]
    Database(#[source] rusqlite::Error),
    /// An entry cannot be understood.
    #[error("entry {seq} cannot be understood; run `tradingbot ledger verify`")]
    Entry {
        /// Which.
        seq: u64,
        /// Why.
        source: serde_json::Error,
    },
}

/// A ledger that does not hold what was written.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// It cannot be read at all.
    #[error("the ledger cannot be read")]
    Read(#[source] ReadError),
    /// An entry's number is skipped.
    #[error("entry {seq} is missing")]
    Missing {
        /// Which.
        seq: u64,
    },
    /// An entry does not follow the one in front of it.
    #[error("entry {seq} does not follow the entry before it: one of the two was inserted, removed or moved")]
    Broken {
        /// Which.
        seq: u64,
    },
    /// An entry does not have its hash.
    #[error("entry {seq} was changed after it was written")]
    Changed {
        /// Which.
        seq: u64,
    },
    /// The head that was kept elsewhere is not in it.
    #[error("the ledger does not hold entry {seq} with the hash given: its end was cut off or written anew")]
    HeadMissing {
        /// The entry that should be there.
        seq: u64,
    },
}
