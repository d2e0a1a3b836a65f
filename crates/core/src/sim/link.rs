//! The connection to the simulated exchange: what is on the way there, and what is on the way back.

use std::collections::BTreeMap;

use crate::market::Random;
use tradingbot_domain::{AccountEvent, ClientOrderId, InstrumentId, NewOrder, Rate, Span, Timestamp};

use super::faults::{FaultCounts, Faults};
use super::latency::{Latency, Line};

/// What is asked of the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Submit(NewOrder),
    Cancel { id: ClientOrderId, symbol: InstrumentId },
    Ask { id: ClientOrderId, symbol: InstrumentId },
    Balances,
}

/// Both directions, with everything that goes wrong on them.
#[derive(Debug)]
pub(super) struct Link {
    there: Line,
    back: Line,
    dice: Random,
    faults: Faults,
    counts: FaultCounts,
    down_until: Timestamp,
    requests: BTreeMap<(Timestamp, u64), Sent>,
    answers: BTreeMap<(Timestamp, u64), AccountEvent>,
    posted: u64,
}

/// A request on its way, and whether its answer will be lost.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) request: Request,
    pub(super) muted: bool,
}

impl Link {
    pub(super) fn new(latency: Latency, faults: Faults, mut random: Random) -> Self {
        Self {
            there: Line::new(latency, random.branch()),
            back: Line::new(latency, random.branch()),
            dice: random.branch(),
            faults,
            counts: FaultCounts::default(),
            down_until: Timestamp::ZERO,
            requests: BTreeMap::new(),
            answers: BTreeMap::new(),
            posted: 0,
        }
    }

    pub(super) const fn counts(&self) -> FaultCounts {
        self.counts
    }

    /// Sends a request off; it may never arrive.
    pub(super) fn send(&mut self, now: Timestamp, request: Request) {
        let Some(id) = request.id() else {
            let arrival = self.there.arrival(now);
            self.keep_request(arrival, request, false);
            return;
        };
        if now >= self.down_until && self.dice.chance(self.faults.down) {
            self.counts.downs += 1;
            let spell = self.dice.span(Span::ZERO, self.faults.down_max);
            self.down_until = now.plus(spell);
            self.back.hold(self.down_until);
        }
        let overdue = now.plus(self.faults.answer_timeout);
        if now < self.down_until || self.dice.chance(self.faults.request_lost) {
            self.counts.requests_lost += 1;
            self.keep_answer(overdue.max(self.down_until), AccountEvent::Unanswered { id });
            return;
        }
        let muted = self.dice.chance(self.faults.answer_lost);
        if muted {
            self.counts.answers_lost += 1;
            self.keep_answer(overdue, AccountEvent::Unanswered { id });
        }
        let arrival = self.there.arrival(now);
        self.keep_request(arrival, request, muted);
    }

    /// Sends an event back; it may be late, overtaken or doubled, but it comes. Balances stay in order: nothing in them
    /// tells an old one from a new one.
    pub(super) fn answer(&mut self, at: Timestamp, event: AccountEvent) {
        if is_balance(&event) {
            let arrival = self.back.arrival(at);
            self.keep_answer(arrival, event);
            return;
        }
        if self.dice.chance(self.faults.late) {
            self.counts.late += 1;
            let late = self.dice.span(Span::ZERO, self.faults.late_max);
            self.back.hold(at.plus(late));
        }
        if self.dice.chance(self.faults.duplicate) {
            self.counts.duplicated += 1;
            let arrival = self.overtaken(at);
            self.keep_answer(arrival, event.clone());
        }
        let arrival = if self.dice.chance(self.faults.reorder) {
            self.counts.reordered += 1;
            self.overtaken(at)
        } else {
            self.back.arrival(at)
        };
        self.keep_answer(arrival, event);
    }

    /// The next request that has arrived by `now`, and when it did.
    pub(super) fn arrived(&mut self, now: Timestamp) -> Option<(Timestamp, Sent)> {
        let entry = self.requests.first_entry()?;
        let (at, _) = *entry.key();
        (at <= now).then(|| (at, entry.remove()))
    }

    /// When the next request arrives.
    pub(super) fn next_arrival(&self) -> Option<Timestamp> {
        self.requests.keys().next().map(|(at, _)| *at)
    }

    /// The next event that has come back by `now`.
    pub(super) fn delivered(&mut self, now: Timestamp) -> Option<AccountEvent> {
        let entry = self.answers.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// When the next event comes back.
    pub(super) fn next_delivery(&self) -> Option<Timestamp> {
        self.answers.keys().next().map(|(at, _)| *at)
    }

    /// Whether a fault of the exchange itself happens now.
    pub(super) fn mishap(&mut self, choose: fn(&Faults) -> Rate, count: fn(&mut FaultCounts) -> &mut u64) -> bool {
        let happens = self.dice.chance(choose(&self.faults));
        if happens {
            *count(&mut self.counts) += 1;
        }
        happens
    }

    fn overtaken(&mut self, at: Timestamp) -> Timestamp {
        let held = self.dice.span(Span::ZERO, self.faults.late_max);
        self.back.alone(at).plus(held).max(self.down_until)
    }

    fn keep_request(&mut self, at: Timestamp, request: Request, muted: bool) {
        self.posted += 1;
        self.requests.insert((at, self.posted), Sent { request, muted });
    }

    fn keep_answer(&mut self, at: Timestamp, event: AccountEvent) {
        self.posted += 1;
        self.answers.insert((at, self.posted), event);
    }
}

impl Request {
    const fn id(&self) -> Option<ClientOrderId> {
        match self {
            Self::Submit(order) => Some(order.id),
            Self::Cancel { id, .. } | Self::Ask { id, .. } => Some(*id),
            Self::Balances => None,
        }
    }

    /// Tells which events are the answer to this request and are lost with it. Fills and balances come on their own.
    pub(super) const fn own_answer(&self) -> fn(&AccountEvent) -> bool {
        match self {
            Self::Submit(_) => |event| matches!(event, AccountEvent::Accepted { .. } | AccountEvent::Rejected { .. }),
            Self::Cancel { .. } => {
                |event| matches!(event, AccountEvent::Ended { .. } | AccountEvent::CancelRefused { .. })
            }
            Self::Ask { .. } => |_| true,
            Self::Balances => |_| false,
        }
    }
}

const fn is_balance(event: &AccountEvent) -> bool {
    matches!(event, AccountEvent::Balance { .. })
}
