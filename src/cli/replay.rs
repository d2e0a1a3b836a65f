//! `tradingbot replay`: a run again, compared command by command.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::daemon::{self, ReplayError};
use crate::domain::RunId;

use super::paper::MarketArgs;
use super::show::count;
use super::{Exit, Failure};

/// `tradingbot replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// The state folder of the run, with its ledger and its journal of inputs.
    #[arg(long, value_name = "FOLDER")]
    state: PathBuf,
    #[command(flatten)]
    market: MarketArgs,
    /// Which run; the latest when it is not given.
    #[arg(long, value_name = "NUMBER")]
    run: Option<u32>,
}

impl Replay {
    /// Replays it and says whether it came out the same.
    pub fn run(&self, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let mut config = self.market.configuration()?;
        config.state.clone_from(&self.state);
        let replayed = daemon::replay(&config, self.run.map(RunId)).map_err(|error| {
            let exit = match error {
                ReplayError::Differs { .. } | ReplayError::Recording { .. } => Exit::Mismatch,
                ReplayError::Config { .. } | ReplayError::Version { .. } => Exit::Usage,
                ReplayError::Journal(_) | ReplayError::Daemon(_) => Exit::Data,
                ReplayError::Ledger(_) | ReplayError::Restore(_) | ReplayError::Unknown { .. } => Exit::Ledger,
            };
            Failure::new(exit, &error)
        })?;
        let (run, events, torn) = (replayed.run.0, replayed.events, replayed.torn);
        if json {
            let line = serde_json::json!({"run": run, "events": events, "last": replayed.last, "torn": torn});
            return Ok(writeln!(out, "{line}")?);
        }
        let torn = if torn { "; the last line of the journal was cut off" } else { "" };
        writeln!(out, "run {run}: {} events, every command the same, until {}{torn}", count(events), replayed.last)?;
        Ok(())
    }
}
