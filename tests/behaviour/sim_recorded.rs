//! The simulated exchange over a recorded market: what it fills could have been had there.

use tradingbot::domain::event::Trade;
use tradingbot::domain::{
    AccountEvent, Fill, Instrument, Liquidity, MarketEvent, Notional, OrderKind, Price, Rate, Rounding, Side,
    TimeInForce,
};
use tradingbot::market::BookSync;
use tradingbot::sim::{Sim, SimSettings};
use tradingbot::store::RecordingReader;

use crate::data::shared;
use crate::support::exchange::{asset, order, symbol};

#[test]
fn fills_are_at_prices_that_were_there() {
    let Some(file) = shared("data/streams/BTCUSDT-spot-20240808.jsonl.zst") else { return };
    let rules = Instrument {
        tick: "0.01".parse().unwrap(),
        lot: "0.00001".parse().unwrap(),
        ..Instrument::plain(symbol(), asset("BTC"), asset("USDT"), "0.001".parse().unwrap())
    };
    let start = [("BTC", "100"), ("USDT", "10000000")].map(|(name, text)| (asset(name), text.parse().unwrap()));
    let mut sim = Sim::new(SimSettings::plain(vec![rules], start.to_vec()));
    let mut sync = BookSync::new();
    let (mut number, mut takers, mut makers, mut fees) = (0, 0, 0, Notional::ZERO);
    let (mut bought, mut paid) = (Notional::ZERO, Notional::ZERO);
    for (place, recorded) in RecordingReader::open(&[file]).unwrap().enumerate() {
        let recorded = recorded.unwrap();
        follow(&mut sync, &recorded.event);
        let best = sync.book().and_then(|book| Some((book.best_bid()?.0, book.best_ask()?.0)));
        sim.observe(recorded.at, &recorded.event);
        let resting = read(&mut sim, recorded.at);
        if let (Some((bid, ask)), 0) = (best, place % 100) {
            number += 1;
            let side = if number % 2 == 0 { Side::Buy } else { Side::Sell };
            let (own, other) = if side == Side::Buy { (bid, ask) } else { (ask, bid) };
            let limit = |price| OrderKind::Limit { price, time_in_force: TimeInForce::GoodTillCancelled };
            let kind = if number % 3 == 0 { OrderKind::Market } else { limit(own) };
            sim.submit(recorded.at, &order(number, side, "0.01", kind));
            for fill in read(&mut sim, recorded.at) {
                // Never better than the best price; worse only by what our own orders took before.
                let better = if side == Side::Buy { fill.price < other } else { fill.price > other };
                assert!(!better && fill.price.distance(other).unwrap() < Rate::from_units(100_000), "{fill:?} {other}");
                assert_eq!(fill.liquidity, Liquidity::Taker);
                takers += 1;
                count(&fill, &mut bought, &mut paid, &mut fees);
            }
        }
        for fill in resting {
            let MarketEvent::Trade(trade) = &recorded.event else { panic!("{fill:?} without a trade") };
            assert!(reached(&fill, trade) && fill.qty <= trade.qty && fill.liquidity == Liquidity::Maker);
            makers += 1;
            count(&fill, &mut bought, &mut paid, &mut fees);
        }
    }
    println!("{number} orders: {takers} fills as taker, {makers} as maker");
    assert!(takers > 100 && makers > 100);
    let held: Vec<Notional> = sim.balances().map(|(_, total)| total).collect();
    assert_eq!(held[0], start[0].1.plus(bought).unwrap());
    assert_eq!(held[1], start[1].1.minus(paid).unwrap().minus(fees).unwrap());
}

fn follow(sync: &mut BookSync, event: &MarketEvent) {
    match event {
        MarketEvent::Book(book) => {
            sync.on_snapshot(book);
        }
        MarketEvent::Depth(update) => sync.on_update(update),
        _ => {}
    }
    while sync.step().is_some() {}
}

fn read(sim: &mut Sim, now: tradingbot::domain::Timestamp) -> Vec<Fill> {
    let mut fills = Vec::new();
    while let Some(event) = sim.next(now) {
        match event {
            AccountEvent::Filled(fill) => fills.push(fill),
            AccountEvent::Accepted { .. } | AccountEvent::Balance { .. } => {}
            _ => panic!("{event:?}"),
        }
    }
    fills
}

fn reached(fill: &Fill, trade: &Trade) -> bool {
    match fill.side {
        Side::Buy => trade.price <= fill.price,
        Side::Sell => trade.price >= fill.price,
    }
}

fn count(fill: &Fill, bought: &mut Notional, paid: &mut Notional, fees: &mut Notional) {
    let (qty, value) = (Notional::of_asset(fill.side.signed(fill.qty)).unwrap(), fill.value().unwrap());
    *bought = bought.plus(qty).unwrap();
    *paid = if fill.side == Side::Buy { paid.plus(value) } else { paid.minus(value) }.unwrap();
    assert_eq!(fill.fee.amount, value.scaled("0.001".parse().unwrap(), Rounding::Down).unwrap());
    assert_ne!(fill.price, Price::ZERO);
    *fees = fees.plus(fill.fee.amount).unwrap();
}
