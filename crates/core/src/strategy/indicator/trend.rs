//! Which way prices go, and how surely.
#![expect(clippy::float_arithmetic, reason = "indicators are statistics, not money")]

use super::average::Wilder;
use super::bar::Bar;
use super::volatility::{Atr, TrueRange};

/// Average directional index after Wilder.
///
/// A candle's +DM is how much its high is above the one before, if that is more than nothing and more than its low is
/// below the one before; -DM mirrored. +DM, -DM and true range are summed over the first `period` - 1 changes and then
/// follow as `sum - sum / period + new`; an indicator is 100 times its DM over the range, from the `period`-th change on.
/// DX is `100 * |+DI - -DI| / (+DI + -DI)`; the index is Wilder's average of it and stays as it is where DX has no value
/// (but counts it as 0 in the first mean), as TA-Lib does.
#[derive(Debug, Clone, Copy)]
pub struct Adx {
    period: u32,
    seen: u32,
    before: Option<(f64, f64)>,
    range: TrueRange,
    plus: f64,
    minus: f64,
    total: f64,
    average: Wilder,
}

/// What [`Adx`] says, each from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdxValue {
    /// Strength of the trend, up or down; starts `period` - 1 candles later than the indicators.
    pub adx: Option<f64>,
    /// Upward indicator, +DI.
    pub plus: f64,
    /// Downward indicator, -DI.
    pub minus: f64,
}

impl Adx {
    /// An index over `period` candles, at least two.
    #[must_use]
    pub fn new(period: u32) -> Self {
        let period = period.max(2);
        Self {
            period,
            seen: 0,
            before: None,
            range: TrueRange::default(),
            plus: 0.0,
            minus: 0.0,
            total: 0.0,
            average: Wilder::new(period),
        }
    }

    /// Takes in one candle; `None` until there are more than `period` of them.
    pub fn update(&mut self, bar: &Bar) -> Option<AdxValue> {
        let range = self.range.update(bar);
        let before = self.before.replace((bar.high, bar.low));
        let ((high, low), range) = before.zip(range)?;
        let (rise, fall) = (bar.high - high, low - bar.low);
        let plus = if rise > fall && rise > 0.0 { rise } else { 0.0 };
        let minus = if fall > rise && fall > 0.0 { fall } else { 0.0 };
        if self.seen + 1 < self.period {
            self.seen += 1;
            self.plus += plus;
            self.minus += minus;
            self.total += range;
            return None;
        }
        let period = f64::from(self.period);
        self.plus += plus - self.plus / period;
        self.minus += minus - self.minus / period;
        self.total += range - self.total / period;
        let share = |part: f64| if self.total == 0.0 { 0.0 } else { 100.0 * part / self.total };
        let (plus, minus) = (share(self.plus), share(self.minus));
        let both = plus + minus;
        let adx = if both == 0.0 {
            match self.average.value() {
                Some(average) => Some(average),
                None => self.average.update(0.0),
            }
        } else {
            self.average.update(100.0 * (plus - minus).abs() / both)
        };
        Some(AdxValue { adx, plus, minus })
    }
}

/// Supertrend: a line `width` average true ranges from the middle of the candle that only moves towards prices, until
/// a close breaks it and it changes sides.
#[derive(Debug, Clone, Copy)]
pub struct Supertrend {
    range: Atr,
    width: f64,
    last: Option<Sides>,
    close: f64,
}

#[derive(Debug, Clone, Copy)]
struct Sides {
    upper: f64,
    lower: f64,
    rising: bool,
}

/// What [`Supertrend`] says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SupertrendValue {
    /// The line: under prices while they rise, over them while they fall.
    pub line: f64,
    /// Whether they rise.
    pub rising: bool,
}

impl Supertrend {
    /// Period of the true range, and how many of them the line is away.
    #[must_use]
    pub fn new(period: u32, width: f64) -> Self {
        Self { range: Atr::new(period), width, last: None, close: 0.0 }
    }

    /// Takes in one candle; `None` until there are more than `period` of them. Starts as falling.
    pub fn update(&mut self, bar: &Bar) -> Option<SupertrendValue> {
        let before = std::mem::replace(&mut self.close, bar.close);
        let range = self.range.update(bar)?;
        let middle = f64::midpoint(bar.high, bar.low);
        let (mut upper, mut lower) = (middle + self.width * range, middle - self.width * range);
        let mut rising = false;
        if let Some(last) = self.last {
            if upper >= last.upper && before <= last.upper {
                upper = last.upper;
            }
            if lower <= last.lower && before >= last.lower {
                lower = last.lower;
            }
            rising = if last.rising { bar.close >= lower } else { bar.close > upper };
        }
        self.last = Some(Sides { upper, lower, rising });
        Some(SupertrendValue { line: if rising { lower } else { upper }, rising })
    }
}

/// Parabolic stop and reverse after Wilder: a stop that speeds up towards prices with every new extreme, by `step` up
/// to `max`, and changes sides when it is touched. Never inside the range of the two candles it follows.
#[derive(Debug, Clone, Copy)]
pub struct ParabolicSar {
    step: f64,
    max: f64,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Empty,
    First { high: f64, low: f64 },
    Running(Run),
}

#[derive(Debug, Clone, Copy)]
struct Run {
    long: bool,
    stop: f64,
    extreme: f64,
    factor: f64,
    high: f64,
    low: f64,
}

impl ParabolicSar {
    /// By how much the factor grows, and how large it may become.
    #[must_use]
    pub fn new(step: f64, max: f64) -> Self {
        Self { step: step.min(max), max, state: State::Empty }
    }

    /// Takes in one candle; `None` for the first.
    pub fn update(&mut self, bar: &Bar) -> Option<f64> {
        let mut run = match self.state {
            State::Empty => {
                self.state = State::First { high: bar.high, low: bar.low };
                return None;
            }
            State::First { high, low } => {
                let (rise, fall) = (bar.high - high, low - bar.low);
                let long = !(fall > 0.0 && fall > rise);
                let (stop, extreme) = if long { (low, bar.high) } else { (high, bar.low) };
                Run { long, stop, extreme, factor: self.step, high: bar.high, low: bar.low }
            }
            State::Running(run) => run,
        };
        let stop = run.follow(bar, self.step, self.max);
        self.state = State::Running(run);
        Some(stop)
    }
}

impl Run {
    /// The stop for this candle; moves on to the next.
    fn follow(&mut self, bar: &Bar, step: f64, max: f64) -> f64 {
        let (top, bottom) = (self.high.max(bar.high), self.low.min(bar.low));
        let touched = if self.long { bar.low <= self.stop } else { bar.high >= self.stop };
        if touched {
            self.stop = if self.long { self.extreme.max(top) } else { self.extreme.min(bottom) };
            self.long = !self.long;
            self.factor = step;
            self.extreme = if self.long { bar.high } else { bar.low };
        }
        let stop = self.stop;
        let further = if self.long { bar.high > self.extreme } else { bar.low < self.extreme };
        if further {
            self.extreme = if self.long { bar.high } else { bar.low };
            self.factor = (self.factor + step).min(max);
        }
        // Rounded once: a stop that should meet a price to the last digit does.
        let next = self.factor.mul_add(self.extreme - stop, stop);
        self.stop = if self.long { next.min(bottom) } else { next.max(top) };
        (self.high, self.low) = (bar.high, bar.low);
        stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(high: f64, low: f64, close: f64) -> Bar {
        Bar { day: 0, open: close, high, low, close, volume: 1.0, typical_units: 0 }
    }

    #[test]
    fn a_steady_rise_is_all_plus() {
        let mut adx = Adx::new(2);
        let candles = [1.0, 2.0, 3.0, 4.0].map(|price| bar(price + 1.0, price, price));
        let values = candles.map(|bar| adx.update(&bar));
        assert_eq!(values[..2], [None, None]);
        assert_eq!(values[2].map(|value| (value.adx, value.minus)), Some((None, 0.0)));
        assert_eq!(values[3].and_then(|value| value.adx), Some(100.0));
    }

    #[test]
    fn candles_that_do_not_move_have_no_direction() {
        let mut adx = Adx::new(2);
        let values = [bar(5.0, 5.0, 5.0); 5].map(|bar| adx.update(&bar));
        assert_eq!(values[4], Some(AdxValue { adx: Some(0.0), plus: 0.0, minus: 0.0 }));
    }

    #[test]
    fn a_line_changes_sides_when_a_close_breaks_it() {
        let mut trend = Supertrend::new(1, 1.0);
        let candles = [
            bar(11.0, 9.0, 10.0),
            bar(11.0, 9.0, 10.0),
            bar(13.5, 12.5, 13.0),
            bar(13.0, 11.0, 12.0),
            bar(6.0, 4.0, 5.0),
        ];
        let values = candles.map(|bar| trend.update(&bar).map(|value| (value.line, value.rising)));
        assert_eq!(values, [None, Some((12.0, false)), Some((9.5, true)), Some((10.0, true)), Some((13.0, false))]);
    }

    #[test]
    fn a_stop_that_is_touched_changes_sides() {
        let mut sar = ParabolicSar::new(0.02, 0.2);
        let prices = [(10.0, 9.0), (11.0, 10.0), (12.0, 11.0), (9.5, 8.0), (9.0, 7.0), (8.0, 7.5)];
        let values = prices.map(|(high, low)| sar.update(&bar(high, low, low)));
        assert_eq!(values[..2], [None, Some(9.0)]);
        assert_eq!(values[3..], [Some(12.0), Some(12.0), Some(11.8)]);
    }
}
