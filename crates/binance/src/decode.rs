//! One text frame of a market stream, or one depth snapshot, to what happened.

use super::fault::DecodeError;
use super::frame::{Frame, Kline, Label};
use tradingbot_domain::event::{BookSnapshot, DepthUpdate, Level, Quote, Trade};
use tradingbot_domain::{Candle, InstrumentId, Market, MarketEvent, Price, Qty, Span, Timestamp, TradeId};

/// What a frame was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// Something happened in a market.
    Market(MarketEvent),
    /// The best levels of a book and no others, as partial depth streams send them.
    Top(BookSnapshot),
    /// A whole book as it is answered over REST: it does not say of which symbol.
    Snapshot {
        /// The last update it holds.
        last_update: u64,
        /// Levels of buyers.
        bids: Vec<Level>,
        /// Levels of sellers.
        asks: Vec<Level>,
    },
    /// A kind that is known and of no use here.
    Unused(&'static str),
    /// A kind that is not known: its name, shortened.
    Other(String),
}

/// Reads one frame of `market`, wrapped (`{"stream":…,"data":…}`) or raw. No frame says which market it is of; the connection
/// or the file does.
///
/// Unknown fields are passed over and unknown kinds are named, so a newer exchange does no harm. Numbers are taken
/// from their digits. Whole numbers may be written as text.
///
/// # Errors
///
/// [`DecodeError`] when it is not JSON, or is of a known kind but lacks a field or has one that cannot be used.
pub fn decode(market: Market, frame: &[u8]) -> Result<Decoded, DecodeError> {
    if frame.len() > FRAME_BYTES_MAX {
        return Err(DecodeError::TooLong { bytes: frame.len() });
    }
    let text = std::str::from_utf8(frame).map_err(|error| DecodeError::NotText { at: error.valid_up_to() + 1 })?;
    let mut frame = Frame::default();
    match frame.fill(text) {
        Ok(()) => frame.judge(market),
        Err(error) if error.is_eof() => Err(DecodeError::Cut(error)),
        Err(error) if error.is_data() => match name_only(text) {
            Some(other) => Ok(other),
            None => Err(DecodeError::Shape(error)),
        },
        Err(error) => Err(DecodeError::NotJson(error)),
    }
}

/// A frame whose fields do not fit: no fault when it is of a kind in which they mean something else.
fn name_only(text: &str) -> Option<Decoded> {
    let outer: Label<'_> = serde_json::from_str(text).ok()?;
    let stream = outer.stream;
    let kind = outer.kind.or(outer.data.and_then(|inner| inner.kind));
    let kind = kind.as_deref().or_else(|| stream.as_deref().map(|name| Stream::of(name).kind))?;
    let is_ours = KINDS.contains(&kind) || kind.starts_with("depth");
    (!is_ours).then(|| unused(kind))
}

impl Frame<'_> {
    fn judge(&mut self, market: Market) -> Result<Decoded, DecodeError> {
        if !self.kind.is_present() {
            return self.judge_without_kind(market);
        }
        let kind = self.kind.text().ok_or_else(|| self.kind.fault("a frame", "e", "the name of an event"))?;
        match kind {
            "depthUpdate" => self.depth(market),
            "bookTicker" => self.quote(market),
            "trade" => self.trade(market),
            "aggTrade" => self.merged_trade(market),
            "kline" => self.candle(market),
            other => Ok(unused(other)),
        }
    }

    fn judge_without_kind(&mut self, market: Market) -> Result<Decoded, DecodeError> {
        let stream = || self.stream.text().map(Stream::of);
        if self.list {
            return stream().map(|stream| unused(stream.kind)).ok_or(DecodeError::Nameless);
        }
        if self.snapshot_update.is_present() {
            return self.snapshot(market);
        }
        if self.last_update.is_present() && self.bid_qty.is_present() && self.ask_qty.is_present() {
            return self.quote(market);
        }
        if self.answer {
            return Ok(Decoded::Unused("answer"));
        }
        stream().map(|stream| unused(stream.kind)).ok_or(DecodeError::Nameless)
    }

    fn depth(&mut self, market: Market) -> Result<Decoded, DecodeError> {
        const KIND: &str = "depthUpdate";
        let stream = self.stream.text().map(Stream::of);
        let symbol = self.instrument(market, KIND)?;
        let (first, last) = (self.first_update.integer(KIND, "U")?, self.last_update.integer(KIND, "u")?);
        if first > last {
            return Err(DecodeError::Backwards { kind: KIND, first, last });
        }
        let previous = &self.previous_update;
        let previous = previous.is_present().then(|| previous.integer(KIND, "pu")).transpose()?;
        let at = self.time(KIND)?;
        let (bids, asks) = (self.bid.levels(KIND, "b")?, self.ask.levels(KIND, "a")?);
        match stream {
            Some(stream) if stream.is_top() => Ok(Decoded::Top(BookSnapshot { symbol, last_update: last, bids, asks })),
            Some(stream) if stream.kind != "depth" => Ok(unused(stream.kind)),
            Some(_) | None => {
                Ok(Decoded::Market(MarketEvent::Depth(DepthUpdate { symbol, first, last, previous, at, bids, asks })))
            }
        }
    }

    fn snapshot(&mut self, market: Market) -> Result<Decoded, DecodeError> {
        const KIND: &str = "a depth snapshot";
        let last_update = self.snapshot_update.integer(KIND, "lastUpdateId")?;
        let (bids, asks) = (self.bid.levels(KIND, "bids")?, self.ask.levels(KIND, "asks")?);
        let Some(stream) = self.stream.text().map(Stream::of) else {
            return Ok(Decoded::Snapshot { last_update, bids, asks });
        };
        let symbol = stream.symbol.to_uppercase().parse();
        let symbol = symbol.map_err(|source| DecodeError::Symbol { kind: KIND, source })?;
        let symbol = InstrumentId::new(market, symbol);
        Ok(Decoded::Top(BookSnapshot { symbol, last_update, bids, asks }))
    }

    fn quote(&mut self, market: Market) -> Result<Decoded, DecodeError> {
        const KIND: &str = "bookTicker";
        let quote = Quote {
            symbol: self.instrument(market, KIND)?,
            update: self.last_update.integer(KIND, "u")?,
            bid: self.bid.price(KIND, "b")?,
            bid_qty: self.bid_qty.qty(KIND, "B")?,
            ask: self.ask.price(KIND, "a")?,
            ask_qty: self.ask_qty.qty(KIND, "A")?,
        };
        Ok(Decoded::Market(MarketEvent::Quote(quote)))
    }

    fn trade(&mut self, market: Market) -> Result<Decoded, DecodeError> {
        const KIND: &str = "trade";
        if self.execution.is_present() && self.execution.text() != Some("MARKET") {
            return Ok(Decoded::Unused("trade outside the market"));
        }
        let id = self.trade.integer(KIND, "t")?;
        self.traded(market, KIND, id, 1)
    }

    fn merged_trade(&mut self, market: Market) -> Result<Decoded, DecodeError> {
        const KIND: &str = "aggTrade";
        let (first, last) = (self.first_trade.integer(KIND, "f")?, self.last_trade.integer(KIND, "l")?);
        match last.checked_sub(first).and_then(|more| more.checked_add(1)) {
            Some(count) => self.traded(market, KIND, first, count),
            None => Err(DecodeError::Backwards { kind: KIND, first, last }),
        }
    }

    fn traded(&mut self, market: Market, kind: &'static str, id: u64, count: u64) -> Result<Decoded, DecodeError> {
        let trade = Trade {
            symbol: self.instrument(market, kind)?,
            id: TradeId(id),
            count,
            price: self.price.price(kind, "p")?,
            qty: self.qty.qty(kind, "q")?,
            buyer_is_maker: self.buyer_is_maker.flag(kind, "m")?,
            at: self.time(kind)?,
        };
        if trade.price == Price::ZERO {
            return Err(DecodeError::Impossible { kind, field: "p", found: trade.price.to_string() });
        }
        if trade.qty == Qty::ZERO {
            return Err(DecodeError::Impossible { kind, field: "q", found: trade.qty.to_string() });
        }
        Ok(Decoded::Market(MarketEvent::Trade(trade)))
    }

    fn candle(&mut self, market: Market) -> Result<Decoded, DecodeError> {
        const KIND: &str = "kline";
        let symbol = self.instrument(market, KIND)?;
        let kline = self.kline.take().ok_or(DecodeError::Missing { kind: KIND, field: "k" })?;
        if !kline.is_over {
            return Ok(Decoded::Unused("candle that is not over"));
        }
        let Ok(interval) = kline.interval.parse::<Span>() else {
            return Ok(Decoded::Unused("candle of a calendar month"));
        };
        let candle = kline.candle()?;
        Ok(Decoded::Market(MarketEvent::Candle { symbol, interval, candle, last: candle.close }))
    }

    fn instrument(&self, market: Market, kind: &'static str) -> Result<InstrumentId, DecodeError> {
        Ok(InstrumentId::new(market, self.symbol.symbol(kind, "s")?))
    }

    /// When it happened, or else when the exchange sent it.
    fn time(&self, kind: &'static str) -> Result<Timestamp, DecodeError> {
        if self.happened.is_present() { self.happened.time(kind, "T") } else { self.sent.time(kind, "E") }
    }
}

impl Kline<'_> {
    fn candle(&self) -> Result<Candle, DecodeError> {
        const KIND: &str = "kline";
        let impossible = |field, found: String| Err(DecodeError::Impossible { kind: KIND, field, found });
        let ends = [self.open, self.close];
        if self.low <= Price::ZERO || ends.iter().any(|price| *price < self.low) {
            return impossible("l", self.low.to_string());
        }
        if ends.iter().any(|price| *price > self.high) {
            return impossible("h", self.high.to_string());
        }
        if self.volume < Qty::ZERO {
            return impossible("v", self.volume.to_string());
        }
        Ok(Candle {
            open_time: self.open_time.time(KIND, "t")?,
            open: self.open,
            high: self.high,
            low: self.low,
            close: self.close,
            volume: self.volume,
            quote_volume: self.quote_volume,
            trades: self.trades.integer(KIND, "n")?,
            taker_buy_volume: self.taker_buy_volume,
            taker_buy_quote_volume: self.taker_buy_quote_volume,
        })
    }
}

/// A stream's name, such as `btcusdt@depth5@100ms` or `!ticker@arr`, taken apart.
struct Stream<'a> {
    symbol: &'a str,
    kind: &'a str,
}

impl<'a> Stream<'a> {
    fn of(name: &'a str) -> Self {
        let (symbol, rest) = name.split_once('@').unwrap_or(("", name));
        match symbol.strip_prefix('!') {
            Some(kind) => Self { symbol: "", kind },
            None => Self { symbol, kind: rest.split_once('@').map_or(rest, |(kind, _speed)| kind) },
        }
    }

    /// Whether it sends the best levels instead of changes.
    fn is_top(&self) -> bool {
        self.kind.strip_prefix("depth").is_some_and(|count| count.parse::<u16>().is_ok())
    }
}

fn unused(kind: &str) -> Decoded {
    match UNUSED.iter().find(|known| **known == kind) {
        Some(known) => Decoded::Unused(known),
        None => Decoded::Other(kind.chars().take(KIND_CHARS_MAX).collect()),
    }
}

/// The largest frame that is read: a depth snapshot of 5,000 levels a side has a third of it.
pub const FRAME_BYTES_MAX: usize = 1 << 20;

/// Longest name of an unknown kind that is kept.
const KIND_CHARS_MAX: usize = 40;

/// What is decoded.
const KINDS: [&str; 5] = ["depthUpdate", "bookTicker", "trade", "aggTrade", "kline"];

/// What is known and passed over.
const UNUSED: [&str; 14] = [
    "24hrMiniTicker",
    "24hrTicker",
    "1hTicker",
    "4hTicker",
    "1dTicker",
    "assetIndexUpdate",
    "avgPrice",
    "compositeIndex",
    "continuous_kline",
    "contractInfo",
    "forceOrder",
    "markPriceUpdate",
    "rpiDepth",
    "serverShutdown",
];
