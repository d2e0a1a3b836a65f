//! Loss of the day and drawdown as the engine computes them, over midnight and restarts, and the entries they hold back.

use tradingbot::domain::snapshot::Snapshot;
use tradingbot::domain::{Entry, Event, Exits, Limits, LinkEvent, NewOrder, Notional, Rate, Span};
use tradingbot::engine::{Command, Notice};
use tradingbot::risk::Refusal;

use crate::support::desk::{Desk, money, rate};

/// What [`lose`] costs: 4.95 bought at 101 and sold at 60, with fees of 0.49995 and 0.297.
const LOSS: &str = "203.74695";
/// The same as a share of the 10,000 that were there, rounded up.
const DRAWDOWN: &str = "0.0203747";

/// A desk that has bought and sold, under limits that are so wide that only the one of a test counts.
fn losing(narrow: impl FnOnce(&mut Limits)) -> Desk {
    let mut desk = Desk::with(|setup| {
        setup.limits.loss_per_day_max = money("10000");
        setup.limits.drawdown_max = Rate::ONE;
        narrow(&mut setup.limits);
    });
    lose(&mut desk);
    desk
}

fn lose(desk: &mut Desk) {
    buy(desk);
    sell(desk, "60");
}

/// Buys at the last price, so that only the fee is lost by it.
fn buy(desk: &mut Desk) {
    let entry = rise_again(desk).expect("the rule wishes to enter");
    fill(desk, &entry, "101");
}

fn sell(desk: &mut Desk, at: &str) {
    let exit = desk.fall().expect("the rule wishes to leave");
    fill(desk, &exit, at);
}

fn fill(desk: &mut Desk, order: &NewOrder, at: &str) {
    let trade = desk.engine.snapshot().fills + 1;
    desk.fill(order, trade, "4.95", at);
}

/// Candles that make the rule wish to enter, whatever came before.
fn rise_again(desk: &mut Desk) -> Option<NewOrder> {
    for close in ["90", "90", "90", "101"] {
        desk.candle(close);
    }
    desk.submitted()
}

/// Waits so that [`rise_again`] ends so many seconds after the next midnight.
fn wait_for_midnight(desk: &mut Desk, after: i64) {
    let into_day = desk.now().nanos().rem_euclid(Span::DAY.nanos()) / Span::SECOND.nanos();
    desk.wait(86_400 - into_day - 240 + after);
}

/// Ends the life of the engine and begins another from the entries alone.
fn restart(desk: &mut Desk) {
    let mut engine = desk.reborn();
    let mut commands = Vec::new();
    engine.recover(desk.now(), &mut commands);
    desk.engine = engine;
}

fn snapshot(desk: &Desk) -> Snapshot {
    desk.engine.snapshot()
}

/// Why the last entry was refused.
fn refusal(desk: &Desk) -> Option<Refusal> {
    desk.commands.iter().find_map(|command| match command {
        Command::Notice(Notice::Refused { refusal, .. }) => Some(refusal.clone()),
        _ => None,
    })
}

fn over_loss(value: &str, max: &str) -> Option<Refusal> {
    Some(Refusal::Value { limit: "loss-per-day-max", value: money(value), max: money(max) })
}

#[test]
fn a_price_that_falls_is_a_loss_of_the_day_and_a_drawdown_before_anything_is_sold() {
    let mut desk = Desk::new(Exits::default());
    buy(&mut desk);
    assert_eq!(snapshot(&desk).profit_today, Some(money("-0.49995")), "the fee");
    desk.trade("91");
    let held = snapshot(&desk);
    assert_eq!(held.equity, Some(money("9950.00005")), "10000 - 0.49995 - 4.95 * 10");
    assert_eq!((held.profit_today, held.drawdown), (Some(money("-49.99995")), Some(rate("0.005"))));
    desk.trade("111");
    let risen = snapshot(&desk);
    assert_eq!((risen.profit_today, risen.drawdown), (Some(money("49.00005")), Some(Rate::ZERO)));
    assert_eq!(risen.equity_peak, money("10049.00005"));
    desk.trade("101");
    assert_eq!(snapshot(&desk).drawdown, Some(rate("0.00492587")), "49.5 under a peak of 10049.00005");
}

#[test]
fn a_loss_of_the_day_of_exactly_its_limit_holds_nothing_back_and_a_step_more_does() {
    let mut desk = losing(|limits| limits.loss_per_day_max = money(LOSS));
    assert_eq!(snapshot(&desk).profit_today, Some(money("-203.74695")));
    assert!(rise_again(&mut desk).is_some());

    let under = Notional::from_units(money(LOSS).units() - 1);
    let mut desk = losing(|limits| limits.loss_per_day_max = under);
    assert_eq!(rise_again(&mut desk), None);
    assert_eq!(refusal(&desk), over_loss(LOSS, &under.to_string()));
}

#[test]
fn the_loss_of_the_day_is_forgotten_at_midnight_and_not_a_second_before() {
    for (after, entered) in [(-1, false), (0, true)] {
        let mut desk = losing(|limits| limits.loss_per_day_max = money("100"));
        wait_for_midnight(&mut desk, after);
        assert_eq!(rise_again(&mut desk).is_some(), entered, "{after} s after midnight: {:?}", refusal(&desk));
    }
}

#[test]
fn a_new_day_counts_from_what_there_was_at_midnight() {
    let mut desk = losing(|limits| limits.loss_per_day_max = money("204"));
    wait_for_midnight(&mut desk, 60);
    lose(&mut desk);
    assert_eq!(snapshot(&desk).profit_today, Some(money("-203.74695")), "and not twice as much");
    assert!(rise_again(&mut desk).is_some());
}

#[test]
fn the_loss_of_the_day_survives_a_restart() {
    let mut desk = losing(|limits| limits.loss_per_day_max = money("100"));
    restart(&mut desk);
    assert_eq!(snapshot(&desk).profit_today, Some(money("-203.74695")));
    assert_eq!(rise_again(&mut desk), None);
    assert_eq!(refusal(&desk), over_loss(LOSS, "100"));
    wait_for_midnight(&mut desk, 0);
    assert!(rise_again(&mut desk).is_some(), "the next day forgets it: {:?}", refusal(&desk));
}

#[test]
fn the_loss_of_a_later_day_survives_a_restart() {
    let mut desk = losing(|limits| limits.loss_per_day_max = money("200"));
    wait_for_midnight(&mut desk, 60);
    lose(&mut desk);
    restart(&mut desk);
    assert_eq!(snapshot(&desk).profit_today, Some(money("-203.74695")));
    desk.engine.set_limits(Limits { loss_per_day_max: money("198"), ..desk.setup.limits.clone() });
    assert_eq!(rise_again(&mut desk), None);
    assert_eq!(refusal(&desk), over_loss(LOSS, "198"));
}

#[test]
fn a_loss_by_a_gap_over_midnight_survives_a_restart() {
    let mut desk = Desk::with(|setup| setup.limits.loss_per_day_max = money("100"));
    buy(&mut desk);
    wait_for_midnight(&mut desk, 240);
    desk.trade("41");
    assert_eq!(snapshot(&desk).profit_today, Some(money("-297")), "4.95 * 60");
    restart(&mut desk);
    desk.trade("41");
    assert_eq!(snapshot(&desk).profit_today, Some(money("-297")), "while it is held");

    let mut desk = Desk::with(|setup| setup.limits.loss_per_day_max = money("100"));
    buy(&mut desk);
    wait_for_midnight(&mut desk, 180);
    sell(&mut desk, "60");
    let lost = snapshot(&desk).profit_today;
    assert_eq!(lost, Some(money("-203.247")), "4.95 * 41 + 0.297");
    restart(&mut desk);
    assert_eq!(snapshot(&desk).profit_today, lost, "when it is sold");
    assert_eq!(rise_again(&mut desk), None);
    assert_eq!(refusal(&desk), over_loss("203.247", "100"));
}

#[test]
fn each_day_is_marked_before_its_first_event() {
    let mut desk = Desk::new(Exits::default());
    buy(&mut desk);
    let equity = snapshot(&desk).equity.unwrap();
    wait_for_midnight(&mut desk, 240);
    desk.trade("41");
    let marks: Vec<&Command> =
        desk.commands.iter().filter(|command| matches!(command, Command::Record(Entry::Marked { .. }))).collect();
    assert_eq!(marks, [&Command::Record(Entry::Marked { equity })], "{:?}", desk.commands);
    assert_eq!(desk.commands.first(), marks.first().copied());
}

#[test]
fn a_loss_on_what_is_held_over_a_restart_is_of_the_day_once_it_has_a_price() {
    let mut desk = Desk::with(|setup| setup.limits.loss_per_day_max = money("100"));
    buy(&mut desk);
    restart(&mut desk);
    desk.trade("60");
    assert_eq!(snapshot(&desk).profit_today, Some(money("-203.44995")), "4.95 * 41 + 0.49995");
    assert_eq!(snapshot(&desk).drawdown, Some(rate("0.020345")));
}

#[test]
fn a_drawdown_of_exactly_its_limit_holds_nothing_back_and_a_step_more_does() {
    let mut desk = losing(|limits| limits.drawdown_max = rate(DRAWDOWN));
    assert_eq!(snapshot(&desk).drawdown, Some(rate(DRAWDOWN)));
    assert!(rise_again(&mut desk).is_some());

    let under = Rate::from_units(rate(DRAWDOWN).units() - 1);
    let mut desk = losing(|limits| limits.drawdown_max = under);
    assert_eq!(rise_again(&mut desk), None);
    assert_eq!(refusal(&desk), Some(Refusal::Drawdown { drawdown: rate(DRAWDOWN), max: under }));
    wait_for_midnight(&mut desk, 60);
    assert_eq!(rise_again(&mut desk), None, "a drawdown is not of a day");
}

#[test]
fn the_peak_that_a_drawdown_counts_from_survives_a_restart() {
    let mut desk = Desk::with(|setup| setup.limits.drawdown_max = rate("0.01"));
    buy(&mut desk);
    desk.trade("120");
    desk.wait(3_600).apply(Event::Link(LinkEvent::Up));
    let marked = Command::Record(Entry::Marked { equity: money("10093.55005") });
    assert!(desk.commands.contains(&marked), "{:?}", desk.commands);
    sell(&mut desk, "99");
    let before = snapshot(&desk);
    assert_eq!(before.equity, Some(money("9989.11")), "10093.55005 - 4.95 * 21 - 0.49005");
    assert_eq!((before.equity_peak, before.drawdown), (money("10093.55005"), Some(rate("0.01034721"))));
    restart(&mut desk);
    let after = snapshot(&desk);
    assert_eq!((after.equity_peak, after.drawdown), (before.equity_peak, before.drawdown));
    assert_eq!(rise_again(&mut desk), None);
    assert!(matches!(refusal(&desk), Some(Refusal::Drawdown { .. })), "{:?}", refusal(&desk));
}

#[test]
fn money_that_comes_in_is_no_gain_and_hides_no_loss() {
    let mut desk = losing(|limits| limits.loss_per_day_max = money("100"));
    desk.restore(Entry::Deposited { asset: "USDT".parse().unwrap(), amount: money("10000") });
    let after = snapshot(&desk);
    assert_eq!((after.equity, after.equity_peak), (Some(money("19796.25305")), money("20000")));
    assert_eq!((after.profit_today, after.drawdown), (Some(money("-203.74695")), Some(rate("0.01018735"))));
    assert_eq!(rise_again(&mut desk), None);
}
