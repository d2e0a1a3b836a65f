//! What goes wrong with the simulated exchange, one fault at a time.

use tradingbot::domain::{Rate, Side, Span};
use tradingbot::sim::{Faults, SimSettings};

use crate::support::exchange::{Desk, at, book, bought, limit, order, settings, sold};

/// A desk whose exchange always has the faults that are set.
fn desk(set: impl FnOnce(&mut Faults)) -> Desk {
    let mut faults = Faults { late_max: Span::from_secs(2), ..Faults::none() };
    set(&mut faults);
    let mut desk = Desk::new(SimSettings { faults, ..settings() });
    desk.see(&book(1, &[("100", "10")], &[("101", "10")]));
    desk.see(&bought("101", "1"));
    desk
}

#[test]
fn a_lost_request_is_unanswered_and_was_never_placed() {
    let mut desk = desk(|faults| faults.request_lost = Rate::ONE);
    assert!(desk.submit(&order(1, Side::Buy, "1", limit("101"))).is_empty());
    assert_eq!(desk.sim.deadline(), Some(at(5_000)));
    assert!(desk.wait(4_999).is_empty());
    assert_eq!(desk.wait(1), ["1 unanswered"]);
    assert_eq!(desk.total("USDT"), "10000");
    assert_eq!(desk.sim.fault_counts().requests_lost, 1);
}

#[test]
fn a_lost_answer_leaves_an_order_that_lives_and_fills() {
    let mut desk = desk(|faults| faults.answer_lost = Rate::ONE);
    assert!(desk.submit(&order(1, Side::Buy, "1", limit("100"))).is_empty());
    assert_eq!(desk.wait(5_000), ["1 unanswered"]);
    assert_eq!(desk.see(&sold("99", "1"))[0], "1 Buy 1 at 100 as Maker, fee 0.1 USDT");
    assert_eq!(desk.sim.fault_counts().answers_lost, 1);
}

#[test]
fn a_lost_answer_to_a_cancel_leaves_an_order_that_has_ended() {
    let mut desk = desk(|faults| faults.answer_lost = Rate::ONE);
    desk.submit(&order(1, Side::Buy, "1", limit("100")));
    assert!(desk.cancel(1).is_empty());
    assert_eq!(desk.wait(5_000), ["1 unanswered", "1 unanswered"]);
    assert!(desk.see(&sold("99", "1")).is_empty());
}

#[test]
fn a_late_answer_holds_up_what_follows_it() {
    let mut desk = desk(|faults| faults.late = Rate::ONE);
    assert!(desk.submit(&order(1, Side::Buy, "1", limit("101"))).is_empty());
    let heard = desk.wait(4_000);
    assert_eq!(heard, ["1 accepted", "1 Buy 1 at 101 as Taker, fee 0.202 USDT", "BTC 11", "USDT 9898.798"]);
    assert_eq!(desk.sim.fault_counts().late, 2);
}

#[test]
fn a_doubled_event_comes_twice_and_counts_once() {
    let mut desk = desk(|faults| faults.duplicate = Rate::ONE);
    let mut heard = desk.submit(&order(1, Side::Buy, "1", limit("101")));
    heard.extend(desk.wait(2_000));
    assert_eq!(heard.iter().filter(|line| *line == "1 accepted").count(), 2);
    assert_eq!(heard.iter().filter(|line| line.contains("Taker")).count(), 2);
    assert_eq!(heard.iter().filter(|line| line.starts_with("BTC")).count(), 1);
    assert_eq!((desk.total("BTC").as_str(), desk.sim.fault_counts().duplicated), ("11", 2));
}

#[test]
fn held_back_events_are_overtaken() {
    let overtaken = (0..20).any(|seed| {
        let faults = Faults { reorder: "0.5".parse().unwrap(), ..Faults::none() };
        let mut desk = Desk::new(SimSettings { faults, seed, ..settings() });
        desk.see(&book(1, &[], &[("101", "10")]));
        let mut heard = desk.submit(&order(1, Side::Buy, "1", limit("101")));
        for _ in 0..20 {
            heard.extend(desk.wait(100));
        }
        assert_eq!(heard.len(), 4, "nothing is lost");
        let place = |text: &str| heard.iter().position(|line| line.contains(text)).unwrap();
        place("Taker") < place("accepted")
    });
    assert!(overtaken, "some fill came before its order was accepted");
}

#[test]
fn an_order_is_refused_for_nothing() {
    let mut desk = desk(|faults| faults.reject = Rate::ONE);
    let words = "Server is currently overloaded with other requests. Please try again in a few minutes.";
    assert_eq!(desk.submit(&order(1, Side::Buy, "1", limit("101"))), [format!("1 rejected: {words}")]);
    assert_eq!(desk.ask(1), ["1 not found"]);
    assert_eq!(desk.sim.fault_counts().rejected, 1);
}

#[test]
fn a_cancel_comes_just_after_its_order_was_filled() {
    let mut desk = desk(|faults| faults.cancel_race = Rate::ONE);
    desk.submit(&order(1, Side::Buy, "1", limit("100")));
    assert_eq!(
        desk.cancel(1),
        ["1 Buy 1 at 100 as Maker, fee 0.1 USDT", "1 cancel refused: Unknown order sent.", "BTC 11", "USDT 9899.9"]
    );
    assert_eq!(desk.cancel(1), ["1 cancel refused: Unknown order sent."]);
    assert_eq!(desk.sim.fault_counts().cancels_raced, 1);
}

#[test]
fn a_living_order_is_denied_once() {
    let mut desk = desk(|faults| faults.hidden = Rate::ONE);
    desk.submit(&order(1, Side::Buy, "1", limit("100")));
    assert_eq!(desk.ask(1), ["1 not found"]);
    assert_eq!(desk.ask(1), ["1 accepted"]);
    assert_eq!(desk.ask(2), ["2 not found"]);
    assert_eq!(desk.sim.fault_counts().hidden, 1);
}

#[test]
fn while_the_connection_is_down_requests_are_lost_and_events_wait() {
    let down = Faults { down: Rate::ONE, down_max: Span::from_secs(20), ..Faults::none() };
    let mut waited = 0;
    for seed in 0..20 {
        let mut calm = Desk::new(SimSettings { seed, ..settings() });
        let mut rough = Desk::new(SimSettings { faults: down, seed, ..settings() });
        for desk in [&mut calm, &mut rough] {
            desk.see(&book(1, &[("100", "1")], &[("101", "10")]));
            desk.submit(&order(1, Side::Buy, "1", limit("100")));
        }
        assert!(rough.heard().is_empty());
        assert_eq!(rough.sim.fault_counts().downs, 1);
        let until = rough.sim.deadline().unwrap();
        assert!(until >= at(5_000) && until <= at(20_000), "{until}");
        waited += usize::from(until > at(5_000));
        rough.now = until;
        assert_eq!(rough.heard(), ["1 unanswered"]);
    }
    assert!(waited > 10, "most of them are down for longer than an answer is waited for: {waited}");
}
