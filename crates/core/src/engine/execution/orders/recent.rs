//! What is remembered of orders that have ended and of fills that were counted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tradingbot_domain::{ClientOrderId, InstrumentId, Order, TradeId};

/// Orders that have ended lately, for fills that come late, and fills that were counted lately, to tell repeats apart.
#[derive(Debug, Clone, Default)]
pub struct Recent {
    ended: BTreeMap<ClientOrderId, Order>,
    ended_order: VecDeque<ClientOrderId>,
    counted: BTreeSet<(InstrumentId, TradeId)>,
    counted_order: VecDeque<(InstrumentId, TradeId)>,
}

impl Recent {
    /// An order that has ended, to change.
    pub fn ended_mut(&mut self, id: ClientOrderId) -> Option<&mut Order> {
        self.ended.get_mut(&id)
    }

    /// Remembers an order that has ended.
    pub fn note_ended(&mut self, order: Order) {
        let id = order.new.id;
        self.ended.insert(id, order);
        self.ended_order.push_back(id);
        if self.ended_order.len() > ENDED_MAX
            && let Some(oldest) = self.ended_order.pop_front()
        {
            self.ended.remove(&oldest);
        }
    }

    /// Whether a fill was counted.
    #[must_use]
    pub fn was_counted(&self, fill: (InstrumentId, TradeId)) -> bool {
        self.counted.contains(&fill)
    }

    /// Remembers a fill that was counted.
    pub fn note_counted(&mut self, fill: (InstrumentId, TradeId)) {
        self.counted.insert(fill);
        self.counted_order.push_back(fill);
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
