//! `tradingbot book`: the order book of a recording, built from its snapshot and updates.

mod check;
mod row;

use std::io::Write;
use std::num::NonZeroU64;
use std::path::PathBuf;

use super::show::counted;
use super::{Exit, Failure};
use crate::domain::{MarketEvent, Symbol};
use crate::market::{BookSync, Step, SyncCounts};
use crate::store::{Place, ReadRecordingError, Recorded, RecordingReader};
use check::{Checks, Top};
use row::{Row, Rows};

/// `tradingbot book`.
#[derive(Debug, clap::Args)]
#[command(after_help = COLUMNS)]
pub struct BookOfRecording {
    /// Recordings of one symbol, each continuing the one before; `.jsonl` or `.jsonl.zst`.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print a row after so many updates.
    #[arg(long, default_value = "50", value_name = "COUNT")]
    every: NonZeroU64,
    /// Symbol of a recording whose messages do not tell it.
    #[arg(long)]
    symbol: Option<Symbol>,
}

impl BookOfRecording {
    /// Prints rows to `out`, and to `notes` what else there is to say.
    pub fn run(&self, json: bool, out: &mut dyn Write, notes: &mut dyn Write) -> Result<(), Failure> {
        let recording = RecordingReader::open(&self.files)?;
        let mut recording = match self.symbol {
            Some(symbol) => recording.of_symbol(symbol),
            None => recording.of_one_symbol(),
        };
        let mut story = Story {
            rows: Rows::begin(json, out)?,
            every: self.every,
            notes,
            sync: BookSync::new(),
            checks: Checks::new(),
            symbol: None,
            updates: 0,
            crossed: 0,
            confirmed: 0,
            lost: None,
            too_old: None,
            trial: None,
        };
        let read = story.read(&mut recording);
        story.sum_up(&recording)?;
        match (read, &story.lost) {
            (Ok(()), _) => story.verdict(),
            (Err(failure), None) => Err(failure),
            (Err(failure), Some(_)) => {
                writeln!(story.notes, "note: {}; no snapshot had mended it yet", story.loss())?;
                Err(failure)
            }
        }
    }
}

impl From<ReadRecordingError> for Failure {
    fn from(error: ReadRecordingError) -> Self {
        Self::new(Exit::Data, &error)
    }
}

/// How a book comes about.
struct Story<'a> {
    rows: Rows<'a>,
    every: NonZeroU64,
    notes: &'a mut dyn Write,
    sync: BookSync,
    checks: Checks<Option<Row>>,
    symbol: Option<Symbol>,
    updates: u64,
    crossed: u64,
    confirmed: u64,
    /// What the book could not get over.
    lost: Option<String>,
    /// The last snapshot after that, when it did not help.
    too_old: Option<String>,
    /// A snapshot after that of which it does not show yet whether it helps.
    trial: Option<Place>,
}

impl Story<'_> {
    fn read(&mut self, recording: &mut RecordingReader) -> Result<(), Failure> {
        while let Some(recorded) = recording.next() {
            self.take(recorded?, recording)?;
        }
        Ok(())
    }

    fn take(&mut self, recorded: Recorded, recording: &RecordingReader) -> Result<(), Failure> {
        let Recorded { line, event, .. } = recorded;
        let place = Place { path: recording.path().to_path_buf(), line };
        self.symbol = Some(event.symbol().symbol());
        match event {
            MarketEvent::Quote(quote) => self.checks.on_quote(quote),
            MarketEvent::Book(snapshot) => {
                if self.sync.on_snapshot(&snapshot) && self.lost.is_some() {
                    self.trial = Some(place.clone());
                }
            }
            MarketEvent::Depth(update) => {
                self.updates += 1;
                self.sync.on_update(&update);
            }
            MarketEvent::Trade(_) | MarketEvent::Candle { .. } | MarketEvent::Range { .. } => return Ok(()),
        }
        while let Some(step) = self.sync.step() {
            self.on_step(step, &place, recording)?;
        }
        while let Some((row, confirmed)) = self.checks.next() {
            self.on_check(row, confirmed)?;
        }
        Ok(())
    }

    fn on_step(&mut self, step: Step, place: &Place, recording: &RecordingReader) -> Result<(), Failure> {
        match step {
            Step::Applied => {
                self.on_mended()?;
                self.on_applied(place, recording)?;
            }
            Step::Skipped => {}
            Step::Gap { after, before, missed } => {
                let missed = missed.map_or_else(String::new, |missed| format!(" ({missed} are missing)"));
                self.lost = Some(format!("{place}: update {before} does not follow on {after}{missed}"));
            }
            Step::TooOld { last_update, first } => {
                let ends = format!("ends at update {last_update}, before the next recorded one, {first}");
                match (self.trial.take(), &self.lost) {
                    (Some(snapshot), Some(_)) => {
                        self.too_old = Some(format!("; the snapshot of {snapshot} does not help: it {ends}"));
                    }
                    (Some(_) | None, _) => self.lost = Some(format!("{place}: the depth snapshot {ends}")),
                }
            }
        }
        Ok(())
    }

    /// The snapshot that was on trial helped.
    fn on_mended(&mut self) -> Result<(), Failure> {
        self.too_old = None;
        if let (Some(snapshot), Some(lost)) = (self.trial.take(), self.lost.take()) {
            writeln!(self.notes, "note: {lost}; the book went on with the snapshot of {snapshot}")?;
        }
        Ok(())
    }

    fn loss(&self) -> String {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        format!("{}{}", part(&self.lost), part(&self.too_old))
    }

    fn on_applied(&mut self, place: &Place, recording: &RecordingReader) -> Result<(), Failure> {
        let book = self.sync.book().expect("an update was just applied to it");
        if book.is_crossed() {
            self.crossed += 1;
            if self.crossed == 1 {
                let (bid, ask) = (book.best_bid(), book.best_ask());
                let (bid, ask) = (bid.unwrap_or_default().0, ask.unwrap_or_default().0);
                writeln!(self.notes, "note: {place}: the book is crossed: best bid {bid}, best ask {ask}")?;
            }
        }
        let applied = self.sync.counts().applied;
        let row = (applied % self.every == 0).then(|| Row::of(book, applied, recording.decimals()));
        self.checks.on_top(Top::of(book), row);
        Ok(())
    }

    fn on_check(&mut self, row: Option<Row>, confirmed: bool) -> Result<(), Failure> {
        self.confirmed += u64::from(confirmed);
        match row {
            Some(row) => Ok(self.rows.print(&row, confirmed)?),
            None => Ok(()),
        }
    }

    /// What can be said so far, be it the end or a line that cannot be read.
    fn sum_up(&mut self, recording: &RecordingReader) -> Result<(), Failure> {
        while let Some((row, confirmed)) = self.checks.rest() {
            self.on_check(row, confirmed)?;
        }
        if !self.sync.wants_snapshot() {
            self.on_mended()?;
        }
        let SyncCounts { applied, skipped, gaps, dropped } = self.sync.counts();
        let symbol = self.symbol.map_or_else(String::new, |symbol| format!("{symbol}: "));
        let gaps = counted(gaps, "gap");
        write!(self.notes, "{symbol}{} applied, {skipped} skipped, {gaps}", counted(applied, "update"))?;
        if self.checks.any_quote() && applied > 0 {
            write!(self.notes, "; after {} of them the best prices and quantities are the exchange's", self.confirmed)?;
        }
        writeln!(self.notes)?;
        for (count, noun, what) in [
            (self.crossed, "update", "left the book crossed"),
            (dropped, "update", "did not fit while they waited for a snapshot"),
            (recording.stepped_back(), "line", "received before the line above; they keep their place"),
            (recording.passed_over(), "line", "without trades, prices or depth"),
        ] {
            if count > 0 {
                writeln!(self.notes, "note: {} {what}", counted(count, noun))?;
            }
        }
        Ok(())
    }

    /// A book that could not be built to the end of the recording is a failure.
    fn verdict(self) -> Result<(), Failure> {
        let waiting = u64::try_from(self.sync.waiting()).unwrap_or(u64::MAX);
        let left = || format!("{} {}", counted(waiting, "update"), if waiting == 1 { "is" } else { "are" });
        let failure = match &self.lost {
            Some(_) => format!("{}, and no snapshot mends it; {} not used", self.loss(), left()),
            None if self.updates == 0 => "the recording holds no depth updates; record a @depth stream".to_owned(),
            None if self.sync.wants_snapshot() => {
                format!("the recording holds no depth snapshot, and without one {} of no use; record one too", left())
            }
            None => return Ok(()),
        };
        Err(Failure::say(Exit::Data, failure))
    }
}

const COLUMNS: &str = "\
Columns: events_applied (updates in the book so far), last_update_id, best_bid, bid_qty, best_ask, ask_qty, bid_levels,
ask_levels, and confirmed_by_book_ticker: 1 when the exchange's last bookTicker message with an id up to that update has
the same four values, else 0. Numbers have as many decimals as in the recording. Gaps and a summary go to standard
error.";
