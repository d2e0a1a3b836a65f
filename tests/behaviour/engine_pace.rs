//! No exit waits because entries used the pace up; what other exits used up delays it and never loses it.

use tradingbot::domain::{AccountEvent, Event, ExitReason, Exits, Limits, Purpose, Side, Timestamp};
use tradingbot::engine::{Command, Notice};
use tradingbot::risk::Refusal;
use tradingbot::strategy::Rule;

use crate::support::desk::{Desk, rate, strategy};

/// Holds, with one order a minute and the stop at 90.
fn slow() -> Desk {
    let mut desk = slow_without_past();
    desk.hold();
    desk
}

fn slow_without_past() -> Desk {
    Desk::with(|setup| {
        setup.limits.orders_per_minute = 1;
        setup.strategies[0].exits = Exits { stop_loss: Some(rate("0.1")), ..Exits::default() };
        setup.strategies.push(strategy("breakout"));
        setup.strategies[1].rule = Rule::named("donchian-breakout", &[("period", 3)]).unwrap();
    })
}

/// The same after an exit that the exchange refused, which has used the minute up.
fn spent() -> Desk {
    let mut desk = slow();
    desk.wait(2).trade("89");
    let refused = desk.submitted().expect("entries do not count against it");
    desk.account(AccountEvent::Rejected { id: refused.id, reason: "busy".to_owned() });
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
fn an_exit_does_not_wait_because_entries_used_the_pace_up() {
    for narrow in [
        (|limits| limits.orders_per_second = 1) as fn(&mut Limits),
        |limits| limits.orders_per_minute = 1,
        |limits| limits.orders_per_day = 1,
    ] {
        let mut desk = Desk::with(|setup| {
            narrow(&mut setup.limits);
            setup.strategies[0].exits = Exits { stop_loss: Some(rate("0.1")), ..Exits::default() };
        });
        desk.hold();
        desk.trade("89");
        let exit = desk.submitted().expect("in the second of the entry");
        assert_eq!((exit.side, exit.purpose), (Side::Sell, Purpose::Exit(ExitReason::StopLoss)));
    }
}

#[test]
fn an_exit_does_not_wait_because_entries_of_an_earlier_life_used_the_pace_up() {
    let mut first = slow();
    first.wait(1);
    let mut desk = slow_without_past();
    first.entries.iter().skip(1).for_each(|(_, entry)| desk.restore(entry.clone()));
    desk.engine.recover(desk.now(), &mut Vec::new());
    desk.trade("89");
    assert_eq!(desk.submitted().map(|order| order.side), Some(Side::Sell), "{:?}", desk.commands);
}

#[test]
fn an_entry_waits_for_exits_as_for_entries() {
    let mut desk = slow();
    let exit = desk.wait(60).fall().expect("the minute of the entry is over");
    let sold = exit.qty.to_string();
    desk.fill(&exit, 1_001, &sold, "90");
    desk.candle("103");
    assert_eq!(desk.submitted().map(|order| order.side), Some(Side::Buy), "a minute after the exit");
    let mut desk = slow();
    let exit = desk.wait(118).fall().unwrap();
    desk.fill(&exit, 1_001, &sold, "90");
    desk.wait(-1).candle("103");
    assert_eq!(desk.submitted(), None, "59 seconds after the exit: {:?}", desk.commands);
}

#[test]
fn a_stop_that_came_too_soon_is_left_when_there_is_room_and_not_before() {
    let mut desk = spent();
    let refused = desk.now();
    desk.wait(2).trade("89");
    assert!(matches!(desk.commands[..], [Command::Notice(Notice::Refused { refusal: Refusal::Pace { .. }, .. }), ..]));
    desk.wait(57).apply(Event::Timer);
    assert_eq!(desk.submitted(), None, "59 seconds after the exit before it");
    desk.wait(1).apply(Event::Timer);
    let exit = desk.submitted().expect("a minute after the exit before it");
    assert_eq!((exit.side, exit.purpose), (Side::Sell, Purpose::Exit(ExitReason::StopLoss)));
    assert_eq!(desk.now().since(refused).nanos(), 60_000_000_000);
}

#[test]
fn whoever_drives_is_asked_to_call_back_when_there_is_room() {
    let mut desk = spent();
    let room = Timestamp::from_nanos(desk.now().nanos() + 60_000_000_000);
    // Asked for when the exit went out, in case nothing is heard of it.
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
    let mut desk = spent();
    desk.wait(2).trade("89");
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
    let mut desk = spent();
    desk.wait(2).trade("89");
    assert_eq!(desk.submitted(), None);
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
