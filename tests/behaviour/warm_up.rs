//! What a life knows of the time before it, and what it says while it does not know enough.

use tradingbot::domain::event::{Quote, Trade};
use tradingbot::domain::snapshot::WarmUpView;
use tradingbot::domain::{Event, Exits, MarketEvent, Seq, Stamped, Timestamp, TradeId};
use tradingbot::strategy::Rule;

use crate::support::desk::{Desk, btc, price, qty};

fn at(second: i64) -> Timestamp {
    Timestamp::from_nanos((1_700_000_040 + second) * 1_000_000_000)
}

/// An engine whose life began at second 300, five whole minutes in.
fn began() -> Desk {
    let mut desk = Desk::with(|setup| {
        setup.strategies[0].rule = Rule::named("donchian-breakout", &[("period", 2)]).unwrap();
        setup.strategies[0].warm_up = 2;
        setup.strategies[0].exits = Exits::default();
    });
    let mut commands = Vec::new();
    desk.engine.recover(at(300), &mut commands);
    assert_eq!(commands, []);
    desk
}

fn trade(desk: &mut Desk, second: i64, at_price: &str) -> usize {
    let trade = Trade {
        symbol: btc(),
        id: TradeId(u64::try_from(second + 1).unwrap()),
        count: 1,
        price: price(at_price),
        qty: qty("1"),
        buyer_is_maker: false,
        at: at(second),
    };
    show(desk, second, MarketEvent::Trade(trade))
}

/// Shows an event; how many commands came of it.
fn show(desk: &mut Desk, second: i64, event: MarketEvent) -> usize {
    let mut commands = Vec::new();
    let stamped = Stamped { seq: Seq(1), at: at(second), event: Event::Market(event) };
    desk.engine.apply(&stamped, &mut commands);
    commands.len()
}

fn warming_up(desk: &Desk) -> Vec<(u32, u32, Option<Timestamp>)> {
    let of = |one: &WarmUpView| (one.seen, one.needed, one.ready);
    desk.engine.snapshot().strategies[0].warming_up.iter().map(of).collect()
}

#[test]
fn nothing_is_shown_of_a_market_before_it_was_heard_of() {
    let desk = Desk::new(Exits::default());
    let market = desk.engine.snapshot().markets[0].clone();
    assert_eq!((market.last, market.heard, market.stale), (None, None, true));
    let mut desk = Desk::new(Exits::default());
    desk.hold();
    let mut reborn = desk.reborn();
    reborn.recover(desk.now(), &mut Vec::new());
    let snapshot = reborn.snapshot();
    let held = &snapshot.positions[0];
    assert_eq!((held.last, held.profit, held.entry.is_some()), (None, None, true), "a price of another life is none");
    assert_eq!((snapshot.equity, snapshot.drawdown, snapshot.profit_today), (None, None, None));
    desk.engine = reborn;
    desk.trade("101");
    let snapshot = desk.engine.snapshot();
    assert_eq!(snapshot.positions[0].last, Some(price("101")));
    assert!(snapshot.equity.is_some() && snapshot.profit_today.is_some() && snapshot.drawdown.is_some());
    assert_eq!(snapshot.markets[0].heard, Some(desk.now()));
}

#[test]
fn what_happened_before_this_life_warms_up_and_does_nothing_else() {
    let mut desk = began();
    for (second, at_price) in [(0, "100"), (60, "100"), (120, "100"), (180, "150"), (240, "170"), (299, "180")] {
        assert_eq!(trade(&mut desk, second, at_price), 0, "no order, no mark, no word");
    }
    let quote =
        Quote { symbol: btc(), update: 1, bid: price("179"), bid_qty: qty("1"), ask: price("181"), ask_qty: qty("1") };
    assert_eq!(show(&mut desk, 299, MarketEvent::Quote(quote)), 0);
    let snapshot = desk.engine.snapshot();
    assert_eq!((snapshot.markets[0].last, snapshot.markets[0].heard), (None, None));
    assert_eq!((snapshot.markets[0].bid, snapshot.at), (Some(price("179")), at(300)));
    assert_eq!(warming_up(&desk), [], "four candles were seen, and it takes three");
    // The candle that began before this life and is over in it counts in full.
    assert!(trade(&mut desk, 301, "190") > 0, "the breakout of the last candle is acted on in this life");
    assert_eq!(desk.engine.snapshot().markets[0].last, Some(price("190")));
}

#[test]
fn a_strategy_that_has_seen_too_little_says_from_when_on_it_may_enter() {
    let mut desk = began();
    assert_eq!(warming_up(&desk), [(0, 3, None)], "whether the market will be heard of is not known");
    trade(&mut desk, 330, "100");
    assert_eq!(warming_up(&desk), [(0, 3, Some(at(480)))], "the candle in the making and two more");
    trade(&mut desk, 365, "100");
    assert_eq!(warming_up(&desk), [(1, 3, Some(at(480)))]);
    trade(&mut desk, 470, "100");
    assert_eq!(warming_up(&desk), [(2, 3, Some(at(480)))]);
    // Nothing trades for long: it is the candle of now that may be the last.
    let quote =
        Quote { symbol: btc(), update: 1, bid: price("99"), bid_qty: qty("1"), ask: price("101"), ask_qty: qty("1") };
    show(&mut desk, 555, MarketEvent::Quote(quote));
    assert_eq!(warming_up(&desk), [(2, 3, Some(at(600)))]);
    trade(&mut desk, 601, "100");
    assert_eq!(warming_up(&desk), []);
}
