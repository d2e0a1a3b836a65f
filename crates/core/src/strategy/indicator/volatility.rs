//! How far prices swing.
#![expect(clippy::float_arithmetic, reason = "indicators are statistics, not money")]

use super::average::{Ema, Sma, Wilder};
use super::bar::Bar;
use super::range::Band;

/// True range: the farthest that prices were apart since the last close,
/// `max(high - low, |high - close before|, |low - close before|)`.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrueRange {
    close: Option<f64>,
}

impl TrueRange {
    /// Takes in one candle; `None` for the first.
    pub fn update(&mut self, bar: &Bar) -> Option<f64> {
        let close = self.close.replace(bar.close)?;
        Some((bar.high - bar.low).max((bar.high - close).abs()).max((bar.low - close).abs()))
    }
}

/// Average true range after Wilder.
#[derive(Debug, Clone, Copy)]
pub struct Atr {
    range: TrueRange,
    average: Wilder,
}

impl Atr {
    /// An average over `period` true ranges, at least one.
    #[must_use]
    pub fn new(period: u32) -> Self {
        Self { range: TrueRange::default(), average: Wilder::new(period) }
    }

    /// Takes in one candle; `None` until there are more than `period` of them.
    pub fn update(&mut self, bar: &Bar) -> Option<f64> {
        self.average.update(self.range.update(bar)?)
    }
}

/// Bollinger bands: the simple average, and `width` population standard deviations (divided by `period`, not by one
/// less) above and below it.
#[derive(Debug, Clone)]
pub struct Bollinger {
    mean: Sma,
    period: f64,
    width: f64,
}

impl Bollinger {
    /// Over `period` inputs, at least one.
    #[must_use]
    pub fn new(period: u32, width: f64) -> Self {
        Self { mean: Sma::new(period), period: f64::from(period.max(1)), width }
    }

    /// Takes in one input; `None` until there are `period` of them.
    pub fn update(&mut self, input: f64) -> Option<Band> {
        let middle = self.mean.update(input)?;
        let squares: f64 = self.mean.inputs().map(|input| (input - middle) * (input - middle)).sum();
        let deviation = self.width * (squares / self.period).sqrt();
        Some(Band { upper: middle + deviation, middle, lower: middle - deviation })
    }
}

/// Keltner channel: the exponential average of the close, and `width` average true ranges above and below it.
#[derive(Debug, Clone, Copy)]
pub struct Keltner {
    middle: Ema,
    range: Atr,
    width: f64,
}

impl Keltner {
    /// Periods of the average and of the true range.
    #[must_use]
    pub fn new(period: u32, range: u32, width: f64) -> Self {
        Self { middle: Ema::new(period), range: Atr::new(range), width }
    }

    /// Takes in one candle; `None` until both averages are there.
    pub fn update(&mut self, bar: &Bar) -> Option<Band> {
        let (middle, range) = self.middle.update(bar.close).zip(self.range.update(bar))?;
        Some(Band { upper: middle + self.width * range, middle, lower: middle - self.width * range })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(high: f64, low: f64, close: f64) -> Bar {
        Bar { day: 0, open: close, high, low, close, volume: 1.0, typical_units: 0 }
    }

    #[test]
    fn a_true_range_counts_the_jump_from_the_last_close() {
        let mut range = TrueRange::default();
        let candles = [bar(10.0, 8.0, 9.0), bar(10.0, 8.0, 10.0), bar(15.0, 14.0, 14.0), bar(11.0, 10.0, 11.0)];
        assert_eq!(candles.map(|bar| range.update(&bar)), [None, Some(2.0), Some(5.0), Some(4.0)]);
    }

    #[test]
    fn an_average_range_starts_one_candle_late() {
        let mut atr = Atr::new(2);
        let candles = [bar(10.0, 8.0, 9.0), bar(10.0, 8.0, 10.0), bar(15.0, 14.0, 14.0), bar(14.5, 14.0, 14.0)];
        assert_eq!(candles.map(|bar| atr.update(&bar)), [None, None, Some(3.5), Some(2.0)]);
    }

    #[test]
    fn bands_are_as_wide_as_prices_spread() {
        let mut bands = Bollinger::new(2, 2.0);
        assert_eq!(bands.update(1.0), None);
        assert_eq!(bands.update(3.0), Some(Band { upper: 4.0, middle: 2.0, lower: 0.0 }));
        assert_eq!(bands.update(3.0), Some(Band { upper: 3.0, middle: 3.0, lower: 3.0 }));
    }

    #[test]
    fn a_keltner_channel_waits_for_both_averages() {
        let mut channel = Keltner::new(1, 2, 2.0);
        let candles = [bar(10.0, 8.0, 9.0), bar(10.0, 8.0, 10.0), bar(12.0, 10.0, 11.0)];
        let expected = Band { upper: 15.0, middle: 11.0, lower: 7.0 };
        assert_eq!(candles.map(|bar| channel.update(&bar)), [None, None, Some(expected)]);
    }
}
