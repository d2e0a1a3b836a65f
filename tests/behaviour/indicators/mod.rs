//! Indicators against reference answers, and against their definitions recomputed the slow way over real candles.

mod naive;

use std::fs;

use tradingbot::domain::Candle;
use tradingbot::store::read_klines;
use tradingbot::strategy::indicator::Bar;
use tradingbot::strategy::indicator::catalog::{CATALOG, Definition, Values};

use crate::data::shared;

type Row = Vec<Option<f64>>;
type Given = &'static [(&'static str, &'static [f64])];

#[test]
fn reference_answers_come_out() {
    let Some(folder) = shared("reference/indicators") else { return };
    let Some(path) = shared("data/klines/1h/BTCUSDT-1h-20210405-20231229.csv.zst") else { return };
    let candles = read_klines(&path).unwrap().candles;
    for name in ["sma", "ema", "rsi", "macd", "bollinger", "atr", "donchian", "obv", "vwap"] {
        let text = fs::read_to_string(folder.join(format!("BTCUSDT-1h-20210405-20231229.{name}.csv"))).unwrap();
        let (header, lines) = text.split_once('\n').unwrap();
        let (columns, rows) = compute(name, &[], &candles);
        assert_eq!(header, format!("row,open_time,{}", columns.join(",")), "{name}");
        let mut worst = Worst::default();
        for line in lines.lines() {
            let fields: Vec<&str> = line.split(',').collect();
            let row: usize = fields[0].parse().unwrap();
            assert_eq!(fields[1], candles[row].open_time.millis().to_string());
            let expected = fields[2..].iter().map(|field| field.parse().ok()).collect();
            worst.compare(name, row, &rows[row], &expected, 0.0);
        }
        println!("{name}: {} rows, largest relative error {:.1e}", worst.rows, worst.error);
        assert!(worst.rows == 320 && worst.error < 1e-9, "{name}");
    }
}

#[test]
fn definitions_recomputed_the_slow_way_give_the_same() {
    let files = [
        "1h/BTCUSDT-1h-20210405-20231229.csv.zst",
        "1h/DOGEUSDT-1h-20210405-20231229.csv.zst",
        "5m/PEPEUSDT-5m-20240101-20240831.csv.zst",
        "5m/ALPINEUSDT-5m-20240101-20240831.csv.zst",
        "1m/XRPETH-1m-20191011-20191013.csv.zst",
        "1h-odd/LTCUSDT-1h-20171213-20180630.csv.zst",
    ];
    for file in files {
        let Some(path) = shared(&format!("data/klines/{file}")) else { return };
        let mut candles = read_klines(&path).unwrap().candles;
        candles.truncate(ROWS_MAX);
        let looked_at = sample(candles.len());
        for (name, given) in CASES {
            let (_, rows) = compute(name, given, &candles);
            let expected = naive::rows(name, &naive::values(name, given), &candles, &looked_at);
            let columns = rows[0].len();
            let largest: Vec<f64> = (0..columns).map(|column| largest(&rows, column)).collect();
            let mut worst = Worst::default();
            for (row, expected) in looked_at.iter().zip(&expected) {
                for (column, largest) in largest.iter().enumerate() {
                    let (found, expected) = (vec![rows[*row][column]], vec![expected[column]]);
                    worst.compare(name, *row, &found, &expected, 1e-4 * largest);
                }
            }
            println!("{file} {name} {given:?}: largest relative error {:.1e}", worst.error);
            assert!(worst.error < 1e-9, "{file} {name} {given:?}: {:.1e} in row {}", worst.error, worst.at);
        }
    }
}

#[test]
fn every_indicator_is_recomputed() {
    for definition in &CATALOG {
        assert!(CASES.iter().any(|(name, _)| *name == definition.name), "{}", definition.name);
    }
}

/// Enough for sums to drift, if they do.
const ROWS_MAX: usize = 24_000;

/// Default parameters and others. Parameters that are not given are the defaults.
const CASES: [(&str, Given); 33] = [
    ("sma", &[]),
    ("sma", &[("period", &[1.0, 7.0])]),
    ("ema", &[]),
    ("wma", &[]),
    ("wma", &[("period", &[55.0])]),
    ("rsi", &[]),
    ("rsi", &[("period", &[2.0, 7.0])]),
    ("macd", &[]),
    ("macd", &[("fast", &[5.0]), ("slow", &[35.0]), ("signal", &[5.0])]),
    ("bollinger", &[]),
    ("bollinger", &[("period", &[50.0]), ("deviations", &[2.5])]),
    ("atr", &[]),
    ("atr", &[("period", &[1.0])]),
    ("donchian", &[]),
    ("donchian", &[("period", &[55.0])]),
    ("obv", &[]),
    ("vwap", &[]),
    ("adx", &[]),
    ("adx", &[("period", &[2.0])]),
    ("stochastic", &[]),
    ("stochastic", &[("period", &[5.0]), ("slow-k", &[1.0]), ("slow-d", &[4.0])]),
    ("cci", &[]),
    ("cci", &[("period", &[5.0])]),
    ("williams-r", &[]),
    ("roc", &[]),
    ("keltner", &[]),
    ("keltner", &[("period", &[10.0]), ("atr-period", &[20.0]), ("multiplier", &[1.5])]),
    ("supertrend", &[]),
    ("supertrend", &[("period", &[7.0]), ("multiplier", &[2.0])]),
    ("ichimoku", &[]),
    ("ichimoku", &[("tenkan", &[10.0]), ("kijun", &[30.0]), ("senkou", &[60.0]), ("shift", &[30.0])]),
    ("parabolic-sar", &[]),
    ("parabolic-sar", &[("step", &[0.01]), ("max", &[0.1])]),
];

fn compute(name: &str, given: Given, candles: &[Candle]) -> (Vec<String>, Vec<Row>) {
    let asked = Definition::named(name).unwrap().values(given.iter().copied()).unwrap();
    let mut series: Vec<_> = asked.iter().map(Values::build).collect();
    let rows = candles.iter().map(|candle| {
        let mut row = Vec::new();
        series.iter_mut().for_each(|one| one.update(&Bar::from(candle), &mut row));
        row
    });
    let rows = rows.collect();
    (asked.iter().flat_map(Values::columns).collect(), rows)
}

/// The first rows, the last rows, and some between.
fn sample(rows: usize) -> Vec<usize> {
    (0..rows).filter(|row| *row < 300 || rows - row <= 300 || row % 29 == 0).collect()
}

fn largest(rows: &[Row], column: usize) -> f64 {
    rows.iter().filter_map(|row| row[column]).map(f64::abs).fold(0.0, f64::max)
}

#[derive(Default)]
struct Worst {
    rows: usize,
    error: f64,
    at: usize,
}

impl Worst {
    /// Takes in one row. An error is relative to the expected value, or to `floor` where that is larger.
    fn compare(&mut self, name: &str, row: usize, found: &Row, expected: &Row, floor: f64) {
        self.rows += 1;
        assert_eq!(found.len(), expected.len(), "{name} row {row}");
        for pair in found.iter().zip(expected) {
            let error = match pair {
                (Some(found), Some(expected)) if found == expected => 0.0,
                (Some(found), Some(expected)) => (found - expected).abs() / expected.abs().max(floor),
                (None, None) => 0.0,
                (Some(_), None) | (None, Some(_)) => panic!("{name} row {row}: {found:?} instead of {expected:?}"),
            };
            if error.is_nan() || error > self.error {
                (self.error, self.at) = (error, row);
            }
        }
    }
}
