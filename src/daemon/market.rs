//! The market that a configuration names: what trades there, and the feed of its events.

use crate::clock;
use crate::config::{Config, Source, Speed};
use crate::domain::{Instrument, Price, Rate, Span, Timestamp};
use crate::market::practice::{self, PracticeMarket, PracticePair, PracticeSettings};

use super::error::DaemonError;
use super::feed::Feed;
use super::recording::Recording;

/// A market that is about to go by.
pub(super) struct Market {
    /// Its events, in its own time.
    pub(super) feed: Box<dyn Feed>,
    /// How fast it goes by when nobody says otherwise.
    pub(super) speed: Speed,
    /// The rules of what trades there.
    pub(super) instruments: Vec<Instrument>,
    /// When a life on it begins: now on the practice market, which has gone on for a while by then.
    pub(super) start: Timestamp,
}

impl Market {
    /// Begins to open the market: on the practice market a life begins not before `from`. A recording opens while it is
    /// polled.
    pub(super) fn open(config: &Config, from: Option<Timestamp>) -> Result<Self, DaemonError> {
        match &config.market.source {
            Source::Practice { seed } => {
                let start = from.map_or_else(clock::now, |from| from.max(clock::now()));
                let settings = practice_settings(config, *seed, start.minus(PRACTICE_WARM_UP));
                let instruments = rules(&settings);
                let feed = Box::new(PracticeMarket::new(settings));
                Ok(Self { feed, speed: Speed::Times(1), instruments, start })
            }
            Source::Recording { files, speed } => {
                let recording = Recording::open(files, &config.market).map_err(DaemonError::Feed)?;
                let start = recording.start();
                Ok(Self { feed: Box::new(recording), speed: *speed, instruments: instruments(config), start })
            }
        }
    }
}

/// The rules of what trades there.
pub(super) fn instruments(config: &Config) -> Vec<Instrument> {
    match &config.market.source {
        Source::Practice { seed } => rules(&practice_settings(config, *seed, Timestamp::ZERO)),
        Source::Recording { .. } => {
            config.market.symbols.iter().filter_map(|symbol| config.instrument(*symbol)).collect()
        }
    }
}

/// Whether the market's data can be had, looked at as far as a life would.
pub(super) fn check(config: &Config) -> Result<(), DaemonError> {
    match &config.market.source {
        Source::Practice { .. } => Ok(()),
        Source::Recording { files, .. } => {
            let opened = Recording::open(files, &config.market).and_then(|mut recording| recording.open_whole());
            opened.map_err(DaemonError::Feed)
        }
    }
}

fn rules(settings: &PracticeSettings) -> Vec<Instrument> {
    settings.pairs.iter().map(|pair| pair.instrument.clone()).collect()
}

fn practice_settings(config: &Config, seed: u64, start: Timestamp) -> PracticeSettings {
    let mut settings = practice::default_settings(seed, start);
    let known = std::mem::take(&mut settings.pairs);
    for symbol in &config.market.symbols {
        let same_symbol = known.iter().find(|pair| pair.instrument.id.symbol() == symbol.symbol()).cloned();
        let pair = same_symbol.map(|mut pair| {
            pair.instrument.id = *symbol;
            pair
        });
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
    settings
}

/// A made-up pair trades in hundredths.
fn practice_rules(mut rules: Instrument) -> Instrument {
    rules.tick = rules.tick.max(Price::from_units(1_000_000));
    rules
}

/// The practice market begins this long ago, so that strategies need not wait for their first candles.
const PRACTICE_WARM_UP: Span = Span::from_secs(60);
const PRACTICE_PRICE: Price = Price::from_units(10_000_000_000);
const PRACTICE_VOLATILITY: Rate = Rate::from_units(5_000);
