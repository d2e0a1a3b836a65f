//! Moving averages.
#![expect(clippy::float_arithmetic, reason = "indicators are statistics, not money")]

use super::sum::Sum;
use super::window::Window;

/// Simple moving average: the mean of the last `period` inputs.
#[derive(Debug, Clone)]
pub struct Sma {
    window: Window<f64>,
    sum: Sum,
    period: f64,
}

impl Sma {
    /// An average over `period` inputs, at least one.
    #[must_use]
    pub fn new(period: u32) -> Self {
        Self { window: Window::new(period), sum: Sum::default(), period: f64::from(period.max(1)) }
    }

    /// Takes in one input; `None` until there are `period` of them.
    pub fn update(&mut self, input: f64) -> Option<f64> {
        self.sum.add(input);
        if let Some(oldest) = self.window.push(input) {
            self.sum.add(-oldest);
        }
        self.window.is_full().then(|| self.sum.over(self.period))
    }

    /// The inputs that the average is over, oldest first.
    pub fn inputs(&self) -> impl Iterator<Item = f64> {
        self.window.iter()
    }
}

/// Exponential moving average: the first value is the plain mean of the first `period` inputs, from then on
/// `previous + 2 / (period + 1) * (input - previous)`.
#[derive(Debug, Clone, Copy)]
pub struct Ema {
    period: u32,
    seen: u32,
    share: f64,
    value: f64,
}

impl Ema {
    /// An average over `period` inputs, at least one.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "From is not const; every u32 is a f64")]
    pub const fn new(period: u32) -> Self {
        let period = if period == 0 { 1 } else { period };
        Self { period, seen: 0, share: 2.0 / (period as f64 + 1.0), value: 0.0 }
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
            self.value = self.share.mul_add(input - self.value, self.value); // rounded once, to the last bit as TA-Lib does
        }
        Some(self.value)
    }
}

/// Linearly weighted moving average: weights 1 to `period`, the newest heaviest, divided by their sum.
#[derive(Debug, Clone)]
pub struct Wma {
    window: Window<f64>,
    weights: f64,
}

impl Wma {
    /// An average over `period` inputs, at least one.
    #[must_use]
    pub fn new(period: u32) -> Self {
        let longest = f64::from(period.max(1));
        Self { window: Window::new(period), weights: longest * (longest + 1.0) / 2.0 }
    }

    /// Takes in one input; `None` until there are `period` of them.
    pub fn update(&mut self, input: f64) -> Option<f64> {
        self.window.push(input);
        self.window.is_full().then(|| {
            let mut weight = 0.0;
            let mut sum = 0.0;
            for value in self.window.iter() {
                weight += 1.0;
                sum += weight * value;
            }
            sum / self.weights
        })
    }
}

/// Wilder's smoothing: the first value is the plain mean of the first `period` inputs, from then on
/// `(previous * (period - 1) + input) / period`.
#[derive(Debug, Clone, Copy)]
pub struct Wilder {
    period: u32,
    seen: u32,
    value: f64,
}

impl Wilder {
    /// An average over `period` inputs, at least one.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        Self { period: if period == 0 { 1 } else { period }, seen: 0, value: 0.0 }
    }

    /// Takes in one input; `None` until there are `period` of them.
    pub fn update(&mut self, input: f64) -> Option<f64> {
        let period = f64::from(self.period);
        if self.seen < self.period {
            self.seen += 1;
            self.value += input;
            if self.seen < self.period {
                return None;
            }
            self.value /= period;
        } else {
            self.value = (self.value * (period - 1.0) + input) / period;
        }
        Some(self.value)
    }

    /// The average as it stands; `None` until there are `period` inputs.
    #[must_use]
    pub const fn value(&self) -> Option<f64> {
        if self.seen < self.period { None } else { Some(self.value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simple_average_is_the_mean_of_the_last() {
        let mut sma = Sma::new(3);
        assert_eq!([1.0, 2.0, 3.0, 7.0].map(|input| sma.update(input)), [None, None, Some(2.0), Some(4.0)]);
    }

    #[test]
    fn an_exponential_average_starts_with_the_mean_and_then_follows() {
        let mut ema = Ema::new(3);
        assert_eq!([1.0, 2.0, 3.0, 5.0].map(|input| ema.update(input)), [None, None, Some(2.0), Some(3.5)]);
    }

    #[test]
    fn a_weighted_average_leans_to_the_newest() {
        let mut wma = Wma::new(3);
        assert_eq!(
            [1.0, 2.0, 3.0, 6.0].map(|input| wma.update(input)),
            [None, None, Some(14.0 / 6.0), Some(26.0 / 6.0)]
        );
    }

    #[test]
    fn wilder_follows_more_slowly() {
        let mut wilder = Wilder::new(2);
        assert_eq!([1.0, 3.0, 6.0].map(|input| wilder.update(input)), [None, Some(2.0), Some(4.0)]);
        assert_eq!(wilder.value(), Some(4.0));
    }

    #[test]
    fn a_period_of_one_or_none_is_the_input_itself() {
        for period in [0, 1] {
            assert_eq!(Sma::new(period).update(5.0), Some(5.0));
            assert_eq!(Ema::new(period).update(5.0), Some(5.0));
            assert_eq!(Wma::new(period).update(5.0), Some(5.0));
            assert_eq!(Wilder::new(period).update(5.0), Some(5.0));
        }
    }
}
