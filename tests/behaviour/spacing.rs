//! The interval that rows have against the one that is claimed, for every interval of the exchange.

use std::fs;

use tradingbot::domain::{Span, Timestamp};
use tradingbot::store::{ReadKlinesError, read_klines, read_klines_as};

/// Rows that start `every` seconds apart and are `length` seconds long.
fn rows(count: u64, every: u64, length: u64) -> String {
    (0..count).map(|at| row(1_704_067_200 + at * every, length)).collect()
}

fn row(start: u64, length: u64) -> String {
    let (start, end) = (start * 1_000, (start + length) * 1_000 - 1);
    format!("{start},100,110,95.5,105.25,12.5,{end},1290.75,40,6.1,630.2,0\n")
}

fn read(name: &str, text: &str, asked: Option<&str>) -> Result<Span, ReadKlinesError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    read_klines_as(&path, None, asked.map(|asked| asked.parse().unwrap())).map(|file| file.interval)
}

const INTERVALS: [(&str, u64); 15] = [
    ("1s", 1),
    ("1m", 60),
    ("3m", 180),
    ("5m", 300),
    ("15m", 900),
    ("30m", 1_800),
    ("1h", 3_600),
    ("2h", 7_200),
    ("4h", 14_400),
    ("6h", 21_600),
    ("8h", 28_800),
    ("12h", 43_200),
    ("1d", 86_400),
    ("3d", 259_200),
    ("1w", 604_800),
];

#[test]
fn rows_of_another_interval_than_the_name_or_the_caller_says_are_refused() {
    for (named, seconds) in INTERVALS {
        let name = format!("BTCUSDT-{named}-2024.csv");
        assert_eq!(read(&name, &rows(30, seconds, seconds), None).unwrap().nanos(), seconds as i64 * 1_000_000_000);
        for (found, other) in INTERVALS.into_iter().filter(|(_, other)| *other != seconds) {
            let said = read(&name, &rows(30, other, other), None).unwrap_err().to_string();
            let words = format!("should hold candles of {named}, but most of its rows are {found} apart");
            assert!(said.contains(&words), "{said}");
            let said = read("BTCUSDT.csv", &rows(30, other, other), Some(named)).unwrap_err().to_string();
            let words = format!(
                "does not hold candles of {named}: most of its rows are {found} apart; ask for candles of {found}"
            );
            assert!(said.contains(&words), "{said}");
            assert_eq!(read(&name, &rows(30, other, other), Some(found)).unwrap().to_string(), found);
            assert_eq!(read("BTCUSDT.csv", &rows(30, other, other), None).unwrap().to_string(), found);
        }
    }
    let said = read("BTCUSDT-1h.csv", &rows(30, 300, 300), Some("7m")).unwrap_err().to_string();
    assert!(said.contains("does not hold candles of 7m: most of its rows are 5m apart"), "{said}");
}

#[test]
fn candles_of_a_market_in_which_little_trades_may_be_far_apart() {
    assert_eq!(read("XRPETH-1m.csv", &rows(30, 120, 60), None).unwrap(), Span::MINUTE);
    assert_eq!(read("XRPETH.csv", &rows(30, 120, 60), None).unwrap(), Span::MINUTE);
    let one = read("BTCUSDT-1h.csv", &rows(1, 60, 14_400), None).unwrap_err().to_string();
    assert!(one.contains("most of its rows are 4h apart"), "{one}");
}

#[test]
fn how_the_last_instant_is_written_does_not_matter() {
    let ending = |unit: u64, before: u64| -> String {
        let row = |at: u64| {
            let (start, end) =
                ((1_704_067_200 + at * 3_600) * unit, (1_704_067_200 + (at + 1) * 3_600) * unit - before);
            format!("{start},1,1,1,1,1,{end},1,1,1,1,0\n")
        };
        (0..30).map(row).collect()
    };
    for (unit, before) in
        [(1_000, 1), (1_000_000, 1), (1_000_000_000, 1), (1_000, 0), (1_000, 1_000), (1_000_000, 1_000)]
    {
        let read = |name: &str| read(name, &ending(unit, before), None);
        assert_eq!(read("BTCUSDT-1h.csv").unwrap(), Span::HOUR, "{before} of {unit}");
        assert!(read("BTCUSDT-30m.csv").is_err(), "{before} of {unit}");
    }
    let same = ending(1_000, 3_600_000);
    assert_eq!(read("BTCUSDT-1h.csv", &same, None).unwrap(), Span::HOUR);
    assert!(read("BTCUSDT-30m.csv", &same, None).is_err());
}

#[test]
fn candles_of_several_lengths_in_one_file_are_refused() {
    let hours = rows(200, 3_600, 3_600);
    let longer: String = (0..100).map(|at| row(1_704_067_200 + (200 + at * 4) * 3_600, 14_400)).collect();
    let said = read("BTCUSDT-1h.csv", &format!("{hours}{longer}"), None).unwrap_err().to_string();
    let words =
        "should hold candles of 1h, but 100 of its 300 rows are of 4h, the first at 2024-01-09T08:00:00Z; keep each";
    assert!(said.contains(words), "{said}");
    let shorter: String = (0..100).map(|at| row(1_704_067_200 + 200 * 3_600 + at * 900, 900)).collect();
    let said = read("BTCUSDT-1h.csv", &format!("{hours}{shorter}"), None).unwrap_err().to_string();
    assert!(said.contains("of its 300 rows are of 15m, the first at 2024-01-09T0"), "{said}");
    let other = read("BTCUSDT-1h.csv", &rows(30, 3_600, 14_400), None).unwrap_err().to_string();
    assert!(other.contains("rows that are 1h apart, but by their close_time most are 4h long"), "{other}");
}

#[test]
fn a_candle_that_the_exchange_cut_off_is_taken() {
    let cut = row(1_704_067_200 + 30 * 3_600, 2_382);
    let text = format!("{}{cut}{}", rows(30, 3_600, 3_600), row(1_704_067_200 + 31 * 3_600, 3_600));
    assert_eq!(read("BTCUSDT-1h.csv", &text, None).unwrap(), Span::HOUR);
}

#[test]
fn months_are_known_for_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let starts = ["2023-12-01", "2024-01-01", "2024-02-01", "2024-03-01", "2024-05-01", "2024-06-01"];
    let starts = starts.map(|day| day.parse::<Timestamp>().unwrap().millis() / 1_000);
    let days = [31, 31, 29, 31, 31, 30];
    let text: String = starts.iter().zip(days).map(|(start, days)| row(*start as u64, days * 86_400)).collect();
    for name in ["BTCUSDT-1M-2024.csv", "BTCUSDT-1mo-2024.csv", "BTCUSDT.csv"] {
        let path = folder.path().join(name);
        fs::write(&path, &text).unwrap();
        let file = read_klines(&path).unwrap();
        assert!(file.months);
        let gaps: Vec<_> = file.gaps.iter().map(|gap| format!("{} {} {}", gap.from, gap.until, gap.missing)).collect();
        assert_eq!(gaps, ["2024-04-01T00:00:00Z 2024-05-01T00:00:00Z 1"], "{name}");
    }
    let said = read("BTCUSDT-1M-2024.csv", &rows(30, 86_400, 86_400), None).unwrap_err().to_string();
    assert!(said.contains("should hold candles of a month, but most of its rows are 1d apart"), "{said}");
    let said = read("BTCUSDT-1d-2024.csv", &text, None).unwrap_err().to_string();
    assert!(said.contains("should hold candles of 1d, but most of its rows are 31d apart"), "{said}");
}

#[test]
fn among_few_rows_one_that_was_cut_off_does_not_decide_the_interval() {
    let (hour, cut) = (3_600, 1_680);
    let begin = 1_517_443_200;
    // Cut off at the beginning of an outage, and the first one after it.
    let outage = row(begin, cut) + &row(begin + 10 * hour, hour);
    assert_eq!(read("BTCUSDT-1h-2018-02-01.csv", &outage, None).unwrap(), "1h".parse().unwrap());
    assert_eq!(read("BTCUSDT-2018.csv", &outage, Some("1h")).unwrap(), "1h".parse().unwrap());
    // The last one of a coin that was taken off.
    let week = 7 * 24 * hour;
    let last = row(1_704_067_200, week) + &row(1_704_067_200 + week, 2 * 24 * hour);
    assert_eq!(read("DELUSDT-1w-2024-01.csv", &last, None).unwrap(), "1w".parse().unwrap());
    // None of them is as long as the name says.
    assert!(read("BTCUSDT-1h-2018-02-01.csv", &rows(2, 4 * hour, 4 * hour), None).is_err());
}
