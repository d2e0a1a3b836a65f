//! How long the candles of a file are, by their times, against what its name or the caller says.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::error::ReadKlinesError;
use super::gap::Gap;
use super::name;
use crate::domain::{Candle, Span, Timestamp};

/// How long the rows of a file are by their `close_time`.
#[derive(Debug, Default)]
pub(super) struct Lengths {
    tally: Tally,
}

impl Lengths {
    /// Takes in one row.
    pub(super) fn note(&mut self, open_time: Timestamp, close_time: Timestamp) {
        self.tally.note(close_time.since(open_time), open_time);
    }
}

/// How the rows of a file follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spacing {
    /// Length of a candle; of candles of a month the longest.
    pub interval: Span,
    /// Whether they are of calendar months.
    pub months: bool,
}

impl Spacing {
    /// That of the file at `path`, of which `asked` is the length that the caller wants.
    ///
    /// # Errors
    ///
    /// The rows are not as the caller or the file's name says, or of several lengths.
    pub(super) fn of(
        path: &Path,
        asked: Option<Span>,
        candles: &[Candle],
        lengths: &Lengths,
    ) -> Result<Self, ReadKlinesError> {
        let path = || path.to_path_buf();
        let asked = asked.filter(|interval| *interval > Span::ZERO);
        let steps = steps(candles);
        let named = asked.or_else(|| name::interval_of(&path()));
        let step = steps.most(|step| named == Some(step));
        let length = lengths.tally.most(|span| named.is_some() && length_of(span) == named).and_then(length_of);
        if asked.is_none() && name::interval_of(&path()).is_none() {
            let starts_months = candles.iter().all(|candle| starts_month(candle.open_time));
            let is_month = |span: Span| (MONTH_MIN..=MONTH_MAX).contains(&span);
            if starts_months && length.or(step).is_some_and(is_month) && step.is_none_or(is_month) {
                return Ok(Self { interval: MONTH_MAX, months: true });
            }
            if name::is_of_months(&path()) {
                let found = step.or(length).unwrap_or(Span::ZERO);
                return Err(ReadKlinesError::NotMonths { path: path(), found });
            }
        }
        let interval = match (named, step, length) {
            (Some(named), None, Some(length)) if length > named => Err((named, length)),
            (Some(named), Some(step), _) if step == named => Ok(named),
            // Where little is traded most candles may be missing, but those that are there are as long as they should be.
            (Some(named), Some(step), Some(length)) if length == named && divides(named, step) => Ok(named),
            (Some(named), Some(step), _) => Err((named, step)),
            (Some(named), None, _) => Ok(named),
            (None, Some(step), Some(length)) if divides(length, step) => Ok(length),
            (None, Some(step), _) => Ok(step),
            (None, None, _) => return Err(ReadKlinesError::NoInterval { path: path() }),
        };
        let interval = interval.map_err(|(named, found)| match asked {
            Some(asked) => ReadKlinesError::NotAsAsked { path: path(), asked, found },
            None => ReadKlinesError::OtherInterval { path: path(), named, found },
        })?;
        if let Some(found) = length.filter(|length| candles.len() > 1 && *length != interval) {
            return Err(ReadKlinesError::OtherLength { path: path(), interval, found });
        }
        let shorter = steps.often(candles.len(), |step| step < interval);
        let other = |span| length_of(span).is_some_and(|length| length != interval);
        let other = lengths.tally.often(candles.len(), other).and_then(|(span, seen)| Some((length_of(span)?, seen)));
        match shorter.or(other) {
            Some((found, Seen { count, first })) => {
                Err(ReadKlinesError::Mixed { path: path(), interval, found, count, rows: candles.len(), first })
            }
            None => Ok(Self { interval, months: false }),
        }
    }

    /// Where candles are missing between those that ascend.
    #[must_use]
    pub fn gaps(&self, candles: &[Candle]) -> Vec<Gap> {
        let pairs =
            candles.iter().zip(candles.iter().skip(1)).map(|(before, after)| (before.open_time, after.open_time));
        if !self.months {
            return pairs.filter_map(|(before, after)| Gap::between(before, after, self.interval)).collect();
        }
        let missing = |(before, after): (Timestamp, Timestamp)| {
            let missing = u64::try_from(month_of(after) - month_of(before) - 1).ok().filter(|missing| *missing > 0)?;
            // The month after `before` begins with the first day that is 31 days later or less and is the first of one.
            let from =
                (28..=31).map(|days| before.plus(Span::from_secs(days * 86_400))).find(|day| starts_month(*day))?;
            Some(Gap { from, until: after, missing })
        };
        pairs.filter_map(missing).collect()
    }

    /// Rows that do not start a whole number of intervals after the first one.
    pub(super) fn unaligned(&self, candles: &[Candle]) -> usize {
        if self.months {
            return 0;
        }
        let first = candles.first().map_or(Timestamp::ZERO, |candle| candle.open_time);
        let off = |candle: &&Candle| candle.open_time.since(first).nanos() % self.interval.nanos() != 0;
        candles.iter().filter(off).count()
    }
}

impl fmt::Display for Spacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.months { f.write_str("a month") } else { fmt::Display::fmt(&self.interval, f) }
    }
}

/// How often each length of time came, and where first. Those that follow each other are mostly equal.
#[derive(Debug, Default)]
struct Tally {
    seen: BTreeMap<Span, Seen>,
    run: Option<(Span, Seen)>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    count: usize,
    first: Timestamp,
}

impl Tally {
    fn note(&mut self, span: Span, at: Timestamp) {
        match &mut self.run {
            Some((last, seen)) if *last == span => seen.count += 1,
            Some(_) | None => {
                let over = self.run.replace((span, Seen { count: 1, first: at }));
                if let Some((span, run)) = over {
                    add(&mut self.seen, span, run);
                }
            }
        }
    }

    fn whole(&self) -> BTreeMap<Span, Seen> {
        let mut seen = self.seen.clone();
        if let Some((span, run)) = self.run {
            add(&mut seen, span, run);
        }
        seen
    }

    /// The most common one; of equals the one that `fits`, as among few rows one that the exchange cut off is no fewer than
    /// the others, else the shortest.
    fn most(&self, fits: impl Fn(Span) -> bool) -> Option<Span> {
        let seen = self.whole();
        let most = seen.values().map(|seen| seen.count).max()?;
        let equals = || seen.iter().filter(|(_, seen)| seen.count == most).map(|(span, _)| *span);
        equals().find(|span| fits(*span)).or_else(|| equals().next())
    }

    /// The most common one of those that `counts`, when it is no exception among so many rows: the exchange has cut single
    /// candles off where it was down.
    fn often(&self, rows: usize, counts: impl Fn(Span) -> bool) -> Option<(Span, Seen)> {
        let seen = self.whole().into_iter().filter(|(span, _)| counts(*span));
        let (span, seen) = seen.max_by_key(|(_, seen)| seen.count)?;
        (seen.count >= EXCEPTIONS_LEAST && seen.count > rows / EXCEPTIONS_SHARE).then_some((span, seen))
    }
}

fn add(seen: &mut BTreeMap<Span, Seen>, span: Span, run: Seen) {
    let at = seen.entry(span).or_insert(Seen { count: 0, first: run.first });
    at.count += run.count;
}

fn steps(candles: &[Candle]) -> Tally {
    let mut steps = Tally::default();
    for (before, after) in candles.iter().zip(candles.iter().skip(1)) {
        steps.note(after.open_time.since(before.open_time), before.open_time);
    }
    steps
}

/// The length that a time from first to last instant stands for: the last one is a unit of time before the end, be that a
/// nanosecond or a second. `None` where the last instant is not told.
fn length_of(span: Span) -> Option<Span> {
    if span <= Span::from_millis(1) {
        return None;
    }
    let up = |unit: Span| Span::from_nanos((span.nanos() + unit.nanos() - 1) / unit.nanos() * unit.nanos());
    let near = |unit: Span, rest: Span| up(unit).nanos() - span.nanos() <= rest.nanos();
    if near(Span::MINUTE, Span::SECOND) {
        Some(up(Span::MINUTE))
    } else if near(Span::SECOND, Span::from_millis(1)) {
        Some(up(Span::SECOND))
    } else {
        Some(span)
    }
}

const fn divides(part: Span, whole: Span) -> bool {
    whole.nanos() % part.nanos() == 0
}

/// Whether a month begins at `at`, UTC.
fn starts_month(at: Timestamp) -> bool {
    at == at.floor(Span::DAY) && at.to_string().get(8..10) == Some("01")
}

/// Months since the year 0.
fn month_of(at: Timestamp) -> i64 {
    let text = at.to_string();
    let number = |from, to| text.get(from..to).and_then(|digits| digits.parse::<i64>().ok()).unwrap_or(0);
    number(0, 4) * 12 + number(5, 7)
}

const MONTH_MIN: Span = Span::from_secs(28 * 86_400);
const MONTH_MAX: Span = Span::from_secs(31 * 86_400);
/// One row that is not like the others may be the exchange's own; two of twenty are none.
const EXCEPTIONS_LEAST: usize = 2;
const EXCEPTIONS_SHARE: usize = 20;
