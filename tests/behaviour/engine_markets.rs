//! What the engine makes of books, feeds, silence and fees in a third asset, and what it says of them.

use tradingbot::domain::event::{BookSnapshot, DepthUpdate, Trade};
use tradingbot::domain::{
    AccountEvent, Entry, EntryStyle, Event, ExitReason, Exits, Instrument, InstrumentId, LinkEvent, MarketEvent,
    OperatorRequest, OrderKind, Price, Purpose, Span, TradeId,
};
use tradingbot::engine::{Command, Notice};

use crate::support::desk::{Desk, btc, fill, money, price, qty, rate};

/// A desk whose entries rest at the best bid, so that they show what is known of it.
fn resting() -> Desk {
    Desk::with(|setup| setup.strategies[0].entry = EntryStyle::PostOnly { timeout: Span::HOUR })
}

fn book(desk: &mut Desk, last_update: u64, bid: &str) {
    let (bids, asks) = (vec![(price(bid), qty("1"))], vec![(price("102"), qty("1"))]);
    desk.apply(Event::Market(MarketEvent::Book(BookSnapshot { symbol: btc(), last_update, bids, asks })));
}

fn depth(desk: &mut Desk, first: u64, last: u64, bid: &str) {
    let (bids, asks, at) = (vec![(price(bid), qty("1"))], Vec::new(), desk.now());
    let update = DepthUpdate { symbol: btc(), first, last, previous: None, at, bids, asks };
    desk.apply(Event::Market(MarketEvent::Depth(update)));
}

/// At which bid the desk would rest an entry now.
fn bid(desk: &mut Desk) -> Option<Price> {
    for close in ["90", "90", "90", "101"] {
        desk.candle(close);
    }
    let order = desk.submitted()?;
    desk.account(AccountEvent::Rejected { id: order.id, reason: "no".to_owned() });
    match order.kind {
        OrderKind::PostOnly { price } => Some(price),
        _ => None,
    }
}

#[test]
fn an_entry_rests_at_the_best_bid_of_the_book_as_its_updates_left_it() {
    let mut desk = resting();
    assert_eq!(bid(&mut desk), None, "no book is known");
    book(&mut desk, 10, "100");
    assert_eq!(bid(&mut desk), Some(price("100")));
    depth(&mut desk, 11, 12, "100.5");
    assert_eq!(bid(&mut desk), Some(price("100.5")));
}

#[test]
fn a_book_with_a_missing_update_is_said_with_how_many_and_not_entered_on_before_a_new_one() {
    let mut desk = resting();
    book(&mut desk, 10, "100");
    depth(&mut desk, 11, 11, "100.1");
    depth(&mut desk, 15, 16, "100.5");
    assert_eq!(desk.commands, [Command::Notice(Notice::FeedGap { symbol: btc(), missed: Some(3) })]);
    assert_eq!(bid(&mut desk), None);
    book(&mut desk, 20, "100.7");
    assert_eq!(bid(&mut desk), Some(price("100.7")));
}

#[test]
fn a_snapshot_from_before_the_updates_is_said_without_a_number() {
    let mut desk = resting();
    depth(&mut desk, 15, 16, "100.5");
    book(&mut desk, 10, "100");
    assert_eq!(desk.commands, [Command::Notice(Notice::FeedGap { symbol: btc(), missed: None })]);
    assert_eq!(bid(&mut desk), None);
}

#[test]
fn a_book_is_not_known_any_more_once_its_feed_has_a_gap_or_is_down() {
    let gap = LinkEvent::Gap { symbol: btc(), missed: Some(7) };
    let notices = [Notice::FeedGap { symbol: btc(), missed: Some(7) }, Notice::FeedDown];
    for (event, notice) in [gap, LinkEvent::Down].into_iter().zip(notices) {
        let mut desk = resting();
        book(&mut desk, 10, "100");
        desk.apply(Event::Link(event));
        assert!(desk.commands.contains(&Command::Notice(notice)), "{:?}", desk.commands);
        assert_eq!(bid(&mut desk), None, "{:?}", desk.commands);
        book(&mut desk, 5, "100.2");
        assert_eq!(bid(&mut desk), Some(price("100.2")), "a book that is begun anew may have any number");
    }
}

#[test]
fn minutes_in_which_nothing_traded_are_candles_at_the_last_price() {
    let mut desk = Desk::new(Exits::default());
    desk.trade("90");
    desk.wait(180).trade("101");
    assert_eq!(desk.submitted(), None);
    desk.wait(60).trade("101");
    let entry = desk.submitted().expect("90 and two silent minutes make an average, which 101 crosses");
    assert_eq!(entry.purpose, Purpose::Enter);
}

#[test]
fn a_trade_of_a_minute_that_is_over_changes_the_last_price_and_no_candle() {
    let mut desk = Desk::new(Exits::default());
    desk.hold();
    desk.trade("102");
    desk.wait(60).trade("102");
    desk.wait(-60).trade("50");
    assert_eq!(desk.engine.snapshot().profit_today, Some(money("-247.995")), "4.95 * 50 + 0.495 at the last price");
    desk.wait(120).trade("102");
    assert_eq!(desk.submitted(), None, "a close of 50 would be under the average");
}

#[test]
fn a_stop_is_kept_when_it_has_moved_by_more_than_a_thousandth_of_itself() {
    let trailing = tradingbot::domain::Trailing { distance: rate("0.1"), offset: None, distance_before: None };
    let mut desk = Desk::new(Exits { trailing: Some(trailing), ..Exits::default() });
    desk.hold();
    let kept = |desk: &mut Desk, at: &str| {
        let guarded = |command: &Command| match command {
            Command::Record(Entry::Guarded { stop, highest, .. }) => Some((stop.to_string(), highest.to_string())),
            _ => None,
        };
        desk.trade(at).iter().find_map(guarded)
    };
    assert_eq!(kept(&mut desk, "100"), Some(("90".to_owned(), "100".to_owned())));
    assert_eq!(kept(&mut desk, "100.1"), None, "90.09, a thousandth more");
    assert_eq!(kept(&mut desk, "100.12"), Some(("90.11".to_owned(), "100.12".to_owned())));
    assert_eq!(kept(&mut desk, "100.12"), None);
}

/// A desk that may pay its fees in BNB, of which it holds two at 300.
fn with_bnb() -> Desk {
    let mut desk = Desk::with(|setup| {
        let bnb = Instrument::plain(
            "BNBUSDT".parse().unwrap(),
            "BNB".parse().unwrap(),
            "USDT".parse().unwrap(),
            rate("0.001"),
        );
        setup.instruments.push(bnb);
    });
    let symbol: InstrumentId = "BNBUSDT".parse().unwrap();
    let at = desk.now();
    desk.restore(Entry::Deposited { asset: "BNB".parse().unwrap(), amount: money("2") });
    let trade =
        Trade { symbol, id: TradeId(1), count: 1, price: price("300"), qty: qty("1"), buyer_is_maker: true, at };
    desk.apply(Event::Market(MarketEvent::Trade(trade)));
    desk
}

#[test]
fn a_fee_in_a_third_asset_is_paid_from_its_balance_and_costs_what_it_is_worth() {
    let mut desk = with_bnb();
    let order = desk.rise().unwrap();
    let mut bought = fill(&order, 1, "4.95", "101", desk.now());
    (bought.fee.asset, bought.fee.amount) = ("BNB".parse().unwrap(), money("0.002"));
    let before = desk.engine.account().equity();
    desk.account(AccountEvent::Filled(bought));
    assert_eq!(desk.engine.account().balance("BNB".parse().unwrap()), money("1.998"));
    assert_eq!(before.minus(desk.engine.account().equity()).unwrap(), money("0.6"), "0.002 BNB at 300");
    let exit = desk.fall().unwrap();
    assert_eq!(exit.qty, qty("4.95"), "nothing is taken from what was bought");
    desk.fill(&exit, 2, "4.95", "101");
    let trip = desk.commands.iter().find_map(|command| match command {
        Command::Record(Entry::Closed { trip }) => Some(trip.clone()),
        _ => None,
    });
    let trip = trip.expect("the round trip is told");
    assert_eq!((trip.fees, trip.profit), (money("1.09995"), money("-1.09995")), "0.6 in BNB and 0.49995");
}

#[test]
fn gains_and_losses_count_for_the_strategy_that_made_them() {
    let mut desk = Desk::new(Exits::default());
    for (trade, at) in [(10, "110"), (20, "90"), (30, "100")] {
        for close in ["90", "90", "90", "101"] {
            desk.candle(close);
        }
        let entry = desk.submitted().expect("the rule wishes to enter");
        desk.fill(&entry, trade, "4.95", "100");
        let exit = desk.fall().expect("the rule wishes to leave");
        desk.fill(&exit, trade + 1, "4.95", at);
    }
    let strategy = &desk.engine.snapshot().strategies[0];
    assert_eq!((strategy.closed, strategy.won), (3, 1), "what only pays its fees is no gain");
    assert_eq!(strategy.profit, money("-2.97"), "six fees, of 0.495 in the mean");
}

#[test]
fn what_is_held_is_told_with_since_when() {
    let mut desk = Desk::new(Exits::default());
    assert_eq!((desk.engine.is_holding(), desk.engine.held_since(btc())), (false, None));
    desk.hold();
    let since = desk.now();
    desk.wait(100).trade("100");
    assert_eq!((desk.engine.is_holding(), desk.engine.held_since(btc())), (true, Some(since)));
    assert_eq!(desk.engine.held_since("ETHUSDT".parse().unwrap()), None);
}

#[test]
fn closing_one_symbol_leaves_the_others_and_closing_all_leaves_none() {
    let eth: InstrumentId = "ETHUSDT".parse().unwrap();
    let mut desk = Desk::new(Exits::default());
    desk.hold();
    desk.operator(OperatorRequest::Close { instrument: eth });
    assert_eq!(desk.submitted(), None);
    let reason = ExitReason::ForceExit;
    desk.operator(OperatorRequest::Flatten { reason });
    assert_eq!(desk.submitted().map(|order| order.purpose), Some(Purpose::Exit(reason)));
    let asked = Command::Record(Entry::CloseAsked { by: "ann".to_owned(), symbol: None });
    assert_eq!(desk.commands.first(), Some(&asked));
}

#[test]
fn a_rule_that_warms_up_enters_on_the_first_candle_after_it() {
    let enters = |warm_up| {
        let mut desk = Desk::with(|setup| setup.strategies[0].warm_up = warm_up);
        desk.rise().is_some()
    };
    assert_eq!((enters(3), enters(4)), (true, false), "the fourth candle crosses the average");
}

#[test]
fn a_candle_that_is_not_newer_than_the_last_is_not_counted_again() {
    let mut desk = Desk::new(Exits::default());
    for close in ["90", "90", "90"] {
        desk.candle(close);
    }
    desk.wait(-60).candle("101");
    assert_eq!(desk.submitted(), None);
    desk.candle("101");
    assert!(desk.submitted().is_some());
}

#[test]
fn every_notice_says_what_it_is_about() {
    let id = "tb-00000009-0000000000000001-00".parse().unwrap();
    let asset = "USDT".parse().unwrap();
    let (reported, expected) = (money("1"), money("2"));
    for (notice, words) in [
        (Notice::FeedGap { symbol: btc(), missed: Some(3) }, "BTCUSDT: 3 updates missed"),
        (Notice::FeedGap { symbol: btc(), missed: None }, "BTCUSDT: an unknown number of updates missed"),
        (Notice::FeedDown, "market data has stopped"),
        (Notice::FeedUp, "market data flows"),
        (Notice::UnknownOrder { id, event: "filled" }, "tb-00000009-0000000000000001-00 is not known"),
        (Notice::BalanceDiffers { asset, reported, expected }, "reports 1 USDT, but deposits and fills add up to 2"),
        (Notice::Overflow, "too large to compute with"),
    ] {
        assert!(notice.to_string().contains(words), "{notice}");
    }
    let mut desk = Desk::with(|setup| setup.limits.order_notional_max = money("100"));
    desk.rise();
    let [Command::Notice(refused), ..] = &desk.commands[..] else { panic!("{:?}", desk.commands) };
    let refused = refused.to_string();
    assert!(
        refused.starts_with("ema: order ") && refused.contains("4.95 BTCUSDT refused: order-notional-max is 100"),
        "{refused}"
    );
}
