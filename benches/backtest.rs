//! Candles per second through the whole engine: signals, risk gate, order path, fills and fees; data in memory, one core.
//! The baseline is the bare rule over the same candles, in the same run.

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::Path;

use tradingbot::backtest::{Feed, FillRule, Outcome, Settings, run};
use tradingbot::domain::{
    Candle, EntryStyle, Exits, Instrument, InstrumentId, Limits, Price, Qty, Rate, Sizing, Span, Timestamp,
};
use tradingbot::market::Random;
use tradingbot::store;
use tradingbot::strategy::{Rule, SignalRule, StrategySettings};

use super::figure::Table;
use super::timing::best;

/// One symbol and several, short runs and long ones, from memory and from packed files.
pub fn measure() -> Table {
    let mut table = Table::new(
        "Backtest",
        format!(
            "An EMA cross (12, 26) over candles of a random walk on one core, with signals, sizes, the risk gate, orders, fills, \
             fees, stops and equity; processor time, fastest of {ROUNDS}. The baseline is the bare rule over the same candles."
        ),
    );
    for (symbols, candles) in [(1, 250_000), (1, 1_000_000), (2, 250_000), (5, 250_000), (20, 250_000)] {
        let feeds: Vec<Feed> = (0..symbols).map(|seed| feed(seed, candles)).collect();
        let total = symbols as f64 * candles as f64;
        let bare = best(ROUNDS, || bare(&feeds));
        let mut trips = 0;
        let whole = best(ROUNDS, || trips = whole(&feeds).trips.len());
        table.judge(
            format!("{symbols} x {candles} candles in memory, {trips} round trips"),
            format!("{:.1} M candles/s, {:.0} ns each", total / whole / 1e6, whole * 1e9 / total),
            format!("{:.0} ns each", bare * 1e9 / total),
            ">= 5 M/s",
            total / whole >= 5e6,
        );
    }
    packed(&mut table);
    table
}

/// The same from a file such as the exchange publishes, packed with zstd.
fn packed(table: &mut Table) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("S0USDT-1m-2024.csv.zst");
    let kept = feed(0, PACKED);
    fs::write(&path, zstd::encode_all(csv(&kept.candles).as_bytes(), 3).unwrap()).unwrap();
    let unpacking = best(ROUNDS, || drop(black_box(zstd::decode_all(fs::File::open(&path).unwrap()).unwrap())));
    let reading = best(ROUNDS, || drop(black_box(read(&path))));
    let whole = best(ROUNDS, || drop(whole(&[Feed { candles: read(&path), ..kept.clone() }])));
    let total = PACKED as f64;
    let each = |seconds: f64| format!("{:.1} M candles/s, {:.0} ns each", total / seconds / 1e6, seconds * 1e9 / total);
    let beside = format!("{:.0} ns each to unpack them", unpacking * 1e9 / total);
    table.add(format!("{PACKED} candles, read from a packed file"), each(reading), &beside);
    table.add("read, and the whole backtest", each(whole), &beside);
}

fn read(path: &Path) -> Vec<Candle> {
    store::read_klines(path).unwrap().candles
}

fn csv(candles: &[Candle]) -> String {
    let mut text = String::new();
    for candle in candles {
        let open = candle.open_time.millis();
        let close = open + Span::MINUTE.millis() - 1;
        let Candle { open: first, high, low, close: last, volume, .. } = candle;
        writeln!(text, "{open},{first},{high},{low},{last},{volume},{close},0,0,0,0,0").unwrap();
    }
    text
}

/// The whole of `feeds` through the engine.
pub fn whole(feeds: &[Feed]) -> Outcome {
    let symbols: Vec<InstrumentId> = feeds.iter().map(|feed| feed.rules.id).collect();
    let strategy = StrategySettings {
        name: "ema".parse().unwrap(),
        rule: rule(),
        symbols: symbols.clone(),
        interval: Span::MINUTE,
        sizing: Sizing::Fixed { stake: "100".parse().unwrap() },
        entry: EntryStyle::Market,
        exits: Exits { stop_loss: Some("0.1".parse().unwrap()), ..Exits::default() },
        positions_max: u32::try_from(feeds.len()).unwrap(),
        warm_up: 26,
    };
    let settings = Settings {
        quote: "USDT".parse().unwrap(),
        balance: "1000000".parse().unwrap(),
        strategies: vec![strategy],
        limits: Limits::none(symbols),
        fill_rule: FillRule::Strict,
        slippage: "0.0005".parse().unwrap(),
        every_point: false,
    };
    black_box(run(&settings, feeds).unwrap())
}

fn bare(feeds: &[Feed]) {
    for feed in feeds {
        let mut rule = rule().build(SignalRule::Strict);
        for candle in &feed.candles {
            black_box(rule.update(candle));
        }
    }
}

/// A seeded random walk.
pub fn feed(seed: u64, candles: usize) -> Feed {
    let mut random = Random::seeded(seed);
    let symbol: InstrumentId = format!("S{seed}USDT").parse().unwrap();
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
            let mut candle = Candle::flat(START.plus(Span::from_secs(60 * at)), Price::from_units(open));
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
    Feed { rules, interval: Span::MINUTE, candles, made_up: 0 }
}

const ROUNDS: u32 = 7;
const PACKED: usize = 500_000;
/// A minute of 2023.
const START: Timestamp = Timestamp::from_nanos(1_699_999_980_000_000_000);

fn rule() -> Rule {
    Rule::named("ema-cross", &[("fast", 12), ("slow", 26)]).unwrap()
}
