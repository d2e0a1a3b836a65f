//! Each limit of the risk gate, met exactly by an entry and missed by the smallest step there is.

use tradingbot::domain::{
    ClientOrderId, Instrument, Limits, NewOrder, Notional, OrderKind, Price, Purpose, Qty, Rate, RunId, Seq, Side,
    Span, Timestamp,
};
use tradingbot::risk::{Circumstances, Gate, Refusal};

use crate::support::desk::{btc, money, price, qty, rate};

/// A market in which the smallest steps of quantity and price are those of the amounts themselves.
fn rules() -> Instrument {
    Instrument::plain(btc(), "BTC".parse().unwrap(), "USDT".parse().unwrap(), Rate::ZERO)
}

/// An entry for one at the last price of 100, unless it is for another quantity or price.
fn entry(amount: Qty, kind: OrderKind) -> NewOrder {
    NewOrder {
        id: ClientOrderId::derive(RunId(1), Seq(1), 0),
        strategy: "ema".parse().unwrap(),
        symbol: btc(),
        side: Side::Buy,
        qty: amount,
        kind,
        purpose: Purpose::Enter,
    }
}

fn known() -> Circumstances {
    Circumstances {
        last: Some(price("100")),
        heard: now(),
        halted: false,
        position: Qty::ZERO,
        leaving: Qty::ZERO,
        position_notional: Notional::ZERO,
        exposure: Notional::ZERO,
        equity: money("10000"),
        loss_today: Notional::ZERO,
        drawdown: Rate::ZERO,
    }
}

fn now() -> Timestamp {
    "2024-01-31T12:00:00Z".parse().unwrap()
}

/// Limits that no order of this file meets, but for the one that a test narrows.
fn limits(narrow: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::none(vec![btc()]);
    narrow(&mut limits);
    limits
}

fn judge(limits: Limits, order: NewOrder, known: &Circumstances) -> Option<Refusal> {
    Gate::new(limits).judge(now(), order, &rules(), known).err()
}

/// What becomes of an entry for one at 100.
fn judge_one(limits: Limits, known: &Circumstances) -> Option<Refusal> {
    judge(limits, entry(qty("1"), OrderKind::Market), known)
}

fn more(amount: Notional) -> Notional {
    Notional::from_units(amount.units() + 1)
}

fn more_qty(amount: Qty) -> Qty {
    Qty::from_units(amount.units() + 1)
}

fn more_rate(share: Rate) -> Rate {
    Rate::from_units(share.units() + 1)
}

fn over(limit: &'static str, value: Notional, max: Notional) -> Option<Refusal> {
    Some(Refusal::Value { limit, value, max })
}

#[test]
fn order_notional_max_is_the_largest_value_of_an_order() {
    let max = money("1000");
    let limits = || limits(|limits| limits.order_notional_max = max);
    assert_eq!(judge(limits(), entry(qty("10"), OrderKind::Market), &known()), None);
    let step = entry(more_qty(qty("10")), OrderKind::Market);
    assert_eq!(judge(limits(), step, &known()), over("order-notional-max", money("1000.000001"), max));
}

#[test]
fn position_notional_max_is_the_largest_value_of_a_position_and_its_orders() {
    let max = money("2000");
    let limits = || limits(|limits| limits.position_notional_max = max);
    let held = |position_notional| Circumstances { position_notional, ..known() };
    assert_eq!(judge_one(limits(), &held(money("1900"))), None);
    assert_eq!(judge_one(limits(), &held(more(money("1900")))), over("position-notional-max", more(max), max));
}

#[test]
fn exposure_max_is_the_largest_value_of_all_positions_and_orders() {
    let max = money("5000");
    let limits = || limits(|limits| limits.exposure_max = max);
    let held = |exposure| Circumstances { exposure, ..known() };
    assert_eq!(judge_one(limits(), &held(money("4900"))), None);
    assert_eq!(judge_one(limits(), &held(more(money("4900")))), over("exposure-max", more(max), max));
}

#[test]
fn leverage_max_is_the_largest_value_of_all_positions_and_orders_over_equity() {
    let max = rate("0.5");
    let limits = || limits(|limits| limits.leverage_max = max);
    let held = |exposure| Circumstances { exposure, ..known() };
    assert_eq!(judge_one(limits(), &held(money("4900"))), None);
    let step = judge_one(limits(), &held(more(money("4900"))));
    assert_eq!(step, Some(Refusal::Leverage { leverage: more_rate(max), max }), "rounded against the order");
    let poorer =
        Circumstances { exposure: money("4900"), equity: Notional::from_units(money("10000").units() - 1), ..known() };
    assert_eq!(judge_one(limits(), &poorer), Some(Refusal::Leverage { leverage: more_rate(max), max }));
}

#[test]
fn without_equity_there_is_no_leverage_that_would_do() {
    for equity in [Notional::ZERO, money("-1")] {
        let refused =
            judge_one(limits(|limits| limits.leverage_max = rate("125")), &Circumstances { equity, ..known() });
        assert!(matches!(refused, Some(Refusal::Leverage { .. })), "{refused:?}");
    }
    let little = Circumstances { equity: money("0.8"), ..known() };
    assert_eq!(judge_one(limits(|limits| limits.leverage_max = rate("125")), &little), None);
}

#[test]
fn loss_per_day_max_is_the_largest_loss_with_which_a_position_is_entered() {
    let max = money("200");
    let limits = || limits(|limits| limits.loss_per_day_max = max);
    let lost = |loss_today| Circumstances { loss_today, ..known() };
    assert_eq!(judge_one(limits(), &lost(max)), None);
    assert_eq!(judge_one(limits(), &lost(more(max))), over("loss-per-day-max", more(max), max));
}

#[test]
fn drawdown_max_is_the_farthest_under_the_peak_at_which_a_position_is_entered() {
    let max = rate("0.1");
    let limits = || limits(|limits| limits.drawdown_max = max);
    let down = |drawdown| Circumstances { drawdown, ..known() };
    assert_eq!(judge_one(limits(), &down(max)), None);
    let drawdown = more_rate(max);
    assert_eq!(judge_one(limits(), &down(drawdown)), Some(Refusal::Drawdown { drawdown, max }));
}

#[test]
fn staleness_max_is_the_oldest_data_on_which_a_position_is_entered() {
    let max = Span::from_secs(10);
    let limits = || limits(|limits| limits.staleness_max = max);
    let old = |age| Circumstances { heard: now().minus(age), ..known() };
    assert_eq!(judge_one(limits(), &old(max)), None);
    let age = Span::from_nanos(max.nanos() + 1);
    assert_eq!(judge_one(limits(), &old(age)), Some(Refusal::Stale { age, max }));
}

#[test]
fn price_distance_max_is_the_farthest_price_of_an_entry_on_either_side() {
    let max = rate("0.05");
    let limits = || limits(|limits| limits.price_distance_max = max);
    let at = |price: Price| judge(limits(), entry(qty("1"), OrderKind::PostOnly { price }), &known());
    let step = |price: Price, units: i64| Price::from_units(price.units() + units);
    assert_eq!((at(price("95")), at(price("105"))), (None, None));
    for far in [step(price("95"), -1), step(price("105"), 1)] {
        assert!(matches!(at(far), Some(Refusal::Distance { .. })), "{far}: {:?}", at(far));
    }
}

/// A gate that has let so many entries pass at these times.
fn after(limits: Limits, times: impl IntoIterator<Item = Timestamp>) -> Gate {
    let mut gate = Gate::new(limits);
    for at in times {
        pass(&mut gate, at).unwrap();
    }
    gate
}

fn pass(gate: &mut Gate, at: Timestamp) -> Result<(), Refusal> {
    let known = Circumstances { heard: at, ..known() };
    gate.judge(at, entry(qty("1"), OrderKind::Market), &rules(), &known).map(drop)
}

fn too_many(limit: &'static str, max: u32) -> Result<(), Refusal> {
    Err(Refusal::Pace { limit, max })
}

const INSTANT: Span = Span::from_nanos(1);

#[test]
fn orders_per_second_is_the_most_orders_within_any_second() {
    let limits = || limits(|limits| limits.orders_per_second = 3);
    let times = || [now(), now(), now().plus(Span::from_millis(500))];
    let mut gate = after(limits(), times());
    assert_eq!(pass(&mut gate, now().plus(Span::SECOND).minus(INSTANT)), too_many("orders-per-second", 3));
    assert_eq!(pass(&mut gate, now().plus(Span::SECOND)), Ok(()));
    assert_eq!(pass(&mut gate, now().plus(Span::SECOND)), Ok(()), "two of the three are a second old");
    assert_eq!(pass(&mut gate, now().plus(Span::SECOND)), too_many("orders-per-second", 3));
}

#[test]
fn orders_per_minute_is_the_most_orders_within_any_minute() {
    let limits = || limits(|limits| limits.orders_per_minute = 3);
    let mut gate = after(limits(), [now(), now().plus(Span::SECOND), now().plus(Span::from_secs(30))]);
    assert_eq!(pass(&mut gate, now().plus(Span::MINUTE).minus(INSTANT)), too_many("orders-per-minute", 3));
    assert_eq!(pass(&mut gate, now().plus(Span::MINUTE)), Ok(()));
    assert_eq!(pass(&mut gate, now().plus(Span::MINUTE)), too_many("orders-per-minute", 3), "but for the first");
}

#[test]
fn orders_per_day_is_the_most_orders_within_a_utc_day() {
    let limits = limits(|limits| limits.orders_per_day = 3);
    let mut gate = after(limits, (0..3).map(|hours| now().plus(Span::from_secs(hours * 3_600))));
    let midnight: Timestamp = "2024-02-01T00:00:00Z".parse().unwrap();
    assert_eq!(pass(&mut gate, midnight.minus(INSTANT)), too_many("orders-per-day", 3));
    assert_eq!(pass(&mut gate, midnight), Ok(()));
}

#[test]
fn a_refused_order_counts_for_no_pace() {
    let mut gate =
        Gate::new(limits(|limits| (limits.orders_per_minute, limits.order_notional_max) = (1, money("100"))));
    let large = gate.judge(now(), entry(qty("2"), OrderKind::Market), &rules(), &known());
    assert!(matches!(large, Err(Refusal::Value { .. })), "{large:?}");
    assert_eq!(pass(&mut gate, now()), Ok(()));
}

#[test]
fn an_order_of_an_earlier_life_counts_for_every_pace() {
    for (limit, narrow) in [
        ("orders-per-second", (|limits| limits.orders_per_second = 1) as fn(&mut Limits)),
        ("orders-per-minute", |limits| limits.orders_per_minute = 1),
        ("orders-per-day", |limits| limits.orders_per_day = 1),
    ] {
        let mut gate = Gate::new(limits(narrow));
        gate.note(now(), Purpose::Enter);
        assert_eq!(pass(&mut gate, now()), too_many(limit, 1));
    }
}

#[test]
fn the_exchange_takes_what_meets_its_least_exactly() {
    let mut rules = rules();
    (rules.lot, rules.qty_min, rules.notional_min) = (qty("0.001"), qty("0.01"), money("5"));
    let judge = |amount: &str, last: &str| {
        let known = Circumstances { last: Some(price(last)), ..known() };
        let order = entry(qty(amount), OrderKind::Market);
        Gate::new(limits(|_| {})).judge(now(), order, &rules, &known).err()
    };
    assert_eq!(judge("0.05", "100"), None);
    assert_eq!(judge("0.049", "100"), Some(Refusal::TooSmall { value: money("4.9"), min: money("5") }));
    assert_eq!(judge("0.01", "500"), None);
    for (amount, last) in [("0.009", "1000"), ("0.0505", "100"), ("0", "100"), ("-1", "100")] {
        assert!(matches!(judge(amount, last), Some(Refusal::Quantity { .. })), "{amount}");
    }
}
