//! What the API may show: one consistent picture of the engine after an event.

use serde::{Deserialize, Serialize};

use super::amount::{Notional, Price, Qty, Rate};
use super::id::{RunId, Seq};
use super::instrument::{Asset, StrategyName};
use super::instrument_id::InstrumentId;
use super::order::Order;
use super::time::{Span, Timestamp};

/// The whole picture. Equity, profit and drawdown are in the quote asset of the account. What is not known is absent, never
/// zero.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Snapshot {
    /// The life it is of.
    pub run: RunId,
    /// The last event in it.
    pub seq: Seq,
    /// The time of that event.
    pub at: Timestamp,
    /// Why nothing is sent; absent while trading.
    pub halt: Option<HaltView>,
    /// Every asset of the account.
    pub balances: Vec<BalanceView>,
    /// All of it at the last prices; unknown until everything held has had a price in this life.
    pub equity: Option<Notional>,
    /// The highest equity so far.
    pub equity_peak: Notional,
    /// How far equity is below its peak; unknown while equity is.
    pub drawdown: Option<Rate>,
    /// Gains and losses since the start of the UTC day, fees included; unknown while equity is.
    pub profit_today: Option<Notional>,
    /// Open positions.
    pub positions: Vec<PositionView>,
    /// Orders that may still trade.
    pub orders: Vec<Order>,
    /// Running strategies.
    pub strategies: Vec<StrategyView>,
    /// What is known of each market.
    pub markets: Vec<MarketView>,
    /// Fills since the ledger began.
    pub fills: u64,
    /// Refusals of the risk gate since the start.
    pub refusals: u64,
    /// Entries that came to less than the exchange takes and were not made; the first of each strategy and symbol since the
    /// start, in words.
    pub entries_too_small: Vec<String>,
}

/// Why nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HaltView {
    /// `engine`, or the name of the token or socket that carried the request.
    pub by: String,
    /// In words, for people.
    pub reason: String,
    /// The time of the event that brought it about.
    pub since: Timestamp,
    /// Whether it is on disk, so that a restart remembers it.
    pub written: bool,
}

/// What is held of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BalanceView {
    /// The asset of the balance.
    pub asset: Asset,
    /// Free and locked together.
    pub total: Notional,
}

/// What one strategy holds of one symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PositionView {
    /// The strategy that holds or held it.
    pub strategy: StrategyName,
    /// The instrument of the position.
    pub symbol: InstrumentId,
    /// In the base asset; negative when short.
    pub qty: Qty,
    /// Mean price paid, without fees; unknown if it is too large to compute.
    pub entry: Option<Price>,
    /// Last price; unknown until the market has traded in this life.
    pub last: Option<Price>,
    /// The price at which it is left to limit the loss, if there is one.
    pub stop: Option<Price>,
    /// Gain or loss if it were left at the last price, fees paid so far included; unknown while that price is.
    pub profit: Option<Notional>,
    /// When it was opened.
    pub since: Timestamp,
}

/// One running strategy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StrategyView {
    /// The operator's name for it.
    pub name: StrategyName,
    /// Which strategy it is.
    pub kind: String,
    /// What it trades.
    pub symbols: Vec<InstrumentId>,
    /// Length of its candles.
    pub interval: Span,
    /// Whether it takes no new positions.
    pub paused: bool,
    /// Gains and losses of what it has closed, fees included.
    pub profit: Notional,
    /// Positions it has closed.
    pub closed: u64,
    /// Positions it has closed with a gain.
    pub won: u64,
    /// The symbols for which it has not seen enough candles to enter; empty once it has.
    pub warming_up: Vec<WarmUpView>,
}

/// How far a strategy has warmed up on one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WarmUpView {
    /// On which.
    pub symbol: InstrumentId,
    /// Candles seen so far.
    pub seen: u32,
    /// Candles after the last of which it may enter.
    pub needed: u32,
    /// When that candle is over if the market trades in each until then; unknown before the market's first event.
    pub ready: Option<Timestamp>,
}

/// What is known of one market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MarketView {
    /// The instrument.
    pub symbol: InstrumentId,
    /// Last trade price; unknown until it has traded in this life.
    pub last: Option<Price>,
    /// Best bid, if the book is known.
    pub bid: Option<Price>,
    /// Best ask, if the book is known.
    pub ask: Option<Price>,
    /// When it was last heard of; unknown before that.
    pub heard: Option<Timestamp>,
    /// Whether that is unknown or too long ago to trade on.
    pub stale: bool,
}
