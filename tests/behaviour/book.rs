//! Books from recorded streams: equal to the reference, and one clear word about each recording that is broken.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use proptest::prelude::*;
use serde_json::Value;
use tradingbot::domain::event::{BookSnapshot, DepthUpdate, Level};
use tradingbot::domain::{
    AccountEvent, ClientOrderId, Instrument, Market, MarketEvent, NewOrder, OrderKind, Price, Purpose, Qty, Rate,
    RunId, Seq, Side, Timestamp,
};
use tradingbot::market::{Book, BookSync, Step, SyncCounts};
use tradingbot::sim::{Sim, SimSettings};
use tradingbot::store::{DataKind, ReadRecordingError, Recorded, RecordingReader};

use crate::data::{golden, shared};

#[test]
fn books_equal_the_reference_to_the_last_digit() {
    let Some(shared) = shared("") else { return };
    for (reference, streams, applied, skipped, confirmed) in [
        ("BTCUSDT-spot-20240808", &["BTCUSDT-spot-20240808", "BTCUSDT-spot-20240809"][..], 6_493, 2, 6_491),
        ("BTCUSDT-usdm-20240718", &["BTCUSDT-usdm-20240718"], 3_321, 5, 3_321),
    ] {
        let files = streams.iter().map(|name| shared.join(format!("data/streams/{name}.jsonl.zst")));
        let output = book(Path::new("."), &files.map(|file| file.display().to_string()).collect::<Vec<_>>());
        let expected = fs::read(shared.join(format!("reference/orderbook/{reference}.csv"))).unwrap();
        assert!(output.stdout == expected, "{reference}");
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            format!(
                "BTCUSDT: {applied} updates applied, {skipped} skipped, 0 gaps; after {confirmed} of them the best \
                 prices and quantities are the exchange's\n"
            )
        );
    }
}

#[test]
fn rows_come_as_json_lines_too() {
    let output = book(&golden("recordings"), &["--json", "--every", "2", "good.jsonl"]);
    let rows: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = serde_json::json!([{
        "events_applied": 2, "last_update_id": 110, "best_bid": "99.50", "bid_qty": "3.000", "best_ask": "101.00",
        "ask_qty": "2.000", "bid_levels": 1, "ask_levels": 1, "confirmed_by_book_ticker": false
    }]);
    assert_eq!(Value::from(rows), expected);
}

#[test]
fn each_broken_recording_has_its_one_clear_word() {
    let folder = golden("recordings");
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_none_or(|extension| extension != "txt"));
    cases.sort();
    for path in &cases {
        let name = path.file_name().unwrap().to_str().unwrap();
        let expected = folder.join(format!("{}.txt", name.split('.').next().unwrap()));
        let expected = fs::read_to_string(expected).unwrap();
        let output = book(&folder, &["--every", "1", name]);
        let (rows, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        let rows = rows.split_once('\n').map_or("", |(_header, rows)| rows);
        assert_eq!(format!("{rows}{said}"), expected, "{name}");
        let errors = expected.lines().filter(|line| line.starts_with("error: ")).count();
        assert!(errors <= 1, "{name}");
        assert_eq!(output.status.code(), Some(if errors == 1 { 65 } else { 0 }), "{name}");
    }
    println!("{} recordings, most of them broken", cases.len());
    assert!(cases.len() >= 35);
}

#[test]
fn what_is_too_long_cut_off_or_packed_otherwise_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    let good = fs::read(golden("recordings").join("good.jsonl")).unwrap();
    put("long.jsonl", &[&good[..], &b"1700000000500000000 ".repeat(60_000), b"\n"].concat());
    let many: Vec<u8> = (0..2_000_u64).flat_map(|place| quote_line(1_700_000_000_000 + place, place)).collect();
    let packed = zstd::encode_all(&many[..], 3).unwrap();
    put("cut.jsonl.zst", &packed[..packed.len() / 2]);
    let mut damaged = packed.clone();
    damaged[packed.len() / 2] ^= 0x55;
    put("damaged.jsonl.zst", &damaged);
    put("zipped.jsonl", b"\x1f\x8b\x08\x00something");
    put("good.jsonl", &good);
    let said = |files: &[&str]| {
        let output = book(folder.path(), files);
        assert_eq!(output.status.code(), Some(65), "{files:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        said.lines().last().unwrap().to_owned()
    };
    assert_eq!(
        said(&["long.jsonl"]),
        "error: long.jsonl:6: the line is longer than 1048608 bytes; it is no message of the exchange: remove it"
    );
    for name in ["cut.jsonl.zst", "damaged.jsonl.zst"] {
        let said = said(&[name]);
        assert!(said.starts_with(&format!("error: {name}:")) && said.contains("cut off or damaged"), "{said}");
    }
    assert_eq!(
        said(&["zipped.jsonl"]),
        "error: zipped.jsonl:1: the file is packed with gzip; unpack it first, or pack it with zstd"
    );
    assert!(said(&["absent.jsonl"]).starts_with("error: absent.jsonl cannot be opened: "));
    assert!(said(&["good.jsonl", "absent.jsonl"]).starts_with("error: absent.jsonl cannot be opened: "));
    put("earlier.jsonl", &quote_line(1_699_999_999_000, 1));
    assert_eq!(
        said(&["good.jsonl", "earlier.jsonl"]),
        "error: earlier.jsonl:1: received at 2023-11-14T22:13:19Z, 1s400ms before the line above; give files and lines \
         in the order of time"
    );
    assert_eq!(
        said(&["--symbol", "ETHUSDT", "good.jsonl"]),
        "error: good.jsonl:1: the message is about BTCUSDT, the recording about ETHUSDT; record each symbol to a file \
         of its own"
    );
}

#[test]
fn a_recording_split_anywhere_is_the_same_recording() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read_to_string(golden("recordings").join("good.jsonl")).unwrap();
    let expected = events(&[golden("recordings").join("good.jsonl")]);
    let lines: Vec<&str> = whole.lines().collect();
    for split in 1..lines.len() {
        let (one, two) = (folder.path().join("one.jsonl"), folder.path().join("two.jsonl.zst"));
        fs::write(&one, lines[..split].join("\r\n")).unwrap();
        fs::write(&two, zstd::encode_all(lines[split..].join("\n").as_bytes(), 1).unwrap()).unwrap();
        assert_eq!(events(&[one, two]), expected, "{split}");
    }
}

#[test]
fn a_recording_tells_its_market_and_its_decimals() {
    let Some(streams) = shared("data/streams") else { return };
    for (name, market, lines, price, qty) in
        [("BTCUSDT-spot-20240809", Market::Spot, 58_325, 8, 8), ("BTCUSDT-usdm-20240718", Market::UsdM, 11_414, 2, 3)]
    {
        let files = [streams.join(format!("{name}.jsonl.zst"))];
        assert_eq!(DataKind::of(&files[0]).unwrap(), DataKind::Recording);
        let mut reader = RecordingReader::open(&files).unwrap();
        assert_eq!((reader.market(), reader.decimals()), (Some(market), None));
        let mut latest = Timestamp::ZERO;
        for (place, recorded) in (1..).zip(reader.by_ref()) {
            let recorded = recorded.unwrap();
            assert!(recorded.line == place && recorded.at >= latest);
            latest = recorded.at;
        }
        assert_eq!(reader.market(), Some(market));
        assert_eq!(reader.decimals().map(|decimals| (decimals.price, decimals.qty)), Some((price, qty)));
        assert_eq!((reader.stepped_back(), reader.passed_over()), (0, 0));
        println!("{name}: {lines} lines until {latest}");
        let other = if market == Market::Spot { Market::UsdM } else { Market::Spot };
        let error = RecordingReader::open(&files).unwrap().of_market(other).find_map(Result::err).unwrap();
        assert!(matches!(error, ReadRecordingError::OtherMarket { found, .. } if found == market), "{error}");
    }
}

/// Depth messages that were received before the snapshot line, but end after it, belong to the book as well.
#[test]
fn the_simulated_exchange_knows_the_depth_of_a_recording() {
    let Some(streams) = shared("data/streams") else { return };
    for name in ["BTCUSDT-spot-20240808", "BTCUSDT-usdm-20240718"] {
        let symbol = if name.contains("usdm") { "BTCUSDT-PERP" } else { "BTCUSDT" };
        let [bitcoin, dollar] = ["BTC", "USDT"];
        let (base, quote) = (bitcoin.parse().unwrap(), dollar.parse().unwrap());
        let rules = Instrument::plain(symbol.parse().unwrap(), base, quote, Rate::ZERO);
        let mut sim = Sim::new(SimSettings::plain(vec![rules], vec![(quote, "100000000".parse().unwrap())]));
        let mut now = Timestamp::ZERO;
        for recorded in RecordingReader::open(&[streams.join(format!("{name}.jsonl.zst"))]).unwrap() {
            let Recorded { at, event, .. } = recorded.unwrap();
            sim.observe(at, &event);
            now = at;
        }
        let order = NewOrder {
            id: ClientOrderId::derive(RunId(1), Seq(1), 0),
            strategy: "test".parse().unwrap(),
            symbol: symbol.parse().unwrap(),
            side: Side::Buy,
            qty: "100".parse().unwrap(),
            kind: OrderKind::Market,
            purpose: Purpose::Enter,
        };
        sim.submit(now, &order);
        let events: Vec<AccountEvent> = std::iter::from_fn(|| sim.next(now)).collect();
        let fills = events.iter().filter(|event| matches!(event, AccountEvent::Filled(_))).count();
        assert!(fills > 20, "{name}: {fills} {:?}", events.last());
    }
}

#[test]
fn a_snapshot_is_of_the_only_symbol_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("several.jsonl");
    let line = |place: u64, message: &str| format!("{} {message}\n", 1_700_000_000_000 + place);
    let quote = |symbol: &str| format!(r#"{{"u":1,"s":"{symbol}","b":"1","B":"1","a":"2","A":"1"}}"#);
    let snapshot = r#"{"lastUpdateId":1,"bids":[],"asks":[]}"#;
    let read = |messages: &[&str]| {
        let text: String = (0..).zip(messages).map(|(place, message)| line(place, message)).collect();
        fs::write(&path, text).unwrap();
        let mut reader = RecordingReader::open(std::slice::from_ref(&path)).unwrap();
        match reader.by_ref().collect::<Result<Vec<_>, _>>() {
            Ok(events) => {
                events.iter().map(|recorded| format!("{}:{} ", recorded.line, recorded.event.symbol())).collect()
            }
            Err(error) => error.to_string().rsplit('/').next().unwrap().to_owned(),
        }
    };
    let (bitcoin, ether) = (quote("BTCUSDT"), quote("ETHUSDT"));
    assert_eq!(read(&[&bitcoin, &ether, &bitcoin]), "1:BTCUSDT 2:ETHUSDT 3:BTCUSDT ");
    assert_eq!(read(&[snapshot, &bitcoin]), "1:BTCUSDT 2:BTCUSDT ");
    assert_eq!(read(&[&ether, snapshot]), "1:ETHUSDT 2:ETHUSDT ");
    let whose = "the depth snapshot could be of BTCUSDT or ETHUSDT; record each symbol to a file of its own";
    assert_eq!(read(&[&bitcoin, &ether, snapshot]), format!("several.jsonl:3: {whose}"));
    assert_eq!(read(&[&bitcoin, snapshot, &ether]), format!("several.jsonl:2: {whose}"));
    assert_eq!(read(&[snapshot, &bitcoin, &ether]), format!("several.jsonl:1: {whose}"));
}

/// A book as simply as it can be written down.
#[derive(Debug, Default, PartialEq)]
struct Naive {
    bids: std::collections::BTreeMap<Price, Qty>,
    asks: std::collections::BTreeMap<Price, Qty>,
}

impl Naive {
    fn apply(&mut self, update: &DepthUpdate) {
        for (side, levels) in [(&mut self.bids, &update.bids), (&mut self.asks, &update.asks)] {
            for (price, qty) in levels {
                if qty.is_zero() {
                    side.remove(price)
                } else {
                    side.insert(*price, *qty)
                };
            }
        }
    }

    fn of(book: &Book) -> Self {
        Self { bids: book.bids().collect(), asks: book.asks().collect() }
    }
}

fn levels() -> impl Strategy<Value = Vec<Level>> {
    let level = (1_i64..40, 0_i128..4).prop_map(|(price, qty)| (Price::from_units(price), Qty::from_units(qty)));
    prop::collection::vec(level, 0..12)
}

/// Updates that follow on each other from id 1 on, as spot or as futures sends them.
fn updates() -> impl Strategy<Value = Vec<DepthUpdate>> {
    let update = (levels(), levels(), 1_u64..5, 1_u64..5);
    (prop::collection::vec(update, 1..40), any::<bool>()).prop_map(|(parts, futures)| {
        let mut last = 0;
        let mut chain = Vec::new();
        for (bids, asks, ids, skip) in parts {
            let first = last + if futures { skip } else { 1 };
            let previous = futures.then_some(last);
            let symbol = "BTCUSDT".parse().unwrap();
            chain.push(DepthUpdate { symbol, first, last: first + ids - 1, previous, at: Timestamp::ZERO, bids, asks });
            last = first + ids - 1;
        }
        chain
    })
}

proptest! {
    #[test]
    fn a_book_is_what_a_map_would_be(updates in updates()) {
        let (mut book, mut naive) = (Book::new(), Naive::default());
        for update in &updates {
            book.apply(update);
            naive.apply(update);
            prop_assert_eq!(&Naive::of(&book), &naive);
            prop_assert_eq!(book.best_bid().map(|level| level.0), naive.bids.keys().next_back().copied());
            prop_assert_eq!(book.best_ask().map(|level| level.0), naive.asks.keys().next().copied());
            prop_assert_eq!(book.depth(), (naive.bids.len(), naive.asks.len()));
            prop_assert!(book.bids().is_sorted_by(|a, b| a.0 > b.0) && book.asks().is_sorted_by(|a, b| a.0 < b.0));
            let price = Price::from_units(20);
            prop_assert_eq!(book.at(Side::Buy, price), naive.bids.get(&price).copied().unwrap_or(Qty::ZERO));
            prop_assert_eq!(book.at(Side::Sell, price), naive.asks.get(&price).copied().unwrap_or(Qty::ZERO));
        }
    }

    /// A snapshot taken anywhere, received anywhere behind what it holds, leads to the same book.
    #[test]
    fn a_book_does_not_depend_on_when_its_snapshot_comes(
        updates in updates(), taken in any::<prop::sample::Index>(), delay in 0_usize..40,
    ) {
        let taken = taken.index(updates.len());
        let mut naive = Naive::default();
        updates[..=taken].iter().for_each(|update| naive.apply(update));
        let snapshot = BookSnapshot {
            symbol: updates[0].symbol,
            last_update: updates[taken].last,
            bids: naive.bids.iter().rev().map(|(price, qty)| (*price, *qty)).collect(),
            asks: naive.asks.iter().map(|(price, qty)| (*price, *qty)).collect(),
        };
        let received = (taken + delay).min(updates.len() - 1);
        let mut sync = BookSync::new();
        for (place, update) in updates.iter().enumerate() {
            sync.on_update(update);
            if place == received {
                prop_assert!(sync.on_snapshot(&snapshot));
            }
            while let Some(step) = sync.step() {
                prop_assert!(matches!(step, Step::Applied | Step::Skipped), "{:?}", step);
            }
        }
        updates[taken + 1..].iter().for_each(|update| naive.apply(update));
        prop_assert_eq!(Naive::of(sync.book().unwrap()), naive);
        let SyncCounts { applied, skipped, gaps, dropped } = sync.counts();
        prop_assert_eq!((applied + skipped, gaps, dropped), (updates.len() as u64, 0, 0));
    }

    /// With any one update left out the book stops right there, and says so.
    #[test]
    fn no_missing_update_goes_unnoticed(updates in updates(), left_out in any::<prop::sample::Index>()) {
        prop_assume!(updates.len() >= 3);
        let left_out = 1 + left_out.index(updates.len() - 2);
        let mut sync = BookSync::new();
        sync.on_snapshot(&BookSnapshot { symbol: updates[0].symbol, last_update: 0, bids: vec![], asks: vec![] });
        for (place, update) in updates.iter().enumerate().filter(|(place, _)| *place != left_out) {
            sync.on_update(update);
            let told = matches!(sync.step(), Some(Step::Gap { after, .. }) if after == updates[left_out - 1].last);
            prop_assert_eq!(told, place == left_out + 1);
            prop_assert_eq!(sync.wants_snapshot(), place > left_out);
        }
        prop_assert_eq!(sync.counts().applied, left_out as u64);
        prop_assert_eq!(sync.waiting(), updates.len() - left_out - 1);
    }
}

fn events(files: &[PathBuf]) -> Vec<(Timestamp, MarketEvent)> {
    RecordingReader::open(files).unwrap().map(|recorded| recorded.unwrap()).map(|r| (r.at, r.event)).collect()
}

/// One line of best prices that differ from those of any other line.
fn quote_line(at: u64, update: u64) -> Vec<u8> {
    let mut line = Vec::new();
    let digits = update.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    writeln!(line, r#"{at} {{"u":{update},"s":"BTCUSDT","b":"1","B":"{digits}","a":"2","A":"1"}}"#).unwrap();
    line
}

fn book(folder: &Path, arguments: &[impl AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
    command.current_dir(folder).arg("book").args(arguments).output().unwrap()
}
