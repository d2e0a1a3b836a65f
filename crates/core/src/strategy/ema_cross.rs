//! Enters when the fast average crosses above the slow one, leaves when it crosses below.

use super::indicator::Ema;
use super::{Descriptor, PERIOD_MAX, Parameter, Rising, SignalRule, Strategy, Target, as_float};
use tradingbot_domain::Candle;

pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "ema-cross",
    aliases: &[],
    enters: "the fast exponential average of the close crosses above the slow one",
    leaves: "it crosses below",
    reads: "close, volume",
    parameters: &[
        Parameter {
            name: "fast",
            about: "period of the fast average, less than `slow`",
            unit: "candles",
            least: 1,
            most: PERIOD_MAX,
            default: 12,
        },
        Parameter {
            name: "slow",
            about: "period of the slow average",
            unit: "candles",
            least: 2,
            most: PERIOD_MAX,
            default: 26,
        },
    ],
    rising: &[Rising { small: "fast", large: "slow", equal: false }],
    warm_up: |rule| rule.value("slow"),
    build: |rule, signals| Box::new(EmaCross::new(rule.value("fast"), rule.value("slow"), signals)),
};

/// Two exponential averages of the close. A candle without volume gives no signal.
#[derive(Debug, Clone)]
pub(super) struct EmaCross {
    fast: Ema,
    slow: Ema,
    /// What the averages of the next candle are compared with.
    before: Option<(f64, f64)>,
    signals: SignalRule,
}

impl EmaCross {
    /// Periods in candles.
    pub(super) const fn new(fast: u32, slow: u32, signals: SignalRule) -> Self {
        Self { fast: Ema::new(fast), slow: Ema::new(slow), before: None, signals }
    }
}

impl Strategy for EmaCross {
    fn update(&mut self, candle: &Candle) -> Target {
        let close = as_float(candle.close);
        let now = self.fast.update(close).zip(self.slow.update(close));
        let traded = candle.is_traded();
        let target = match (self.before, now) {
            (Some(before), Some(now)) if traded => crossed(before, now),
            (Some(_) | None, Some(_) | None) => Target::Hold,
        };
        if traded || self.before.is_none() || self.signals == SignalRule::Literal {
            self.before = now;
        }
        target
    }
}

/// What it means that the fast and the slow average went from `before` to `now`.
fn crossed((fast_before, slow_before): (f64, f64), (fast, slow): (f64, f64)) -> Target {
    if fast > slow && fast_before <= slow_before {
        Target::Long
    } else if fast < slow && fast_before >= slow_before {
        Target::Flat
    } else {
        Target::Hold
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradingbot_domain::{Price, Qty, Timestamp};

    fn targets(rule: &mut EmaCross, candles: impl IntoIterator<Item = (i64, i128)>) -> Vec<Target> {
        let targets = candles.into_iter().map(|(close, volume)| {
            let mut candle = Candle::flat(Timestamp::ZERO, Price::from_units(close * 100_000_000));
            candle.volume = Qty::from_units(volume);
            rule.update(&candle)
        });
        targets.collect()
    }

    fn strict(fast: u32, slow: u32) -> EmaCross {
        EmaCross::new(fast, slow, SignalRule::Strict)
    }

    fn positions(targets: &[Target], wanted: Target) -> Vec<usize> {
        targets.iter().enumerate().filter(|(_, target)| **target == wanted).map(|(at, _)| at).collect()
    }

    #[test]
    fn a_rise_enters_and_a_fall_leaves_once_each() {
        let closes = [10, 10, 10, 10, 10, 12, 14, 15, 12, 9, 7, 7].map(|close| (close, 1));
        let targets = targets(&mut strict(2, 4), closes);
        assert_eq!(positions(&targets, Target::Long), [5]);
        assert_eq!(positions(&targets, Target::Flat), [9]);
    }

    #[test]
    fn a_cross_without_volume_counts_on_the_next_candle_with_volume() {
        let rise = [(10, 1), (10, 1), (10, 1), (10, 1), (12, 0), (13, 0), (14, 1), (15, 1)];
        let fall = rise.map(|(close, volume)| (20 - close, volume));
        let rises = targets(&mut strict(2, 4), rise);
        assert_eq!(positions(&rises, Target::Long), [6]);
        let falls = targets(&mut strict(2, 4), fall);
        assert_eq!(positions(&falls, Target::Flat), [6]);
    }

    #[test]
    fn a_cross_that_is_over_when_something_trades_again_is_none() {
        let closes = [(10, 1), (10, 1), (10, 1), (9, 1), (14, 0), (6, 0), (5, 1), (4, 1)];
        let targets = targets(&mut strict(2, 4), closes);
        assert_eq!(positions(&targets, Target::Long), Vec::<usize>::new());
    }

    #[test]
    fn taken_literally_a_cross_without_volume_is_missed_and_not_made_up_for() {
        let closes = [(10, 1), (10, 1), (10, 1), (10, 1), (12, 0), (14, 1), (15, 1)];
        assert_eq!(targets(&mut EmaCross::new(2, 4, SignalRule::Literal), closes), [Target::Hold; 7]);
    }

    #[test]
    fn the_first_candle_of_both_averages_crosses_nothing() {
        let closes = [1, 2, 3, 4, 5, 6].map(|close| (close, 1));
        assert_eq!(targets(&mut strict(2, 4), closes), [Target::Hold; 6]);
    }

    #[test]
    fn averages_that_were_equal_count_as_crossed_from_either_side() {
        let closes = [10, 10, 10, 10, 11].map(|close| (close, 1));
        assert_eq!(targets(&mut strict(2, 4), closes)[4], Target::Long);
        let closes = [10, 10, 10, 10, 9].map(|close| (close, 1));
        assert_eq!(targets(&mut strict(2, 4), closes)[4], Target::Flat);
    }
}
