//! A ledger's entries, oldest first, become what the engine knew when it wrote them.

use thiserror::Error;

use tradingbot_domain::snapshot::HaltView;
use tradingbot_domain::{AmountError, ClientOrderId, Entry, ExitReason, Fill, OrderState, Purpose, Timestamp};

use super::orders::FillEffect;
use super::{Command, ENGINE, Engine};

/// A ledger that this engine cannot continue.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// An amount does not fit.
    #[error("an amount in the ledger is too large to compute with")]
    Amount(#[from] AmountError),
}

impl Engine {
    /// Takes up one entry of an earlier life.
    ///
    /// # Errors
    ///
    /// [`RestoreError`].
    pub fn restore(&mut self, at: Timestamp, entry: &Entry) -> Result<(), RestoreError> {
        self.now = self.now.max(at);
        match entry {
            Entry::Deposited { asset, amount } => {
                self.account.add(*asset, *amount)?;
                if *asset == self.account.quote() {
                    self.account.tell_time(at);
                    self.account.deposit(*amount)?;
                }
            }
            Entry::Intended { order } => {
                self.gate.note(at, order.purpose);
                self.orders.intend(order.clone(), at);
                self.hold_slot(order.id);
            }
            Entry::Accepted { id, exchange_id } => {
                self.orders.accept(*id, *exchange_id);
            }
            Entry::Filled { fill } => self.restore_fill(fill)?,
            Entry::CancelAsked { id, .. } => {
                self.orders.cancelling(*id);
            }
            Entry::Unanswered { id } => {
                self.orders.unanswered(*id, at);
            }
            Entry::Ended { id, outcome, .. } => {
                if let Some(order) = self.orders.end(*id, *outcome) {
                    let _closed = self.after_end(&order)?;
                }
            }
            Entry::Halted { by, reason } => {
                self.halt.get_or_insert_with(|| HaltView {
                    by: by.clone(),
                    reason: reason.clone(),
                    since: at,
                    written: true,
                });
            }
            Entry::Resumed { .. } => self.halt = None,
            Entry::Paused { strategy, .. } | Entry::Unpaused { strategy, .. } => {
                let paused = matches!(entry, Entry::Paused { .. });
                self.running.iter_mut().filter(|running| running.name() == *strategy).for_each(|running| {
                    running.paused = paused;
                });
            }
            Entry::Guarded { strategy, symbol, stop, highest } => {
                for desk in &mut self.desks {
                    let own = self.running[desk.strategy].name() == *strategy
                        && self.markets.at(desk.market).rules.id == *symbol;
                    if let Some(position) = desk.position.as_mut().filter(|_| own) {
                        position.stops.resume(*stop, *highest);
                    }
                }
            }
            Entry::Marked { equity } => self.account.remember(at, *equity),
            Entry::Closed { trip } => self.tally(trip)?,
            Entry::CloseAsked { symbol, .. } => {
                for desk in self.desks.iter_mut().filter(|desk| !desk.is_empty()) {
                    let held = self.markets.at(desk.market).rules.id;
                    if symbol.is_none_or(|symbol| symbol == held) {
                        desk.parting = Some(ExitReason::Operator);
                    }
                }
            }
            Entry::Started { .. } | Entry::Stopped { .. } => {}
        }
        Ok(())
    }

    /// Ends the restoring, and begins this life at `now`: whether orders of the earlier life still live is unknown until the exchange is asked.
    pub fn recover(&mut self, now: Timestamp, out: &mut Vec<Command>) {
        self.now = self.now.max(now);
        self.began = self.now;
        let live: Vec<ClientOrderId> = self.orders.live().map(|order| order.new.id).collect();
        for id in live {
            if self.orders.unanswered(id, self.now) {
                out.push(Command::Record(Entry::Unanswered { id }));
            }
            self.inquiries.remove(&id);
            self.inquire(id, out);
        }
        if self.desks.iter().all(|desk| desk.position.is_none()) && self.unclaimed {
            self.halt(ENGINE, "the ledger holds fills that no configured strategy accounts for", out);
        }
        self.unclaimed = false;
        self.repricing = self.markets.iter().any(|market| !market.priced && !market.held.is_zero());
        if !self.repricing {
            // Nothing is held, so what there is is worth what it is.
            self.account.remember(self.now, self.account.equity());
        }
    }

    fn restore_fill(&mut self, fill: &Fill) -> Result<(), AmountError> {
        if let FillEffect::Counted(order) = self.orders.fill(fill)? {
            let mut said = Vec::new();
            let halt = self.halt.take();
            // What it was worth then is in the marks; from prices of different days no peak can be told.
            self.repricing = true;
            if let Some(market) = self.markets.find(fill.symbol) {
                self.value_at(market, fill.price)?;
            }
            let _closed = self.count(fill, &order, &mut said)?;
            self.unclaimed |= self.halt.is_some();
            self.halt = halt;
        }
        Ok(())
    }

    fn hold_slot(&mut self, id: ClientOrderId) {
        let Some(order) = self.orders.get(id).filter(|order| !matches!(order.state, OrderState::Done(_))) else {
            return;
        };
        let (symbol, name, purpose) = (order.new.symbol, order.new.strategy, order.new.purpose);
        for desk in &mut self.desks {
            let own = self.running[desk.strategy].name() == name && self.markets.at(desk.market).rules.id == symbol;
            if own {
                match purpose {
                    Purpose::Enter => desk.entering = Some(id),
                    Purpose::Exit(_) => desk.leaving = Some(id),
                }
            }
        }
    }
}
