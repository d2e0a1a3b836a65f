//! The engine: events in, commands out.

use tradingbot::domain::{
    AccountEvent, Entry, EntryStyle, Event, ExitReason, Exits, LinkEvent, OperatorRequest, OrderKind, Outcome, Purpose,
    Qty, RoiStep, Span, Trailing,
};
use tradingbot::engine::{Command, Notice};
use tradingbot::risk::Refusal;

use crate::support::desk::{Desk, btc, is_sell, money, price, qty, rate, strategy};

fn position(desk: &Desk) -> Qty {
    desk.engine.snapshot().positions.first().map_or(Qty::ZERO, |position| position.qty)
}

fn stop(distance: &str) -> Exits {
    Exits { stop_loss: Some(rate(distance)), ..Exits::default() }
}

#[test]
fn an_intent_is_written_right_before_it_is_sent() {
    let mut desk = Desk::new(Exits::default());
    let order = desk.rise().unwrap();
    let submit = desk.commands.iter().position(|command| matches!(command, Command::Submit(_))).unwrap();
    assert_eq!(desk.commands[submit - 1], Command::Record(Entry::Intended { order: order.clone() }));
    assert_eq!((order.kind, order.purpose), (OrderKind::Market, Purpose::Enter));
    assert_eq!(order.qty, qty("4.95"), "500 USDT at 101, in steps of 0.001");
}

#[test]
fn a_fill_counts_once_however_often_it_is_reported() {
    let mut desk = Desk::new(Exits::default());
    let order = desk.rise().unwrap();
    desk.accept(order.id);
    desk.fill(&order, 7, "2", "100");
    desk.fill(&order, 7, "2", "100");
    assert_eq!(position(&desk), qty("2"));
    desk.fill(&order, 8, "2.95", "100");
    desk.fill(&order, 7, "2", "100");
    let snapshot = desk.engine.snapshot();
    assert_eq!(position(&desk), qty("4.95"));
    assert!(snapshot.orders.is_empty());
    assert_eq!(snapshot.fills, 2);
    assert_eq!(snapshot.balances[1].total, money("9504.505"), "10000 - 495 - 0.495");
}

#[test]
fn a_second_entry_waits_for_the_first() {
    let mut desk = Desk::new(Exits::default());
    let order = desk.rise().unwrap();
    assert_eq!(desk.rise(), None, "an order is open");
    desk.fill(&order, 1, "4.95", "100");
    assert_eq!(desk.rise(), None, "a position is open");
}

#[test]
fn leaving_closes_the_round_trip_with_both_fees() {
    let mut desk = Desk::new(Exits::default());
    desk.hold();
    let exit = desk.fall().unwrap();
    assert!(is_sell(&exit));
    assert_eq!(exit.purpose, Purpose::Exit(ExitReason::ExitSignal));
    let commands = desk.fill(&exit, 1_001, "4.95", "110").to_vec();
    let trip = commands
        .iter()
        .find_map(|command| match command {
            Command::Record(Entry::Closed { trip }) => Some(trip.clone()),
            _ => None,
        })
        .unwrap();
    assert_eq!(trip.profit, money("48.4605"), "4.95 * (110 - 100) - 0.495 - 0.5445");
    assert_eq!(trip.fees, money("1.0395"));
    assert_eq!((trip.entry, trip.exit), (price("100"), price("110")));
    assert_eq!(desk.engine.account().equity(), money("10048.4605"));
    assert!(desk.engine.snapshot().positions.is_empty());
}

#[test]
fn the_stop_is_left_once_and_again_when_the_exit_dies() {
    let mut desk = Desk::new(stop("0.05"));
    desk.hold();
    desk.trade("95.01");
    assert_eq!(desk.submitted(), None);
    desk.trade("95");
    let exit = desk.submitted().unwrap();
    assert_eq!(exit.purpose, Purpose::Exit(ExitReason::StopLoss));
    desk.trade("94");
    assert_eq!(desk.submitted(), None, "one exit is enough");
    desk.account(AccountEvent::Rejected { id: exit.id, reason: "no".to_owned() });
    desk.wait(2).trade("93");
    let again = desk.submitted().unwrap();
    assert_ne!(again.id, exit.id);
    assert_eq!(again.qty, exit.qty);
}

#[test]
fn a_trailing_stop_rises_with_the_price_and_never_falls() {
    let trailing = Trailing { distance: rate("0.02"), offset: Some(rate("0.04")), distance_before: None };
    let mut desk = Desk::new(Exits { trailing: Some(trailing), ..stop("0.1") });
    desk.hold();
    for at in ["103", "101", "110", "108"] {
        desk.trade(at);
        assert_eq!(desk.submitted(), None, "at {at}");
    }
    assert_eq!(desk.engine.snapshot().positions[0].stop, Some(price("107.8")));
    desk.trade("107.8");
    assert_eq!(desk.submitted().unwrap().purpose, Purpose::Exit(ExitReason::TrailingStopLoss));
}

#[test]
fn profit_is_taken_by_age() {
    let step = |after: &str, profit: &str| RoiStep { after: after.parse().unwrap(), profit: rate(profit) };
    let mut desk = Desk::new(Exits { roi: vec![step("0s", "0.1"), step("1h", "0.01")], ..Exits::default() });
    desk.hold();
    desk.trade("105");
    assert_eq!(desk.submitted(), None);
    desk.wait(3_601).trade("101");
    assert_eq!(desk.submitted(), None, "fees make it less than 1 %");
    desk.trade("101.3");
    assert_eq!(desk.submitted().unwrap().purpose, Purpose::Exit(ExitReason::Roi));
}

#[test]
fn after_a_close_the_symbol_rests() {
    let mut desk = Desk::new(Exits { cooldown: Span::HOUR, ..Exits::default() });
    desk.hold();
    let exit = desk.fall().unwrap();
    desk.fill(&exit, 1_001, "4.95", "90");
    assert_eq!(desk.rise(), None);
    desk.wait(3_600);
    assert!(desk.rise().is_some());
}

#[test]
fn nothing_leaves_while_halted_and_resting_entries_are_ended() {
    let mut desk = Desk::with(|setup| {
        setup.strategies[0].entry = EntryStyle::PostOnly { timeout: Span::HOUR };
        setup.strategies[0].exits = stop("0.05");
    });
    let quote = tradingbot::domain::event::Quote {
        symbol: btc(),
        update: 1,
        bid: price("99.9"),
        bid_qty: qty("1"),
        ask: price("100"),
        ask_qty: qty("1"),
    };
    desk.apply(Event::Market(tradingbot::domain::MarketEvent::Quote(quote)));
    let entry = desk.rise().unwrap();
    assert_eq!(entry.kind, OrderKind::PostOnly { price: price("99.9") });
    desk.accept(entry.id);
    desk.fill(&entry, 1, "1", "99.9");
    let halt = OperatorRequest::Halt { reason: "drill".to_owned() };
    let commands = desk.operator(halt).to_vec();
    assert!(commands.contains(&Command::Record(Entry::Halted { by: "ann".to_owned(), reason: "drill".to_owned() })));
    assert!(commands.contains(&Command::Cancel { id: entry.id, symbol: btc() }));
    desk.account(AccountEvent::Ended {
        id: entry.id,
        outcome: Outcome::Cancelled,
        filled: Qty::ZERO,
        reason: String::new(),
    });
    desk.trade("50");
    assert_eq!(desk.submitted(), None, "not even the stop");
    assert!(matches!(desk.commands[..], [Command::Notice(Notice::Refused { refusal: Refusal::Halted, .. })]));
    desk.operator(OperatorRequest::Resume { reason: "over".to_owned() });
    desk.trade("50");
    assert!(desk.submitted().is_some());
}

#[test]
fn a_resting_entry_is_ended_after_its_time() {
    let mut desk = Desk::with(|setup| setup.strategies[0].entry = EntryStyle::PostOnly { timeout: Span::MINUTE });
    let quote = tradingbot::domain::event::Quote {
        symbol: btc(),
        update: 1,
        bid: price("99.9"),
        bid_qty: qty("1"),
        ask: price("100"),
        ask_qty: qty("1"),
    };
    desk.apply(Event::Market(tradingbot::domain::MarketEvent::Quote(quote)));
    let entry = desk.rise().unwrap();
    assert!(desk.commands.contains(&Command::WakeAt(desk.now().plus(Span::MINUTE))));
    desk.accept(entry.id);
    desk.wait(60).apply(Event::Timer);
    assert!(desk.commands.contains(&Command::Cancel { id: entry.id, symbol: btc() }));
}

#[test]
fn an_unanswered_order_freezes_its_symbol_and_is_asked_for_until_it_is_found() {
    let mut desk = Desk::new(stop("0.05"));
    desk.hold();
    desk.trade("90");
    let exit = desk.submitted().unwrap();
    desk.account(AccountEvent::Unanswered { id: exit.id });
    assert!(desk.engine.is_frozen(btc()));
    desk.trade("80");
    assert_eq!(desk.submitted(), None, "never sent twice");
    desk.wait(1).apply(Event::Timer);
    assert!(desk.commands.contains(&Command::Ask { id: exit.id, symbol: btc() }));
    desk.account(AccountEvent::NotFound { id: exit.id });
    assert!(desk.engine.is_frozen(btc()), "early on that proves nothing");
    desk.wait(3).apply(Event::Timer);
    desk.accept(exit.id);
    assert!(!desk.engine.is_frozen(btc()));
    desk.fill(&exit, 2_000, "4.95", "80");
    assert_eq!(position(&desk), Qty::ZERO);
}

#[test]
fn an_order_that_is_not_found_for_long_was_never_placed() {
    let mut desk = Desk::new(stop("0.05"));
    desk.hold();
    desk.trade("90");
    let exit = desk.submitted().unwrap();
    desk.account(AccountEvent::Unanswered { id: exit.id });
    desk.wait(15).account(AccountEvent::NotFound { id: exit.id });
    assert!(desk.engine.is_frozen(btc()));
    let commands = desk.wait(1).account(AccountEvent::NotFound { id: exit.id }).to_vec();
    assert!(matches!(commands.first(), Some(Command::Record(Entry::Ended { outcome: Outcome::NeverPlaced, .. }))));
    desk.wait(1).trade("90");
    assert!(desk.submitted().is_some(), "the stop still holds");
}

#[test]
fn more_filled_than_ordered_halts() {
    let mut desk = Desk::new(Exits::default());
    let order = desk.rise().unwrap();
    desk.fill(&order, 1, "5", "100");
    assert!(desk.engine.halted().unwrap().reason.contains("more filled than was ordered"));
}

#[test]
fn a_fill_of_a_stranger_halts() {
    let mut desk = Desk::new(Exits::default());
    let mut order = desk.rise().unwrap();
    order.id = "tb-00000009-0000000000000001-00".parse().unwrap();
    desk.fill(&order, 1, "1", "100");
    assert!(desk.engine.halted().unwrap().reason.contains("not known"));
}

#[test]
fn a_ledger_that_fails_halts() {
    let mut desk = Desk::new(Exits::default());
    desk.apply(Event::Link(LinkEvent::LedgerFailed { reason: "disk full".to_owned() }));
    assert!(desk.engine.halted().unwrap().reason.contains("disk full"));
    assert_eq!(desk.rise(), None);
}

#[test]
fn a_fee_in_the_base_asset_leaves_less_to_sell() {
    let mut desk = Desk::new(Exits::default());
    let order = desk.rise().unwrap();
    let mut fill = crate::support::desk::fill(&order, 1, "4.95", "100", desk.now());
    fill.fee.asset = "BTC".parse().unwrap();
    fill.fee.amount = money("0.00495");
    desk.account(AccountEvent::Filled(fill));
    assert_eq!(position(&desk), qty("4.94505"));
    let exit = desk.fall().unwrap();
    assert_eq!(exit.qty, qty("4.945"), "in steps of 0.001");
    let commands = desk.fill(&exit, 2, "4.945", "100").to_vec();
    assert!(commands.iter().any(|command| matches!(command, Command::Record(Entry::Closed { .. }))));
    let dust = desk.engine.snapshot().balances;
    assert_eq!(dust[0].total, money("0.00005"), "what is too little to sell stays in the balance");
}

#[test]
fn two_strategies_cannot_break_a_limit_together() {
    let mut desk = Desk::with(|setup| {
        setup.strategies.push(strategy("ema2"));
        setup.limits.exposure_max = money("800");
    });
    desk.rise();
    let submits = desk.commands.iter().filter(|command| matches!(command, Command::Submit(_))).count();
    assert_eq!(submits, 1, "two entries of 500 would be 1000");
    let refused = desk.commands.iter().any(|command| {
        matches!(
            command,
            Command::Notice(Notice::Refused { refusal: Refusal::Value { limit: "exposure-max", .. }, .. })
        )
    });
    assert!(refused);
}

#[test]
fn a_paused_strategy_only_leaves() {
    let mut desk = Desk::new(Exits::default());
    desk.operator(OperatorRequest::Pause { strategy: "ema".parse().unwrap() });
    assert_eq!(desk.rise(), None);
    desk.operator(OperatorRequest::Unpause { strategy: "ema".parse().unwrap() });
    desk.hold();
    desk.operator(OperatorRequest::Pause { strategy: "ema".parse().unwrap() });
    assert!(desk.fall().is_some());
}

#[test]
fn an_operator_closes_a_position() {
    let mut desk = Desk::new(Exits::default());
    desk.hold();
    desk.operator(OperatorRequest::Close { instrument: btc() });
    assert_eq!(desk.submitted().unwrap().purpose, Purpose::Exit(ExitReason::Operator));
}

#[test]
fn entries_alone_rebuild_orders_positions_and_balances() {
    let trailing = Trailing { distance: rate("0.02"), offset: None, distance_before: None };
    let mut desk = Desk::new(Exits { trailing: Some(trailing), ..stop("0.1") });
    desk.hold();
    desk.trade("120");
    desk.operator(OperatorRequest::Halt { reason: "drill".to_owned() });
    let (mut before, mut after) = (desk.engine.snapshot(), desk.reborn().snapshot());
    assert_eq!(after.positions[0].stop, Some(price("117.6")), "a raised stop survives");
    assert_eq!(after.halt, before.halt);
    for view in [&mut before, &mut after] {
        view.seq = tradingbot::domain::Seq(0);
        view.markets.clear();
        (view.positions[0].last, view.positions[0].profit) = (None, None);
        (view.equity, view.equity_peak, view.profit_today, view.drawdown) = (None, money("0"), None, None);
        view.strategies.iter_mut().for_each(|strategy| strategy.warming_up.clear());
    }
    assert_eq!(before, after);
}

#[test]
fn an_order_in_flight_at_a_crash_is_asked_for_and_not_sent_again() {
    let mut desk = Desk::new(Exits::default());
    let order = desk.rise().unwrap();
    let mut engine = desk.reborn();
    let mut commands = Vec::new();
    engine.recover(desk.now(), &mut commands);
    assert!(commands.contains(&Command::Record(Entry::Unanswered { id: order.id })));
    assert!(engine.is_frozen(btc()));
    assert!(!commands.iter().any(|command| matches!(command, Command::Submit(_))));
}
