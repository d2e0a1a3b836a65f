//! Moving averages.
#![expect(clippy::float_arithmetic, reason = "indicators are statistics, not money")]

/// Exponential moving average: the first value is the plain mean of the first `period` inputs, from then on
/// `previous + 2 / (period + 1) * (input - previous)`.
#[derive(Debug, Clone, Copy)]
pub struct Ema {
    period: u32,
    seen: u32,
    value: f64,
}

impl Ema {
    /// An average over `period` inputs, at least one.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        Self { period: if period == 0 { 1 } else { period }, seen: 0, value: 0.0 }
    }

    /// Takes in one input; `None` until there are `period` of them.
    pub fn update(&mut self, input: f64) -> Option<f64> {
        if self.seen < self.period {
            self.seen += 1;
            self.value += input;
            if self.seen < self.period {
                return None;
            }
            self.value /= f64::from(self.period);
        } else {
            self.value += 2.0 / (f64::from(self.period) + 1.0) * (input - self.value);
        }
        Some(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_with_the_mean_and_then_follows() {
        let mut ema = Ema::new(3);
        assert_eq!([1.0, 2.0, 3.0, 5.0].map(|input| ema.update(input)), [None, None, Some(2.0), Some(3.5)]);
    }
}
