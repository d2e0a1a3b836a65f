//! Indicators, one file a family; the one home of floating point.

mod average;
mod momentum;

pub use average::Ema;
pub use momentum::Rsi;
