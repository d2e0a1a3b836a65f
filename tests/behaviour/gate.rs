//! The risk gate over any order in any circumstances: what it approves breaks no limit.

use proptest::prelude::*;
use tradingbot::domain::{
    ClientOrderId, ExitReason, Instrument, InstrumentId, Limits, NewOrder, Notional, OrderKind, Price, Purpose, Qty,
    Rate, Rounding, RunId, Seq, Side, Span, TimeInForce, Timestamp,
};
use tradingbot::risk::{Circumstances, Gate};

fn whole(units: i64) -> Notional {
    Notional::from_units(i128::from(units) * 10_i128.pow(Notional::SCALE))
}

fn symbol() -> InstrumentId {
    "BTCUSDT".parse().unwrap()
}

fn rules() -> Instrument {
    Instrument {
        tick: "0.1".parse().unwrap(),
        lot: "0.01".parse().unwrap(),
        qty_min: "0.01".parse().unwrap(),
        notional_min: whole(5),
        ..Instrument::plain(symbol(), "BTC".parse().unwrap(), "USDT".parse().unwrap(), Rate::ZERO)
    }
}

prop_compose! {
    fn limits()(
        order in 0..3_000_i64, position in 0..3_000_i64, exposure in 0..6_000_i64, loss in 0..100_i64,
        leverage in 0..300_000_000_i64, drawdown in 0..50_000_000_i64, distance in 0..20_000_000_i64, stale in 0..20_i64,
        pace in (1..4_u32, 1..20_u32, 1..30_u32), listed in proptest::bool::weighted(0.9),
    ) -> Limits {
        Limits {
            symbols: if listed { vec![symbol()] } else { vec!["ETHUSDT".parse().unwrap()] },
            order_notional_max: whole(order),
            price_distance_max: Rate::from_units(distance),
            position_notional_max: whole(position),
            exposure_max: whole(exposure),
            leverage_max: Rate::from_units(leverage),
            orders_per_second: pace.0,
            orders_per_minute: pace.1,
            orders_per_day: pace.2,
            loss_per_day_max: whole(loss),
            drawdown_max: Rate::from_units(drawdown),
            staleness_max: Span::from_secs(stale),
        }
    }
}

prop_compose! {
    fn order()(
        qty in -200..2_000_i128, off in proptest::bool::weighted(0.1), enter in any::<bool>(), sells in proptest::bool::weighted(0.1),
        kind in 0..4_u8, price in 800..1_300_i64,
    ) -> NewOrder {
        let price = Price::from_units(price * 10_000_000 + i64::from(off));
        NewOrder {
            id: ClientOrderId::derive(RunId(1), Seq(1), 0),
            strategy: "s".parse().unwrap(),
            symbol: symbol(),
            side: if enter ^ sells { Side::Buy } else { Side::Sell },
            qty: Qty::from_units(qty * 1_000_000 + i128::from(off)),
            kind: match kind {
                0 => OrderKind::Market,
                1 => OrderKind::Limit { price, time_in_force: TimeInForce::GoodTillCancelled },
                2 => OrderKind::PostOnly { price },
                _ => OrderKind::Stop { trigger: price },
            },
            purpose: if enter { Purpose::Enter } else { Purpose::Exit(ExitReason::StopLoss) },
        }
    }
}

prop_compose! {
    fn circumstances()(
        last in proptest::option::weighted(0.95, 900..1_100_i64), age in 0..15_i64, halted in proptest::bool::weighted(0.1),
        position in 0..2_000_i128, leaving in 0..1_000_i128, worth in (0..2_000_i64, 0..4_000_i64),
        loss in 0..60_i64, drawdown in 0..30_000_000_i64, equity in -50..4_000_i64,
    ) -> (i64, Circumstances) {
        (age, Circumstances {
            last: last.map(|last| Price::from_units(last * 10_000_000)),
            heard: Timestamp::ZERO,
            halted,
            position: Qty::from_units(position * 1_000_000),
            leaving: Qty::from_units(leaving * 1_000_000),
            position_notional: whole(worth.0),
            exposure: whole(worth.1),
            equity: whole(equity),
            loss_today: whole(loss),
            drawdown: Rate::from_units(drawdown),
        })
    }
}

/// Every limit again, in other words than the gate's.
fn is_allowed(order: &NewOrder, known: &Circumstances, age: Span, limits: &Limits) -> bool {
    let rules = rules();
    let Some(last) = known.last else { return false };
    let named = match order.kind {
        OrderKind::Market => None,
        OrderKind::Limit { price, .. } | OrderKind::PostOnly { price } | OrderKind::Stop { trigger: price } => {
            Some(price)
        }
    };
    let value = named.unwrap_or(last).times(order.qty).unwrap();
    let whole_lots = order.qty.units() > 0 && order.qty.units() % rules.lot.units() == 0;
    let whole_ticks = named.is_none_or(|price| price.units() > 0 && price.units() % rules.tick.units() == 0);
    let near = named.is_none_or(|price| price.distance(last).unwrap() <= limits.price_distance_max);
    let sound = !known.halted && value >= rules.notional_min;
    let purpose = match order.purpose {
        Purpose::Enter => {
            limits.symbols.contains(&order.symbol)
                && age <= limits.staleness_max
                && value <= limits.order_notional_max
                && known.position_notional.plus(value).unwrap() <= limits.position_notional_max
                && known.exposure.plus(value).unwrap() <= limits.exposure_max
                && known.equity.is_positive()
                && known.exposure.plus(value).unwrap()
                    <= known.equity.scaled(limits.leverage_max, Rounding::Down).unwrap()
                && known.loss_today <= limits.loss_per_day_max
                && known.drawdown <= limits.drawdown_max
        }
        Purpose::Exit(_) => {
            order.side == Side::Sell
                && known.position.is_positive()
                && order.qty.units() <= known.position.units() - known.leaving.units()
        }
    };
    sound && whole_lots && whole_ticks && near && purpose
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_approved_breaks_no_limit_and_what_breaks_none_is_approved(
        limits in limits(), order in order(), (age, known) in circumstances(),
    ) {
        let now = Timestamp::ZERO.plus(Span::from_secs(age));
        let approved = Gate::new(limits.clone()).judge(now, order.clone(), &rules(), &known);
        prop_assert_eq!(approved.is_ok(), is_allowed(&order, &known, Span::from_secs(age), &limits), "{:?}", approved);
    }

    #[test]
    fn no_second_minute_or_day_sees_more_orders_than_its_limit(
        limits in limits(), waits in proptest::collection::vec(0..3_000_i64, 1..60),
    ) {
        let limits = Limits { symbols: vec![symbol()], ..Limits { order_notional_max: whole(5_000), ..limits } };
        let mut gate = Gate::new(Limits {
            position_notional_max: whole(5_000), exposure_max: whole(5_000), leverage_max: Rate::ONE, staleness_max: Span::DAY, ..limits.clone()
        });
        let known = Circumstances {
            last: Some(Price::from_units(10_000_000_000)), heard: Timestamp::ZERO, halted: false, position: Qty::ZERO,
            leaving: Qty::ZERO, position_notional: Notional::ZERO, exposure: Notional::ZERO, equity: whole(10_000), loss_today: Notional::ZERO,
            drawdown: Rate::ZERO,
        };
        let order = NewOrder {
            id: ClientOrderId::derive(RunId(1), Seq(1), 0), strategy: "s".parse().unwrap(), symbol: symbol(), side: Side::Buy,
            qty: "1".parse().unwrap(), kind: OrderKind::Market, purpose: Purpose::Enter,
        };
        let (mut now, mut sent) = (Timestamp::ZERO, Vec::new());
        for wait in waits {
            now = now.plus(Span::from_millis(wait));
            if gate.judge(now, order.clone(), &rules(), &known).is_ok() {
                sent.push(now);
            }
            let within = |span: Span| sent.iter().filter(|at| now.since(**at) < span).count();
            prop_assert!(within(Span::SECOND) <= usize::try_from(limits.orders_per_second).unwrap());
            prop_assert!(within(Span::MINUTE) <= usize::try_from(limits.orders_per_minute).unwrap());
            prop_assert!(sent.len() <= usize::try_from(limits.orders_per_day).unwrap());
        }
        prop_assert!(!sent.is_empty());
    }
}
