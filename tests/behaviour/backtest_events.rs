//! A backtest shows the engine only what can change its mind. What comes of it is what comes of showing it every candle.

use std::collections::BTreeMap;

use tradingbot::backtest::{Feed, FillRule, Outcome, Settings, run};
use tradingbot::domain::{
    Asset, Candle, EntryStyle, Exits, Instrument, InstrumentId, Limits, Notional, Price, Qty, Rate, RoiStep, Sizing,
    Span, Timestamp, Trailing,
};
use tradingbot::market::Random;
use tradingbot::strategy::{Rule, StrategySettings};

use crate::support::candle_events;

#[test]
fn a_backtest_gives_what_the_engine_gives_that_is_shown_every_candle() {
    let mut met: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..SEEDS {
        let (settings, feeds) = scene(&mut Random::seeded(seed));
        let (got, expected) = (run(&settings, &feeds), candle_events::run(&settings, &feeds));
        let said = |outcome: &Result<Outcome, _>| format!("{outcome:#?}");
        if said(&got) != said(&expected) {
            let (got, expected) = (said(&got), said(&expected));
            let line = got.lines().zip(expected.lines()).position(|(got, expected)| got != expected).unwrap_or(0);
            let near = |text: &str| text.lines().skip(line.saturating_sub(30)).take(40).collect::<Vec<_>>().join("\n");
            panic!("seed {seed} with {settings:#?}\ngot {}\nexpected {}", near(&got), near(&expected));
        }
        count(&mut met, &expected);
    }
    println!("{met:#?}");
    for what in EXPECTED {
        assert!(met.contains_key(*what), "no scene has any {what}: {met:#?}");
    }
}

/// What scenes must bring about, so that equal is more than equally empty.
const EXPECTED: &[&str] = &[
    "exit_signal",
    "stop_loss",
    "trailing_stop_loss",
    "roi",
    "force_exit",
    "symbols at once",
    "is not among the symbols",
    "orders-per-minute",
    "orders-per-day",
    "order-notional-max",
    "position-notional-max",
    "exposure-max",
    "leverage-max",
    "loss-per-day-max",
    "drawdown is",
    "entries too small",
    "drawdown",
    "errors",
];

fn count(met: &mut BTreeMap<String, u64>, outcome: &Result<Outcome, tradingbot::backtest::BacktestError>) {
    let mut add = |what: &str, count: usize| {
        if count > 0 {
            *met.entry(what.to_owned()).or_default() += count as u64;
        }
    };
    let Ok(outcome) = outcome else { return add("errors", 1) };
    for trip in &outcome.trips {
        add(&trip.reason.to_string(), 1);
        let others = outcome.trips.iter().filter(|other| other.symbol != trip.symbol);
        add("symbols at once", others.filter(|it| it.opened < trip.closed && trip.opened < it.closed).count());
    }
    if let Some(refusal) = &outcome.refusal_last {
        EXPECTED.iter().filter(|what| refusal.contains(**what)).for_each(|what| add(what, 1));
    }
    add("entries too small", outcome.entries_too_small.len());
    add("drawdown", usize::from(outcome.curve.drawdown_max > Rate::ZERO));
}

/// One to four symbols, one to three strategies, limits and assumptions of all kinds.
fn scene(dice: &mut Random) -> (Settings, Vec<Feed>) {
    let feeds: Vec<Feed> = (0..1 + dice.below(4)).map(|number| feed(dice, number)).collect();
    let ids: Vec<InstrumentId> = feeds.iter().map(|feed| feed.rules.id).collect();
    let strategies = (0..1 + dice.below(3)).map(|number| strategy(dice, number, &ids)).collect();
    let fill_rule = if dice.odds(2, 3) { FillRule::Strict } else { FillRule::Freqtrade };
    let settings = Settings {
        quote: quote(),
        balance: Notional::from_units(money(match dice.below(40) {
            0..5 => 30,
            // Too much to compute with, sooner or later.
            5 => 170_000_000_000_000,
            _ => dice.between(200, 20_000),
        })),
        strategies,
        limits: limits(dice, ids),
        fill_rule,
        slippage: if dice.odds(1, 3) { Rate::ZERO } else { Rate::from_units(dice.between(1, 300_000)) },
        every_point: dice.odds(3, 4),
    };
    (settings, feeds)
}

/// A random walk, parts of which stand still, without a candle or without a trade.
fn feed(dice: &mut Random, number: u64) -> Feed {
    let (base, id): (Asset, InstrumentId) =
        (format!("C{number}").parse().unwrap(), format!("C{number}USDT").parse().unwrap());
    let mut rules = Instrument::plain(id, base, quote(), Rate::from_units(dice.between(0, 200_000)));
    if dice.odds(1, 2) {
        (rules.tick, rules.lot) = (Price::from_units(1_000_000), Qty::from_units(100_000));
        rules.notional_min = Notional::from_units(money(5));
    }
    if dice.odds(1, 8) {
        rules.qty_max = Qty::from_units(i128::from(dice.between(50_000_000, 500_000_000)));
    }
    let tick = rules.tick.units();
    let mut price = dice.between(500, 20_000) * 10_000_000 / tick * tick;
    let step = dice.between(5, 400);
    let mut at = Timestamp::from_nanos(1_700_000_000_000_000_000).floor(INTERVAL);
    at = at.plus(Span::from_nanos(INTERVAL.nanos() * dice.between(0, 30)));
    let mut candles = Vec::new();
    for _ in 0..dice.between(1, 700) {
        let mut walk = || {
            price = (price + price / 10_000 * dice.between(-step, step)).max(100 * tick) / tick * tick;
            Price::from_units(price)
        };
        let prices = [walk(), walk(), walk(), walk()];
        let mut candle = Candle::flat(at, prices[0]);
        if dice.odds(7, 8) {
            (candle.high, candle.low) = (*prices.iter().max().unwrap(), *prices.iter().min().unwrap());
            candle.close = prices[3];
            candle.volume = Qty::from_units(100_000_000);
        } else {
            price = prices[0].units();
        }
        candles.push(candle);
        at = at.plus(if dice.odds(1, 90) { Span::from_nanos(INTERVAL.nanos() * 3 / 2) } else { INTERVAL });
    }
    Feed { rules, interval: INTERVAL, candles, made_up: dice.below(3) }
}

fn strategy(dice: &mut Random, number: u64, ids: &[InstrumentId]) -> StrategySettings {
    let mut some = |least: u64, count: u64| u32::try_from(least + dice.below(count)).unwrap();
    let (name, values) = match some(0, 3) {
        0 => ("ema-cross", vec![("fast", some(1, 4)), ("slow", some(5, 8))]),
        1 => ("rsi-reversion", vec![("period", some(2, 6)), ("enter-below", 40), ("leave-above", 60)]),
        _ => ("donchian-breakout", vec![("period", some(1, 9))]),
    };
    let rule = Rule::named(name, &values).unwrap();
    let sizing = match dice.below(3) {
        0 => Sizing::Fixed { stake: Notional::from_units(money(dice.between(10, 3_000))) },
        1 => Sizing::EquityShare { share: rate(dice, 1, 60) },
        _ => Sizing::VolatilityTarget {
            risk: rate(dice, 1, 5),
            period: 1 + dice.below(9) as u32,
            share_max: rate(dice, 5, 60),
        },
    };
    let trailing = dice.odds(1, 3).then(|| {
        let offset = dice.odds(1, 2).then(|| rate(dice, 0, 4));
        let distance_before = dice.odds(1, 2).then(|| rate(dice, 1, 6)).filter(|_| offset.is_some());
        Trailing { distance: rate(dice, 1, 4), offset, distance_before }
    });
    let mut roi: Vec<RoiStep> = Vec::new();
    for steps in 0..dice.below(3) as i64 {
        roi.push(RoiStep { after: Span::from_nanos(INTERVAL.nanos() * steps * 7), profit: rate(dice, -1, 6) });
    }
    StrategySettings {
        name: format!("s{number}").parse().unwrap(),
        rule,
        symbols: ids.iter().copied().filter(|_| dice.odds(4, 5)).collect(),
        interval: if dice.odds(1, 12) { Span::DAY } else { INTERVAL },
        sizing,
        entry: if dice.odds(1, 16) { EntryStyle::PostOnly { timeout: Span::HOUR } } else { EntryStyle::Market },
        exits: Exits {
            stop_loss: dice.odds(1, 2).then(|| rate(dice, 1, 8)),
            trailing,
            roi,
            cooldown: Span::from_nanos(INTERVAL.nanos() * (dice.below(5) as i64 - 1).max(0)),
        },
        positions_max: 1 + dice.below(4) as u32,
        warm_up: dice.below(30) as u32,
    }
}

fn limits(dice: &mut Random, ids: Vec<InstrumentId>) -> Limits {
    let mut limits = Limits::none(ids);
    let mut some = |limit: &mut Notional, least: i64, most: i64| {
        if dice.odds(1, 6) {
            *limit = Notional::from_units(money(dice.between(least, most)));
        }
    };
    some(&mut limits.order_notional_max, 50, 2_000);
    some(&mut limits.position_notional_max, 50, 2_000);
    some(&mut limits.exposure_max, 100, 4_000);
    some(&mut limits.loss_per_day_max, 1, 100);
    if dice.odds(1, 8) {
        limits.symbols.pop();
    }
    if dice.odds(1, 6) {
        limits.leverage_max = rate(dice, 10, 100);
    }
    if dice.odds(1, 5) {
        limits.drawdown_max = rate(dice, 0, 8);
    }
    if dice.odds(1, 8) {
        limits.orders_per_day = 1 + dice.below(6) as u32;
    }
    if dice.odds(1, 8) {
        limits.orders_per_minute = 1;
    }
    limits
}

/// Hundredths.
fn rate(dice: &mut Random, least: i64, most: i64) -> Rate {
    Rate::from_units(dice.between(least * 1_000_000, most * 1_000_000))
}

fn money(whole: i64) -> i128 {
    i128::from(whole) * 10_000_000_000_000_000
}

fn quote() -> Asset {
    "USDT".parse().unwrap()
}

const INTERVAL: Span = Span::from_secs(4 * 3_600);
const SEEDS: u64 = 150;
