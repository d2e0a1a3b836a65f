//! What must be done: everything the engine can ask for.

use std::fmt;

use crate::domain::{Asset, ClientOrderId, Entry, NewOrder, Notional, Symbol, Timestamp};
use crate::risk::{Approved, Refusal};

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
        symbol: Symbol,
    },
    /// Ask the exchange what became of an order.
    Ask {
        /// Which.
        id: ClientOrderId,
        /// Of what.
        symbol: Symbol,
    },
    /// Call back at this time, at the latest.
    WakeAt(Timestamp),
    /// Tell the operator.
    Notice(Notice),
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
    /// Updates of a book were missed.
    FeedGap {
        /// Which book.
        symbol: Symbol,
        /// How many, when that can be told; zero otherwise.
        missed: u64,
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
            Self::FeedGap { symbol, missed } => {
                write!(f, "{symbol}: {missed} updates missed; the book is asked for anew")
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
