//! What answers hold, declared once: the server writes it, and the command line reads the same types.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::settings::Access;
use crate::domain::snapshot::{BalanceView, HaltView, MarketView, WarmUpView};
use crate::domain::{NewOrder, Notional, Order, OrderState, Qty, Rate, RunId, Seq, StrategyName, Timestamp};

/// How the bot is doing. Amounts are in the quote asset of the account.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StatusView<'s> {
    /// The program's.
    pub version: Cow<'s, str>,
    /// Which life.
    pub run: RunId,
    /// The last event in it.
    pub seq: Seq,
    /// The time of that event.
    pub at: Timestamp,
    /// How programs reach the API.
    pub api: Cow<'s, Access>,
    /// What it waits for before it does its work; a bot of an earlier version does not say.
    #[serde(default)]
    pub starting: Option<Cow<'s, str>>,
    /// Whether it trades.
    pub trading: bool,
    /// Why it does not.
    pub halt: Option<Cow<'s, HaltView>>,
    /// What all is worth; unknown until everything held has had a price in this life.
    pub equity: Option<Notional>,
    /// The highest equity so far.
    pub equity_peak: Notional,
    /// How far equity is below its peak; unknown while equity is.
    pub drawdown: Option<Rate>,
    /// Gains and losses since the start of the UTC day, fees included; unknown while equity is.
    pub profit_today: Option<Notional>,
    /// How many are open.
    pub positions: u64,
    /// How many may still trade.
    pub orders: u64,
    /// How many run.
    pub strategies: u64,
    /// How many of those take no new positions.
    pub strategies_paused: u64,
    /// Which of them have not seen enough candles to enter.
    pub warming_up: Vec<StrategyWarmUp>,
    /// Fills since the ledger began.
    pub fills: u64,
    /// Refusals of the risk gate since the start.
    pub refusals: u64,
    /// Entries that came to less than the exchange takes; a bot of an earlier version does not say.
    #[serde(default)]
    pub entries_too_small: Cow<'s, [String]>,
    /// What is known of each market.
    pub markets: Cow<'s, [MarketView]>,
}

/// How far a strategy has warmed up on a symbol.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StrategyWarmUp {
    /// The operator's name for it.
    pub strategy: StrategyName,
    /// On which symbol, and how far.
    #[serde(flatten)]
    pub progress: WarmUpView,
}

/// What is held, and what it is worth in the quote asset.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct AccountView<'s> {
    pub(super) balances: &'s [BalanceView],
    pub(super) equity: Option<Notional>,
    pub(super) equity_peak: Notional,
    pub(super) drawdown: Option<Rate>,
    pub(super) profit_today: Option<Notional>,
}

/// An order, flat.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OrderView<'s> {
    /// As it was sent.
    #[serde(flatten)]
    pub new: Cow<'s, NewOrder>,
    /// When it was meant to be sent.
    pub created: Timestamp,
    /// How much of it has traded.
    pub filled: Qty,
    /// What that was worth, in the quote asset.
    pub value: Notional,
    /// What is known of it at the exchange.
    pub state: Cow<'s, OrderState>,
}

/// A list, whole or a part of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Listed<I> {
    /// Its items: a slice to write, a vector to read.
    pub items: I,
    /// The cursor of the part after it, if there is one.
    pub next: Option<String>,
}

/// What came of a change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChangeView<'s> {
    /// Whether it was done.
    pub verdict: ChangeVerdict,
    /// What is told besides when the verdict is that on an earlier try.
    #[serde(flatten)]
    pub replay: Option<ReplayView<'s>>,
}

/// Whether a change was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeVerdict {
    /// It was.
    Done,
    /// It was so before.
    Already,
}

/// How trading stands by the time that a change is asked for again.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReplayView<'s> {
    /// Always.
    pub replayed: bool,
    /// Whether the bot trades.
    pub trading: bool,
    /// Why it does not.
    pub halt: Option<Cow<'s, HaltView>>,
}

impl<'s> OrderView<'s> {
    /// As clients see `order`.
    pub(super) const fn of(order: &'s Order) -> Self {
        Self {
            new: Cow::Borrowed(&order.new),
            created: order.created,
            filled: order.filled,
            value: order.value,
            state: Cow::Borrowed(&order.state),
        }
    }
}
