//! Wishes become orders: sizes, the risk gate, and what is written down before anything is sent.

use crate::risk::Circumstances;
use crate::strategy::{Target, stake};
use tradingbot_domain::{
    AmountError, ClientOrderId, Entry, EntryStyle, ExitReason, NewOrder, Notional, OrderKind, Price, Purpose, Qty,
    Rate, Rounding, Side, Sizing, Span, Timestamp,
};

use super::stop_tracker::Leave;
use super::{Command, Engine, EntryTooSmall, ExitSignal, Notice};

/// What became of an order that was to be sent.
enum Submitted {
    /// It was.
    Sent(ClientOrderId),
    /// Its symbol is frozen.
    NotNow,
    /// Too many went out before it.
    Paced,
    /// The gate refused it.
    Refused,
}

impl Engine {
    /// The strategy of `desk` wants to hold `target` from now on.
    pub(super) fn on_target(&mut self, desk: usize, target: Target, out: &mut Vec<Command>) -> Result<(), AmountError> {
        let wished = &mut self.desks[desk];
        match target {
            Target::Long => {
                // What the rule wished for before, it does not wish for any more.
                if wished.parting == Some(ExitReason::ExitSignal) {
                    wished.parting = None;
                }
                if self.may_enter(desk) { self.enter(desk, out) } else { Ok(()) }
            }
            Target::Flat if wished.position.is_none() => Ok(()),
            Target::Flat if self.interval_rule.exit_signal() == ExitSignal::WithInterval => {
                wished.exit_signalled = true;
                Ok(())
            }
            Target::Flat => self.part(desk, ExitReason::ExitSignal, out),
            Target::Hold => Ok(()),
        }
    }

    fn may_enter(&self, desk: usize) -> bool {
        let wished = &self.desks[desk];
        let strategy = &self.running[wished.strategy];
        if wished.position.is_some() || wished.entering.is_some() || wished.leaving.is_some() || strategy.paused {
            return false;
        }
        if self.repricing {
            return false;
        }
        let cooldown = strategy.exits().cooldown;
        if wished.closed.is_some_and(|closed| self.now < closed.plus(cooldown)) {
            return false;
        }
        let taken = |other: &&super::Desk| {
            other.strategy == wished.strategy && (other.position.is_some() || other.entering.is_some())
        };
        let open = self.desks.iter().filter(taken).count();
        u32::try_from(open).is_ok_and(|open| open < strategy.settings.positions_max)
    }

    fn enter(&mut self, desk: usize, out: &mut Vec<Command>) -> Result<(), AmountError> {
        let wished = &self.desks[desk];
        let strategy = &self.running[wished.strategy];
        let market = self.markets.at(wished.market);
        let (kind, price) = match strategy.entry() {
            EntryStyle::Market => (OrderKind::Market, market.last),
            EntryStyle::PostOnly { .. } => match market.bid {
                Some(bid) => (OrderKind::PostOnly { price: bid }, Some(bid)),
                None => return Ok(()),
            },
        };
        let Some(price) = price.filter(|price| *price > Price::ZERO) else { return Ok(()) };
        let wanted = match strategy.settings.sizing {
            Sizing::Fixed { stake } => {
                let mut positions = self.desks.iter().filter_map(|desk| desk.position.as_ref());
                if !self.interval_rule.affords(stake, self.account.cash(), &mut positions)? {
                    return Ok(());
                }
                stake
            }
            Sizing::EquityShare { share } => self.account.equity().scaled(share, Rounding::Down)?,
            Sizing::VolatilityTarget { risk, share_max, .. } => match wished.range_share() {
                Some(range) => stake(self.account.equity(), risk, range, share_max)?,
                None => return Ok(()),
            },
        };
        let fee = Rate::ONE.minus(market.rules.fee_taker)?;
        let affordable = self.free_cash()?.scaled(fee, Rounding::Down)?;
        let qty = market.rules.fit_qty(wanted.min(affordable).over(price, Rounding::Down)?)?;
        if !qty.is_positive() || price.times(qty)? < market.rules.notional_min {
            self.say_too_small(desk, wanted, affordable, price, out);
            return Ok(());
        }
        if let Submitted::Sent(id) = self.submit(desk, Side::Buy, qty, kind, Purpose::Enter, out)? {
            self.desks[desk].entering = Some(id);
            if let EntryStyle::PostOnly { timeout } = self.running[self.desks[desk].strategy].entry() {
                self.wake_by(self.now.plus(timeout), out);
            }
        }
        Ok(())
    }

    /// Says that an entry of `desk` comes to less than the exchange takes, unless that was said before.
    fn say_too_small(&mut self, desk: usize, stake: Notional, free: Notional, price: Price, out: &mut Vec<Command>) {
        let small = &mut self.desks[desk];
        if small.too_small.is_some() {
            return;
        }
        let rules = &self.markets.at(small.market).rules;
        let entry = EntryTooSmall {
            strategy: self.running[small.strategy].name(),
            symbol: rules.id,
            stake,
            free,
            price,
            lot: rules.lot,
            qty_min: rules.qty_min,
            notional_min: rules.notional_min,
        };
        small.too_small = Some(entry.clone());
        out.push(Command::Notice(Notice::EntryTooSmall(entry)));
    }

    /// Leaves `desk` at market, and goes on trying until nothing is held.
    pub(super) fn part(&mut self, desk: usize, reason: ExitReason, out: &mut Vec<Command>) -> Result<(), AmountError> {
        let parting = &mut self.desks[desk];
        if parting.is_empty() {
            return Ok(());
        }
        (parting.parting, parting.exit_due) = (Some(reason), Timestamp::ZERO);
        self.leave(desk, Leave { kind: OrderKind::Market, reason }, out)
    }

    /// Leaves what `desk` holds, unless it is being left already. An entry that still rests is ended first. What fails is
    /// not tried again at once: an exchange bans who keeps asking for what it refuses.
    pub(super) fn leave(&mut self, desk: usize, leave: Leave, out: &mut Vec<Command>) -> Result<(), AmountError> {
        if let Some(entry) = self.desks[desk].entering {
            self.cancel(entry, super::ENGINE, out);
        }
        let leaving = &self.desks[desk];
        let Some(position) = leaving.position.as_ref().filter(|_| leaving.leaving.is_none()) else { return Ok(()) };
        let rules = &self.markets.at(leaving.market).rules;
        let qty = rules.fit_qty(position.qty)?;
        if !qty.is_positive() || self.now < leaving.exit_due {
            return Ok(());
        }
        let submitted = self.submit(desk, Side::Sell, qty, leave.kind, Purpose::Exit(leave.reason), out)?;
        let (leaving, due) = match submitted {
            Submitted::Sent(id) => (Some(id), self.now.plus(EXIT_PAUSE)),
            Submitted::NotNow => (None, self.now.plus(EXIT_PAUSE)),
            Submitted::Paced => (None, self.await_pace(desk, leave.reason, out)),
            Submitted::Refused => (None, self.now.plus(REFUSED_EXIT_PAUSE)),
        };
        (self.desks[desk].leaving, self.desks[desk].exit_due) = (leaving, due);
        Ok(())
    }

    /// Keeps the wish to leave `desk` until a limit of pace lets its exit pass. When that is.
    fn await_pace(&mut self, desk: usize, reason: ExitReason, out: &mut Vec<Command>) -> Timestamp {
        let due = self.gate.exit_free_at(self.now);
        let waiting = &mut self.desks[desk];
        waiting.awaits_pace = true;
        waiting.parting.get_or_insert(reason);
        self.exits_due = Some(self.exits_due.map_or(due, |earliest| earliest.min(due)));
        self.wake_by(due, out);
        due
    }

    /// Leaves the desks whose exits a limit of pace has held back, once it lets them pass.
    pub(super) fn retry_exits(&mut self, out: &mut Vec<Command>) -> Result<(), AmountError> {
        if self.exits_due.is_none_or(|due| self.now < due) {
            return Ok(());
        }
        self.exits_due = None;
        for desk in 0..self.desks.len() {
            if self.exits_due.is_some() {
                // There is no room again; whoever is left waits on.
                break;
            }
            let waiting = &mut self.desks[desk];
            if !std::mem::take(&mut waiting.awaits_pace) {
                continue;
            }
            if let Some(reason) = waiting.parting {
                waiting.exit_due = Timestamp::ZERO;
                self.leave(desk, Leave { kind: OrderKind::Market, reason }, out)?;
            }
        }
        Ok(())
    }

    /// Asks for the end of an order, once.
    pub(super) fn cancel(&mut self, id: ClientOrderId, by: &str, out: &mut Vec<Command>) {
        let Some(symbol) = self.orders.get(id).map(|order| order.new.symbol) else { return };
        if self.orders.cancelling(id) {
            out.push(Command::Record(Entry::CancelAsked { id, by: by.to_owned() }));
            out.push(Command::Cancel { id, symbol });
        }
    }

    fn submit(
        &mut self,
        desk: usize,
        side: Side,
        qty: Qty,
        kind: OrderKind,
        purpose: Purpose,
        out: &mut Vec<Command>,
    ) -> Result<Submitted, AmountError> {
        let sender = &self.desks[desk];
        let market = self.markets.at(sender.market);
        let order = NewOrder {
            id: ClientOrderId::derive(self.run, self.seq, self.leg),
            strategy: self.running[sender.strategy].name(),
            symbol: market.rules.id,
            side,
            qty,
            kind,
            purpose,
        };
        if self.orders.is_frozen(order.symbol) {
            return Ok(Submitted::NotNow);
        }
        let mut known = self.circumstances(desk)?;
        if let (Purpose::Exit(_), Some(price)) = (purpose, order.kind.price()) {
            // An exit at a price is one inside a past candle: that was the last price then, not the one at its open.
            known.last = Some(price);
        }
        let approved = match self.gate.judge(self.now, order.clone(), &market.rules, &known) {
            Ok(approved) => approved,
            Err(refusal) => {
                self.refusals = self.refusals.saturating_add(1);
                let passes = refusal.passes();
                out.push(Command::Notice(Notice::Refused { order, refusal }));
                return Ok(if passes { Submitted::Paced } else { Submitted::Refused });
            }
        };
        self.leg = self.leg.saturating_add(1);
        let id = order.id;
        self.orders.intend(order.clone(), self.now);
        out.push(Command::Record(Entry::Intended { order }));
        out.push(Command::Submit(approved));
        self.inquire(id, out);
        Ok(Submitted::Sent(id))
    }

    /// What is known when an order of `desk` is judged: every open order counts as if it will fill.
    fn circumstances(&self, desk: usize) -> Result<Circumstances, AmountError> {
        let sender = &self.desks[desk];
        let market = self.markets.at(sender.market);
        let mut known = Circumstances {
            last: market.last,
            // An entry follows a candle, and with it the market was heard of.
            heard: market.heard.unwrap_or(Timestamp::ZERO),
            halted: self.halt.is_some(),
            position: sender.position.as_ref().map_or(Qty::ZERO, |position| position.qty),
            leaving: Qty::ZERO,
            position_notional: Notional::ZERO,
            exposure: Notional::ZERO,
            equity: self.account.equity(),
            loss_today: self.account.profit_today()?.negated().max(Notional::ZERO),
            drawdown: self.account.drawdown()?,
        };
        for other in self.markets.iter() {
            if let (Some(last), false) = (other.last, other.held.is_zero()) {
                known.exposure = known.exposure.plus(last.times(other.held.abs())?)?;
            }
        }
        if let Some(last) = market.last {
            known.position_notional = last.times(known.position.abs())?;
        }
        let name = self.running[sender.strategy].name();
        for order in self.orders.live() {
            let own = order.new.symbol == market.rules.id && order.new.strategy == name;
            match order.new.purpose {
                Purpose::Enter => {
                    let value = self.entry_value(order.new.symbol, order.new.kind, order.remaining())?;
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

    /// Cash that no open entry order will ask for.
    fn free_cash(&self) -> Result<Notional, AmountError> {
        let mut cash = self.account.cash();
        for order in self.orders.live().filter(|order| order.new.purpose == Purpose::Enter) {
            cash = cash.minus(self.entry_value(order.new.symbol, order.new.kind, order.remaining())?)?;
        }
        Ok(cash.max(Notional::ZERO))
    }

    fn entry_value(
        &self,
        symbol: tradingbot_domain::InstrumentId,
        kind: OrderKind,
        qty: Qty,
    ) -> Result<Notional, AmountError> {
        let last = || self.markets.iter().find(|market| market.rules.id == symbol).and_then(|market| market.last);
        let price = match kind {
            OrderKind::Market => last().unwrap_or(Price::ZERO),
            OrderKind::Limit { price, .. } | OrderKind::PostOnly { price } | OrderKind::Stop { trigger: price } => {
                price
            }
        };
        price.times(qty)
    }
}

/// Least time between two exits of a desk, and after one that the gate refuses for what will not pass by itself soon.
const EXIT_PAUSE: Span = Span::SECOND;
const REFUSED_EXIT_PAUSE: Span = Span::MINUTE;
