//! A running sum that does not drift.
#![expect(clippy::float_arithmetic, reason = "indicators are statistics, not money")]

/// A sum kept in two words, so that adding and taking out values for years leaves no trace of those that are gone
/// (error-free addition after Knuth, The Art of Computer Programming 2, 4.2.2).
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum {
    high: f64,
    low: f64,
}

impl Sum {
    /// Adds a value; add its opposite to take it out.
    pub fn add(&mut self, value: f64) {
        let sum = self.high + value;
        let of_value = sum - self.high;
        let error = (self.high - (sum - of_value)) + (value - of_value);
        let low = self.low + error;
        self.high = sum + low;
        self.low = low - (self.high - sum);
    }

    /// The sum.
    #[must_use]
    pub const fn value(&self) -> f64 {
        self.high
    }

    /// The sum over `count`, rounded once: the mean of equal values is that value.
    #[must_use]
    pub fn over(&self, count: f64) -> f64 {
        let quotient = self.high / count;
        let rest = (-quotient).mul_add(count, self.high) + self.low;
        quotient + rest / count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_and_taken_out_leaves_nothing() {
        let mut sum = Sum::default();
        sum.add(0.000_01);
        for step in 1..100_000 {
            sum.add(f64::from(step) * 1e9 + 0.1);
            sum.add(-(f64::from(step) * 1e9 + 0.1));
        }
        assert_eq!(sum.value(), 0.000_01);
    }

    #[test]
    fn the_mean_of_equal_values_is_that_value() {
        for value in [0.1, 1.878, 58_202.01, 0.000_001_29] {
            for count in [3, 7, 20, 200] {
                let mut sum = Sum::default();
                (0..count).for_each(|_| sum.add(value));
                assert_eq!(sum.over(f64::from(count)), value);
            }
        }
    }
}
