//! Where a price stands between the highest and the lowest of late.
#![expect(clippy::float_arithmetic, reason = "indicators are statistics, not money")]

use std::collections::VecDeque;

use super::average::Sma;
use super::bar::Bar;
use super::window::Extreme;

/// Three lines around prices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// The line above.
    pub upper: f64,
    /// The line between.
    pub middle: f64,
    /// The line below.
    pub lower: f64,
}

/// Highest high and lowest low of the last candles, the newest included, and their mean.
#[derive(Debug, Clone)]
pub struct Donchian {
    high: Extreme<f64>,
    low: Extreme<f64>,
}

impl Donchian {
    /// Over `period` candles, at least one.
    #[must_use]
    pub fn new(period: u32) -> Self {
        Self { high: Extreme::greatest(period), low: Extreme::least(period) }
    }

    /// Takes in one candle; `None` until there are `period` of them.
    pub fn update(&mut self, bar: &Bar) -> Option<Band> {
        let (upper, lower) = self.high.update(bar.high).zip(self.low.update(bar.low))?;
        Some(Band { upper, middle: f64::midpoint(upper, lower), lower })
    }
}

/// Stochastic oscillator: `100 * (close - lowest low) / (highest high - lowest low)` over `period` candles (0 when the
/// two are equal), smoothed by a simple average into `slow_k`, and once more into `slow_d`.
#[derive(Debug, Clone)]
pub struct Stochastic {
    range: Donchian,
    slow_k: Sma,
    slow_d: Sma,
}

/// What [`Stochastic`] says, each from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StochasticValue {
    /// The smoothed position in the range.
    pub slow_k: f64,
    /// Its average.
    pub slow_d: f64,
}

impl Stochastic {
    /// Periods of the range and of the two averages.
    #[must_use]
    pub fn new(period: u32, slow_k: u32, slow_d: u32) -> Self {
        Self { range: Donchian::new(period), slow_k: Sma::new(slow_k), slow_d: Sma::new(slow_d) }
    }

    /// Takes in one candle; `None` until there are `period` + `slow_k` + `slow_d` - 2 of them.
    pub fn update(&mut self, bar: &Bar) -> Option<StochasticValue> {
        let Band { upper, lower, .. } = self.range.update(bar)?;
        let fast_k = if upper == lower { 0.0 } else { 100.0 * (bar.close - lower) / (upper - lower) };
        let slow_k = self.slow_k.update(fast_k)?;
        let slow_d = self.slow_d.update(slow_k)?;
        Some(StochasticValue { slow_k, slow_d })
    }
}

/// Williams %R: `-100 * (highest high - close) / (highest high - lowest low)`, 0 when the two are equal.
#[derive(Debug, Clone)]
pub struct WilliamsR {
    range: Donchian,
}

impl WilliamsR {
    /// Over `period` candles, at least one.
    #[must_use]
    pub fn new(period: u32) -> Self {
        Self { range: Donchian::new(period) }
    }

    /// Takes in one candle; `None` until there are `period` of them. From -100 to 0.
    pub fn update(&mut self, bar: &Bar) -> Option<f64> {
        let Band { upper, lower, .. } = self.range.update(bar)?;
        Some(if upper == lower { 0.0 } else { 100.0 * (bar.close - upper) / (upper - lower) })
    }
}

/// Ichimoku's lines: the middle of the range of the last `tenkan`, `kijun` and `senkou` candles. The spans are shown
/// `shift` candles after they were computed; the lagging span, which would need the future, is left out.
#[derive(Debug, Clone)]
pub struct Ichimoku {
    tenkan: Donchian,
    kijun: Donchian,
    senkou: Donchian,
    shift: usize,
    spans: VecDeque<(Option<f64>, Option<f64>)>,
}

/// What [`Ichimoku`] says; each line starts on a candle of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IchimokuValue {
    /// Middle of the shortest range.
    pub tenkan: Option<f64>,
    /// Middle of the range between.
    pub kijun: Option<f64>,
    /// Mean of `tenkan` and `kijun`, `shift` candles ago.
    pub span_a: Option<f64>,
    /// Middle of the longest range, `shift` candles ago.
    pub span_b: Option<f64>,
}

impl Ichimoku {
    /// Periods of the three ranges, and how many candles later the spans are shown.
    #[must_use]
    pub fn new(tenkan: u32, kijun: u32, senkou: u32, shift: u32) -> Self {
        Self {
            tenkan: Donchian::new(tenkan),
            kijun: Donchian::new(kijun),
            senkou: Donchian::new(senkou),
            shift: usize::try_from(shift).unwrap_or(usize::MAX),
            spans: VecDeque::new(),
        }
    }

    /// Takes in one candle.
    pub fn update(&mut self, bar: &Bar) -> IchimokuValue {
        let middle = |range: &mut Donchian| range.update(bar).map(|band| band.middle);
        let (tenkan, kijun) = (middle(&mut self.tenkan), middle(&mut self.kijun));
        let span_a = tenkan.zip(kijun).map(|(tenkan, kijun)| f64::midpoint(tenkan, kijun));
        self.spans.push_back((span_a, middle(&mut self.senkou)));
        let due = if self.spans.len() > self.shift { self.spans.pop_front() } else { None };
        let (span_a, span_b) = due.unwrap_or((None, None));
        IchimokuValue { tenkan, kijun, span_a, span_b }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(high: f64, low: f64, close: f64) -> Bar {
        Bar { day: 0, open: close, high, low, close, volume: 1.0, typical_units: 0 }
    }

    #[test]
    fn a_channel_spans_the_last_candles() {
        let mut channel = Donchian::new(2);
        assert_eq!(channel.update(&bar(9.0, 5.0, 6.0)), None);
        assert_eq!(channel.update(&bar(8.0, 4.0, 6.0)), Some(Band { upper: 9.0, middle: 6.5, lower: 4.0 }));
        assert_eq!(channel.update(&bar(7.0, 5.0, 6.0)), Some(Band { upper: 8.0, middle: 6.0, lower: 4.0 }));
    }

    #[test]
    fn a_close_at_the_top_is_all_and_a_range_of_nothing_is_none() {
        let mut stochastic = Stochastic::new(1, 1, 1);
        let mut williams = WilliamsR::new(1);
        for (candle, k, r) in
            [(bar(9.0, 5.0, 9.0), 100.0, 0.0), (bar(9.0, 5.0, 5.0), 0.0, -100.0), (bar(5.0, 5.0, 5.0), 0.0, 0.0)]
        {
            assert_eq!(stochastic.update(&candle), Some(StochasticValue { slow_k: k, slow_d: k }));
            assert_eq!(williams.update(&candle), Some(r));
        }
    }

    #[test]
    fn spans_are_shown_later() {
        let mut ichimoku = Ichimoku::new(1, 1, 2, 2);
        let spans: Vec<_> = [1.0, 2.0, 4.0, 8.0]
            .map(|price| ichimoku.update(&bar(price, price, price)))
            .map(|value| (value.span_a, value.span_b))
            .into();
        assert_eq!(spans, [(None, None), (None, None), (Some(1.0), None), (Some(2.0), Some(1.5))]);
    }
}
