//! Candles per second through the whole engine: signals, risk gate, order path, fills and fees; data in memory, one core.
//! The baseline is the bare rule over the same candles, in the same run.
#![expect(
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a benchmark measures time and prints it"
)]

use std::hint::black_box;
use std::time::Instant;

use tradingbot::backtest::{Feed, FillRule, Outcome, Settings, run};
use tradingbot::domain::{
    Candle, EntryStyle, Exits, Instrument, Limits, Price, Qty, Rate, Rule, Sizing, Span, StrategySettings, Symbol,
    Timestamp,
};
use tradingbot::market::Random;
use tradingbot::strategy;

fn main() {
    println!("candles through the whole engine, EMA cross 12/26, best of {ROUNDS}");
    for (symbols, candles) in [(1, 250_000), (1, 500_000), (1, 1_000_000), (4, 250_000), (8, 125_000)] {
        let feeds: Vec<Feed> = (0..symbols).map(|seed| feed(seed, candles)).collect();
        let total = (symbols as usize * candles) as f64;
        let bare = best(|| bare(&feeds));
        let mut trips = 0;
        let whole = best(|| {
            let outcome = whole(&feeds);
            trips = outcome.trips.len();
        });
        println!(
            "{symbols} symbols x {candles}: {:.2} M candles/s ({:.0} ns each, {trips} round trips); bare rule {:.1} ns each",
            total / whole / 1e6,
            whole * 1e9 / total,
            bare * 1e9 / total,
        );
    }
}

fn whole(feeds: &[Feed]) -> Outcome {
    let symbols: Vec<Symbol> = feeds.iter().map(|feed| feed.rules.symbol).collect();
    let strategy = StrategySettings {
        name: "ema".parse().unwrap(),
        rule: RULE,
        symbols: symbols.clone(),
        interval: Span::MINUTE,
        sizing: Sizing::Fixed { stake: "100".parse().unwrap() },
        entry: EntryStyle::Market,
        exits: Exits { stop_loss: Some("0.1".parse().unwrap()), ..Exits::default() },
        positions_max: 8,
        warm_up: 26,
    };
    let settings = Settings {
        quote: "USDT".parse().unwrap(),
        balance: "1000000".parse().unwrap(),
        strategies: vec![strategy],
        limits: Limits::none(symbols),
        fill_rule: FillRule::Strict,
        slippage: "0.0005".parse().unwrap(),
        mark_every: Span::DAY,
    };
    black_box(run(&settings, feeds).unwrap())
}

fn bare(feeds: &[Feed]) {
    for feed in feeds {
        let mut rule = strategy::build(RULE);
        for candle in &feed.candles {
            black_box(rule.update(candle));
        }
    }
}

fn best(mut work: impl FnMut()) -> f64 {
    (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min)
}

/// A seeded random walk.
fn feed(seed: u64, candles: usize) -> Feed {
    let mut random = Random::seeded(seed);
    let symbol: Symbol = format!("S{seed}USDT").parse().unwrap();
    let mut price: i64 = 100_000_000_000;
    let mut step = || {
        price += random.between(-1_000_000, 1_000_000);
        price
    };
    let candles = (0..candles)
        .map(|at| {
            let open = step();
            let (a, b, close) = (step(), step(), step());
            let at = i64::try_from(at).unwrap();
            let mut candle = Candle::flat(Timestamp::from_nanos(at * Span::MINUTE.nanos()), Price::from_units(open));
            candle.high = Price::from_units(open.max(a).max(b).max(close));
            candle.low = Price::from_units(open.min(a).min(b).min(close));
            candle.close = Price::from_units(close);
            candle.volume = Qty::from_units(100_000_000);
            candle
        })
        .collect();
    let rules = Instrument::plain(
        symbol,
        format!("S{seed}").parse().unwrap(),
        "USDT".parse().unwrap(),
        Rate::from_units(100_000),
    );
    Feed { rules, interval: Span::MINUTE, candles }
}

const ROUNDS: usize = 5;
const RULE: Rule = Rule::EmaCross { fast: 12, slow: 26 };
