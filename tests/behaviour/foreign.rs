//! Files of other kinds: each is named for what it is, with what to do, by every command that reads data files.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Two candles of an hour as the exchange writes them.
const ROWS: &str = "1704067200000,100.00,110.00,95.50,105.25,12.5,1704070799999,1290.75,40,6.1,630.2,0\n\
                    1704070800000,105.25,108.00,104.00,107.00,3.25,1704074399999,345.5,12,1.5,160.25,0\n";

#[test]
fn each_kind_of_file_is_named_for_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let utf16 = |order: fn(u16) -> [u8; 2], mark: bool| -> Vec<u8> {
        let text = if mark { format!("\u{feff}{ROWS}") } else { ROWS.to_owned() };
        text.encode_utf16().flat_map(order).collect()
    };
    let columns = |separator: &str| ROWS.replace(',', separator).into_bytes();
    let api = "[[1704067200000,\"100.00\",\"110.00\",\"95.50\",\"105.25\",\"12.5\",1704070799999,\"1290.75\",40,\"6.1\",\"630.2\",\"0\"]]";
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("a zip archive", b"PK\x03\x04\x14\0\0\0".to_vec(), "unpack it first"),
        ("packed with gzip", b"\x1f\x8b\x08\x08rest".to_vec(), "unpack it first"),
        ("packed with bzip2", b"BZh91AY&SYrest".to_vec(), "unpack it first"),
        ("packed with xz", b"\xfd7zXZ\0\0\x04rest".to_vec(), "unpack it first"),
        ("a feather (Apache Arrow) file", b"ARROW1\0\0\xff\xff\xff\xff".to_vec(), "write its 12 columns"),
        ("a parquet file", b"PAR1\x15\0\x15\0".to_vec(), "write its 12 columns"),
        ("an HDF5 file", b"\x89HDF\r\n\x1a\n\0\0".to_vec(), "write its 12 columns"),
        ("text in UTF-16", utf16(u16::to_le_bytes, true), "save it as UTF-8"),
        ("text in UTF-16", utf16(u16::to_be_bytes, true), "save it as UTF-8"),
        ("text in UTF-16", utf16(u16::to_le_bytes, false), "save it as UTF-8"),
        ("text in UTF-16", utf16(u16::to_be_bytes, false), "save it as UTF-8"),
        ("no text: there are zero bytes", vec![0; 100], "fetch it again"),
        ("a web page (HTML)", b"<!DOCTYPE html>\n<html><head>".to_vec(), "check the address"),
        ("a web page (HTML)", b"\n\n<html>\n<title>404</title>".to_vec(), "check the address"),
        ("an error page (XML)", b"<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code></Error>".to_vec(), "check the address"),
        ("an error that the exchange's API answered", b"{\"code\":-1121,\"msg\":\"Invalid symbol.\"}".to_vec(), "check symbol"),
        ("an empty list (JSON)", b"[]".to_vec(), "check symbol"),
        ("JSON of klines, as the exchange's API answers them", api.as_bytes().to_vec(), "write its 12 columns"),
        ("JSON of klines, as the exchange's API", api.replace(',', ",\n  ").replace("[[", "[\n [\n").into_bytes(), "write its 12"),
        ("JSON of candles, as freqtrade and ccxt", b"[[1704067200000, 100.0, 110.0, 95.5, 105.25, 12.5]]".to_vec(), "write its 12"),
        ("JSON, not CSV", b"[{\"time\":1704067200000,\"open\":100.0}]".to_vec(), "write its 12 columns"),
        ("CSV as TradingView exports it", b"time,open,high,low,close,Volume\n1704067200,1,2,1,2,3\n".to_vec(), "write its 12"),
        ("CSV as TradingView exports it", b"\xef\xbb\xbftime,open,high,low,close\n2024-01-01T00:00:00Z,1,2,1,2\n".to_vec(), "write its 12"),
        (
            "CSV as CryptoDataDownload offers it",
            b"https://www.CryptoDataDownload.com\nUnix,Date,InstrumentId,Open,High,Low,Close,Volume BTC,Volume USDT,tradecount\n".to_vec(),
            "write its 12 columns",
        ),
        (
            "CSV as CryptoDataDownload offers it",
            b"Unix,Date,InstrumentId,Open,High,Low,Close,Volume BTC,Volume USDT,tradecount\n1,2,3,4,5,6,7,8,9,10\n".to_vec(),
            "write its 12 columns",
        ),
        ("CSV as Yahoo Finance offers it", b"Date,Open,High,Low,Close,Adj Close,Volume\n".to_vec(), "write its 12 columns"),
        ("CSV of candles with dates", b"date,open,high,low,close,volume\n2024-01-01 00:00:00+00:00,1,2,1,2,3\n".to_vec(), "write its 12"),
        ("CSV of candles with dates", b",date,open,high,low,close,volume\n0,2024-01-01,1,2,1,2,3\n".to_vec(), "write its 12"),
        ("CSV of candles with other columns", b"timestamp,open,high,low,close,volume\n".to_vec(), "write its 12 columns"),
        ("CSV of candles with other columns", b"1704067200,100,110,95.5,105.25,12.5,40\n".to_vec(), "write its 12 columns"),
        ("CSV as MetaTrader exports it", b"<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\n".to_vec(), "write its 12 columns"),
        ("CSV with semicolons", columns(";"), "put commas"),
        ("text with tabs", columns("\t"), "put commas"),
        ("text with bars", columns("|"), "put commas"),
        ("text whose lines end in a carriage return", ROWS.replace('\n', "\r").into_bytes(), "end its lines in a line feed"),
        ("the exchange's file of funding rates", b"calc_time,funding_interval_hours,last_funding_rate,a,b\n".to_vec(), "of the kind that is meant"),
        ("a database of SQLite", b"SQLite format 3\0\x10\0".to_vec(), "write its 12 columns"),
    ];
    let count = cases.len();
    for (at, (what, bytes, remedy)) in cases.into_iter().enumerate() {
        for packed in [false, true] {
            let path = folder.path().join(format!("BTCUSDT-1h-{at}.csv"));
            let bytes = if packed { zstd::encode_all(&bytes[..], 1).unwrap() } else { bytes.clone() };
            let of_packing = what.starts_with("packed") || what.ends_with("archive");
            if packed && of_packing {
                continue;
            }
            fs::write(&path, bytes).unwrap();
            let mut commands = vec![vec!["backtest"], vec!["indicator", "sma"], vec!["candles", "--interval", "1d"]];
            if !what.starts_with("CSV") && !what.starts_with("text w") {
                commands.push(vec!["book"]);
            }
            for arguments in commands {
                let output = run(&arguments, &path);
                let said = String::from_utf8(output.stderr).unwrap();
                let said = said.lines().last().unwrap_or_default();
                assert_eq!(output.status.code(), Some(65), "{arguments:?} {what}: {said}");
                assert!(said.starts_with("error: "), "{arguments:?} {what}: {said}");
                assert!(
                    said.contains(&format!(": the file is {what}")) && said.contains(remedy),
                    "{arguments:?} {what}: {said}"
                );
            }
        }
    }
    assert!(count >= 37);
}

#[test]
fn a_data_file_given_to_the_wrong_command_is_named_too() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let klines = put("BTCUSDT-1h.csv", ROWS);
    let trades = put("BTCUSDT-trades.csv", "28,5.00,0.5,2.50,1704067200000,true,true\n");
    let merged = put("BTCUSDT-aggTrades.csv", "7,5.00,0.5,28,28,1704067200000,true\n");
    let message =
        r#"{"e":"trade","E":1704067200000,"s":"BTCUSDT","t":1,"p":"10","q":"1","T":1704067200000,"m":false,"M":true}"#;
    let recording = put("BTCUSDT.jsonl", &format!("1704067200000 {message}\n"));
    let bare = put("bare.jsonl", &format!("{message}\n"));
    for (arguments, path, said) in [
        (&["backtest"][..], &trades, "BTCUSDT-trades.csv:1: the file is a file of trades; make candles of it"),
        (&["backtest"], &merged, "BTCUSDT-aggTrades.csv:1: the file is a file of trades; make candles of it"),
        (&["backtest"], &recording, "BTCUSDT.jsonl:1: the file is a recording of market streams; make candles of it"),
        (&["indicator", "sma"], &trades, "BTCUSDT-trades.csv:1: the file is a file of trades; make candles of it"),
        (&["book"], &klines, "BTCUSDT-1h.csv:1: the file is a file of klines (candles)"),
        (
            &["book"],
            &bare,
            "bare.jsonl:1: the file is messages of market streams without the time of their receipt (JSON)",
        ),
        (&["paper", "--recording"], &klines, "BTCUSDT-1h.csv:1: the file is a file of klines (candles)"),
        (&["paper", "--recording"], &trades, "BTCUSDT-trades.csv:1: the file is a file of trades"),
    ] {
        let output = run(arguments, path);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(said), "{arguments:?}: {text}");
        assert_eq!(output.status.code(), Some(65), "{arguments:?}: {text}");
    }
}

#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("BTCUSDT-1h.csv");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    let commands: [&[&str]; 5] =
        [&["backtest"], &["indicator", "sma"], &["candles", "--interval", "1d"], &["book"], &["paper", "--recording"]];
    for arguments in commands {
        let output = run(arguments, &pipe);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains("BTCUSDT-1h.csv cannot be opened: it is a pipe, which may never end; write what"),
            "{said}"
        );
        assert_eq!(output.status.code(), Some(65), "{arguments:?}");
    }
}

fn run(arguments: &[&str], path: &Path) -> Output {
    let state = path.parent().unwrap().join("state");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
    command.args(arguments).arg(path).current_dir(path.parent().unwrap());
    if arguments.first() == Some(&"paper") {
        command.arg("--state").arg(state);
    }
    command.output().unwrap()
}
