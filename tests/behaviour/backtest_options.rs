//! Options as people write them, files that cannot be written, and the names in the report.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::candles::{Row, backtest, json, write};

/// Two days of hours that swing, so that something is entered and stopped.
fn file(folder: &std::path::Path) -> PathBuf {
    let prices: Vec<String> =
        (0..60_u32).map(|hour| format!("{}", 100 + 10 * (hour % 12).min(12 - hour % 12))).collect();
    let rows: Vec<Row<'_>> =
        (0..).zip(&prices).map(|(hour, price)| (hour, &**price, &**price, &**price, &**price, 5)).collect();
    write(folder, "ABCUSDT", "1h", &rows)
}

fn refused(arguments: &[&str], file: &PathBuf, code: i32, words: &str) {
    let output = backtest(arguments, [file]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(words), "{said}");
}

#[test]
fn a_minus_sign_before_a_distance_means_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let fixed = ["--fast=1", "--slow=3", "--warm-up=3"];
    let got = |options: &[&str]| json(&[&fixed[..], options].concat(), [&file])["trades"].clone();
    let plain =
        got(&["--stop-loss", "0.1", "--trailing", "0.05", "--trailing-offset", "0.1", "--trailing-before", "0.07"]);
    assert!(plain.as_array().unwrap().len() > 2, "{plain}");
    for signed in [
        &["--stop-loss", "-0.1", "--trailing", "-0.05", "--trailing-offset", "0.1", "--trailing-before", "-0.07"][..],
        &["--stop-loss=-0.1", "--trailing=-0.05", "--trailing-offset=0.1", "--trailing-before=-0.07"],
        &["--stoploss=-0.1", "--trailing=-0.05", "--trailing-offset=0.1", "--trailing-before=0.07"],
    ] {
        assert_eq!(got(signed), plain, "{signed:?}");
    }
    assert_ne!(got(&[]), plain);
}

#[test]
fn other_names_that_people_know_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let fixed = ["--fast=1", "--slow=3", "--warm-up=3"];
    let got = |options: &[&str]| json(&[&fixed[..], options].concat(), [&file]);
    let ours = got(&["--stake=50", "--balance=700", "--interval=1h", "--positions-max=1"]);
    assert_eq!(got(&["--stake-amount=50", "--starting-balance=700", "--timeframe=1h", "--max-open-trades=1"]), ours);
    assert_eq!(got(&["--stake-amount=50", "--dry-run-wallet=700"]), ours);
}

#[test]
fn what_a_minus_sign_cannot_be_meant_for_is_refused_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    for (option, value, words) in [
        ("--stop-loss", "-1", "--stop-loss -1: must be a share between 0 and 1, such as 0.1 for 10 %"),
        ("--stop-loss", "10", "--stop-loss 10: must be a share between 0 and 1, such as 0.1 for 10 %"),
        ("--stake", "-100", "--stake -100: an entry must be worth something"),
        ("--balance", "-1", "--balance -1: there is nothing to trade with"),
        ("--fee", "-0.001", "--fee -0.001: is not a share from 0 to 0.1"),
        ("--slippage", "-0.001", "--slippage -0.001: is not a share from 0 to 0.1"),
        ("--equity-share", "-0.5", "--equity-share -0.5: is no share of equity"),
        ("--notional-min", "-5", "--notional-min -5: is negative"),
    ] {
        refused(&[option, value], &file, 2, words);
        refused(&[&format!("{option}={value}")], &file, 2, words);
    }
    let offset = ["--trailing=0.02", "--trailing-offset", "-0.04"];
    refused(&offset, &file, 2, "--trailing-offset -0.04: is a profit after fees; give 0 or more");
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_anything_is_computed() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let here = folder.path().to_str().unwrap();
    let taken = file.to_str().unwrap();
    for option in ["--trades", "--equity"] {
        let absent = format!("the folder {here}/absent does not exist; make it first, or name another");
        refused(&[option, &format!("{here}/absent/x.csv")], &file, 1, &absent);
        refused(&[option, here], &file, 1, "it is a folder; name a file in it");
        refused(&[option, taken], &file, 1, "it is there already; name a file that does not exist");
        refused(&[option, &format!("{taken}/x")], &file, 1, "is not a folder; name one that is");
    }
    refused(&["--trades=-", "--equity=-"], &file, 2, "both name -: only one of them can be printed");
    let one = format!("{here}/one.csv");
    refused(&["--trades", &one, "--equity", &one], &file, 2, "give each a file of its own");
    assert!(!folder.path().join("one.csv").exists());
}

#[test]
fn every_name_in_the_report_is_of_one_style_and_lengths_of_time_are_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let answer = json(&["--fast=1", "--slow=3", "--warm-up=3"], [&file]);
    fn names(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(name, value)| {
                found.push(name.clone());
                names(value, found);
            }),
            Value::Array(list) => list.iter().for_each(|value| names(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    names(&answer, &mut found);
    found.retain(|name| name != "ABCUSDT");
    assert!(found.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')), "{found:?}");
    let trades = answer["trades"].as_array().unwrap();
    let minutes: f64 = trades.iter().map(|trade| trade["trade_duration"].as_f64().unwrap()).sum();
    let count = answer["report"]["trades"]["count"].as_f64().unwrap();
    assert_eq!(
        answer["report"]["trades"]["duration_mean_minutes"].as_f64().unwrap(),
        (minutes / count * 1e3).round() / 1e3
    );
}
