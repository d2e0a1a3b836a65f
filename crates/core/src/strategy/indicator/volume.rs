//! What trades, and at which price.
#![expect(clippy::float_arithmetic, reason = "indicators are statistics, not money")]

use super::bar::Bar;
use super::sum::Sum;

/// On-balance volume: starts with the volume of the first candle, then adds that of candles that close higher than the
/// one before, and takes off that of those that close lower.
#[derive(Debug, Clone, Copy, Default)]
pub struct Obv {
    close: Option<f64>,
    sum: Sum,
}

impl Obv {
    /// Takes in one candle.
    pub fn update(&mut self, bar: &Bar) -> f64 {
        match self.close.replace(bar.close) {
            Some(before) if bar.close < before => self.sum.add(-bar.volume),
            Some(before) if bar.close == before => {}
            Some(_) | None => self.sum.add(bar.volume),
        }
        self.sum.value()
    }
}

/// Volume-weighted average price: the typical price weighted by volume, since midnight UTC and since the first candle.
#[derive(Debug, Clone, Copy, Default)]
pub struct Vwap {
    today: Option<i64>,
    day: Weighted,
    all: Weighted,
}

/// What [`Vwap`] says; nothing as long as nothing traded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VwapValue {
    /// Since 00:00 UTC of the candle's day.
    pub day: Option<f64>,
    /// Since the first candle.
    pub all: Option<f64>,
}

impl Vwap {
    /// Takes in one candle.
    pub fn update(&mut self, bar: &Bar) -> VwapValue {
        if self.today.replace(bar.day) != Some(bar.day) {
            self.day = Weighted::default();
        }
        VwapValue { day: self.day.update(bar), all: self.all.update(bar) }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Weighted {
    value: Sum,
    volume: Sum,
}

impl Weighted {
    fn update(&mut self, bar: &Bar) -> Option<f64> {
        self.value.add(bar.typical() * bar.volume);
        self.volume.add(bar.volume);
        (self.volume.value() != 0.0).then(|| self.value.value() / self.volume.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(day: i64, close: f64, volume: f64) -> Bar {
        Bar { day, open: close, high: close, low: close, close, volume, typical_units: 0 }
    }

    #[test]
    fn volume_goes_where_the_close_goes() {
        let mut obv = Obv::default();
        let candles = [bar(0, 5.0, 10.0), bar(0, 6.0, 1.0), bar(0, 6.0, 7.0), bar(0, 4.0, 20.0)];
        assert_eq!(candles.map(|bar| obv.update(&bar)), [10.0, 11.0, 11.0, -9.0]);
    }

    #[test]
    fn a_day_starts_anew_and_says_nothing_before_something_traded() {
        let mut vwap = Vwap::default();
        let candles = [bar(0, 5.0, 0.0), bar(0, 4.0, 1.0), bar(1, 8.0, 0.0), bar(1, 8.0, 1.0)];
        let values = candles.map(|bar| vwap.update(&bar)).map(|value| (value.day, value.all));
        assert_eq!(values, [(None, None), (Some(4.0), Some(4.0)), (None, Some(4.0)), (Some(8.0), Some(6.0))]);
    }
}
