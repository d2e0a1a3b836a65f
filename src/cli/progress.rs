//! How far a recording has been played, on the last line of a terminal.

use std::collections::VecDeque;

use crate::clock::Mark;
use crate::daemon::Progress;
use crate::domain::Span;
use crate::log::Standing;

/// A line that is drawn over and over; it goes away with this.
#[derive(Debug)]
pub(super) struct ProgressLine {
    line: Standing,
    recent: VecDeque<Sample>,
}

/// Where it stood at one time.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Mark,
    progress: Progress,
}

impl ProgressLine {
    /// A line, when standard error is a terminal.
    pub(super) fn new() -> Option<Self> {
        Some(Self { line: Standing::new()?, recent: VecDeque::new() })
    }

    /// Shows how far it is.
    pub(super) fn show(&mut self, progress: &Progress) {
        let sample = Sample { at: Mark::now(), progress: *progress };
        if self.recent.len() >= SAMPLES_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(sample);
        let first = self.recent.front().copied().unwrap_or(sample);
        self.line.show(fit(&parts(first, sample), self.line.columns()));
    }
}

/// What there is to say, the weightiest first, when it went from `first` to `last`.
fn parts(first: Sample, last: Sample) -> Vec<String> {
    let mut parts = Vec::new();
    let nanos = last.at.since(first.at).nanos().unsigned_abs();
    let (first, last) = (first.progress, last.progress);
    if let Some((done, of)) = last.position {
        let percent = portion(done, 100, of).unwrap_or(0).min(100);
        let filled = usize::try_from(percent).unwrap_or(0) * BAR_COLUMNS / 100;
        parts.push(format!("[{:<BAR_COLUMNS$}] {percent:>3}%", "#".repeat(filled)));
        let lately = done.saturating_sub(first.position.map_or(done, |(done, _)| done));
        let left = portion(of.saturating_sub(done), nanos, lately);
        parts.extend(left.map(|nanos| format!("{} left", clock_face(nanos.div_ceil(NANOS_PER_SECOND)))));
    }
    if let Some(pace) = portion(last.events.saturating_sub(first.events), NANOS_PER_SECOND, nanos) {
        parts.push(format!("{pace} events/s"));
    }
    parts.push(last.market_time.floor(Span::SECOND).to_string());
    parts.push(format!("{} events", last.events));
    parts.extend(last.equity.map(|equity| format!("equity {equity}")));
    parts
}

/// `whole` times `by`, divided by `of`; `None` when that is nothing.
fn portion(whole: u64, by: u64, of: u64) -> Option<u64> {
    let portion = (u128::from(whole) * u128::from(by)).checked_div(u128::from(of))?;
    Some(u64::try_from(portion).unwrap_or(u64::MAX))
}

/// `0:07`, `12:34`, `1:02:03`.
fn clock_face(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours == 0 { format!("{minutes}:{seconds:02}") } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}

/// As many of the parts, from the front, as fit whole.
fn fit(parts: &[String], columns: usize) -> String {
    let mut line = String::new();
    for part in parts {
        let gap = if line.is_empty() { "" } else { "  " };
        if line.len() + gap.len() + part.len() > columns {
            break;
        }
        line.push_str(gap);
        line.push_str(part);
    }
    line
}

/// Pace and time left are those of the last ten seconds.
const SAMPLES_MAX: usize = 51;
const BAR_COLUMNS: usize = 20;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    fn said(first: (u64, Option<(u64, u64)>), last: (u64, Option<(u64, u64)>)) -> Vec<String> {
        let now = Mark::now();
        let market_time = Timestamp::from_nanos(1_723_161_253_937_085_768);
        let sample =
            |(events, position)| Sample { at: now, progress: Progress { events, position, market_time, equity: None } };
        parts(sample(first), sample(last))
    }

    #[test]
    fn a_share_is_said_where_the_size_is_known() {
        let halfway = said((0, Some((0, 400))), (7, Some((201, 400))));
        assert_eq!(halfway[0], "[##########          ]  50%");
        let over = said((0, Some((0, 400))), (7, Some((400, 400))));
        assert_eq!(over[0], "[####################] 100%");
        assert_eq!(said((0, None), (7, None)), ["2024-08-08T23:54:13Z", "7 events"]);
    }

    #[test]
    fn the_time_left_is_what_the_rest_takes_at_the_pace_of_late() {
        assert_eq!(portion(300, 10 * NANOS_PER_SECOND, 100), Some(30 * NANOS_PER_SECOND));
        assert_eq!(portion(300, NANOS_PER_SECOND, 0), None);
        assert_eq!(portion(u64::MAX, u64::MAX, 1), Some(u64::MAX));
        assert_eq!([clock_face(7), clock_face(754), clock_face(3_723)], ["0:07", "12:34", "1:02:03"]);
    }

    #[test]
    fn what_does_not_fit_the_terminal_is_left_out() {
        let parts = ["[#] 12%".to_owned(), "0:07 left".to_owned(), "9 events".to_owned()];
        assert_eq!(fit(&parts, 80), "[#] 12%  0:07 left  9 events");
        assert_eq!(fit(&parts, 27), "[#] 12%  0:07 left");
        assert_eq!(fit(&parts, 3), "");
    }
}
