//! Files of trades and aggregate trades, in the layouts of Binance's public archives, spot and futures.

use std::path::{Path, PathBuf};

use super::error::{FieldFault, LineFault, Place, ReadTradesError, shorten};
use super::field;
use super::foreign::Foreign;
use super::ids::{TradeIds, TradeOrder};
use super::lines::{Lines, LinesError};
use super::name;
use crate::domain::event::Trade;
use crate::domain::{InstrumentId, Market, Symbol, Timestamp, TradeId};

/// The rows of a file of trades, one at a time; ends after the first error.
///
/// Which of the layouts it has shows by where the first row tells whether the buyer was the maker: trades in the 6th
/// column, aggregate trades in the 7th. Futures files have no `is_best_match` after it.
pub struct TradeReader {
    path: PathBuf,
    lines: Lines,
    instrument: InstrumentId,
    layout: Option<Layout>,
    ids: TradeIds,
    rows: u64,
    repeated: u64,
    recent: Recent,
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
        Self::open_after(path, symbol, TradeIds::default())
    }

    /// Opens a file that goes on where others ended, of which `before` has the trades.
    ///
    /// # Errors
    ///
    /// As of [`Self::open`].
    pub fn open_after(path: &Path, symbol: Option<Symbol>, before: TradeIds) -> Result<Self, ReadTradesError> {
        let path = path.to_path_buf();
        let Some(symbol) = symbol.or_else(|| name::symbol_of(&path)) else {
            return Err(ReadTradesError::NoSymbol { path });
        };
        let instrument = InstrumentId::new(name::market_of(&path).unwrap_or(Market::Spot), symbol);
        match Lines::open(&path) {
            Ok(lines) => {
                let recent = Recent(vec![None; RECENT_TRADES]);
                Ok(Self {
                    path,
                    lines,
                    instrument,
                    layout: None,
                    ids: before,
                    rows: 0,
                    repeated: 0,
                    recent,
                    failed: false,
                })
            }
            Err(error) => Err(refusal(path, error)),
        }
    }

    /// What is traded. It is of spot unless the file's name says otherwise.
    #[must_use]
    pub const fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// Trades whose numbers were left out between the rows read so far.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.ids.missing()
    }

    /// Rows with trades that rows above, or files before, had given; they are passed over.
    #[must_use]
    pub const fn repeated(&self) -> u64 {
        self.repeated
    }

    /// The trades read so far, those of files before included.
    #[must_use]
    pub fn into_ids(self) -> TradeIds {
        self.ids
    }

    fn next_trade(&mut self) -> Result<Option<Trade>, ReadTradesError> {
        loop {
            let Some(row) = self.next_row()? else { return Ok(None) };
            self.rows += 1;
            if let Some(trade) = self.judge(row)? {
                return Ok(Some(trade));
            }
        }
    }

    fn next_row(&mut self) -> Result<Option<Row>, ReadTradesError> {
        let (line, row) = loop {
            match self.lines.next_line() {
                Ok(None) if self.rows == 0 => return Err(ReadTradesError::Empty { path: self.path.clone() }),
                Ok(None) => return Ok(None),
                Ok(Some((1, text))) if is_header(text) => {
                    if let Err(fault) = check_header(text) {
                        break (1, Err(fault));
                    }
                }
                Ok(Some((number, text))) => break (number, parse(text, self.instrument, &mut self.layout)),
                Err(error) => {
                    let error = self.lines.explain_error(error, Foreign::Trades);
                    return Err(refusal(self.path.clone(), error));
                }
            }
        };
        row.map(Some).map_err(|fault| {
            let fault = self.lines.explain(fault, Foreign::Trades);
            refusal(self.path.clone(), LinesError::Line(line, fault))
        })
    }

    /// A row may give trades again that were read before: it is passed over. One that was not read and is not next shows that
    /// the rows are not in order, and that candles made of them would lack it.
    fn judge(&mut self, row: Row) -> Result<Option<Trade>, ReadTradesError> {
        let Row { trade, last } = row;
        let TradeId(first) = trade.id;
        if last < first {
            return Err(ReadTradesError::IdRange { place: self.here(), first, last });
        }
        let begin = self.ids.first();
        match self.ids.note(first, last, trade.at) {
            TradeOrder::Next => {
                self.recent.keep(trade);
                Ok(Some(trade))
            }
            TradeOrder::Again if self.recent.differs(&trade) => {
                Err(ReadTradesError::Differs { place: self.here(), id: first })
            }
            TradeOrder::Again => {
                self.repeated += 1;
                Ok(None)
            }
            // Neither passing it over nor taking it in would be right.
            TradeOrder::Overlap { after } | TradeOrder::Back { after } => Err(self.not_in_order(&trade, begin, after)),
        }
    }

    fn not_in_order(&self, trade: &Trade, begin: Option<(u64, Timestamp)>, after: u64) -> ReadTradesError {
        let (place, id) = (self.here(), trade.id.0);
        match begin {
            Some((before, before_at)) if id < before && self.rows == 1 => {
                ReadTradesError::FileOrder { path: self.path.clone(), id, at: trade.at, before, before_at }
            }
            Some((before, _)) if id < before => ReadTradesError::IdOrder { place, id, before },
            Some(_) | None => ReadTradesError::NotInOrder { place, id, after },
        }
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

/// Some of the latest trades, to tell one that comes again with other values.
struct Recent(Vec<Option<Trade>>);

impl Recent {
    fn place(&mut self, TradeId(id): TradeId) -> Option<&mut Option<Trade>> {
        let place = id % u64::try_from(RECENT_TRADES).expect("a few thousand");
        self.0.get_mut(usize::try_from(place).expect("a few thousand"))
    }

    fn keep(&mut self, trade: Trade) {
        if let Some(place) = self.place(trade.id) {
            *place = Some(trade);
        }
    }

    /// Whether the same trade, with as many merged into it, was seen with other values.
    fn differs(&mut self, trade: &Trade) -> bool {
        let known = self.place(trade.id).and_then(|place| *place);
        known.is_some_and(|known| known.id == trade.id && known.count == trade.count && known != *trade)
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

fn parse(line: &[u8], instrument: InstrumentId, layout: &mut Option<Layout>) -> Result<Row, LineFault> {
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
        symbol: instrument,
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

/// So many trades are remembered with their values.
const RECENT_TRADES: usize = 4_096;
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
