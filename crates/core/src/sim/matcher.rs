//! One symbol's side of the simulated exchange: our orders against its market, by price, then time.

use tradingbot_domain::event::Trade;
use tradingbot_domain::{
    ClientOrderId, Instrument, Liquidity, MarketEvent, NewOrder, Notional, OrderKind, Outcome, Price, Qty, Rate, Side,
    Span, TimeInForce, Timestamp,
};

use super::clearing::Clearing;
use super::funds;
use super::live::{Live, Standing, reaches, triggers};
use super::rules;
use super::view::View;

/// One symbol: its rules, its market, our live orders.
#[derive(Debug)]
pub(super) struct Matcher {
    rules: Instrument,
    distance_max: Rate,
    view: View,
    /// Oldest first.
    live: Vec<Live>,
}

impl Matcher {
    pub(super) const fn new(rules: Instrument, half_spread: Rate, distance_max: Rate) -> Self {
        let view = View::new(half_spread, rules.tick);
        Self { rules, distance_max, view, live: Vec::new() }
    }

    /// Judges an order that has just arrived, and lets it trade.
    pub(super) fn submit(&mut self, at: Timestamp, order: &NewOrder, clearing: &mut Clearing) {
        let lock = match self.judge(order, clearing) {
            Ok(lock) => lock,
            Err(reason) => return clearing.reject(order.id, reason),
        };
        clearing.accept(at, order);
        let lock = clearing.account.lock(funds::asset_of(&self.rules, order.side), lock);
        let mut live = Live::new(order.clone(), lock);
        if !matches!(order.kind, OrderKind::Stop { .. }) {
            self.place(at, &mut live, clearing);
        }
        if live.standing != Standing::Done {
            self.live.push(live);
        }
    }

    /// Ends an order; false when it is not live here.
    pub(super) fn cancel(&mut self, id: ClientOrderId, clearing: &mut Clearing) -> bool {
        let Some(index) = self.live.iter().position(|live| live.new.id == id) else { return false };
        let mut live = self.live.remove(index);
        self.finish(&mut live, Outcome::Cancelled, "", clearing);
        true
    }

    /// Whether a limit order of this id is live here.
    pub(super) fn holds_limit(&self, id: ClientOrderId) -> bool {
        self.live.iter().any(|live| live.new.id == id && live.limit().is_some())
    }

    /// Fills the rest of a limit order at its price, as if somebody had just been faster than a cancel.
    pub(super) fn complete(&mut self, at: Timestamp, id: ClientOrderId, clearing: &mut Clearing) {
        let Some(index) = self.live.iter().position(|live| live.new.id == id) else { return };
        let mut live = self.live.remove(index);
        if let Some(price) = live.limit() {
            let qty = live.remaining();
            self.trade(at, &mut live, (price, qty, Liquidity::Maker), clearing);
        }
    }

    /// Takes in what happened in the market; orders trade on it.
    pub(super) fn observe(&mut self, at: Timestamp, event: &MarketEvent, clearing: &mut Clearing) {
        match event {
            MarketEvent::Trade(trade) => {
                self.view.set_last(trade.price);
                clearing.fees.note_price(trade.symbol, trade.price);
                self.meet_trade(at, trade, clearing);
                self.trigger(at, trade.price, clearing);
            }
            MarketEvent::Quote(quote) => {
                self.view.set_quote(quote);
                self.meet_book(at, clearing);
            }
            MarketEvent::Book(book) => {
                self.view.set_book(book);
                self.meet_book(at, clearing);
            }
            MarketEvent::Depth(update) => {
                self.view.update_book(update);
                self.meet_book(at, clearing);
            }
            MarketEvent::Candle { .. } | MarketEvent::Range { .. } => {}
        }
        self.live.retain(|live| live.standing != Standing::Done);
    }

    /// Ends the orders that have waited for the market long enough.
    pub(super) fn expire(&mut self, now: Timestamp, clearing: &mut Clearing) {
        let mut live = std::mem::take(&mut self.live);
        for order in &mut live {
            if order.deadline().is_some_and(|until| until <= now) {
                self.finish(order, Outcome::Expired, rules::NO_LIQUIDITY, clearing);
            }
        }
        live.retain(|order| order.standing != Standing::Done);
        self.live = live;
    }

    /// When the first order has waited long enough.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.live.iter().filter_map(Live::deadline).min()
    }

    /// What the order has to lock, or why it is refused.
    fn judge(&self, order: &NewOrder, clearing: &Clearing) -> Result<Notional, &'static str> {
        if let Some(reason) = rules::refusal(order, &self.rules, self.view.last(), self.distance_max) {
            return Err(reason);
        }
        if self.live.len() >= OPEN_ORDERS_MAX {
            return Err(rules::MAX_NUM_ORDERS);
        }
        match order.kind {
            OrderKind::Market | OrderKind::Limit { .. } => {}
            OrderKind::PostOnly { price } => {
                if self.view.offer(order.side).is_some_and(|(best, _)| reaches(order.side, price, best)) {
                    return Err(rules::WOULD_TAKE);
                }
            }
            OrderKind::Stop { trigger } => {
                if self.view.last().is_some_and(|last| triggers(order.side, trigger, last)) {
                    return Err(rules::WOULD_TRIGGER);
                }
            }
        }
        let lock = funds::lock_of(order, order.qty, &self.rules, &self.view, &clearing.fees).ok_or(rules::NOTIONAL)?;
        if lock > clearing.account.free(funds::asset_of(&self.rules, order.side)) {
            return Err(rules::INSUFFICIENT);
        }
        Ok(lock)
    }

    /// Lets a new or newly set off order take what it can, and says where the rest of it stands.
    fn place(&mut self, at: Timestamp, live: &mut Live, clearing: &mut Clearing) {
        if live.must_fill_whole() && !self.could_fill(live) {
            return self.finish(live, Outcome::Expired, rules::FOK_UNFILLED, clearing);
        }
        let offered = self.view.offer(live.new.side).is_some();
        self.take(at, live, clearing);
        if live.standing == Standing::Done {
            return;
        }
        match live.new.kind {
            OrderKind::Market | OrderKind::Stop { .. } if offered => {
                live.standing = Standing::Taking { until: at.plus(PATIENCE) };
            }
            OrderKind::Market | OrderKind::Stop { .. } => {
                self.finish(live, Outcome::Expired, rules::NO_LIQUIDITY, clearing);
            }
            OrderKind::Limit { time_in_force: TimeInForce::GoodTillCancelled, price }
            | OrderKind::PostOnly { price } => self.rest(live, price),
            OrderKind::Limit { time_in_force: TimeInForce::ImmediateOrCancel, .. } => {
                self.finish(live, Outcome::Expired, rules::IOC_REST, clearing);
            }
            OrderKind::Limit { time_in_force: TimeInForce::FillOrKill, .. } => {
                self.finish(live, Outcome::Expired, rules::FOK_UNFILLED, clearing);
            }
        }
    }

    /// Puts the rest of a limit order into the book, unless there is more to take that is only not known yet.
    fn rest(&self, live: &mut Live, price: Price) {
        let side = live.new.side;
        live.standing = match self.view.offer(side) {
            None if self.view.is_partial() => Standing::Taking { until: Timestamp::MAX },
            None | Some(_) => Standing::Resting { ahead: self.view.queue(side, price) },
        };
    }

    fn could_fill(&self, live: &Live) -> bool {
        let mut left = live.remaining();
        for (price, offered) in self.view.offers(live.new.side) {
            if !live.accepts(price) || left.is_zero() {
                break;
            }
            left = left.minus(left.min(offered)).unwrap_or(Qty::ZERO);
        }
        left.is_zero()
    }

    /// Takes level by level what the order accepts and can pay for.
    fn take(&mut self, at: Timestamp, live: &mut Live, clearing: &mut Clearing) {
        let side = live.new.side;
        while live.standing != Standing::Done {
            let Some((price, offered)) = self.view.offer(side).filter(|(price, _)| live.accepts(*price)) else {
                return;
            };
            let wanted = live.remaining().min(offered);
            let qty = match side {
                Side::Buy => funds::affordable(wanted, price, live, &self.rules, clearing),
                Side::Sell => wanted,
            };
            if !qty.is_positive() {
                return self.finish(live, Outcome::Expired, rules::INSUFFICIENT, clearing);
            }
            self.view.take(side, price, qty);
            self.trade(at, live, (price, qty, Liquidity::Taker), clearing);
        }
    }

    /// Books one trade of an order and what it means for the rest of it.
    fn trade(&self, at: Timestamp, live: &mut Live, trade: (Price, Qty, Liquidity), clearing: &mut Clearing) {
        let (_, qty, _) = trade;
        let asset = funds::asset_of(&self.rules, live.new.side);
        // What the rest of a sale needs stays locked, or a fee in the very asset that is sold would eat into it.
        let spent = match live.new.side {
            Side::Buy => live.lock,
            Side::Sell => Notional::of_asset(qty).map_or(live.lock, |sold| sold.min(live.lock)),
        };
        clearing.account.unlock(asset, spent);
        live.lock = live.lock.minus(spent).expect("no more is spent than was locked");
        if clearing.fill(at, &self.rules, &live.new, trade).is_err() {
            return self.finish(live, Outcome::Expired, rules::TOO_LARGE, clearing);
        }
        live.filled = live.filled.plus(qty).expect("no more is filled than was ordered");
        if live.remaining().is_zero() {
            live.standing = Standing::Done;
            return clearing.complete(live.new.id);
        }
        if live.new.side == Side::Buy
            && let Some(lock) = funds::lock_of(&live.new, live.remaining(), &self.rules, &self.view, &clearing.fees)
        {
            live.lock = clearing.account.lock(asset, lock);
        }
    }

    fn finish(&self, live: &mut Live, outcome: Outcome, reason: &'static str, clearing: &mut Clearing) {
        clearing.account.unlock(funds::asset_of(&self.rules, live.new.side), std::mem::take(&mut live.lock));
        live.standing = Standing::Done;
        clearing.end(live.new.id, outcome, reason);
    }

    /// A new state of the book: orders that take go on, queues that shrank without trades shrink.
    fn meet_book(&mut self, at: Timestamp, clearing: &mut Clearing) {
        let mut live = std::mem::take(&mut self.live);
        for order in &mut live {
            match order.standing {
                Standing::Taking { .. } => {
                    self.take(at, order, clearing);
                    if let (true, Some(price)) = (order.standing != Standing::Done, order.limit()) {
                        self.rest(order, price);
                    }
                }
                Standing::Resting { ahead } => {
                    if let Some(price) = order.limit()
                        && let Some(queue) = self.view.queue(order.new.side, price)
                    {
                        let ahead = Some(ahead.map_or(queue, |ahead| ahead.min(queue)));
                        order.standing = Standing::Resting { ahead };
                    }
                }
                Standing::Waiting | Standing::Done => {}
            }
        }
        self.live = live;
    }

    /// A public trade: it feeds our resting orders at its price once their queue is through, and those it went through
    /// at once; never more than was traded.
    fn meet_trade(&mut self, at: Timestamp, trade: &Trade, clearing: &mut Clearing) {
        let mut live = std::mem::take(&mut self.live);
        for side in [Side::Buy, Side::Sell] {
            let mut reached: Vec<&mut Live> =
                live.iter_mut().filter(|order| order.new.side == side && order.meets(trade)).collect();
            // Best price first; orders of one price stay in the order of their arrival.
            reached.sort_by_key(|order| {
                let units = order.limit().map_or(0, Price::units);
                if side == Side::Buy { -units } else { units }
            });
            let mut used = Qty::ZERO;
            for order in reached {
                used = self.feed(at, order, trade, used, clearing);
            }
        }
        self.live = live;
    }

    /// Gives a resting order its part of a trade, of which `used` is gone; says how much is gone then.
    fn feed(&self, at: Timestamp, order: &mut Live, trade: &Trade, used: Qty, clearing: &mut Clearing) -> Qty {
        let (Standing::Resting { ahead }, Some(price)) = (order.standing, order.limit()) else { return used };
        let through = price != trade.price;
        let ahead = if through { Some(Qty::ZERO) } else { ahead };
        let Some(ahead) = ahead else { return used };
        let less = |from: Qty, by: Qty| from.minus(by).unwrap_or(Qty::ZERO).max(Qty::ZERO);
        order.standing = Standing::Resting { ahead: Some(less(ahead, trade.qty)) };
        let qty = less(less(trade.qty, ahead), used).min(order.remaining());
        if !qty.is_positive() {
            return used;
        }
        self.trade(at, order, (price, qty, Liquidity::Maker), clearing);
        used.plus(qty).unwrap_or(trade.qty)
    }

    /// Turns the stops that the last price has reached into market orders.
    fn trigger(&mut self, at: Timestamp, last: Price, clearing: &mut Clearing) {
        let mut live = std::mem::take(&mut self.live);
        for order in &mut live {
            if let (Standing::Waiting, OrderKind::Stop { trigger }) = (order.standing, order.new.kind)
                && triggers(order.new.side, trigger, last)
            {
                self.place(at, order, clearing);
            }
        }
        self.live = live;
    }
}

/// How long a market order waits for the next state of a book that it has emptied.
const PATIENCE: Span = Span::from_secs(3);

/// Live orders of one symbol.
const OPEN_ORDERS_MAX: usize = 200;
