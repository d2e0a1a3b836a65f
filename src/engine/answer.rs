//! What the exchange says about our orders and balances.

use crate::domain::{
    AccountEvent, AmountError, ClientOrderId, Entry, Fill, Notional, Order, Outcome, Purpose, Rounding,
};

use super::guard::Guard;
use super::orders::FillEffect;
use super::positions::{Flow, Position};
use super::{Command, ENGINE, Engine};

impl Engine {
    pub(super) fn on_account(&mut self, event: &AccountEvent, out: &mut Vec<Command>) -> Result<(), AmountError> {
        match event {
            AccountEvent::Accepted { id, exchange_id } => {
                self.settle(*id);
                if self.orders.accept(*id, *exchange_id) {
                    out.push(Command::Record(Entry::Accepted { id: *id, exchange_id: *exchange_id }));
                }
            }
            AccountEvent::Rejected { id, reason } => self.end(*id, Outcome::Rejected, reason, out),
            AccountEvent::Filled(fill) => return self.on_fill(fill, out),
            AccountEvent::Ended { id, outcome, reason } => self.end(*id, *outcome, reason, out),
            AccountEvent::CancelRefused { id, .. } => self.orders.cancel_refused(*id),
            AccountEvent::Unanswered { id } => self.on_unanswered(*id, out),
            AccountEvent::NotFound { id } => self.on_not_found(*id, out),
            AccountEvent::Balance { asset, total } => self.on_balance(*asset, *total, out),
        }
        Ok(())
    }

    /// An order has ended; its desk may send another.
    pub(super) fn end(&mut self, id: ClientOrderId, outcome: Outcome, reason: &str, out: &mut Vec<Command>) {
        self.settle(id);
        let Some(order) = self.orders.end(id, outcome) else { return };
        out.push(Command::Record(Entry::Ended { id, outcome, reason: reason.to_owned() }));
        self.release(&order);
        self.drop_dust(order.new.symbol);
    }

    fn on_fill(&mut self, fill: &Fill, out: &mut Vec<Command>) -> Result<(), AmountError> {
        match self.orders.fill(fill)? {
            FillEffect::Repeat => {}
            FillEffect::Stranger => {
                Self::stranger(fill.order, "filled", out);
                out.push(Command::Record(Entry::Filled { fill: fill.clone() }));
                self.halt(ENGINE, "the exchange reports a fill of an order that is not known", out);
            }
            FillEffect::TooMuch => {
                out.push(Command::Record(Entry::Filled { fill: fill.clone() }));
                self.halt(ENGINE, "the exchange reports more filled than was ordered", out);
            }
            FillEffect::Counted(order) => {
                out.push(Command::Record(Entry::Filled { fill: fill.clone() }));
                self.count(fill, &order, out)?;
            }
        }
        Ok(())
    }

    /// Takes a counted fill into balances, equity and the position of its desk; records a round trip that it closes.
    pub(super) fn count(&mut self, fill: &Fill, order: &Order, out: &mut Vec<Command>) -> Result<(), AmountError> {
        self.fills = self.fills.saturating_add(1);
        if !order.is_live() || order.filled == order.new.qty {
            self.release(order);
        }
        let Some(market) = self.markets.find(fill.symbol) else { return Ok(()) };
        let rules = self.markets.at(market).rules.clone();
        let flow = Flow::of(fill, &rules)?;
        self.account.add(rules.quote, flow.quote)?;
        self.account.add_asset(rules.base, flow.base)?;
        let mut fee_value = Notional::ZERO;
        if let Some((asset, amount)) = flow.third {
            self.account.add(asset, amount.negated())?;
            fee_value = self.worth(asset, amount)?;
        }
        let known = self.markets.at_mut(market);
        let last = *known.last.get_or_insert(fill.price);
        known.held = known.held.plus(flow.base)?;
        let change = flow.quote.plus(last.times(flow.base)?)?.minus(fee_value)?;
        self.account.shift(change)?;
        let Some(desk) = self.desk_named(order, market) else {
            self.halt(ENGINE, "a fill belongs to a strategy that is not configured", out);
            return Ok(());
        };
        self.fill_position(desk, fill, order.new.purpose, &flow, &rules, fee_value)?;
        self.close_if_empty(desk, fill, &rules, out)
    }

    fn fill_position(
        &mut self,
        desk: usize,
        fill: &Fill,
        purpose: Purpose,
        flow: &Flow,
        rules: &crate::domain::Instrument,
        fee_value: Notional,
    ) -> Result<(), AmountError> {
        let filled = &mut self.desks[desk];
        let exits = self.running[filled.strategy].exits();
        if filled.position.is_none() {
            let guard = Guard::new(exits, rules, fill.price, fill.at)?;
            filled.position = Some(Position::new(fill.at, guard));
        }
        let position = filled.position.as_mut().expect("it was just made");
        let before = position.entry();
        position.take(fill, purpose, flow, rules, fee_value)?;
        if purpose == Purpose::Enter && before.is_ok() {
            position.guard.average(exits, rules, position.entry()?)?;
        }
        Ok(())
    }

    fn close_if_empty(
        &mut self,
        desk: usize,
        fill: &Fill,
        rules: &crate::domain::Instrument,
        out: &mut Vec<Command>,
    ) -> Result<(), AmountError> {
        let filled = &mut self.desks[desk];
        let Some(position) = filled.position.as_ref() else { return Ok(()) };
        let sellable = rules.fit_qty(position.qty)?;
        if sellable.is_positive() || filled.entering.is_some() || filled.leaving.is_some() {
            return Ok(());
        }
        let strategy = &mut self.running[filled.strategy];
        let trip = position.close(strategy.name(), rules, fill.at)?;
        strategy.closed = strategy.closed.saturating_add(1);
        strategy.won = strategy.won.saturating_add(u64::from(trip.profit.is_positive()));
        strategy.profit = strategy.profit.plus(trip.profit)?;
        filled.position = None;
        filled.signalled = false;
        filled.closed = Some(fill.at);
        out.push(Command::Record(Entry::Closed { trip }));
        Ok(())
    }

    /// A position too small to sell that never sold anything is none; what it is stays in the balance.
    fn drop_dust(&mut self, symbol: crate::domain::Symbol) {
        let Some(market) = self.markets.find(symbol) else { return };
        for desk in self.desks.iter_mut().filter(|desk| desk.market == market && desk.entering.is_none()) {
            let dust = |position: &Position| {
                let rules = &self.markets.at(market).rules;
                rules.fit_qty(position.qty).is_ok_and(|qty| !qty.is_positive())
            };
            if desk.position.as_ref().is_some_and(dust) {
                desk.position = None;
            }
        }
    }

    /// What `amount` of a third asset is worth in the quote asset of the account; nothing when no price is known.
    fn worth(&self, asset: crate::domain::Asset, amount: Notional) -> Result<Notional, AmountError> {
        let quote = self.account.quote();
        let priced = self.markets.iter().find(|market| market.rules.base == asset && market.rules.quote == quote);
        match priced.and_then(|market| market.last) {
            Some(price) => price.times(amount.as_asset(Rounding::Up)?),
            None => Ok(Notional::ZERO),
        }
    }

    fn release(&mut self, order: &Order) {
        for desk in &mut self.desks {
            if desk.entering == Some(order.new.id) {
                desk.entering = None;
            }
            if desk.leaving == Some(order.new.id) {
                desk.leaving = None;
            }
        }
    }

    pub(super) fn desk_named(&self, order: &Order, market: usize) -> Option<usize> {
        self.desks
            .iter()
            .position(|desk| desk.market == market && self.running[desk.strategy].name() == order.new.strategy)
    }
}
