//! Candles that files lack or have twice: said with numbers, or refused with a way out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// Hours since 2024-01-01 as rows, each at a price of its own.
fn hours(hours: impl Iterator<Item = u64>, symbol_value: impl Fn(u64) -> String) -> String {
    hours
        .map(|hour| {
            let (at, price) = (1_704_067_200_000 + hour * 3_600_000, 100 + hour % 13);
            format!("{at},{price},{price},{price},{price},2,{},{},1,1,1,0\n", at + 3_599_999, symbol_value(price))
        })
        .collect()
}

fn spot(price: u64) -> String {
    (2 * price).to_string()
}

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

fn backtest(arguments: &[&str], files: &[&Path]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
    command
        .args(["backtest", "--warm-up", "10", "--fast", "2", "--slow", "5"])
        .args(arguments)
        .args(files)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn candles_that_are_made_up_are_said_and_counted_apart() {
    let desk = Desk::new();
    let first = desk.put("BTCUSDT-1h-2024-01-01.csv", &hours((0..48).filter(|hour| *hour != 30), spot));
    let second = desk.put("BTCUSDT-1h-2024-01-04.csv", &hours(72..100, spot));
    let note = "note: BTCUSDT: 25 of 100 candles (25.00 %) are made up, flat and without volume, since no file has them: in 2 gaps from \
                2024-01-02T06:00:00Z to 2024-01-04T00:00:00Z, the longest of 1d, from 2024-01-03T00:00:00Z to 2024-01-04T00:00:00Z\n";
    let output = backtest(&[], &[&first, &second]);
    assert_eq!(said(&output), note);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(", 75 candles and 25 made up where there were none\n"), "{text}");
    let output = backtest(&["--json"], &[&first, &second]);
    let noted: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(format!("note: {}\n", noted["note"].as_str().unwrap()), note);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let report = report["report"].as_object().unwrap();
    let made_up = report.get("candles_made_up").or_else(|| report.get("candles-made-up")).unwrap();
    assert_eq!((&report["candles"], made_up), (&Value::from(75), &Value::from(25)));
    let whole = desk.put("ETHUSDT-1h-2024-01-01.csv", &hours(0..100, spot));
    let output = backtest(&[], &[&whole]);
    assert_eq!(said(&output), "");
    assert!(String::from_utf8(output.stdout).unwrap().contains(", 100 candles\n"));
}

#[test]
fn a_gap_longer_than_the_bound_is_refused_and_can_be_allowed() {
    let desk = Desk::new();
    let first = desk.put("BTCUSDT-1h-2024-01.csv", &hours(0..48, spot));
    let after = |days: u64, more: u64| {
        let from = 48 + days * 24 + more;
        desk.put("BTCUSDT-1h-2024-02.csv", &hours(from..from + 48, spot))
    };
    let week = after(7, 0);
    assert!(backtest(&[], &[&first, &week]).status.success());
    let refused = backtest(&["--gap-max", "6d23h"], &[&first, &week]);
    assert!(said(&refused).contains("where a gap may be 6d23h long"), "{}", said(&refused));
    let longer = after(7, 1);
    let refused = backtest(&[], &[&first, &longer]);
    assert_eq!(refused.status.code(), Some(65));
    assert!(refused.stdout.is_empty());
    assert_eq!(
        said(&refused),
        "error: BTCUSDT: no candles for 7d1h, from 2024-01-03T00:00:00Z to 2024-01-10T01:00:00Z, where a gap may be 1w long: \
         another coin may go by the name afterwards; add the files in between, test each side by itself, or allow it with \
         --gap-max 7d1h\n"
    );
    assert!(backtest(&["--gap-max", "7d1h"], &[&first, &longer]).status.success());
    // freqtrade fills any gap, and lists are to be compared; a bound that is asked for counts all the same.
    let freqtrade = backtest(&["--fill-rule", "freqtrade"], &[&first, &longer]);
    assert!(freqtrade.status.success() && said(&freqtrade).contains("169 of 265 candles"), "{}", said(&freqtrade));
    assert!(!backtest(&["--fill-rule", "freqtrade", "--gap-max", "1d"], &[&first, &longer]).status.success());
    let one = desk.put("ETHUSDT-1h-2024.csv", &format!("{}{}", hours(0..48, spot), hours(999..1_040, spot)));
    assert!(said(&backtest(&[], &[&one])).contains("error: ETHUSDT: no candles for 39d15h"), "within one file too");
}

#[test]
fn files_that_overlap_or_stand_in_the_wrong_order_are_told_apart() {
    let desk = Desk::new();
    let month = desk.put("BTCUSDT-1h-2024-01.csv", &hours(0..100, spot));
    let day = desk.put("BTCUSDT-1h-2024-01-04.csv", &hours(72..96, spot));
    let other = desk.put("BTCUSDT-1h-2024-01-05.csv", &hours(90..120, spot).replace(",2,", ",3,"));
    let before = desk.put("BTCUSDT-1h-2024-02.csv", &hours(200..240, spot));
    let quarters = desk.put(
        "BTCUSDT-15m.csv",
        "1711929600000,1,1,1,1,1,1711930499999,1,1,1,1,0\n1711930500000,1,1,1,1,1,1711931399999,1,1,1,1,0\n",
    );
    let indicator = |files: &[&Path]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
        command.args(["indicator", "sma"]).args(files).output().unwrap()
    };
    let candles = |files: &[&Path]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
        command.args(["candles", "--interval", "1d"]).args(files).output().unwrap()
    };
    for (files, words) in [
        (
            [&month, &day],
            "it overlaps the files before it, from 2024-01-04T00:00:00Z to 2024-01-04T23:00:00Z, with 24 candles in both; leave",
        ),
        (
            [&month, &other],
            "from 2024-01-04T18:00:00Z to 2024-01-05T03:00:00Z, with 10 candles in both, 10 of them with other values; leave",
        ),
        (
            [&before, &month],
            "its candles, from 2024-01-01T00:00:00Z to 2024-01-05T03:00:00Z, come before those of the files before it, which \
             begin at 2024-01-09T08:00:00Z; give the files in the order of time",
        ),
        ([&month, &quarters], "its candles are of 15m, those of the files before of 1h"),
    ] {
        let files = files.map(PathBuf::as_path);
        for output in [backtest(&[], &files), indicator(&files), candles(&files)] {
            assert_eq!(output.status.code(), Some(65), "{}", said(&output));
            assert!(said(&output).contains(words), "{}\n{words}", said(&output));
        }
    }
}

#[test]
fn candles_of_coin_margined_futures_are_refused_by_name_and_by_content() {
    let desk = Desk::new();
    let in_coins = |price: u64| format!("{:.8}", 200.0 / f64::from(u32::try_from(price).unwrap()));
    let words = "its candles are of coin-margined futures (COIN-M): volume counts contracts";
    for (name, arguments) in
        [("BTCUSD_PERP-1h.csv", &[][..]), ("BTCUSD_240628-1h.csv", &[]), ("data-1h.csv", &["--symbol", "BTCUSD_PERP"])]
    {
        let path = desk.put(name, &hours(0..60, spot));
        let output = backtest(arguments, &[&path]);
        assert_eq!((output.status.code(), said(&output).contains(words)), (Some(65), true), "{}", said(&output));
    }
    let renamed = desk.put("BTCUSD-1h.csv", &hours(0..60, in_coins));
    assert!(said(&backtest(&[], &[&renamed])).contains(words));
    for (name, value) in [("BTCUSDT-1h.csv", spot as fn(u64) -> String), ("ETHUSDT-1h.csv", |_| "0".to_owned())] {
        let path = desk.put(name, &hours(0..60, value));
        assert!(backtest(&[], &[&path]).status.success(), "{name}");
    }
}

#[test]
fn what_a_backtest_cannot_show_is_said() {
    let desk = Desk::new();
    let mark = desk.put("BTCUSDT-1h.csv", &hours(0..60, |_| "0".to_owned()).replace(",2,", ",0,"));
    let output = backtest(&[], &[&mark]);
    assert!(
        said(&output)
            .contains("note: BTCUSDT: no candle has volume, as in files of mark or index prices: nothing can be")
    );
    let shifted = hours(20..30, spot).lines().fold(String::new(), |text, line| {
        let mut fields: Vec<String> = line.split(',').map(str::to_owned).collect();
        for time in [0, 6] {
            fields[time] = (fields[time].parse::<u64>().unwrap() + 1_500_000).to_string();
        }
        text + &fields.join(",") + "\n"
    });
    let odd = format!("{}{shifted}{}", hours(0..20, spot), hours(31..60, spot));
    let odd = desk.put("ETHUSDT-1h.csv", &odd);
    let output = backtest(&[], &[&odd]);
    assert!(
        said(&output).contains("note: ETHUSDT: 10 candles do not start a whole number of 1h after the first"),
        "{}",
        said(&output)
    );
    let months = "1704067200000,1,1,1,1,1,1706745599999,1,1,1,1,0\n1706745600000,1,1,1,1,1,1709251199999,1,1,1,1,0\n";
    let months = desk.put("BTCUSDT-1mo-2024.csv", months);
    assert!(
        said(&backtest(&[], &[&months]))
            .contains("its candles are of calendar months, which differ in length; give candles of")
    );
}
