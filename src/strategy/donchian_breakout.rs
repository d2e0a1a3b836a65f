//! Enters above the highest price of late, leaves under the lowest.

use std::collections::VecDeque;

use super::{Signal, Strategy};
use crate::domain::{Candle, Price};

/// The close against the highest high and lowest low of the candles before it. A candle without volume gives no signal.
#[derive(Debug, Clone)]
pub struct DonchianBreakout {
    period: usize,
    before: VecDeque<(Price, Price)>,
}

impl DonchianBreakout {
    /// How many candles before this one count, at least one.
    #[must_use]
    pub fn new(period: u32) -> Self {
        let period = usize::try_from(period.max(1)).unwrap_or(usize::MAX);
        Self { period, before: VecDeque::with_capacity(period.min(CAPACITY_AT_START)) }
    }
}

impl Strategy for DonchianBreakout {
    fn update(&mut self, candle: &Candle) -> Signal {
        let mut signal = Signal::default();
        if self.before.len() == self.period {
            if candle.volume.is_positive() {
                signal.enter = self.before.iter().all(|(high, _)| candle.close > *high);
                signal.leave = self.before.iter().all(|(_, low)| candle.close < *low);
            }
            self.before.pop_front();
        }
        self.before.push_back((candle.high, candle.low));
        signal
    }
}

const CAPACITY_AT_START: usize = 1_024;
