//! An order that the simulated exchange has taken, and where it stands.

use tradingbot_domain::event::Trade;
use tradingbot_domain::{NewOrder, Notional, OrderKind, Price, Qty, Side, TimeInForce, Timestamp};

/// An order that may still trade.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) new: NewOrder,
    pub(super) filled: Qty,
    /// What it keeps from other orders: quote asset when it buys, base asset when it sells.
    pub(super) lock: Notional,
    pub(super) standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Takes whatever the book offers until then.
    Taking { until: Timestamp },
    /// Waits in the book behind so much; `None` while that is not known.
    Resting { ahead: Option<Qty> },
    /// A stop that has not been set off.
    Waiting,
    /// Over.
    Done,
}

impl Live {
    pub(super) const fn new(new: NewOrder, lock: Notional) -> Self {
        Self { new, filled: Qty::ZERO, lock, standing: Standing::Waiting }
    }

    /// The worst price it accepts; none for an order that takes any.
    pub(super) const fn limit(&self) -> Option<Price> {
        match self.new.kind {
            OrderKind::Limit { price, .. } | OrderKind::PostOnly { price } => Some(price),
            OrderKind::Market | OrderKind::Stop { .. } => None,
        }
    }

    pub(super) const fn must_fill_whole(&self) -> bool {
        matches!(self.new.kind, OrderKind::Limit { time_in_force: TimeInForce::FillOrKill, .. })
    }

    pub(super) fn remaining(&self) -> Qty {
        self.new.qty.minus(self.filled).expect("no more is filled than was ordered")
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match self.standing {
            Standing::Taking { until } if until < Timestamp::MAX => Some(until),
            Standing::Taking { .. } | Standing::Resting { .. } | Standing::Waiting | Standing::Done => None,
        }
    }

    pub(super) fn accepts(&self, price: Price) -> bool {
        self.limit().is_none_or(|limit| reaches(self.new.side, limit, price))
    }

    /// Whether it rests where the trade happened, the taker being on the other side, or where the trade went through.
    pub(super) fn meets(&self, trade: &Trade) -> bool {
        let Some(limit) = self.limit() else { return false };
        match self.new.side {
            Side::Buy => limit > trade.price || (limit == trade.price && trade.buyer_is_maker),
            Side::Sell => limit < trade.price || (limit == trade.price && !trade.buyer_is_maker),
        }
    }
}

/// Whether a limit of this side accepts a trade at `price`.
pub(super) fn reaches(side: Side, limit: Price, price: Price) -> bool {
    match side {
        Side::Buy => price <= limit,
        Side::Sell => price >= limit,
    }
}

/// Whether `last` sets off a stop.
pub(super) fn triggers(side: Side, trigger: Price, last: Price) -> bool {
    match side {
        Side::Buy => last >= trigger,
        Side::Sell => last <= trigger,
    }
}
