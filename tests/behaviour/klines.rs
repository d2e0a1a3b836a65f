//! Files of klines: every file of the developer set is read whole, and each kind of breakage is refused in words.

use std::error::Error;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tradingbot::domain::{Span, Timestamp};
use tradingbot::store::{KlineFile, KlineReader, ReadKlinesError, fill_gaps, read_klines, read_klines_as};

use crate::data::{golden, shared};

#[test]
fn every_file_of_the_developer_set_is_read_as_its_manifest_says() {
    let Some(data) = shared("data") else { return };
    let manifest: Value = serde_json::from_str(&fs::read_to_string(data.join("manifest.json")).unwrap()).unwrap();
    let (mut files, mut rows) = (0, 0);
    for entry in manifest.as_array().unwrap().iter().filter(|entry| entry["kind"] == "klines") {
        let name = entry["file"].as_str().unwrap();
        let file = read_klines(&data.join(name)).unwrap();
        assert_eq!(file.symbol.unwrap().as_str(), entry["symbol"], "{name}");
        assert_eq!(file.interval.to_string(), entry["interval"].as_str().unwrap(), "{name}");
        assert_eq!(file.candles.len() as u64, entry["rows"].as_u64().unwrap(), "{name}");
        assert_eq!(shown(file.candles[0].open_time), entry["first"], "{name}");
        assert_eq!(shown(file.candles[file.candles.len() - 1].open_time), entry["last"], "{name}");
        let flat = file.candles.iter().filter(|candle| candle.volume.is_zero()).count();
        assert_eq!(flat as u64, entry["zero_volume"].as_u64().unwrap(), "{name}");
        if let Some(missing) = entry["missing"].as_u64() {
            let known = entry["gap_list"].as_array().unwrap();
            let found = file.gaps.iter().map(|gap| serde_json::json!([shown(gap.from), shown(gap.until), gap.missing]));
            assert!(found.take(known.len()).eq(known.iter().cloned()), "{name}");
            assert_eq!(file.gaps.len() as u64, entry["gaps"].as_u64().unwrap(), "{name}");
            assert_eq!(file.unaligned, 0, "{name}");
            filled_whole(&file, missing);
        }
        files += 1;
        rows += file.candles.len();
    }
    println!("{files} files, {rows} rows");
    assert!(files >= 38);
}

fn filled_whole(file: &KlineFile, missing: u64) {
    let filled = fill_gaps(&file.candles, file.interval).unwrap();
    assert_eq!(filled.len() as u64, file.candles.len() as u64 + missing);
    assert!(filled.windows(2).all(|pair| pair[1].open_time.since(pair[0].open_time) == file.interval));
    assert_eq!(fill_gaps(&filled, file.interval).unwrap(), filled);
}

#[test]
fn hours_that_do_not_start_on_the_hour_are_kept_as_they_are() {
    let Some(path) = shared("data/klines/1h-odd/LTCUSDT-1h-20171213-20180630.csv.zst") else { return };
    let file = read_klines(&path).unwrap();
    assert_eq!((file.candles.len(), file.unaligned), (4_753, 43));
    let gaps: Vec<String> = file.gaps.iter().map(|gap| format!("{} {} {}", gap.from, gap.until, gap.missing)).collect();
    assert_eq!(
        gaps,
        [
            "2018-01-04T04:00:00Z 2018-01-04T05:00:00Z 1",
            "2018-02-08T01:00:00Z 2018-02-09T09:28:16.812Z 32",
            "2018-06-26T02:00:00Z 2018-06-26T12:00:00Z 10",
            "2018-06-27T13:00:00Z 2018-06-27T14:00:00Z 1",
        ]
    );
    let filled = fill_gaps(&file.candles, file.interval).unwrap();
    assert_eq!(filled.len(), 4_753 + 44);
    let kept: Vec<_> = filled.iter().filter(|candle| file.candles.contains(candle)).collect();
    assert_eq!(kept.len(), file.candles.len());
    assert!(filled.windows(2).all(|pair| pair[0].open_time < pair[1].open_time));
}

#[test]
fn values_are_taken_to_the_last_digit() {
    let Some(path) = shared("data/klines/1h-full/BTCUSDT-1h-20230101-20230531.csv.zst") else { return };
    let first = read_klines(&path).unwrap().candles[0];
    let text = serde_json::to_value(first).unwrap();
    assert_eq!(
        text,
        serde_json::json!({
            "open-time": "2023-01-01T00:00:00Z", "open": "16541.77", "high": "16545.7", "low": "16508.39",
            "close": "16529.67", "volume": "4364.8357", "quote-volume": "72146293.5867229", "trades": 149_854,
            "taker-buy-volume": "2179.94772", "taker-buy-quote-volume": "36032352.8703572"
        })
    );
}

#[test]
fn the_same_rows_come_out_of_every_way_to_write_them() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "1704067200000,100.00,110.00,95.50,105.25,12.5,1704070799999,1290.75,40,6.1,630.2,0\n\
                1704070800000,105.25,108.00,104.00,107.00,3.25,1704074399999,345.5,12,1.5,160.25,0\n";
    let header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,\
                  taker_buy_quote_volume,ignore\n";
    let micros = rows.replace("00000,1", "00000000,1").replace("99999,", "99999999,");
    let nanos = rows.replace("00000,1", "00000000000,1").replace("99999,", "99999999999,");
    let read = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let file = read_klines(&path).unwrap_or_else(|error| panic!("{error}"));
        (file.interval, file.candles)
    };
    let expected = read("plain.csv", rows.as_bytes());
    assert_eq!((expected.0, expected.1.len()), (Span::HOUR, 2));
    assert_eq!(read("header.csv", format!("{header}{rows}").as_bytes()), expected);
    assert_eq!(read("mark.csv", format!("\u{feff}{header}{rows}").as_bytes()), expected);
    assert_eq!(read("crlf.csv", format!("{header}{rows}\n\n").replace('\n', "\r\n").as_bytes()), expected);
    assert_eq!(read("open-end.csv", rows.trim_end().as_bytes()), expected);
    assert_eq!(read("micros.csv", micros.as_bytes()), expected);
    assert_eq!(read("nanos.csv", nanos.as_bytes()), expected);
    assert_eq!(read("packed.csv.zst", &zstd::encode_all(rows.as_bytes(), 1).unwrap()), expected);
    assert_eq!(read("packed.csv", &zstd::encode_all(rows.as_bytes(), 1).unwrap()), expected);
    let (first, second) = rows.split_at(rows.find('\n').unwrap() + 1);
    let frames = [zstd::encode_all(first.as_bytes(), 1).unwrap(), zstd::encode_all(second.as_bytes(), 1).unwrap()];
    assert_eq!(read("frames.csv.zst", &frames.concat()), expected);
}

#[test]
fn the_caller_knows_symbol_and_interval_better_than_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.csv");
    fs::write(&path, "1704067200000,100.00,110.00,95.50,105.25,12.5,1704070799999,1290.75,40,6.1,630.2,0\n").unwrap();
    let file = read_klines_as(&path, Some("BTCUSDT".parse().unwrap()), Some(Span::HOUR)).unwrap();
    assert_eq!((file.symbol.unwrap().as_str(), file.interval), ("BTCUSDT", Span::HOUR));
}

#[test]
fn every_broken_file_is_refused_with_its_place_and_a_way_out() {
    let folder = golden("klines");
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    cases.sort();
    for path in &cases {
        let expected = fs::read_to_string(path.with_extension("txt")).unwrap();
        let said = read_klines(path).unwrap_err().to_string();
        let prefix = format!("{}/", folder.display());
        assert_eq!(said.strip_prefix(&prefix), Some(expected.trim_end()), "{}", path.display());
    }
    println!("{} broken files refused", cases.len());
    assert!(cases.len() >= 15);
}

#[test]
fn a_packed_file_that_is_cut_off_or_damaged_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let row = |hour: i64| {
        format!(
            "{},1,1,1,1,{hour},{},0,0,0,0,0\n",
            1_704_067_200_000 + hour * 3_600_000,
            1_704_070_799_999 + hour * 3_600_000
        )
    };
    let text: String = (0..5_000).map(row).collect();
    let packed = zstd::encode_all(text.as_bytes(), 3).unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let error = read_klines(&path).unwrap_err();
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        (error, cause)
    };
    for len in [packed.len() - 1, packed.len() / 2, 20, 5, 4] {
        let (error, cause) = refused("cut.csv.zst", &packed[..len]);
        assert!(matches!(error, ReadKlinesError::Read { .. }), "{len}: {error}");
        assert_eq!(cause, "incomplete frame");
    }
    let mut damaged = packed.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 40].fill(0x55);
    let (error, _) = refused("damaged.csv.zst", &damaged);
    assert!(matches!(error, ReadKlinesError::Read { .. } | ReadKlinesError::Line { .. }), "{error}");
    let (error, _) = refused("tail.csv.zst", &[packed.as_slice(), b"and more"].concat());
    assert!(matches!(error, ReadKlinesError::Read { .. }), "{error}");
}

#[test]
fn other_ways_of_packing_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let said = read_klines(&path).unwrap_err().to_string();
        said.rsplit_once('/').unwrap().1.to_owned()
    };
    let way_out = "unpack it first, or pack it with zstd";
    assert_eq!(refused("a.zip", b"PK\x03\x04rest"), format!("a.zip:1: the file is a zip archive; {way_out}"));
    assert_eq!(
        refused("a.csv.gz", b"\x1f\x8b\x08rest"),
        format!("a.csv.gz:1: the file is packed with gzip; {way_out}")
    );
    assert_eq!(
        refused("a.csv.zst", b"1704067200000,1"),
        "a.csv.zst:1: the file's name ends in .zst but it is not packed with zstd; rename it or fetch it again"
    );
    assert_eq!(refused("b.csv.zst", b""), "b.csv.zst holds no rows; fetch it again");
    let missing = read_klines(&folder.path().join("none.csv")).unwrap_err();
    assert!(missing.to_string().ends_with("none.csv cannot be opened"));
    assert!(missing.source().is_some());
    let is_folder = read_klines(folder.path()).unwrap_err();
    assert!(matches!(is_folder, ReadKlinesError::Open { .. }));
}

#[test]
fn a_file_without_end_takes_no_more_memory_than_its_buffer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("BTCUSDT-1h.csv.zst");
    let mut packer = zstd::Encoder::new(fs::File::create(&path).unwrap(), 1).unwrap();
    io::copy(&mut io::repeat(b'1').take(1 << 30), &mut packer).unwrap();
    packer.finish().unwrap();
    let errors: Vec<_> = KlineReader::open(&path).unwrap().collect();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].as_ref().unwrap_err().to_string().contains("longer than 1024 bytes"));
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let plain = folder.path().join("BTCUSDT-1h.csv");
    fs::rename(&path, &plain).unwrap();
    let errors: Vec<_> = KlineReader::open(&plain).unwrap().collect();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].as_ref().unwrap_err().to_string().contains("there are zero bytes in it"));
    let device = KlineReader::open(Path::new("/dev/zero")).err().unwrap();
    assert!(device.source().unwrap().to_string().contains("it is a device"), "{device}");
}

fn shown(at: Timestamp) -> String {
    let text = at.to_string();
    if text.contains('.') { text } else { text.replace('Z', ".000Z") }
}
