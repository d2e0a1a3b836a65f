//! Nothing is bought or sold in a candle in which nothing was traded, and a wish that arises in one is not lost.

use std::path::PathBuf;

use crate::support::candles::{Row, at, backtest, json, trades, write};

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
