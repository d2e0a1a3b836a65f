//! From what strategies want to orders, and from what the exchange says of them to positions.

use tradingbot_domain::snapshot::Snapshot;
use tradingbot_domain::{
    AccountEvent, AmountError, Asset, Candle, Entry, ExitReason, Notional, OrderKind, Price, Purpose, RoundTrip, Seq,
    Side, Span, Timestamp,
};

use super::desks::{Action, Desks};
use super::entry::{self, EntryPlan, Funds};
use super::execution::{Draft, Execution, OrderNews, Submitted};
use super::index::{DeskIdx, InstrumentIdx};
use super::interval::IntervalRule;
use super::moment::Moment;
use super::portfolio::{Leave, Portfolio};
use super::roster::Roster;
use super::setup::Setup;
use super::{Command, ENGINE, Notice};

/// Brings desks, portfolio and execution together. Whatever fails here fails with an [`AmountError`]: an amount is too large
/// to compute with.
#[derive(Debug)]
pub struct Trader {
    desks: Desks,
    portfolio: Portfolio,
    execution: Execution,
    interval_rule: &'static dyn IntervalRule,
}

impl Trader {
    /// Nothing is held, and nothing was sent.
    #[must_use]
    pub fn new(roster: &Roster, setup: &Setup) -> Self {
        Self {
            desks: Desks::new(roster, setup.interval_rule),
            portfolio: Portfolio::new(roster, setup.quote, setup.mark_every),
            execution: Execution::new(setup.run, setup.limits.clone()),
            interval_rule: setup.interval_rule,
        }
    }

    /// Each strategy over each of its instruments.
    #[must_use]
    pub const fn desks(&self) -> &Desks {
        &self.desks
    }

    /// The same, to change.
    #[must_use]
    pub const fn desks_mut(&mut self) -> &mut Desks {
        &mut self.desks
    }

    /// What is owned.
    #[must_use]
    pub const fn portfolio(&self) -> &Portfolio {
        &self.portfolio
    }

    /// What is on its way to the exchange.
    #[must_use]
    pub const fn execution(&self) -> &Execution {
        &self.execution
    }

    /// The same, to change.
    #[must_use]
    pub const fn execution_mut(&mut self) -> &mut Execution {
        &mut self.execution
    }

    /// Tries exits that wait for a limit of pace with the next event.
    pub fn hasten_exits(&mut self, now: Timestamp) {
        self.desks.hasten_exits(now);
    }

    /// An event is about to be taken in. When it is the first of a day, what all is worth before it is kept.
    pub fn on_event(&mut self, seq: Seq, now: Timestamp, out: &mut Vec<Command>) {
        self.execution.on_event(seq);
        out.extend(self.portfolio.tell_time(now).map(Command::Record));
    }

    /// An event was taken in: keeps what all is worth, once in a while.
    pub fn mark(&mut self, now: Timestamp, out: &mut Vec<Command>) {
        out.extend(self.portfolio.mark(now).map(Command::Record));
    }

    /// When something is due even if nothing happens.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        self.execution.orders().due().into_iter().chain(self.desks.exits_due()).min()
    }

    /// Sends nothing more. The first reason stays.
    pub fn halt(&mut self, now: Timestamp, reason: &str, out: &mut Vec<Command>) {
        self.execution.halt(now, ENGINE, reason, out);
    }

    /// Shows the rules of an instrument a candle from before this life; nothing is wished for.
    pub fn warm_up(&mut self, roster: &Roster, instrument: InstrumentIdx, interval: Span, candle: &Candle) {
        self.desks.warm_up(roster, instrument, interval, candle);
    }

    /// A new last price: what is held is worth more or less.
    pub fn revalue(&mut self, instrument: InstrumentIdx, price: Price) -> Result<(), AmountError> {
        self.portfolio.revalue(instrument, price)
    }

    /// Desks and what is owned, to be taken through past intervals by a rule.
    pub const fn past(&mut self) -> (&mut Desks, &mut Portfolio, &'static dyn IntervalRule) {
        (&mut self.desks, &mut self.portfolio, self.interval_rule)
    }

    /// Shows every rule of an instrument a closed candle, and does what it wants.
    pub fn on_candle(
        &mut self,
        at: Moment<'_>,
        instrument: InstrumentIdx,
        interval: Span,
        candle: &Candle,
        out: &mut Vec<Command>,
    ) -> Result<(), AmountError> {
        for desk in at.roster.desks_on(instrument) {
            let holds = || self.portfolio.holds(*desk);
            match self.desks.at_mut(*desk).on_candle(interval, candle, holds) {
                Some(Action::Enter) => self.enter(at, *desk, out)?,
                Some(Action::Exit) => self.plan_exit(at, *desk, ExitReason::ExitSignal, out)?,
                None => {}
            }
        }
        Ok(())
    }

    /// Shows every position in an instrument a price, and leaves those that must be left.
    pub fn watch(
        &mut self,
        at: Moment<'_>,
        instrument: InstrumentIdx,
        price: Price,
        out: &mut Vec<Command>,
    ) -> Result<(), AmountError> {
        for desk in at.roster.desks_on(instrument).iter().copied() {
            if !self.portfolio.holds(desk) {
                continue;
            }
            let leave = self.portfolio.watch(at.now, at.roster, desk, price, out)?;
            if let Some(leave) = leave.or_else(|| self.desks.at(desk).pending_exit()) {
                self.exit(at, desk, leave, out)?;
            }
        }
        Ok(())
    }

    /// Shows every position in an instrument a past interval, and leaves those that must be left.
    pub fn on_interval(
        &mut self,
        at: Moment<'_>,
        instrument: InstrumentIdx,
        candle: &Candle,
        out: &mut Vec<Command>,
    ) -> Result<(), AmountError> {
        for desk in at.roster.desks_on(instrument).iter().copied() {
            let signalled = self.desks.at_mut(desk).take_exit_signal();
            let leave = self.portfolio.judge_interval(at.roster, desk, self.interval_rule, candle, signalled)?;
            if let Some(leave) = leave {
                self.exit(at, desk, leave, out)?;
            }
        }
        self.portfolio.note_close(instrument, candle.close);
        Ok(())
    }

    /// Leaves the desks whose exits a limit of pace has held back, once it lets them pass.
    pub fn retry_exits(&mut self, at: Moment<'_>, out: &mut Vec<Command>) -> Result<(), AmountError> {
        if self.desks.take_exits_due(at.now) {
            while let Some((desk, leave)) = self.desks.next_waiting() {
                self.exit(at, desk, leave, out)?;
            }
        }
        Ok(())
    }

    /// What the exchange says of an order, or of a balance.
    pub fn on_account(
        &mut self,
        at: Moment<'_>,
        event: &AccountEvent,
        out: &mut Vec<Command>,
    ) -> Result<(), AmountError> {
        if let AccountEvent::Balance { asset, total } = event {
            self.compare_balance(*asset, *total, out);
        }
        let news = self.execution.on_account(at.now, event, out)?;
        if let Some(trip) = self.settle(at.roster, &news)? {
            self.portfolio.tally(at.roster, &trip)?;
            out.push(Command::Record(Entry::Closed { trip }));
        }
        match news {
            OrderNews::Accepted(id) => self.execution.cancel_if_unwanted(id, self.desks.is_left(id), out),
            OrderNews::Impossible(reason) => self.halt(at.now, reason, out),
            OrderNews::Denied(_) => {
                self.halt(at.now, "the exchange does not know an order that it had taken", out);
            }
            OrderNews::Filled { .. } if self.portfolio.take_unclaimed() => {
                self.halt(at.now, "a fill belongs to a strategy that is not configured", out);
            }
            OrderNews::None | OrderNews::Filled { .. } | OrderNews::Ended(_) => {}
        }
        Ok(())
    }

    /// Takes up one entry of an earlier life.
    pub fn restore(&mut self, roster: &Roster, at: Timestamp, entry: &Entry) -> Result<(), AmountError> {
        self.portfolio.restore(roster, at, entry)?;
        self.desks.restore(roster, entry, |desk| self.portfolio.holds(desk));
        let news = self.execution.restore(at, entry, |strategy| roster.rest_max(strategy))?;
        if let OrderNews::Filled { fill, .. } = &news
            && let Some(instrument) = roster.instrument_named(fill.symbol)
        {
            self.portfolio.restore_price(instrument, fill.price)?;
        }
        // What it closes says an entry of its own.
        self.settle(roster, &news).map(|_closed| ())
    }

    /// Ends the restoring.
    pub fn recover(&mut self, now: Timestamp, out: &mut Vec<Command>) {
        self.execution.recover(now, out);
        if self.portfolio.take_unclaimed() {
            self.halt(now, "the ledger holds fills that no configured strategy accounts for", out);
        }
        self.portfolio.recover(now);
    }

    /// Shows orders, positions and strategies.
    pub fn show(&self, at: Moment<'_>, view: &mut Snapshot) {
        self.execution.show(view);
        self.portfolio.show(at.roster, view);
        let is_heard = |instrument| at.markets.at(instrument).heard().is_some();
        self.desks.show(at.roster, at.now, is_heard, |strategy| self.portfolio.tally_of(strategy), view);
    }

    /// Enters at `desk`, unless something stands against it.
    fn enter(&mut self, at: Moment<'_>, desk: DeskIdx, out: &mut Vec<Command>) -> Result<(), AmountError> {
        let portfolio = &self.portfolio;
        let free = self.desks.may_enter(at.roster, at.now, desk, |desk| portfolio.holds(desk));
        if !free || portfolio.is_repricing() {
            return Ok(());
        }
        let committed = self.execution.committed(|symbol| portfolio.price_of(at.roster, symbol))?;
        let (equity, cash) = (portfolio.account().equity(), portfolio.account().cash());
        let funds = Funds { equity, free: cash.minus(committed)?.max(Notional::ZERO) };
        let (settings, rules) = (at.roster.settings_of(desk), at.roster.rules_of(desk));
        let market = at.markets.at(at.roster.seat(desk).instrument);
        let affords = |stake| portfolio.affords(self.interval_rule, stake);
        match entry::plan(settings, rules, market, self.desks.at(desk).signals().range_share(), funds, affords)? {
            EntryPlan::None => {}
            EntryPlan::TooSmall(entry) => self.desks.note_too_small(desk, entry, out),
            EntryPlan::Order { kind, qty } => {
                let draft = Draft::new(at.roster, desk, Side::Buy, qty, kind, Purpose::Enter);
                if let Submitted::Sent(id) = self.submit(at, desk, draft, out)? {
                    self.desks.at_mut(desk).record_entry(id);
                }
            }
        }
        Ok(())
    }

    /// Whether `desk` holds nothing, and no order of it is on its way.
    #[must_use]
    pub fn has_nothing_to_leave(&self, desk: DeskIdx) -> bool {
        self.desks.at(desk).is_idle() && !self.portfolio.holds(desk)
    }

    /// Leaves `desk` at market, and goes on trying until nothing is held.
    pub fn plan_exit(
        &mut self,
        at: Moment<'_>,
        desk: DeskIdx,
        reason: ExitReason,
        out: &mut Vec<Command>,
    ) -> Result<(), AmountError> {
        if self.has_nothing_to_leave(desk) {
            return Ok(());
        }
        self.desks.at_mut(desk).plan_exit(reason);
        self.exit(at, desk, Leave { kind: OrderKind::Market, reason }, out)
    }

    /// Leaves what `desk` holds, unless it is being left already. An entry that still rests is ended first.
    fn exit(&mut self, at: Moment<'_>, desk: DeskIdx, leave: Leave, out: &mut Vec<Command>) -> Result<(), AmountError> {
        if let Some(entry) = self.desks.at(desk).entry_order() {
            self.execution.cancel(entry, ENGINE, out);
        }
        let Some(qty) = self.portfolio.sellable(at.roster, desk)? else { return Ok(()) };
        if self.desks.at(desk).may_exit(at.now) {
            let draft = Draft::new(at.roster, desk, Side::Sell, qty, leave.kind, Purpose::Exit(leave.reason));
            let submitted = self.submit(at, desk, draft, out)?;
            self.desks.record_exit(at.now, desk, leave.reason, submitted);
        }
        Ok(())
    }

    fn submit(
        &mut self,
        at: Moment<'_>,
        desk: DeskIdx,
        draft: Draft,
        out: &mut Vec<Command>,
    ) -> Result<Submitted, AmountError> {
        // An entry follows a candle, and with it the market was heard of.
        let heard = at.markets.at(at.roster.seat(desk).instrument).heard().unwrap_or(Timestamp::ZERO);
        let standing = self.portfolio.standing(at.roster, desk, heard)?;
        let price_of = |symbol| self.portfolio.price_of(at.roster, symbol);
        self.execution.submit(at.now, draft, at.roster.rules_of(desk), &standing, price_of, out)
    }

    /// Takes news of an order to desk and portfolio. The round trip that it ends, if it ends one.
    fn settle(&mut self, roster: &Roster, news: &OrderNews) -> Result<Option<RoundTrip>, AmountError> {
        let (order, ended) = match news {
            OrderNews::None | OrderNews::Accepted(_) | OrderNews::Impossible(_) => return Ok(None),
            OrderNews::Filled { order, ended, .. } => (order, *ended),
            OrderNews::Ended(order) | OrderNews::Denied(order) => (order, true),
        };
        if ended {
            self.desks.release(order.new.id);
        }
        let desk = roster.desk_of(order.new.strategy, order.new.symbol);
        if let OrderNews::Filled { fill, order, .. } = news {
            self.portfolio.record_fill(roster, desk, fill, order)?;
        }
        let Some(desk) = desk.filter(|desk| self.desks.at(*desk).is_idle()) else { return Ok(None) };
        let trip = self.portfolio.close_if_empty(roster, desk)?;
        if !self.portfolio.holds(desk) {
            self.desks.at_mut(desk).record_flat(trip.as_ref().map(|trip| trip.closed));
        }
        Ok(trip)
    }

    /// What the exchange says we hold must be what fills and deposits add up to.
    fn compare_balance(&self, asset: Asset, reported: Notional, out: &mut Vec<Command>) {
        let expected = self.portfolio.account().balance(asset);
        if reported != expected && self.execution.orders().live().next().is_none() {
            out.push(Command::Notice(Notice::BalanceDiffers { asset, reported, expected }));
        }
    }
}
