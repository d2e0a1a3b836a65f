//! Every request of an operator is answered once, by the engine, with a verdict that says what came of it.

use tradingbot::domain::{
    AccountEvent, ClientOrderId, Entry, Event, ExitReason, Exits, LinkEvent, Objection, OperatorRequest, Purpose,
    RunId, Seq, Verdict,
};
use tradingbot::engine::Command;

use crate::support::desk::{Desk, btc};

fn halt() -> OperatorRequest {
    OperatorRequest::Halt { reason: "drill".to_owned() }
}

fn resume() -> OperatorRequest {
    OperatorRequest::Resume { reason: "over".to_owned() }
}

fn cancel(id: ClientOrderId) -> OperatorRequest {
    OperatorRequest::Cancel { id }
}

fn close() -> OperatorRequest {
    OperatorRequest::Close { instrument: btc() }
}

fn pause(strategy: &str) -> OperatorRequest {
    OperatorRequest::Pause { strategy: strategy.parse().unwrap() }
}

fn unpause(strategy: &str) -> OperatorRequest {
    OperatorRequest::Unpause { strategy: strategy.parse().unwrap() }
}

/// What the engine answers, and whether it writes anything down for that.
fn ask(desk: &mut Desk, request: OperatorRequest) -> (Verdict, bool) {
    let verdict = desk.verdict(request);
    let kept = |command: &Command| match command {
        // That one comes with the time.
        Command::Record(entry) => !matches!(entry, Entry::Marked { .. }),
        _ => false,
    };
    (verdict, desk.commands.iter().any(kept))
}

#[test]
fn a_halt_and_a_resume_are_done_once() {
    let mut desk = Desk::new(Exits::default());
    assert_eq!(ask(&mut desk, resume()), (Verdict::Already, false));
    assert_eq!(ask(&mut desk, halt()), (Verdict::Done, true));
    assert_eq!(ask(&mut desk, halt()), (Verdict::Already, false));
    assert_eq!(ask(&mut desk, resume()), (Verdict::Done, true));
}

#[test]
fn trading_is_not_resumed_while_the_ledger_cannot_be_written() {
    let mut desk = Desk::new(Exits::default());
    desk.apply(Event::Link(LinkEvent::LedgerFailed { reason: "the disk is full".to_owned() }));
    assert_eq!(ask(&mut desk, resume()), (Verdict::Refused(Objection::LedgerFails), false));
    assert_eq!(ask(&mut desk, halt()), (Verdict::Already, false));
    desk.apply(Event::Link(LinkEvent::LedgerRestored));
    assert!(desk.engine.halted().is_some(), "only an operator ends a halt");
    assert_eq!(ask(&mut desk, resume()), (Verdict::Done, true));
}

#[test]
fn a_strategy_is_paused_once_and_only_if_it_runs() {
    let mut desk = Desk::new(Exits::default());
    assert_eq!(ask(&mut desk, pause("other")), (Verdict::UnknownStrategy, false));
    assert_eq!(ask(&mut desk, unpause("ema")), (Verdict::Already, false));
    assert_eq!(ask(&mut desk, pause("ema")), (Verdict::Done, true));
    assert_eq!(ask(&mut desk, pause("ema")), (Verdict::Already, false));
    assert_eq!(ask(&mut desk, unpause("ema")), (Verdict::Done, true));
}

#[test]
fn an_order_is_cancelled_once_and_only_while_it_may_trade() {
    let mut desk = Desk::new(Exits::default());
    let stranger = ClientOrderId::derive(RunId(7), Seq(7), 0);
    assert_eq!(ask(&mut desk, cancel(stranger)), (Verdict::UnknownOrder, false));
    let entry = desk.rise().unwrap();
    desk.accept(entry.id);
    assert_eq!(ask(&mut desk, cancel(entry.id)), (Verdict::Done, true));
    assert!(desk.commands.contains(&Command::Cancel { id: entry.id, symbol: btc() }));
    assert_eq!(ask(&mut desk, cancel(entry.id)), (Verdict::Already, false));
    let amount = entry.qty.to_string();
    desk.fill(&entry, 1, &amount, "100");
    assert_eq!(ask(&mut desk, cancel(entry.id)), (Verdict::UnknownOrder, false));
}

#[test]
fn a_cancel_that_cannot_be_sent_is_not_said_to_have_been_asked_before() {
    let mut desk = Desk::new(Exits::default());
    let entry = desk.rise().unwrap();
    desk.account(AccountEvent::Unanswered { id: entry.id });
    assert_eq!(ask(&mut desk, cancel(entry.id)), (Verdict::Refused(Objection::OutcomeUnknown), false));
    desk.accept(entry.id);
    assert_eq!(ask(&mut desk, cancel(entry.id)), (Verdict::Done, true));
}

#[test]
fn a_position_is_closed_once_and_only_if_it_is_held() {
    let mut desk = Desk::new(Exits::default());
    assert_eq!(ask(&mut desk, close()), (Verdict::NoPosition, false));
    desk.hold();
    assert_eq!(
        ask(&mut desk, OperatorRequest::Close { instrument: "ETHUSDT".parse().unwrap() }),
        (Verdict::NoPosition, false)
    );
    assert_eq!(ask(&mut desk, close()), (Verdict::Done, true));
    let exit = desk.submitted().unwrap();
    assert_eq!(ask(&mut desk, close()), (Verdict::Already, false));
    desk.accept(exit.id);
    let amount = exit.qty.to_string();
    desk.fill(&exit, 2, &amount, "100");
    assert_eq!(ask(&mut desk, close()), (Verdict::NoPosition, false));
}

#[test]
fn an_entry_on_its_way_is_something_to_close() {
    let mut desk = Desk::new(Exits::default());
    let entry = desk.rise().unwrap();
    desk.accept(entry.id);
    assert_eq!(ask(&mut desk, close()), (Verdict::Done, true));
    assert!(desk.commands.contains(&Command::Cancel { id: entry.id, symbol: btc() }));
}

#[test]
fn nothing_is_closed_while_trading_is_halted() {
    let mut desk = Desk::new(Exits::default());
    desk.hold();
    desk.operator(halt());
    let reason = ExitReason::Operator;
    assert_eq!(ask(&mut desk, close()), (Verdict::Refused(Objection::Halted), false));
    assert_eq!(ask(&mut desk, OperatorRequest::Flatten { reason }), (Verdict::Refused(Objection::Halted), false));
    desk.operator(resume());
    assert_eq!(ask(&mut desk, OperatorRequest::Flatten { reason }), (Verdict::Done, true));
    assert!(desk.submitted().is_some());
    assert_eq!(ask(&mut Desk::new(Exits::default()), OperatorRequest::Flatten { reason }), (Verdict::Already, false));
}

#[test]
fn an_exit_that_the_gate_refuses_is_answered_in_the_gates_words() {
    let mut desk = Desk::new(Exits::default());
    desk.hold();
    desk.trade("1");
    let (verdict, recorded) = ask(&mut desk, close());
    let Verdict::Refused(Objection::Gate(reason)) = verdict else { panic!("{verdict:?}") };
    assert_eq!(reason, "value 4.95 is under the exchange's least 5");
    assert!(recorded, "the wish holds until it can be done");
}

#[test]
fn an_exit_that_only_waits_for_its_pace_is_done() {
    let mut desk = Desk::with(|setup| setup.limits.orders_per_minute = 1);
    desk.hold();
    let first = desk.fall().expect("the rule wishes to leave");
    desk.account(AccountEvent::Rejected { id: first.id, reason: "overloaded".to_owned() });
    desk.wait(2);
    assert_eq!(ask(&mut desk, close()), (Verdict::Done, true));
    assert!(desk.commands.contains(&Command::Record(Entry::CloseAsked { by: "ann".to_owned(), symbol: Some(btc()) })));
    assert_eq!(desk.submitted(), None);
    desk.wait(60).trade("100");
    assert_eq!(desk.submitted().map(|order| order.purpose), Some(Purpose::Exit(ExitReason::Operator)));
}
