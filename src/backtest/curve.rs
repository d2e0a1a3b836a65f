//! What the account was worth over a backtest: by candle, by day, and how far under its peak.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use crate::domain::{AmountError, Notional, Rate, Rounding, Span, Timestamp};

/// What the account was worth over the candles that begin at one time. In the quote asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EquityPoint {
    /// When the candles begin.
    pub date: Timestamp,
    /// The UTC day in which they end: the last point of a day is what the account was worth at its end.
    #[serde(serialize_with = "as_date")]
    pub day: i64,
    /// At their opens, what trades there included. Absent under the freqtrade rule, which has no moment of all opens.
    pub equity_open: Option<Notional>,
    /// At the worst of their prices for what was held. Absent under the freqtrade rule.
    pub equity_low: Option<Notional>,
    /// At their closes.
    pub equity_close: Notional,
}

/// The worth of the account, point by point.
#[derive(Debug, Clone, Default)]
pub struct Curve {
    /// Every point, the balance at the start in front, when they are kept.
    pub points: Vec<EquityPoint>,
    /// Worth at the end of each UTC day in which candles end, the balance at the end of the day before the first candle in
    /// front. Days are counted from 1970.
    pub days: Vec<(i64, Notional)>,
    /// The farthest that the account was under an earlier peak. Peaks are told by opens and closes.
    pub drawdown_max: Rate,
    peak: Notional,
    trough: Notional,
    /// When the last of `days` is over.
    day_ends: Timestamp,
    every_point: bool,
}

impl Curve {
    /// A curve that starts with `balance` at the first candle; `every_point` keeps them all.
    #[must_use]
    pub fn new(first: Timestamp, balance: Notional, every_point: bool) -> Self {
        let day = first.day().saturating_sub(1);
        let start = EquityPoint { date: first, day, equity_open: None, equity_low: None, equity_close: balance };
        Self {
            points: if every_point { vec![start] } else { Vec::new() },
            days: vec![(day, balance)],
            drawdown_max: Rate::ZERO,
            peak: balance,
            trough: balance,
            day_ends: first.floor(Span::DAY),
            every_point,
        }
    }

    /// Adds the candles that begin at `date` and last for `interval`: worth at their opens and lows, where those are looked
    /// at, and at their closes.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn add(
        &mut self,
        date: Timestamp,
        interval: Span,
        open_and_low: Option<(Notional, Notional)>,
        close: Notional,
    ) -> Result<(), AmountError> {
        if let Some((open, low)) = open_and_low {
            self.see_peak(open);
            self.see_low(low)?;
        }
        self.see_peak(close);
        self.see_low(close)?;
        let last = date.plus(interval).minus(Span::from_nanos(1));
        match self.days.last_mut() {
            Some((_, worth)) if last < self.day_ends => *worth = close,
            Some(_) | None => {
                self.days.push((last.day(), close));
                self.day_ends = last.floor(Span::DAY).plus(Span::DAY);
            }
        }
        if self.every_point {
            let (equity_open, equity_low) = open_and_low.unzip();
            let day = last.day();
            self.points.push(EquityPoint { date, day, equity_open, equity_low, equity_close: close });
        }
        Ok(())
    }

    const fn see_peak(&mut self, worth: Notional) {
        if worth.units() > self.peak.units() {
            (self.peak, self.trough) = (worth, worth);
        }
    }

    fn see_low(&mut self, worth: Notional) -> Result<(), AmountError> {
        if worth < self.trough {
            self.trough = worth;
            let drawdown = self.peak.minus(worth)?.share_of(self.peak, Rounding::Up)?;
            self.drawdown_max = self.drawdown_max.max(drawdown);
        }
        Ok(())
    }
}

/// Writes one line a point under a header line; what was not looked at is empty.
///
/// # Errors
///
/// `out` refuses.
pub fn write_equity_csv(out: &mut dyn Write, points: &[EquityPoint]) -> io::Result<()> {
    writeln!(out, "date,day,equity_open,equity_low,equity_close")?;
    let worth = |worth: Option<Notional>| worth.map_or_else(String::new, |worth| worth.to_string());
    for point in points {
        let (open, low) = (worth(point.equity_open), worth(point.equity_low));
        writeln!(out, "{},{},{open},{low},{}", point.date, date_of(point.day), point.equity_close)?;
    }
    Ok(())
}

/// `2024-01-31`.
fn date_of(day: i64) -> String {
    let noon = Timestamp::from_nanos(day.saturating_mul(Span::DAY.nanos()));
    noon.to_string().split('T').next().unwrap_or_default().to_owned()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn as_date<S: Serializer>(day: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&date_of(*day))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Notional {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_low_counts_against_the_open_before_it_and_is_no_peak() {
        let mut curve = Curve::new(at("2024-01-01T00:00:00Z"), money("100"), false);
        let mut add = |hour: i64, open: &str, low: &str, close: &str| {
            let date = at("2024-01-01T00:00:00Z").plus(Span::from_secs(3600 * hour));
            curve.add(date, Span::HOUR, Some((money(open), money(low))), money(close)).unwrap();
            curve.drawdown_max.to_string()
        };
        assert_eq!(add(0, "100", "90", "99"), "0.1");
        assert_eq!(add(1, "120", "90", "110"), "0.25", "90 of the 120 at the open");
        assert_eq!(add(2, "110", "100", "130"), "0.25");
        assert_eq!(add(3, "130", "91", "130"), "0.3", "91 of the 130 at the close before");
    }

    #[test]
    fn a_candle_counts_for_the_day_in_which_it_ends() {
        let first = at("2024-01-01T00:00:00Z");
        let day = first.day();
        let mut curve = Curve::new(first, money("100"), true);
        curve.add(first, Span::DAY, None, money("101")).unwrap();
        curve.add(at("2024-01-02T00:00:00Z"), Span::from_secs(7 * 86_400), None, money("102")).unwrap();
        assert_eq!(curve.days, [(day - 1, money("100")), (day, money("101")), (day + 7, money("102"))]);
        let mut text = Vec::new();
        write_equity_csv(&mut text, &curve.points).unwrap();
        let expected = "date,day,equity_open,equity_low,equity_close\n\
                        2024-01-01T00:00:00Z,2023-12-31,,,100\n\
                        2024-01-01T00:00:00Z,2024-01-01,,,101\n\
                        2024-01-02T00:00:00Z,2024-01-08,,,102\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
