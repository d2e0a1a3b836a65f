//! `tradingbot indicator`, as a program that others read.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};

#[test]
fn rows_are_csv_with_an_empty_field_where_there_is_no_value() {
    let (_folder, file) = klines();
    assert_eq!(
        printed(&["sma", "--period", "2,3", &file]),
        "row,open_time,sma_2,sma_3\n\
         0,1704067200000,,\n\
         1,1704070800000,1.5,\n\
         2,1704074400000,2.5,2\n\
         3,1704078000000,4.5,3.6666666666666665\n"
    );
}

#[test]
fn the_first_and_last_rows_can_be_had_alone() {
    let (_folder, file) = klines();
    let rows = |given: &[&str]| -> Vec<String> {
        let text = printed(&[&["obv", file.as_str()], given].concat());
        text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
    };
    assert_eq!(rows(&["--first", "1"]), ["0"]);
    assert_eq!(rows(&["--last", "2"]), ["2", "3"]);
    assert_eq!(rows(&["--first", "1", "--last", "1"]), ["0", "3"]);
    assert_eq!(rows(&["--first", "3", "--last", "3"]), ["0", "1", "2", "3"]);
    assert!(rows(&["--first", "0"]).is_empty());
}

#[test]
fn json_is_one_array_with_null_where_there_is_no_value() {
    let (_folder, file) = klines();
    let rows: Value = serde_json::from_str(&printed(&["roc", "--period", "3", "--json", &file])).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 4);
    assert_eq!(rows[2], json!({ "row": 2, "open_time": 1_704_074_400_000_i64, "roc_3": null }));
    assert_eq!(rows[3], json!({ "row": 3, "open_time": 1_704_078_000_000_i64, "roc_3": 500.0 }));
    assert_eq!(printed(&["roc", "--json", "--first", "0", &file]), "[\n]\n");
}

#[test]
fn the_list_names_every_indicator_with_its_parameters_and_columns() {
    let list: Value = serde_json::from_str(&printed(&["--list", "--json"])).unwrap();
    let list = list.as_array().unwrap();
    let names: Vec<&str> = list.iter().map(|one| one["name"].as_str().unwrap()).collect();
    let known = "sma ema wma rsi macd bollinger atr donchian obv vwap adx stochastic cci williams-r roc keltner \
                 supertrend ichimoku parabolic-sar";
    assert_eq!(names.join(" "), known);
    assert_eq!(list[5]["parameters"][1], json!({ "name": "deviations", "default": [2.0] }));
    let text = printed(&["--list"]);
    assert!(text.contains("macd --fast 12 --slow 26 --signal 9\n"), "{text}");
    assert!(text.contains("    columns: macd,macd_signal,macd_hist\n"), "{text}");
}

#[test]
fn what_makes_no_sense_ends_with_a_line_that_says_why() {
    let (folder, file) = klines();
    let missing = folder.path().join("none.csv").display().to_string();
    let broken = folder.path().join("BTCUSDT-1h-broken.csv");
    fs::write(&broken, "1704067200000,1,1,1,1\n").unwrap();
    let broken = broken.display().to_string();
    for (arguments, exit, said) in [
        (&["rsi", "--fast", "3", &file][..], 2, "error: rsi has no parameter fast; it has period\n".to_owned()),
        (
            &["rsi", "--period", "0", &file],
            2,
            "error: rsi: period 0 is not a whole number from 1 to 100000\n".to_owned(),
        ),
        (
            &["rsi", &missing],
            65,
            format!("error: {missing} cannot be opened: No such file or directory (os error 2)\n"),
        ),
        (
            &["rsi", &broken],
            65,
            format!(
                "error: {broken}:1: 5 columns where 12 are expected; the line may be cut off, or the file of another kind\n"
            ),
        ),
    ] {
        let output = run(arguments);
        assert_eq!(String::from_utf8(output.stderr).unwrap(), said);
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
    for arguments in [&["rsj", &file][..], &["rsi", "--period", "x", &file], &["rsi"], &[]] {
        assert_eq!(run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn files_follow_each_other_and_what_has_no_value_is_said_with_numbers() {
    let (folder, file) = klines();
    let text = fs::read_to_string(&file).unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (first, second) = text.split_at(text.match_indices('\n').nth(1).unwrap().0 + 1);
    let halves = [put("btcusdt-1h-a.csv", first), put("BTC_USDT-1h-b.csv", second)];
    let whole = printed(&["sma", "--period", "2,3", &file]);
    assert_eq!(printed(&["sma", "--period", "2,3", &halves[0], &halves[1]]), whole);
    let notes = |arguments: &[&str]| String::from_utf8(run(arguments).stderr).unwrap();
    assert_eq!(notes(&["sma", "--period", "2,3", &file]), "");
    assert_eq!(
        notes(&["sma", "--period", "4,5,5000", &file]),
        "note: sma_5 has no value: it needs 5 rows, and there are 4\nnote: sma_5000 has no value: it needs 5,000 rows, and there are 4\n"
    );
    let macd = notes(&["macd", "--json", &file]);
    assert!(macd.contains(r#"{"note":"macd has no value: it needs 34 rows, and there are 4"}"#), "{macd}");
    let flat = put("ETHUSDT-1h.csv", &text.replace(",1,17", ",0,17"));
    assert_eq!(notes(&["obv", &flat]), "note: obv needs volume, and none of the 4 rows has any\n");
    assert_eq!(notes(&["vwap", &flat]), "note: vwap needs volume, and none of the 4 rows has any\n");
    assert_eq!(notes(&["roc", "--period", "1", &flat]), "");
    let gap = put(
        "ADAUSDT-1h.csv",
        &text.lines().enumerate().filter(|(at, _)| *at != 2).map(|(_, line)| format!("{line}\n")).collect::<String>(),
    );
    assert_eq!(
        notes(&["obv", &gap]),
        "note: 1 candle missing in one gap of 1h, from 2024-01-01T02:00:00Z to 2024-01-01T03:00:00Z; values are computed as if the \
         others followed each other\n"
    );
    let other = notes(&["obv", &file, &flat]);
    assert!(
        other.contains("ETHUSDT-1h.csv: its candles are of ETHUSDT, those of the files before of BTCUSDT"),
        "{other}"
    );
}

/// Four hours, closing at 1, 2, 3 and 6.
fn klines() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("BTCUSDT-1h-2024-01.csv");
    let row = |(hour, close): (i64, i64)| {
        let open_time = 1_704_067_200_000 + hour * 3_600_000;
        format!("{open_time},1,6,1,{close},1,{},1,1,1,1,0\n", open_time + 3_599_999)
    };
    let rows: String = (0..).zip([1, 2, 3, 6]).map(row).collect();
    fs::write(&path, rows).unwrap();
    (folder, path.display().to_string())
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tradingbot")).arg("indicator").args(arguments).output().unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
