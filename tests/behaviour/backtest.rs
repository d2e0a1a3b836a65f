//! Backtests of the real command against the reference lists, trade by trade.
#![expect(clippy::float_arithmetic, reason = "tolerances are shares")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::data::shared;

/// Tolerances of the reference: times, amounts and reasons equal, prices within 1e-6 of themselves or 1e-8, profit ratios
/// within 2e-6 or 1e-8 of the entry price.
fn differs(expected: &[&str], got: &[&str]) -> bool {
    let number = |text: &str| text.parse::<f64>().unwrap();
    let near = |place: usize| {
        let (expected, got) = (number(expected[place]), number(got[place]));
        (expected - got).abs() <= (1e-6 * expected.abs()).max(1e-8)
    };
    let same = [0, 1, 2, 5, 7, 8, 11, 12].iter().all(|place| expected[*place] == got[*place]);
    let prices = [3, 4, 6, 13, 14, 15, 16].into_iter().all(near);
    let ratio = (number(expected[9]) - number(got[9])).abs() <= 2e-6_f64.max(1e-8 / number(expected[3]));
    !(same && prices && ratio)
}

fn arguments(run: &Value) -> Vec<String> {
    let mut arguments = vec!["--stop-loss", "0.1"];
    match run["variant"].as_str().unwrap() {
        "stop" => {}
        "roi" => arguments.extend(["--roi", "0:0.1,720:0.05,2880:0.02,7200:0"]),
        "trail" => arguments.extend(["--trailing", "0.02", "--trailing-offset", "0.04"]),
        "trail-plain" => arguments = vec!["--stop-loss", "0.05", "--trailing", "0.05"],
        other => panic!("variant {other} is not known to this test"),
    }
    let mut arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
    arguments.push(format!("--positions-max={}", run["max_open_trades"]));
    arguments
}

fn list(shared: &Path, run: &Value) -> Vec<Vec<String>> {
    let files = run["files"].as_array().unwrap().iter().map(|file| {
        let file = file.as_str().unwrap();
        shared.join(file.strip_prefix("shared/").unwrap_or(file))
    });
    let output = Command::new(env!("CARGO_BIN_EXE_tradingbot"))
        .args(["backtest", "--fill-rule", "freqtrade", "--strategy", "ema-cross", "--trades", "-"])
        .args(arguments(run))
        .args(files)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn the_freqtrade_rule_gives_the_reference_lists_trade_by_trade() {
    let Some(shared) = shared("") else { return };
    let folder = shared.join("reference/backtests");
    let manifest: Value = serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    for (name, run) in manifest["runs"].as_object().unwrap() {
        let expected = std::fs::read_to_string(folder.join(format!("{name}.csv"))).unwrap();
        let expected: Vec<Vec<&str>> = expected.lines().skip(1).map(|line| line.split(',').collect()).collect();
        let got = list(&shared, run);
        assert_eq!(got.len(), expected.len(), "{name}: trades");
        for (expected, got) in expected.iter().zip(&got) {
            let got: Vec<&str> = got.iter().map(String::as_str).collect();
            assert!(!differs(expected, &got), "{name}\nexpected {expected:?}\ngot      {got:?}");
        }
        println!("{name}: {} trades equal", expected.len());
    }
}

/// Klines of an hour from 2024-01-01, each flat at its price.
fn flat_hours(prices: impl Iterator<Item = u32>) -> String {
    let row = |(hour, price)| {
        let at = 1_704_067_200_000_u64 + hour * 3_600_000;
        let ends = at + 3_599_999;
        format!("{at},{price},{price},{price},{price},1,{ends},{price},1,1,{price},0\n")
    };
    (0_u64..).zip(prices).map(row).collect()
}

#[test]
fn the_report_counts_every_candle() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["BTCUSDT", "ETHUSDT"].map(|symbol| folder.path().join(format!("{symbol}-1h-2024-01.csv")));
    for file in &files {
        std::fs::write(file, flat_hours((0..48).map(|hour| 100 + hour))).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_tradingbot"))
        .args(["backtest", "--json", "--strategy", "ema-cross"])
        .args(&files)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["report"]["candles"], 96);
}

/// freqtrade 2026.9 gives as many trades for these balances, and the same ones.
#[test]
fn an_entry_that_the_freqtrade_wallet_does_not_hold_is_not_made() {
    let Some(shared) = shared("data/klines/4h") else { return };
    let files = ["ETHUSDT", "BTCUSDT"].map(|symbol| shared.join(format!("{symbol}-4h-20240101-20240831.csv.zst")));
    let stakes = |rule: &str, balance: &str| -> Vec<f64> {
        let output = Command::new(env!("CARGO_BIN_EXE_tradingbot"))
            .args(["backtest", "--fill-rule", rule, "--strategy", "ema-cross", "--stop-loss", "0.1"])
            .args(["--positions-max", "2", "--trades", "-", "--balance", balance])
            .args(&files)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().skip(1).map(|line| line.split(',').nth(6).unwrap().parse().unwrap()).collect()
    };
    for (balance, trades) in [("10000", 41), ("210", 41), ("150", 27), ("101", 0)] {
        let made = stakes("freqtrade", balance);
        assert_eq!(made.len(), trades, "with {balance}");
        assert!(made.iter().all(|stake| *stake > 99.0), "with {balance}: {made:?}");
    }
    assert!(stakes("strict", "150").iter().any(|stake| *stake < 99.0), "what is left is used");
}
