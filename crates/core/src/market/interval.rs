//! Lengths of candles, and where such candles start.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use tradingbot_domain::time::TimeError;
use tradingbot_domain::{Span, Timestamp};

/// The length of a candle: one that divides a day, or a week. Candles start where the exchange's do: at whole multiples
/// after midnight UTC, weeks on Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval(Span);

impl Interval {
    /// How long it is.
    #[must_use]
    pub const fn span(self) -> Span {
        self.0
    }

    /// The start of the candle that holds `at`.
    #[must_use]
    pub const fn start(self, at: Timestamp) -> Timestamp {
        if self.0.nanos() == WEEK.nanos() {
            at.minus(FIRST_MONDAY).floor(self.0).plus(FIRST_MONDAY)
        } else {
            at.floor(self.0)
        }
    }

    /// Whether candles of this length add up to those of `other`, which may be the same.
    #[must_use]
    pub const fn divides(self, other: Self) -> bool {
        other.0.nanos() % self.0.nanos() == 0
    }
}

impl TryFrom<Span> for Interval {
    type Error = IntervalError;

    fn try_from(span: Span) -> Result<Self, IntervalError> {
        let divides_day = span >= Span::SECOND && Span::DAY.nanos() % span.nanos() == 0;
        if divides_day || span == WEEK { Ok(Self(span)) } else { Err(IntervalError::Uneven { span }) }
    }
}

impl FromStr for Interval {
    type Err = IntervalError;

    /// Reads a length of time such as `1m` or `4h`.
    fn from_str(text: &str) -> Result<Self, IntervalError> {
        if text.strip_suffix('M').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(IntervalError::Month);
        }
        text.parse::<Span>()?.try_into()
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Text that is no length of a candle.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IntervalError {
    /// Not a length of time at all.
    #[error(transparent)]
    NotSpan(#[from] TimeError),
    /// A calendar month.
    #[error("months differ in length and are not supported; write 1m for a minute, 1d for a day, 1w for a week")]
    Month,
    /// Candles of this length would not start at the same times every day.
    #[error(
        "candles of {span} are not supported: a day is not a multiple of it; write one such as 1m, 15m, 4h, 1d or 1w"
    )]
    Uneven {
        /// The length.
        span: Span,
    },
}

const WEEK: Span = Span::from_nanos(7 * Span::DAY.nanos());

/// From the epoch, a Thursday, to 1970-01-05.
const FIRST_MONDAY: Span = Span::from_nanos(4 * Span::DAY.nanos());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candles_start_where_the_exchanges_do() {
        let start = |interval: &str| {
            let at: Timestamp = "2024-08-08T23:54:13.937Z".parse().unwrap();
            interval.parse::<Interval>().unwrap().start(at).to_string()
        };
        assert_eq!(start("1s"), "2024-08-08T23:54:13Z");
        assert_eq!(start("15m"), "2024-08-08T23:45:00Z");
        assert_eq!(start("8h"), "2024-08-08T16:00:00Z");
        assert_eq!(start("1d"), "2024-08-08T00:00:00Z");
        assert_eq!(start("1w"), "2024-08-05T00:00:00Z");
        let week: Interval = "1w".parse().unwrap();
        for monday in ["1969-12-29", "1970-01-05", "2024-01-01"] {
            let monday: Timestamp = monday.parse().unwrap();
            assert_eq!(
                (week.start(monday), week.start(monday.plus(WEEK).minus(Span::from_nanos(1)))),
                (monday, monday)
            );
        }
    }

    #[test]
    fn lengths_without_a_fixed_place_in_the_day_are_refused() {
        let refused = |text: &str| text.parse::<Interval>().unwrap_err().to_string();
        assert!(refused("1M").starts_with("months differ"));
        assert!(refused("7m").starts_with("candles of 7m are not supported"));
        for text in ["3d", "2w", "0s", "500ms", "1y", "", "M", "-1m"] {
            assert!(text.parse::<Interval>().is_err(), "{text}");
        }
    }
}
