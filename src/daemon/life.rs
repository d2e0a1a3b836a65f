//! From a configuration to a running bot.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use crate::config::{Config, Source as SourceSettings, Speed, Start};
use crate::domain::{Instrument, RunId, RunTag, Span};
use crate::engine::{Engine, Setup, Strict};
use crate::ledger::Ledger;
use crate::ledger::journal::{Journal, Ring};
use crate::private::{self, PrivateError};
use crate::random;
use crate::sim::{Faults, FeeSettings, Latency, Sim, SimSettings};

use super::error::DaemonError;
use super::feed::Feed;
use super::genesis::{Genesis, TimeOf};
use super::latch::Latch;
use super::logging;
use super::market::{self, Market};
use super::paced::Paced;
use super::shell::Shell;

/// A bot that is about to run.
pub struct Life {
    /// The engine and what is around it.
    pub shell: Shell,
    /// Its market, at its pace.
    pub feed: Box<dyn Feed>,
}

impl Life {
    /// Opens the ledger in the state folder, rebuilds the engine from it, and begins to open the market, which goes by at
    /// `speed` if one is given.
    ///
    /// # Errors
    ///
    /// A folder or ledger that cannot be used, or no market to be opened.
    pub fn begin(config: &Config, speed: Option<Speed>, latch: Option<Latch>) -> Result<Self, DaemonError> {
        make_folder(&config.state)?;
        let ledger = Ledger::open(&config.state.join(LEDGER_FILE))?;
        ledger.migration().into_iter().for_each(logging::migrated);
        // A practice market faster than the clock is ahead of it, and goes on where it was left.
        let from = match speed {
            Some(Speed::Max | Speed::Times(2..)) => ledger.last_at().map_err(DaemonError::Read)?,
            Some(Speed::Times(_)) | None => None,
        };
        let Market { feed, speed: own_speed, instruments, start } = Market::open(config, from)?;
        let setup = setup_of(config, instruments.clone(), RunId(1));
        let mut latch = latch;
        let genesis = Genesis {
            tag: draw_tag()?,
            latched: latch.as_mut().and_then(Latch::found),
            config: config.digest.clone(),
            deposit: (config.account.quote, config.account.balance),
            time: match config.market.source {
                SourceSettings::Practice { .. } => TimeOf::Clock(start),
                SourceSettings::Recording { .. } => TimeOf::Recording(start),
            },
            halt: match config.start {
                Start::Halted => Some("the configuration starts halted".to_owned()),
                Start::Trading => None,
            },
        };
        let sim = |engine: &Engine| exchange(config, engine, instruments.clone());
        let mut shell = Shell::begin(ledger, setup, sim, &genesis, start)?;
        latch.into_iter().for_each(|latch| shell.keep_halts(latch));
        let run = shell.engine().run();
        match Journal::create(&config.state, env!("CARGO_PKG_VERSION"), run, &config.digest, Ring::default()) {
            Ok(journal) => shell.keep_inputs(journal),
            Err(error) => logging::no_journal(&error),
        }
        let paced = Paced::new(feed, speed.unwrap_or(own_speed), shell.engine().began());
        Ok(Self { shell, feed: Box::new(paced) })
    }
}

/// A tag that no run has had, here or elsewhere: with a million runs, the odds that two share one are 1 in 2,000.
fn draw_tag() -> Result<RunTag, DaemonError> {
    let mut bytes = [0; 8];
    random::fill(&mut bytes).map_err(|source| DaemonError::Random { source })?;
    Ok(RunTag::from_bits(u64::from_be_bytes(bytes)))
}

/// What the engine of `run` is made from.
pub(super) fn setup(config: &Config, run: RunId) -> Setup {
    setup_of(config, market::instruments(config), run)
}

/// Whether the market's data can be opened.
///
/// # Errors
///
/// It cannot.
pub(super) fn check(config: &Config) -> Result<(), DaemonError> {
    check_state(&config.state)?;
    market::check(config)
}

/// Whether the state folder, if there is one, and each file that a life uses in it are its user's alone. Root may ask
/// this of a folder that the service runs in as somebody else, who then must own all of it.
fn check_state(state: &Path) -> Result<(), DaemonError> {
    let refused = |error: PrivateError| DaemonError::Private(error);
    let Ok(folder) = fs::metadata(state) else { return Ok(()) };
    let asked_by_root = rustix::process::geteuid().is_root();
    let owner = if asked_by_root { folder.uid() } else { rustix::process::geteuid().as_raw() };
    private::check_folder_of(state, owner).map_err(refused)?;
    for name in STATE_FILES {
        private::check_file_of(&state.join(name), owner).map_err(refused)?;
    }
    Ok(())
}

fn setup_of(config: &Config, instruments: Vec<Instrument>, run: RunId) -> Setup {
    Setup {
        run,
        quote: config.account.quote,
        instruments,
        strategies: config.strategies.clone(),
        limits: config.limits.clone(),
        interval_rule: &Strict,
        mark_every: MARK_EVERY,
    }
}

/// The simulated exchange, holding what the ledger says is held.
fn exchange(config: &Config, engine: &Engine, instruments: Vec<Instrument>) -> Sim {
    let run = u64::from(engine.run().0);
    let mut sim = Sim::new(SimSettings {
        balances: engine.account().balances().iter().map(|(asset, total)| (*asset, *total)).collect(),
        latency: Latency { min: config.account.latency_min, max: config.account.latency_max },
        seed: run,
        faults: Faults::none(),
        fees: FeeSettings::default(),
        numbers_from: run << NUMBERS_PER_RUN_BITS,
        ..SimSettings::plain(instruments, Vec::new())
    });
    for order in engine.snapshot().orders {
        sim.inherit(order.new.id, order.new.symbol);
    }
    sim
}

pub(super) fn make_folder(path: &Path) -> Result<(), DaemonError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| DaemonError::State { path: path.to_owned(), source })
}

/// What may lie in the state folder and is nobody else's; SQLite's own two are looked at when the ledger is opened.
const STATE_FILES: [&str; 6] =
    [LEDGER_FILE, "ledger.sqlite.lock", "ledger.sqlite.reserve", "tokens.json", "tokens.lock", "halt"];
/// Name of the ledger in the state folder.
pub const LEDGER_FILE: &str = "ledger.sqlite";
const MARK_EVERY: Span = Span::MINUTE;
/// Orders and trades of one life have numbers that no other life has.
const NUMBERS_PER_RUN_BITS: u32 = 32;
