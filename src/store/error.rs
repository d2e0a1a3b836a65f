//! Why a data file was refused: which file, which line, what stands there, and how to mend it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::foreign::Foreign;
use super::kline::CANDLES_MAX;
use super::lines::{BLANK_LINES_MAX, LINE_BYTES_MAX};
use crate::domain::{Price, Span, Timestamp};

/// A line of a file, shown as `file:line`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1 and with the header line.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.line)
    }
}

/// A file of klines that was refused.
#[derive(Debug, Error)]
pub enum ReadKlinesError {
    /// The file cannot be opened.
    #[error("{} cannot be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file opens but cannot be read to its end.
    #[error("{place}: the file cannot be read further; if it is packed it may be cut off or damaged: fetch it again")]
    Read {
        /// Where reading stopped.
        place: Place,
        /// What the operating system or the unpacker says.
        source: io::Error,
    },
    /// A line is not a row of klines.
    #[error("{place}: {fault}")]
    Line {
        /// Which line.
        place: Place,
        /// What is wrong with it.
        fault: LineFault,
    },
    /// The highest price is under the lowest.
    #[error("{place}: high {high} is less than low {low}; mend the row or fetch the file again")]
    HighBelowLow {
        /// Which line.
        place: Place,
        /// Its highest price.
        high: Price,
        /// Its lowest price.
        low: Price,
    },
    /// The first or last price is not among the prices of the candle.
    #[error("{place}: {field} {price} is not between low {low} and high {high}; mend the row or fetch the file again")]
    OutsideRange {
        /// Which line.
        place: Place,
        /// `open` or `close`.
        field: &'static str,
        /// That price.
        price: Price,
        /// The row's lowest price.
        low: Price,
        /// The row's highest price.
        high: Price,
    },
    /// A candle ends before it begins.
    #[error("{place}: close_time {close_time} is before open_time {open_time}; mend the row or fetch the file again")]
    EndsBeforeStart {
        /// Which line.
        place: Place,
        /// Its first instant.
        open_time: Timestamp,
        /// Its last instant.
        close_time: Timestamp,
    },
    /// Two rows in a row have the same time.
    #[error(
        "{place}: open_time {open_time} is there twice{}",
        if *differs { ", with other values; remove the wrong row or fetch the file again" } else { "; remove one of the two rows" }
    )]
    Duplicate {
        /// The second of the two lines.
        place: Place,
        /// The time.
        open_time: Timestamp,
        /// Whether the two have different values.
        differs: bool,
    },
    /// A row is earlier than the one before it.
    #[error("{place}: open_time {open_time} is before that of the row above, {before}; sort the rows by open_time")]
    Backwards {
        /// Which line.
        place: Place,
        /// Its time.
        open_time: Timestamp,
        /// The time of the row above.
        before: Timestamp,
    },
    /// There is not one row.
    #[error("{} holds no rows; fetch it again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// More rows than fit in memory.
    #[error("{} has more than {CANDLES_MAX} rows; split it into several files", path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
    },
    /// One row tells no interval, and neither does the name.
    #[error(
        "{} has a single row and its name tells no interval; name it as the exchange does, such as BTCUSDT-1h-2024-01.csv",
        path.display()
    )]
    NoInterval {
        /// The file.
        path: PathBuf,
    },
    /// The rows do not follow each other as the name says.
    #[error(
        "{} should hold candles of {named}, but most of its rows are {found} apart; name the file by the interval it holds",
        path.display()
    )]
    OtherInterval {
        /// The file.
        path: PathBuf,
        /// The interval by its name.
        named: Span,
        /// The most common step.
        found: Span,
    },
    /// The rows do not follow each other as the caller says.
    #[error("{} does not hold candles of {asked}: most of its rows are {found} apart; ask for candles of {found}", path.display())]
    NotAsAsked {
        /// The file.
        path: PathBuf,
        /// The interval by the caller.
        asked: Span,
        /// The most common step.
        found: Span,
    },
    /// The name says months.
    #[error(
        "{} should hold candles of a month, but most of its rows are {found} apart; name the file by the interval it holds",
        path.display()
    )]
    NotMonths {
        /// The file.
        path: PathBuf,
        /// The most common step.
        found: Span,
    },
    /// Candles are longer or shorter than they are apart.
    #[error(
        "{} holds rows that are {interval} apart, but by their close_time most are {found} long; mend the times or fetch it again",
        path.display()
    )]
    OtherLength {
        /// The file.
        path: PathBuf,
        /// The interval that the rows follow each other by.
        interval: Span,
        /// The most common length.
        found: Span,
    },
    /// Candles of several intervals.
    #[error(
        "{} should hold candles of {interval}, but {count} of its {rows} rows are of {found}, the first at {first}; \
         keep each interval in files of its own",
        path.display()
    )]
    Mixed {
        /// The file.
        path: PathBuf,
        /// The interval of most rows.
        interval: Span,
        /// Another one.
        found: Span,
        /// How many rows have that.
        count: usize,
        /// How many there are.
        rows: usize,
        /// The first of those with the other one.
        first: Timestamp,
    },
}

/// A file of trades that was refused.
#[derive(Debug, Error)]
pub enum ReadTradesError {
    /// The file cannot be opened.
    #[error("{} cannot be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file opens but cannot be read to its end.
    #[error("{place}: the file cannot be read further; if it is packed it may be cut off or damaged: fetch it again")]
    Read {
        /// Where reading stopped.
        place: Place,
        /// What the operating system or the unpacker says.
        source: io::Error,
    },
    /// A line is not a row of trades.
    #[error("{place}: {fault}")]
    Line {
        /// Which line.
        place: Place,
        /// What is wrong with it.
        fault: LineFault,
    },
    /// Trades may come again, but not from before the first one.
    #[error(
        "{place}: trade {id} is not in order of id: it comes before {before}, the first of the file; sort the rows by id"
    )]
    IdOrder {
        /// Which line.
        place: Place,
        /// Its first trade.
        id: u64,
        /// The first trade of the file.
        before: u64,
    },
    /// A trade that was not read before comes after later ones, as where rows of two days take turns.
    #[error(
        "{place}: trade {id} is not in order of id: it comes after {after} and stands nowhere above; sort the rows by id"
    )]
    NotInOrder {
        /// Which line.
        place: Place,
        /// Its first trade.
        id: u64,
        /// The latest trade above it, by number.
        after: u64,
    },
    /// A file begins before the files that it should go on from.
    #[error(
        "{}: its first trade, {id} of {at}, comes before {before} of {before_at}, the first of all; \
         give the files in the order of time",
        path.display()
    )]
    FileOrder {
        /// The file.
        path: PathBuf,
        /// Its first trade.
        id: u64,
        /// When that was.
        at: Timestamp,
        /// The first trade of the files before.
        before: u64,
        /// When that was.
        before_at: Timestamp,
    },
    /// One trade with two prices, quantities or times.
    #[error("{place}: trade {id} stands above with other values; remove the wrong row or fetch the file again")]
    Differs {
        /// Which line.
        place: Place,
        /// Its first trade.
        id: u64,
    },
    /// An aggregate whose last trade comes before its first.
    #[error("{place}: last_trade_id {last} is less than first_trade_id {first}; mend the row or fetch the file again")]
    IdRange {
        /// Which line.
        place: Place,
        /// Its first trade.
        first: u64,
        /// Its last trade.
        last: u64,
    },
    /// The name of the file tells no symbol, and neither does the caller.
    #[error("{} does not tell its symbol; name it as the exchange does, such as BTCUSDT-trades-2024-01.csv", path.display())]
    NoSymbol {
        /// The file.
        path: PathBuf,
    },
    /// There is not one row.
    #[error("{} holds no rows; fetch it again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// What is wrong with one line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LineFault {
    /// Longer than any row can be.
    #[error("the line is longer than {LINE_BYTES_MAX} bytes; this is not a CSV file of the exchange")]
    TooLong,
    /// Packed, but not with zstd.
    #[error("the file is {format}; unpack it first, or pack it with zstd")]
    OtherPacking {
        /// What it is.
        format: &'static str,
    },
    /// Of a kind that is not read here.
    #[error("the file is {}; {}", kind.what(), kind.remedy())]
    Foreign {
        /// What it is.
        kind: Foreign,
    },
    /// Empty lines without end.
    #[error("more than {BLANK_LINES_MAX} empty lines in a row; remove them, or fetch the file again")]
    ManyBlank,
    /// Named as if packed, but it is not.
    #[error("the file's name ends in .zst but it is not packed with zstd; rename it or fetch it again")]
    NotPacked,
    /// Nothing stands on it, but more lines follow.
    #[error("the line is empty; remove it")]
    Blank,
    /// A header in the middle.
    #[error("a header line among the rows, as when files are joined; remove it")]
    HeaderAmongRows,
    /// The header names other columns.
    #[error(
        "column {column} of the header is \"{found}\" where \"{expected}\" is expected; put the columns in the exchange's order"
    )]
    Header {
        /// Counted from 1.
        column: usize,
        /// Its name, shortened.
        found: String,
        /// What the exchange calls it.
        expected: &'static str,
    },
    /// Too many or too few fields.
    #[error("{found} {} where {expected} are expected; the line may be cut off, or the file of another kind", columns(*found))]
    Columns {
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: &'static str,
    },
    /// A field that cannot be read.
    #[error("{field} \"{text}\" {fault}; mend the row or fetch the file again")]
    Field {
        /// The column.
        field: &'static str,
        /// What stands there, shortened.
        text: String,
        /// Why that will not do.
        fault: FieldFault,
    },
}

/// Why the text of a field will not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FieldFault {
    /// Not digits with at most one point between them.
    #[error("is not a plain decimal number such as 12.5")]
    NotPlain,
    /// More decimal places than the value can hold.
    #[error("has more than {scale} decimal places")]
    TooFine {
        /// Decimal places that can be held.
        scale: u32,
    },
    /// Too many digits.
    #[error("is too large")]
    TooLarge,
    /// Less than nothing.
    #[error("is less than zero")]
    Negative,
    /// Nothing, where something must be.
    #[error("is zero")]
    Zero,
    /// Not a whole number.
    #[error("is not a whole number of at most 19 digits")]
    NotWhole,
    /// Not a time.
    #[error("is not a time from 2009 to 2262 in milli-, micro- or nanoseconds since 1970")]
    NotTime,
    /// Neither yes nor no.
    #[error("is neither true nor false")]
    NotFlag,
}

/// Candles whose gaps cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FillGapsError {
    /// The interval is no length of time.
    #[error("the interval {interval} is not more than zero")]
    Interval {
        /// What was given.
        interval: Span,
    },
    /// So many candles are missing that the times or the interval must be wrong.
    #[error("more than {max} candles of {interval} are missing; check the interval and the times in the file")]
    TooMany {
        /// How many may be put in.
        max: u64,
        /// Their length.
        interval: Span,
    },
}

const fn columns(count: usize) -> &'static str {
    if count == 1 { "column" } else { "columns" }
}

/// The first characters of a text from outside, with anything that could upset a terminal spelled out.
pub(super) fn shorten(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut shown: String = text.chars().take(EXCERPT_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(EXCERPT_CHARS_MAX).is_some() {
        shown.push_str("...");
    }
    shown
}

const EXCERPT_CHARS_MAX: usize = 40;
