//! An order before it is judged, what it is judged by, and what became of it.

use tradingbot_domain::{
    ClientOrderId, InstrumentId, NewOrder, Notional, OrderKind, Price, Purpose, Qty, Rate, Side, Span, StrategyName,
    Timestamp,
};

use crate::engine::index::DeskIdx;
use crate::engine::roster::Roster;

/// An order before it has an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draft {
    /// Whose position it changes.
    pub strategy: StrategyName,
    /// What it trades.
    pub symbol: InstrumentId,
    /// Which way.
    pub side: Side,
    /// How much of the base asset.
    pub qty: Qty,
    /// At what price.
    pub kind: OrderKind,
    /// What for.
    pub purpose: Purpose,
    /// The longest that it may rest, if it is an entry.
    pub rest_max: Option<Span>,
}

impl Draft {
    /// An order of `desk`.
    #[must_use]
    pub fn new(roster: &Roster, desk: DeskIdx, side: Side, qty: Qty, kind: OrderKind, purpose: Purpose) -> Self {
        let (strategy, symbol) = (roster.settings_of(desk).name, roster.rules_of(desk).id);
        Self { strategy, symbol, side, qty, kind, purpose, rest_max: roster.rest_max(strategy) }
    }

    /// The order, under an id of its own.
    #[must_use]
    pub const fn with_id(self, id: ClientOrderId) -> NewOrder {
        let Self { strategy, symbol, side, qty, kind, purpose, rest_max: _ } = self;
        NewOrder { id, strategy, symbol, side, qty, kind, purpose }
    }
}

/// Where market and account stand when an order is judged, open orders left out. Values are in the quote asset.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// Last trade price; `None` before the first.
    pub last: Option<Price>,
    /// When the market was last heard of.
    pub heard: Timestamp,
    /// What the strategy holds of the instrument.
    pub position: Qty,
    /// Value of that position.
    pub position_notional: Notional,
    /// Value of all positions.
    pub exposure: Notional,
    /// What the account is worth.
    pub equity: Notional,
    /// Loss since the start of the UTC day; zero for a gain.
    pub loss_today: Notional,
    /// How far equity is under its peak.
    pub drawdown: Rate,
}

/// What became of an order that was to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// It was.
    Sent(ClientOrderId),
    /// It waits: an order of its instrument has an unknown outcome, or the event has led to as many orders as it can name.
    Frozen,
    /// Too many went out before it.
    Paced {
        /// When there is room for an exit again, if none goes out until then.
        free_at: Timestamp,
    },
    /// The gate refused it.
    Refused,
}
