//! Enters when the price has fallen fast, leaves when it has risen fast.

use super::indicator::Rsi;
use super::{Signal, Strategy, as_float};
use crate::domain::Candle;

/// The relative strength index of the close against two levels. A candle without volume gives no signal.
#[derive(Debug, Clone)]
pub struct RsiReversion {
    rsi: Rsi,
    enter_below: f64,
    leave_above: f64,
}

impl RsiReversion {
    /// Period in candles, levels from 0 to 100.
    #[must_use]
    pub fn new(period: u32, enter_below: u32, leave_above: u32) -> Self {
        Self { rsi: Rsi::new(period), enter_below: f64::from(enter_below), leave_above: f64::from(leave_above) }
    }
}

impl Strategy for RsiReversion {
    fn update(&mut self, candle: &Candle) -> Signal {
        match self.rsi.update(as_float(candle.close)) {
            Some(rsi) if candle.volume.is_positive() => {
                Signal { enter: rsi < self.enter_below, leave: rsi > self.leave_above }
            }
            Some(_) | None => Signal::default(),
        }
    }
}
