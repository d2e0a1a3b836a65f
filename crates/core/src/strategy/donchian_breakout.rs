//! Enters above the highest price of late, leaves under the lowest.

use super::indicator::Extreme;
use super::{Descriptor, PERIOD_MAX, Parameter, SignalRule, Strategy, Target};
use tradingbot_domain::{Candle, Price};

pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "donchian-breakout",
    aliases: &["donchian", "donchian-20"],
    enters: "the close is above the highest high of the candles before",
    leaves: "it is under their lowest low",
    reads: "high, low, close, volume",
    parameters: &[Parameter {
        name: "period",
        about: "how many candles count",
        unit: "candles",
        least: 1,
        most: PERIOD_MAX,
        default: 20,
    }],
    rising: &[],
    warm_up: |rule| rule.value("period"),
    build: |rule, signals| Box::new(DonchianBreakout::new(rule.value("period"), signals)),
};

/// The close against the highest high and lowest low of the candles before it. A candle without volume gives no signal,
/// but its prices count for those after it.
#[derive(Debug, Clone)]
pub(super) struct DonchianBreakout {
    highest: Extreme<Price>,
    lowest: Extreme<Price>,
    /// The last level that candles without volume have broken since one with volume.
    broken: Option<Break>,
    signals: SignalRule,
}

/// A level, and to which side of it a close went.
#[derive(Debug, Clone, Copy)]
enum Break {
    Above(Price),
    Below(Price),
}

impl Break {
    fn holds_at(self, close: Price) -> bool {
        match self {
            Self::Above(level) => close > level,
            Self::Below(level) => close < level,
        }
    }

    const fn target(self) -> Target {
        match self {
            Self::Above(_) => Target::Long,
            Self::Below(_) => Target::Flat,
        }
    }
}

impl DonchianBreakout {
    /// How many candles before this one count, at least one.
    pub(super) fn new(period: u32, signals: SignalRule) -> Self {
        let (highest, lowest) = (Extreme::greatest(period), Extreme::least(period));
        Self { highest, lowest, broken: None, signals }
    }
}

impl Strategy for DonchianBreakout {
    fn update(&mut self, candle: &Candle) -> Target {
        let before = self.highest.value().zip(self.lowest.value());
        self.highest.update(candle.high);
        self.lowest.update(candle.low);
        let Some((highest, lowest)) = before else { return Target::Hold };
        let close = candle.close;
        let fresh = if close > highest {
            Some(Break::Above(highest))
        } else if close < lowest {
            Some(Break::Below(lowest))
        } else {
            None
        };
        if !candle.is_traded() {
            if self.signals == SignalRule::Strict {
                self.broken = fresh.or(self.broken);
            }
            return Target::Hold;
        }
        let waiting = self.broken.take().filter(|broken| broken.holds_at(close));
        fresh.or(waiting).map_or(Target::Hold, Break::target)
    }
}

#[cfg(test)]
mod tests {
    use super::Target::{Flat, Hold, Long};
    use super::*;
    use tradingbot_domain::{Qty, Timestamp};

    fn targets(period: u32, candles: &[(i64, i64, i64, i128)]) -> Vec<Target> {
        targets_under(SignalRule::Literal, period, candles)
    }

    fn targets_under(rule: SignalRule, period: u32, candles: &[(i64, i64, i64, i128)]) -> Vec<Target> {
        let mut rule = DonchianBreakout::new(period, rule);
        let targets = candles.iter().map(|(high, low, close, volume)| {
            let mut candle = Candle::flat(Timestamp::ZERO, Price::from_units(*close));
            (candle.high, candle.low) = (Price::from_units(*high), Price::from_units(*low));
            candle.volume = Qty::from_units(*volume);
            rule.update(&candle)
        });
        targets.collect()
    }

    #[test]
    fn a_close_must_be_beyond_all_candles_before_it_and_not_only_touch() {
        let candles = [
            (10, 5, 7, 1),
            (9, 6, 8, 1),
            (12, 8, 10, 1),
            (12, 8, 12, 1),
            (13, 9, 13, 1),
            (9, 7, 8, 1),
            (8, 6, 7, 1),
            (8, 5, 5, 1),
        ];
        let expected = [Hold, Hold, Hold, Hold, Long, Hold, Hold, Flat];
        assert_eq!(targets(2, &candles), expected);
    }

    #[test]
    fn a_candle_without_volume_is_silent_but_remembered() {
        let candles = [(10, 5, 7, 1), (20, 5, 20, 0), (15, 8, 15, 1), (16, 8, 16, 1)];
        assert_eq!(targets(1, &candles), [Hold, Hold, Hold, Long]);
    }

    #[test]
    fn a_break_without_volume_counts_on_the_next_candle_with_volume_if_it_still_holds() {
        let strict = |candles: &[_]| targets_under(SignalRule::Strict, 2, candles);
        let range = [(10, 5, 7, 1), (10, 5, 7, 1)];
        let above = [(20, 12, 20, 0), (16, 15, 15, 1), (15, 15, 15, 1)];
        assert_eq!(strict(&[&range[..], &above].concat())[2..], [Hold, Long, Hold]);
        let below = [(4, 2, 2, 0), (4, 4, 4, 1), (4, 4, 4, 1)];
        assert_eq!(strict(&[&range[..], &below].concat())[2..], [Hold, Flat, Hold]);
        let over = [(20, 12, 20, 0), (10, 9, 9, 1), (15, 12, 12, 1)];
        assert_eq!(strict(&[&range[..], &over].concat())[2..], [Hold; 3]);
    }

    #[test]
    fn old_candles_are_forgotten() {
        let candles = [(99, 1, 50, 1), (10, 9, 10, 1), (10, 9, 9, 1), (11, 9, 11, 1), (11, 8, 8, 1)];
        assert_eq!(targets(2, &candles), [Hold, Hold, Hold, Long, Flat]);
    }
}
