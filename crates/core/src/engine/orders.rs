//! Orders that may still trade, and every transition of one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tradingbot_domain::{
    AmountError, ClientOrderId, ExchangeOrderId, Fill, InstrumentId, NewOrder, Notional, Order, OrderState, Outcome,
    Qty, Timestamp, TradeId,
};

/// Live orders by id, and the trades that were counted already.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    live: BTreeMap<ClientOrderId, Order>,
    accepted: BTreeSet<ClientOrderId>,
    ended: BTreeMap<ClientOrderId, Order>,
    ended_order: VecDeque<ClientOrderId>,
    counted: BTreeSet<(InstrumentId, TradeId)>,
    counted_order: VecDeque<(InstrumentId, TradeId)>,
}

/// What a fill does to its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FillEffect {
    /// It was counted before.
    Repeat,
    /// The order is not ours or is long gone.
    Stranger,
    /// The order has traded more than it was for.
    TooMuch,
    /// It counts; the order as it is now.
    Counted(Order),
}

impl Orders {
    /// Orders that may still trade.
    pub fn live(&self) -> impl Iterator<Item = &Order> {
        self.live.values()
    }

    /// The live order of that id.
    #[must_use]
    pub fn get(&self, id: ClientOrderId) -> Option<&Order> {
        self.live.get(&id)
    }

    /// Whether any order of `symbol` has an unknown outcome.
    #[must_use]
    pub fn is_frozen(&self, symbol: InstrumentId) -> bool {
        self.live.values().any(|order| order.new.symbol == symbol && matches!(order.state, OrderState::Unknown { .. }))
    }

    /// Writes an intent down.
    pub fn intend(&mut self, new: NewOrder, now: Timestamp) {
        let id = new.id;
        let order = Order { new, created: now, filled: Qty::ZERO, value: Notional::ZERO, state: OrderState::Intended };
        self.live.insert(id, order);
    }

    /// The exchange has it. Whether that is news.
    pub fn accept(&mut self, id: ClientOrderId, exchange_id: ExchangeOrderId) -> bool {
        let Some(order) = self.live.get_mut(&id) else { return false };
        self.accepted.insert(id);
        match order.state {
            OrderState::Intended | OrderState::Unknown { .. } => {
                order.state = OrderState::Open { exchange_id };
                true
            }
            OrderState::Cancelling { exchange_id: None } => {
                order.state = OrderState::Cancelling { exchange_id: Some(exchange_id) };
                true
            }
            OrderState::Cancelling { exchange_id: Some(_) } | OrderState::Open { .. } | OrderState::Done(_) => false,
        }
    }

    /// Whether the exchange has been heard to have this live order.
    #[must_use]
    pub fn was_taken(&self, id: ClientOrderId) -> bool {
        self.accepted.contains(&id) || self.live.get(&id).is_some_and(|order| !order.filled.is_zero())
    }

    /// Its end was asked for. Whether that is news.
    pub fn cancelling(&mut self, id: ClientOrderId) -> bool {
        let Some(order) = self.live.get_mut(&id) else { return false };
        let exchange_id = match order.state {
            OrderState::Open { exchange_id } => Some(exchange_id),
            OrderState::Intended => None,
            OrderState::Unknown { .. } | OrderState::Cancelling { .. } | OrderState::Done(_) => return false,
        };
        order.state = OrderState::Cancelling { exchange_id };
        true
    }

    /// No answer came for it. Whether that is news.
    pub fn unanswered(&mut self, id: ClientOrderId, now: Timestamp) -> bool {
        let Some(order) = self.live.get_mut(&id) else { return false };
        match order.state {
            OrderState::Intended | OrderState::Open { .. } | OrderState::Cancelling { .. } => {
                order.state = OrderState::Unknown { since: now };
                true
            }
            OrderState::Unknown { .. } | OrderState::Done(_) => false,
        }
    }

    /// It traded.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn fill(&mut self, fill: &Fill) -> Result<FillEffect, AmountError> {
        if self.counted.contains(&(fill.symbol, fill.trade)) {
            return Ok(FillEffect::Repeat);
        }
        let known = match self.live.get_mut(&fill.order) {
            Some(order) => Some(order),
            None => self.ended.get_mut(&fill.order),
        };
        let Some(order) = known else { return Ok(FillEffect::Stranger) };
        if order.new.symbol != fill.symbol || order.new.side != fill.side {
            return Ok(FillEffect::Stranger);
        }
        let filled = order.filled.plus(fill.qty)?;
        if filled > order.new.qty {
            return Ok(FillEffect::TooMuch);
        }
        order.value = order.value.plus(fill.value()?)?;
        order.filled = filled;
        let order = order.clone();
        self.count((fill.symbol, fill.trade));
        if order.filled == order.new.qty {
            self.end(fill.order, Outcome::Filled);
        }
        Ok(FillEffect::Counted(order))
    }

    /// It has ended; the order as it was, if it was live.
    pub fn end(&mut self, id: ClientOrderId, outcome: Outcome) -> Option<Order> {
        let mut order = self.live.remove(&id)?;
        self.accepted.remove(&id);
        order.state = OrderState::Done(outcome);
        self.ended.insert(id, order.clone());
        self.ended_order.push_back(id);
        if self.ended_order.len() > ENDED_MAX
            && let Some(oldest) = self.ended_order.pop_front()
        {
            self.ended.remove(&oldest);
        }
        Some(order)
    }

    fn count(&mut self, trade: (InstrumentId, TradeId)) {
        self.counted.insert(trade);
        self.counted_order.push_back(trade);
        if self.counted_order.len() > COUNTED_MAX
            && let Some(oldest) = self.counted_order.pop_front()
        {
            self.counted.remove(&oldest);
        }
    }
}

/// Ended orders that late fills may still belong to.
const ENDED_MAX: usize = 256;
/// Trades remembered to tell repeats apart.
const COUNTED_MAX: usize = 1_024;
