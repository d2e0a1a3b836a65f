//! Looks on at the disk and at the wire, believes nobody, and says what must not be.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use tradingbot::domain::{
    AccountEvent, Asset, ClientOrderId, Entry, InstrumentId, Limits, MarketEvent, NewOrder, Notional, OperatorRequest,
    Outcome, Purpose, Rounding, Snapshot, Span, StrategyName, Timestamp,
};
use tradingbot::engine::Setup;

use super::book::{Book, Known};

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule that was broken.
    pub rule: &'static str,
    /// How.
    pub detail: String,
}

impl Violation {
    pub fn new(rule: &'static str, detail: impl Into<String>) -> Self {
        Self { rule, detail: detail.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken: {}: {}", self.rule, self.detail)
    }
}

/// Everything the checks need to know.
pub struct Auditor {
    setup: Setup,
    /// What is on disk.
    written: BTreeMap<ClientOrderId, NewOrder>,
    halted: bool,
    paused: BTreeSet<StrategyName>,
    /// What has gone out, ever, and when.
    sent: BTreeMap<ClientOrderId, Timestamp>,
    sent_at: VecDeque<(Timestamp, Purpose)>,
    /// What the exchange has said to an end of, or has denied long enough after it was sent.
    over: BTreeSet<ClientOrderId>,
    denied: BTreeSet<ClientOrderId>,
    /// What the engine has been told in this life, on top of what was on disk when it began.
    pub book: Book,
    /// How old what is known of a market is, and in which markets there has been a trade in this life.
    data_at: BTreeMap<InstrumentId, Timestamp>,
    priced: BTreeSet<InstrumentId>,
    /// Whether anything but the market has moved since the last look.
    pub moved: bool,
    pub found: Option<Violation>,
    /// The one rule to look after; all of them when there is none.
    only: Option<&'static str>,
}

impl Auditor {
    pub fn new(setup: &Setup, only: Option<&'static str>) -> Self {
        Self {
            setup: setup.clone(),
            written: BTreeMap::new(),
            halted: false,
            paused: BTreeSet::new(),
            sent: BTreeMap::new(),
            sent_at: VecDeque::new(),
            over: BTreeSet::new(),
            denied: BTreeSet::new(),
            book: Book::new(&setup.instruments),
            data_at: BTreeMap::new(),
            priced: BTreeSet::new(),
            moved: true,
            found: None,
            only,
        }
    }

    /// Notes the first thing that must not be.
    pub fn expect(&mut self, holds: bool, rule: &'static str, detail: impl FnOnce() -> String) {
        if !holds && self.found.is_none() && self.only.is_none_or(|only| only == rule) {
            self.found = Some(Violation::new(rule, detail()));
        }
    }

    /// Entries are on disk.
    pub fn wrote(&mut self, entries: &[Entry]) {
        self.moved = true;
        for entry in entries {
            match entry {
                Entry::Intended { order } => {
                    self.written.insert(order.id, order.clone());
                }
                Entry::Deposited { asset, amount } => self.book.deposit(*asset, *amount),
                Entry::Halted { .. } => self.halted = true,
                Entry::Resumed { .. } => self.halted = false,
                Entry::Paused { strategy, .. } => {
                    self.paused.insert(*strategy);
                }
                Entry::Unpaused { strategy, .. } => {
                    self.paused.remove(strategy);
                }
                Entry::Ended { id, outcome, .. } => self.written_off(*id, *outcome),
                _ => {}
            }
        }
    }

    /// Who ends an order must have it from the exchange, or never have sent it.
    fn written_off(&mut self, id: ClientOrderId, outcome: Outcome) {
        let heard = self.over.contains(&id);
        let denied = self.denied.contains(&id) && matches!(outcome, Outcome::NeverPlaced | Outcome::Expired);
        let never_left = !self.sent.contains_key(&id);
        if denied {
            self.book.end(id);
        }
        self.expect(heard || denied || never_left, ENDED_BY_THE_EXCHANGE, || {
            format!("{id} was written off as {outcome:?}")
        });
    }

    /// An order is about to go out.
    pub fn sends(&mut self, now: Timestamp, order: &NewOrder) {
        self.moved = true;
        let id = order.id;
        let twice = self.sent.insert(id, now).is_some();
        self.expect(!twice, SENT_ONCE, || id.to_string());
        let written = self.written.get(&id) == Some(order);
        self.expect(written, WRITTEN_FIRST, || format!("{id} is not on disk as it was sent"));
        let halted = self.halted;
        self.expect(!halted, SILENT, || id.to_string());
        let unknown = |known: &Known| known.unknown && known.order.symbol == order.symbol;
        let frozen = self.book.open().find(|(_, known)| unknown(known)).map(|(id, _)| *id);
        self.expect(frozen.is_none(), "an unknown order freezes its symbol", || format!("{id} beside {frozen:?}"));
        self.judge_pace(now, order);
        match order.purpose {
            Purpose::Enter => self.judge_entry(now, order),
            Purpose::Exit(_) => {
                let (strategy, symbol) = (order.strategy, order.symbol);
                let held = self.book.position(strategy, symbol).minus(self.book.leaving(strategy, symbol)).unwrap();
                self.expect(order.qty <= held, EXIT_WITHIN, || format!("{id} sells {} of {held}", order.qty));
            }
        }
        self.book.intend(order);
    }

    fn judge_entry(&mut self, now: Timestamp, order: &NewOrder) {
        let limits = self.setup.limits.clone();
        let value = self.book.value(order, order.qty);
        let desk = (order.strategy, order.symbol);
        let sums = [
            ("order", value, limits.order_notional_max),
            ("position", self.book.exposure(Some(desk)).plus(value).unwrap(), limits.position_notional_max),
            ("all", self.book.exposure(None).plus(value).unwrap(), limits.exposure_max),
        ];
        let over = sums.iter().find(|(_, value, max)| value > max);
        let age = now.since(self.data_at.get(&order.symbol).copied().unwrap_or(Timestamp::ZERO));
        let (stale, paused) = (age > limits.staleness_max, self.paused.contains(&order.strategy));
        self.expect(over.is_none(), EXPOSURE, || format!("{}: {over:?}", order.id));
        if self.all_priced() {
            let most = self.book.equity(self.setup.quote).scaled(limits.leverage_max, Rounding::Down).unwrap();
            self.expect(sums[2].1 <= most, LEVERAGE, || format!("{}: {} of at most {most}", order.id, sums[2].1));
        }
        self.expect(!stale, FRESH, || format!("{}: data is {age} old", order.id));
        self.expect(!paused, "a paused strategy enters nothing", || order.id.to_string());
    }

    fn judge_pace(&mut self, now: Timestamp, order: &NewOrder) {
        self.sent_at.push_back((now, order.purpose));
        let Limits { orders_per_second, orders_per_minute, orders_per_day, .. } = self.setup.limits;
        let counts = |purpose: &Purpose| order.purpose == Purpose::Enter || *purpose != Purpose::Enter;
        let recent = || self.sent_at.iter().filter(|(_, purpose)| counts(purpose));
        let within = |span: Span| recent().filter(|(at, _)| now.since(*at) < span).count();
        let today = self.sent_at.iter().filter(|(at, _)| at.day() == now.day()).count();
        let counts = [
            ("second", within(Span::SECOND), orders_per_second),
            ("minute", within(Span::MINUTE), orders_per_minute),
            ("day", if order.purpose == Purpose::Enter { today } else { 0 }, orders_per_day),
        ];
        let over = counts.into_iter().find(|(_, count, max)| u32::try_from(*count).unwrap() > *max);
        self.expect(over.is_none(), "orders keep their pace", || format!("{}: {over:?}", order.id));
    }

    /// The exchange has said something, and the engine is about to hear it.
    pub fn hears(&mut self, now: Timestamp, event: &AccountEvent) {
        self.moved = true;
        match event {
            AccountEvent::Accepted { id, .. } => {
                if let Some(known) = self.book.orders.get_mut(id) {
                    known.unknown = false;
                }
            }
            // What has ended with more fills than were heard of is to be asked for, and not over.
            AccountEvent::Ended { id, filled, .. } if self.book.lacks(*id, *filled) => {
                if let Some(known) = self.book.orders.get_mut(id) {
                    known.unknown = known.open;
                }
            }
            AccountEvent::Rejected { id, .. } | AccountEvent::Ended { id, .. } => {
                self.over.insert(*id);
                self.book.end(*id);
            }
            AccountEvent::Filled(fill) => {
                self.book.fill(fill);
            }
            AccountEvent::Unanswered { id } => {
                if let Some(known) = self.book.orders.get_mut(id) {
                    known.unknown = known.open;
                }
            }
            AccountEvent::NotFound { id } => {
                let sent = self.sent.get(id).copied().unwrap_or(Timestamp::ZERO);
                if now.since(sent) >= PROVEN_AFTER {
                    self.denied.insert(*id);
                }
            }
            AccountEvent::CancelRefused { .. } | AccountEvent::Balance { .. } => {}
        }
    }

    /// The engine is about to hear of the market; `made` is when it happened.
    pub fn sees(&mut self, made: Timestamp, event: &MarketEvent) {
        let symbol = event.symbol();
        if let MarketEvent::Trade(trade) = event {
            self.book.last.insert(symbol, trade.price);
            self.priced.insert(symbol);
        }
        if matches!(event, MarketEvent::Trade(_) | MarketEvent::Depth(_)) {
            self.data_at.insert(symbol, made);
        }
    }

    /// A new life begins on these entries: what the last one was told and did not write down is not known any more.
    pub fn begins(&mut self, entries: &[(Timestamp, Entry)]) {
        self.moved = true;
        self.book = Book::of(&self.setup.instruments, entries.iter().map(|(_, entry)| entry));
        for known in self.book.orders.values_mut() {
            known.unknown = known.open;
        }
        self.data_at.clear();
        self.priced.clear();
    }

    /// Somebody was told that this is done.
    pub fn acknowledged(&mut self, request: &OperatorRequest) {
        let kept = match request {
            OperatorRequest::Halt { .. } => self.halted,
            OperatorRequest::Resume { .. } => !self.halted,
            OperatorRequest::Pause { strategy, .. } => self.paused.contains(strategy),
            OperatorRequest::Unpause { strategy, .. } => !self.paused.contains(strategy),
            OperatorRequest::Cancel { .. } | OperatorRequest::Close { .. } | OperatorRequest::Flatten { .. } => true,
        };
        self.expect(kept, "nothing acknowledged is lost", || format!("{request:?} is not on disk"));
    }

    pub const fn is_halted(&self) -> bool {
        self.halted
    }

    /// The engine as it is must be what the book says.
    pub fn compare(&mut self, snapshot: &Snapshot) {
        self.moved = false;
        let live: Vec<ClientOrderId> = snapshot.orders.iter().map(|order| order.new.id).collect();
        let open: Vec<ClientOrderId> = self.book.open().map(|(id, _)| *id).collect();
        let missing = open.iter().find(|id| !live.contains(id) && !self.denied.contains(id));
        let extra = live.iter().find(|id| !open.contains(id));
        let differs = missing.or(extra).copied();
        self.expect(differs.is_none(), "orders are those that may trade", || format!("{differs:?}"));
        for order in &snapshot.orders {
            let filled = self.book.orders.get(&order.new.id).map(|known| known.filled);
            self.expect(filled == Some(order.filled), "orders are filled as their fills say", || {
                format!("{}: {} against {filled:?}", order.new.id, order.filled)
            });
        }
        self.compare_positions(snapshot);
        let held = |asset: Asset| snapshot.balances.iter().find(|held| held.asset == asset).map(|held| held.total);
        let differs: Vec<_> = self
            .book
            .balances
            .iter()
            .map(|(asset, total)| (*asset, *total, held(*asset).unwrap_or_default()))
            .filter(|(_, total, held)| total != held)
            .collect();
        self.expect(differs.is_empty(), "balances are the sum of deposits and fills", || format!("{differs:?}"));
        if self.all_priced() {
            let equity = self.book.equity(self.setup.quote);
            self.expect(Some(equity) == snapshot.equity, "equity is cash and holdings", || {
                format!("{:?} instead of {equity}", snapshot.equity)
            });
        }
    }

    /// Whether all that is held has had a price in this life.
    fn all_priced(&self) -> bool {
        self.book.held.iter().all(|(symbol, qty)| qty.is_zero() || self.priced.contains(symbol))
    }

    fn compare_positions(&mut self, snapshot: &Snapshot) {
        let mut shown = BTreeMap::new();
        for position in snapshot.positions.iter().filter(|position| !position.qty.is_zero()) {
            shown.insert((position.strategy, position.symbol), position.qty);
        }
        let summed: BTreeMap<_, _> =
            self.book.positions.iter().filter(|(_, qty)| !qty.is_zero()).map(|(desk, qty)| (*desk, *qty)).collect();
        self.expect(shown == summed, POSITIONS, || format!("{shown:?} instead of {summed:?}"));
        if summed.is_empty() && snapshot.positions.is_empty() && self.book.held.values().all(|qty| qty.is_zero()) {
            let earned = snapshot.strategies.iter().fold(Notional::ZERO, |sum, one| sum.plus(one.profit).unwrap());
            let gained = snapshot.equity.unwrap().minus(self.book.deposited).unwrap();
            self.expect(earned == gained, "round trips add up to what was gained", || format!("{earned} of {gained}"));
        }
        let short = summed.iter().find(|(_, qty)| !qty.is_positive());
        self.expect(short.is_none(), "no position is less than nothing", || format!("{short:?}"));
    }
}

/// Receive window and time limit of the matching, as the exchange states them: 5 s and 10 s.
const PROVEN_AFTER: Span = Span::from_secs(15);

/// Rules that a planted bug is made to break.
pub const ENDED_BY_THE_EXCHANGE: &str = "an order ends when the exchange says so";
pub const EXIT_WITHIN: &str = "no exit is larger than what is held";
pub const EXPOSURE: &str = "exposure stays within limits, open orders counted";
pub const FRESH: &str = "nothing is entered on stale data";
pub const LEVERAGE: &str = "exposure stays within leverage times equity";
pub const POSITIONS: &str = "positions are the sum of fills";
pub const SENT_ONCE: &str = "no order is sent twice";
pub const SILENT: &str = "nothing leaves while halted";
pub const WRITTEN_FIRST: &str = "written before sent";
pub const SAME_BYTES: &str = "the same seed gives the same bytes";
