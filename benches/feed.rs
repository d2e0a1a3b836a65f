//! From a frame as the exchange sends it to what the engine makes of it.

use std::fmt::Write;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;
use tradingbot::binance::{Decoded, decode};
use tradingbot::domain::event::{BookSnapshot, Level};
use tradingbot::domain::{
    EntryStyle, Event, Exits, Instrument, InstrumentId, Limits, Market, MarketEvent, Rate, RunId, Seq, Sizing, Span,
    Stamped, Timestamp,
};
use tradingbot::engine::{Engine, Setup, Strict};
use tradingbot::market::practice::{PracticeMarket, default_settings};
use tradingbot::strategy::{Rule, StrategySettings};

use super::figure::Table;
use super::timing::best;

/// Decoding alone, the engine alone, and both, an event.
pub fn measure() -> Table {
    let (frames, from) = match recordings() {
        Some(files) => (files.iter().flat_map(|file| recorded(file)).collect(), "recorded from the exchange"),
        None => (practice(), "of the practice market, written as the exchange writes them"),
    };
    let frames: Vec<Frame> = frames;
    let events: Vec<(Timestamp, MarketEvent)> = frames.iter().filter_map(event).collect();
    let count = frames.len() as f64;
    let each = |seconds: f64| seconds * 1e9 / count;
    let skipping = best(ROUNDS, || {
        for frame in &frames {
            black_box(serde_json::from_slice::<IgnoredAny>(&frame.text).unwrap());
        }
    });
    let decoding = best(ROUNDS, || {
        for frame in &frames {
            black_box(decode(Market::Spot, &frame.text).unwrap());
        }
    });
    let copying = best(ROUNDS, || {
        for (_, event) in &events {
            black_box(event.clone());
        }
    });
    // What it costs to have an event to give away is no cost of the engine's.
    let stepping = best(ROUNDS, || step(events.iter().cloned())) - copying;
    let both = best(ROUNDS, || step(frames.iter().filter_map(event)));
    let bytes: usize = frames.iter().map(|frame| frame.text.len()).sum();
    let mut table = Table::new(
        "Feed",
        format!(
            "{} frames {from}, {:.0} bytes each in the mean: trades, best prices, and changes of the book. The engine keeps the \
             book and the candles of two strategies, which look at every closed candle. Processor time, fastest of {ROUNDS}.",
            frames.len(),
            bytes as f64 / count
        ),
    );
    let skipped = format!("{:.0} ns to look over the same JSON and keep nothing", each(skipping));
    table.add("decoded", format!("{:.0} ns an event", each(decoding)), &skipped);
    table.add("engine", format!("{:.0} ns an event", each(stepping)), format!("{:.0} ns to copy it", each(copying)));
    let met = each(both) <= 2_000.0;
    table.judge(
        "decoded, and taken in by the engine",
        format!("{:.0} ns an event", each(both)),
        skipped,
        "<= 2 us",
        met,
    );
    table
}

/// Recorded streams of the spot market, in order, where there are some.
pub fn recordings() -> Option<Vec<PathBuf>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = match std::env::var_os("TRADINGBOT_SHARED") {
        Some(place) => vec![PathBuf::from(place)],
        None => vec![here.join("../shared"), here.join("../../shared")],
    };
    let folder = places.into_iter().map(|place| place.join("data/streams")).find(|place| place.exists())?;
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.to_string_lossy().contains("-spot-")).collect();
    files.sort();
    (!files.is_empty()).then_some(files)
}

struct Frame {
    at: Timestamp,
    text: Vec<u8>,
}

/// Frames of one file that tell of trades, prices or the book.
fn recorded(file: &Path) -> Vec<Frame> {
    let bytes = zstd::decode_all(std::fs::File::open(file).unwrap()).unwrap();
    let frames = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| {
        let (time, text) = line.split_at(line.iter().position(|byte| *byte == b' ').unwrap());
        let nanos = std::str::from_utf8(time).unwrap().parse().unwrap();
        Frame { at: Timestamp::from_exchange(nanos).unwrap(), text: text.trim_ascii().to_vec() }
    });
    frames.filter(|frame| event(frame).is_some()).collect()
}

fn event(frame: &Frame) -> Option<(Timestamp, MarketEvent)> {
    match decode(Market::Spot, &frame.text).unwrap() {
        Decoded::Market(event) => Some((frame.at, event)),
        Decoded::Snapshot { last_update, bids, asks } => {
            Some((frame.at, MarketEvent::Book(BookSnapshot { symbol: symbol(), last_update, bids, asks })))
        }
        Decoded::Top(_) | Decoded::Unused(_) | Decoded::Other(_) => None,
    }
}

fn step(events: impl Iterator<Item = (Timestamp, MarketEvent)>) {
    let mut engine = engine();
    let mut commands = Vec::new();
    for (number, (at, event)) in (1..).zip(events) {
        engine.apply(&Stamped { seq: Seq(number), at, event: Event::Market(event) }, &mut commands);
        black_box(&commands);
        commands.clear();
    }
}

fn engine() -> Engine {
    Engine::new(setup())
}

/// An engine of two strategies on one market.
pub fn setup() -> Setup {
    let strategy = |name: &str, rule, interval| StrategySettings {
        name: name.parse().unwrap(),
        rule,
        symbols: vec![symbol()],
        interval,
        sizing: Sizing::Fixed { stake: "100".parse().unwrap() },
        entry: EntryStyle::Market,
        exits: Exits::default(),
        positions_max: 1,
        warm_up: 26,
    };
    let rules = Instrument::plain(symbol(), "BTC".parse().unwrap(), "USDT".parse().unwrap(), Rate::from_units(100_000));
    Setup {
        run: RunId(1),
        quote: "USDT".parse().unwrap(),
        instruments: vec![rules],
        strategies: vec![
            strategy("ema", Rule::named("ema-cross", &[]).unwrap(), Span::SECOND),
            strategy("donchian", Rule::named("donchian-breakout", &[]).unwrap(), Span::MINUTE),
        ],
        limits: Limits::none(vec![symbol()]),
        interval_rule: &Strict,
        mark_every: Span::MINUTE,
    }
}

/// Events of the practice market as frames.
fn practice() -> Vec<Frame> {
    let mut settings = default_settings(1, "2024-01-31T12:00:00Z".parse().unwrap());
    settings.pairs.retain(|pair| pair.instrument.id == symbol());
    let mut market = PracticeMarket::new(settings);
    let mut frames = Vec::new();
    while frames.len() < PRACTICE_FRAMES {
        let (at, event) = market.next();
        if let Event::Market(event) = event {
            frames.extend(written(&event).map(|text| Frame { at, text: text.into_bytes() }));
        }
    }
    frames
}

fn written(event: &MarketEvent) -> Option<String> {
    match event {
        MarketEvent::Trade(trade) => Some(format!(
            r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":{0},"s":"{1}","t":{2},"p":"{3}","q":"{4}","T":{0},"m":{5},"M":true}}}}"#,
            trade.at.millis(),
            trade.symbol,
            trade.id.0,
            trade.price,
            trade.qty,
            trade.buyer_is_maker,
        )),
        MarketEvent::Quote(quote) => Some(format!(
            r#"{{"stream":"btcusdt@bookTicker","data":{{"u":{},"s":"{}","b":"{}","B":"{}","a":"{}","A":"{}"}}}}"#,
            quote.update, quote.symbol, quote.bid, quote.bid_qty, quote.ask, quote.ask_qty,
        )),
        MarketEvent::Depth(update) => Some(format!(
            r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":{},"s":"{}","U":{},"u":{},"b":{},"a":{}}}}}"#,
            update.at.millis(),
            update.symbol,
            update.first,
            update.last,
            levels(&update.bids),
            levels(&update.asks),
        )),
        MarketEvent::Book(book) => Some(format!(
            r#"{{"lastUpdateId":{},"bids":{},"asks":{}}}"#,
            book.last_update,
            levels(&book.bids),
            levels(&book.asks),
        )),
        MarketEvent::Candle { .. } | MarketEvent::Range { .. } => None,
    }
}

fn levels(levels: &[Level]) -> String {
    let mut text = String::from("[");
    for (at, (price, qty)) in levels.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(text, r#"{comma}["{price}","{qty}"]"#).unwrap();
    }
    text + "]"
}

fn symbol() -> InstrumentId {
    "BTCUSDT".parse().unwrap()
}

const ROUNDS: u32 = 15;
const PRACTICE_FRAMES: usize = 100_000;
