//! Enters above the highest price of late, leaves under the lowest.

use super::indicator::Extreme;
use super::{Signal, Strategy};
use crate::domain::{Candle, Price};

/// The close against the highest high and lowest low of the candles before it. A candle without volume gives no signal,
/// but its prices count for those after it.
#[derive(Debug, Clone)]
pub struct DonchianBreakout {
    highest: Extreme<Price>,
    lowest: Extreme<Price>,
}

impl DonchianBreakout {
    /// How many candles before this one count, at least one.
    #[must_use]
    pub fn new(period: u32) -> Self {
        Self { highest: Extreme::greatest(period), lowest: Extreme::least(period) }
    }
}

impl Strategy for DonchianBreakout {
    fn update(&mut self, candle: &Candle) -> Signal {
        let before = self.highest.value().zip(self.lowest.value());
        self.highest.update(candle.high);
        self.lowest.update(candle.low);
        match before {
            Some((highest, lowest)) if candle.volume.is_positive() => {
                Signal { enter: candle.close > highest, leave: candle.close < lowest }
            }
            Some(_) | None => Signal::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Qty, Timestamp};

    const ENTER: Signal = Signal { enter: true, leave: false };
    const LEAVE: Signal = Signal { enter: false, leave: true };
    const NOTHING: Signal = Signal { enter: false, leave: false };

    fn signals(period: u32, candles: &[(i64, i64, i64, i128)]) -> Vec<Signal> {
        let mut rule = DonchianBreakout::new(period);
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
    fn old_candles_are_forgotten() {
        let candles = [(99, 1, 50, 1), (10, 9, 10, 1), (10, 9, 9, 1), (11, 9, 11, 1), (11, 8, 8, 1)];
        assert_eq!(signals(2, &candles), [NOTHING, NOTHING, NOTHING, ENTER, LEAVE]);
    }
}
