//! Our orders against what the exchange says of them: an answer that never came is a state, not a failure.

use tradingbot_domain::{
    AmountError, Asset, ClientOrderId, Entry, EntryStyle, InstrumentId, Notional, Order, OrderKind, OrderState,
    Outcome, Purpose, Span, Timestamp,
};

use super::{Command, ENGINE, Engine, Notice};

/// When a live order is asked for next, and how often it has been since its outcome is unknown.
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
            self.inquiries.remove(&id);
            self.inquire(id, out);
        }
    }

    /// Not being found proves nothing until the exchange's own time limits have passed.
    pub(super) fn on_not_found(&mut self, id: ClientOrderId, out: &mut Vec<Command>) -> Result<(), AmountError> {
        let Some(order) = self.orders.get(id) else { return Ok(()) };
        match order.state {
            OrderState::Unknown { since } if self.now.since(since) >= NOT_FOUND_PROVES_AFTER => {
                if !self.orders.was_taken(id) {
                    return self.end(id, Outcome::NeverPlaced, "the exchange does not know it", out);
                }
                self.end(id, Outcome::Expired, "the exchange does not know it any more", out)?;
                self.halt(ENGINE, "the exchange does not know an order that it had taken", out);
            }
            OrderState::Unknown { .. } => self.inquire(id, out),
            OrderState::Intended | OrderState::Open { .. } | OrderState::Cancelling { .. } => {
                self.on_unanswered(id, out);
            }
            OrderState::Done(_) => {}
        }
        Ok(())
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
    pub fn is_frozen(&self, symbol: InstrumentId) -> bool {
        self.orders.is_frozen(symbol)
    }

    /// What is due by now: inquiries, and entries that have rested long enough.
    pub(super) fn wake(&mut self, out: &mut Vec<Command>) {
        self.wake_at = None;
        let mut next = self.exits_due;
        let (mut silent, mut rested) = (Vec::new(), Vec::new());
        for order in self.orders.live() {
            let id = order.new.id;
            for (due, list) in [
                (self.inquiries.get(&id).map(|inquiry| inquiry.due), &mut silent),
                (self.rests_until(order), &mut rested),
            ] {
                match due {
                    Some(due) if due <= self.now => list.push((id, order.new.symbol)),
                    Some(due) => next = Some(next.map_or(due, |next| next.min(due))),
                    None => {}
                }
            }
        }
        for (id, symbol) in silent {
            if self.orders.get(id).is_some_and(|order| order.state == OrderState::Intended) {
                self.on_unanswered(id, out);
            } else {
                out.push(Command::Ask { id, symbol });
                self.inquire(id, out);
            }
        }
        for (id, _) in rested {
            self.cancel(id, ENGINE, out);
        }
        if let Some(next) = next {
            self.wake_by(next, out);
        }
    }

    /// Plans the next inquiry for a live order. While its outcome is unknown each waits twice as long as the one before,
    /// up to a limit; otherwise it is asked for only when nothing was heard of it for long, lest a lost word hold it open
    /// for ever.
    pub(super) fn inquire(&mut self, id: ClientOrderId, out: &mut Vec<Command>) {
        let Some(order) = self.orders.get(id) else { return };
        let asked = self.inquiries.get(&id).map_or(0, |inquiry| inquiry.asked);
        let (wait, asked) = match (&order.state, order.new.kind) {
            (OrderState::Unknown { .. }, _) => {
                let doublings = asked.min(LONGEST_INQUIRY_DOUBLINGS);
                (Span::from_millis(FIRST_INQUIRY_MS.saturating_mul(1_i64 << doublings)), asked.saturating_add(1))
            }
            (_, OrderKind::Market) => (SILENCE_MAX_TAKING, 0),
            (_, OrderKind::Limit { .. } | OrderKind::PostOnly { .. } | OrderKind::Stop { .. }) => {
                (SILENCE_MAX_RESTING, 0)
            }
        };
        let due = self.now.plus(wait);
        self.inquiries.insert(id, Inquiry { due, asked });
        self.wake_by(due, out);
    }

    fn rests_until(&self, order: &Order) -> Option<Timestamp> {
        let rests = matches!(order.state, OrderState::Intended | OrderState::Open { .. });
        if !rests || order.new.purpose != Purpose::Enter || !matches!(order.new.kind, OrderKind::PostOnly { .. }) {
            return None;
        }
        let strategy = self.running.iter().find(|strategy| strategy.name() == order.new.strategy)?;
        match strategy.entry() {
            EntryStyle::PostOnly { timeout } => Some(order.created.plus(timeout)),
            EntryStyle::Market => None,
        }
    }

    /// The order has ended; there is nothing to ask any more.
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
/// How long an order that takes, and one that rests, may go without a word.
const SILENCE_MAX_TAKING: Span = Span::from_secs(10);
const SILENCE_MAX_RESTING: Span = Span::MINUTE;
const FIRST_INQUIRY_MS: i64 = 500;
const LONGEST_INQUIRY_DOUBLINGS: u32 = 5;
