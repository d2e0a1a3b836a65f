//! The command line as it is typed: what is refused, what is warned of, what is printed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

#[test]
fn backtests_that_cannot_be_meant_are_refused_in_words() {
    let (_folder, file) = klines(300);
    for (arguments, message) in [
        (&["--stake", "0"][..], "--stake 0: an entry must be worth something; give more than 0, such as 100"),
        (&["--stake", "1"], "--stake 1: is less than the least order, 5, so none could be sent"),
        (&["--positions-max", "0"], "--positions-max 0: leaves no place for a position; give 1 or more"),
        (&["--balance", "0"], "--balance 0: there is nothing to trade with; give more than 0"),
        (&["--fee", "2"], "--fee 2: is not a share from 0 to 0.1; write 0.001 for 0.1 %"),
        (&["--slippage", "0.9"], "--slippage 0.9: is not a share from 0 to 0.1; write 0.0005 for 0.05 %"),
        (&["--equity-share", "5"], "--equity-share 5: is no share of equity; give more than 0 and at most 1"),
        (
            &["--period", "9"],
            "--period 9: means nothing to ema-cross; leave it out, or choose --strategy rsi-reversion",
        ),
        (&["--strategy", "rsi", "--fast", "9"], "--fast 9: means nothing to rsi-reversion; leave it out"),
        (&["--strategy", "donchian", "--enter-below", "9"], "--enter-below 9: means nothing to donchian-breakout"),
        (&["--interval", "0s"], "--interval 0s: is no length of a candle"),
    ] {
        let output = run(&[&["backtest", file.to_str().unwrap()], arguments].concat());
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(message), "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn backtests_that_may_be_meant_are_warned_of() {
    let (_folder, file) = klines(300);
    let file = file.to_str().unwrap();
    for (arguments, message) in [
        (
            &["--warm-up", "100000"][..],
            "BTCUSDT has 300 candles and a warm-up of 100000 takes all of them: nothing can be",
        ),
        (&["--warm-up", "9", "--slow", "300"], "BTCUSDT has 300 candles and"),
        (&["--stake", "1000000"], "--stake 1000000 and its fee are more than --balance 10000: entries are cut"),
    ] {
        let arguments = [&["backtest", file], arguments].concat();
        let plain = run(&arguments);
        assert!(plain.status.success(), "{}", text(&plain.stderr));
        let warning = text(&plain.stderr);
        assert!(warning.starts_with(&format!("warning: {message}")), "{warning}");
        let json = run(&[&arguments[..], &["--json"]].concat());
        let warned: Value = serde_json::from_slice(&json.stderr).unwrap();
        assert!(warned["warning"].as_str().unwrap().starts_with(message), "{warned}");
        assert!(serde_json::from_slice::<Value>(&json.stdout).unwrap()["report"].is_object());
    }
    let enough = run(&["backtest", file, "--warm-up", "297", "--equity-share", "1"]);
    assert_eq!((enough.status.code(), text(&enough.stderr).as_str()), (Some(0), ""));
}

#[test]
fn the_list_of_trades_is_the_same_in_csv_and_json() {
    let (_folder, file) = klines(300);
    let output = run(&["backtest", file.to_str().unwrap(), "--json", "--trades", "-", "--warm-up", "30"]);
    let trades: Value = serde_json::from_slice(&output.stdout).unwrap();
    let csv = run(&["backtest", file.to_str().unwrap(), "--trades", "-", "--warm-up", "30"]);
    let csv = String::from_utf8(csv.stdout).unwrap();
    let mut lines = csv.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let mut rows = 0;
    for (trade, line) in trades.as_array().unwrap().iter().zip(lines.by_ref()) {
        let trade = trade.as_object().unwrap();
        assert_eq!(trade.len(), columns.len());
        for (column, text) in columns.iter().zip(line.split(',')) {
            let value = &trade[*column];
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            assert_eq!(if value.is_null() { "" } else { shown.as_str() }, text, "{column}");
        }
        rows += 1;
    }
    assert!(rows > 0 && rows == trades.as_array().unwrap().len() && lines.next().is_none());
}

#[test]
fn pages_for_a_folder_that_is_not_there_say_which() {
    let output = run(&["man", "--out", "/nowhere/pages"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with("error: cannot write the pages to /nowhere/pages: "), "{stderr}");
    assert!(stderr.ends_with("; name a folder that is there\n"), "{stderr}");
}

#[test]
fn paper_greets_once_it_trades_and_names_commands_that_can_be_typed() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let state = state.to_str().unwrap();
    let refused = run(&["paper", "--recording", "/nowhere.jsonl", "--state", state]);
    assert_eq!((refused.status.code(), text(&refused.stdout).as_str()), (Some(65), ""));
    let traded = run(&["paper", "--for", "1s", "--state", state]);
    let stdout = text(&traded.stdout);
    assert!(traded.status.success(), "{}", text(&traded.stderr));
    assert!(stdout.starts_with("paper trading; Ctrl-C stops it\n"), "{stdout}");
    let program = env!("CARGO_BIN_EXE_tradingbot");
    assert!(stdout.contains(&format!("look     {program} status --socket {state}/")), "{stdout}");
    let on_path = command(&["paper", "--for", "1s", "--state", state])
        .env("PATH", Path::new(program).parent().unwrap())
        .output()
        .unwrap();
    let stdout = text(&on_path.stdout);
    assert!(stdout.contains(&format!("look     tradingbot status --socket {state}/")), "{stdout}");
}

#[test]
fn errors_are_one_object_when_json_is_asked_for() {
    let (_folder, file) = klines(30);
    let file = file.to_str().unwrap();
    for (arguments, exit, code, help) in [
        (&["backtest", file, "--stake", "0"][..], 2, "usage", "give more than 0, such as 100"),
        (&["backtest", "/nowhere.csv"], 65, "data", ""),
        (&["backtest", file, "--stakes", "0"], 2, "usage", "tip: a similar argument exists: '--stake'"),
        (&["backtest"], 2, "usage", "Usage: tradingbot backtest"),
        (&["check-config", "/nowhere.toml"], 78, "config", ""),
        (&["status", "--socket", "/nowhere.sock"], 69, "unreachable", ""),
        (&["paper", "--recording", "/nowhere.jsonl"], 65, "data", ""),
        (&["catalogue"], 2, "usage", "leave --json out"),
        (&["completions", "bash"], 2, "usage", "leave --json out"),
        (&["man"], 2, "usage", "leave --json out"),
    ] {
        let state = tempfile::tempdir().unwrap();
        let given = [arguments, &["--json"]].concat();
        let output = command(&given).env("XDG_STATE_HOME", state.path()).output().unwrap();
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {stderr}");
        let error: Value = serde_json::from_str(stderr.lines().last().unwrap()).unwrap();
        assert_eq!(error["code"], code, "{error}");
        assert!(!error["message"].as_str().unwrap().is_empty(), "{error}");
        assert!(error["help"].as_str().unwrap_or_default().starts_with(help), "{error}");
    }
}

#[test]
fn paper_speaks_json_alone_when_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["paper", "--json", "--for", "1s", "--state", folder.path().to_str().unwrap()]);
    let lines =
        |bytes: &[u8]| -> Vec<Value> { text(bytes).lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    let said = lines(&output.stdout);
    assert_eq!(said.len(), 2);
    assert_eq!((&said[0]["event"], &said[0]["run"], &said[0]["halted"]), (&"started".into(), &1.into(), &Value::Null));
    assert_eq!((&said[1]["event"], &said[1]["reason"]), (&"ended".into(), &"time-up".into()));
    assert_eq!(said[1]["head"]["hash"].as_str().unwrap().len(), 64);
    assert!(lines(&output.stderr).iter().any(|line| line["message"] == "ready"));
}

#[test]
fn the_check_of_a_configuration_gives_the_verdict_of_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let config = at("tradingbot.toml");
    let written = |market: &str, more: &str| {
        let state = at("state");
        let text = format!(
            "mode = \"paper\"\nstate = \"{state}\"\n[market]\n{market}symbols = [\"BTCUSDT\"]\n[api]\nlisten = \
             \"127.0.0.1:0\"\n{more}"
        );
        fs::write(&config, text).unwrap();
    };
    for (market, more, exit, message) in [
        ("source = \"recording\"\nfiles = [\"/nowhere.jsonl\"]\n", "", 65, "/nowhere.jsonl"),
        ("source = \"practice\"\n", "[secrets]\ndirectory = \"/nowhere\"\n", 8, "/nowhere"),
        ("source = \"practice\"\n", "[log]\nfile = \"/nowhere/bot.log\"\n", 1, "log.file /nowhere/bot.log cannot be"),
    ] {
        written(market, more);
        let check = run(&["check-config", &config]);
        let start = run(&["run", "--config", &config]);
        let (checked, started) = (text(&check.stderr), text(&start.stderr));
        assert_eq!((check.status.code(), start.status.code()), (Some(exit), Some(exit)), "{checked}{started}");
        assert!(checked.contains(message), "{checked}");
        assert_eq!(checked.lines().last(), started.lines().last());
        let json = run(&["check-config", "--json", &config]);
        let verdict: Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(verdict["valid"], false);
        assert!(verdict["faults"][0]["message"].as_str().unwrap().contains(message), "{verdict}");
    }
    let log = at("bot.log");
    written("source = \"practice\"\n", &format!("[log]\nfile = \"{log}\"\n"));
    let check = run(&["check-config", &config]);
    assert!(check.status.success(), "{}", text(&check.stderr));
    assert!(!Path::new(&log).exists(), "the check makes nothing");
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// So many hours of a price that goes up and down in turns of a day.
fn klines(count: u64) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("BTCUSDT-1h-2024-01.csv");
    let mut rows = String::new();
    for hour in 0..count {
        let open = 1_704_067_200_000 + hour * 3_600_000;
        let turn = hour % 48;
        let price = 100 + if turn < 24 { turn } else { 48 - turn };
        let close = open + 3_599_999;
        rows.push_str(&format!("{open},{price},{price},{price},{price},1,{close},{price},1,1,{price},0\n"));
    }
    fs::write(&file, rows).unwrap();
    (folder, file)
}
