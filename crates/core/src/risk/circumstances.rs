//! What is known when an order is judged.

use tradingbot_domain::{Notional, Price, Qty, Rate, Timestamp};

/// What is known when an order is judged.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// Last trade price and when it was heard of; `None` before the first.
    pub last: Option<Price>,
    /// When the market was last heard of.
    pub heard: Timestamp,
    /// Whether nothing may be sent.
    pub halted: bool,
    /// What the strategy holds of the symbol.
    pub position: Qty,
    /// What open orders would still sell of it.
    pub leaving: Qty,
    /// Value of that position and of the orders that would add to it.
    pub position_notional: Notional,
    /// Value of all positions and of all orders that would add to one.
    pub exposure: Notional,
    /// What the account is worth.
    pub equity: Notional,
    /// Loss since the start of the UTC day; zero for a gain.
    pub loss_today: Notional,
    /// How far equity is under its peak.
    pub drawdown: Rate,
}
