//! Enters when the price has fallen fast, leaves when it has risen fast.

use super::indicator::Rsi;
use super::{Signal, SignalRule, Strategy, as_float};
use tradingbot_domain::{Candle, Price};

/// The relative strength index of the close against two levels. A candle without volume gives no signal, and over as many
/// candles as the index looks back, all with the same close, nothing is entered: the index is 0 where nothing ever moved,
/// and keeps its last value where nothing moves any more.
#[derive(Debug, Clone)]
pub struct RsiReversion {
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
    #[must_use]
    pub fn new(period: u32, enter_below: u32, leave_above: u32, signals: SignalRule) -> Self {
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
    fn update(&mut self, candle: &Candle) -> Signal {
        let moved = std::mem::replace(&mut self.close, candle.close) != candle.close;
        self.unmoved = if moved { 0 } else { self.unmoved.saturating_add(1) };
        let still = self.signals == SignalRule::Strict && self.unmoved >= self.period;
        match self.rsi.update(as_float(candle.close)) {
            Some(rsi) if candle.is_traded() => {
                Signal { enter: rsi < self.enter_below && !still, leave: rsi > self.leave_above }
            }
            Some(_) | None => Signal::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradingbot_domain::{Price, Qty, Timestamp};

    fn signals(closes: &[(i64, i128)]) -> Vec<Signal> {
        signals_under(SignalRule::Strict, closes)
    }

    fn signals_under(rule: SignalRule, closes: &[(i64, i128)]) -> Vec<Signal> {
        let mut rule = RsiReversion::new(2, 30, 70, rule);
        let signals = closes.iter().map(|(close, volume)| {
            let mut candle = Candle::flat(Timestamp::ZERO, Price::from_units(close * 100_000_000));
            candle.volume = Qty::from_units(*volume);
            rule.update(&candle)
        });
        signals.collect()
    }

    #[test]
    fn a_fall_enters_and_a_rise_leaves_as_long_as_it_lasts() {
        let signals = signals(&[(10, 1), (9, 1), (8, 1), (7, 1), (9, 1), (12, 1), (14, 1)]);
        assert_eq!(
            signals.iter().map(|signal| signal.enter).collect::<Vec<_>>(),
            [false, false, true, true, false, false, false]
        );
        assert_eq!(
            signals.iter().map(|signal| signal.leave).collect::<Vec<_>>(),
            [false, false, false, false, false, true, true]
        );
    }

    #[test]
    fn a_level_is_not_reached_by_touching_it() {
        let signals = signals(&[(100, 1), (93, 1), (96, 1)]);
        assert_eq!(signals[2], Signal::default(), "three of ten is 30, not under it");
    }

    #[test]
    fn prices_that_stand_still_are_not_entered_for_having_fallen() {
        let enters = |closes: &[_]| signals(closes).iter().map(|signal| signal.enter).collect::<Vec<_>>();
        assert_eq!(enters(&[(5, 1), (5, 1), (5, 1), (5, 1)]), [false; 4], "nothing ever moved");
        let stopped = [(9, 1), (8, 1), (7, 1), (7, 1), (7, 1), (7, 1), (6, 1)];
        assert_eq!(enters(&stopped), [false, false, true, true, false, false, true], "nothing moves any more");
    }

    #[test]
    fn a_rise_that_has_stopped_still_leaves() {
        assert!(signals(&[(5, 1), (6, 1), (7, 1), (7, 1), (7, 1), (7, 1)])[5].leave);
    }

    #[test]
    fn taken_literally_prices_that_stand_still_are_low_with_volume() {
        let signals = |closes: &[_]| signals_under(SignalRule::Literal, closes);
        assert_eq!(signals(&[(5, 0), (5, 0), (5, 0)])[2], Signal::default());
        assert!(signals(&[(5, 1), (5, 1), (5, 1)])[2].enter);
    }
}
