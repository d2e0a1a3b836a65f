//! Our orders against what the exchange says of them: an answer that never came is a state, not a failure.

use crate::domain::{
    Asset, ClientOrderId, Entry, EntryStyle, Notional, Order, OrderKind, OrderState, Outcome, Purpose, Span, Symbol,
    Timestamp,
};

use super::{Command, Engine, Notice};

/// When an order of unknown outcome is asked for next, and how often it has been.
#[derive(Debug, Clone, Copy)]
pub struct Inquiry {
    due: Timestamp,
    asked: u32,
}

impl Engine {
    /// No answer came: the symbol is frozen, and the order is asked for by its id until that is settled.
    pub(super) fn on_unanswered(&mut self, id: ClientOrderId, out: &mut Vec<Command>) {
        if self.orders.unanswered(id, self.now) {
            out.push(Command::Record(Entry::Unanswered { id }));
            self.inquire(id, out);
        }
    }

    /// Not being found proves nothing until the exchange's own time limits have passed.
    pub(super) fn on_not_found(&mut self, id: ClientOrderId, out: &mut Vec<Command>) {
        let Some(order) = self.orders.get(id) else { return };
        match order.state {
            OrderState::Unknown { since } if self.now.since(since) >= NOT_FOUND_PROVES_AFTER => {
                let outcome = if order.filled.is_zero() { Outcome::NeverPlaced } else { Outcome::Expired };
                self.inquiries.remove(&id);
                self.end(id, outcome, "the exchange does not know it", out);
            }
            OrderState::Unknown { .. } => self.inquire(id, out),
            OrderState::Intended | OrderState::Open { .. } | OrderState::Cancelling { .. } | OrderState::Done(_) => {}
        }
    }

    /// What the exchange says we hold must be what fills and deposits add up to.
    pub(super) fn on_balance(&mut self, asset: Asset, total: Notional, out: &mut Vec<Command>) {
        let expected = self.account.balance(asset);
        if total != expected && self.orders.live().next().is_none() {
            out.push(Command::Notice(Notice::BalanceDiffers { asset, reported: total, expected }));
        }
    }

    /// Whether an order of `symbol` waits for its outcome.
    #[must_use]
    pub fn is_frozen(&self, symbol: Symbol) -> bool {
        self.orders.is_frozen(symbol)
    }

    /// What is due by now: inquiries, and entries that have rested long enough.
    pub(super) fn wake(&mut self, out: &mut Vec<Command>) {
        self.wake_at = None;
        let mut next: Option<Timestamp> = None;
        let mut expired = Vec::new();
        for order in self.orders.live() {
            let due = match order.state {
                OrderState::Unknown { .. } => self.inquiries.get(&order.new.id).map(|inquiry| inquiry.due),
                OrderState::Intended | OrderState::Open { .. } => self.rests_until(order),
                OrderState::Cancelling { .. } | OrderState::Done(_) => None,
            };
            match due {
                Some(due) if due <= self.now => expired.push((order.new.id, order.new.symbol)),
                Some(due) => next = Some(next.map_or(due, |next| next.min(due))),
                None => {}
            }
        }
        for (id, symbol) in expired {
            if self.inquiries.contains_key(&id) {
                out.push(Command::Ask { id, symbol });
                self.inquire(id, out);
            } else {
                self.cancel(id, super::ENGINE, out);
            }
        }
        if let Some(next) = next {
            self.wake_by(next, out);
        }
    }

    /// Plans the next inquiry: each waits twice as long as the one before, up to a limit.
    pub(super) fn inquire(&mut self, id: ClientOrderId, out: &mut Vec<Command>) {
        let asked = self.inquiries.get(&id).map_or(0, |inquiry| inquiry.asked);
        let wait = Span::from_millis(FIRST_INQUIRY_MS.saturating_mul(1_i64 << asked.min(LONGEST_INQUIRY_DOUBLINGS)));
        let due = self.now.plus(wait);
        self.inquiries.insert(id, Inquiry { due, asked: asked.saturating_add(1) });
        self.wake_by(due, out);
    }

    fn rests_until(&self, order: &Order) -> Option<Timestamp> {
        if order.new.purpose != Purpose::Enter || !matches!(order.new.kind, OrderKind::PostOnly { .. }) {
            return None;
        }
        let strategy = self.running.iter().find(|strategy| strategy.name() == order.new.strategy)?;
        match strategy.entry() {
            EntryStyle::PostOnly { timeout } => Some(order.created.plus(timeout)),
            EntryStyle::Market => None,
        }
    }

    /// The exchange has told of a strange order.
    pub(super) fn settle(&mut self, id: ClientOrderId) {
        self.inquiries.remove(&id);
    }

    /// Says that an event came for an order that is not known.
    pub(super) fn stranger(id: ClientOrderId, event: &'static str, out: &mut Vec<Command>) {
        out.push(Command::Notice(Notice::UnknownOrder { id, event }));
    }
}

/// An order that is not found for so long was never placed: receive window (5 s) and matching time-out (10 s), and some.
const NOT_FOUND_PROVES_AFTER: Span = Span::from_secs(16);
const FIRST_INQUIRY_MS: i64 = 500;
const LONGEST_INQUIRY_DOUBLINGS: u32 = 5;
