//! CORE: the engine; takes one event at a time and says what must be done, and does nothing itself.

mod account;
mod answer;
mod command;
mod desk;
mod interval;
mod market;
mod operate;
mod orders;
mod positions;
mod reconcile;
mod restore;
mod stop_tracker;
mod trade;
mod view;
mod warm_up;

use std::collections::BTreeMap;

use crate::risk::Gate;
use tradingbot_domain::event::Trade;
use tradingbot_domain::snapshot::HaltView;
use tradingbot_domain::{
    AmountError, Asset, Candle, ClientOrderId, Entry, Event, Instrument, InstrumentId, Limits, LinkEvent, MarketEvent,
    Notional, OrderKind, Price, RunId, Seq, Span, Stamped, StrategySettings, Timestamp,
};

pub use account::Account;
pub use command::{Command, EntryTooSmall, Notice};
pub use interval::{ExitSignal, IntervalRule, Judged, PastInterval, Strict};
pub use positions::Position;
pub use restore::RestoreError;
pub use stop_tracker::{Leave, StopTracker};

use desk::{Desk, Running};
use market::{Forming, Markets};
use orders::Orders;

/// What an engine is made from.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Which life this is.
    pub run: RunId,
    /// The asset that everything is counted in.
    pub quote: Asset,
    /// What may be traded, and the exchange's rules for it.
    pub instruments: Vec<Instrument>,
    /// Which strategies run.
    pub strategies: Vec<StrategySettings>,
    /// What every order is judged by.
    pub limits: Limits,
    /// What is assumed about past intervals.
    pub interval_rule: &'static dyn IntervalRule,
    /// How often the account's worth is kept.
    pub mark_every: Span,
}

/// Turns events into commands. Reads no clock, draws no random number, opens nothing.
#[derive(Debug)]
pub struct Engine {
    run: RunId,
    seq: Seq,
    leg: u8,
    now: Timestamp,
    /// When this life began; what the market did before only warms the rules up.
    began: Timestamp,
    markets: Markets,
    desks: Vec<Desk>,
    running: Vec<Running>,
    orders: Orders,
    inquiries: BTreeMap<ClientOrderId, reconcile::Inquiry>,
    account: Account,
    gate: Gate,
    halt: Option<HaltView>,
    interval_rule: &'static dyn IntervalRule,
    mark_every: Span,
    mark_due: Timestamp,
    wake_at: Option<Timestamp>,
    /// When the limits of pace let the next of the exits pass that wait for it.
    exits_due: Option<Timestamp>,
    fills: u64,
    refusals: u64,
    unclaimed: bool,
    /// Whether something is held at a price of an earlier life: what the account is worth is not known then.
    repricing: bool,
    /// How much less than at its opens the account was worth at the worst prices of the past intervals shown.
    dip: Notional,
    closed: Vec<Candle>,
}

impl Engine {
    /// An engine that knows nothing yet; a ledger's entries may be shown to it with [`Engine::restore`].
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let mut markets = Markets::new(setup.instruments);
        let mut desks = Vec::new();
        let signals = setup.interval_rule.signals();
        for (place, settings) in setup.strategies.iter().enumerate() {
            for symbol in &settings.symbols {
                if let Some(market) = markets.find(*symbol) {
                    let known = markets.at_mut(market);
                    known.desks.push(desks.len());
                    if known.forming.iter().all(|forming| forming.interval != settings.interval) {
                        known.forming.push(Forming::new(settings.interval));
                    }
                    desks.push(Desk::new(place, market, settings, signals));
                }
            }
        }
        Self {
            run: setup.run,
            seq: Seq(0),
            leg: 0,
            now: Timestamp::ZERO,
            began: Timestamp::ZERO,
            markets,
            desks,
            running: setup.strategies.into_iter().map(Running::new).collect(),
            orders: Orders::default(),
            inquiries: BTreeMap::new(),
            account: Account::new(setup.quote),
            gate: Gate::new(setup.limits),
            halt: None,
            interval_rule: setup.interval_rule,
            mark_every: setup.mark_every,
            mark_due: Timestamp::ZERO,
            wake_at: None,
            exits_due: None,
            fills: 0,
            refusals: 0,
            unclaimed: false,
            repricing: false,
            dip: Notional::ZERO,
            closed: Vec::new(),
        }
    }

    /// Takes one event in and appends what must be done. A market's event from before this life warms the rules up, and
    /// nothing is done for it.
    pub fn apply(&mut self, stamped: &Stamped, out: &mut Vec<Command>) {
        self.seq = stamped.seq;
        if stamped.at < self.began && matches!(stamped.event, Event::Market(_) | Event::Link(_)) {
            return self.warm_up(&stamped.event);
        }
        self.leg = 0;
        self.now = self.now.max(stamped.at);
        if !self.repricing {
            self.account.tell_time(self.now);
        }
        // In front of what the event may enter: whoever waits to leave is served first.
        let retried = match &stamped.event {
            Event::Market(_) | Event::Timer => self.retry_exits(out),
            Event::Account(_) | Event::Operator(_) | Event::Link(_) => Ok(()),
        };
        let result = match &stamped.event {
            Event::Market(event) => self.on_market(event, out),
            Event::Account(event) => self.on_account(event, out),
            Event::Operator(event) => self.on_operator(event, out),
            Event::Link(event) => {
                self.on_link(event, out);
                Ok(())
            }
            Event::Timer => Ok(()),
        };
        if let Err(AmountError::Overflow | AmountError::DivisionByZero) = retried.and(result) {
            out.push(Command::Notice(Notice::Overflow));
            self.halt(ENGINE, "an amount is too large to compute with", out);
        }
        if self.now >= self.mark_due && !self.repricing {
            self.mark(out);
        }
        if self.wake_at.is_some_and(|at| self.now >= at) {
            self.wake(out);
        }
    }

    /// Why nothing is sent; `None` while trading.
    #[must_use]
    pub const fn halted(&self) -> Option<&HaltView> {
        self.halt.as_ref()
    }

    /// Judges by other limits from now on; what has been counted stays counted.
    pub fn set_limits(&mut self, limits: Limits) {
        self.gate.set_limits(limits);
        self.exits_due = self.exits_due.map(|_| self.now);
    }

    /// Holds no exit back for its pace or its least value: for drivers with past candles alone.
    pub const fn let_exits_pass(&mut self) {
        self.gate.let_exits_pass();
    }

    /// Says which life this is, once its ledger has told of the earlier ones.
    pub const fn begin(&mut self, run: RunId) {
        self.run = run;
    }

    /// When this life began; what the market did before only warms the rules up.
    #[must_use]
    pub const fn began(&self) -> Timestamp {
        self.began
    }

    /// Which life this is.
    #[must_use]
    pub const fn run(&self) -> RunId {
        self.run
    }

    /// What is held and what it is worth.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// Whether any strategy holds anything.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.desks.iter().any(|desk| desk.position.is_some())
    }

    /// Whether any strategy holds `symbol` and, if so, since when the oldest of its positions.
    #[must_use]
    pub fn held_since(&self, symbol: InstrumentId) -> Option<Timestamp> {
        let held = |desk: &&Desk| self.markets.at(desk.market).rules.id == symbol;
        self.desks.iter().filter(held).filter_map(|desk| desk.position.as_ref()).map(|position| position.opened).min()
    }

    fn on_market(&mut self, event: &MarketEvent, out: &mut Vec<Command>) -> Result<(), AmountError> {
        let Some(market) = self.markets.find(event.symbol()) else { return Ok(()) };
        match event {
            MarketEvent::Trade(trade) => self.on_trade(market, trade, out),
            MarketEvent::Quote(quote) => {
                let now = self.now;
                let known = self.markets.at_mut(market);
                (known.bid, known.ask) = (Some(quote.bid), Some(quote.ask));
                known.hear(now, None);
                Ok(())
            }
            MarketEvent::Book(snapshot) => {
                let now = self.now;
                let known = self.markets.at_mut(market);
                known.hear(now, None);
                known.book.on_snapshot(snapshot);
                self.work_off(market, out);
                Ok(())
            }
            MarketEvent::Depth(update) => {
                let now = self.now;
                let known = self.markets.at_mut(market);
                known.hear(now, Some(update.at));
                known.book.on_update(update);
                self.work_off(market, out);
                Ok(())
            }
            MarketEvent::Candle { interval, candle, last, .. } => {
                let now = self.now;
                self.markets.at_mut(market).hear(now, None);
                self.on_last(market, *last)?;
                self.on_candle(market, *interval, candle, out)
            }
            MarketEvent::Range { candle, .. } => self.on_range(market, candle, out),
        }
    }

    fn work_off(&mut self, market: usize, out: &mut Vec<Command>) {
        let known = self.markets.at_mut(market);
        if let Some(missed) = known.work_off() {
            out.push(Command::Notice(Notice::FeedGap { symbol: known.rules.id, missed }));
        }
    }

    fn on_trade(&mut self, market: usize, trade: &Trade, out: &mut Vec<Command>) -> Result<(), AmountError> {
        let now = self.now;
        self.markets.at_mut(market).hear(now, Some(trade.at));
        self.on_last(market, trade.price)?;
        for at in 0..self.markets.at(market).forming.len() {
            let forming = &mut self.markets.at_mut(market).forming[at];
            let interval = forming.interval;
            let mut closed = std::mem::take(&mut self.closed);
            let result = forming.take(trade, &mut closed);
            for candle in closed.drain(..) {
                self.on_candle(market, interval, &candle, out)?;
            }
            self.closed = closed;
            result?;
        }
        self.watch(market, trade.price, out)
    }

    /// A new last price: the account is worth more or less.
    pub(super) fn on_last(&mut self, market: usize, price: Price) -> Result<(), AmountError> {
        self.value_at(market, price)?;
        let known = self.markets.at_mut(market);
        if !std::mem::replace(&mut known.priced, true) && self.repricing {
            self.repricing = self.markets.iter().any(|market| !market.priced && !market.held.is_zero());
            return self.change_worth(Notional::ZERO);
        }
        Ok(())
    }

    /// Values what is held at another price.
    fn value_at(&mut self, market: usize, price: Price) -> Result<(), AmountError> {
        let known = self.markets.at_mut(market);
        let before = known.last.replace(price);
        if known.held.is_zero() {
            return Ok(());
        }
        let change = price.minus(before.unwrap_or(Price::ZERO))?.times(known.held)?;
        self.change_worth(change)
    }

    /// The account is worth more or less; while not all of what is held has a price of this life, that is no news.
    fn change_worth(&mut self, change: Notional) -> Result<(), AmountError> {
        if self.repricing { self.account.revalue(change) } else { self.account.shift(change) }
    }

    fn on_candle(
        &mut self,
        market: usize,
        interval: Span,
        candle: &Candle,
        out: &mut Vec<Command>,
    ) -> Result<(), AmountError> {
        for at in 0..self.markets.at(market).desks.len() {
            let desk = self.desk_of(market, at);
            let watched = &mut self.desks[desk];
            if watched.interval != interval {
                continue;
            }
            let warm_up = self.running[watched.strategy].settings.warm_up;
            let Some(target) = watched.update(candle, warm_up) else { continue };
            self.on_target(desk, target, out)?;
        }
        Ok(())
    }

    fn on_range(&mut self, market: usize, candle: &Candle, out: &mut Vec<Command>) -> Result<(), AmountError> {
        for at in 0..self.markets.at(market).desks.len() {
            let desk = self.desk_of(market, at);
            let exit_signalled = std::mem::take(&mut self.desks[desk].exit_signalled);
            let watched = &mut self.desks[desk];
            let Some(position) = watched.position.as_mut() else { continue };
            let known = self.markets.at(market);
            let exits = self.running[watched.strategy].exits();
            let interval = PastInterval { candle, exit_signalled, exits, rules: &known.rules };
            position.stops.note_extremes(candle);
            let judged = self.interval_rule.judge(&mut position.stops, &interval)?;
            let below = judged.worst.minus(known.last.unwrap_or(candle.open))?.min(Price::ZERO);
            self.dip = self.dip.plus(below.times(position.qty)?)?;
            if let Some(leave) = judged.leave {
                self.leave(desk, leave, out)?;
            }
        }
        self.markets.at_mut(market).close = Some(candle.close);
        Ok(())
    }

    /// Ends the past intervals that were shown since this was last called: what is held is valued at their closes. How much
    /// less than at their opens the account was worth at the worst of their prices for what was held, all taken to come at
    /// once; zero or negative.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn close_ranges(&mut self) -> Result<Notional, AmountError> {
        for market in 0..self.markets.len() {
            if let Some(close) = self.markets.at_mut(market).close.take() {
                self.value_at(market, close)?;
            }
        }
        Ok(std::mem::take(&mut self.dip))
    }

    /// Shows every open position in `market` a price.
    fn watch(&mut self, market: usize, price: Price, out: &mut Vec<Command>) -> Result<(), AmountError> {
        for at in 0..self.markets.at(market).desks.len() {
            let desk = self.desk_of(market, at);
            let watched = &mut self.desks[desk];
            let Some(position) = watched.position.as_mut() else { continue };
            let rules = &self.markets.at(market).rules;
            let exits = self.running[watched.strategy].exits();
            let parting = watched.parting.map(|reason| Leave { kind: OrderKind::Market, reason });
            let leave = position.stops.on_price(self.now, price, exits, rules)?.or(parting);
            self.note_stop(desk, out);
            if let Some(leave) = leave {
                self.leave(desk, leave, out)?;
            }
        }
        Ok(())
    }

    /// Keeps a stop that has moved far enough since it was last kept.
    fn note_stop(&mut self, desk: usize, out: &mut Vec<Command>) {
        let watched = &mut self.desks[desk];
        let Some(position) = watched.position.as_mut() else { return };
        if let Some(stop) = position.stops.moved() {
            out.push(Command::Record(Entry::Guarded {
                strategy: self.running[watched.strategy].name(),
                symbol: self.markets.at(watched.market).rules.id,
                stop,
                highest: position.stops.highest(),
            }));
        }
    }

    fn on_link(&mut self, event: &LinkEvent, out: &mut Vec<Command>) {
        match event {
            LinkEvent::Up => {
                out.push(Command::Notice(Notice::FeedUp));
            }
            LinkEvent::Down => {
                self.markets.iter_mut().for_each(market::Market::lose_book);
                out.push(Command::Notice(Notice::FeedDown));
            }
            LinkEvent::Gap { symbol, missed } => {
                if let Some(market) = self.markets.find(*symbol) {
                    self.markets.at_mut(market).lose_book();
                }
                out.push(Command::Notice(Notice::FeedGap { symbol: *symbol, missed: *missed }));
            }
            LinkEvent::LedgerFailed { reason } => {
                self.halt(ENGINE, reason, out);
            }
        }
    }

    fn mark(&mut self, out: &mut Vec<Command>) {
        self.mark_due = self.now.floor(self.mark_every).plus(self.mark_every);
        out.push(Command::Record(Entry::Marked { equity: self.account.equity() }));
    }

    /// Asks to be called back at `at`, at the latest.
    fn wake_by(&mut self, at: Timestamp, out: &mut Vec<Command>) {
        if self.wake_at.is_none_or(|due| at < due) {
            self.wake_at = Some(at);
            out.push(Command::WakeAt(at));
        }
    }

    fn desk_of(&self, market: usize, at: usize) -> usize {
        *self.markets.at(market).desks.get(at).expect("the caller counted the desks")
    }
}

/// Who asked, when nobody but the engine did.
const ENGINE: &str = "engine";
