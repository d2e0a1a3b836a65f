//! Enters when the fast average crosses above the slow one, leaves when it crosses below.

use super::indicator::Ema;
use super::{Signal, Strategy, as_float};
use crate::domain::Candle;

/// Two exponential averages of the close. A candle without volume gives no signal.
#[derive(Debug, Clone)]
pub struct EmaCross {
    fast: Ema,
    slow: Ema,
    before: Option<(f64, f64)>,
}

impl EmaCross {
    /// Periods in candles.
    #[must_use]
    pub const fn new(fast: u32, slow: u32) -> Self {
        Self { fast: Ema::new(fast), slow: Ema::new(slow), before: None }
    }
}

impl Strategy for EmaCross {
    fn update(&mut self, candle: &Candle) -> Signal {
        let close = as_float(candle.close);
        let now = self.fast.update(close).zip(self.slow.update(close));
        let signal = match (self.before, now) {
            (Some((fast_before, slow_before)), Some((fast, slow))) if candle.volume.is_positive() => Signal {
                enter: fast > slow && fast_before <= slow_before,
                leave: fast < slow && fast_before >= slow_before,
            },
            (Some(_) | None, Some(_) | None) => Signal::default(),
        };
        self.before = now;
        signal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Price, Qty, Timestamp};

    fn signals(rule: &mut EmaCross, candles: impl IntoIterator<Item = (i64, i128)>) -> Vec<Signal> {
        let signals = candles.into_iter().map(|(close, volume)| {
            let mut candle = Candle::flat(Timestamp::ZERO, Price::from_units(close * 100_000_000));
            candle.volume = Qty::from_units(volume);
            rule.update(&candle)
        });
        signals.collect()
    }

    fn positions(signals: &[Signal], pick: fn(&Signal) -> bool) -> Vec<usize> {
        signals.iter().enumerate().filter(|(_, signal)| pick(signal)).map(|(at, _)| at).collect()
    }

    #[test]
    fn a_rise_enters_and_a_fall_leaves_once_each() {
        let closes = [10, 10, 10, 10, 10, 12, 14, 15, 12, 9, 7, 7].map(|close| (close, 1));
        let signals = signals(&mut EmaCross::new(2, 4), closes);
        assert_eq!(positions(&signals, |signal| signal.enter), [5]);
        assert_eq!(positions(&signals, |signal| signal.leave), [9]);
    }

    #[test]
    fn a_cross_without_volume_is_missed_and_not_made_up_for() {
        let closes = [(10, 1), (10, 1), (10, 1), (10, 1), (12, 0), (14, 1), (15, 1)];
        assert_eq!(signals(&mut EmaCross::new(2, 4), closes), [Signal::default(); 7]);
    }

    #[test]
    fn the_first_candle_of_both_averages_crosses_nothing() {
        let closes = [1, 2, 3, 4, 5, 6].map(|close| (close, 1));
        assert_eq!(signals(&mut EmaCross::new(2, 4), closes), [Signal::default(); 6]);
    }

    #[test]
    fn averages_that_were_equal_count_as_crossed_from_either_side() {
        let closes = [10, 10, 10, 10, 11].map(|close| (close, 1));
        assert!(signals(&mut EmaCross::new(2, 4), closes)[4].enter);
        let closes = [10, 10, 10, 10, 9].map(|close| (close, 1));
        assert!(signals(&mut EmaCross::new(2, 4), closes)[4].leave);
    }
}
