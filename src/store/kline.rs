//! Files of klines, in the layout of Binance's public archives: 12 columns, header or not, plain or packed with zstd.

use std::path::{Path, PathBuf};

use super::error::{LineFault, Place, ReadKlinesError, shorten};
use super::field;
use super::foreign::Foreign;
use super::gap::Gap;
use super::lines::{Lines, LinesError};
use super::name;
use super::spacing::{Lengths, Spacing};
use crate::domain::{Candle, Span, Symbol, Timestamp};

/// Most rows that one file may hold: four years of candles of 5 seconds, about 2.5 GB of memory.
pub const CANDLES_MAX: usize = 20_000_000;

/// A file of klines as candles, nothing put in and nothing moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KlineFile {
    /// What traded, by the file's name or by the caller.
    pub symbol: Option<Symbol>,
    /// Length of a candle, by the caller, the file's name, or else the most common step between rows; the rows are as long.
    pub interval: Span,
    /// Whether the candles are of calendar months, the longest of which is `interval` then.
    pub months: bool,
    /// The rows, ascending by time; at least one.
    pub candles: Vec<Candle>,
    /// Where candles are missing.
    pub gaps: Vec<Gap>,
    /// Rows that do not start a whole number of intervals after the first one.
    pub unaligned: usize,
}

impl KlineFile {
    /// How the rows follow each other.
    #[must_use]
    pub const fn spacing(&self) -> Spacing {
        Spacing { interval: self.interval, months: self.months }
    }
}

/// Reads a whole file; symbol and interval are what its name says, in the exchange's way of naming.
///
/// # Errors
///
/// [`ReadKlinesError`] at the first thing in the file that klines cannot have.
pub fn read_klines(path: &Path) -> Result<KlineFile, ReadKlinesError> {
    read_klines_as(path, None, None)
}

/// Reads a whole file whose symbol or interval the caller knows better than its name.
///
/// # Errors
///
/// [`ReadKlinesError`] at the first thing in the file that klines cannot have.
pub fn read_klines_as(
    path: &Path,
    symbol: Option<Symbol>,
    interval: Option<Span>,
) -> Result<KlineFile, ReadKlinesError> {
    let mut candles = Vec::new();
    let mut reader = KlineReader::open(path)?;
    for candle in reader.by_ref() {
        if candles.len() == CANDLES_MAX {
            return Err(ReadKlinesError::TooMany { path: path.to_path_buf() });
        }
        candles.push(candle?);
    }
    if candles.is_empty() {
        return Err(ReadKlinesError::Empty { path: path.to_path_buf() });
    }
    let spacing = Spacing::of(path, interval, &candles, &reader.lengths)?;
    let symbol = symbol.or_else(|| name::symbol_of(path));
    let (gaps, unaligned) = (spacing.gaps(&candles), spacing.unaligned(&candles));
    let Spacing { interval, months } = spacing;
    Ok(KlineFile { symbol, interval, months, candles, gaps, unaligned })
}

/// The rows of a file, one at a time; ends after the first error.
pub struct KlineReader {
    path: PathBuf,
    lines: Lines,
    before: Option<Candle>,
    lengths: Lengths,
    failed: bool,
}

impl KlineReader {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`ReadKlinesError::Open`], or [`ReadKlinesError::Line`] when it is packed with something else than zstd.
    pub fn open(path: &Path) -> Result<Self, ReadKlinesError> {
        let path = path.to_path_buf();
        match Lines::open(&path) {
            Ok(lines) => Ok(Self { path, lines, before: None, lengths: Lengths::default(), failed: false }),
            Err(error) => Err(refusal(path, error)),
        }
    }

    fn next_candle(&mut self) -> Result<Option<Candle>, ReadKlinesError> {
        let (line, row) = loop {
            match self.lines.next_line() {
                Ok(None) => return Ok(None),
                Ok(Some((1, text))) if is_header(text) => {
                    if let Err(fault) = check_header(text) {
                        break (1, Err(fault));
                    }
                }
                Ok(Some((number, text))) => break (number, parse(text)),
                Err(error) => {
                    let error = self.lines.explain_error(error, Foreign::Klines);
                    return Err(refusal(self.path.clone(), error));
                }
            }
        };
        match row {
            Ok(row) => self.judge(row).map(Some),
            Err(fault) => {
                let fault = self.lines.explain(fault, Foreign::Klines);
                Err(refusal(self.path.clone(), LinesError::Line(line, fault)))
            }
        }
    }

    /// What a candle must be by itself, and after the one before it.
    fn judge(&mut self, row: Row) -> Result<Candle, ReadKlinesError> {
        let Row { candle, close_time } = row;
        let Candle { open_time, open, high, low, close, .. } = candle;
        if high < low {
            return Err(ReadKlinesError::HighBelowLow { place: self.here(), high, low });
        }
        for (field, price) in [("open", open), ("close", close)] {
            if price < low || price > high {
                return Err(ReadKlinesError::OutsideRange { place: self.here(), field, price, low, high });
            }
        }
        if close_time < open_time {
            return Err(ReadKlinesError::EndsBeforeStart { place: self.here(), open_time, close_time });
        }
        match &self.before {
            Some(before) if before.open_time == open_time => {
                return Err(ReadKlinesError::Duplicate { place: self.here(), open_time, differs: *before != candle });
            }
            Some(before) if before.open_time > open_time => {
                let before = before.open_time;
                return Err(ReadKlinesError::Backwards { place: self.here(), open_time, before });
            }
            Some(_) | None => self.before = Some(candle),
        }
        self.lengths.note(open_time, close_time);
        Ok(candle)
    }

    fn here(&self) -> Place {
        Place { path: self.path.clone(), line: self.lines.number() }
    }
}

impl Iterator for KlineReader {
    type Item = Result<Candle, ReadKlinesError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.next_candle();
        self.failed = next.is_err();
        next.transpose()
    }
}

fn refusal(path: PathBuf, error: LinesError) -> ReadKlinesError {
    match error {
        LinesError::Open(source) => ReadKlinesError::Open { path, source },
        LinesError::Read(line, source) => ReadKlinesError::Read { place: Place { path, line }, source },
        LinesError::Line(line, fault) => ReadKlinesError::Line { place: Place { path, line }, fault },
    }
}

struct Row {
    candle: Candle,
    close_time: Timestamp,
}

fn parse(line: &[u8]) -> Result<Row, LineFault> {
    let (fields, found) = field::split::<12>(line);
    if found != COLUMNS.len() {
        return Err(LineFault::Columns { found, expected: "12" });
    }
    let [open_time, open, high, low, close, volume, close_time, quote_volume, trades, taker, taker_quote, _] = fields;
    if is_header(line) && normal(open_time) == "open_time" {
        return Err(LineFault::HeaderAmongRows);
    }
    let candle = Candle {
        open_time: field::time("open_time", open_time)?,
        open: field::price("open", open)?,
        high: field::price("high", high)?,
        low: field::price("low", low)?,
        close: field::price("close", close)?,
        volume: field::qty("volume", volume)?,
        quote_volume: field::notional("quote_volume", quote_volume)?,
        trades: field::count("count", trades)?,
        taker_buy_volume: field::qty("taker_buy_volume", taker)?,
        taker_buy_quote_volume: field::notional("taker_buy_quote_volume", taker_quote)?,
    };
    Ok(Row { candle, close_time: field::time("close_time", close_time)? })
}

fn is_header(line: &[u8]) -> bool {
    line.first().is_some_and(u8::is_ascii_alphabetic)
}

/// A header must name the columns that are read by their place; the exchange and its libraries use two sets of names.
fn check_header(line: &[u8]) -> Result<(), LineFault> {
    let (names, found) = field::split::<12>(line);
    if found != COLUMNS.len() {
        return Err(LineFault::Columns { found, expected: "12" });
    }
    for (column, (name, (expected, also))) in (1..).zip(names.into_iter().zip(COLUMNS)) {
        let known = normal(name);
        if known != expected && known != also {
            return Err(LineFault::Header { column, found: shorten(name), expected });
        }
    }
    Ok(())
}

fn normal(name: &[u8]) -> String {
    String::from_utf8_lossy(name).trim().to_ascii_lowercase().replace(' ', "_")
}

/// The exchange's names of the columns, and those its client libraries give them.
const COLUMNS: [(&str, &str); 12] = [
    ("open_time", "open_time"),
    ("open", "open"),
    ("high", "high"),
    ("low", "low"),
    ("close", "close"),
    ("volume", "volume"),
    ("close_time", "close_time"),
    ("quote_volume", "quote_asset_volume"),
    ("count", "number_of_trades"),
    ("taker_buy_volume", "taker_buy_base_asset_volume"),
    ("taker_buy_quote_volume", "taker_buy_quote_asset_volume"),
    ("ignore", "ignore"),
];
