//! What the exchange says about our orders and balances.

use tradingbot_domain::{
    AccountEvent, AmountError, ClientOrderId, Entry, Fill, Notional, Order, Outcome, Price, Purpose, RoundTrip,
    Rounding,
};

use super::orders::FillEffect;
use super::positions::{Flow, Position};
use super::stop_tracker::StopTracker;
use super::{Command, ENGINE, Engine};

impl Engine {
    pub(super) fn on_account(&mut self, event: &AccountEvent, out: &mut Vec<Command>) -> Result<(), AmountError> {
        match event {
            AccountEvent::Accepted { id, exchange_id } => {
                if self.orders.accept(*id, *exchange_id) {
                    self.inquire(*id, out);
                    out.push(Command::Record(Entry::Accepted { id: *id, exchange_id: *exchange_id }));
                    self.end_if_unwanted(*id, out);
                }
            }
            AccountEvent::Rejected { id, reason } => return self.end(*id, Outcome::Rejected, reason, out),
            AccountEvent::Filled(fill) => return self.on_fill(fill, out),
            AccountEvent::Ended { id, outcome, filled, reason } => {
                // Not before its last fill is known: what has ended is not asked for again.
                if self.orders.get(*id).is_some_and(|order| order.filled < *filled) {
                    self.on_unanswered(*id, out);
                } else {
                    return self.end(*id, *outcome, reason, out);
                }
            }
            // Past cancelling: what became of it should be on its way; if it is not, asking finds it.
            AccountEvent::CancelRefused { id, .. } | AccountEvent::Unanswered { id } => self.on_unanswered(*id, out),
            AccountEvent::NotFound { id } => return self.on_not_found(*id, out),
            AccountEvent::Balance { asset, total } => self.on_balance(*asset, *total, out),
        }
        Ok(())
    }

    /// An order has ended; its desk may send another.
    pub(super) fn end(
        &mut self,
        id: ClientOrderId,
        outcome: Outcome,
        reason: &str,
        out: &mut Vec<Command>,
    ) -> Result<(), AmountError> {
        let Some(order) = self.orders.end(id, outcome) else { return Ok(()) };
        out.push(Command::Record(Entry::Ended { id, outcome, reason: reason.to_owned() }));
        let closed = self.after_end(&order)?;
        self.record_closed(closed, out)
    }

    /// What follows from the end of an order. The round trip that was waiting for it, if there was one.
    pub(super) fn after_end(&mut self, order: &Order) -> Result<Option<RoundTrip>, AmountError> {
        self.settle(order.new.id);
        self.release(order);
        let market = self.markets.find(order.new.symbol);
        match market.and_then(|market| self.desk_named(order, market)) {
            Some(desk) => {
                let closed = self.close_if_empty(desk)?;
                if self.desks[desk].is_empty() {
                    self.desks[desk].parting = None;
                }
                Ok(closed)
            }
            None => Ok(None),
        }
    }

    fn record_closed(&mut self, closed: Option<RoundTrip>, out: &mut Vec<Command>) -> Result<(), AmountError> {
        if let Some(trip) = closed {
            self.tally(&trip)?;
            out.push(Command::Record(Entry::Closed { trip }));
        }
        Ok(())
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
                let closed = self.count(fill, &order, out)?;
                self.record_closed(closed, out)?;
            }
        }
        Ok(())
    }

    /// A round trip counts for its strategy.
    pub(super) fn tally(&mut self, trip: &RoundTrip) -> Result<(), AmountError> {
        let Some(strategy) = self.running.iter_mut().find(|strategy| strategy.name() == trip.strategy) else {
            return Ok(());
        };
        strategy.closed = strategy.closed.saturating_add(1);
        strategy.won = strategy.won.saturating_add(u64::from(trip.profit.is_positive()));
        strategy.profit = strategy.profit.plus(trip.profit)?;
        Ok(())
    }

    /// Takes a counted fill into balances, equity and the position of its desk. The round trip that it closes, if it does.
    pub(super) fn count(
        &mut self,
        fill: &Fill,
        order: &Order,
        out: &mut Vec<Command>,
    ) -> Result<Option<RoundTrip>, AmountError> {
        self.fills = self.fills.saturating_add(1);
        if !order.is_live() || order.filled == order.new.qty {
            self.settle(fill.order);
            self.release(order);
        }
        let Some(market) = self.markets.find(fill.symbol) else { return Ok(None) };
        let rules = self.markets.at(market).rules.clone();
        let flow = Flow::of(fill, &rules)?;
        self.account.add(rules.quote, flow.quote)?;
        self.account.add_asset(rules.base, flow.base)?;
        let mut fee_value = Notional::ZERO;
        if let Some((asset, amount)) = flow.third {
            self.account.add(asset, amount.negated())?;
            fee_value = self.pay_from(asset, amount)?;
        }
        if self.markets.at(market).last.is_none() {
            self.on_last(market, fill.price)?;
        }
        let known = self.markets.at_mut(market);
        let last = known.last.unwrap_or(fill.price);
        known.held = known.held.plus(flow.base)?;
        let change = flow.quote.plus(last.times(flow.base)?)?.minus(fee_value)?;
        self.change_worth(change)?;
        let Some(desk) = self.desk_named(order, market) else {
            self.halt(ENGINE, "a fill belongs to a strategy that is not configured", out);
            return Ok(None);
        };
        self.fill_position(desk, fill, order.new.purpose, &flow, &rules, fee_value)?;
        self.close_if_empty(desk)
    }

    fn fill_position(
        &mut self,
        desk: usize,
        fill: &Fill,
        purpose: Purpose,
        flow: &Flow,
        rules: &tradingbot_domain::Instrument,
        fee_value: Notional,
    ) -> Result<(), AmountError> {
        let filled = &mut self.desks[desk];
        let exits = self.running[filled.strategy].exits();
        if filled.position.is_none() {
            let stops = StopTracker::new(exits, rules, fill.price, fill.at)?;
            filled.position = Some(Position::new(fill.at, stops));
        }
        let position = filled.position.as_mut().expect("it was just made");
        let before = position.entry();
        position.take(fill, purpose, flow, rules, fee_value)?;
        if purpose == Purpose::Enter && before.is_ok() {
            position.stops.average(exits, rules, position.entry()?)?;
        }
        Ok(())
    }

    /// Ends the position of `desk` when what is left of it is too little to sell and nothing is on its way to or from it.
    /// The round trip, if anything was sold; what is left stays in the balance.
    fn close_if_empty(&mut self, desk: usize) -> Result<Option<RoundTrip>, AmountError> {
        let filled = &mut self.desks[desk];
        let Some(position) = filled.position.as_ref() else { return Ok(None) };
        let rules = &self.markets.at(filled.market).rules;
        if filled.entering.is_some() || filled.leaving.is_some() || position.is_sellable(rules)? {
            return Ok(None);
        }
        let name = self.running[filled.strategy].name();
        let trip = if position.has_sold() { Some(position.close(name, rules)?) } else { None };
        if let Some(trip) = &trip {
            (filled.exit_signalled, filled.closed) = (false, Some(trip.closed));
        }
        (filled.position, filled.parting) = (None, None);
        Ok(trip)
    }

    /// Takes `amount` of a third asset out of what is held of it. What it is worth in the quote asset of the account;
    /// nothing when no price is known.
    fn pay_from(&mut self, asset: tradingbot_domain::Asset, amount: Notional) -> Result<Notional, AmountError> {
        let Some(place) = self.markets.of_pair(asset, self.account.quote()) else { return Ok(Notional::ZERO) };
        let market = self.markets.at_mut(place);
        let qty = amount.as_asset(Rounding::Up)?;
        market.held = market.held.minus(qty)?;
        market.last.unwrap_or(Price::ZERO).times(qty)
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
