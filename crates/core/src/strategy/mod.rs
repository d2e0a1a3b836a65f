//! CORE: strategies, each behind one trait; they see closed candles and wish, and hold nothing that candles cannot rebuild.

mod descriptor;
mod donchian_breakout;
mod ema_cross;
pub mod indicator;
mod rsi_reversion;
mod settings;
mod sizing;

use tradingbot_domain::{Candle, Price};

pub use descriptor::{Crossed, Descriptor, PERIOD_MAX, Parameter, Rising, Rule, RuleError};
pub use settings::StrategySettings;
pub use sizing::{RangeShare, stake};

/// The strategies that can be set up by name. One more is a file with a descriptor, and a line here.
pub const STRATEGIES: &[&Descriptor] =
    &[&ema_cross::DESCRIPTOR, &rsi_reversion::DESCRIPTOR, &donchian_breakout::DESCRIPTOR];

/// A rule that reads candles of one symbol.
pub trait Strategy: Send {
    /// Takes in a closed candle and says what it wants to hold from now on.
    fn update(&mut self, candle: &Candle) -> Target;

    /// The same for candles that follow each other: adds the places of those after which it wants something else than what
    /// is held, and what.
    fn update_all(&mut self, candles: &[Candle], wanted: &mut Vec<(usize, Target)>) {
        for (place, candle) in candles.iter().enumerate() {
            let target = self.update(candle);
            if target != Target::Hold {
                wanted.push((place, target));
            }
        }
    }
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
