//! Candle files for the real command, and its answers.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// One candle: how many intervals after 2024-01-01, a Monday, and its open, high, low, close and volume.
pub type Row<'a> = (u64, &'a str, &'a str, &'a str, &'a str, u32);

/// A candle in which all four prices are the same, with volume.
pub const fn at(place: u64, price: &str) -> Row<'_> {
    (place, price, price, price, price, 5)
}

/// A file of such candles, named as the exchange names its own.
pub fn write(folder: &Path, symbol: &str, interval: &str, rows: &[Row<'_>]) -> PathBuf {
    let minutes = match interval {
        "1m" => 1,
        "1h" => 60,
        "1d" => 1_440,
        "1w" => 10_080,
        other => panic!("this test knows no candle of {other}"),
    };
    let line = |(place, open, high, low, close, volume): &Row<'_>| {
        let begins = 1_704_067_200_000 + place * minutes * 60_000;
        let ends = begins + minutes * 60_000 - 1;
        format!("{begins},{open},{high},{low},{close},{volume},{ends},{volume},{volume},0,0,0\n")
    };
    let path = folder.join(format!("{symbol}-{interval}-2024.csv"));
    std::fs::write(&path, rows.iter().map(line).collect::<String>()).unwrap();
    path
}

/// The command's answer.
pub fn backtest<'a>(arguments: &[&str], files: impl IntoIterator<Item = &'a PathBuf>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
    command.arg("backtest").args(arguments).args(files).output().unwrap()
}

/// The report and the trades.
pub fn json<'a>(arguments: &[&str], files: impl IntoIterator<Item = &'a PathBuf>) -> Value {
    let output = backtest(&[&["--json"], arguments].concat(), files);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What became of each position: when and at what price it was opened and closed, and why.
pub fn trades(answer: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().replace("2024-01-", "").replace(":00:00Z", "");
    let trade = |trade: &Value| {
        let [from, to] = ["open_date", "close_date"].map(|key| text(&trade[key]));
        let [open, close] = ["open_rate", "close_rate"].map(|key| text(&trade[key]));
        format!("{from} {open} to {to} {close} {}", text(&trade["exit_reason"]))
    };
    answer["trades"].as_array().unwrap().iter().map(trade).collect()
}

/// A number, whether it is one in JSON or decimal text.
pub fn number(value: &Value) -> f64 {
    match value {
        Value::String(text) => text.parse().unwrap(),
        other => other.as_f64().unwrap_or_else(|| panic!("{other} is no number")),
    }
}
