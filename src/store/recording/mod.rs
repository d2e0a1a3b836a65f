//! Recordings of market streams: a line is the receive time, a space, and the message as it was received.

mod error;
mod line;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

pub use error::ReadRecordingError;

pub use crate::binance::ToldMarket;

use super::error::Place;
use super::foreign::Foreign;
use super::lines::{self, Lines, LinesError};
use super::name;
use super::open::open_file;
use crate::binance::decode::FRAME_BYTES_MAX;
use crate::binance::{Decimals, Decoded};
use crate::domain::event::{BookSnapshot, Level};
use crate::domain::{InstrumentId, Market, MarketEvent, Span, Symbol, Timestamp};
use crate::store::LineFault;
use line::{Fault, Line};

/// What one line of a recording told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The line in its file, counted from 1.
    pub line: u64,
    /// When it was received; never before the event that was read before it.
    pub at: Timestamp,
    /// What happened.
    pub event: MarketEvent,
}

/// What a bounded piece of a recording held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// An event.
    Event(Recorded),
    /// Lines that told nothing, and no end yet.
    Lines,
    /// There is nothing after it.
    End,
}

/// The events of one recording, which may lie in several files of which each continues the one before; ends after the
/// first error.
///
/// Receive times count nano-, micro- or milliseconds since 1970, which shows by their size. They may go back by up to
/// [`STEP_BACK_MAX`], as when the recorder's clock is set: such an event gets the time of the one before it and keeps its
/// place. More is an error: then files or lines are in the wrong order.
///
/// A depth snapshot does not say of which symbol it is. It is of the one that the other lines are about, so a recording
/// with snapshots is of one symbol. Messages that say nothing about trades, prices or depth are counted and passed over.
pub struct RecordingReader {
    path: PathBuf,
    lines: Lines,
    files: VecDeque<PathBuf>,
    size: Option<u64>,
    size_before: u64,
    symbols: Symbols,
    market: Option<Market>,
    market_by_name: Option<Market>,
    taken_as: Option<Market>,
    told: Option<ToldMarket>,
    decimals: Option<Decimals>,
    latest: Timestamp,
    stepped_back: u64,
    passed_over: u64,
    nameless: Option<Nameless>,
    after_nameless: Option<Recorded>,
    first: Option<(u64, Line)>,
    ended: bool,
}

impl RecordingReader {
    /// Opens the files, in their order.
    ///
    /// # Errors
    ///
    /// [`ReadRecordingError::NoFile`], [`ReadRecordingError::Open`], or [`ReadRecordingError::Line`] when the first file is
    /// packed with something else than zstd.
    pub fn open(files: &[PathBuf]) -> Result<Self, ReadRecordingError> {
        let mut files: VecDeque<PathBuf> = files.iter().cloned().collect();
        let path = files.pop_front().ok_or(ReadRecordingError::NoFile)?;
        let lines = open(&path)?;
        let mut size = lines.size();
        for path in &files {
            let file = open_file(path).map_err(|source| ReadRecordingError::Open { path: path.clone(), source })?;
            size = size.zip(lines::size(&file)).map(|(before, own)| before.saturating_add(own));
        }
        Ok(Self {
            market_by_name: name::market_of(&path),
            taken_as: None,
            path,
            lines,
            files,
            size,
            size_before: 0,
            symbols: Symbols::default(),
            market: None,
            told: None,
            decimals: None,
            latest: Timestamp::ZERO,
            stepped_back: 0,
            passed_over: 0,
            nameless: None,
            after_nameless: None,
            first: None,
            ended: false,
        })
    }

    /// Refuses messages about any symbol but `symbol`.
    #[must_use]
    pub const fn of_symbol(mut self, symbol: Symbol) -> Self {
        self.symbols.asked = Some(symbol);
        self
    }

    /// Refuses messages about any symbol but the first.
    #[must_use]
    pub const fn of_one_symbol(mut self) -> Self {
        self.symbols.single = true;
        self
    }

    /// Refuses depth of any market but `market`.
    #[must_use]
    pub const fn of_market(mut self, market: Market) -> Self {
        self.market = Some(market);
        self
    }

    /// Takes every event to be of `market`, whatever the lines seem to be of.
    #[must_use]
    pub const fn taken_as(mut self, market: Market) -> Self {
        self.taken_as = Some(market);
        self
    }

    /// Which market it is of, as far as the lines read so far, or else the file's name, tell.
    #[must_use]
    pub const fn market(&self) -> Option<Market> {
        if self.market.is_some() { self.market } else { self.market_by_name }
    }

    /// Which market its first lines are of, trades and best prices among them, as far as they tell.
    #[must_use]
    pub const fn told(&self) -> Option<ToldMarket> {
        self.told
    }

    /// How many decimals the exchange writes, once depth was read.
    #[must_use]
    pub const fn decimals(&self) -> Option<Decimals> {
        self.decimals
    }

    /// The file that is being read.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lines that were received before the one above them, by no more than is allowed.
    #[must_use]
    pub const fn stepped_back(&self) -> u64 {
        self.stepped_back
    }

    /// Lines that told nothing about trades, prices or depth.
    #[must_use]
    pub const fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// Bytes of the files that were read, as they lie on disk, and of how many; `None` when one of them is no file with an
    /// end.
    #[must_use]
    pub fn position(&self) -> Option<(u64, u64)> {
        let size = self.size?;
        Some((self.size_before.saturating_add(self.lines.position()).min(size), size))
    }

    /// When the first line was received, whether it tells of an event or not. To be asked before the first event is.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be taken.
    pub fn begins_at(&mut self) -> Result<Timestamp, ReadRecordingError> {
        let first = match self.first.take() {
            Some(first) => Some(first),
            None => self.next_line()?,
        };
        let (number, line) = first.ok_or_else(|| ReadRecordingError::Empty { path: self.path.clone() })?;
        Ok(self.first.insert((number, line)).1.at)
    }

    /// The next event, if it is within `lines_max` lines from here: reading so much takes a bounded time, however many
    /// lines tell nothing. After the first error there is nothing more.
    ///
    /// # Errors
    ///
    /// A line that cannot be taken, or a file that cannot be read.
    pub fn read_within(&mut self, lines_max: u64) -> Result<Piece, ReadRecordingError> {
        if self.ended {
            return Ok(Piece::End);
        }
        let piece = self.next_event(lines_max);
        self.ended = matches!(piece, Ok(Piece::End) | Err(_));
        piece
    }

    fn next_event(&mut self, lines_max: u64) -> Result<Piece, ReadRecordingError> {
        if let Some(recorded) = self.after_nameless.take() {
            return Ok(Piece::Event(recorded));
        }
        for _ in 0..lines_max {
            let Some((number, Line { at, decoded, .. })) = self.next_line()? else {
                return match self.nameless.take() {
                    Some(Nameless { place, .. }) => Err(ReadRecordingError::NobodysSnapshot { place }),
                    None => Ok(Piece::End),
                };
            };
            let recorded = match decoded {
                Decoded::Market(event) => self.judge(Recorded { line: number, at, event })?,
                Decoded::Snapshot { last_update, bids, asks } => {
                    let nameless = Nameless { place: self.place(number), at, last_update, bids, asks };
                    let Some(recorded) = self.name(nameless)? else { continue };
                    recorded
                }
                Decoded::Top(_) | Decoded::Unused(_) | Decoded::Other(_) => {
                    self.passed_over = self.passed_over.saturating_add(1);
                    continue;
                }
            };
            let Some(nameless) = self.nameless.take() else { return Ok(Piece::Event(recorded)) };
            self.symbols.snapshot = Some(nameless.place.clone());
            let snapshot = nameless.of(recorded.event.symbol());
            self.after_nameless = Some(recorded);
            return Ok(Piece::Event(snapshot));
        }
        Ok(Piece::Lines)
    }

    /// The next line, of this file or the next one, with its number.
    fn next_line(&mut self) -> Result<Option<(u64, Line)>, ReadRecordingError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        loop {
            let read = match self.lines.next_line() {
                Ok(read) => read.map(|(number, text)| {
                    let known =
                        self.taken_as.or(self.market).or(self.market_by_name).or(self.told.map(|told| told.market));
                    let wants_market = number <= LINES_ASKED && self.told.is_none_or(|told| !told.sure);
                    (number, Line::read(text, self.decimals.is_none(), wants_market, known))
                }),
                Err(error) => {
                    let error = self.lines.explain_error(error, Foreign::Recording);
                    return Err(refusal(self.path.clone(), error));
                }
            };
            match read {
                Some((number, Ok(line))) => {
                    self.decimals = self.decimals.or(line.decimals);
                    self.told = line.told.filter(|told| told.sure || self.told.is_none()).or(self.told);
                    return self.on_time(number, line).map(Some);
                }
                Some((number, Err(fault))) => return Err(self.refused(number, fault)),
                None if self.lines.number() == 0 => return Err(ReadRecordingError::Empty { path: self.path.clone() }),
                None => {
                    let Some(path) = self.files.pop_front() else { return Ok(None) };
                    self.size_before = self.size_before.saturating_add(self.lines.size().unwrap_or(0));
                    self.lines = open(&path)?;
                    self.path = path;
                }
            }
        }
    }

    fn on_time(&mut self, number: u64, mut line: Line) -> Result<(u64, Line), ReadRecordingError> {
        let by = self.latest.since(line.at);
        if by > STEP_BACK_MAX {
            return Err(ReadRecordingError::TimeBack {
                place: self.place(number),
                at: line.at,
                by: Span::from_millis(by.millis()),
            });
        }
        if by > Span::ZERO {
            self.stepped_back = self.stepped_back.saturating_add(1);
        }
        self.latest = self.latest.max(line.at);
        line.at = self.latest;
        Ok((number, line))
    }

    /// An event that names its symbol must be one that is expected.
    fn judge(&mut self, recorded: Recorded) -> Result<Recorded, ReadRecordingError> {
        let place = || Place { path: self.path.clone(), line: recorded.line };
        self.symbols.note(recorded.event.symbol().symbol(), place)?;
        if let MarketEvent::Depth(update) = &recorded.event {
            let found = if update.previous.is_some() { Market::UsdM } else { Market::Spot };
            let expected = *self.market.get_or_insert(found);
            if found != expected {
                return Err(ReadRecordingError::OtherMarket { place: place(), found, expected });
            }
        }
        Ok(recorded)
    }

    /// A snapshot is of the symbol that is known, or waits for the first line that names one. Of two that wait the newer
    /// one counts.
    fn name(&mut self, nameless: Nameless) -> Result<Option<Recorded>, ReadRecordingError> {
        let Some(symbol) = self.symbols.only(&nameless.place)? else {
            self.nameless = Some(nameless);
            return Ok(None);
        };
        self.symbols.snapshot = Some(nameless.place.clone());
        Ok(Some(nameless.of(InstrumentId::new(self.taken_as.or(self.market()).unwrap_or(Market::Spot), symbol))))
    }

    fn refused(&self, number: u64, fault: Fault) -> ReadRecordingError {
        let place = self.place(number);
        match fault {
            fault if self.lines.is_unended() && fault.is_a_cut() => ReadRecordingError::CutOff { place },
            Fault::NoTime { text } => {
                let kind = self.lines.foreign().filter(|kind| number == 1 && *kind != Foreign::Recording);
                match kind {
                    Some(kind) => ReadRecordingError::Line { place, fault: LineFault::Foreign { kind } },
                    None => ReadRecordingError::NoTime { place, text },
                }
            }
            Fault::NoMessage => ReadRecordingError::NoMessage { place },
            Fault::Message(source) => ReadRecordingError::Message { place, source },
        }
    }

    fn place(&self, line: u64) -> Place {
        Place { path: self.path.clone(), line }
    }
}

impl Iterator for RecordingReader {
    type Item = Result<Recorded, ReadRecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.read_within(u64::MAX) {
                Ok(Piece::Event(recorded)) => return Some(Ok(recorded)),
                Ok(Piece::Lines) => {}
                Ok(Piece::End) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Which symbols there may be, and which there are.
#[derive(Debug, Default)]
struct Symbols {
    asked: Option<Symbol>,
    single: bool,
    first: Option<Symbol>,
    second: Option<Symbol>,
    snapshot: Option<Place>,
}

impl Symbols {
    /// Takes in the symbol of a line.
    fn note(&mut self, found: Symbol, place: impl FnOnce() -> Place) -> Result<(), ReadRecordingError> {
        let first = *self.first.get_or_insert(found);
        let expected = self.asked.or(self.single.then_some(first));
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(ReadRecordingError::OtherSymbol { place: place(), found, expected });
        }
        if found == first {
            return Ok(());
        }
        self.second = Some(found);
        match self.snapshot.take() {
            Some(place) => Err(ReadRecordingError::WhoseSnapshot { place, one: first, other: found }),
            None => Ok(()),
        }
    }

    /// The symbol of a snapshot; `None` while no line has named one.
    fn only(&self, place: &Place) -> Result<Option<Symbol>, ReadRecordingError> {
        match (self.asked.or(self.first), self.second) {
            (Some(one), Some(other)) => Err(ReadRecordingError::WhoseSnapshot { place: place.clone(), one, other }),
            (known, _) => Ok(known),
        }
    }
}

/// A depth snapshot whose symbol is not known yet.
#[derive(Debug)]
struct Nameless {
    place: Place,
    at: Timestamp,
    last_update: u64,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl Nameless {
    fn of(self, symbol: InstrumentId) -> Recorded {
        let Self { place, at, last_update, bids, asks } = self;
        let event = MarketEvent::Book(BookSnapshot { symbol, last_update, bids, asks });
        Recorded { line: place.line, at, event }
    }
}

fn open(path: &Path) -> Result<Lines, ReadRecordingError> {
    Lines::open_with(path, LINE_BYTES_MAX).map_err(|error| refusal(path.to_path_buf(), error))
}

fn refusal(path: PathBuf, error: LinesError) -> ReadRecordingError {
    match error {
        LinesError::Open(source) => ReadRecordingError::Open { path, source },
        LinesError::Read(line, source) => ReadRecordingError::Read { place: Place { path, line }, source },
        LinesError::Line(line, LineFault::TooLong) => ReadRecordingError::TooLong { place: Place { path, line } },
        LinesError::Line(line, fault) => ReadRecordingError::Line { place: Place { path, line }, fault },
    }
}

/// So many lines of a file are asked for their market, until one tells it for sure.
const LINES_ASKED: u64 = 1_000;

/// By how much receive times may go back.
pub const STEP_BACK_MAX: Span = Span::SECOND;

/// Longest line that is read: the largest message, and the time before it.
pub(super) const LINE_BYTES_MAX: usize = FRAME_BYTES_MAX + 32;
