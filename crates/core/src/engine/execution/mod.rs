//! What leaves for the exchange: orders with their ids, the gate that each must pass, and whether anything may leave at all.

mod draft;
mod orders;

use crate::risk::{Circumstances, Gate};
use tradingbot_domain::snapshot::{HaltView, Snapshot};
use tradingbot_domain::{
    AccountEvent, AmountError, ClientOrderId, Entry, Instrument, InstrumentId, Limits, Notional, Objection, Order,
    OrderKind, OrderSeries, Price, Purpose, Qty, RunId, Seq, Span, StrategyName, Timestamp, Verdict,
};

use super::{Command, ENGINE, Notice};

use orders::Orders;

pub use draft::{Draft, Standing, Submitted};
pub use orders::OrderNews;

/// Everything on its way to the exchange.
#[derive(Debug)]
pub struct Execution {
    run: RunId,
    series: OrderSeries,
    seq: Seq,
    /// Orders that came of the present event.
    leg: u16,
    orders: Orders,
    gate: Gate,
    halt: Option<HaltView>,
    /// Whether the ledger cannot be written at the moment.
    ledger_fails: bool,
    refusals: u64,
}

impl Execution {
    /// Nothing has been sent yet.
    #[must_use]
    pub fn new(run: RunId, limits: Limits) -> Self {
        Self {
            run,
            series: OrderSeries::Run(run),
            seq: Seq(0),
            leg: 0,
            orders: Orders::default(),
            gate: Gate::new(limits),
            halt: None,
            ledger_fails: false,
            refusals: 0,
        }
    }

    /// Names the life that orders are sent in, and what their ids have in common.
    pub const fn begin(&mut self, run: RunId, series: OrderSeries) {
        (self.run, self.series) = (run, series);
    }

    /// The life that orders are sent in.
    #[must_use]
    pub const fn run(&self) -> RunId {
        self.run
    }

    /// Names the event that orders come of from here on.
    pub const fn on_event(&mut self, seq: Seq) {
        (self.seq, self.leg) = (seq, 0);
    }

    /// Orders and what the exchange was heard to say of them.
    #[must_use]
    pub const fn orders(&self) -> &Orders {
        &self.orders
    }

    /// The gate.
    #[must_use]
    pub const fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The gate, to change.
    #[must_use]
    pub const fn gate_mut(&mut self) -> &mut Gate {
        &mut self.gate
    }

    /// Why nothing is sent; `None` while trading.
    #[must_use]
    pub const fn halted(&self) -> Option<&HaltView> {
        self.halt.as_ref()
    }

    /// Judges an order and sends it if it passes: its entry goes in front. `value_of` gives a price to each symbol.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn submit(
        &mut self,
        now: Timestamp,
        draft: Draft,
        rules: &Instrument,
        standing: &Standing,
        price_of: impl Fn(InstrumentId) -> Option<Price>,
        out: &mut Vec<Command>,
    ) -> Result<Submitted, AmountError> {
        if self.orders.is_frozen(draft.symbol) {
            return Ok(Submitted::Frozen);
        }
        // What has no id of its own could not be told from another order.
        let Some(id) = self.series.id(self.seq, self.leg) else { return Ok(Submitted::Frozen) };
        let order = draft.with_id(id);
        let known = self.circumstances(&draft, standing, price_of)?;
        let approved = match self.gate.judge(now, order.clone(), rules, &known) {
            Ok(approved) => approved,
            Err(refusal) => {
                self.refusals = self.refusals.saturating_add(1);
                let passes = refusal.passes();
                out.push(Command::Notice(Notice::Refused { order, refusal }));
                return Ok(match passes {
                    true => Submitted::Paced { free_at: self.gate.exit_free_at(now) },
                    false => Submitted::Refused,
                });
            }
        };
        self.leg = self.leg.saturating_add(1);
        self.orders.intend(order.clone(), now, draft.rest_max);
        out.push(Command::Record(Entry::Intended { order }));
        out.push(Command::Submit(approved));
        Ok(Submitted::Sent(id))
    }

    /// What an order is judged by: every open order counts as if it will fill.
    fn circumstances(
        &self,
        draft: &Draft,
        standing: &Standing,
        price_of: impl Fn(InstrumentId) -> Option<Price>,
    ) -> Result<Circumstances, AmountError> {
        let Standing { last, heard, position, position_notional, exposure, equity, loss_today, drawdown } = *standing;
        let mut known = Circumstances {
            // An exit at a price is one inside a past candle: that was the last price then, not the one at its open.
            last: match draft.purpose {
                Purpose::Exit(_) => draft.kind.price().or(last),
                Purpose::Enter => last,
            },
            heard,
            halted: self.halt.is_some(),
            position,
            leaving: Qty::ZERO,
            position_notional,
            exposure,
            equity,
            loss_today,
            drawdown,
        };
        for order in self.orders.live() {
            let own = order.new.symbol == draft.symbol && order.new.strategy == draft.strategy;
            match order.new.purpose {
                Purpose::Enter => {
                    let value = entry_value(order, &price_of)?;
                    known.exposure = known.exposure.plus(value)?;
                    if own {
                        known.position_notional = known.position_notional.plus(value)?;
                    }
                }
                Purpose::Exit(_) if own => known.leaving = known.leaving.plus(order.remaining())?,
                Purpose::Exit(_) => {}
            }
        }
        Ok(known)
    }

    /// What open entries will still cost.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn committed(&self, price_of: impl Fn(InstrumentId) -> Option<Price>) -> Result<Notional, AmountError> {
        let entries = self.orders.live().filter(|order| order.new.purpose == Purpose::Enter);
        entries.map(|order| entry_value(order, &price_of)).try_fold(Notional::ZERO, |sum, value| sum.plus(value?))
    }

    /// Asks for the end of an order, once.
    pub fn cancel(&mut self, id: ClientOrderId, by: &str, out: &mut Vec<Command>) -> Verdict {
        self.orders.cancel(id, by, out)
    }

    /// Asks for the end of an entry that turns out to rest although nothing is to be added: trading is halted, or its
    /// position is to be left.
    pub fn cancel_if_unwanted(&mut self, id: ClientOrderId, is_left: bool, out: &mut Vec<Command>) {
        let rests = self.orders.get(id).is_some_and(|order| {
            order.new.purpose == Purpose::Enter
                && matches!(order.new.kind, OrderKind::Limit { .. } | OrderKind::PostOnly { .. })
        });
        if rests && (self.halt.is_some() || is_left) {
            self.cancel(id, ENGINE, out);
        }
    }

    /// Sends nothing more; entries that still rest are ended. The first reason stays. Whether that is news.
    pub fn halt(&mut self, now: Timestamp, by: &str, reason: &str, out: &mut Vec<Command>) -> bool {
        if self.halt.is_some() {
            return false;
        }
        self.halt = Some(HaltView { by: by.to_owned(), reason: reason.to_owned(), since: now, written: true });
        out.push(Command::Record(Entry::Halted { by: by.to_owned(), reason: reason.to_owned() }));
        let resting = self.orders.live().filter(|order| order.new.purpose == Purpose::Enter);
        let resting: Vec<_> = resting.map(|order| order.new.id).collect();
        for id in resting {
            self.cancel(id, ENGINE, out);
        }
        true
    }

    /// Sends again, unless the ledger cannot be written.
    pub fn resume(&mut self, by: &str, reason: &str, out: &mut Vec<Command>) -> Verdict {
        if self.ledger_fails {
            return Verdict::Refused(Objection::LedgerFails);
        }
        if self.halt.take().is_none() {
            return Verdict::Already;
        }
        out.push(Command::Record(Entry::Resumed { by: by.to_owned(), reason: reason.to_owned() }));
        Verdict::Done
    }

    /// The ledger cannot be written: halts, and is not resumed until it can be.
    pub fn on_ledger_failed(&mut self, now: Timestamp, reason: &str, out: &mut Vec<Command>) {
        self.ledger_fails = true;
        self.halt(now, ENGINE, reason, out);
    }

    /// The ledger can be written again. Trading stays halted until it is resumed.
    pub const fn on_ledger_restored(&mut self) {
        self.ledger_fails = false;
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
        self.orders.on_account(now, event, out)
    }

    /// Does what is due by now about orders of which nothing is heard, or which have rested long enough.
    pub fn wake(&mut self, now: Timestamp, out: &mut Vec<Command>) {
        self.orders.wake(now, out);
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
            Entry::Intended { order } => self.gate.note(at, order.purpose),
            Entry::Halted { by, reason } => {
                self.halt.get_or_insert_with(|| HaltView {
                    by: by.clone(),
                    reason: reason.clone(),
                    since: at,
                    written: true,
                });
            }
            Entry::Resumed { .. } => self.halt = None,
            Entry::Started { .. }
            | Entry::Stopped { .. }
            | Entry::Deposited { .. }
            | Entry::Accepted { .. }
            | Entry::Filled { .. }
            | Entry::CancelAsked { .. }
            | Entry::Unanswered { .. }
            | Entry::Ended { .. }
            | Entry::Paused { .. }
            | Entry::Unpaused { .. }
            | Entry::Closed { .. }
            | Entry::Guarded { .. }
            | Entry::Marked { .. }
            | Entry::CloseAsked { .. }
            | Entry::Migrated { .. } => {}
        }
        self.orders.restore(at, entry, rest_max)
    }

    /// Ends the restoring: whether orders of the earlier life still live is unknown until the exchange is asked.
    pub fn recover(&mut self, now: Timestamp, out: &mut Vec<Command>) {
        self.orders.recover(now, out);
    }

    /// Shows what is on its way.
    pub fn show(&self, view: &mut Snapshot) {
        (view.run, view.seq, view.refusals) = (self.run, self.seq, self.refusals);
        view.halt = self.halt.clone();
        view.orders = self.orders.live().cloned().collect();
    }
}

fn entry_value(order: &Order, price_of: impl Fn(InstrumentId) -> Option<Price>) -> Result<Notional, AmountError> {
    let price = order.new.kind.price().or_else(|| price_of(order.new.symbol)).unwrap_or(Price::ZERO);
    price.times(order.remaining())
}
