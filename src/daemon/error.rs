//! Why a life cannot begin, go on or end.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::domain::AmountError;
use crate::engine::RestoreError;
use crate::ledger::{CommitError, OpenLedgerError, ReadError};

/// A bot that cannot run.
#[derive(Debug, Error)]
pub enum DaemonError {
    /// The state folder cannot be made.
    #[error("cannot make the state folder {}", path.display())]
    State {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The ledger cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenLedgerError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Read(ReadError),
    /// The ledger cannot be continued.
    #[error("the ledger cannot be continued")]
    Restore(#[source] RestoreError),
    /// The ledger cannot be written.
    #[error(transparent)]
    Commit(CommitError),
    /// The market's data cannot be read.
    #[error("market data: {0}")]
    Source(String),
    /// An amount does not fit.
    #[error("an amount became too large to compute with")]
    Amount(#[from] AmountError),
}
