//! From a configuration to a running bot.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use crate::clock;
use crate::config::{Config, Source as SourceSettings, Speed, Start};
use crate::domain::{Instrument, Price, Rate, RunId, RunTag, Span, Timestamp};
use crate::engine::{Engine, Setup, Strict};
use crate::ledger::Ledger;
use crate::ledger::journal::{Journal, Ring};
use crate::market::practice::{self, PracticeMarket, PracticePair};
use crate::private::{self, PrivateError};
use crate::random;
use crate::sim::{Faults, FeeSettings, Latency, Sim, SimSettings};

use super::error::DaemonError;
use super::genesis::{Genesis, TimeOf};
use super::latch::Latch;
use super::logging;
use super::recording::Recording;
use super::shell::Shell;
use super::source::Source;

/// A bot that is about to run.
pub struct Life {
    /// The engine and what is around it.
    pub shell: Shell,
    /// Where its market comes from.
    pub source: Box<dyn Source>,
    /// How fast that market goes by, against the clock.
    pub speed: Speed,
}

impl Life {
    /// Opens the ledger in the state folder, rebuilds the engine from it, and opens the market, which goes by at `speed` if
    /// one is given.
    ///
    /// # Errors
    ///
    /// A folder or ledger that cannot be used.
    pub fn begin(config: &Config, speed: Option<Speed>, latch: Option<Latch>) -> Result<Self, DaemonError> {
        make_folder(&config.state)?;
        let ledger = Ledger::open(&config.state.join(LEDGER_FILE))?;
        // A practice market faster than the clock is ahead of it, and goes on where it was left.
        let from = match speed {
            Some(Speed::Max | Speed::Times(2..)) => ledger.last_at().map_err(DaemonError::Read)?,
            Some(Speed::Times(_)) | None => None,
        };
        let Opened { source, speed: own_speed, instruments, start } = open_market(config, from)?;
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
        Ok(Self { shell, source, speed: speed.unwrap_or(own_speed) })
    }
}

/// A tag that no run has had, here or elsewhere: with a million runs, the odds that two share one are 1 in 2,000.
fn draw_tag() -> Result<RunTag, DaemonError> {
    let mut bytes = [0; 8];
    random::fill(&mut bytes).map_err(|source| DaemonError::Random { source })?;
    Ok(RunTag::from_bits(u64::from_be_bytes(bytes)))
}

/// What the engine of `run` is made from.
///
/// # Errors
///
/// The market's data cannot be opened.
pub(super) fn setup(config: &Config, run: RunId) -> Result<Setup, DaemonError> {
    Ok(setup_of(config, open_market(config, None)?.instruments, run))
}

/// Whether the market's data can be opened.
///
/// # Errors
///
/// It cannot.
pub(super) fn check(config: &Config) -> Result<(), DaemonError> {
    check_state(&config.state)?;
    open_market(config, None).map(drop)
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

struct Opened {
    source: Box<dyn Source>,
    speed: Speed,
    instruments: Vec<Instrument>,
    /// When a life on it begins: now on the practice market, which has gone on for a while by then.
    start: Timestamp,
}

/// The market's data, the rules of what trades there, and when a life on it begins: on the practice market not before
/// `from`.
fn open_market(config: &Config, from: Option<Timestamp>) -> Result<Opened, DaemonError> {
    match &config.market.source {
        SourceSettings::Practice { seed } => {
            let start = from.map_or_else(clock::now, |from| from.max(clock::now()));
            let mut settings = practice::default_settings(*seed, start.minus(PRACTICE_WARM_UP));
            let known = std::mem::take(&mut settings.pairs);
            for symbol in &config.market.symbols {
                let pair = known.iter().find(|pair| pair.instrument.id == *symbol).cloned();
                let mut pair = pair.or_else(|| {
                    config.instrument(*symbol).map(|instrument| PracticePair {
                        instrument: practice_rules(instrument),
                        price: PRACTICE_PRICE,
                        volatility: PRACTICE_VOLATILITY,
                    })
                });
                if let Some(pair) = &mut pair {
                    pair.instrument.fee_maker = config.account.fee_maker;
                    pair.instrument.fee_taker = config.account.fee_taker;
                    pair.instrument = config.instrument_over(pair.instrument.clone());
                }
                settings.pairs.extend(pair);
            }
            let instruments = settings.pairs.iter().map(|pair| pair.instrument.clone()).collect();
            let source = Box::new(PracticeMarket::new(settings));
            Ok(Opened { source, speed: Speed::Times(1), instruments, start })
        }
        SourceSettings::Recording { files, speed } => {
            let source = Recording::open(files, &config.market).map_err(|error| DaemonError::Source(error.0))?;
            let start = source.start();
            let instruments = config.market.symbols.iter().filter_map(|symbol| config.instrument(*symbol)).collect();
            Ok(Opened { source: Box::new(source), speed: *speed, instruments, start })
        }
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

/// A made-up pair trades in hundredths.
fn practice_rules(mut rules: Instrument) -> Instrument {
    rules.tick = rules.tick.max(Price::from_units(1_000_000));
    rules
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
/// The practice market begins this long ago, so that strategies need not wait for their first candles.
const PRACTICE_WARM_UP: Span = Span::from_secs(60);
const PRACTICE_PRICE: Price = Price::from_units(10_000_000_000);
const PRACTICE_VOLATILITY: Rate = Rate::from_units(5_000);
