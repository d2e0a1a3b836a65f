//! What an exchange's word about an order means for everybody else.

use tradingbot_domain::{ClientOrderId, Fill, Order};

/// What is new about an order. What is to be kept of it has been said by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderNews {
    /// Nothing that concerns others.
    None,
    /// The exchange has it.
    Accepted(ClientOrderId),
    /// It traded.
    Filled {
        /// The trade.
        fill: Fill,
        /// As it was left by the fill.
        order: Order,
        /// Whether it cannot trade again.
        ended: bool,
    },
    /// It has ended.
    Ended(Order),
    /// It has ended, and the exchange denies an order that it had taken.
    Denied(Order),
    /// The exchange reports what cannot be: trading must halt, for this reason.
    Impossible(&'static str),
}
