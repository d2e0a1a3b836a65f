//! Indicators, one file a family; the one home of floating point.
//!
//! All of them take one candle at a time and answer `None` until they have seen enough. What each computes, and from
//! which row on, follows TA-Lib where that has the indicator.

mod average;
mod bar;
pub mod catalog;
mod momentum;
mod range;
mod sum;
mod trend;
mod volatility;
mod volume;
mod window;

pub use average::{Ema, Sma, Wilder, Wma};
pub use bar::Bar;
pub use momentum::{Cci, Macd, MacdValue, Roc, Rsi};
pub use range::{Band, Donchian, Ichimoku, IchimokuValue, Stochastic, StochasticValue, WilliamsR};
pub use sum::Sum;
pub use trend::{Adx, AdxValue, ParabolicSar, Supertrend, SupertrendValue};
pub use volatility::{Atr, Bollinger, Keltner, TrueRange};
pub use volume::{Obv, Vwap, VwapValue};
pub use window::{Extreme, Window};

/// Largest period that makes sense; windows of this length still fit in memory.
pub const PERIOD_MAX: u32 = 100_000;
