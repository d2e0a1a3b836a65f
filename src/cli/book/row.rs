//! Rows about a book, as CSV or as JSON lines.

use std::io::{self, Write};

use serde::Serialize;

use crate::binance::Decimals;
use crate::cli::padded::Padded;
use crate::domain::event::Level;
use crate::market::Book;

/// One row; a side without levels has empty texts, in JSON null.
#[derive(Debug, Serialize)]
pub struct Row {
    events_applied: u64,
    last_update_id: u64,
    best_bid: Option<String>,
    bid_qty: Option<String>,
    best_ask: Option<String>,
    ask_qty: Option<String>,
    bid_levels: usize,
    ask_levels: usize,
}

impl Row {
    /// What there is to say about `book` after so many updates.
    pub fn of(book: &Book, applied: u64, decimals: Option<Decimals>) -> Self {
        let Decimals { price, qty } = decimals.unwrap_or(Decimals { price: 0, qty: 0 });
        let prices = |level: Option<Level>| level.map(|level| Padded(level.0, price).to_string());
        let qtys = |level: Option<Level>| level.map(|level| Padded(level.1, qty).to_string());
        let (bid_levels, ask_levels) = book.depth();
        Self {
            events_applied: applied,
            last_update_id: book.last_update(),
            best_bid: prices(book.best_bid()),
            bid_qty: qtys(book.best_bid()),
            best_ask: prices(book.best_ask()),
            ask_qty: qtys(book.best_ask()),
            bid_levels,
            ask_levels,
        }
    }
}

/// Where rows go.
pub struct Rows<'a> {
    json: bool,
    out: &'a mut dyn Write,
}

impl<'a> Rows<'a> {
    /// Rows of CSV under a header, or JSON lines.
    pub fn begin(json: bool, out: &'a mut dyn Write) -> io::Result<Self> {
        if !json {
            writeln!(out, "{HEADER}")?;
        }
        Ok(Self { json, out })
    }

    /// Prints one.
    pub fn print(&mut self, row: &Row, confirmed: bool) -> io::Result<()> {
        if self.json {
            serde_json::to_writer(&mut *self.out, &Confirmed { row, confirmed_by_book_ticker: confirmed })?;
            return writeln!(self.out);
        }
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        writeln!(
            self.out,
            "{},{},{},{},{},{},{},{},{}",
            row.events_applied,
            row.last_update_id,
            text(&row.best_bid),
            text(&row.bid_qty),
            text(&row.best_ask),
            text(&row.ask_qty),
            row.bid_levels,
            row.ask_levels,
            u8::from(confirmed)
        )
    }
}

#[derive(Serialize)]
struct Confirmed<'a> {
    #[serde(flatten)]
    row: &'a Row,
    confirmed_by_book_ticker: bool,
}

const HEADER: &str = "events_applied,last_update_id,best_bid,bid_qty,best_ask,ask_qty,bid_levels,ask_levels,\
                      confirmed_by_book_ticker";
