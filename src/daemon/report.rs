//! What whoever started a run is told while it goes on.

use std::path::PathBuf;

use crate::domain::snapshot::HaltView;
use crate::domain::{Notional, RunId, Timestamp};

/// Shows a run to whoever started it.
pub trait Reporter {
    /// The bot does its work.
    fn ready(&mut self, started: &Started);

    /// How far it has come; said a few times a second.
    fn progress(&mut self, progress: &Progress);

    /// It does nothing more but end.
    fn stopping(&mut self);
}

/// A run that has begun, and where it can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Which one on its ledger.
    pub run: RunId,
    /// Its folder.
    pub state: PathBuf,
    /// The ledger in it.
    pub ledger: PathBuf,
    /// The control socket, when there is one.
    pub control: Option<PathBuf>,
    /// Where the API listens, for whoever has a token.
    pub api: Vec<String>,
    /// Why it does not trade.
    pub halt: Option<HaltView>,
    /// Whether all it says goes to the system's journal, so that nobody looks at its terminal.
    pub in_journal: bool,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Events that the engine has taken in.
    pub events: u64,
    /// Bytes of the recording that were read, and of how many; `None` where nobody can know.
    pub position: Option<(u64, u64)>,
    /// The market's time.
    pub market_time: Timestamp,
    /// What the account is worth, in the quote asset; `None` while that is not known.
    pub equity: Option<Notional>,
}
