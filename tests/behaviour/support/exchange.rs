//! A simulated exchange to drive by hand: what tests of it and of the practice market share.

use tradingbot::domain::event::{BookSnapshot, DepthUpdate, Level, Quote, Trade};
use tradingbot::domain::{
    AccountEvent, Asset, ClientOrderId, Instrument, InstrumentId, MarketEvent, NewOrder, Notional, OrderKind, Purpose,
    RunId, Seq, Side, Span, TimeInForce, Timestamp, TradeId,
};
use tradingbot::sim::{Sim, SimSettings};

/// BTCUSDT with a tick of 0.1, a lot of 0.001, a least value of 5, and fees of 0.1 % maker and 0.2 % taker.
pub fn bitcoin() -> Instrument {
    Instrument {
        id: symbol(),
        base: asset("BTC"),
        quote: asset("USDT"),
        tick: "0.1".parse().unwrap(),
        lot: "0.001".parse().unwrap(),
        qty_min: "0.001".parse().unwrap(),
        qty_max: "1000".parse().unwrap(),
        notional_min: "5".parse().unwrap(),
        fee_maker: "0.001".parse().unwrap(),
        fee_taker: "0.002".parse().unwrap(),
    }
}

pub fn symbol() -> InstrumentId {
    "BTCUSDT".parse().unwrap()
}

pub fn asset(text: &str) -> Asset {
    text.parse().unwrap()
}

pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

pub fn id(number: u64) -> ClientOrderId {
    ClientOrderId::derive(RunId(1), Seq(number), 0)
}

/// 10,000 USDT and 10 BTC.
pub fn settings() -> SimSettings {
    let balances = [("BTC", "10"), ("USDT", "10000")];
    let balances = balances.map(|(name, amount)| (asset(name), amount.parse::<Notional>().unwrap()));
    SimSettings::plain(vec![bitcoin()], balances.to_vec())
}

pub fn order(number: u64, side: Side, qty: &str, kind: OrderKind) -> NewOrder {
    let (strategy, purpose) = ("test".parse().unwrap(), Purpose::Enter);
    NewOrder { id: id(number), strategy, symbol: symbol(), side, qty: qty.parse().unwrap(), kind, purpose }
}

pub fn limit(price: &str) -> OrderKind {
    OrderKind::Limit { price: price.parse().unwrap(), time_in_force: TimeInForce::GoodTillCancelled }
}

pub fn limit_for(price: &str, time_in_force: TimeInForce) -> OrderKind {
    OrderKind::Limit { price: price.parse().unwrap(), time_in_force }
}

pub fn stop(trigger: &str) -> OrderKind {
    OrderKind::Stop { trigger: trigger.parse().unwrap() }
}

pub fn post_only(price: &str) -> OrderKind {
    OrderKind::PostOnly { price: price.parse().unwrap() }
}

pub fn levels(text: &[(&str, &str)]) -> Vec<Level> {
    text.iter().map(|(price, qty)| (price.parse().unwrap(), qty.parse().unwrap())).collect()
}

pub fn book(last_update: u64, bids: &[(&str, &str)], asks: &[(&str, &str)]) -> MarketEvent {
    MarketEvent::Book(BookSnapshot { symbol: symbol(), last_update, bids: levels(bids), asks: levels(asks) })
}

pub fn depth(update: u64, bids: &[(&str, &str)], asks: &[(&str, &str)]) -> MarketEvent {
    let (bids, asks) = (levels(bids), levels(asks));
    let (first, last, at) = (update, update, Timestamp::ZERO);
    MarketEvent::Depth(DepthUpdate { symbol: symbol(), first, last, previous: None, at, bids, asks })
}

pub fn quote((bid, bid_qty): (&str, &str), (ask, ask_qty): (&str, &str)) -> MarketEvent {
    MarketEvent::Quote(Quote {
        symbol: symbol(),
        update: 1,
        bid: bid.parse().unwrap(),
        bid_qty: bid_qty.parse().unwrap(),
        ask: ask.parse().unwrap(),
        ask_qty: ask_qty.parse().unwrap(),
    })
}

/// A trade in which the seller came to a resting buyer.
pub fn sold(price: &str, qty: &str) -> MarketEvent {
    trade(price, qty, true)
}

/// A trade in which the buyer came to a resting seller.
pub fn bought(price: &str, qty: &str) -> MarketEvent {
    trade(price, qty, false)
}

fn trade(price: &str, qty: &str, buyer_is_maker: bool) -> MarketEvent {
    MarketEvent::Trade(Trade {
        symbol: symbol(),
        id: TradeId(1),
        count: 1,
        price: price.parse().unwrap(),
        qty: qty.parse().unwrap(),
        buyer_is_maker,
        at: Timestamp::ZERO,
    })
}

/// An exchange without latency and its clock.
pub struct Desk {
    pub sim: Sim,
    pub now: Timestamp,
}

impl Desk {
    pub fn new(settings: SimSettings) -> Self {
        Self { sim: Sim::new(settings), now: at(0) }
    }

    /// 10 at 100 and 20 at 99 to sell to; 1 at 101, 2 at 102 and 3 at 104 to buy from.
    pub fn with_book() -> Self {
        let mut desk = Self::new(settings());
        let asks = [("101", "1"), ("102", "2"), ("104", "3")];
        assert!(desk.see(&book(1, &[("100", "10"), ("99", "20")], &asks)).is_empty());
        assert!(desk.see(&bought("101", "0.5")).is_empty());
        desk
    }

    pub fn see(&mut self, event: &MarketEvent) -> Vec<String> {
        self.sim.observe(self.now, event);
        self.heard()
    }

    pub fn submit(&mut self, order: &NewOrder) -> Vec<String> {
        self.sim.submit(self.now, order);
        self.heard()
    }

    pub fn cancel(&mut self, number: u64) -> Vec<String> {
        self.sim.cancel(self.now, id(number), symbol());
        self.heard()
    }

    pub fn ask(&mut self, number: u64) -> Vec<String> {
        self.sim.ask(self.now, id(number), symbol());
        self.heard()
    }

    pub fn wait(&mut self, millis: i64) -> Vec<String> {
        self.now = self.now.plus(Span::from_millis(millis));
        self.heard()
    }

    /// All events that have come, each in one short line.
    pub fn heard(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.sim.next(self.now)).map(|event| line(&event)).collect()
    }

    pub fn total(&self, name: &str) -> String {
        let found = self.sim.balances().find(|(asset, _)| asset.as_str() == name);
        found.map_or_else(|| "0".to_owned(), |(_, total)| total.to_string())
    }
}

fn line(event: &AccountEvent) -> String {
    let number = |id: &ClientOrderId| id.seq().0;
    match event {
        AccountEvent::Accepted { id, .. } => format!("{} accepted", number(id)),
        AccountEvent::Rejected { id, reason } => format!("{} rejected: {reason}", number(id)),
        AccountEvent::Filled(fill) => format!(
            "{} {:?} {} at {} as {:?}, fee {} {}",
            number(&fill.order),
            fill.side,
            fill.qty,
            fill.price,
            fill.liquidity,
            fill.fee.amount,
            fill.fee.asset
        ),
        AccountEvent::Ended { id, outcome, reason, .. } => {
            format!("{} {outcome:?} {reason}", number(id)).trim().to_owned()
        }
        AccountEvent::CancelRefused { id, reason } => format!("{} cancel refused: {reason}", number(id)),
        AccountEvent::Unanswered { id } => format!("{} unanswered", number(id)),
        AccountEvent::NotFound { id } => format!("{} not found", number(id)),
        AccountEvent::Balance { asset, total } => format!("{asset} {total}"),
    }
}
