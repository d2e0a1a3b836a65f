//! What the API needs of the rest of the bot, as plain values: it shows what it is given and asks, and touches nothing.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use thiserror::Error;
use tokio::sync::{oneshot, watch};

use super::feed::Feed;
use crate::domain::{Fill, Notional, OperatorEvent, RoundTrip, Snapshot, Timestamp, Verdict};

/// The ways to the rest of the bot.
#[derive(Clone)]
pub struct Doors {
    /// The latest picture of the engine.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// Whether it is ready, and what it waits for if not.
    pub ready: watch::Receiver<Readiness>,
    /// Takes what an operator asks to the engine. It must not block.
    pub operator: Arc<dyn Fn(OperatorCall) -> Result<(), OperatorDoorError> + Send + Sync>,
    /// What is over and in the ledger.
    pub history: Arc<dyn History>,
    /// What happens.
    pub feed: Arc<Feed>,
    /// The configuration in force as JSON, without secrets.
    pub config: watch::Receiver<Arc<str>>,
    /// Tells the time.
    pub now: fn() -> Timestamp,
}

/// An operator's request on its way to the engine. Whoever drops it without an answer leaves the operator in doubt, not the
/// engine.
#[derive(Debug)]
pub struct OperatorCall {
    /// What is asked, and by whom; the engine alone judges it.
    pub event: OperatorEvent,
    /// Where the engine's verdict goes, once what came of it is durable, or the news that it cannot be.
    pub reply: oneshot::Sender<Result<Verdict, UnwrittenError>>,
}

/// What was asked for is in force, and a restart may not remember it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("it is in force, but cannot be written down: the ledger cannot be written")]
pub struct UnwrittenError;

/// Why an operator's request did not reach the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OperatorDoorError {
    /// Too many wait already.
    #[error("too many requests wait for the engine")]
    Full,
    /// The engine has stopped.
    #[error("the engine has stopped")]
    Closed,
}

/// Whether the bot does its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Not yet.
    Starting {
        /// What it waits for, for the operator.
        waits_for: String,
    },
    /// It does.
    Ready,
    /// Not any more.
    Failing {
        /// What is wrong, for the operator.
        fault: String,
    },
}

/// What is over, as the ledger has it. Called from threads that may block.
pub trait History: Send + Sync {
    /// Fills.
    ///
    /// # Errors
    ///
    /// The ledger cannot be read.
    fn fills(&self, page: Page) -> Result<Vec<Numbered<Fill>>, HistoryError>;

    /// Positions that were closed.
    ///
    /// # Errors
    ///
    /// The ledger cannot be read.
    fn trips(&self, page: Page) -> Result<Vec<Numbered<RoundTrip>>, HistoryError>;

    /// What the account was worth, now and then.
    ///
    /// # Errors
    ///
    /// The ledger cannot be read.
    fn marks(&self, page: Page) -> Result<Vec<Numbered<Mark>>, HistoryError>;

    /// Entries of every kind with all that it takes to compute their hashes anew.
    ///
    /// # Errors
    ///
    /// The ledger cannot be read.
    fn entries(&self, page: Page) -> Result<Vec<ProvenEntry>, HistoryError>;

    /// The last entry.
    ///
    /// # Errors
    ///
    /// The ledger cannot be read.
    fn head(&self) -> Result<HeadView, HistoryError>;
}

/// A part of a list that is ordered by the numbers of its entries in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Which way.
    pub order: PageOrder,
    /// Only entries past this number, seen in that order; from the beginning when absent.
    pub after: Option<u64>,
    /// At most so many; at least one.
    pub limit: usize,
}

/// Which way a list runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageOrder {
    /// Newest first.
    Newest,
    /// Oldest first.
    Oldest,
}

/// Something with its entry's number in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Numbered<T> {
    /// Number of the entry.
    pub seq: u64,
    /// What it says.
    #[serde(flatten)]
    pub item: T,
}

/// What the account was worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// In the quote asset.
    pub equity: Notional,
}

/// An entry as it is kept, with its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProvenEntry {
    /// Its number.
    pub seq: u64,
    /// When it was made.
    pub at: Timestamp,
    /// The word it is filed under.
    pub kind: String,
    /// The order it is about, as its hash covers it; `null` where it covers none.
    pub order: Option<String>,
    /// Its JSON, to the byte.
    pub body: String,
    /// What the digest of its JSON was salted with, as 32 hexadecimal digits; `null` where the JSON itself was hashed.
    pub salt: Option<String>,
    /// The hash of the entry before it, as 64 hexadecimal digits.
    pub previous: String,
    /// Its own hash.
    pub hash: String,
}

/// The last entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HeadView {
    /// Its number; zero while there is none.
    pub seq: u64,
    /// Its hash, as 64 hexadecimal digits.
    pub hash: String,
}

/// The ledger cannot be read.
#[derive(Debug, Error)]
#[error("the history cannot be read")]
pub struct HistoryError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl Readiness {
    /// Whether the bot does its work.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }
}

impl fmt::Debug for Doors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doors").finish_non_exhaustive()
    }
}
