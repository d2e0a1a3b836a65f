//! A run again, from its journal of inputs: the same engine must give the same commands, bit for bit.

use std::path::PathBuf;

use thiserror::Error;

use crate::config::{Config, Source};
use crate::domain::{Entry, Event, OrderSeries, RunId, Seq, Timestamp};
use crate::engine::{Engine, RestoreError};
use crate::ledger::journal::{CommandDigest, Inputs, ReadJournalError};
use crate::ledger::{PAGE_ROWS_MAX, Query, ReadError, Reader};

use super::command_bytes::command_bytes;
use super::error::DaemonError;
use super::life::{LEDGER_FILE, setup};
use super::old_names::OldNames;
use super::recording::Recording;

/// A run that came out the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// Which run.
    pub run: RunId,
    /// Events that were replayed.
    pub events: u64,
    /// The last of them.
    pub last: Timestamp,
    /// Whether the journal ends within a line, as after a crash.
    pub torn: bool,
}

/// A run that cannot be replayed, or came out otherwise.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] ReadJournalError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] ReadError),
    /// The ledger cannot be continued.
    #[error("the ledger cannot be continued")]
    Restore(#[from] RestoreError),
    /// The market's rules cannot be had.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// Another configuration than the run's.
    #[error("run {} had the configuration {ran}, but this one is {given}; name that run's with --config", run.0)]
    Config {
        /// Which run.
        run: RunId,
        /// Digest of the run's.
        ran: String,
        /// Digest of the one given.
        given: String,
    },
    /// Another version of the program.
    #[error("run {} was made by version {ran}, and this is {given}; replay it with that version", run.0)]
    Version {
        /// Which run.
        run: RunId,
        /// The version that made it.
        ran: String,
        /// This one.
        given: &'static str,
    },
    /// The ledger does not hold the run.
    #[error("{} does not hold the beginning of run {}", path.display(), run.0)]
    Unknown {
        /// The ledger.
        path: PathBuf,
        /// Which run.
        run: RunId,
    },
    /// The run was made of something else than the recording that was named.
    #[error("event {} of run {} is not the next one in the recording; name the files that the run was made of", seq.0, run.0)]
    Recording {
        /// Which run.
        run: RunId,
        /// The first event that differs.
        seq: Seq,
    },
    /// The same event led to something else.
    #[error("event {} of run {} led to other commands than when it ran: {got}, not {expected}", seq.0, run.0)]
    Differs {
        /// Which run.
        run: RunId,
        /// Which event.
        seq: Seq,
        /// Digest of the commands when it ran.
        expected: CommandDigest,
        /// Digest of the commands now.
        got: CommandDigest,
    },
}

/// Replays `run`, or the latest run in the state folder, and compares every command.
///
/// # Errors
///
/// The first event that leads to something else, or whatever keeps it from being replayed.
pub fn replay(config: &Config, run: Option<RunId>) -> Result<Replayed, ReplayError> {
    let mut inputs = Inputs::open(&config.state, run)?;
    let header = inputs.header().clone();
    let run = header.run;
    if header.config != config.digest {
        return Err(ReplayError::Config { run, ran: header.config, given: config.digest.clone() });
    }
    if header.version != env!("CARGO_PKG_VERSION") {
        return Err(ReplayError::Version { run, ran: header.version, given: env!("CARGO_PKG_VERSION") });
    }
    let mut recording = match &config.market.source {
        Source::Recording { files, .. } => {
            let mut recording = Recording::open(files, &config.market).map_err(DaemonError::Feed)?;
            recording.open_whole().map_err(DaemonError::Feed)?;
            Some(recording)
        }
        Source::Practice { .. } => None,
    };
    let mut engine = reborn(config, run)?;
    let mut commands = Vec::new();
    let mut replayed = Replayed { run, events: 0, last: Timestamp::ZERO, torn: false };
    for input in &mut inputs {
        let input = input?;
        if let (Some(recording), Event::Market(_)) = (&mut recording, &input.stamped.event) {
            let recorded = recording.next_event().map_err(DaemonError::Feed)?;
            if recorded.is_none_or(|(_, event)| event != input.stamped.event) {
                return Err(ReplayError::Recording { run, seq: input.stamped.seq });
            }
        }
        commands.clear();
        engine.apply(&input.stamped, &mut commands);
        let got = CommandDigest::of(&command_bytes(&commands));
        if got != input.commands {
            return Err(ReplayError::Differs { run, seq: input.stamped.seq, expected: input.commands, got });
        }
        replayed.events += 1;
        replayed.last = input.stamped.at;
    }
    replayed.torn = inputs.torn().is_some();
    Ok(replayed)
}

/// What the engine knew when `run` began: everything the ledger holds up to there.
fn reborn(config: &Config, run: RunId) -> Result<Engine, ReplayError> {
    let path = config.state.join(LEDGER_FILE);
    let mut reader = Reader::open(&path)?;
    let setup = setup(config, run);
    let mut names = OldNames::of(&setup.instruments);
    let mut engine = Engine::new(setup);
    let mut began = None;
    let mut query = Query::first(PAGE_ROWS_MAX);
    loop {
        let page = reader.entries(None, &query)?;
        for stored in page.rows {
            match (began, &stored.value) {
                (Some(at), entry) if at != stored.at || !is_genesis(entry) => return Ok(recovered(engine, at)),
                (None, Entry::Started { run: started, tag, .. }) if *started == run => {
                    engine.begin(run, tag.map_or(OrderSeries::Run(run), OrderSeries::Tag));
                    began = Some(stored.at);
                }
                (Some(_) | None, _) => {}
            }
            engine.restore(stored.at, &names.read(stored.value))?;
        }
        match (page.next, began) {
            (Some(next), _) => query.start = next,
            (None, Some(at)) => return Ok(recovered(engine, at)),
            (None, None) => return Err(ReplayError::Unknown { path, run }),
        }
    }
}

fn recovered(mut engine: Engine, at: Timestamp) -> Engine {
    engine.recover(at, &mut Vec::new());
    engine
}

/// Entries that a fresh ledger begins with, in the same commit as the start of its first run.
const fn is_genesis(entry: &Entry) -> bool {
    matches!(entry, Entry::Deposited { .. } | Entry::Halted { .. })
}
