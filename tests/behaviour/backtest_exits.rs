//! No limit of a configuration makes an exit worse than leaving at once.

use std::path::{Path, PathBuf};

use crate::support::candles::{Row, at, backtest, json, trades, write};

/// Symbols that rise one hour after the other, each entered at 102.06 by the seventh hour at the latest.
fn risen(folder: &Path, symbols: &[&str], then: &[Row<'_>]) -> Vec<PathBuf> {
    let rows = |late: u64| -> Vec<Row<'_>> {
        let flat = (0..5 + late).map(|hour| at(hour, "100"));
        let rise = (5 + late, "100", "102", "100", "102", 5);
        let held = (6 + late..10).map(|hour| at(hour, "102"));
        flat.chain([rise]).chain(held).chain(then.iter().copied()).collect()
    };
    (0..).zip(symbols).map(|(late, symbol)| write(folder, symbol, "1h", &rows(late))).collect()
}

/// A configuration with these limits and ways out.
fn configured(folder: &Path, symbols: &[&str], risk: &str, exits: &str, instrument: &str) -> String {
    let list = format!("{symbols:?}");
    let rules: String = symbols
        .iter()
        .map(|symbol| {
            format!("[[instrument]]\nsymbol = \"{symbol}\"\ntick = \"0.01\"\nlot = \"0.001\"\n{instrument}\n")
        })
        .collect();
    let text = format!(
        "mode = \"paper\"\n[market]\nsource = \"practice\"\nsymbols = {list}\n[risk]\n{risk}\n{rules}\n[[strategy]]\n\
         name = \"up\"\nrule = \"ema-cross\"\nfast = 1\nslow = 3\nsymbols = {list}\ninterval = \"1h\"\nwarm-up = 3\n\
         sizing = {{ by = \"fixed\", stake = \"100\" }}\n{exits}\n"
    );
    let path = folder.join("tradingbot.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

const THREE: [&str; 3] = ["AXUSDT", "BXUSDT", "CXUSDT"];

#[test]
fn a_profit_inside_a_candle_is_judged_at_the_price_that_the_candle_had_then() {
    let folder = tempfile::tempdir().unwrap();
    let files = risen(folder.path(), &["AXUSDT"], &[(10, "102", "130", "102", "125", 5), at(11, "125"), at(12, "125")]);
    let exits = "roi = [ { after = \"0s\", profit = \"0.1\" } ]";
    let config = configured(folder.path(), &["AXUSDT"], "price-distance-max = \"0.001\"", exits, "");
    let answer = json(&["--config", &config], &files);
    assert_eq!(trades(&answer), ["01T06 102.06 to 01T10 112.5 roi"]);
    assert_eq!(answer["report"]["refusals"], 0);
}

#[test]
fn a_stop_far_under_the_open_is_left_at_the_stop() {
    let folder = tempfile::tempdir().unwrap();
    let files = risen(folder.path(), &["AXUSDT"], &[(10, "102", "102", "40", "50", 5), at(11, "50"), at(12, "50")]);
    let config = configured(folder.path(), &["AXUSDT"], "price-distance-max = \"0.001\"", "stop-loss = \"0.3\"", "");
    let got = trades(&json(&["--config", &config], &files));
    assert_eq!(got, ["01T06 102.06 to 01T10 71.41 stop_loss"], "71.45 and slippage");
}

#[test]
fn exits_of_one_moment_are_not_held_back_by_the_pace_of_orders() {
    let folder = tempfile::tempdir().unwrap();
    let slow = "orders-per-second = 1\norders-per-minute = 1";
    let all = |then: &[Row<'_>], exits: &str| {
        let files = risen(folder.path(), &THREE, then);
        let config = configured(folder.path(), &THREE, slow, exits, "");
        let answer = json(&["--config", &config], &files);
        let ends = trades(&answer);
        ends.iter().map(|trade| trade.split_once(" to ").unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    let stops = all(&[(10, "102", "102", "80", "80", 5), at(11, "70"), at(12, "70")], "stop-loss = \"0.05\"");
    assert_eq!(stops, ["01T10 96.91 stop_loss"; 3]);
    let signals = all(&[(10, "102", "102", "95", "95", 5), at(11, "95"), at(12, "70")], "");
    assert_eq!(signals, ["01T11 94.95 exit_signal"; 3]);
    let end = all(&[at(10, "102"), at(11, "102")], "");
    assert_eq!(end, ["01T11 101.94 force_exit"; 3]);
}

#[test]
fn limits_on_size_loss_and_symbols_let_an_exit_pass() {
    let folder = tempfile::tempdir().unwrap();
    let files = risen(folder.path(), &["AXUSDT"], &[(10, "300", "300", "20", "20", 5), at(11, "20"), at(12, "20")]);
    let tight = "order-notional-max = \"101\"\nposition-notional-max = \"101\"\nexposure-max = \"101\"\n\
                 loss-per-day-max = \"0.01\"\ndrawdown-max = \"0.001\"\nstaleness-max = \"100ms\"\norders-per-second = 1\norders-per-minute = 1\n\
                 orders-per-day = 1";
    let config = configured(folder.path(), &["AXUSDT"], tight, "stop-loss = \"0.5\"", "");
    let got = trades(&json(&["--config", &config], &files));
    assert_eq!(got, ["01T06 102.06 to 01T10 51 stop_loss"]);
}

#[test]
fn what_has_fallen_under_the_least_order_is_left_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let files = risen(folder.path(), &["AXUSDT"], &[(10, "102", "102", "80", "80", 5), at(11, "70"), at(12, "70")]);
    for rule in ["strict", "freqtrade"] {
        let options = ["--fast=1", "--slow=3", "--warm-up=3", "--stake=5.1", "--stop-loss=0.1", "--slippage=0"];
        let answer = json(&[&options[..], &["--fill-rule", rule]].concat(), &files);
        assert_eq!(trades(&answer), ["01T06 102 to 01T10 91.8 stop_loss"]);
        assert_eq!(answer["report"]["refusals"], 0);
    }
}

#[test]
fn an_entry_that_the_exchange_would_not_take_is_said_once_with_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let again = (10..40).map(|hour| at(hour, if hour % 8 < 4 { "90" } else { "110" }));
    let files = risen(folder.path(), &["AXUSDT"], &again.collect::<Vec<_>>());
    let config = configured(folder.path(), &["AXUSDT"], "", "", "qty-min = \"1\"");
    let text = String::from_utf8(backtest(&["--config", &config], &files).stdout).unwrap();
    let words = "up: an entry of AXUSDT for 100 buys 0.98039215 at 102, less than the exchange takes (lot 0.001, least \
                 quantity 1): it is not made; later ones are not listed";
    assert_eq!(text.matches(words).count(), 1, "{text}");
    let report = json(&["--config", &config], &files)["report"].clone();
    assert_eq!(report["entries_too_small"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!((&report["entries_too_small"][0]["stake"], &report["orders"]), (&"100".into(), &0.into()));
}

#[test]
fn an_entry_for_which_too_little_is_left_says_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let files = risen(folder.path(), &["AXUSDT", "BXUSDT"], &[at(10, "102"), at(11, "102")]);
    let options = ["--fast=1", "--slow=3", "--warm-up=3", "--balance=150", "--notional-min=60"];
    let text = String::from_utf8(backtest(&options, &files).stdout).unwrap();
    let words = "backtest: an entry of BXUSDT for 49.80010075, all that is left for a stake of 100, buys 0.48823628 at 102, less \
                 than the exchange takes (least value 60): it is not made";
    assert_eq!(text.matches(words).count(), 1, "{text}");
}
