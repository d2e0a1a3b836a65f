//! `tradingbot backtest --config`: what a configuration would have traded.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// 40 days of hours, over which the price swings between 95 and 105 every two days.
fn candles(folder: &Path, symbol: &str) -> PathBuf {
    let path = folder.join(format!("{symbol}-1h-2024-01.csv"));
    let row = |hour: u64| {
        let (at, step) = (1_704_067_200_000 + hour * 3_600_000, hour % 48);
        let price = 95_000 + 10_000 * step.min(48 - step) / 24;
        let price = format!("{}.{:03}", price / 1000, price % 1000);
        format!("{at},{price},{price},{price},{price},1,{},{price},1,1,{price},0\n", at + 3_599_999)
    };
    std::fs::write(&path, (0..960).map(row).collect::<String>()).unwrap();
    path
}

fn file(folder: &Path, exposure_max: &str, strategies: &str) -> PathBuf {
    let path = folder.join("tradingbot.toml");
    let text = format!(
        r#"
mode = "paper"
start = "halted"
[market]
source = "practice"
symbols = ["BTCUSDT", "ETHUSDT"]
[account]
quote = "USDT"
balance = "10000"
fee-maker = "0.001"
fee-taker = "0.001"
[risk]
order-notional-max = "700"
position-notional-max = "700"
exposure-max = "{exposure_max}"
{strategies}"#
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn strategy(name: &str, interval: &str, symbols: &str, more: &str) -> String {
    format!(
        r#"
[[strategy]]
name = "{name}"
rule = "ema-cross"
fast = 3
slow = 8
symbols = {symbols}
interval = "{interval}"
sizing = {{ by = "fixed", stake = "500" }}
stop-loss = "0.03"
warm-up = 20
{more}"#
    )
}

fn backtest(arguments: &[&str], files: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tradingbot")).arg("backtest").args(arguments).args(files).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_configuration_trades_as_the_options_that_say_the_same() {
    let folder = folder();
    let data = [candles(folder.path(), "BTCUSDT"), candles(folder.path(), "ETHUSDT")];
    let data: Vec<&Path> = data.iter().map(PathBuf::as_path).collect();
    let config = file(folder.path(), "5000", &strategy("swing", "1h", r#"["BTCUSDT", "ETHUSDT"]"#, ""));
    let by_file = backtest(&["--json", "--config", config.to_str().unwrap()], &data);
    let options = ["--json", "--fast=3", "--slow=8", "--stake=500", "--stop-loss=0.03", "--warm-up=20"];
    let (mut by_file, by_options) = (json(&by_file), json(&backtest(&options, &data)));
    for trade in by_file["trades"].as_array_mut().unwrap() {
        assert_eq!(trade.as_object_mut().unwrap().remove("strategy").unwrap(), "swing");
    }
    assert!(by_file["trades"].as_array().unwrap().len() > 20, "{}", by_file["report"]);
    assert_eq!(by_file["trades"], by_options["trades"]);
    assert_eq!(by_file["report"]["equity"], by_options["report"]["equity"]);
}

#[test]
fn its_limits_are_kept_and_the_report_says_so() {
    let folder = folder();
    let data = [candles(folder.path(), "BTCUSDT"), candles(folder.path(), "ETHUSDT")];
    let data: Vec<&Path> = data.iter().map(PathBuf::as_path).collect();
    let both = strategy("swing", "1h", r#"["BTCUSDT", "ETHUSDT"]"#, "");
    let config = file(folder.path(), "700", &both);
    let arguments = ["--json", "--config", config.to_str().unwrap()];
    let report = json(&backtest(&arguments, &data))["report"].clone();
    assert_eq!(
        report["refusals"], report["trades"]["count"],
        "of two that enter together, one finds no room: {report}"
    );
    assert!(report["refusals"].as_u64().unwrap() > 10, "{report}");
    let text = String::from_utf8(backtest(&arguments[1..], &data).stdout).unwrap();
    assert!(text.contains("orders were refused, the last because"), "{text}");
    assert!(text.contains("exposure-max is 700, and the order would make it"), "{text}");
}

#[test]
fn several_strategies_trade_side_by_side_and_the_list_says_whose_each_trade_was() {
    let folder = folder();
    let data = candles(folder.path(), "BTCUSDT");
    let careful = strategy("careful", "1h", r#"["BTCUSDT"]"#, "cooldown = \"3d\"\n");
    let patient = strategy("patient", "1h", r#"["BTCUSDT"]"#, "entry = \"post-only\"\n");
    let all = [strategy("swing", "1h", r#"["BTCUSDT"]"#, ""), careful, patient].concat();
    let config = file(folder.path(), "5000", &all);
    let arguments = ["--json", "--config", config.to_str().unwrap(), "--trades", "-"];
    let output = backtest(&arguments[..3], &[&data]);
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(said.contains("patient enters by orders that rest at the best bid"), "{said}");
    let by_strategy = json(&output)["report"]["by_strategy"].clone();
    let count = |name: &str| by_strategy[name]["count"].as_u64().unwrap_or_default();
    assert!(count("swing") > count("careful") && count("careful") > 5, "{by_strategy}");
    let text = String::from_utf8(backtest(&arguments[1..], &[&data]).stdout).unwrap();
    assert!(text.lines().next().unwrap().ends_with(",stop_loss_abs,strategy"), "{text}");
    for name in ["swing", "careful"] {
        let rows = text.lines().filter(|line| line.ends_with(&format!(",{name}"))).count();
        assert_eq!(u64::try_from(rows).unwrap(), count(name), "{name}");
    }
}

#[test]
fn what_the_files_do_not_show_is_left_out_and_said() {
    let folder = folder();
    let data = candles(folder.path(), "BTCUSDT");
    let quick = strategy("quick", "1m", r#"["BTCUSDT"]"#, "");
    let config = file(folder.path(), "5000", &(strategy("swing", "1h", r#"["BTCUSDT", "ETHUSDT"]"#, "") + &quick));
    let output = backtest(&["--config", config.to_str().unwrap()], &[&data]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("warning: quick looks at candles of 1m, and these are of 1h"), "{said}");
    assert!(said.contains("warning: swing trades ETHUSDT, of which there are no candles"), "{said}");
    let config = file(folder.path(), "5000", &quick);
    let output = backtest(&["--config", config.to_str().unwrap()], &[&data]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("no strategy can be tested on these files: quick looks at candles of 1m"), "{said}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let folder = folder();
    let data = candles(folder.path(), "BTCUSDT");
    let other = candles(folder.path(), "SOLUSDT");
    let config = file(folder.path(), "5000", &strategy("swing", "1h", r#"["BTCUSDT"]"#, ""));
    let config = config.to_str().unwrap();
    let refused = |arguments: &[&str], data: &Path, code: i32, words: &str| {
        let output = backtest(arguments, &[data]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(words), "{said}");
    };
    refused(&["--config", config, "--stake", "100"], &data, 2, "--stake");
    refused(&["--config", config, "--balance", "100"], &data, 2, "--balance");
    refused(&["--config", config], &other, 2, "does not trade SOLUSDT; add it to market.symbols");
    let absent = folder.path().join("absent.toml");
    refused(&["--config", absent.to_str().unwrap()], &data, 78, "absent.toml: cannot be read");
}
