//! Our orders against what the exchange says of them: every transition, and the inquiries after those that it is silent
//! about. An answer that never came is a state, not a failure.

mod live;
mod news;
mod recent;

use std::collections::BTreeMap;

use tradingbot_domain::{
    AccountEvent, AmountError, ClientOrderId, Entry, Fill, InstrumentId, NewOrder, Objection, Order, OrderState,
    Outcome, Span, StrategyName, Timestamp, Verdict,
};

use crate::engine::{Command, ENGINE, Notice};

use live::LiveOrder;
use recent::Recent;

pub use news::OrderNews;

/// Orders that may still trade, by id, and what is remembered of others.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    live: BTreeMap<ClientOrderId, LiveOrder>,
    recent: Recent,
    /// Nothing is to be done about any order before then.
    due: Option<Timestamp>,
}

impl Orders {
    /// Orders that may still trade.
    pub fn live(&self) -> impl Iterator<Item = &Order> {
        self.live.values().map(|live| &live.order)
    }

    /// The live order of that id.
    #[must_use]
    pub fn get(&self, id: ClientOrderId) -> Option<&Order> {
        self.live.get(&id).map(|live| &live.order)
    }

    /// Whether any order of `symbol` has an unknown outcome.
    #[must_use]
    pub fn is_frozen(&self, symbol: InstrumentId) -> bool {
        self.live.values().any(|live| live.order.new.symbol == symbol && live.is_unknown())
    }

    /// When [`Orders::wake`] has something to do, at the earliest.
    #[must_use]
    pub const fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// Takes up an order that is about to be sent, and asks for it later if nothing is heard of it. An entry that rests is
    /// ended after `rest_max`.
    pub fn intend(&mut self, new: NewOrder, now: Timestamp, rest_max: Option<Span>) {
        let mut live = LiveOrder::new(new, now, rest_max);
        let first = live.rests_until().into_iter().fold(live.plan_inquiry(now), Timestamp::min);
        self.live.insert(live.id(), live);
        self.wake_by(first);
    }

    /// Asks for the end of an order, once; its entry goes in front.
    pub fn cancel(&mut self, id: ClientOrderId, by: &str, out: &mut Vec<Command>) -> Verdict {
        let Some(live) = self.live.get_mut(&id) else { return Verdict::UnknownOrder };
        if live.is_unknown() {
            return Verdict::Refused(Objection::OutcomeUnknown);
        }
        if !live.cancel() {
            return Verdict::Already;
        }
        out.push(Command::Record(Entry::CancelAsked { id, by: by.to_owned() }));
        out.push(Command::Cancel { id, symbol: live.order.new.symbol });
        Verdict::Done
    }

    /// What the exchange says of an order.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn on_account(
        &mut self,
        now: Timestamp,
        event: &AccountEvent,
        out: &mut Vec<Command>,
    ) -> Result<OrderNews, AmountError> {
        match event {
            AccountEvent::Accepted { id, exchange_id } => {
                let Some(live) = self.live.get_mut(id) else { return Ok(OrderNews::None) };
                if !live.accept(*exchange_id) {
                    return Ok(OrderNews::None);
                }
                let due = live.plan_inquiry(now);
                self.wake_by(due);
                out.push(Command::Record(Entry::Accepted { id: *id, exchange_id: *exchange_id }));
                Ok(OrderNews::Accepted(*id))
            }
            AccountEvent::Rejected { id, reason } => {
                Ok(self.end(*id, Outcome::Rejected, reason, out).map_or(OrderNews::None, OrderNews::Ended))
            }
            AccountEvent::Filled(fill) => self.on_fill(fill, out),
            // Not before its last fill is known: what has ended is not asked for again.
            AccountEvent::Ended { id, filled, .. } if self.get(*id).is_some_and(|order| order.filled < *filled) => {
                Ok(self.on_unanswered(now, *id, out))
            }
            AccountEvent::Ended { id, outcome, reason, .. } => {
                Ok(self.end(*id, *outcome, reason, out).map_or(OrderNews::None, OrderNews::Ended))
            }
            // Past cancelling: what became of it should be on its way; if it is not, asking finds it.
            AccountEvent::CancelRefused { id, .. } | AccountEvent::Unanswered { id } => {
                Ok(self.on_unanswered(now, *id, out))
            }
            AccountEvent::NotFound { id } => Ok(self.on_not_found(now, *id, out)),
            AccountEvent::Balance { .. } => Ok(OrderNews::None),
        }
    }

    /// Does what is due by now: inquiries, and the end of entries that have rested long enough.
    pub fn wake(&mut self, now: Timestamp, out: &mut Vec<Command>) {
        self.due = None;
        let (mut silent, mut rested) = (Vec::new(), Vec::new());
        for live in self.live.values() {
            for (due, list) in [(live.ask_at(), &mut silent), (live.rests_until(), &mut rested)] {
                match due {
                    Some(due) if due <= now => list.push(live.id()),
                    Some(due) => self.due = Some(self.due.map_or(due, |first| first.min(due))),
                    None => {}
                }
            }
        }
        for id in silent {
            if self.get(id).is_some_and(|order| order.state == OrderState::Intended) {
                self.on_unanswered(now, id, out);
            } else if let Some(live) = self.live.get_mut(&id) {
                out.push(Command::Ask { id, symbol: live.order.new.symbol });
                let due = live.plan_inquiry(now);
                self.wake_by(due);
            }
        }
        for id in rested {
            self.cancel(id, ENGINE, out);
        }
    }

    /// Takes up one entry of an earlier life. `rest_max`: the longest that an entry order of a strategy may rest.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn restore(
        &mut self,
        at: Timestamp,
        entry: &Entry,
        rest_max: impl FnOnce(StrategyName) -> Option<Span>,
    ) -> Result<OrderNews, AmountError> {
        match entry {
            Entry::Intended { order } => self.intend(order.clone(), at, rest_max(order.strategy)),
            Entry::Accepted { id, exchange_id } => {
                self.live.get_mut(id).map(|live| live.accept(*exchange_id));
            }
            Entry::CancelAsked { id, .. } => {
                self.live.get_mut(id).map(LiveOrder::cancel);
            }
            Entry::Unanswered { id } => {
                self.live.get_mut(id).map(|live| live.lose(at));
            }
            Entry::Filled { fill } => return self.record_fill(fill),
            Entry::Ended { id, outcome, .. } => {
                return Ok(self.close(*id, *outcome).map_or(OrderNews::None, OrderNews::Ended));
            }
            Entry::Started { .. }
            | Entry::Stopped { .. }
            | Entry::Deposited { .. }
            | Entry::Halted { .. }
            | Entry::Resumed { .. }
            | Entry::Paused { .. }
            | Entry::Unpaused { .. }
            | Entry::Closed { .. }
            | Entry::Guarded { .. }
            | Entry::Marked { .. }
            | Entry::CloseAsked { .. }
            | Entry::Migrated { .. } => {}
        }
        Ok(OrderNews::None)
    }

    /// Ends the restoring: whether orders of the earlier life still live is unknown until the exchange is asked.
    pub fn recover(&mut self, now: Timestamp, out: &mut Vec<Command>) {
        self.due = None;
        for (id, live) in &mut self.live {
            if live.lose(now) {
                out.push(Command::Record(Entry::Unanswered { id: *id }));
            }
            let due = live.restart_inquiries(now);
            self.due = Some(self.due.map_or(due, |first| first.min(due)));
        }
    }

    /// No answer came: the symbol is frozen, and the order is asked for by its id until that is settled.
    fn on_unanswered(&mut self, now: Timestamp, id: ClientOrderId, out: &mut Vec<Command>) -> OrderNews {
        if let Some(live) = self.live.get_mut(&id)
            && live.lose(now)
        {
            out.push(Command::Record(Entry::Unanswered { id }));
            let due = live.plan_inquiry(now);
            self.wake_by(due);
        }
        OrderNews::None
    }

    /// Not being found proves nothing until the exchange's own time limits have passed.
    fn on_not_found(&mut self, now: Timestamp, id: ClientOrderId, out: &mut Vec<Command>) -> OrderNews {
        let Some(live) = self.live.get_mut(&id) else { return OrderNews::None };
        match live.order.state {
            OrderState::Unknown { since } if now.since(since) >= NOT_FOUND_PROVES_AFTER => {
                if !live.was_accepted && live.order.filled.is_zero() {
                    let ended = self.end(id, Outcome::NeverPlaced, "the exchange does not know it", out);
                    return ended.map_or(OrderNews::None, OrderNews::Ended);
                }
                let ended = self.end(id, Outcome::Expired, "the exchange does not know it any more", out);
                ended.map_or(OrderNews::None, OrderNews::Denied)
            }
            OrderState::Unknown { .. } => {
                let due = live.plan_inquiry(now);
                self.wake_by(due);
                OrderNews::None
            }
            OrderState::Intended | OrderState::Open { .. } | OrderState::Cancelling { .. } => {
                self.on_unanswered(now, id, out)
            }
            OrderState::Done(_) => OrderNews::None,
        }
    }

    fn on_fill(&mut self, fill: &Fill, out: &mut Vec<Command>) -> Result<OrderNews, AmountError> {
        let news = self.record_fill(fill)?;
        if news != OrderNews::None {
            if news == OrderNews::Impossible(STRANGER) {
                out.push(Command::Notice(Notice::UnknownOrder { id: fill.order, event: "filled" }));
            }
            out.push(Command::Record(Entry::Filled { fill: fill.clone() }));
        }
        Ok(news)
    }

    /// Counts a fill for its order, unless it was counted before.
    fn record_fill(&mut self, fill: &Fill) -> Result<OrderNews, AmountError> {
        if self.recent.was_counted((fill.symbol, fill.trade)) {
            return Ok(OrderNews::None);
        }
        let known = match self.live.get_mut(&fill.order) {
            Some(live) => Some(&mut live.order),
            None => self.recent.ended_mut(fill.order),
        };
        let Some(order) = known.filter(|order| order.new.symbol == fill.symbol && order.new.side == fill.side) else {
            return Ok(OrderNews::Impossible(STRANGER));
        };
        let filled = order.filled.plus(fill.qty)?;
        if filled > order.new.qty {
            return Ok(OrderNews::Impossible(TOO_MUCH));
        }
        (order.value, order.filled) = (order.value.plus(fill.value()?)?, filled);
        let order = order.clone();
        self.recent.note_counted((fill.symbol, fill.trade));
        let whole = order.filled == order.new.qty;
        if whole {
            self.close(fill.order, Outcome::Filled);
        }
        Ok(OrderNews::Filled { fill: fill.clone(), ended: whole || !order.is_live(), order })
    }

    /// An order has ended; as it was, if it was live.
    fn end(&mut self, id: ClientOrderId, outcome: Outcome, reason: &str, out: &mut Vec<Command>) -> Option<Order> {
        let order = self.close(id, outcome)?;
        out.push(Command::Record(Entry::Ended { id, outcome, reason: reason.to_owned() }));
        Some(order)
    }

    fn close(&mut self, id: ClientOrderId, outcome: Outcome) -> Option<Order> {
        let mut order = self.live.remove(&id)?.order;
        order.state = OrderState::Done(outcome);
        self.recent.note_ended(order.clone());
        Some(order)
    }

    fn wake_by(&mut self, at: Timestamp) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }
}

/// An order that is not found for so long was never placed: receive window (5 s) and matching time-out (10 s), and some.
const NOT_FOUND_PROVES_AFTER: Span = Span::from_secs(16);
const STRANGER: &str = "the exchange reports a fill of an order that is not known";
const TOO_MUCH: &str = "the exchange reports more filled than was ordered";
