//! The figures of the report against what anyone can compute from the candles, or from the file of equity alone.

use std::path::PathBuf;

use crate::support::candles::{Row, at, backtest, json, number, write};

/// Sharpe and Sortino ratio of equity at the ends of days, the balance at the start in front.
fn ratios(days: &[f64]) -> (f64, f64) {
    let returns: Vec<f64> = days.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
    let count = f64::from(u32::try_from(returns.len()).unwrap());
    let mean = returns.iter().sum::<f64>() / count;
    let variance = returns.iter().map(|change| (change - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let downside = returns.iter().map(|change| change.min(0.0).powi(2)).sum::<f64>() / count;
    (mean / variance.sqrt() * 365_f64.sqrt(), mean / downside.sqrt() * 365_f64.sqrt())
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-7 * other.abs().max(1.0)
}

/// Days, or other lengths, of a market that swings, and opens elsewhere than it closed.
fn swinging(symbol: &str, interval: &str, count: u64, folder: &std::path::Path) -> (PathBuf, Vec<f64>) {
    let phase = f64::from(symbol.as_bytes()[0]);
    let place = |at: u64| f64::from(u32::try_from(at).unwrap());
    let close = |at: u64| 100.0 + 20.0 * (place(at) * 0.11 + phase).sin() + 3.0 * (place(at) * 1.7 + phase).cos();
    let rows: Vec<[String; 4]> = (0..count)
        .map(|at| {
            let (open, close) = (close(at) + 2.0 * (place(at) * 2.3).sin(), close(at));
            [open, open.max(close) + 1.5, open.min(close) - 1.5, close].map(|price| format!("{price:.2}"))
        })
        .collect();
    let rows: Vec<Row<'_>> =
        (0..).zip(&rows).map(|(at, [open, high, low, close])| (at, &**open, &**high, &**low, &**close, 5)).collect();
    let closes = rows.iter().map(|row| row.4.parse().unwrap()).collect();
    (write(folder, symbol, interval, &rows), closes)
}

struct Point {
    day: i64,
    open: Option<f64>,
    low: Option<f64>,
    close: f64,
}

fn points(csv: &str) -> Vec<Point> {
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("date,day,equity_open,equity_low,equity_close"));
    let point = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let day = format!("{}T00:00:00Z", fields[1]).parse::<tradingbot::domain::Timestamp>().unwrap().day();
        let worth = |text: &str| text.parse::<f64>().ok();
        Point { day, open: worth(fields[2]), low: worth(fields[3]), close: worth(fields[4]).unwrap() }
    };
    lines.map(point).collect()
}

/// What docs/backtest.md says to do with the file.
fn recomputed(points: &[Point]) -> (f64, f64, f64) {
    let (mut days, mut day) = (vec![points[0].close], points[0].day);
    let (mut peak, mut drawdown) = (points[0].close, 0.0_f64);
    for point in &points[1..] {
        let least = point.open.unwrap_or(f64::MAX).min(point.close);
        assert!(point.low.is_none_or(|low| low <= least), "{} {least}", point.day);
        let before = *days.last().unwrap();
        for _ in day..point.day {
            days.push(before);
        }
        day = point.day;
        *days.last_mut().unwrap() = point.close;
        peak = peak.max(point.open.unwrap_or(0.0));
        drawdown = drawdown.max((peak - point.low.unwrap_or(peak)) / peak);
        peak = peak.max(point.close);
        drawdown = drawdown.max((peak - point.close) / peak);
    }
    let (sharpe, sortino) = ratios(&days);
    (sharpe, sortino, drawdown)
}

#[test]
fn sharpe_sortino_and_drawdown_can_be_recomputed_from_the_equity_file() {
    let folder = tempfile::tempdir().unwrap();
    for (place, interval) in ["1m", "1h", "1d", "1w"].into_iter().enumerate() {
        let count = if interval == "1m" { 30_000 } else { 400 };
        let files = ["ABCUSDT", "MNOUSDT"].map(|symbol| swinging(symbol, interval, count, folder.path()).0);
        for rule in ["strict", "freqtrade"] {
            let kept = folder.path().join(format!("{place}-{rule}.csv"));
            let path = kept.to_str().unwrap();
            let options = ["--strategy=donchian", "--period=5", "--warm-up=6", "--stake=3000", "--stop-loss=0.08"];
            let answer = json(&[&options[..], &["--fill-rule", rule, "--equity", path]].concat(), &files);
            let report = &answer["report"];
            assert!(report["trades"]["count"].as_u64().unwrap() > 3, "{interval} {rule}: {report}");
            let points = points(&std::fs::read_to_string(kept).unwrap());
            assert_eq!(points.len(), usize::try_from(count).unwrap() + 1);
            let (sharpe, sortino, drawdown) = recomputed(&points);
            for (name, value) in [("sharpe", sharpe), ("sortino", sortino), ("drawdown_max", drawdown)] {
                assert!(
                    report[name].is_null() && !value.is_finite() || near(value, number(&report[name])),
                    "{interval} {rule} {name}: {value}, {report}"
                );
            }
            let last = points.last().unwrap();
            assert!(near(last.close, number(&report["equity"])), "{interval} {rule}");
        }
    }
}

/// Both are bought on the third day and held: what each is worth at a day's end is told by the candles alone.
#[test]
fn at_a_days_end_every_symbol_is_worth_its_own_close_of_that_day() {
    let folder = tempfile::tempdir().unwrap();
    let (days, stake) = (60, 3_000.0);
    let markets = ["ABCUSDT", "MNOUSDT"].map(|symbol| swinging(symbol, "1d", days, folder.path()));
    let files = markets.each_ref().map(|(file, _)| file);
    let options = ["--strategy=rsi", "--period=2", "--enter-below=100", "--leave-above=100", "--warm-up=3"];
    let fixed = ["--stake=3000", "--fee=0", "--slippage=0"];
    let answer =
        json(&[options, [fixed[0], fixed[1], fixed[2], "--balance=10000", "--positions-max=2"]].concat(), files);
    let trades = answer["trades"].as_array().unwrap();
    assert_eq!(trades.len(), 2, "{trades:?}");
    let mut worth = vec![10_000.0; usize::try_from(days).unwrap() + 1];
    for (trade, (_, closes)) in trades.iter().zip(&markets) {
        let (qty, entered) = (number(&trade["amount"]), number(&trade["open_rate"]));
        assert!(near(qty * entered, stake), "{trade}");
        assert_eq!(trade["open_date"], "2024-01-05T00:00:00Z");
        for day in 4..closes.len() {
            let price = if day + 1 == closes.len() { number(&trade["close_rate"]) } else { closes[day] };
            worth[day + 1] += qty * (price - entered);
        }
    }
    let (sharpe, sortino) = ratios(&worth);
    let report = &answer["report"];
    assert!(near(sharpe, number(&report["sharpe"])), "{sharpe} {report}");
    assert!(near(sortino, number(&report["sortino"])), "{sortino} {report}");
}

#[test]
fn days_in_which_no_candle_ends_have_a_return_of_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (file, closes) = swinging("ABCUSDT", "1w", 60, folder.path());
    let options = ["--strategy=rsi", "--period=2", "--enter-below=100", "--leave-above=100", "--warm-up=3"];
    let answer = json(&[&options[..], &["--equity-share=1", "--fee=0", "--slippage=0"]].concat(), [&file]);
    let trade = &answer["trades"][0];
    let (qty, entered) = (number(&trade["amount"]), number(&trade["open_rate"]));
    let mut days = vec![10_000.0];
    for week in 0..closes.len() {
        let price = if week + 1 == closes.len() { number(&trade["close_rate"]) } else { closes[week] };
        days.extend([*days.last().unwrap(); 6]);
        days.push(if week < 4 { 10_000.0 } else { 10_000.0 + qty * (price - entered) });
    }
    let (sharpe, sortino) = ratios(&days);
    let report = &answer["report"];
    assert!(near(sharpe, number(&report["sharpe"])), "{sharpe} {report}");
    assert!(near(sortino, number(&report["sortino"])), "{sortino} {report}");
}

/// An entry at 101 for 9,000, a low of 40 that no stop guards against, and a high of 300 that is no peak.
#[test]
fn what_is_held_is_also_valued_at_the_worst_price_of_a_candle() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows: Vec<Row<'_>> = (0..12).map(|hour| at(hour, if hour < 6 { "100" } else { "101" })).collect();
    rows[6] = (6, "100", "101", "100", "101", 10);
    rows[8] = (8, "101", "101", "40", "101", 10);
    rows[10] = (10, "101", "300", "101", "101", 10);
    let file = write(folder.path(), "ABCUSDT", "1h", &rows);
    let options = ["--strategy=donchian", "--period=3", "--warm-up=3", "--stake=9000", "--positions-max=1"];
    let drawdown = |more: &[&str]| number(&json(&[&options[..], more].concat(), [&file])["report"]["drawdown_max"]);
    let (qty, cost) = (89.108_910_89, 9_004.5 * 1.001);
    let expected = (cost - 40.0 * qty) / 10_000.0;
    assert!((drawdown(&[]) - expected).abs() < 1e-6, "{} {expected}", drawdown(&[]));
    let stopped = drawdown(&["--stop-loss=0.2"]);
    assert!((0.18..0.183).contains(&stopped), "held down to the stop, not to 40: {stopped}");
    let closes = drawdown(&["--fill-rule=freqtrade"]);
    assert!((0.0018..0.0019).contains(&closes), "both fees, looked at closes: {closes}");
}

/// An entry at 101 for 9,000 and then one candle of which it is asked how far down it was held.
#[test]
fn a_position_is_held_down_to_where_it_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let drawdown = |hour: usize, candle: Row<'_>, option: &str| {
        let mut rows: Vec<Row<'_>> = (0..12).map(|hour| at(hour, if hour < 6 { "100" } else { "101" })).collect();
        rows[6] = (6, "100", "101", "100", "101", 10);
        rows[hour] = candle;
        let file = write(folder.path(), "ABCUSDT", "1h", &rows);
        let options = ["--strategy=donchian", "--period=3", "--warm-up=3", "--stake=9000", "--fee=0", "--slippage=0"];
        (number(&json(&[&options[..], &[option]].concat(), [&file])["report"]["drawdown_max"]) * 1e3).round()
    };
    let low = (8, "101", "101", "40.4", "101", 10);
    assert_eq!(drawdown(8, low, "--stop-loss=0.9"), 540.0, "to the low");
    assert_eq!(drawdown(8, low, "--stop-loss=0.1"), 90.0, "to the stop");
    let gap = (8, "80.8", "101", "40.4", "101", 10);
    assert_eq!(drawdown(8, gap, "--stop-loss=0.1"), 180.0, "to the open, where the stop was passed");
    let profit = (8, "101", "150", "40.4", "150", 10);
    assert_eq!(drawdown(8, profit, "--roi=0:0.1"), 540.0, "to the low, which comes before the profit");
    let open = (8, "120", "120", "40.4", "120", 10);
    assert_eq!(drawdown(8, open, "--roi=0:0.1"), 0.0, "not at all: it was left at the open");
    let last = (11, "101", "101", "40.4", "101", 10);
    assert_eq!(drawdown(11, last, "--stop-loss=0.9"), 0.0, "not at all: it was sold at the last open");
}

#[test]
fn lows_of_one_time_are_taken_to_come_together() {
    let folder = tempfile::tempdir().unwrap();
    let rows = |dip: u64| {
        let mut rows: Vec<Row<'_>> = (0..12).map(|hour| at(hour, if hour < 6 { "100" } else { "101" })).collect();
        rows[6] = (6, "100", "101", "100", "101", 10);
        rows[usize::try_from(dip).unwrap()] = (dip, "101", "101", "50.5", "101", 10);
        rows
    };
    let drawdown = |dips: [u64; 2]| {
        let files = [("ABCUSDT", dips[0]), ("MNOUSDT", dips[1])]
            .map(|(symbol, dip)| write(folder.path(), symbol, "1h", &rows(dip)));
        let options = ["--strategy=donchian", "--period=3", "--warm-up=3", "--stake=4000", "--fee=0", "--slippage=0"];
        number(&json(&options, &files)["report"]["drawdown_max"])
    };
    assert!((drawdown([8, 8]) - 0.4).abs() < 1e-6);
    assert!((drawdown([8, 9]) - 0.2).abs() < 1e-6);
}

#[test]
fn the_curve_can_be_printed_as_csv_and_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = swinging("ABCUSDT", "1d", 40, folder.path());
    let options = ["--strategy=donchian", "--period=5", "--warm-up=6", "--equity=-"];
    let csv = String::from_utf8(backtest(&options, [&file]).stdout).unwrap();
    assert_eq!(csv.lines().count(), 42);
    let kept = folder.path().join("curve.json");
    let printed = backtest(&[&["--json"], &options[..]].concat(), [&file]).stdout;
    backtest(&[&options[..3], &["--equity", kept.to_str().unwrap()]].concat(), [&file]);
    assert_eq!(std::fs::read(kept).unwrap(), printed);
    let rows: serde_json::Value = serde_json::from_slice(&printed).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 41);
    assert_eq!(rows[1]["date"], "2024-01-01T00:00:00Z");
    assert_eq!((&rows[0]["day"], &rows[1]["day"]), (&"2023-12-31".into(), &"2024-01-01".into()));
    let field = |row: &str, key: usize| row.split(',').nth(key).unwrap().to_owned();
    let last = csv.lines().last().unwrap();
    for (key, name) in ["date", "day", "equity_open", "equity_low", "equity_close"].into_iter().enumerate() {
        assert_eq!(rows[40][name].as_str().unwrap(), field(last, key), "{name}");
    }
}
