//! What a backtest is made from and what comes of it.

use thiserror::Error;

use crate::domain::{AmountError, Asset, Candle, Instrument, Limits, Notional, Rate, RoundTrip, Span, Timestamp};
use crate::engine::{EntryTooSmall, IntervalRule, RestoreError, Strict};
use crate::strategy::StrategySettings;

use super::curve::Curve;
use super::driver::Driver;
use super::freqtrade::Freqtrade;

/// What is assumed about the inside of a candle, and in which order things happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FillRule {
    /// Pessimistic: see `docs/backtest.md`.
    #[default]
    Strict,
    /// As the freqtrade backtester does it, so that results can be compared.
    Freqtrade,
}

impl FillRule {
    /// Whether an order can trade in `candle`. The freqtrade backtester fills orders where nothing was traded, too.
    pub(super) const fn trades_in(self, candle: &Candle) -> bool {
        matches!(self, Self::Freqtrade) || candle.is_traded()
    }

    pub(super) const fn interval_rule(self) -> &'static dyn IntervalRule {
        match self {
            Self::Strict => &Strict,
            Self::Freqtrade => &Freqtrade,
        }
    }
}

/// What a backtest is made from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The asset that everything is counted in.
    pub quote: Asset,
    /// What is there at the start, in that asset.
    pub balance: Notional,
    /// One strategy or several.
    pub strategies: Vec<StrategySettings>,
    /// What every order is judged by.
    pub limits: Limits,
    /// What is assumed about fills.
    pub fill_rule: FillRule,
    /// How much worse market and stop orders trade, as a share of the price.
    pub slippage: Rate,
    /// Whether every point of the equity curve is kept.
    pub every_point: bool,
}

/// The candles of one symbol, ascending and without gaps.
#[derive(Debug, Clone)]
pub struct Feed {
    /// The exchange's rules for it.
    pub rules: Instrument,
    /// Length of its candles.
    pub interval: Span,
    /// The candles.
    pub candles: Vec<Candle>,
    /// How many of them were made up, flat and without volume, where the files have none.
    pub made_up: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Closed positions in the order in which they were closed.
    pub trips: Vec<RoundTrip>,
    /// What the account was worth over time.
    pub curve: Curve,
    /// What is there at the start.
    pub balance: Notional,
    /// What is there at the end.
    pub equity_last: Notional,
    /// Candles that were shown to the engine.
    pub candles: u64,
    /// Those of them that were made up where the files have none.
    pub candles_made_up: u64,
    /// Orders that were sent.
    pub orders: u64,
    /// Orders that the risk gate refused, and the last reason.
    pub refusals: u64,
    /// Why the last of them was refused.
    pub refusal_last: Option<String>,
    /// Entries that came to less than the exchange takes; the first of each strategy and symbol.
    pub entries_too_small: Vec<EntryTooSmall>,
    /// First candle.
    pub from: Timestamp,
    /// Last candle.
    pub to: Timestamp,
}

/// A backtest that cannot be run to its end.
#[derive(Debug, Error)]
pub enum BacktestError {
    /// An amount does not fit.
    #[error("an amount became too large to compute with")]
    Amount(#[from] AmountError),
    /// The first deposit was refused.
    #[error("the starting balance was refused")]
    Balance(#[from] RestoreError),
    /// The engine has halted.
    #[error("trading was halted at {at}: {reason}")]
    Halted {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

/// Runs the whole of `feeds` through the engine.
///
/// # Errors
///
/// Amounts that do not fit, or an engine that halts.
pub fn run(settings: &Settings, feeds: &[Feed]) -> Result<Outcome, BacktestError> {
    let starts = feeds.iter().filter_map(|feed| feed.candles.first()).map(|candle| candle.open_time);
    let ends = feeds.iter().filter_map(|feed| feed.candles.last()).map(|candle| candle.open_time);
    let mut outcome = Outcome { balance: settings.balance, equity_last: settings.balance, ..Outcome::default() };
    let (Some(from), Some(to)) = (starts.min(), ends.max()) else { return Ok(outcome) };
    (outcome.from, outcome.to) = (from, to);
    outcome.candles = feeds.iter().map(|feed| feed.candles.len() as u64).sum();
    outcome.candles_made_up = feeds.iter().map(|feed| feed.made_up).sum();
    outcome.curve = Curve::new(from, settings.balance, settings.every_point);
    Driver::new(settings, feeds, outcome)?.run()
}
