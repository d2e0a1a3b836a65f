//! Limits of pace delay an exit and never lose it, and it goes in front of entries.

use tradingbot::domain::{Event, ExitReason, Exits, Limits, Purpose, Rule, Side, Timestamp};
use tradingbot::engine::{Command, Notice};
use tradingbot::risk::Refusal;

use crate::support::desk::{Desk, rate, strategy};

/// Holds, with one order a minute and the stop at 90.
fn slow() -> Desk {
    let mut desk = Desk::with(|setup| {
        setup.limits.orders_per_minute = 1;
        setup.strategies[0].exits = Exits { stop_loss: Some(rate("0.1")), ..Exits::default() };
        setup.strategies.push(strategy("breakout"));
        setup.strategies[1].rule = Rule::DonchianBreakout { period: 3 };
    });
    desk.hold();
    desk
}

fn wakes(commands: &[Command]) -> Vec<Timestamp> {
    let wake = |command: &Command| match command {
        Command::WakeAt(at) => Some(*at),
        _ => None,
    };
    commands.iter().filter_map(wake).collect()
}

#[test]
fn a_stop_that_came_too_soon_is_left_when_there_is_room_and_not_before() {
    let mut desk = slow();
    let entered = desk.now();
    desk.wait(2).trade("89");
    assert!(matches!(desk.commands[..], [Command::Notice(Notice::Refused { refusal: Refusal::Pace { .. }, .. }), ..]));
    desk.wait(57).apply(Event::Timer);
    assert_eq!(desk.submitted(), None, "59 seconds after the entry");
    desk.wait(1).apply(Event::Timer);
    let exit = desk.submitted().expect("a minute after the entry");
    assert_eq!((exit.side, exit.purpose), (Side::Sell, Purpose::Exit(ExitReason::StopLoss)));
    assert_eq!(desk.now().since(entered).nanos(), 60_000_000_000);
}

#[test]
fn whoever_drives_is_asked_to_call_back_when_there_is_room() {
    let mut desk = slow();
    let room = Timestamp::from_nanos(desk.now().nanos() + 60_000_000_000);
    // Asked for when the entry went out, in case nothing is heard of it.
    let mut asked = vec![Timestamp::from_nanos(desk.now().nanos() + 10_000_000_000)];
    desk.wait(2).trade("89");
    asked.extend(wakes(&desk.commands));
    while desk.submitted().is_none() {
        let next = asked.iter().copied().min().expect("nobody asks to be called back");
        asked.retain(|at| *at > next);
        desk.wait(next.since(desk.now()).nanos() / 1_000_000_000).apply(Event::Timer);
        asked.extend(wakes(&desk.commands));
    }
    assert_eq!(desk.now(), room);
}

#[test]
fn an_exit_that_waits_goes_in_front_of_an_entry_of_the_same_event() {
    let mut desk = slow();
    desk.trade("89");
    desk.candle("102");
    let sent = desk.submitted().expect("a minute has passed");
    assert_eq!(sent.side, Side::Sell, "{:?}", desk.commands);
    let kept_back = desk.commands.iter().any(|command| {
        let Command::Notice(Notice::Refused { order, refusal: Refusal::Pace { .. } }) = command else { return false };
        order.side == Side::Buy
    });
    assert!(kept_back, "the breakout finds no room: {:?}", desk.commands);
}

#[test]
fn wider_limits_let_a_waiting_exit_pass_at_once() {
    let mut desk = slow();
    desk.wait(2).trade("89");
    let wider = Limits { orders_per_minute: 5, ..desk.setup.limits.clone() };
    desk.engine.set_limits(wider);
    desk.wait(1).trade("95");
    assert_eq!(desk.submitted().map(|order| order.side), Some(Side::Sell));
}

#[test]
fn a_symbol_that_may_not_be_traded_any_more_is_still_left() {
    let mut desk = Desk::new(Exits::default());
    desk.hold();
    let limits = Limits { symbols: vec!["ETHUSDT".parse().unwrap()], ..desk.setup.limits.clone() };
    desk.engine.set_limits(limits);
    assert_eq!(desk.fall().map(|order| order.side), Some(Side::Sell));
}

#[test]
fn an_entry_that_is_too_small_is_said_once() {
    let mut desk = Desk::with(|setup| setup.instruments[0].lot = "10".parse().unwrap());
    assert_eq!(desk.rise(), None);
    let [Command::Notice(Notice::EntryTooSmall(entry))] = &desk.commands[..] else { panic!("{:?}", desk.commands) };
    assert_eq!(
        entry.to_string(),
        "ema: an entry of BTCUSDT for 500 buys 4.95049504 at 101, less than the exchange takes (lot 10, least value 5): \
         it is not made"
    );
    assert_eq!(desk.engine.snapshot().entries_too_small, [entry.to_string()]);
    desk.fall();
    assert_eq!(desk.rise(), None);
    let again = desk.commands.iter().any(|command| matches!(command, Command::Notice(Notice::EntryTooSmall(_))));
    assert!(!again, "{:?}", desk.commands);
}
