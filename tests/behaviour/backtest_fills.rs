//! Nothing is bought or sold in a candle in which nothing was traded, and a wish that arises in one is not lost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tradingbot::market::Random;

use crate::support::candles::{Row, at, backtest, json, number, trades, write};

/// An average of one close against one of three: both start level, and the last candle makes the fast one cross.
const RISE: [Row<'_>; 6] =
    [at(0, "100"), at(1, "100"), at(2, "100"), at(3, "100"), at(4, "100"), (5, "100", "102", "100", "102", 5)];

/// The trades of this rise and what follows it, under `strict` and under `freqtrade`.
fn both(options: &[&str], rows: &[Row<'_>]) -> [Vec<String>; 2] {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "ABCUSDT", "1h", &[&RISE[..], rows].concat());
    ["strict", "freqtrade"].map(|rule| {
        let fixed = ["--slow=3", "--warm-up=3", "--fill-rule", rule];
        trades(&json(&[&fixed[..], options].concat(), [&file]))
    })
}

#[test]
fn an_entry_waits_for_the_first_candle_that_exists() {
    let back: Vec<Row<'_>> = (18..24).map(|hour| at(hour, "150")).collect();
    let [strict, freqtrade] = both(&["--fast=1"], &back);
    assert_eq!(strict, ["01T18 150.075 to 01T23 149.925 force_exit"]);
    assert_eq!(freqtrade, ["01T06 102 to 01T23 150 force_exit"]);
    let silent: Vec<Row<'_>> = (6..18).map(|hour| (hour, "102", "102", "102", "102", 0)).collect();
    let [published, _] = both(&["--fast=1"], &[silent, back].concat());
    assert_eq!(published, strict, "the exchange's own candles without volume are no other");
}

#[test]
fn no_profit_is_taken_in_candles_that_do_not_exist() {
    let held: Vec<Row<'_>> = (6..9).map(|hour| at(hour, "102")).collect();
    let back: Vec<Row<'_>> = (15..21).map(|hour| at(hour, "60")).collect();
    let [strict, freqtrade] = both(&["--fast=1", "--roi", "0:10,5h:-0.5"], &[held, back].concat());
    assert_eq!(strict, ["01T06 102.051 to 01T15 59.97 roi"]);
    assert_eq!(freqtrade, ["01T06 102 to 01T11 102 roi"]);
}

#[test]
fn no_stop_is_hit_or_raised_where_nothing_was_traded() {
    let rows = [at(6, "102"), (7, "102", "102", "50", "102", 0), at(8, "102"), at(9, "102"), at(10, "102")];
    let [strict, freqtrade] = both(&["--fast=1", "--stop-loss", "0.1"], &rows);
    assert_eq!(strict, ["01T06 102.051 to 01T10 101.949 force_exit"]);
    assert_eq!(freqtrade, ["01T06 102 to 01T07 91.8 stop_loss"]);
    let rows = [at(6, "102"), (7, "102", "200", "102", "190", 0), at(8, "150"), at(9, "140"), at(10, "140")];
    let [strict, freqtrade] = both(&["--fast=1", "--trailing", "0.05"], &rows);
    assert_eq!(strict, ["01T06 102.051 to 01T09 139.93 trailing_stop_loss"], "142.5, which is 5 % under 150");
    assert_eq!(freqtrade, ["01T06 102 to 01T07 190 trailing_stop_loss"]);
}

#[test]
fn what_is_open_at_the_end_is_sold_where_something_was_traded_last() {
    let silent = [9, 10, 11].map(|hour| (hour, "10", "10", "10", "10", 0));
    let [strict, freqtrade] = both(&["--fast=1"], &[&[at(6, "102"), at(7, "102"), at(8, "105")][..], &silent].concat());
    assert_eq!(strict, ["01T06 102.051 to 01T08 104.9475 force_exit"]);
    assert_eq!(freqtrade, ["01T06 102 to 01T11 10 force_exit"]);
}

#[test]
fn a_cross_without_volume_leaves_after_the_next_candle_with_volume() {
    let rows = [at(6, "102"), (7, "102", "102", "90", "90", 0), at(8, "90"), at(9, "89"), at(10, "88")];
    let [strict, freqtrade] = both(&["--fast=1"], &rows);
    assert_eq!(strict, ["01T06 102.051 to 01T09 88.9555 exit_signal"]);
    assert_eq!(freqtrade, ["01T06 102 to 01T10 88 force_exit"], "the cross is lost, as it is there");
    let crossed_in_a_gap = [at(6, "110"), at(7, "105"), at(20, "80"), at(21, "79"), at(22, "78")];
    let [strict, _] = both(&["--fast=2"], &crossed_in_a_gap);
    assert_eq!(strict, ["01T06 110.055 to 01T21 78.9605 exit_signal"]);
}

#[test]
fn other_symbols_trade_on_while_one_is_silent() {
    let folder = tempfile::tempdir().unwrap();
    let later = |from: u64, price: &'static str| (from..24).map(move |hour| at(hour, price));
    let silent: Vec<Row<'_>> = RISE.into_iter().chain(later(18, "150")).collect();
    let open: Vec<Row<'_>> = RISE.into_iter().chain(later(6, "102")).collect();
    let files = [write(folder.path(), "ABCUSDT", "1h", &silent), write(folder.path(), "XYZUSDT", "1h", &open)];
    let got = trades(&json(&["--fast=1", "--slow=3", "--warm-up=3"], &files));
    assert_eq!(got, ["01T18 150.075 to 01T23 149.925 force_exit", "01T06 102.051 to 01T23 101.949 force_exit"]);
}

#[test]
fn a_market_without_any_volume_is_never_traded_in() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<Row<'_>> =
        (0..60).map(|hour| (hour, "100", "110", "90", if hour % 9 < 4 { "108" } else { "92" }, 0)).collect();
    let file: PathBuf = write(folder.path(), "ABCUSDT", "1h", &rows);
    let answer = json(&["--fast=1", "--slow=3", "--warm-up=3"], [&file]);
    assert_eq!(trades(&answer), Vec::<String>::new());
    assert_eq!((&answer["report"]["equity"], &answer["report"]["orders"]), (&"10000".into(), &0.into()));
}

#[test]
fn a_market_that_stands_still_is_not_bought() {
    let folder = tempfile::tempdir().unwrap();
    let flat: Vec<Row<'_>> = (0..60).map(|hour| at(hour, "100")).collect();
    let fallen: Vec<Row<'_>> = (0..60).map(|hour| at(hour, if hour < 2 { "101" } else { "100" })).collect();
    for rows in [flat, fallen] {
        let file = write(folder.path(), "ABCUSDT", "1h", &rows);
        let entered = |rule: &str| {
            let output = backtest(&["--strategy=rsi", "--warm-up=30", "--trades=-", "--fill-rule", rule], [&file]);
            String::from_utf8(output.stdout).unwrap().lines().count() - 1
        };
        assert_eq!((entered("strict"), entered("freqtrade")), (0, 1));
    }
}

/// Hours of a random market: one of eight is missing, in one of eight prices move without volume.
fn patchy(folder: &Path, symbol: &str, random: &mut Random) -> (PathBuf, BTreeMap<String, (f64, f64)>) {
    let mut price = 100_000;
    let mut hours: Vec<(u64, [i64; 4], u32)> = Vec::new();
    for hour in 0..400 {
        let open = price + random.between(-1_500, 1_500);
        let close = (open + random.between(-3_000, 3_000)).max(5_000);
        let (high, low) = (open.max(close) + random.between(0, 2_000), open.min(close) - random.between(0, 2_000));
        price = close;
        match random.between(0, 7) {
            0 => {}
            1 => hours.push((hour, [open, high, low, close], 0)),
            _ => hours.push((hour, [open, high, low, close], 5)),
        }
    }
    let texts: Vec<[String; 4]> = hours
        .iter()
        .map(|(_, prices, _)| prices.map(|price| format!("{}.{:03}", price / 1_000, price % 1_000)))
        .collect();
    let rows: Vec<Row<'_>> = hours
        .iter()
        .zip(&texts)
        .map(|((hour, _, volume), [open, high, low, close])| (*hour, &**open, &**high, &**low, &**close, *volume))
        .collect();
    let time = |hour: u64| format!("2024-01-{:02}T{:02}:00:00Z", hour / 24 + 1, hour % 24);
    let range = |row: &Row<'_>| (time(row.0), (row.3.parse().unwrap(), row.2.parse().unwrap()));
    let traded = rows.iter().filter(|row| row.5 > 0).map(range).collect();
    (write(folder, symbol, "1h", &rows), traded)
}

#[test]
fn whatever_the_market_each_fill_is_in_a_candle_with_volume_and_at_a_price_of_it() {
    let ways_out = [
        &["--stop-loss=0.03"][..],
        &["--trailing=0.04", "--roi=0:0.06,10h:0.01"],
        &["--stop-loss=0.05", "--roi=0:0.03,5h:-0.5"],
        &["--stop-loss=0.1", "--trailing=0.02", "--trailing-offset=0.03", "--cooldown=3h"],
    ];
    let mut fills = 0;
    for seed in 0..24 {
        let folder = tempfile::tempdir().unwrap();
        let mut random = Random::seeded(seed);
        let markets = ["ABCUSDT", "XYZUSDT"].map(|symbol| patchy(folder.path(), symbol, &mut random));
        let rule =
            [&["--fast=2", "--slow=5"][..], &["--strategy=rsi", "--period=3"], &["--strategy=donchian", "--period=4"]];
        let place = usize::try_from(seed).unwrap();
        let options = [&["--warm-up=8", "--positions-max=2"], rule[place % 3], ways_out[place % 4]].concat();
        let answer = json(&options, markets.iter().map(|(file, _)| file));
        let mut gained = 0.0;
        for trade in answer["trades"].as_array().unwrap() {
            let of_abc = trade["pair"] == "ABC/USDT";
            let traded = &markets[usize::from(!of_abc)].1;
            for (date, rate) in [("open_date", "open_rate"), ("close_date", "close_rate")] {
                let Some((low, high)) = traded.get(trade[date].as_str().unwrap()) else {
                    panic!("seed {seed}: nothing was traded at the {date} of {trade}")
                };
                let price = number(&trade[rate]);
                assert!((low * 0.9994..high * 1.0006).contains(&price), "seed {seed}: {rate} of {trade}");
                fills += 1;
            }
            gained += number(&trade["profit_abs"]);
        }
        let equity = number(&answer["report"]["equity"]);
        assert!((equity - 10_000.0 - gained).abs() < 1e-6, "seed {seed}: {equity} {gained}");
    }
    assert!(fills > 1_000, "{fills}");
}
