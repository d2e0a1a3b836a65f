//! A candle as floating point, for indicators.
#![expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "indicators are statistics, not money"
)]

use crate::strategy::as_float;
use tradingbot_domain::Candle;

/// What an indicator sees of a candle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// Day since 1970, UTC, in which it opened.
    pub day: i64,
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Base asset traded.
    pub volume: f64,
    /// High, low and close together, as a whole count of 10^-8: for what must tell equal from nearly equal.
    pub typical_units: i128,
}

impl Bar {
    /// Typical price: the mean of high, low and close.
    #[must_use]
    pub fn typical(&self) -> f64 {
        (self.high + self.low + self.close) / 3.0
    }
}

impl From<&Candle> for Bar {
    fn from(candle: &Candle) -> Self {
        Self {
            day: candle.open_time.day(),
            open: as_float(candle.open),
            high: as_float(candle.high),
            low: as_float(candle.low),
            close: as_float(candle.close),
            volume: candle.volume.units() as f64 / 1e8,
            typical_units: [candle.high, candle.low, candle.close].map(|price| i128::from(price.units())).iter().sum(),
        }
    }
}
