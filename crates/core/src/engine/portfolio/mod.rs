//! What is owned and what it is worth: balances, holdings, the position of each desk and the round trips of each strategy.
//! All of it comes from deposits, fills and prices.

mod account;
mod flow;
mod holdings;
mod position;
mod positions;
mod stop_tracker;
mod tally;
mod valuation;

use std::collections::BTreeSet;

use tradingbot_domain::snapshot::Snapshot;
use tradingbot_domain::{
    AmountError, Asset, Candle, Entry, Fill, InstrumentId, Notional, Order, Price, Qty, RoundTrip, Span, StrategyName,
    Timestamp,
};

use super::Command;
use super::execution::Standing;
use super::index::{DeskIdx, InstrumentIdx, StrategyIdx, Table};
use super::interval::{IntervalRule, Judged, PastInterval};
use super::roster::Roster;

use flow::Flow;
use positions::Positions;
use valuation::Valuation;

pub use account::Account;
pub use position::Position;
pub use stop_tracker::{Leave, StopTracker};
pub use tally::Tally;

/// Everything that is owned.
#[derive(Debug)]
pub struct Portfolio {
    valuation: Valuation,
    positions: Positions,
    tallies: Table<StrategyIdx, Tally>,
    /// Fills since the ledger began.
    fills: u64,
    /// What fills are for that belong to no desk, until its round trip is closed.
    unclaimed: BTreeSet<(StrategyName, InstrumentId)>,
    /// Positions on their way through an interval, and how it judges them.
    passing: Vec<(DeskIdx, Judged)>,
}

impl Portfolio {
    /// Nothing is owned yet. Everything is counted in `quote`, and kept once in `mark_every`.
    #[must_use]
    pub fn new(roster: &Roster, quote: Asset, mark_every: Span) -> Self {
        Self {
            valuation: Valuation::new(roster, quote, mark_every),
            positions: Positions::none(roster),
            tallies: roster.strategies().map(|_| Tally::NONE).collect(),
            fills: 0,
            unclaimed: BTreeSet::new(),
            passing: Vec::new(),
        }
    }

    /// Balances and equity.
    #[must_use]
    pub const fn account(&self) -> &Account {
        self.valuation.account()
    }

    /// Whether `desk` holds anything.
    #[must_use]
    pub fn holds(&self, desk: DeskIdx) -> bool {
        self.positions.at(desk).is_some()
    }

    /// Whether any desk holds anything.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.positions.open().next().is_some()
    }

    /// Since when the oldest position in `symbol` is held, if one is.
    #[must_use]
    pub fn held_since(&self, roster: &Roster, symbol: InstrumentId) -> Option<Timestamp> {
        self.positions.held_since(roster, symbol)
    }

    /// Whether there were fills that belong to no desk, and no round trip was closed with them; asked once.
    pub fn take_unclaimed(&mut self) -> bool {
        !std::mem::take(&mut self.unclaimed).is_empty()
    }

    /// Whether something is held at a price of an earlier life: what all is worth is not known then.
    #[must_use]
    pub const fn is_repricing(&self) -> bool {
        self.valuation.is_repricing()
    }

    /// The price at which an instrument is valued.
    #[must_use]
    pub fn price(&self, instrument: InstrumentIdx) -> Option<Price> {
        self.valuation.price(instrument)
    }

    /// The same by its name.
    #[must_use]
    pub fn price_of(&self, roster: &Roster, symbol: InstrumentId) -> Option<Price> {
        roster.instrument_named(symbol).and_then(|instrument| self.price(instrument))
    }

    /// What `desk` holds, as far as the exchange takes an order for it; `None` if that is nothing.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn sellable(&self, roster: &Roster, desk: DeskIdx) -> Result<Option<Qty>, AmountError> {
        let Some(position) = self.positions.at(desk) else { return Ok(None) };
        Ok(Some(roster.rules_of(desk).fit_qty(position.qty)?).filter(|qty| qty.is_positive()))
    }

    /// Whether `rule` makes an entry for a fixed stake.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn affords(&self, rule: &dyn IntervalRule, stake: Notional) -> Result<bool, AmountError> {
        rule.affords(stake, self.account().cash(), &mut self.positions.open())
    }

    /// What an order of `desk` is judged by. `heard`: when its market was heard of last.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn standing(&self, roster: &Roster, desk: DeskIdx, heard: Timestamp) -> Result<Standing, AmountError> {
        let last = self.price(roster.seat(desk).instrument);
        let position = self.positions.at(desk).map_or(Qty::ZERO, |position| position.qty);
        Ok(Standing {
            last,
            heard,
            position,
            position_notional: last.map_or(Ok(Notional::ZERO), |last| last.times(position.abs()))?,
            exposure: self.valuation.exposure()?,
            equity: self.account().equity(),
            loss_today: self.account().profit_today()?.negated().max(Notional::ZERO),
            drawdown: self.account().drawdown()?,
        })
    }

    /// Begins a new UTC day when `now` is in one, with what all is worth at its start, to be kept.
    pub fn tell_time(&mut self, now: Timestamp) -> Option<Entry> {
        self.valuation.tell_time(now)
    }

    /// Once in a while, what all is worth, to be kept.
    pub fn mark(&mut self, now: Timestamp) -> Option<Entry> {
        self.valuation.mark(now)
    }

    /// A new last price: what is held is worth more or less.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn revalue(&mut self, instrument: InstrumentIdx, price: Price) -> Result<(), AmountError> {
        self.valuation.revalue(instrument, price)
    }

    /// Shows the position of `desk` a price. How it must be left, if it must; a stop that has moved far is kept.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn watch(
        &mut self,
        now: Timestamp,
        roster: &Roster,
        desk: DeskIdx,
        price: Price,
        out: &mut Vec<Command>,
    ) -> Result<Option<Leave>, AmountError> {
        self.positions.watch(now, roster, desk, price, out)
    }

    /// Shows the position of `desk` a past interval. How it must be left, if it must.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn judge_interval(
        &mut self,
        roster: &Roster,
        desk: DeskIdx,
        rule: &dyn IntervalRule,
        candle: &Candle,
        exit_signalled: bool,
    ) -> Result<Option<Leave>, AmountError> {
        let (exits, rules) = (&roster.settings_of(desk).exits, roster.rules_of(desk));
        let interval = PastInterval { candle, exit_signalled, exits, rules };
        let Some(judged) = self.positions.judge(desk, rule, &interval)? else { return Ok(None) };
        self.take_through(roster, desk, candle, &judged)?;
        Ok(judged.leave)
    }

    /// Takes the positions of `desks` through a past interval, if none of them must be left in it; else changes nothing.
    /// Whether it did.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn pass_interval(
        &mut self,
        roster: &Roster,
        desks: &[DeskIdx],
        rule: &dyn IntervalRule,
        candle: &Candle,
    ) -> Result<bool, AmountError> {
        let mut passing = std::mem::take(&mut self.passing);
        passing.clear();
        for desk in desks {
            let (exits, rules) = (&roster.settings_of(*desk).exits, roster.rules_of(*desk));
            let interval = PastInterval { candle, exit_signalled: false, exits, rules };
            passing.extend(self.positions.judge(*desk, rule, &interval)?.map(|judged| (*desk, judged)));
        }
        let passes = passing.iter().all(|(_, judged)| judged.leave.is_none());
        if passes {
            for (desk, judged) in &passing {
                self.take_through(roster, *desk, candle, judged)?;
            }
        }
        self.passing = passing;
        Ok(passes)
    }

    fn take_through(
        &mut self,
        roster: &Roster,
        desk: DeskIdx,
        candle: &Candle,
        judged: &Judged,
    ) -> Result<(), AmountError> {
        let held = self.positions.pass(desk, judged);
        self.valuation.note_worst(roster.seat(desk).instrument, held, judged.worst, candle.open)
    }

    /// Whether any of an instrument is held.
    #[must_use]
    pub fn is_held(&self, instrument: InstrumentIdx) -> bool {
        self.valuation.is_held(instrument)
    }

    /// Remembers the close of a past interval, for [`Portfolio::close_intervals`].
    pub fn note_close(&mut self, instrument: InstrumentIdx, close: Price) {
        self.valuation.note_close(instrument, close);
    }

    /// Values what is held at the closes of the past intervals. How much less than at their opens the account was worth at
    /// the worst of their prices, all taken to come at once; zero or negative.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn close_intervals(&mut self) -> Result<Notional, AmountError> {
        self.valuation.close_intervals()
    }

    /// Takes a fill of `order` into balances, worth, and the position of its desk. One of an instrument that is not traded any
    /// more only counts.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn record_fill(
        &mut self,
        roster: &Roster,
        desk: Option<DeskIdx>,
        fill: &Fill,
        order: &Order,
    ) -> Result<(), AmountError> {
        self.fills = self.fills.saturating_add(1);
        if desk.is_none() {
            self.unclaimed.insert((order.new.strategy, fill.symbol));
        }
        let Some(instrument) = roster.instrument_named(fill.symbol) else { return Ok(()) };
        let flow = Flow::of(fill, roster.rules(instrument))?;
        let fee_value = self.valuation.record_fill(roster, instrument, fill, &flow)?;
        match desk {
            Some(desk) => self.positions.record_fill(roster, desk, fill, order.new.purpose, &flow, fee_value),
            None => Ok(()),
        }
    }

    /// Ends the position of `desk` when what is left of it is too little to sell. The round trip, if anything was sold; what
    /// is left stays in the balance.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn close_if_empty(&mut self, roster: &Roster, desk: DeskIdx) -> Result<Option<RoundTrip>, AmountError> {
        self.positions.close_if_empty(roster, desk)
    }

    /// Counts a round trip for its strategy.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn tally(&mut self, roster: &Roster, trip: &RoundTrip) -> Result<(), AmountError> {
        roster.strategy_named(trip.strategy).map_or(Ok(()), |strategy| self.tallies[strategy].add(trip))
    }

    /// What a strategy has closed so far.
    #[must_use]
    pub fn tally_of(&self, strategy: StrategyIdx) -> &Tally {
        &self.tallies[strategy]
    }

    /// Takes up one entry of an earlier life; what an order's entries mean comes as news of it.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn restore(&mut self, roster: &Roster, at: Timestamp, entry: &Entry) -> Result<(), AmountError> {
        match entry {
            Entry::Deposited { asset, amount } => self.valuation.deposit(at, *asset, *amount)?,
            Entry::Guarded { strategy, symbol, stop, highest } => {
                self.positions.resume_stop(roster, *strategy, *symbol, *stop, *highest);
            }
            Entry::Marked { equity } => self.valuation.remember(at, *equity),
            Entry::Closed { trip } => {
                self.unclaimed.remove(&(trip.strategy, trip.symbol));
                self.tally(roster, trip)?;
            }
            Entry::Started { .. }
            | Entry::Stopped { .. }
            | Entry::Intended { .. }
            | Entry::Accepted { .. }
            | Entry::Filled { .. }
            | Entry::CancelAsked { .. }
            | Entry::Unanswered { .. }
            | Entry::Ended { .. }
            | Entry::Halted { .. }
            | Entry::Resumed { .. }
            | Entry::Paused { .. }
            | Entry::Unpaused { .. }
            | Entry::CloseAsked { .. }
            | Entry::Migrated { .. } => {}
        }
        Ok(())
    }

    /// Values what is held at the price of a fill of an earlier life, which comes next.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn restore_price(&mut self, instrument: InstrumentIdx, price: Price) -> Result<(), AmountError> {
        self.valuation.restore_price(instrument, price)
    }

    /// Ends the restoring.
    pub fn recover(&mut self, now: Timestamp) {
        self.valuation.recover(now);
    }

    /// Shows what is owned. What is not known is absent.
    pub fn show(&self, roster: &Roster, view: &mut Snapshot) {
        self.valuation.show(view);
        view.fills = self.fills;
        view.positions = self.positions.views(roster, |desk| self.valuation.price_now(roster.seat(desk).instrument));
    }
}
