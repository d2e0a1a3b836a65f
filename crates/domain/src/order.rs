//! Orders and fills, and an order's life as an enum.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::amount::{AmountError, Notional, Price, Qty};
use super::id::{ExchangeOrderId, TradeId};
use super::instrument::{Asset, StrategyName};
use super::instrument_id::InstrumentId;
use super::order_id::ClientOrderId;
use super::time::Timestamp;

/// Which way an order trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Base asset in, quote asset out.
    Buy,
    /// Base asset out, quote asset in.
    Sell,
}

impl Side {
    /// The other way.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// `qty` as a change of position: positive when bought.
    #[must_use]
    pub const fn signed(self, qty: Qty) -> Qty {
        match self {
            Self::Buy => qty,
            Self::Sell => qty.negated(),
        }
    }
}

/// How long an order may wait for its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeInForce {
    /// Until it is cancelled.
    GoodTillCancelled,
    /// What fills at once, the rest is cancelled.
    ImmediateOrCancel,
    /// All at once or nothing.
    FillOrKill,
}

/// At what price an order trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum OrderKind {
    /// At the best prices there are.
    Market,
    /// At `price` or better.
    Limit {
        /// The worst price.
        price: Price,
        /// When it ends by itself.
        time_in_force: TimeInForce,
    },
    /// At `price` or better, as maker only; rejected when it would take.
    PostOnly {
        /// The worst price.
        price: Price,
    },
    /// Becomes a market order once the last price reaches `trigger`: falls to it for a sell, rises to it for a buy.
    Stop {
        /// The price that sets it off.
        trigger: Price,
    },
}

impl OrderKind {
    /// The price that it names, if it names one.
    #[must_use]
    pub const fn price(self) -> Option<Price> {
        match self {
            Self::Market => None,
            Self::Limit { price, .. } | Self::PostOnly { price } | Self::Stop { trigger: price } => Some(price),
        }
    }
}

/// Why a position is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitReason {
    /// The strategy said so.
    ExitSignal,
    /// The price fell to the first stop.
    StopLoss,
    /// The price fell to a stop that had risen with it.
    TrailingStopLoss,
    /// The profit asked for at this age was reached.
    Roi,
    /// An operator closed it.
    Operator,
    /// The data ended.
    ForceExit,
}

impl ExitReason {
    /// The name in reports: `exit_signal`, `stop_loss`, …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExitSignal => "exit_signal",
            Self::StopLoss => "stop_loss",
            Self::TrailingStopLoss => "trailing_stop_loss",
            Self::Roi => "roi",
            Self::Operator => "operator",
            Self::ForceExit => "force_exit",
        }
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What an order is for. An exit never adds to a position and is judged by fewer limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Opens or adds to a position.
    Enter,
    /// Reduces or closes one.
    Exit(ExitReason),
}

/// An order as we mean it, before the exchange has said anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NewOrder {
    /// Unique for ever, drawn by us before it is sent.
    pub id: ClientOrderId,
    /// The strategy whose position it changes.
    pub strategy: StrategyName,
    /// The instrument it trades.
    pub symbol: InstrumentId,
    /// Bought or sold.
    pub side: Side,
    /// In the base asset; positive.
    pub qty: Qty,
    /// Market, limit, post-only or stop, with its price.
    pub kind: OrderKind,
    /// To enter a position, or to leave one.
    pub purpose: Purpose,
}

/// An order and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Order {
    /// The order as it was meant.
    pub new: NewOrder,
    /// When it was written down, before it was sent.
    pub created: Timestamp,
    /// How much has traded; counted from fills alone.
    pub filled: Qty,
    /// What the fills cost or brought, in the quote asset, without fees.
    pub value: Notional,
    /// Open, ended, or unknown.
    pub state: OrderState,
}

/// Where an order stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum OrderState {
    /// Written down; the exchange has not answered yet.
    Intended,
    /// The exchange has it.
    Open {
        /// The exchange's number for it.
        exchange_id: ExchangeOrderId,
    },
    /// The exchange has it and we asked for its end.
    Cancelling {
        /// The exchange's number for it, when it was known.
        exchange_id: Option<ExchangeOrderId>,
    },
    /// No answer came: it may live or not. Never sent again; asked for by its id.
    Unknown {
        /// The time of the event that brought it about.
        since: Timestamp,
    },
    /// It has ended.
    Done(Outcome),
}

/// How an order ended. What it traded before is in its fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All of it traded.
    Filled,
    /// We ended it.
    Cancelled,
    /// The exchange never took it.
    Rejected,
    /// The exchange ended it.
    Expired,
    /// No answer came and the exchange has never heard of it.
    NeverPlaced,
}

impl Order {
    /// Whether it may still trade.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        !matches!(self.state, OrderState::Done(_))
    }

    /// What may still trade; nothing once it has ended.
    #[must_use]
    pub fn remaining(&self) -> Qty {
        if self.is_live() { self.new.qty.minus(self.filled).unwrap_or(Qty::ZERO).max(Qty::ZERO) } else { Qty::ZERO }
    }
}

/// Whether an order rested or took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Liquidity {
    /// It rested in the book.
    Maker,
    /// It took what rested.
    Taker,
}

/// What the exchange keeps for a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Fee {
    /// What it is paid in: the quote asset, the base asset or a third one.
    pub asset: Asset,
    /// In that asset.
    pub amount: Notional,
}

/// One trade of one of our orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Fill {
    /// The id we gave the order.
    pub order: ClientOrderId,
    /// The exchange's number; with the symbol it tells repeats apart.
    pub trade: TradeId,
    /// The instrument that was traded.
    pub symbol: InstrumentId,
    /// Bought or sold.
    pub side: Side,
    /// In the quote asset, for one unit of the base asset.
    pub price: Price,
    /// In the base asset; positive.
    pub qty: Qty,
    /// What the exchange kept.
    pub fee: Fee,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// By the exchange's clock.
    pub at: Timestamp,
}

impl Fill {
    /// Price times quantity, in the quote asset.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`].
    pub fn value(&self) -> Result<Notional, AmountError> {
        self.price.times(self.qty)
    }
}
