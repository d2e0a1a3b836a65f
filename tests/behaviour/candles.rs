//! Candles from trades and from shorter candles: equal to the exchange's, and nothing gained or lost on the way.

use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Output};

use proptest::prelude::*;
use serde_json::Value;
use tradingbot::domain::event::Trade;
use tradingbot::domain::{Candle, MarketEvent, Notional, Price, Qty, Span, Timestamp, TradeId};
use tradingbot::market::{BuildCandleError, CandleBuilder, CandleMerger, Interval, MergeCandlesError};
use tradingbot::store::{RecordingReader, TradeReader, read_klines};

use crate::data::{golden, shared};

#[test]
fn minutes_follow_from_merged_trades_to_the_last_digit() {
    let Some(data) = shared("data") else { return };
    let trades = data.join("trades/XRPETH-aggTrades-20191011-20191013.csv.zst");
    let output = candles(&["--interval", "1m"], &[&trades]);
    assert!(output.status.success());
    let note = "note: the last candle, of 2019-10-13T11:19:00Z, may not be whole: the files end in it\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), note);
    let packed = fs::read(data.join("klines/1m/XRPETH-1m-20191011-20191013.csv.zst")).unwrap();
    let expected = String::from_utf8(zstd::decode_all(&packed[..]).unwrap()).unwrap();
    let built = String::from_utf8(output.stdout).unwrap();
    assert_eq!(built.lines().count(), 2_470);
    let to_close_time = |text: &str| text.lines().map(|line| columns(line)[..7].join(",")).collect::<Vec<_>>();
    assert_eq!(to_close_time(&built), to_close_time(&expected));
    let closed = candles(&["--interval", "1m", "--closed"], &[&trades]);
    assert_eq!(String::from_utf8(closed.stdout).unwrap().lines().count(), 2_469);
}

#[test]
fn five_minutes_add_up_to_every_longer_interval() {
    let Some(data) = shared("data/klines") else { return };
    let mut compared = 0;
    for symbol in ["BTCUSDT", "ETHUSDT"] {
        let file = |interval: &str| data.join(format!("{interval}/{symbol}-{interval}-20240101-20240831.csv.zst"));
        let shortest = read_klines(&file("5m")).unwrap().candles;
        for longer in ["15m", "1h", "4h", "1d"] {
            let expected = read_klines(&file(longer)).unwrap().candles;
            assert_eq!(merged(&shortest, "5m", longer), expected, "{symbol} {longer}");
            compared += expected.len();
        }
    }
    println!("{compared} candles equal");
    assert_eq!(compared, 2 * (23_424 + 5_856 + 1_464 + 244));
}

#[test]
fn all_twelve_columns_add_up() {
    let Some(data) = shared("data/klines/1m-full/FILUSDT-1m-2024-10.csv.zst") else { return };
    let minutes = read_klines(&data).unwrap().candles;
    let month = merged(&minutes, "1m", "1d");
    assert_eq!(month.len(), 31);
    let sum = |part: fn(&Candle) -> i128, of: &[Candle]| of.iter().map(part).sum::<i128>();
    for part in [
        (|candle| candle.volume.units()) as fn(&Candle) -> i128,
        |candle| candle.quote_volume.units(),
        |candle| i128::from(candle.trades),
        |candle| candle.taker_buy_volume.units(),
        |candle| candle.taker_buy_quote_volume.units(),
    ] {
        assert_eq!(sum(part, &month), sum(part, &minutes));
    }
}

#[test]
fn recorded_trades_are_those_of_the_exchanges_files() {
    let Some(data) = shared("data") else { return };
    let mut compared = 0;
    for name in ["BTCUSDT-spot-20240808", "BTCUSDT-spot-20240809", "BTCUSDT-usdm-20240718"] {
        let (stream, file) = (format!("streams/{name}.jsonl.zst"), format!("trades/{name}-trades.csv.zst"));
        let recorded = RecordingReader::open(&[data.join(stream)]).unwrap();
        let recorded: Vec<Trade> = recorded.filter_map(|recorded| as_trade(recorded.unwrap().event)).collect();
        let listed: Vec<Trade> = TradeReader::open(&data.join(file), None).unwrap().map(Result::unwrap).collect();
        assert_eq!(recorded, listed, "{name}");
        compared += listed.len();
    }
    assert_eq!(compared, 9_757 + 10_147 + 974);
}

#[test]
fn streams_and_files_of_trades_give_the_same_candles() {
    let Some(data) = shared("data") else { return };
    let days = ["20240808", "20240809"];
    let streams = days.map(|day| data.join(format!("streams/BTCUSDT-spot-{day}.jsonl.zst")));
    let files = days.map(|day| data.join(format!("trades/BTCUSDT-spot-{day}-trades.csv.zst")));
    let (from_streams, from_files) = (candles(&["--interval", "5m"], &streams), candles(&["--interval", "5m"], &files));
    assert!(from_streams.stdout == from_files.stdout);
    let text = String::from_utf8(from_streams.stdout).unwrap();
    let times: Vec<&str> = text.lines().skip(1).map(|line| columns(line)[0]).collect();
    assert_eq!(times, ["1723161000000", "1723161300000", "1723161600000", "1723161900000"]);
}

#[test]
fn rows_come_as_json_lines_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("BTCUSDT-trades.csv");
    fs::write(&path, "1,100.5,2,201.0,1700000000000,true,true\n2,100,0.5,50.0,1700000059999,false,true\n").unwrap();
    let output = candles(&["--json", "--interval", "1m"], &[path]);
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = serde_json::json!({
        "open_time": 1_699_999_980_000_u64, "open": "100.50000000", "high": "100.50000000", "low": "100.50000000",
        "close": "100.50000000", "volume": "2.00000000", "close_time": 1_700_000_039_999_u64,
        "quote_volume": "201.00000000", "count": 1, "taker_buy_volume": "0.00000000",
        "taker_buy_quote_volume": "0.00000000"
    });
    assert_eq!((rows.len(), &rows[0]), (2, &expected));
}

#[test]
fn weeks_start_on_monday() {
    let Some(path) = shared("data/klines/1d/BTCUSDT-1d-20240101-20240831.csv.zst") else { return };
    let weeks = merged(&read_klines(&path).unwrap().candles, "1d", "1w");
    let starts: Vec<String> = weeks.iter().map(|week| week.open_time.to_string()).collect();
    assert_eq!(starts[..2], ["2024-01-01T00:00:00Z", "2024-01-08T00:00:00Z"]);
    assert_eq!((starts.len(), starts[34].as_str()), (35, "2024-08-26T00:00:00Z"));
}

#[test]
fn each_impossible_wish_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    put("BTCUSDT-trades-1.csv", "1,100.5,2,201.0,1700000000000,true,true\n");
    put("BTCUSDT-trades-2.csv", "2,100.5,2,201.0,1700000060000,true,true\n");
    put("ETHUSDT-trades.csv", "3,100.5,2,201.0,1700000060000,true,true\n");
    let hours = |starts: &[u64]| -> String {
        starts.iter().map(|start| format!("{start},1,1,1,1,1,{},1,1,1,1,0\n", start + 3_599_999)).collect()
    };
    put("BTCUSDT-1h.csv", &hours(&[1_699_999_200_000, 1_700_002_800_000, 1_700_006_400_000, 1_700_008_200_000]));
    put("odd-1h.csv", &hours(&[1_699_997_400_000, 1_700_001_000_000]));
    put("BTCUSDT-5m.csv", "1699999200000,1,1,1,1,1,1699999499999,1,1,1,1,0\n");
    put("poem.txt", "Roses are red\n");
    put("empty.csv", "");
    let refused = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
        let output = command.current_dir(folder.path()).arg("candles").args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), said.lines().next().unwrap().to_owned())
    };
    for (arguments, code, words) in [
        (
            &["--interval", "1M", "empty.csv"][..],
            2,
            "error: invalid value '1M' for '--interval <SPAN>': months differ in length",
        ),
        (
            &["--interval", "7m", "empty.csv"],
            2,
            "error: invalid value '7m' for '--interval <SPAN>': candles of 7m are not supported: a day is not a multiple of it",
        ),
        (&["--interval", "1m", "empty.csv"], 65, "error: empty.csv is empty; fetch it again"),
        (&["--interval", "1m", "absent.csv"], 65, "error: absent.csv cannot be opened: No such file"),
        (
            &["--interval", "1m", "poem.txt"],
            65,
            "error: poem.txt:1: \"Roses are red\" is neither a recorded message nor a row of trades",
        ),
        (
            &["--interval", "1m", "BTCUSDT-trades-1.csv", "BTCUSDT-5m.csv"],
            65,
            "error: BTCUSDT-5m.csv is of another kind than the files before it",
        ),
        (
            &["--interval", "1m", "BTCUSDT-trades-2.csv", "BTCUSDT-trades-1.csv"],
            65,
            "error: BTCUSDT-trades-1.csv: its first trade, 1 of 2023-11-14T22:13:20Z, comes before 2 of",
        ),
        (
            &["--interval", "1m", "BTCUSDT-trades-1.csv", "ETHUSDT-trades.csv"],
            65,
            "error: ETHUSDT-trades.csv: its trades are of ETHUSDT, those before of BTCUSDT",
        ),
        (
            &["--interval", "5m", "BTCUSDT-1h.csv"],
            65,
            "error: BTCUSDT-1h.csv: candles of 1h do not add up to candles of 5m; choose a multiple of 1h",
        ),
        (
            &["--interval", "1d", "BTCUSDT-1h.csv"],
            65,
            "error: BTCUSDT-1h.csv: the candle at 2023-11-15T00:30:00Z starts before the one before it ends",
        ),
        (
            &["--interval", "2h", "odd-1h.csv"],
            65,
            "error: odd-1h.csv: the candle of 1h at 2023-11-14T21:30:00Z reaches past 2023-11-14T22:00:00Z",
        ),
        (
            &["--interval", "1h", "BTCUSDT-5m.csv", "BTCUSDT-1h.csv"],
            65,
            "error: BTCUSDT-1h.csv: its candles are of 1h, those of the files before of 5m",
        ),
    ] {
        let (found, said) = refused(arguments);
        assert!(said.starts_with(words), "{arguments:?}\n  {said}\n  {words}");
        assert_eq!(found, code, "{arguments:?}");
    }
    let no_trades = candles(&["--interval", "1m"], &[golden("recordings").join("good.jsonl")]);
    assert_eq!(no_trades.status.code(), Some(65));
    assert!(String::from_utf8(no_trades.stderr).unwrap().contains("the recording holds no trades"));
}

#[test]
fn a_trade_that_comes_again_or_merged_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("both.jsonl");
    let at = 1_700_000_000_000_u64;
    let one = |id: u64, qty: &str| {
        format!(r#"{{"e":"trade","E":{at},"s":"BTCUSDT","t":{id},"p":"10","q":"{qty}","T":{at},"m":false}}"#)
    };
    let many = |first: u64, last: u64, qty: &str| {
        format!(
            r#"{{"e":"aggTrade","E":{at},"s":"BTCUSDT","a":1,"f":{first},"l":{last},"p":"10","q":"{qty}","T":{at},"m":false}}"#
        )
    };
    let messages = [
        one(1, "1"),
        one(2, "1"),
        many(1, 3, "3"),
        one(3, "1"),
        one(3, "1"),
        many(4, 6, "3"),
        one(4, "1"),
        one(5, "1"),
        one(9, "1"),
    ];
    let text: String = (at..).zip(&messages).map(|(time, message)| format!("{time} {message}\n")).collect();
    fs::write(&path, text).unwrap();
    let output = candles(&["--interval", "1m"], &[&path]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text.lines().nth(1).unwrap(),
        "1699999980000,10.00000000,10.00000000,10.00000000,10.00000000,7.00000000,1700000039999,70.00000000,7,7.00000000,70.00000000,0"
    );
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("note: 2 trades missing between") && said.contains("note: 4 trades given again"),
        "{said}"
    );
}

#[test]
fn a_row_that_comes_again_is_counted_once_and_a_late_one_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let row = |id: u64, at: u64| format!("{id},10,1,10,{},true,true\n", 1_700_000_040_000 + at);
    let files = [("1", [row(1, 0), row(2, 1), row(2, 1)]), ("2", [row(2, 1), row(3, 60_000), row(4, 2)])];
    let files = files.map(|(name, rows)| {
        let path = folder.path().join(format!("BTCUSDT-trades-{name}.csv"));
        fs::write(&path, rows.concat()).unwrap();
        path
    });
    let output = candles(&["--interval", "1m"], &files);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let counts: Vec<String> =
        String::from_utf8(output.stdout).unwrap().lines().skip(1).map(|line| columns(line)[8].to_owned()).collect();
    assert_eq!(counts, ["2", "1"]);
    assert!(said.contains("note: 2 trades given again") && said.contains("note: 1 trade too late for"), "{said}");
}

#[test]
fn a_candle_is_closed_by_a_later_trade_or_by_time_alone() {
    let mut builder = CandleBuilder::new("1m".parse().unwrap());
    assert_eq!(builder.take(&trade(1, 10, 1, 5)).unwrap(), None);
    assert_eq!(builder.close(seconds(59)), None);
    let first = builder.close(seconds(60)).unwrap();
    assert_eq!((first.open_time, builder.close(seconds(600))), (seconds(0), None));
    assert_eq!(builder.open(), None);
    let late = builder.take(&trade(2, 10, 1, 59)).unwrap_err();
    assert_eq!(late, BuildCandleError::Late { at: seconds(59), closed_until: seconds(60) });
    assert_eq!(builder.take(&trade(2, 11, 1, 60)).unwrap(), None);
    assert_eq!(builder.take(&trade(3, 12, 1, 300)).unwrap().unwrap().open_time, seconds(60));
    assert!(builder.take(&trade(4, 10, 1, 299)).is_err());
    assert_eq!((builder.open().unwrap().trades, builder.missed()), (1, 0));
    let huge = Trade { qty: Qty::from_units(i128::MAX), ..trade(4, 2, 1, 301) };
    let before = builder.open().copied();
    assert!(matches!(builder.take(&huge), Err(BuildCandleError::Amount(_))));
    assert_eq!((builder.open().copied(), builder.missed()), (before, 0));
}

#[test]
fn a_longer_candle_is_over_with_its_last_part() {
    let part = |second: i64, price: i64| Candle {
        trades: 1,
        volume: Qty::from_units(1),
        ..Candle::flat(seconds(second), Price::from_units(price))
    };
    let mut merger = CandleMerger::new("1m".parse().unwrap(), "3m".parse().unwrap()).unwrap();
    let mut over = Vec::new();
    for (second, price, count) in [(0, 5, 0), (60, 9, 0), (120, 7, 1), (180, 1, 1), (480, 2, 3), (540, 3, 3)] {
        merger.take(&part(second, price), &mut over).unwrap();
        assert_eq!(over.len(), count, "{second}");
    }
    let told: Vec<_> = over
        .iter()
        .map(|c| (c.open_time, c.open.units(), c.high.units(), c.low.units(), c.close.units(), c.trades))
        .collect();
    assert_eq!(told, [(seconds(0), 5, 9, 5, 7, 3), (seconds(180), 1, 1, 1, 1, 1), (seconds(360), 2, 2, 2, 2, 1)]);
    let overlap = MergeCandlesError::Overlap { at: seconds(570), until: seconds(600) };
    assert_eq!(merger.take(&part(570, 1), &mut over), Err(overlap));
    let straddles = merger.take(&part(690, 1), &mut over);
    assert!(matches!(straddles, Err(MergeCandlesError::Straddles { end, .. }) if end == seconds(720)));
    assert_eq!((over.len(), merger.open().map(|open| open.trades)), (3, Some(1)));
}

/// Trades whose numbers and times rise.
fn trades() -> impl Strategy<Value = Vec<Trade>> {
    let step = (1_u64..4, 1_i64..1_000, 1_i128..1_000, 0_i64..400, any::<bool>());
    (0_i64..1_000_000, prop::collection::vec(step, 1..120)).prop_map(|(mut second, steps)| {
        let mut id = 1;
        let mut trades = Vec::new();
        for (count, price, qty, pause, buyer_is_maker) in steps {
            second += pause;
            let qty = Qty::from_units(qty * 1_000);
            trades.push(Trade { count, qty, buyer_is_maker, ..trade(id, price, 1, second) });
            id += count;
        }
        trades
    })
}

proptest! {
    #[test]
    fn candles_hold_all_that_traded_and_nothing_else(trades in trades(), interval in prop::sample::select(vec!["1m", "5m", "1h", "1d", "1w"])) {
        let interval: Interval = interval.parse().unwrap();
        let candles = built(&trades, interval);
        prop_assert!(candles.is_sorted_by(|a, b| a.open_time.plus(interval.span()) <= b.open_time));
        let mut left = trades.iter().peekable();
        for candle in &candles {
            prop_assert_eq!(interval.start(candle.open_time), candle.open_time);
            let end = candle.open_time.plus(interval.span());
            let mut of: Vec<&Trade> = Vec::new();
            while let Some(trade) = left.next_if(|trade| trade.at < end) {
                prop_assert!(trade.at >= candle.open_time);
                of.push(trade);
            }
            let prices = || of.iter().map(|trade| trade.price);
            prop_assert_eq!((Some(candle.open), Some(candle.close)), (prices().next(), prices().next_back()));
            prop_assert_eq!((Some(candle.high), Some(candle.low)), (prices().max(), prices().min()));
            let taker = |trade: &&&Trade| !trade.buyer_is_maker;
            prop_assert_eq!(candle.volume.units(), of.iter().map(|trade| trade.qty.units()).sum::<i128>());
            prop_assert_eq!(candle.taker_buy_volume.units(), of.iter().filter(taker).map(|trade| trade.qty.units()).sum::<i128>());
            prop_assert_eq!(candle.quote_volume, of.iter().map(|trade| trade.price.times(trade.qty).unwrap()).fold(Notional::ZERO, |sum, value| sum.plus(value).unwrap()));
            prop_assert_eq!(candle.trades, of.iter().map(|trade| trade.count).sum::<u64>());
        }
        prop_assert!(left.next().is_none());
    }

    /// From trades, over one step or over two: the same candles.
    #[test]
    fn adding_up_in_steps_changes_nothing(trades in trades()) {
        let minutes = built(&trades, "1m".parse().unwrap());
        for (middle, longest) in [("5m", "15m"), ("30m", "1h"), ("4h", "1d"), ("1d", "1w"), ("1m", "1w")] {
            let direct = merged(&minutes, "1m", longest);
            prop_assert_eq!(&merged(&merged(&minutes, "1m", middle), middle, longest), &direct);
            prop_assert_eq!(&built(&trades, longest.parse().unwrap()), &direct);
        }
    }

    /// Streams that overlap or repeat themselves give the candles of each trade once.
    #[test]
    fn repetitions_change_nothing(trades in trades(), back in prop::collection::vec(0_usize..20, 120)) {
        let mut repeated = Vec::new();
        for (place, back) in (1..=trades.len()).zip(back) {
            repeated.extend_from_slice(&trades[place.saturating_sub(back + 1)..place]);
        }
        let interval = "1m".parse().unwrap();
        prop_assert_eq!(built(&repeated, interval), built(&trades, interval));
    }
}

fn built(trades: &[Trade], interval: Interval) -> Vec<Candle> {
    let mut builder = CandleBuilder::new(interval);
    let mut candles: Vec<Candle> = trades.iter().filter_map(|trade| builder.take(trade).unwrap()).collect();
    candles.extend(builder.open());
    candles
}

fn merged(candles: &[Candle], from: &str, to: &str) -> Vec<Candle> {
    let mut merger = CandleMerger::new(from.parse().unwrap(), to.parse().unwrap()).unwrap();
    let mut over = Vec::new();
    for candle in candles {
        merger.take(candle, &mut over).unwrap();
    }
    over.extend(merger.open());
    over
}

fn trade(id: u64, price: i64, qty: i128, second: i64) -> Trade {
    Trade {
        symbol: "BTCUSDT".parse().unwrap(),
        id: TradeId(id),
        count: 1,
        price: Price::from_units(price),
        qty: Qty::from_units(qty),
        buyer_is_maker: false,
        at: seconds(second),
    }
}

fn seconds(second: i64) -> Timestamp {
    Timestamp::ZERO.plus(Span::from_secs(second))
}

fn as_trade(event: MarketEvent) -> Option<Trade> {
    if let MarketEvent::Trade(trade) = event { Some(trade) } else { None }
}

fn columns(line: &str) -> Vec<&str> {
    line.split(',').collect()
}

fn candles(arguments: &[&str], files: &[impl AsRef<OsStr>]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tradingbot")).arg("candles").args(arguments).args(files).output().unwrap()
}
