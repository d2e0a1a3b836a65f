//! Why a life cannot begin, go on or end.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::api::ListenerError;
use crate::domain::{Span, Timestamp};
use crate::engine::RestoreError;
use crate::ledger::{CommitError, OpenLedgerError, ReadError};
use crate::log::StartLogError;
use crate::private::PrivateError;
use crate::sandbox::{ConfineError, Surroundings, SurroundingsError};

use super::feed::FeedError;
use super::genesis::TimeOf;
use super::rescue::Rescued;

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
    /// No tag can be drawn for this run's order ids.
    #[error("the system gives no random bytes for this run's order ids")]
    Random {
        /// What the system said.
        source: io::Error,
    },
    /// The state folder, or a file in it, is not this user's alone.
    #[error(transparent)]
    Private(PrivateError),
    /// The ledger cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenLedgerError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Read(ReadError),
    /// The ledger cannot be continued.
    #[error("the ledger cannot be continued")]
    Restore(#[source] RestoreError),
    /// The ledger's last entry is of a time that has yet to come.
    #[error(
        "the ledger's last entry is of {last}, {ahead} ahead of {}",
        match time {
            TimeOf::Clock(_) => "the clock; mend the clock if it is wrong, else give another folder of state: what was \
                written from a recording or while the clock was fast can only go on once that time has come, and what was written by \
                `paper --speed` only at such a speed",
            TimeOf::Recording(_) => "the recording's first event; give each recording a folder of state of its own (--state)",
        }
    )]
    Ahead {
        /// When it was written, by its own account.
        last: Timestamp,
        /// By how much it is ahead.
        ahead: Span,
        /// Of what.
        time: TimeOf,
    },
    /// The ledger cannot be written.
    #[error(transparent)]
    Commit(CommitError),
    /// The life is over, and the ledger has not taken its end.
    #[error("stopped, and not in order: {rescued}")]
    Unsaved {
        /// Where that is now.
        rescued: Rescued,
        /// Why.
        source: CommitError,
    },
    /// A place to listen at cannot be had.
    #[error("cannot listen at {what}; is another bot running, or the address taken?")]
    Listen {
        /// Where.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// No listener was handed over, and the service's sandbox lets the process open none.
    #[error(
        "no socket was handed over, and the sandbox of this service lets it open none at {what}; unmask and start \
         tradingbot.socket, or that of its instance: systemctl enable --now tradingbot.socket"
    )]
    NoSocket {
        /// Where.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// A socket must not be used.
    #[error(transparent)]
    Listener(#[from] ListenerError),
    /// A thread or its signals cannot be had.
    #[error("cannot start the thread of the API")]
    Thread(#[source] io::Error),
    /// The sandbox that was asked for cannot be had.
    #[error(transparent)]
    Confine(#[from] ConfineError),
    /// What is around the process cannot be seen.
    #[error(transparent)]
    Surroundings(#[from] SurroundingsError),
    /// Less is around the process than was asked for.
    #[error(
        "sandbox.require is \"full\", and the process is {0}; start it by its unit (systemctl start tradingbot), see \
         `tradingbot doctor --sandbox`, or write require = \"best\""
    )]
    Unguarded(Surroundings),
    /// The credential of the first admin token is something else.
    #[error(
        "the credential admin-token-hash is no hash such as `tradingbot token draw` prints, of 64 lower-case hexadecimal \
         digits; seal the hash itself, not what it is of"
    )]
    AdminTokenHash,
    /// A strategy is named after a secret.
    #[error("the name of strategy {number} has a secret of this process in it, and would go to the ledger; rename it")]
    SecretName {
        /// Which, in the order of the configuration, from 1.
        number: usize,
    },
    /// The log cannot be started.
    #[error(transparent)]
    Log(#[from] StartLogError),
    /// The market's data cannot be read.
    #[error("market data: {0}")]
    Feed(FeedError),
}
