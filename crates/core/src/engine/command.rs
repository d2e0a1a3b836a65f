//! What must be done: everything the engine can ask for.

use std::fmt;

use serde::Serialize;

use crate::risk::{Approved, Refusal};
use tradingbot_domain::{
    Asset, ClientOrderId, Entry, InstrumentId, NewOrder, Notional, Price, Qty, Rounding, StrategyName, Timestamp,
    Verdict,
};

/// Something the driver must do, in the order given. What a [`Command::Record`] says must be on disk before anything
/// that stands behind it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Keep for good.
    Record(Entry),
    /// Send an order.
    Submit(Approved<NewOrder>),
    /// Ask the exchange to end an order.
    Cancel {
        /// Which.
        id: ClientOrderId,
        /// Of what.
        symbol: InstrumentId,
    },
    /// Ask the exchange what became of an order.
    Ask {
        /// Which.
        id: ClientOrderId,
        /// Of what.
        symbol: InstrumentId,
    },
    /// Call back at this time, at the latest.
    WakeAt(Timestamp),
    /// Tell the operator.
    Notice(Notice),
    /// Answer the operator's request. Every operator's event leads to exactly one.
    Answer(Verdict),
}

/// Something worth telling the operator; the shell writes it to the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The risk gate refused an order.
    Refused {
        /// The order.
        order: NewOrder,
        /// Which limit.
        refusal: Refusal,
    },
    /// An entry came to less than the exchange takes and was not made. Said once for each strategy and symbol.
    EntryTooSmall(EntryTooSmall),
    /// Updates of a book were missed.
    FeedGap {
        /// Which book.
        symbol: InstrumentId,
        /// How many; `None` when that cannot be told.
        missed: Option<u64>,
    },
    /// Market data has stopped.
    FeedDown,
    /// Market data flows, for the first time or again.
    FeedUp,
    /// An event came about an order that is not known, or that has ended.
    UnknownOrder {
        /// Which.
        id: ClientOrderId,
        /// What the event said.
        event: &'static str,
    },
    /// The exchange reports another balance than deposits and fills add up to.
    BalanceDiffers {
        /// Of what.
        asset: Asset,
        /// What the exchange says.
        reported: Notional,
        /// What it should be.
        expected: Notional,
    },
    /// Amounts became too large to compute with; trading halts.
    Overflow,
}

/// An entry that is too small for the exchange's rules. Values are in the quote asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryTooSmall {
    /// Whose entry.
    pub strategy: StrategyName,
    /// Of what.
    pub symbol: InstrumentId,
    /// What it was to be worth.
    pub stake: Notional,
    /// What there was for it, if that is less.
    pub free: Notional,
    /// At what price.
    pub price: Price,
    /// Step of quantities.
    pub lot: Qty,
    /// Least quantity of an order.
    pub qty_min: Qty,
    /// Least value of an order.
    pub notional_min: Notional,
}

impl fmt::Display for EntryTooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { strategy, symbol, stake, free, price, lot, qty_min, notional_min } = self;
        let round = |value: Notional| value.as_asset(Rounding::Down).unwrap_or_default();
        let worth = *stake.min(free);
        let qty = worth.over(*price, Rounding::Down).unwrap_or_default();
        write!(f, "{strategy}: an entry of {symbol} for {}", round(worth))?;
        if free < stake {
            write!(f, ", all that is left for a stake of {},", round(*stake))?;
        }
        let rules = [
            (lot.units() > 1).then(|| format!("lot {lot}")),
            (qty_min.units() > 1).then(|| format!("least quantity {qty_min}")),
            notional_min.is_positive().then(|| format!("least value {notional_min}")),
        ];
        let rules = rules.into_iter().flatten().collect::<Vec<_>>().join(", ");
        write!(f, " buys {qty} at {price}, less than the exchange takes ({rules}): it is not made")
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { order, refusal } => {
                write!(
                    f,
                    "{}: order {} for {} {} refused: {refusal}",
                    order.strategy, order.id, order.qty, order.symbol
                )
            }
            Self::EntryTooSmall(entry) => entry.fmt(f),
            Self::FeedGap { symbol, missed: Some(missed) } => {
                write!(f, "{symbol}: {missed} updates missed; the book is asked for anew")
            }
            Self::FeedGap { symbol, missed: None } => {
                write!(f, "{symbol}: an unknown number of updates missed; the book is asked for anew")
            }
            Self::FeedDown => f.write_str("market data has stopped"),
            Self::FeedUp => f.write_str("market data flows"),
            Self::UnknownOrder { id, event } => {
                write!(f, "order {id} is not known, yet the exchange reports it {event}")
            }
            Self::BalanceDiffers { asset, reported, expected } => {
                write!(f, "the exchange reports {reported} {asset}, but deposits and fills add up to {expected}")
            }
            Self::Overflow => f.write_str("an amount is too large to compute with"),
        }
    }
}
