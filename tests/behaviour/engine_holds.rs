//! What the engine does with cash, stops, balances and exits that a strategy never sees: each in a few events.

use tradingbot::domain::event::Quote;
use tradingbot::domain::{
    AccountEvent, EntryStyle, Event, ExitReason, Exits, Limits, MarketEvent, NewOrder, Notional, OrderKind, Outcome,
    Purpose, Sizing, Span, Trailing,
};
use tradingbot::engine::{Command, Notice, Setup};
use tradingbot::risk::Refusal;

use crate::support::desk::{Desk, btc, money, price, qty, rate, strategy};

/// Two strategies that each want 6,000 of the 10,000 there are, under limits that do not mind.
fn two_of_6_000(entry: EntryStyle) -> Desk {
    Desk::with(|setup: &mut Setup| {
        setup.strategies.push(strategy("ema2"));
        for strategy in &mut setup.strategies {
            (strategy.entry, strategy.sizing) = (entry, Sizing::Fixed { stake: money("6000") });
        }
        setup.limits = Limits::none(vec![btc()]);
    })
}

fn quote(desk: &mut Desk, bid: &str, ask: &str) {
    let (bid, ask) = (price(bid), price(ask));
    let quote = Quote { symbol: btc(), update: 1, bid, bid_qty: qty("1"), ask, ask_qty: qty("1") };
    desk.apply(Event::Market(MarketEvent::Quote(quote)));
}

fn submitted(desk: &Desk) -> Vec<NewOrder> {
    let order = |command: &Command| match command {
        Command::Submit(order) => Some(order.get().clone()),
        _ => None,
    };
    desk.commands.iter().filter_map(order).collect()
}

fn refusals(desk: &Desk) -> Vec<Refusal> {
    let refusal = |command: &Command| match command {
        Command::Notice(Notice::Refused { refusal, .. }) => Some(refusal.clone()),
        _ => None,
    };
    desk.commands.iter().filter_map(refusal).collect()
}

#[test]
fn an_entry_that_rests_leaves_less_cash_for_the_next() {
    let mut desk = two_of_6_000(EntryStyle::PostOnly { timeout: Span::HOUR });
    quote(&mut desk, "100", "101");
    desk.rise();
    let [first, second] = &submitted(&desk)[..] else { panic!("two entries: {:?}", desk.commands) };
    assert_eq!((first.kind, first.qty), (OrderKind::PostOnly { price: price("100") }, qty("60")));
    assert_eq!(second.qty, qty("39.96"), "the other 4000, less a fee of 0.1 %, at 100");
}

#[test]
fn an_entry_that_has_traded_in_part_ties_only_the_rest_up() {
    let mut desk = two_of_6_000(EntryStyle::PostOnly { timeout: Span::HOUR });
    let name = "ema2".parse().unwrap();
    desk.operator(tradingbot::domain::OperatorRequest::Pause { strategy: name });
    quote(&mut desk, "100", "101");
    let first = desk.rise().expect("the first wishes to enter");
    desk.accept(first.id);
    desk.fill(&first, 1, "20", "100");
    desk.operator(tradingbot::domain::OperatorRequest::Unpause { strategy: name });
    desk.candle("90");
    desk.candle("101");
    let [second] = &submitted(&desk)[..] else { panic!("one entry: {:?}", desk.commands) };
    assert_eq!(second.qty, qty("39.94"), "10000 - 2000 - a fee of 2 - 4000 that rest, less 0.1 %, at 100");
}

#[test]
fn an_entry_at_market_ties_cash_up_until_it_has_traded() {
    let mut desk = two_of_6_000(EntryStyle::Market);
    desk.rise();
    let [first, second] = &submitted(&desk)[..] else { panic!("two entries: {:?}", desk.commands) };
    assert_eq!((first.qty, second.qty), (qty("59.405"), qty("39.565")), "6000 and 10000 - 5999.905 less 0.1 %, at 101");
}

#[test]
fn cash_that_was_tied_up_is_free_once_the_entry_has_ended() {
    let mut desk = two_of_6_000(EntryStyle::PostOnly { timeout: Span::HOUR });
    quote(&mut desk, "100", "101");
    desk.rise();
    for order in submitted(&desk) {
        desk.account(AccountEvent::Rejected { id: order.id, reason: "no".to_owned() });
    }
    desk.candle("90");
    desk.candle("101");
    assert_eq!(submitted(&desk)[0].qty, qty("60"));
}

fn trailing(offset: Option<&str>, before: Option<&str>) -> Desk {
    let trailing = Trailing { distance: rate("0.02"), offset: offset.map(rate), distance_before: before.map(rate) };
    let mut desk = Desk::new(Exits { stop_loss: Some(rate("0.1")), trailing: Some(trailing), ..Exits::default() });
    desk.hold();
    desk
}

fn stop(desk: &Desk) -> Option<String> {
    desk.engine.snapshot().positions[0].stop.map(|stop| stop.to_string())
}

#[test]
fn a_trailing_stop_stays_where_it_is_until_the_profit_after_fees_is_its_offset() {
    let mut desk = trailing(Some("0.04"), None);
    desk.trade("104.20");
    assert_eq!(stop(&desk).as_deref(), Some("90"), "with both fees that is 3.99 %");
    desk.trade("95");
    assert_eq!(desk.submitted(), None);
    desk.trade("104.21");
    assert_eq!(stop(&desk).as_deref(), Some("102.13"), "2 % under 104.21");
    desk.trade("102.13");
    assert_eq!(desk.submitted().unwrap().purpose, Purpose::Exit(ExitReason::TrailingStopLoss));
}

#[test]
fn a_profit_of_exactly_the_offset_is_enough() {
    let trailing = Trailing { distance: rate("0.02"), offset: Some(rate("0.04")), distance_before: None };
    let mut desk = Desk::with(|setup| {
        setup.instruments[0].fee_taker = rate("0");
        setup.strategies[0].exits = Exits { trailing: Some(trailing), ..Exits::default() };
    });
    desk.hold();
    desk.trade("103.99");
    assert_eq!(stop(&desk), None);
    desk.trade("104");
    assert_eq!(stop(&desk).as_deref(), Some("101.92"));
}

#[test]
fn a_trailing_stop_follows_from_farther_before_its_offset_and_at_once_without_one() {
    let mut desk = trailing(Some("0.04"), Some("0.05"));
    desk.trade("104.20");
    assert_eq!(stop(&desk).as_deref(), Some("98.99"), "5 % under 104.20");
    desk.trade("104.21");
    assert_eq!(stop(&desk).as_deref(), Some("102.13"));
    let mut desk = trailing(None, None);
    desk.trade("101");
    assert_eq!(stop(&desk).as_deref(), Some("98.98"), "2 % under 101");
}

fn balance(desk: &mut Desk, total: Notional) -> Vec<Command> {
    desk.account(AccountEvent::Balance { asset: "USDT".parse().unwrap(), total }).to_vec()
}

#[test]
fn a_balance_that_agrees_is_no_news_and_one_that_differs_is_told() {
    let mut desk = Desk::new(Exits::default());
    desk.hold();
    let (expected, asset) = (money("9504.505"), "USDT".parse().unwrap());
    assert_eq!(balance(&mut desk, expected), []);
    for step in [-1, 1] {
        let reported = Notional::from_units(expected.units() + step);
        let differs = Notice::BalanceDiffers { asset, reported, expected };
        assert_eq!(balance(&mut desk, reported), [Command::Notice(differs)]);
    }
}

#[test]
fn no_balance_is_compared_while_an_order_may_still_trade() {
    let mut desk = Desk::new(Exits::default());
    let entry = desk.rise().unwrap();
    assert_eq!(balance(&mut desk, money("1")), []);
    let (outcome, filled) = (Outcome::Rejected, qty("0"));
    desk.account(AccountEvent::Ended { id: entry.id, outcome, filled, reason: "no".to_owned() });
    assert_eq!(balance(&mut desk, money("1")).len(), 1);
}

#[test]
fn an_exit_that_waits_for_an_unknown_order_goes_out_within_a_second_of_its_answer() {
    let mut desk = Desk::with(|setup| {
        setup.strategies[0].exits.stop_loss = Some(rate("0.05"));
        setup.strategies.push(strategy("ema2"));
    });
    desk.rise();
    let [held, unknown] = &submitted(&desk)[..] else { panic!("two entries: {:?}", desk.commands) };
    desk.fill(held, 1, "4.95", "100");
    desk.account(AccountEvent::Unanswered { id: unknown.id });
    desk.trade("94");
    assert_eq!(submitted(&desk), [], "the symbol is frozen");
    desk.account(AccountEvent::Rejected { id: unknown.id, reason: "no".to_owned() });
    desk.wait(1).trade("94");
    let [exit] = &submitted(&desk)[..] else { panic!("the stop is left: {:?}", desk.commands) };
    assert_eq!(exit.purpose, Purpose::Exit(ExitReason::StopLoss));
}

#[test]
fn an_exit_that_too_many_exits_went_before_is_out_a_second_later() {
    let mut desk = Desk::with(|setup| {
        setup.strategies[0].exits.stop_loss = Some(rate("0.05"));
        setup.limits.orders_per_second = 1;
    });
    desk.hold();
    desk.trade("94");
    let [first] = &submitted(&desk)[..] else { panic!("{:?}", desk.commands) };
    desk.account(AccountEvent::Rejected { id: first.id, reason: "busy".to_owned() });
    let mut exits = Vec::new();
    for (wait, last) in [(0, "94"), (1, "94")] {
        desk.wait(wait).trade(last);
        exits.extend(submitted(&desk));
    }
    assert_eq!(exits.len(), 1, "{:?}", desk.commands);
}

#[test]
fn an_exit_that_the_gate_refuses_is_tried_again_after_a_minute_and_no_sooner() {
    // Candles of a day, so that no new wish of the rule comes in between.
    let mut desk = Desk::with(|setup| {
        setup.strategies[0].exits.stop_loss = Some(rate("0.05"));
        setup.strategies[0].interval = Span::DAY;
    });
    let mut twin = Desk::new(Exits::default());
    twin.hold();
    twin.entries.into_iter().skip(1).for_each(|(_, entry)| desk.restore(entry));
    desk.engine.recover(desk.now(), &mut Vec::new());
    desk.trade("1");
    assert_eq!(refusals(&desk), [Refusal::TooSmall { value: money("4.95"), min: money("5") }]);
    desk.wait(59).trade("1");
    assert_eq!(refusals(&desk), [], "not tried");
    desk.wait(1).trade("1");
    assert_eq!(refusals(&desk).len(), 1);
    desk.wait(59).trade("2");
    assert_eq!(submitted(&desk), [], "not tried, although it would do now");
    desk.wait(1).trade("2");
    assert_eq!(submitted(&desk).len(), 1);
}

#[test]
fn a_cooldown_ends_after_exactly_its_time() {
    for (wait, entered) in [(599, false), (600, true)] {
        let mut desk = Desk::new(Exits { cooldown: "10m".parse().unwrap(), ..Exits::default() });
        desk.hold();
        let exit = desk.fall().unwrap();
        desk.fill(&exit, 1_001, "4.95", "100");
        desk.wait(wait - 60).candle("101");
        assert_eq!(desk.submitted().is_some(), entered, "{wait} s after");
    }
}
