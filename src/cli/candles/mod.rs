//! `tradingbot candles`: candles from trades or recorded streams, and longer candles from shorter ones.

mod merging;
mod row;

use std::io::Write;
use std::path::PathBuf;

use super::series::Series;
use super::show::counted;
use super::{Exit, Failure};
use crate::domain::event::Trade;
use crate::domain::{Candle, InstrumentId, MarketEvent, Symbol, TradeId};
use crate::market::{BuildCandleError, CandleBuilder, Interval};
use crate::store::{DataKind, RecordingReader, TradeIds, TradeOrder, TradeReader, read_klines};
use merging::Merging;
use row::Rows;

/// `tradingbot candles`.
#[derive(Debug, clap::Args)]
#[command(after_help = COLUMNS)]
pub struct Candles {
    /// Files of one symbol and one kind, each continuing the one before: recorded streams, trades, aggregate trades or
    /// klines in the layout of Binance's public data, plain or packed with zstd.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Length of the candles: a divisor of a day such as 1m, 15m, 4h or 1d, or 1w.
    #[arg(long, value_name = "SPAN")]
    interval: Interval,
    /// Symbol of a file of trades whose name does not tell it.
    #[arg(long)]
    symbol: Option<Symbol>,
    /// Leave out the last candle when nothing in the files proves that it is over, and, of shorter candles, the first one
    /// when the files begin within it.
    #[arg(long)]
    closed: bool,
}

impl Candles {
    /// Prints candles to `out`, and to `notes` what else there is to say.
    pub fn run(&self, json: bool, out: &mut dyn Write, notes: &mut dyn Write) -> Result<(), Failure> {
        let kind = self.kind()?;
        let mut rows = Rows::begin(self.interval, json, out)?;
        match kind {
            DataKind::Recording => self.take_recording(&mut rows, notes),
            DataKind::Trades => self.take_trades(&mut rows, notes),
            DataKind::Klines => self.merge_klines(&mut rows, notes),
        }
    }

    fn kind(&self) -> Result<DataKind, Failure> {
        let mut first = None;
        for path in &self.files {
            let kind = DataKind::of(path).map_err(|error| Failure::new(Exit::Data, &error))?;
            if *first.get_or_insert(kind) != kind {
                let message = format!("{} is of another kind than the files before it; take one kind", path.display());
                return Err(Failure::say(Exit::Data, message));
            }
        }
        first.ok_or_else(|| Failure::say(Exit::Usage, "no file was named"))
    }

    fn take_recording(&self, rows: &mut Rows<'_>, notes: &mut dyn Write) -> Result<(), Failure> {
        let recording = RecordingReader::open(&self.files)?;
        let mut recording = match self.symbol {
            Some(symbol) => recording.of_symbol(symbol),
            None => recording.of_one_symbol(),
        };
        let mut forge = Forge::new(self.interval);
        let mut ids = TradeIds::default();
        for recorded in recording.by_ref() {
            let MarketEvent::Trade(trade) = recorded?.event else { continue };
            let TradeId(first) = trade.id;
            let last = first.saturating_add(trade.count.saturating_sub(1));
            match ids.note(first, last, trade.at) {
                TradeOrder::Next => forge.take(&trade, rows)?,
                TradeOrder::Again | TradeOrder::Overlap { .. } => forge.repeated += 1,
                TradeOrder::Back { .. } => forge.misplaced += 1,
            }
        }
        if forge.trades == 0 {
            let message = "the recording holds no trades; record a @trade or @aggTrade stream";
            return Err(Failure::say(Exit::Data, message));
        }
        forge.tell(ids.missing(), notes)?;
        self.end(forge.builder.open(), rows, notes)
    }

    fn take_trades(&self, rows: &mut Rows<'_>, notes: &mut dyn Write) -> Result<(), Failure> {
        let mut forge = Forge::new(self.interval);
        let mut ids = TradeIds::default();
        let mut first: Option<InstrumentId> = None;
        let refused = |error| Failure::new(Exit::Data, &error);
        for path in &self.files {
            let mut trades = TradeReader::open_after(path, self.symbol, ids).map_err(refused)?;
            let (symbol, before) = (trades.instrument(), *first.get_or_insert(trades.instrument()));
            if symbol != before {
                let message = format!("{}: its trades are of {symbol}, those before of {before}", path.display());
                return Err(Failure::say(Exit::Data, message));
            }
            for trade in trades.by_ref() {
                forge.take(&trade.map_err(refused)?, rows)?;
            }
            forge.repeated += trades.repeated();
            ids = trades.into_ids();
        }
        forge.tell(ids.missing(), notes)?;
        self.end(forge.builder.open(), rows, notes)
    }

    fn merge_klines(&self, rows: &mut Rows<'_>, notes: &mut dyn Write) -> Result<(), Failure> {
        let mut before: Option<(Series, Merging)> = None;
        for path in &self.files {
            let at_file = |message: String| Failure::say(Exit::Data, format!("{}: {message}", path.display()));
            let file = read_klines(path).map_err(|error| Failure::new(Exit::Data, &error))?;
            if file.months {
                let message = "its candles are of calendar months, which differ in length; give shorter ones";
                return Err(at_file(message.to_owned()));
            }
            let mut merging = match before.take() {
                Some((series, merging)) => {
                    series.check(path, &file)?;
                    merging
                }
                None => Merging::new(&file, self.interval, self.closed).map_err(at_file)?,
            };
            for candle in &file.candles {
                merging.take(candle, rows).map_err(|error| error.at(path))?;
            }
            before = Some((Series::begin(file), merging));
        }
        match before {
            Some((_, merging)) => merging.finish(rows, notes),
            None => Ok(()),
        }
    }

    /// The last candle, of which the files may hold a part only.
    fn end(&self, open: Option<&Candle>, rows: &mut Rows<'_>, notes: &mut dyn Write) -> Result<(), Failure> {
        let Some(candle) = open else { return Ok(()) };
        if self.closed {
            writeln!(notes, "note: the candle of {} is left out: nothing shows that it is over", candle.open_time)?;
        } else {
            rows.print(candle)?;
            writeln!(notes, "note: the last candle, of {}, may not be whole: the files end in it", candle.open_time)?;
        }
        Ok(())
    }
}

/// Trades on their way into candles.
struct Forge {
    builder: CandleBuilder,
    trades: u64,
    repeated: u64,
    misplaced: u64,
    late: u64,
}

impl Forge {
    const fn new(interval: Interval) -> Self {
        Self { builder: CandleBuilder::new(interval), trades: 0, repeated: 0, misplaced: 0, late: 0 }
    }

    /// Takes in a trade that was not seen before.
    fn take(&mut self, trade: &Trade, rows: &mut Rows<'_>) -> Result<(), Failure> {
        self.trades += 1;
        match self.builder.take(trade) {
            Ok(Some(candle)) => Ok(rows.print(&candle)?),
            Ok(None) => Ok(()),
            Err(BuildCandleError::Late { .. }) => {
                self.late += 1;
                Ok(())
            }
            Err(error @ BuildCandleError::Amount(_)) => Err(Failure::new(Exit::Data, &error)),
        }
    }

    fn tell(&self, missing: u64, notes: &mut dyn Write) -> Result<(), Failure> {
        for (count, what) in [
            (missing, "missing between those given: candles may differ from the exchange's"),
            (self.repeated, "given again and counted once"),
            (self.misplaced, "not in order of id, after later ones, and not in a candle"),
            (self.late, "too late for a candle that had ended, and left out"),
        ] {
            if count > 0 {
                writeln!(notes, "note: {} {what}", counted(count, "trade"))?;
            }
        }
        Ok(())
    }
}

const COLUMNS: &str = "\
Columns: open_time, open, high, low, close, volume, close_time, quote_volume, count, taker_buy_volume,
taker_buy_quote_volume, ignore, as in Binance's files of klines; times in milliseconds, amounts with at least 8 decimals.
Times without a trade have no candle. Weeks start on Monday; calendar months are not supported.";
