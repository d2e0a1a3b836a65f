//! How fast prices move.
#![expect(clippy::float_arithmetic, reason = "indicators are statistics, not money")]

use super::average::{Ema, Wilder};
use super::bar::Bar;
use super::window::Window;

/// Relative strength index after Wilder: after `period` changes the averages of rises and falls start as plain means,
/// then follow as `(average * (period - 1) + new) / period`; the index is `100 * up / (up + down)`, 0 when both are 0.
#[derive(Debug, Clone, Copy)]
pub struct Rsi {
    last: Option<f64>,
    up: Wilder,
    down: Wilder,
}

impl Rsi {
    /// An index over `period` changes, at least one.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        Self { last: None, up: Wilder::new(period), down: Wilder::new(period) }
    }

    /// Takes in one input; `None` until `period` changes are known.
    pub fn update(&mut self, input: f64) -> Option<f64> {
        let change = input - self.last.replace(input)?;
        let up = self.up.update(change.max(0.0));
        let down = self.down.update((-change).max(0.0));
        let (up, down) = up.zip(down)?;
        let sum = up + down;
        Some(if sum == 0.0 { 0.0 } else { 100.0 * up / sum })
    }
}

/// Moving average convergence and divergence: the fast exponential average less the slow one, and an exponential
/// average of that. The fast average starts late, so that both start on the same candle: its first value is the mean
/// of the `fast` inputs up to the `slow`-th (as TA-Lib does).
#[derive(Debug, Clone, Copy)]
pub struct Macd {
    wait: u32,
    fast: Ema,
    slow: Ema,
    signal: Ema,
}

/// What [`Macd`] says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MacdValue {
    /// Fast less slow.
    pub macd: f64,
    /// Its average.
    pub signal: f64,
    /// `macd` less `signal`.
    pub histogram: f64,
}

impl Macd {
    /// Periods of the three averages; a `fast` over `slow` stands for `slow`.
    #[must_use]
    pub const fn new(fast: u32, slow: u32, signal: u32) -> Self {
        let wait = slow.saturating_sub(if fast == 0 { 1 } else { fast });
        let fast = if fast > slow { slow } else { fast };
        Self { wait, fast: Ema::new(fast), slow: Ema::new(slow), signal: Ema::new(signal) }
    }

    /// Takes in one input; `None` until there are `slow` + `signal` - 1 of them.
    pub fn update(&mut self, input: f64) -> Option<MacdValue> {
        let slow = self.slow.update(input);
        if self.wait > 0 {
            self.wait -= 1;
            return None;
        }
        let macd = self.fast.update(input)? - slow?;
        let signal = self.signal.update(macd)?;
        Some(MacdValue { macd, signal, histogram: macd - signal })
    }
}

/// Rate of change: `100 * (input / input period before - 1)`.
#[derive(Debug, Clone)]
pub struct Roc {
    window: Window<f64>,
}

impl Roc {
    /// Against the input `period` before, at least one.
    #[must_use]
    pub fn new(period: u32) -> Self {
        Self { window: Window::new(period) }
    }

    /// Takes in one input; `None` until there are more than `period` of them. 0 when the one before is 0.
    pub fn update(&mut self, input: f64) -> Option<f64> {
        self.window.push(input).map(|before| if before == 0.0 { 0.0 } else { (input / before - 1.0) * 100.0 })
    }
}

/// Commodity channel index: the typical price less its simple average, over 0.015 times the mean absolute deviation
/// from that average; 0 when nothing deviates. Sums are whole numbers, so that nothing is not nearly nothing.
#[derive(Debug, Clone)]
pub struct Cci {
    window: Window<i128>,
    sum: i128,
    period: u32,
}

impl Cci {
    /// An index over `period` candles, at least one.
    #[must_use]
    pub fn new(period: u32) -> Self {
        Self { window: Window::new(period), sum: 0, period: period.max(1) }
    }

    /// Takes in one candle; `None` until there are `period` of them.
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "a quotient of whole numbers is rounded once"
    )]
    pub fn update(&mut self, bar: &Bar) -> Option<f64> {
        self.sum += bar.typical_units - self.window.push(bar.typical_units).unwrap_or(0);
        if !self.window.is_full() {
            return None;
        }
        let from_mean = |units: i128| units * i128::from(self.period) - self.sum;
        let deviations: i128 = self.window.iter().map(|units| from_mean(units).abs()).sum();
        let mean_deviation = deviations as f64 / f64::from(self.period);
        Some(if deviations == 0 { 0.0 } else { from_mean(bar.typical_units) as f64 / (0.015 * mean_deviation) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradingbot_domain::{Candle, Price, Timestamp};

    #[test]
    fn the_index_is_the_share_of_rises_in_all_moves() {
        let mut rsi = Rsi::new(2);
        assert_eq!(
            [1.0, 2.0, 1.0, 3.0].map(|input| rsi.update(input).map(f64::round)),
            [None, None, Some(50.0), Some(83.0)]
        );
        let mut flat = Rsi::new(1);
        assert_eq!([1.0, 1.0].map(|input| flat.update(input)), [None, Some(0.0)]);
    }

    #[test]
    fn both_averages_of_a_macd_start_on_the_same_candle() {
        let mut macd = Macd::new(1, 3, 2);
        let values = [1.0, 2.0, 6.0, 9.0].map(|input| macd.update(input));
        assert_eq!(values[..3], [None, None, None]);
        assert_eq!(values[3], Some(MacdValue { macd: 3.0, signal: 3.0, histogram: 0.0 }));
    }

    #[test]
    fn change_is_in_percent_of_what_was() {
        let mut roc = Roc::new(2);
        assert_eq!([4.0, 4.0, 5.0, 2.0].map(|input| roc.update(input)), [None, None, Some(25.0), Some(-50.0)]);
        let mut roc = Roc::new(1);
        assert_eq!([0.0, 1.0].map(|input| roc.update(input)), [None, Some(0.0)]);
    }

    #[test]
    fn candles_that_do_not_move_have_no_channel() {
        let mut cci = Cci::new(2);
        let values = [3, 3, 5].map(|units| {
            let candle = Candle::flat(Timestamp::ZERO, Price::from_units(units));
            cci.update(&Bar::from(&candle))
        });
        assert_eq!(values, [None, Some(0.0), Some(1.0 / 0.015)]);
    }
}
