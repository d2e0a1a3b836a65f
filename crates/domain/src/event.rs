//! What happened: everything the engine can learn, in the past tense.

use serde::{Deserialize, Serialize};

use super::amount::{Notional, Price, Qty};
use super::candle::Candle;
use super::id::{ExchangeOrderId, Seq, TradeId};
use super::instrument::Asset;
use super::instrument_id::InstrumentId;
use super::operator::OperatorEvent;
use super::order::{Fill, Outcome};
use super::order_id::ClientOrderId;
use super::time::{Span, Timestamp};

/// An event with its place and time; from here on time is data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stamped {
    /// Place in the run.
    pub seq: Seq,
    /// When the driver took it in.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What happened, by where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// In the market.
    Market(MarketEvent),
    /// To our orders and balances.
    Account(AccountEvent),
    /// An operator asked for something.
    Operator(OperatorEvent),
    /// To a connection.
    Link(LinkEvent),
    /// Time passed.
    Timer,
}

/// A change in the market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum MarketEvent {
    /// Somebody traded.
    Trade(Trade),
    /// The best prices changed.
    Quote(Quote),
    /// The book was sent whole.
    Book(BookSnapshot),
    /// Levels of the book changed.
    Depth(DepthUpdate),
    /// A candle is over: `last`, the first price after it, proves that.
    Candle {
        /// The instrument that was traded.
        symbol: InstrumentId,
        /// Length of the candle.
        interval: Span,
        /// The candle.
        candle: Candle,
        /// First price after it.
        last: Price,
    },
    /// A past interval of which only the extremes are known, not their order: for drivers that have candles alone.
    Range {
        /// The instrument that was traded.
        symbol: InstrumentId,
        /// First, highest, lowest and last price.
        candle: Candle,
    },
}

impl MarketEvent {
    /// What it is about.
    #[must_use]
    pub const fn symbol(&self) -> InstrumentId {
        match self {
            Self::Trade(trade) => trade.symbol,
            Self::Quote(quote) => quote.symbol,
            Self::Book(book) => book.symbol,
            Self::Depth(depth) => depth.symbol,
            Self::Candle { symbol, .. } | Self::Range { symbol, .. } => *symbol,
        }
    }
}

/// One public trade, or several at one price that the exchange sent as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Trade {
    /// The instrument that was traded.
    pub symbol: InstrumentId,
    /// The exchange's number of the first trade in it.
    pub id: TradeId,
    /// Number of trades that were merged into it.
    pub count: u64,
    /// In the quote asset, for one unit of the base asset.
    pub price: Price,
    /// In the base asset.
    pub qty: Qty,
    /// Whether the buyer was the one who rested.
    pub buyer_is_maker: bool,
    /// By the exchange's clock.
    pub at: Timestamp,
}

/// Best prices of the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Quote {
    /// The instrument of the book.
    pub symbol: InstrumentId,
    /// The book's update id that it belongs to.
    pub update: u64,
    /// Highest price somebody pays.
    pub bid: Price,
    /// In the base asset.
    pub bid_qty: Qty,
    /// Lowest price somebody sells at.
    pub ask: Price,
    /// In the base asset.
    pub ask_qty: Qty,
}

/// Price and quantity of one level; a quantity of zero removes it.
pub type Level = (Price, Qty);

/// A whole book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BookSnapshot {
    /// The instrument of the book.
    pub symbol: InstrumentId,
    /// The last update it holds.
    pub last_update: u64,
    /// Levels of buyers.
    pub bids: Vec<Level>,
    /// Levels of sellers.
    pub asks: Vec<Level>,
}

/// Changed levels of a book; quantities are absolute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DepthUpdate {
    /// The instrument of the book.
    pub symbol: InstrumentId,
    /// First update id in it (`U`).
    pub first: u64,
    /// Last update id in it (`u`).
    pub last: u64,
    /// Last update id of the message before it (`pu`); futures only.
    pub previous: Option<u64>,
    /// By the exchange's clock.
    pub at: Timestamp,
    /// Changed levels of buyers.
    pub bids: Vec<Level>,
    /// Changed levels of sellers.
    pub asks: Vec<Level>,
}

/// A change to our orders or balances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum AccountEvent {
    /// The exchange has taken an order.
    Accepted {
        /// The id we gave the order.
        id: ClientOrderId,
        /// The exchange's number for it.
        exchange_id: ExchangeOrderId,
    },
    /// The exchange has refused an order.
    Rejected {
        /// The id we gave the order.
        id: ClientOrderId,
        /// The exchange's words, shortened.
        reason: String,
    },
    /// One of our orders traded.
    Filled(Fill),
    /// One of our orders has ended without being filled whole.
    Ended {
        /// The id we gave the order.
        id: ClientOrderId,
        /// Whether it was filled, cancelled, refused or has expired.
        outcome: Outcome,
        /// How much of it had traded, all its fills together; those may come later than this, or be lost.
        filled: Qty,
        /// The exchange's words, shortened; empty when it gave none.
        reason: String,
    },
    /// A cancel was refused: the order is past cancelling; its fills or its end are on their way.
    CancelRefused {
        /// The id we gave the order.
        id: ClientOrderId,
        /// The exchange's words, shortened.
        reason: String,
    },
    /// No answer came in time: the order may live or not.
    Unanswered {
        /// The id we gave the order.
        id: ClientOrderId,
    },
    /// The exchange was asked for an order and does not know it; early on that proves nothing.
    NotFound {
        /// The id we gave the order.
        id: ClientOrderId,
    },
    /// What the exchange says we hold: free and locked together, absolute.
    Balance {
        /// The asset of the balance.
        asset: Asset,
        /// In that asset.
        total: Notional,
    },
}

/// A change of a connection to the exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum LinkEvent {
    /// Market data flows.
    Up,
    /// Market data has stopped; what is known grows old.
    Down,
    /// Updates of one book were missed; it is no longer known.
    Gap {
        /// The instrument of the book.
        symbol: InstrumentId,
        /// How many updates; `None` when that cannot be told.
        missed: Option<u64>,
    },
    /// The ledger cannot be written.
    LedgerFailed {
        /// What the ledger said.
        reason: String,
    },
    /// The ledger can be written again, and everything that waited for it is on disk.
    LedgerRestored,
}
