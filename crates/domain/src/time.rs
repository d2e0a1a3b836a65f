//! Instants and spans as whole nanoseconds, UTC; who tells the time is not decided here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// An instant: nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted. Reaches to the year 2262.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// A length of time in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

impl Timestamp {
    /// The epoch.
    pub const ZERO: Self = Self(0);
    /// The latest instant.
    pub const MAX: Self = Self(i64::MAX);

    /// From nanoseconds since the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From milliseconds since the epoch; `None` past the year 2262.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Option<Self> {
        match millis.checked_mul(NANOS_PER_MILLI) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// From an exchange's number whose unit shows by its size: seconds, milli-, micro- or nanoseconds.
    #[must_use]
    pub const fn from_exchange(number: i64) -> Option<Self> {
        let magnitude = number.unsigned_abs();
        let factor = if magnitude < 100_000_000_000 {
            NANOS_PER_SECOND
        } else if magnitude < 100_000_000_000_000 {
            NANOS_PER_MILLI
        } else if magnitude < 100_000_000_000_000_000 {
            1_000
        } else {
            1
        };
        match number.checked_mul(factor) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(NANOS_PER_MILLI)
    }

    /// This instant and `span` more; stays at the end of time.
    #[must_use]
    pub const fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// This instant and `span` less; stays at the beginning of time.
    #[must_use]
    pub const fn minus(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// The time from `earlier` to here; negative when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// The start of the interval of length `span` that holds this instant, counted from the epoch.
    ///
    /// # Panics
    ///
    /// When `span` is not positive.
    #[must_use]
    pub const fn floor(self, span: Span) -> Self {
        Self(self.0 - self.0.rem_euclid(span.0))
    }

    /// Days since the epoch, UTC.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(Span::DAY.0)
    }
}

impl Span {
    /// No time.
    pub const ZERO: Self = Self(0);
    /// One second.
    pub const SECOND: Self = Self(NANOS_PER_SECOND);
    /// One minute.
    pub const MINUTE: Self = Self(60 * NANOS_PER_SECOND);
    /// One hour.
    pub const HOUR: Self = Self(3_600 * NANOS_PER_SECOND);
    /// One day.
    pub const DAY: Self = Self(86_400 * NANOS_PER_SECOND);

    /// From nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From milliseconds; stays at the longest span.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(NANOS_PER_MILLI))
    }

    /// From seconds; stays at the longest span.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(NANOS_PER_SECOND))
    }

    /// Nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Whole milliseconds, towards zero.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0 / NANOS_PER_MILLI
    }

    /// Whole minutes, towards zero.
    #[must_use]
    pub const fn minutes(self) -> i64 {
        self.0 / Self::MINUTE.0
    }

    /// As the standard library's duration; zero when negative.
    #[must_use]
    pub fn to_duration(self) -> std::time::Duration {
        std::time::Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with as many digits of the second as it has: none, 3, 6 or 9.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.day());
        let of_day = self.0.rem_euclid(Span::DAY.0);
        let second = of_day / NANOS_PER_SECOND;
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match of_day % NANOS_PER_SECOND {
            0 => {}
            nanos if nanos % NANOS_PER_MILLI == 0 => write!(f, ".{:03}", nanos / NANOS_PER_MILLI)?,
            nanos if nanos % 1_000 == 0 => write!(f, ".{:06}", nanos / 1_000)?,
            nanos => write!(f, ".{nanos:09}")?,
        }
        f.write_str("Z")
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    /// Reads `2024-01-31`, or RFC 3339 in UTC ending in `Z`.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let bad = || TimeError::NotUtc { text: text.chars().take(40).collect() };
        let (date, clock) = match text.split_once('T') {
            Some((date, clock)) => (date, clock.strip_suffix('Z').ok_or_else(bad)?),
            None => (text, "00:00:00"),
        };
        let number = |part: &str, width: usize| -> Result<i64, TimeError> {
            if part.len() != width || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(bad());
            }
            part.parse().map_err(|_| bad())
        };
        let mut parts = date.splitn(3, '-');
        let mut next = |width| number(parts.next().unwrap_or(""), width);
        let (year, month, day) = (next(4)?, next(2)?, next(2)?);
        let days = days_from_civil(year, month, day);
        if civil_from_days(days) != (year, month, day) {
            return Err(bad());
        }
        let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
        let mut parts = clock.splitn(3, ':');
        let mut next = || number(parts.next().unwrap_or(""), 2);
        let (hour, minute, second) = (next()?, next()?, next()?);
        if hour > 23 || minute > 59 || second > 59 || fraction.is_empty() || fraction.len() > 9 {
            return Err(bad());
        }
        let nanos = number(&format!("{fraction:0<9}"), 9)?;
        days.checked_mul(Span::DAY.0)
            .and_then(|start| start.checked_add((hour * 3_600 + minute * 60 + second) * NANOS_PER_SECOND + nanos))
            .map(Self)
            .ok_or_else(bad)
    }
}

impl fmt::Display for Span {
    /// Its units from the largest down: `15m`, `1m30s`, `1d`, `250ms`; weeks only when they are whole. One with a part of a
    /// millisecond is measured, not chosen, and shows its two largest units: `7m58s`, `153ms`, `12us`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, week) = (self.0.unsigned_abs(), WEEK.0.unsigned_abs());
        if whole == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        if whole.is_multiple_of(week) {
            return write!(f, "{}w", whole / week);
        }
        let exact = whole.is_multiple_of(NANOS_PER_MILLI.unsigned_abs());
        let small = [(Self(1_000), "us"), (Self(1), "ns")];
        let units = UNITS.iter().filter(|(unit, _)| *unit != WEEK).chain(&small);
        let mut units = units.skip_while(|(unit, _)| unit.0.unsigned_abs() > whole).peekable();
        let shown = match units.peek() {
            _ if exact => usize::MAX,
            Some((unit, _)) if *unit >= Self::SECOND => 2,
            _ => 1,
        };
        let mut left = whole;
        for (unit, name) in units.take(shown) {
            let unit = unit.0.unsigned_abs();
            if left >= unit {
                write!(f, "{}{name}", left / unit)?;
                left %= unit;
            }
        }
        Ok(())
    }
}

impl FromStr for Span {
    type Err = TimeError;

    /// Reads whole numbers and their units, larger ones first: `500ms`, `30s`, `5m`, `1h30m`, `1d`, `1w`.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let bad = || TimeError::NotSpan { text: text.chars().take(40).collect() };
        let (mut rest, mut units, mut sum) = (text, &UNITS[..], 0_i64);
        loop {
            let split = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
            let (digits, after) = rest.split_at(split);
            let (name, next) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
            let at = units.iter().position(|(_, known)| *known == name).ok_or_else(bad)?;
            let (unit, smaller) = units[at..].split_first().ok_or_else(bad)?;
            let count: i64 = digits.parse().map_err(|_| bad())?;
            sum = count.checked_mul(unit.0.0).and_then(|part| sum.checked_add(part)).ok_or_else(bad)?;
            if next.is_empty() {
                return Ok(Self(sum));
            }
            (rest, units) = (next, smaller);
        }
    }
}

/// Text that is not an instant or a span.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TimeError {
    /// Not a UTC date or time.
    #[error("\"{text}\" is not a UTC time such as 2024-01-31 or 2024-01-31T12:00:00Z")]
    NotUtc {
        /// The text, shortened.
        text: String,
    },
    /// Not a number with a unit.
    #[error("\"{text}\" is not a length of time such as 500ms, 30s, 5m, 1h, 1d or 1w")]
    NotSpan {
        /// The text, shortened.
        text: String,
    },
}

macro_rules! as_text {
    ($name:ident, $expecting:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}

as_text!(Timestamp, "a UTC time such as 2024-01-31T12:00:00Z");
as_text!(Span, "a length of time such as 30s, 5m or 1h");

/// Gregorian date of a count of days since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The inverse of [`civil_from_days`], same source.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

const NANOS_PER_MILLI: i64 = 1_000_000;
const NANOS_PER_SECOND: i64 = 1_000_000_000;
const WEEK: Span = Span(7 * Span::DAY.0);
const UNITS: [(Span, &str); 6] = [
    (WEEK, "w"),
    (Span::DAY, "d"),
    (Span::HOUR, "h"),
    (Span::MINUTE, "m"),
    (Span::SECOND, "s"),
    (Span(NANOS_PER_MILLI), "ms"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_read_and_write_the_same_text() {
        for text in ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59.999Z", "1969-12-31T23:59:59.999999999Z"] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        }
        assert_eq!("2021-04-05".parse::<Timestamp>().unwrap().millis(), 1_617_580_800_000);
    }

    #[test]
    fn dates_that_do_not_exist_are_refused() {
        for text in
            ["2023-02-29", "2024-13-01", "2024-00-10", "2024-1-1", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00"]
        {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_unit_of_an_exchange_time_shows_by_its_size() {
        let expected = Timestamp::from_nanos(1_723_161_255_208_000_000);
        assert_eq!(Timestamp::from_exchange(1_723_161_255_208), Some(expected));
        assert_eq!(Timestamp::from_exchange(1_723_161_255_208_000), Some(expected));
        assert_eq!(Timestamp::from_exchange(1_723_161_255_208_000_000), Some(expected));
    }

    #[test]
    fn spans_read_and_write_the_same_text() {
        for text in ["15m", "1h", "1m30s", "1d1ms", "250ms", "1d", "8d", "2w"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("90s".parse::<Span>().unwrap().to_string(), "1m30s");
        assert_eq!(Span::ZERO.to_string(), "0s");
        for text in ["", "5", "m", "-5m", "1.5h", "5 m", "99999999999w", "1h2", "1m1h", "1s1s", "1h-1m"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_span_that_was_measured_shows_what_a_reader_wants_of_it() {
        for (nanos, text) in [
            (478_153_961_808, "7m58s"),
            (10_800_000_000_001, "3h"),
            (93_784_000_000_001, "1d2h"),
            (11_200_000_001, "11s200ms"),
            (153_961_808, "153ms"),
            (12_345, "12us"),
            (7, "7ns"),
            (-478_153_961_808, "-7m58s"),
        ] {
            assert_eq!(Span::from_nanos(nanos).to_string(), text);
        }
        assert_eq!(Span::from_nanos(i64::MIN).to_string(), "-106751d23h");
    }

    #[test]
    fn a_candle_starts_on_its_interval() {
        let at: Timestamp = "2024-01-01T10:59:59.999Z".parse().unwrap();
        assert_eq!(at.floor(Span::HOUR).to_string(), "2024-01-01T10:00:00Z");
    }
}
