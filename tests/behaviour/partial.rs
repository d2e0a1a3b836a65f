//! Candles that the files hold in part only: said with numbers, or left out.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

#[test]
fn a_longer_candle_of_which_a_part_is_there_is_said_with_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let days = |days: &[u64]| -> String {
        let row = |day: &u64| {
            let at = 1_704_067_200_000 + day * 86_400_000;
            format!("{at},10,11,9,10,1,{},10,1,1,10,0\n", at + 86_399_999)
        };
        days.iter().map(row).collect()
    };
    let path = folder.path().join("BTCUSDT-1d-2024-01.csv");
    let run = |text: &str, arguments: &[&str]| {
        fs::write(&path, text).unwrap();
        let output = candles(&[&["--interval", "1w"], arguments].concat(), &[&path]);
        assert!(output.status.success());
        let rows = String::from_utf8(output.stdout).unwrap();
        let rows: Vec<String> = rows.lines().skip(1).map(|line| line.split(',').nth(5).unwrap().to_owned()).collect();
        (rows, String::from_utf8(output.stderr).unwrap())
    };
    let volumes = |volumes: &[u32]| volumes.iter().map(|volume| format!("{volume}.00000000")).collect::<Vec<_>>();
    let cut = days(&[6, 7, 8, 9, 10, 11, 12, 13, 14]);
    let (rows, said) = run(&cut, &[]);
    assert_eq!(rows, volumes(&[1, 7, 1]));
    assert_eq!(
        said,
        "note: the first candle, of 2024-01-01T00:00:00Z, is not whole: the files begin in it, with 1 of its 7 candles of 1d\n\
         note: the last candle, of 2024-01-15T00:00:00Z, may not be whole: the files end in it, with 1 of its 7 candles of 1d\n"
    );
    let (rows, said) = run(&cut, &["--closed"]);
    assert_eq!(rows, volumes(&[7]));
    assert_eq!(
        said,
        "note: the candle of 2024-01-01T00:00:00Z is left out: the files begin in it, with 1 of its 7 candles of 1d\n\
         note: the candle of 2024-01-15T00:00:00Z is left out: the files end in it, with 1 of its 7 candles of 1d\n"
    );
    let holes: Vec<u64> = (0..28).filter(|day| ![8, 9, 20].contains(day)).collect();
    for arguments in [&[][..], &["--closed"]] {
        let (rows, said) = run(&days(&holes), arguments);
        assert_eq!(rows, volumes(&[7, 5, 6, 7]));
        assert_eq!(
            said,
            "note: 3 candles of 1d missing between those given, in 2 candles of 1w, first in that of 2024-01-08T00:00:00Z: candles \
             may differ from the exchange's\n"
        );
    }
    let (rows, said) = run(&days(&[3, 4]), &["--closed"]);
    assert!(rows.is_empty());
    assert_eq!(
        said,
        "note: the candle of 2024-01-01T00:00:00Z is left out: the files begin and end in it, with 2 of its 7 candles of 1d\n"
    );
    assert_eq!(run(&days(&[0, 1, 2, 3, 4, 5, 6]), &["--closed"]), (volumes(&[7]), String::new()));
}

#[test]
fn rows_of_two_days_that_take_turns_are_refused_and_a_late_trade_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, rows: &[(u64, u64)]| {
        let path = folder.path().join(name);
        let row = |(id, at): &(u64, u64)| format!("{id},10,1,10,{},true,true\n", 1_700_000_040_000 + at);
        fs::write(&path, rows.iter().map(row).collect::<String>()).unwrap();
        path
    };
    let turns = put("BTCUSDT-trades-2023-11.csv", &[(1, 0), (900, 86_400_000), (2, 1), (901, 86_400_001), (3, 2)]);
    let output = candles(&["--interval", "1m"], &[&turns]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(65));
    assert!(
        said.ends_with(
            ":3: trade 2 is not in order of id: it comes after 900 and stands nowhere above; sort the rows by id\n"
        ),
        "{said}"
    );
    let days =
        [put("BTCUSDT-trades-a.csv", &[(1, 0), (2, 1), (900, 2)]), put("BTCUSDT-trades-b.csv", &[(2, 1), (3, 3)])];
    let output = candles(&["--interval", "1m"], &days);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("trades-b.csv:2: trade 3 is not in order of id"), "{said}");
    let late = put("BTCUSDT-trades-late.csv", &[(1, 59_000), (2, 60_500), (3, 59_500), (4, 61_000)]);
    let output = candles(&["--interval", "1m", "--closed"], &[&late]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("note: 1 trade too late for a candle that had ended, and left out\nnote: the candle of"),
        "{said}"
    );
}

fn candles(arguments: &[&str], files: &[impl AsRef<Path>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
    command.arg("candles").args(arguments).args(files.iter().map(AsRef::as_ref)).output().unwrap()
}
