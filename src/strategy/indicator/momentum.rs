//! How fast prices move.
#![expect(clippy::float_arithmetic, reason = "indicators are statistics, not money")]

/// Relative strength index after Wilder: after `period` changes the averages of rises and falls start as plain means,
/// then follow as `(average * (period - 1) + new) / period`; the index is `100 * up / (up + down)`, 0 when both are 0.
#[derive(Debug, Clone, Copy)]
pub struct Rsi {
    period: u32,
    seen: u32,
    last: f64,
    up: f64,
    down: f64,
}

impl Rsi {
    /// An index over `period` changes, at least one.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        Self { period: if period == 0 { 1 } else { period }, seen: 0, last: 0.0, up: 0.0, down: 0.0 }
    }

    /// Takes in one input; `None` until `period` changes are known.
    pub fn update(&mut self, input: f64) -> Option<f64> {
        let change = input - self.last;
        self.last = input;
        if self.seen == 0 {
            self.seen = 1;
            return None;
        }
        let (rise, fall) = (change.max(0.0), (-change).max(0.0));
        let period = f64::from(self.period);
        if self.seen <= self.period {
            self.seen += 1;
            self.up += rise;
            self.down += fall;
            if self.seen <= self.period {
                return None;
            }
            self.up /= period;
            self.down /= period;
        } else {
            self.up = (self.up * (period - 1.0) + rise) / period;
            self.down = (self.down * (period - 1.0) + fall) / period;
        }
        let sum = self.up + self.down;
        Some(if sum == 0.0 { 0.0 } else { 100.0 * self.up / sum })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_share_of_rises_in_all_moves() {
        let mut rsi = Rsi::new(2);
        assert_eq!(
            [1.0, 2.0, 1.0, 3.0].map(|input| rsi.update(input).map(f64::round)),
            [None, None, Some(50.0), Some(83.0)]
        );
        let mut flat = Rsi::new(1);
        assert_eq!([1.0, 1.0].map(|input| flat.update(input)), [None, Some(0.0)]);
    }
}
