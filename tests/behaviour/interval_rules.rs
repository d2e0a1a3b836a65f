//! What a past interval means for an open position, under the strict rule and under that of the freqtrade backtester.

use tradingbot::backtest::Freqtrade;
use tradingbot::domain::{Candle, Exits, Instrument, OrderKind, Price, Rate, RoiStep, Span, Timestamp, Trailing};
use tradingbot::engine::{IntervalRule, Leave, PastInterval, StopTracker, Strict};

const OPENED: i64 = 3_600_000_000_000;

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

fn rules() -> Instrument {
    let name = |text: &str| text.parse().unwrap();
    Instrument::plain("BTCUSDT".parse().unwrap(), name("BTC"), name("USDT"), Rate::ZERO)
}

/// A candle so many hours after the one of the entry.
fn candle(hours: i64, open: &str, high: &str, low: &str, close: &str) -> Candle {
    let mut candle = Candle::flat(Timestamp::from_nanos(OPENED + hours * Span::HOUR.nanos()), price(open));
    (candle.high, candle.low, candle.close) = (price(high), price(low), price(close));
    candle
}

fn exits(roi: &[(&str, &str)], trailing: Option<(&str, Option<&str>)>) -> Exits {
    Exits {
        stop_loss: Some(rate("0.1")),
        roi: roi
            .iter()
            .map(|(after, profit)| RoiStep { after: after.parse().unwrap(), profit: rate(profit) })
            .collect(),
        trailing: trailing.map(|(distance, offset)| Trailing {
            distance: rate(distance),
            offset: offset.map(rate),
            distance_before: None,
        }),
        cooldown: Span::ZERO,
    }
}

/// What the stops of a position entered at 5000 say about a candle: the reason and the price, `open` for a market order.
fn says(rule: &dyn IntervalRule, exits: &Exits, signalled: bool, before: Option<Candle>, candle: &Candle) -> String {
    let rules = rules();
    let mut stops = StopTracker::new(exits, &rules, price("5000"), Timestamp::from_nanos(OPENED)).unwrap();
    if let Some(before) = before {
        let before = PastInterval { candle: &before, exit_signalled: false, exits, rules: &rules };
        let judged = rule.judge(stops, &before).unwrap();
        assert_eq!(judged.leave, None);
        stops = judged.stops;
    }
    let interval = PastInterval { candle, exit_signalled: signalled, exits, rules: &rules };
    match rule.judge(stops, &interval).unwrap().leave {
        None => "stays".to_owned(),
        Some(Leave { kind: OrderKind::Market, reason }) => format!("{reason} @ open {}", candle.open),
        Some(Leave { kind: OrderKind::Stop { trigger: at }, reason })
        | Some(Leave { kind: OrderKind::Limit { price: at, .. } | OrderKind::PostOnly { price: at }, reason }) => {
            format!("{reason} @ {at}")
        }
    }
}

/// Each row was run against freqtrade 2026.3: entry at 5000, stop 10 % under it, no fee.
#[test]
fn the_freqtrade_rule_leaves_where_freqtrade_does() {
    let ten = exits(&[("0s", "0.1")], None);
    let none = exits(&[], None);
    let trail = exits(&[], Some(("0.1", None)));
    let trail_and_roi = exits(&[("0s", "0.12")], Some(("0.1", None)));
    let offset = exits(&[], Some(("0.02", Some("0.05"))));
    let stepped = exits(&[("0s", "0.1"), ("1h", "0.02")], None);
    let rows: [(&Exits, bool, Option<Candle>, Candle, &str); 14] = [
        (&ten, false, None, candle(1, "5000", "5600", "4400", "5000"), "stop_loss @ 4500"),
        (&none, true, None, candle(1, "4990", "5050", "4400", "5000"), "exit_signal @ open 4990"),
        (&none, false, None, candle(0, "5000", "5050", "4400", "4500"), "stop_loss @ 4500"),
        (&none, false, None, candle(1, "4300", "4400", "4200", "4300"), "stop_loss @ open 4300"),
        (&none, false, None, candle(1, "4300", "4600", "4200", "4300"), "stop_loss @ 4500"),
        (&ten, false, None, candle(1, "5700", "5800", "5650", "5700"), "roi @ 5650"),
        (&ten, false, None, candle(0, "5000", "5600", "4950", "5000"), "roi @ 5500"),
        (&trail, false, None, candle(1, "5450", "6000", "5300", "5400"), "trailing_stop_loss @ 5400"),
        (&trail_and_roi, false, None, candle(1, "5450", "6000", "5300", "5400"), "roi @ 5600"),
        (&trail, false, None, candle(0, "5000", "6000", "4600", "5000"), "trailing_stop_loss @ 4600"),
        (&offset, false, None, candle(0, "5000", "6000", "4600", "5000"), "trailing_stop_loss @ 5150"),
        (
            &trail,
            false,
            Some(candle(0, "5000", "5050", "4990", "5000")),
            candle(1, "5000", "6000", "4400", "5000"),
            "trailing_stop_loss @ 4545",
        ),
        (&stepped, false, None, candle(1, "5150", "5160", "5120", "5150"), "roi @ open 5150"),
        (&none, false, None, candle(1, "5000", "5020", "4980", "5010"), "stays"),
    ];
    for (exits, signalled, before, candle, expected) in rows {
        assert_eq!(says(&Freqtrade, exits, signalled, before, &candle), expected, "{candle:?}");
    }
}

#[test]
fn an_exit_at_a_low_between_two_ticks_is_at_a_tick_that_the_candle_reaches() {
    let exits = exits(&[("0s", "0.1")], Some(("0.1", None)));
    let rules = Instrument { tick: price("1"), ..rules() };
    let leave = |candle: &Candle| {
        let stops = StopTracker::new(&exits, &rules, price("5000"), Timestamp::from_nanos(OPENED)).unwrap();
        let interval = PastInterval { candle, exit_signalled: false, exits: &exits, rules: &rules };
        Freqtrade.judge(stops, &interval).unwrap().leave.unwrap().kind.price()
    };
    assert_eq!(leave(&candle(0, "5000", "5450.5", "4600.5", "5000")), Some(price("4601")));
    assert_eq!(leave(&candle(1, "5700", "5800", "5650.5", "5700")), Some(price("5650")));
}

#[test]
fn the_strict_rule_assumes_what_is_worse() {
    let ten = exits(&[("0s", "0.1")], None);
    let none = exits(&[], None);
    let trail = exits(&[], Some(("0.1", None)));
    let rows: [(&Exits, Candle, &str); 8] = [
        (&ten, candle(1, "5000", "5600", "4400", "5000"), "stop_loss @ 4500"),
        (&none, candle(1, "4300", "4600", "4200", "4300"), "stop_loss @ open 4300"),
        (&none, candle(1, "4300", "4400", "4200", "4300"), "stop_loss @ open 4300"),
        (&ten, candle(1, "5400", "5500", "5300", "5400"), "stays"),
        (&ten, candle(1, "5400", "5501", "5300", "5400"), "roi @ 5500"),
        (&ten, candle(1, "5700", "5800", "5650", "5700"), "roi @ open 5700"),
        (&trail, candle(1, "5450", "6000", "5300", "5500"), "stays"),
        (&trail, candle(1, "5450", "6000", "5300", "5400"), "trailing_stop_loss @ 5400"),
    ];
    for (exits, candle, expected) in rows {
        assert_eq!(says(&Strict, exits, false, None, &candle), expected, "{candle:?}");
    }
}
