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

    #[test]
    fn a_rise_enters_and_a_fall_leaves_once_each() {
        let mut rule = EmaCross::new(2, 4);
        let closes = [10, 10, 10, 10, 10, 12, 14, 15, 12, 9, 7, 7];
        let signals: Vec<Signal> = closes
            .iter()
            .map(|close| {
                let mut candle = Candle::flat(Timestamp::from_nanos(0), Price::from_units(close * 100_000_000));
                candle.volume = Qty::from_units(1);
                rule.update(&candle)
            })
            .collect();
        let at = |pick: fn(&Signal) -> bool| signals.iter().position(pick);
        assert_eq!(at(|signal| signal.enter), Some(5));
        assert_eq!(at(|signal| signal.leave), Some(9));
        assert_eq!(signals.iter().filter(|signal| signal.enter || signal.leave).count(), 2);
    }
}
