//! Longer candles from shorter ones, with what is missing in them.

use std::io::Write;
use std::path::Path;

use super::row::Rows;
use crate::cli::show::{count, counted};
use crate::cli::{Exit, Failure};
use crate::domain::{Candle, Timestamp};
use crate::market::{CandleMerger, Interval, MergeCandlesError};
use crate::store::KlineFile;

/// Candles on their way into longer ones.
pub(super) struct Merging {
    merger: CandleMerger,
    from: Interval,
    to: Interval,
    closed: bool,
    /// The first longer candle, and where the shorter ones begin.
    begin: Option<(Timestamp, Timestamp)>,
    /// Shorter candles in the longer ones that are open or were just closed, oldest first.
    parts: Vec<(Timestamp, u64)>,
    /// Longer candles that lack shorter ones, neither the first nor the last, and how many.
    lacking: u64,
    missing: u64,
    first_lacking: Option<Timestamp>,
    /// What there is to say about the first one, when the files begin within it.
    first_cut: Option<String>,
}

/// A candle that cannot be taken.
pub(super) enum MergingError {
    /// It does not fit among the others.
    Candle(MergeCandlesError),
    /// What came of it cannot be written.
    Output(Failure),
}

impl MergingError {
    /// The failure, of a candle of the file at `path`.
    pub(super) fn at(self, path: &Path) -> Failure {
        match self {
            Self::Candle(error) => Failure::say(Exit::Data, format!("{}: {error}", path.display())),
            Self::Output(failure) => failure,
        }
    }
}

impl Merging {
    /// From candles as those of `file` to those of `to`. With `closed`, of what the files hold in part nothing is printed.
    ///
    /// # Errors
    ///
    /// In words, when the ones do not add up to the others.
    pub(super) fn new(file: &KlineFile, to: Interval, closed: bool) -> Result<Self, String> {
        let from = Interval::try_from(file.interval).map_err(|error| error.to_string())?;
        Ok(Self {
            merger: CandleMerger::new(from, to).map_err(|error| error.to_string())?,
            from,
            to,
            closed,
            begin: file.candles.first().map(|first| (to.start(first.open_time), first.open_time)),
            parts: Vec::new(),
            lacking: 0,
            missing: 0,
            first_lacking: None,
            first_cut: None,
        })
    }

    /// Takes in the next shorter candle, and prints the longer ones that it ends.
    ///
    /// # Errors
    ///
    /// It does not follow those before, or the output refuses.
    pub(super) fn take(&mut self, candle: &Candle, rows: &mut Rows<'_>) -> Result<(), MergingError> {
        let mut over = Vec::new();
        self.merger.take(candle, &mut over).map_err(MergingError::Candle)?;
        let start = self.to.start(candle.open_time);
        match self.parts.last_mut().filter(|(known, _)| *known == start) {
            Some((_, parts)) => *parts += 1,
            None => self.parts.push((start, 1)),
        }
        over.iter().try_for_each(|candle| self.end(candle, rows)).map_err(MergingError::Output)
    }

    /// Prints what the files end in, and says what is missing.
    ///
    /// # Errors
    ///
    /// The output refuses.
    pub(super) fn finish(mut self, rows: &mut Rows<'_>, notes: &mut dyn Write) -> Result<(), Failure> {
        self.tell(notes)?;
        let Some(last) = self.merger.open().copied() else { return Ok(()) };
        let start = last.open_time;
        let parts = self.parts_of(start);
        let there = self.there(parts);
        let ends = if self.is_cut_in_front(start) { "begin and end" } else { "end" };
        if self.closed {
            writeln!(notes, "note: the candle of {start} is left out: the files {ends} in it, {there}")?;
            return Ok(());
        }
        rows.print(&last)?;
        writeln!(notes, "note: the last candle, of {start}, may not be whole: the files {ends} in it, {there}")?;
        Ok(())
    }

    /// A longer candle that is over.
    fn end(&mut self, candle: &Candle, rows: &mut Rows<'_>) -> Result<(), Failure> {
        let (start, parts) = (candle.open_time, self.parts_of(candle.open_time));
        if self.is_cut_in_front(start) {
            let there = self.there(parts);
            if self.closed {
                self.first_cut = Some(format!("the candle of {start} is left out: the files begin in it, {there}"));
                return Ok(());
            }
            let whole = format!("the first candle, of {start}, is not whole: the files begin in it, {there}");
            self.first_cut = Some(whole);
        } else if let Some(missing) = self.whole().checked_sub(parts).filter(|missing| *missing > 0) {
            self.lacking += 1;
            self.missing += missing;
            self.first_lacking.get_or_insert(start);
        }
        Ok(rows.print(candle)?)
    }

    fn tell(&self, notes: &mut dyn Write) -> Result<(), Failure> {
        if let Some(words) = &self.first_cut {
            writeln!(notes, "note: {words}")?;
        }
        let Some(first) = self.first_lacking else { return Ok(()) };
        writeln!(
            notes,
            "note: {} of {} missing between those given, in {} of {}, first in that of {first}: candles may differ from the \
             exchange's",
            counted(self.missing, "candle"),
            self.from,
            counted(self.lacking, "candle"),
            self.to,
        )?;
        Ok(())
    }

    fn is_cut_in_front(&self, start: Timestamp) -> bool {
        self.begin.is_some_and(|(first, begin)| first == start && begin > start)
    }

    /// How many shorter candles make a whole one.
    fn whole(&self) -> u64 {
        u64::try_from(self.to.span().nanos() / self.from.span().nanos()).unwrap_or(0)
    }

    fn there(&self, parts: u64) -> String {
        let (whole, from) = (self.whole(), self.from);
        format!("with {} of its {} candles of {from}", count(parts), count(whole))
    }

    fn parts_of(&mut self, start: Timestamp) -> u64 {
        let parts = self.parts.iter().find(|(known, _)| *known == start).map_or(0, |(_, parts)| *parts);
        self.parts.retain(|(known, _)| *known > start);
        parts
    }
}
