//! Enters above the highest price of late, leaves under the lowest.

use super::indicator::Extreme;
use super::{Signal, SignalRule, Strategy};
use tradingbot_domain::{Candle, Price};

/// The close against the highest high and lowest low of the candles before it. A candle without volume gives no signal,
/// but its prices count for those after it.
#[derive(Debug, Clone)]
pub struct DonchianBreakout {
    highest: Extreme<Price>,
    lowest: Extreme<Price>,
    /// The levels that candles without volume have broken since the last one with volume.
    broken: Levels,
    signals: SignalRule,
}

/// Levels that a close went beyond.
#[derive(Debug, Clone, Copy, Default)]
struct Levels {
    above: Option<Price>,
    below: Option<Price>,
}

impl DonchianBreakout {
    /// How many candles before this one count, at least one.
    #[must_use]
    pub fn new(period: u32, signals: SignalRule) -> Self {
        let (highest, lowest) = (Extreme::greatest(period), Extreme::least(period));
        Self { highest, lowest, broken: Levels::default(), signals }
    }
}

impl Strategy for DonchianBreakout {
    fn update(&mut self, candle: &Candle) -> Signal {
        let before = self.highest.value().zip(self.lowest.value());
        self.highest.update(candle.high);
        self.lowest.update(candle.low);
        let Some((highest, lowest)) = before else { return Signal::default() };
        let close = candle.close;
        let signal = Signal { enter: close > highest, leave: close < lowest };
        if !candle.is_traded() {
            if self.signals == SignalRule::Strict && signal != Signal::default() {
                self.broken = Levels { above: signal.enter.then_some(highest), below: signal.leave.then_some(lowest) };
            }
            return Signal::default();
        }
        let broken = std::mem::take(&mut self.broken);
        if signal != Signal::default() {
            return signal;
        }
        Signal {
            enter: broken.above.is_some_and(|level| close > level),
            leave: broken.below.is_some_and(|level| close < level),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradingbot_domain::{Qty, Timestamp};

    const ENTER: Signal = Signal { enter: true, leave: false };
    const LEAVE: Signal = Signal { enter: false, leave: true };
    const NOTHING: Signal = Signal { enter: false, leave: false };

    fn signals(period: u32, candles: &[(i64, i64, i64, i128)]) -> Vec<Signal> {
        signals_under(SignalRule::Literal, period, candles)
    }

    fn signals_under(rule: SignalRule, period: u32, candles: &[(i64, i64, i64, i128)]) -> Vec<Signal> {
        let mut rule = DonchianBreakout::new(period, rule);
        let signals = candles.iter().map(|(high, low, close, volume)| {
            let mut candle = Candle::flat(Timestamp::ZERO, Price::from_units(*close));
            (candle.high, candle.low) = (Price::from_units(*high), Price::from_units(*low));
            candle.volume = Qty::from_units(*volume);
            rule.update(&candle)
        });
        signals.collect()
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
        let expected = [NOTHING, NOTHING, NOTHING, NOTHING, ENTER, NOTHING, NOTHING, LEAVE];
        assert_eq!(signals(2, &candles), expected);
    }

    #[test]
    fn a_candle_without_volume_is_silent_but_remembered() {
        let candles = [(10, 5, 7, 1), (20, 5, 20, 0), (15, 8, 15, 1), (16, 8, 16, 1)];
        assert_eq!(signals(1, &candles), [NOTHING, NOTHING, NOTHING, ENTER]);
    }

    #[test]
    fn a_break_without_volume_counts_on_the_next_candle_with_volume_if_it_still_holds() {
        let strict = |candles: &[_]| signals_under(SignalRule::Strict, 2, candles);
        let range = [(10, 5, 7, 1), (10, 5, 7, 1)];
        let above = [(20, 12, 20, 0), (16, 15, 15, 1), (15, 15, 15, 1)];
        assert_eq!(strict(&[&range[..], &above].concat())[2..], [NOTHING, ENTER, NOTHING]);
        let below = [(4, 2, 2, 0), (4, 4, 4, 1), (4, 4, 4, 1)];
        assert_eq!(strict(&[&range[..], &below].concat())[2..], [NOTHING, LEAVE, NOTHING]);
        let over = [(20, 12, 20, 0), (10, 9, 9, 1), (15, 12, 12, 1)];
        assert_eq!(strict(&[&range[..], &over].concat())[2..], [NOTHING; 3]);
    }

    #[test]
    fn old_candles_are_forgotten() {
        let candles = [(99, 1, 50, 1), (10, 9, 10, 1), (10, 9, 9, 1), (11, 9, 11, 1), (11, 8, 8, 1)];
        assert_eq!(signals(2, &candles), [NOTHING, NOTHING, NOTHING, ENTER, LEAVE]);
    }
}
