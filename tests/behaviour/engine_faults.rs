//! What the simulation found in the engine once, each told in a few events.

use tradingbot::domain::event::{Quote, Trade};
use tradingbot::domain::{
    AccountEvent, Entry, EntryStyle, Event, ExchangeOrderId, ExitReason, Exits, LinkEvent, MarketEvent, NewOrder,
    OperatorRequest, OrderKind, Outcome, Purpose, RunId, Seq, Side, Span, TradeId,
};
use tradingbot::engine::{Command, Notice};

use crate::support::desk::{Desk, btc, fill, is_sell, money, price, qty};

fn meant(number: u64, side: Side, amount: &str) -> NewOrder {
    NewOrder {
        id: tradingbot::domain::ClientOrderId::derive(RunId(0), Seq(number), 0),
        strategy: "ema".parse().unwrap(),
        symbol: btc(),
        side,
        qty: qty(amount),
        kind: OrderKind::Market,
        purpose: if side == Side::Buy { Purpose::Enter } else { Purpose::Exit(ExitReason::ExitSignal) },
    }
}

/// An order of an earlier life and its only fill.
fn lived(desk: &mut Desk, number: u64, side: Side, amount: &str, at: &str) {
    let order = meant(number, side, amount);
    desk.restore(Entry::Intended { order: order.clone() });
    let fill = fill(&order, number, amount, at, desk.now());
    desk.restore(Entry::Filled { fill });
}

fn close(desk: &mut Desk) -> Option<NewOrder> {
    desk.operator(OperatorRequest::Close { instrument: btc() });
    desk.submitted()
}

fn reject(desk: &mut Desk, order: &NewOrder) {
    desk.account(AccountEvent::Rejected { id: order.id, reason: "overloaded".to_owned() });
}

fn closed(desk: &Desk) -> bool {
    desk.commands.iter().any(|command| matches!(command, Command::Record(Entry::Closed { .. })))
}

#[test]
fn replaying_a_ledger_makes_no_peak_that_never_was() {
    let mut desk = Desk::new(Exits::default());
    lived(&mut desk, 1, Side::Buy, "1", "200");
    lived(&mut desk, 2, Side::Sell, "1", "200");
    lived(&mut desk, 3, Side::Buy, "10", "100");
    assert!(desk.engine.account().peak() <= money("10000"), "{}", desk.engine.account().peak());
    desk.engine.recover(desk.now(), &mut Vec::new());
    desk.trade("90");
    assert_eq!(desk.engine.account().equity().to_string(), "9898.6", "cash less fees, and ten at 90");
    assert!(desk.engine.account().peak() <= money("10000"));
}

#[test]
fn a_gain_that_was_never_marked_is_the_peak_when_nothing_is_held() {
    let mut desk = Desk::new(Exits::default());
    lived(&mut desk, 1, Side::Buy, "1", "100");
    lived(&mut desk, 2, Side::Sell, "1", "200");
    desk.engine.recover(desk.now(), &mut Vec::new());
    assert_eq!(desk.engine.account().peak(), desk.engine.account().equity());
    assert!(desk.engine.account().peak() > money("10000"));
}

#[test]
fn nothing_is_entered_or_marked_before_all_that_is_held_has_a_price() {
    let mut desk = Desk::new(Exits::default());
    lived(&mut desk, 1, Side::Buy, "10", "100");
    desk.engine.recover(desk.now(), &mut Vec::new());
    let marked =
        |desk: &Desk| desk.commands.iter().any(|command| matches!(command, Command::Record(Entry::Marked { .. })));
    desk.apply(Event::Link(LinkEvent::Up));
    assert!(!marked(&desk));
    desk.trade("100");
    assert!(marked(&desk));
}

#[test]
fn orders_of_an_earlier_life_count_for_the_pace() {
    let mut desk = Desk::with(|setup| setup.limits.orders_per_day = 2);
    lived(&mut desk, 1, Side::Buy, "1", "100");
    lived(&mut desk, 2, Side::Sell, "1", "100");
    assert_eq!(desk.rise(), None);
    let refused =
        |command: &Command| matches!(command, Command::Notice(Notice::Refused { refusal, .. }) if refusal.passes());
    assert!(desk.commands.iter().any(refused), "{:?}", desk.commands);
}

#[test]
fn data_is_as_old_as_the_exchange_says_however_late_it_comes() {
    let mut desk = Desk::new(Exits::default());
    let made = desk.now().minus(Span::MINUTE);
    let (symbol, id) = (btc(), TradeId(1));
    let late = Trade { symbol, id, count: 1, price: price("100"), qty: qty("1"), buyer_is_maker: false, at: made };
    desk.apply(Event::Market(MarketEvent::Trade(late)));
    assert!(desk.engine.snapshot().markets[0].stale);
    assert_eq!(desk.rise(), None, "what brings no time of its own is as late");
    desk.trade("100");
    assert!(!desk.engine.snapshot().markets[0].stale);
}

#[test]
fn a_round_trip_is_told_when_its_entry_ends_after_its_exit() {
    let mut desk = Desk::new(Exits::default());
    let entry = desk.rise().unwrap();
    desk.accept(entry.id);
    desk.fill(&entry, 1, "2", "100");
    let exit = close(&mut desk).unwrap();
    desk.accept(exit.id);
    desk.fill(&exit, 2, "2", "110");
    assert!(!closed(&desk), "more may still come in");
    desk.account(AccountEvent::Ended {
        id: entry.id,
        outcome: Outcome::Cancelled,
        filled: qty("2"),
        reason: String::new(),
    });
    assert!(closed(&desk));
    assert_eq!(desk.engine.snapshot().strategies[0].profit.to_string(), "19.58");
    let mut reborn = desk.reborn().snapshot().strategies;
    // What it has earned it knows again; candles it has not seen any yet.
    reborn[0].warming_up.clear();
    assert_eq!(reborn, desk.engine.snapshot().strategies);
}

#[test]
fn a_wish_to_leave_holds_until_nothing_is_held() {
    let mut desk = Desk::new(Exits::default());
    desk.hold();
    let exit = close(&mut desk).unwrap();
    reject(&mut desk, &exit);
    desk.trade("100");
    assert_eq!(desk.submitted(), None, "not at once: an exchange bans who asks too often");
    desk.wait(1).trade("100");
    let again = desk.submitted().expect("it is tried again");
    assert!(is_sell(&again) && again.id != exit.id);
    reject(&mut desk, &again);
    let mut reborn = desk.reborn();
    let mut commands = Vec::new();
    reborn.recover(desk.now(), &mut commands);
    desk.engine = reborn;
    desk.wait(1).trade("100");
    assert!(desk.submitted().is_some_and(|order| is_sell(&order)), "a restart does not forget it");
}

#[test]
fn an_entry_that_turns_out_to_rest_while_halted_is_cancelled() {
    let mut desk = Desk::with(|setup| setup.strategies[0].entry = EntryStyle::PostOnly { timeout: Span::HOUR });
    let (bid, ask, update) = (price("100"), price("101"), 1);
    let quote = Quote { symbol: btc(), update, bid, bid_qty: qty("1"), ask, ask_qty: qty("1") };
    desk.apply(Event::Market(MarketEvent::Quote(quote)));
    let entry = desk.rise().unwrap();
    desk.account(AccountEvent::Unanswered { id: entry.id });
    desk.operator(OperatorRequest::Halt { reason: "drill".to_owned() });
    desk.accept(entry.id);
    let cancelled = |command: &Command| matches!(command, Command::Cancel { id, .. } if *id == entry.id);
    assert!(desk.commands.iter().any(cancelled), "{:?}", desk.commands);
}

#[test]
fn an_order_that_was_taken_and_is_not_found_halts() {
    let mut desk = Desk::new(Exits::default());
    let entry = desk.rise().unwrap();
    desk.account(AccountEvent::Accepted { id: entry.id, exchange_id: ExchangeOrderId(1) });
    desk.account(AccountEvent::Unanswered { id: entry.id });
    desk.account(AccountEvent::NotFound { id: entry.id });
    assert!(desk.engine.halted().is_none(), "early on that proves nothing");
    desk.wait(20).account(AccountEvent::NotFound { id: entry.id });
    assert!(desk.engine.halted().is_some());
    assert!(desk.engine.snapshot().orders.is_empty());
}

#[test]
fn a_live_order_of_which_nothing_is_heard_is_asked_for() {
    let mut desk = Desk::new(Exits::default());
    let entry = desk.rise().unwrap();
    desk.accept(entry.id);
    desk.wait(9).apply(Event::Timer);
    let asked =
        |desk: &Desk| desk.commands.iter().any(|command| matches!(command, Command::Ask { id, .. } if *id == entry.id));
    assert!(!asked(&desk));
    desk.wait(1).apply(Event::Timer);
    assert!(asked(&desk));
}

#[test]
fn a_cancel_that_is_refused_leaves_an_order_to_ask_for() {
    let mut desk = Desk::new(Exits::default());
    let entry = desk.rise().unwrap();
    desk.accept(entry.id);
    desk.operator(OperatorRequest::Cancel { id: entry.id });
    desk.account(AccountEvent::CancelRefused { id: entry.id, reason: "unknown order".to_owned() });
    assert!(desk.engine.is_frozen(btc()));
    desk.wait(1).apply(Event::Timer);
    assert!(desk.commands.iter().any(|command| matches!(command, Command::Ask { id, .. } if *id == entry.id)));
}

#[test]
fn what_is_worth_less_than_the_exchange_takes_is_no_position() {
    let mut desk = Desk::new(Exits::default());
    let held = desk.hold();
    let exit = close(&mut desk).unwrap();
    desk.accept(exit.id);
    let sold = held.qty.minus(qty("0.049")).unwrap().to_string();
    desk.fill(&exit, 2, &sold, "100");
    desk.account(AccountEvent::Ended {
        id: exit.id,
        outcome: Outcome::Expired,
        filled: qty(&sold),
        reason: String::new(),
    });
    assert!(closed(&desk));
    assert!(desk.engine.snapshot().positions.is_empty());
}

#[test]
fn an_order_that_ended_with_fills_that_never_came_is_asked_for() {
    let mut desk = Desk::new(Exits::default());
    let entry = desk.rise().unwrap();
    desk.accept(entry.id);
    let ended =
        AccountEvent::Ended { id: entry.id, outcome: Outcome::Cancelled, filled: qty("2"), reason: String::new() };
    desk.account(ended.clone());
    assert_eq!(desk.engine.snapshot().orders.len(), 1, "it has ended, but not for us");
    desk.wait(1).apply(Event::Timer);
    assert!(desk.commands.iter().any(|command| matches!(command, Command::Ask { id, .. } if *id == entry.id)));
    desk.fill(&entry, 1, "2", "100");
    desk.account(ended);
    assert!(desk.engine.snapshot().orders.is_empty());
    assert_eq!(desk.engine.snapshot().positions[0].qty, qty("2"));
}
