//! Enters when the fast average crosses above the slow one, leaves when it crosses below.

use super::indicator::Ema;
use super::{Signal, SignalRule, Strategy, as_float};
use tradingbot_domain::Candle;

/// Two exponential averages of the close. A candle without volume gives no signal.
#[derive(Debug, Clone)]
pub struct EmaCross {
    fast: Ema,
    slow: Ema,
    /// What the averages of the next candle are compared with.
    before: Option<(f64, f64)>,
    signals: SignalRule,
}

impl EmaCross {
    /// Periods in candles.
    #[must_use]
    pub const fn new(fast: u32, slow: u32, signals: SignalRule) -> Self {
        Self { fast: Ema::new(fast), slow: Ema::new(slow), before: None, signals }
    }
}

impl Strategy for EmaCross {
    fn update(&mut self, candle: &Candle) -> Signal {
        let close = as_float(candle.close);
        let now = self.fast.update(close).zip(self.slow.update(close));
        let traded = candle.is_traded();
        let signal = match (self.before, now) {
            (Some((fast_before, slow_before)), Some((fast, slow))) if traded => Signal {
                enter: fast > slow && fast_before <= slow_before,
                leave: fast < slow && fast_before >= slow_before,
            },
            (Some(_) | None, Some(_) | None) => Signal::default(),
        };
        if traded || self.before.is_none() || self.signals == SignalRule::Literal {
            self.before = now;
        }
        signal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradingbot_domain::{Price, Qty, Timestamp};

    fn signals(rule: &mut EmaCross, candles: impl IntoIterator<Item = (i64, i128)>) -> Vec<Signal> {
        let signals = candles.into_iter().map(|(close, volume)| {
            let mut candle = Candle::flat(Timestamp::ZERO, Price::from_units(close * 100_000_000));
            candle.volume = Qty::from_units(volume);
            rule.update(&candle)
        });
        signals.collect()
    }

    fn strict(fast: u32, slow: u32) -> EmaCross {
        EmaCross::new(fast, slow, SignalRule::Strict)
    }

    fn positions(signals: &[Signal], pick: fn(&Signal) -> bool) -> Vec<usize> {
        signals.iter().enumerate().filter(|(_, signal)| pick(signal)).map(|(at, _)| at).collect()
    }

    #[test]
    fn a_rise_enters_and_a_fall_leaves_once_each() {
        let closes = [10, 10, 10, 10, 10, 12, 14, 15, 12, 9, 7, 7].map(|close| (close, 1));
        let signals = signals(&mut strict(2, 4), closes);
        assert_eq!(positions(&signals, |signal| signal.enter), [5]);
        assert_eq!(positions(&signals, |signal| signal.leave), [9]);
    }

    #[test]
    fn a_cross_without_volume_counts_on_the_next_candle_with_volume() {
        let rise = [(10, 1), (10, 1), (10, 1), (10, 1), (12, 0), (13, 0), (14, 1), (15, 1)];
        let fall = rise.map(|(close, volume)| (20 - close, volume));
        let rises = signals(&mut strict(2, 4), rise);
        assert_eq!(positions(&rises, |signal| signal.enter), [6]);
        let falls = signals(&mut strict(2, 4), fall);
        assert_eq!(positions(&falls, |signal| signal.leave), [6]);
    }

    #[test]
    fn a_cross_that_is_over_when_something_trades_again_is_none() {
        let closes = [(10, 1), (10, 1), (10, 1), (9, 1), (14, 0), (6, 0), (5, 1), (4, 1)];
        let signals = signals(&mut strict(2, 4), closes);
        assert_eq!(positions(&signals, |signal| signal.enter), Vec::<usize>::new());
    }

    #[test]
    fn taken_literally_a_cross_without_volume_is_missed_and_not_made_up_for() {
        let closes = [(10, 1), (10, 1), (10, 1), (10, 1), (12, 0), (14, 1), (15, 1)];
        assert_eq!(signals(&mut EmaCross::new(2, 4, SignalRule::Literal), closes), [Signal::default(); 7]);
    }

    #[test]
    fn the_first_candle_of_both_averages_crosses_nothing() {
        let closes = [1, 2, 3, 4, 5, 6].map(|close| (close, 1));
        assert_eq!(signals(&mut strict(2, 4), closes), [Signal::default(); 6]);
    }

    #[test]
    fn averages_that_were_equal_count_as_crossed_from_either_side() {
        let closes = [10, 10, 10, 10, 11].map(|close| (close, 1));
        assert!(signals(&mut strict(2, 4), closes)[4].enter);
        let closes = [10, 10, 10, 10, 9].map(|close| (close, 1));
        assert!(signals(&mut strict(2, 4), closes)[4].leave);
    }
}
