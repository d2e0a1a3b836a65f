//! Files of trades and aggregate trades, in the layouts of Binance's public archives, spot and futures.

use std::path::{Path, PathBuf};

use super::error::{FieldFault, LineFault, Place, ReadTradesError, shorten};
use super::field;
use super::lines::{Lines, LinesError};
use super::name;
use crate::domain::event::Trade;
use crate::domain::{Symbol, TradeId};

/// The rows of a file of trades, one at a time; ends after the first error.
///
/// Which of the layouts it has shows by where the first row tells whether the buyer was the maker: trades in the 6th
/// column, aggregate trades in the 7th. Futures files have no `is_best_match` after it.
pub struct TradeReader {
    path: PathBuf,
    lines: Lines,
    symbol: Symbol,
    layout: Option<Layout>,
    seen: Option<(u64, u64)>,
    skipped: u64,
    failed: bool,
}

impl TradeReader {
    /// Opens a file; the symbol is what its name says, unless the caller knows better.
    ///
    /// # Errors
    ///
    /// [`ReadTradesError::Open`], [`ReadTradesError::NoSymbol`], or [`ReadTradesError::Line`] when it is packed with
    /// something else than zstd.
    pub fn open(path: &Path, symbol: Option<Symbol>) -> Result<Self, ReadTradesError> {
        let path = path.to_path_buf();
        let Some(symbol) = symbol.or_else(|| name::symbol_of(&path)) else {
            return Err(ReadTradesError::NoSymbol { path });
        };
        match Lines::open(&path) {
            Ok(lines) => Ok(Self { path, lines, symbol, layout: None, seen: None, skipped: 0, failed: false }),
            Err(error) => Err(refusal(path, error)),
        }
    }

    /// Trades whose numbers were left out between the rows read so far.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    fn next_trade(&mut self) -> Result<Option<Trade>, ReadTradesError> {
        let (line, row) = loop {
            match self.lines.next_line() {
                Ok(None) if self.seen.is_none() => return Err(ReadTradesError::Empty { path: self.path.clone() }),
                Ok(None) => return Ok(None),
                Ok(Some((1, text))) if is_header(text) => {
                    if let Err(fault) = check_header(text) {
                        break (1, Err(fault));
                    }
                }
                Ok(Some((number, text))) => break (number, parse(text, self.symbol, &mut self.layout)),
                Err(error) => return Err(refusal(self.path.clone(), error)),
            }
        };
        match row {
            Ok(row) => self.judge(row).map(Some),
            Err(fault) => Err(refusal(self.path.clone(), LinesError::Line(line, fault))),
        }
    }

    /// A row may give trades of the rows above again; one from before them all shows that the rows are not in order.
    fn judge(&mut self, row: Row) -> Result<Trade, ReadTradesError> {
        let Row { trade, last } = row;
        let TradeId(first) = trade.id;
        if last < first {
            return Err(ReadTradesError::IdRange { place: self.here(), first, last });
        }
        let (begin, until) = match self.seen {
            Some((begin, _)) if first < begin => {
                return Err(ReadTradesError::IdOrder { place: self.here(), id: first, before: begin });
            }
            Some((begin, until)) => {
                self.skipped = self.skipped.saturating_add(first.saturating_sub(until.saturating_add(1)));
                (begin, until)
            }
            None => (first, last),
        };
        self.seen = Some((begin, until.max(last)));
        Ok(trade)
    }

    fn here(&self) -> Place {
        Place { path: self.path.clone(), line: self.lines.number() }
    }
}

impl Iterator for TradeReader {
    type Item = Result<Trade, ReadTradesError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.next_trade();
        self.failed = next.is_err();
        next.transpose()
    }
}

/// How the columns lie.
#[derive(Debug, Clone, Copy)]
struct Layout {
    aggregate: bool,
    columns: usize,
}

struct Row {
    trade: Trade,
    last: u64,
}

fn refusal(path: PathBuf, error: LinesError) -> ReadTradesError {
    match error {
        LinesError::Open(source) => ReadTradesError::Open { path, source },
        LinesError::Read(line, source) => ReadTradesError::Read { place: Place { path, line }, source },
        LinesError::Line(line, fault) => ReadTradesError::Line { place: Place { path, line }, fault },
    }
}

fn parse(line: &[u8], symbol: Symbol, layout: &mut Option<Layout>) -> Result<Row, LineFault> {
    let (fields, columns) = field::split::<8>(line);
    if is_header(line) {
        return Err(LineFault::HeaderAmongRows);
    }
    let aggregate = match (*layout, columns) {
        (Some(known), found) if known.columns != found => return Err(wrong_columns(found, known.columns)),
        (Some(known), _) => known.aggregate,
        (None, 6) => false,
        (None, 7) => field::is_flag(fields[5]).is_none(),
        (None, 8) => true,
        (None, found) => return Err(wrong_columns(found, 0)),
    };
    *layout = Some(Layout { aggregate, columns });
    let [id, price, qty, after_qty, before_maker, sixth, seventh, _] = fields;
    let (first, last, at, maker) = if aggregate {
        (field::count("first_trade_id", after_qty)?, field::count("last_trade_id", before_maker)?, sixth, seventh)
    } else {
        let id = field::count("id", id)?;
        (id, id, before_maker, sixth)
    };
    let trade = Trade {
        symbol,
        id: TradeId(first),
        count: last.saturating_sub(first).saturating_add(1),
        price: field::price("price", price)?,
        qty: field::qty("qty", qty)?,
        buyer_is_maker: field::flag("is_buyer_maker", maker)?,
        at: field::time("time", at)?,
    };
    if trade.qty.is_zero() {
        return Err(LineFault::Field { field: "qty", text: shorten(qty), fault: FieldFault::Zero });
    }
    Ok(Row { trade, last })
}

fn is_header(line: &[u8]) -> bool {
    line.first().is_some_and(u8::is_ascii_alphabetic)
}

/// A header must name the columns that are read by their place.
fn check_header(line: &[u8]) -> Result<(), LineFault> {
    let (names, found) = field::split::<8>(line);
    let expected: &[&'static str] = if names[0] == b"agg_trade_id" { &AGGREGATE } else { &TRADES };
    for (column, (name, expected)) in (1..).zip(names.into_iter().zip(expected.iter().copied())).take(found) {
        if name != expected.as_bytes() {
            return Err(LineFault::Header { column, found: shorten(name), expected });
        }
    }
    if (expected.len() - 1..=expected.len()).contains(&found) { Ok(()) } else { Err(wrong_columns(found, 0)) }
}

fn wrong_columns(found: usize, known: usize) -> LineFault {
    let expected = match known {
        6 => "6",
        7 => "7",
        8 => "8",
        _ => "6 to 8",
    };
    LineFault::Columns { found, expected }
}

const TRADES: [&str; 7] = ["id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match"];
const AGGREGATE: [&str; 8] = [
    "agg_trade_id",
    "price",
    "quantity",
    "first_trade_id",
    "last_trade_id",
    "transact_time",
    "is_buyer_maker",
    "is_best_match",
];
