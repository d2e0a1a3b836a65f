//! `tradingbot replay`: a run again, compared command by command.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::config::{self, Borrowed};
use crate::daemon::{self, ReplayError};
use crate::domain::RunId;

use super::bot_unit::BotUnit;
use super::paper::MarketArgs;
use super::show::count;
use super::{Exit, Failure};

/// `tradingbot replay`.
#[derive(Debug, Args)]
pub struct Replay {
    #[command(flatten)]
    bot: BotUnit,
    /// The state folder of the run, with its ledger and its journal of inputs. It or --bot must be given.
    #[arg(long, value_name = "FOLDER", conflicts_with = "bot", required_unless_present = "bot")]
    state: Option<PathBuf>,
    #[command(flatten)]
    market: MarketArgs,
    /// Which run; the latest when it is not given.
    #[arg(long, value_name = "NUMBER")]
    run: Option<u32>,
}

impl Replay {
    /// Replays it and says whether it came out the same.
    pub fn run(&self, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let mut config = if self.bot.is_named() {
            if let Some(other) = self.market.named() {
                let message =
                    format!("the argument '--bot <NAME>' cannot be used with '{other}'; leave one of them out");
                return Err(Failure::say(Exit::Usage, message));
            }
            let own = self.bot.own(Borrowed::Replaced);
            config::load_as(&self.bot.instance().config(), own.as_ref())
                .map_err(|faults| Failure::new(Exit::Config, &faults))?
        } else {
            self.market.configuration()?
        };
        config.state = self.state.clone().unwrap_or_else(|| self.bot.state());
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
