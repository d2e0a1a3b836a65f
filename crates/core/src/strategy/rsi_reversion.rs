//! Enters when the price has fallen fast, leaves when it has risen fast.

use super::indicator::Rsi;
use super::{Descriptor, PERIOD_MAX, Parameter, Rising, SignalRule, Strategy, Target, as_float};
use tradingbot_domain::{Candle, Price};

pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "rsi-reversion",
    aliases: &["rsi", "rsi-30-70"],
    enters: "the relative strength index is under `enter-below`, and the last `period` closes are not all the same",
    leaves: "it is over `leave-above`",
    reads: "close, volume",
    parameters: &[
        Parameter {
            name: "period",
            about: "how many candles count",
            unit: "candles",
            least: 1,
            most: PERIOD_MAX,
            default: 14,
        },
        Parameter {
            name: "enter-below",
            about: "enter when the index is under this, at most `leave-above`",
            unit: "points of 100",
            least: 0,
            most: 100,
            default: 30,
        },
        Parameter {
            name: "leave-above",
            about: "leave when the index is over this",
            unit: "points of 100",
            least: 0,
            most: 100,
            default: 70,
        },
    ],
    rising: &[Rising { small: "enter-below", large: "leave-above", equal: true }],
    warm_up: |rule| rule.value("period"),
    build: |rule, signals| {
        let [period, enter_below, leave_above] = ["period", "enter-below", "leave-above"].map(|name| rule.value(name));
        Box::new(RsiReversion::new(period, enter_below, leave_above, signals))
    },
};

/// The relative strength index of the close against two levels. A candle without volume gives no signal, and over as many
/// candles as the index looks back, all with the same close, nothing is entered: the index is 0 where nothing ever moved,
/// and keeps its last value where nothing moves any more.
#[derive(Debug, Clone)]
pub(super) struct RsiReversion {
    rsi: Rsi,
    period: u32,
    /// The last close, and for how many candles it has not changed.
    close: Price,
    unmoved: u32,
    signals: SignalRule,
    enter_below: f64,
    leave_above: f64,
}

impl RsiReversion {
    /// Period in candles, levels from 0 to 100.
    pub(super) fn new(period: u32, enter_below: u32, leave_above: u32, signals: SignalRule) -> Self {
        Self {
            rsi: Rsi::new(period),
            period: period.max(1),
            close: Price::ZERO,
            unmoved: 0,
            signals,
            enter_below: f64::from(enter_below),
            leave_above: f64::from(leave_above),
        }
    }
}

impl Strategy for RsiReversion {
    fn update(&mut self, candle: &Candle) -> Target {
        let moved = std::mem::replace(&mut self.close, candle.close) != candle.close;
        self.unmoved = if moved { 0 } else { self.unmoved.saturating_add(1) };
        let still = self.signals == SignalRule::Strict && self.unmoved >= self.period;
        let rsi = self.rsi.update(as_float(candle.close));
        let Some(rsi) = rsi.filter(|_| candle.is_traded()) else { return Target::Hold };
        match (rsi < self.enter_below && !still, rsi > self.leave_above) {
            (true, false) => Target::Long,
            (false, true) => Target::Flat,
            // Under one level and over the other, where they overlap, it wants nothing.
            (true, true) | (false, false) => Target::Hold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Target::{Flat, Hold, Long};
    use super::*;
    use tradingbot_domain::{Price, Qty, Timestamp};

    fn targets(closes: &[(i64, i128)]) -> Vec<Target> {
        targets_under(SignalRule::Strict, closes)
    }

    fn targets_under(rule: SignalRule, closes: &[(i64, i128)]) -> Vec<Target> {
        let mut rule = RsiReversion::new(2, 30, 70, rule);
        let targets = closes.iter().map(|(close, volume)| {
            let mut candle = Candle::flat(Timestamp::ZERO, Price::from_units(close * 100_000_000));
            candle.volume = Qty::from_units(*volume);
            rule.update(&candle)
        });
        targets.collect()
    }

    #[test]
    fn a_fall_enters_and_a_rise_leaves_as_long_as_it_lasts() {
        let targets = targets(&[(10, 1), (9, 1), (8, 1), (7, 1), (9, 1), (12, 1), (14, 1)]);
        assert_eq!(targets, [Hold, Hold, Long, Long, Hold, Flat, Flat]);
    }

    #[test]
    fn a_level_is_not_reached_by_touching_it() {
        let targets = targets(&[(100, 1), (93, 1), (96, 1)]);
        assert_eq!(targets[2], Hold, "three of ten is 30, not under it");
    }

    #[test]
    fn an_index_that_is_under_one_level_and_over_the_other_wants_nothing() {
        let mut rule = RsiReversion::new(2, 90, 10, SignalRule::Strict);
        let mut candle = Candle::flat(Timestamp::ZERO, Price::from_units(100_000_000));
        candle.volume = Qty::from_units(1);
        let targets = [10, 9, 11, 10].map(|close| {
            candle.close = Price::from_units(close * 100_000_000);
            rule.update(&candle)
        });
        assert_eq!(targets, [Hold; 4]);
    }

    #[test]
    fn prices_that_stand_still_are_not_entered_for_having_fallen() {
        assert_eq!(targets(&[(5, 1), (5, 1), (5, 1), (5, 1)]), [Hold; 4], "nothing ever moved");
        let stopped = [(9, 1), (8, 1), (7, 1), (7, 1), (7, 1), (7, 1), (6, 1)];
        assert_eq!(targets(&stopped), [Hold, Hold, Long, Long, Hold, Hold, Long], "nothing moves any more");
    }

    #[test]
    fn a_rise_that_has_stopped_still_leaves() {
        assert_eq!(targets(&[(5, 1), (6, 1), (7, 1), (7, 1), (7, 1), (7, 1)])[5], Flat);
    }

    #[test]
    fn taken_literally_prices_that_stand_still_are_low_with_volume() {
        let targets = |closes: &[_]| targets_under(SignalRule::Literal, closes);
        assert_eq!(targets(&[(5, 0), (5, 0), (5, 0)])[2], Hold);
        assert_eq!(targets(&[(5, 1), (5, 1), (5, 1)])[2], Long);
    }
}
