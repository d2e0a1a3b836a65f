//! Rows of candles, in the layout of Binance's files of klines or as JSON lines.

use std::io::{self, Write};

use serde::Serialize;

use crate::cli::padded::Padded;
use crate::domain::{Candle, Span};
use crate::market::Interval;

/// Where rows go.
pub struct Rows<'a> {
    interval: Interval,
    json: bool,
    out: &'a mut dyn Write,
}

impl<'a> Rows<'a> {
    /// Rows of CSV under a header, or JSON lines.
    pub fn begin(interval: Interval, json: bool, out: &'a mut dyn Write) -> io::Result<Self> {
        if !json {
            writeln!(out, "{HEADER}")?;
        }
        Ok(Self { interval, json, out })
    }

    /// Prints one.
    pub fn print(&mut self, candle: &Candle) -> io::Result<()> {
        let row = Row::of(candle, self.interval);
        if self.json {
            serde_json::to_writer(&mut *self.out, &row)?;
            return writeln!(self.out);
        }
        writeln!(
            self.out,
            "{},{},{},{},{},{},{},{},{},{},{},0",
            row.open_time,
            row.open,
            row.high,
            row.low,
            row.close,
            row.volume,
            row.close_time,
            row.quote_volume,
            row.count,
            row.taker_buy_volume,
            row.taker_buy_quote_volume
        )
    }
}

/// One row.
#[derive(Debug, Serialize)]
struct Row {
    open_time: i64,
    open: String,
    high: String,
    low: String,
    close: String,
    volume: String,
    close_time: i64,
    quote_volume: String,
    count: u64,
    taker_buy_volume: String,
    taker_buy_quote_volume: String,
}

impl Row {
    fn of(candle: &Candle, interval: Interval) -> Self {
        let last = candle.open_time.plus(interval.span()).minus(Span::from_millis(1));
        Self {
            open_time: candle.open_time.millis(),
            open: Padded(candle.open, PLACES).to_string(),
            high: Padded(candle.high, PLACES).to_string(),
            low: Padded(candle.low, PLACES).to_string(),
            close: Padded(candle.close, PLACES).to_string(),
            volume: Padded(candle.volume, PLACES).to_string(),
            close_time: last.millis(),
            quote_volume: Padded(candle.quote_volume, PLACES).to_string(),
            count: candle.trades,
            taker_buy_volume: Padded(candle.taker_buy_volume, PLACES).to_string(),
            taker_buy_quote_volume: Padded(candle.taker_buy_quote_volume, PLACES).to_string(),
        }
    }
}

const HEADER: &str = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,\
                      taker_buy_quote_volume,ignore";

/// Decimals at least, as in the exchange's files of the spot market.
const PLACES: usize = 8;
