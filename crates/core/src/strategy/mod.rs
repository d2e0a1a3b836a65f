//! CORE: strategies, each behind one trait; they see closed candles and wish, and hold nothing that candles cannot rebuild.

mod donchian_breakout;
mod ema_cross;
pub mod indicator;
mod rsi_reversion;
mod sizing;

use tradingbot_domain::{Candle, Price, Rule};

pub use donchian_breakout::DonchianBreakout;
pub use ema_cross::EmaCross;
pub use rsi_reversion::RsiReversion;
pub use sizing::{RangeShare, stake};

/// A rule that reads candles of one symbol.
pub trait Strategy: Send {
    /// Takes in a closed candle and says what it wants to hold from now on.
    fn update(&mut self, candle: &Candle) -> Target;
}

/// What a strategy wants to hold. How much, and by which order, is the engine's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// A long position.
    Long,
    /// No position.
    Flat,
    /// Whatever is held now.
    #[default]
    Hold,
}

/// What a rule makes of candles in which nothing was traded, or over which nothing moved. None of them gives a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignalRule {
    /// What was crossed in a candle without volume counts on the next one with volume, if it is still crossed then. A
    /// market that stands still is not entered for having fallen.
    #[default]
    Strict,
    /// The formula to the letter, on candles with volume: what was crossed in one without is lost, and what never moved counts
    /// as fallen where its index is 0.
    Literal,
}

/// A fresh instance of `rule` for one symbol.
#[must_use]
pub fn build(rule: Rule, signals: SignalRule) -> Box<dyn Strategy> {
    match rule {
        Rule::EmaCross { fast, slow } => Box::new(EmaCross::new(fast, slow, signals)),
        Rule::RsiReversion { period, enter_below, leave_above } => {
            Box::new(RsiReversion::new(period, enter_below, leave_above, signals))
        }
        Rule::DonchianBreakout { period } => Box::new(DonchianBreakout::new(period, signals)),
    }
}

/// A price for an indicator.
#[expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "indicators are statistics, not money"
)]
#[must_use]
pub fn as_float(price: Price) -> f64 {
    price.units() as f64 / 1e8
}
