//! Files of klines that go on one after the other.

use std::path::Path;

use crate::domain::{Candle, Span, Symbol, Timestamp};
use crate::store::{KlineFile, Spacing};

use super::show::{count, counted};
use super::{Exit, Failure};

/// Candles of one symbol and one interval, of one file or several.
#[derive(Debug)]
pub(super) struct Series {
    /// What traded, where a file's name or the caller told.
    pub(super) symbol: Option<Symbol>,
    /// How the candles follow each other.
    pub(super) spacing: Spacing,
    /// The candles, ascending.
    pub(super) candles: Vec<Candle>,
    /// Those that do not start a whole number of intervals after the first one of their file.
    pub(super) unaligned: usize,
}

impl Series {
    /// The first file.
    pub(super) fn begin(file: KlineFile) -> Self {
        let spacing = file.spacing();
        let KlineFile { symbol, candles, unaligned, .. } = file;
        Self { symbol, spacing, candles, unaligned }
    }

    /// Goes on with the file at `path`.
    ///
    /// # Errors
    ///
    /// As of [`Self::check`].
    pub(super) fn go_on(&mut self, path: &Path, file: KlineFile) -> Result<(), Failure> {
        self.check(path, &file)?;
        self.unaligned += file.unaligned;
        self.candles.extend(file.candles);
        Ok(())
    }

    /// Whether the file at `path` goes on where this ends.
    ///
    /// # Errors
    ///
    /// It is of another symbol or interval, begins before the files before it end, or has candles that they have too.
    pub(super) fn check(&self, path: &Path, file: &KlineFile) -> Result<(), Failure> {
        let refuse = |what: String| Err(Failure::say(Exit::Data, format!("{}: {what}", path.display())));
        if let (Some(found), Some(known)) = (file.symbol, self.symbol)
            && found != known
        {
            return refuse(format!("its candles are of {found}, those of the files before of {known}"));
        }
        let (found, known) = (file.spacing(), self.spacing);
        if found != known {
            return refuse(format!("its candles are of {found}, those of the files before of {known}"));
        }
        if let (Some(known), Some(found)) = (ends(&self.candles), ends(&file.candles))
            && found.0 <= known.1
        {
            return refuse(self.overlap(known, found, &file.candles));
        }
        Ok(())
    }

    /// How many candles no file has, and where; `None` when there are none.
    pub(super) fn holes(&self) -> Option<Holes> {
        let gaps = self.spacing.gaps(&self.candles);
        let gaps: Vec<_> = gaps.iter().filter(|gap| gap.missing > 0).collect();
        let longest = gaps.iter().max_by_key(|gap| gap.until.since(gap.from))?;
        Some(Holes {
            missing: gaps.iter().map(|gap| gap.missing).sum(),
            gaps: u64::try_from(gaps.len()).unwrap_or(u64::MAX),
            from: gaps.first()?.from,
            until: gaps.last()?.until,
            longest: (longest.from, longest.until),
        })
    }

    fn overlap(&self, known: (Timestamp, Timestamp), found: (Timestamp, Timestamp), candles: &[Candle]) -> String {
        let ((from, until), (first, last)) = (known, found);
        if last < from {
            return format!(
                "its candles, from {first} to {last}, come before those of the files before it, which begin at {from}; \
                 give the files in the order of time"
            );
        }
        let (begin, end) = (first.max(from), last.min(until));
        let (mut twice, mut other) = (0_u64, 0_u64);
        for candle in candles {
            if let Ok(at) = self.candles.binary_search_by_key(&candle.open_time, |known| known.open_time) {
                twice += 1;
                other += u64::from(self.candles.get(at) != Some(candle));
            }
        }
        let differ = if other > 0 { format!(", {} of them with other values", count(other)) } else { String::new() };
        format!(
            "it overlaps the files before it, from {begin} to {end}, with {} in both{differ}; leave one of the files out, or \
             take that part out of one of them",
            counted(twice, "candle"),
        )
    }
}

/// Where candles are missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holes {
    /// How many.
    pub(super) missing: u64,
    /// In how many places.
    pub(super) gaps: u64,
    /// Where the first of them should start.
    pub(super) from: Timestamp,
    /// Where the one after the last of them starts.
    pub(super) until: Timestamp,
    /// The longest place, from and until when.
    pub(super) longest: (Timestamp, Timestamp),
}

impl Holes {
    /// How long nothing is there at a stretch, at most.
    pub(super) fn longest(&self) -> Span {
        self.longest.1.since(self.longest.0)
    }

    /// The places in words: `in 2 gaps from … to …, the longest of 4h from … to …`.
    pub(super) fn places(&self) -> String {
        let (from, until) = (self.from, self.until);
        if self.gaps == 1 {
            return format!("in one gap of {}, from {from} to {until}", self.longest());
        }
        let (begin, end) = self.longest;
        let gaps = counted(self.gaps, "gap");
        format!("in {gaps} from {from} to {until}, the longest of {}, from {begin} to {end}", self.longest())
    }
}

fn ends(candles: &[Candle]) -> Option<(Timestamp, Timestamp)> {
    Some((candles.first()?.open_time, candles.last()?.open_time))
}
