//! What a report of the real command says of profit and drawdown, against candles of which both are easily told.

use std::process::Command;

use serde_json::Value;

/// A report over hours of one price each. An entry is worth 1,000, and acts an hour after the price rose or fell.
fn report(prices: &[&str], options: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("BTCUSDT-1h-2024-01.csv");
    let row = |(hour, price): (u64, &&str)| {
        let at = 1_704_067_200_000 + hour * 3_600_000;
        format!("{at},{price},{price},{price},{price},1,{},{price},1,1,{price},0\n", at + 3_599_999)
    };
    std::fs::write(&file, (0..).zip(prices).map(row).collect::<String>()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tradingbot"))
        .args(["backtest", "--json", "--strategy", "ema-cross", "--fast", "1", "--slow", "2", "--warm-up", "0"])
        .args(["--stake", "1000", "--slippage", "0"])
        .args(options)
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["report"].clone()
}

#[test]
fn a_loss_is_reported_with_the_drawdown_from_the_peak_before_it() {
    // In at 100, worth 500 more at 150 and 100 less at 90, out at 95.
    let lost = report(&["80", "80", "80", "100", "100", "150", "90", "95", "95"], &["--fee", "0"]);
    assert_eq!((&lost["balance"], &lost["equity"]), (&"10000".into(), &"9950".into()), "{lost:#}");
    assert_eq!((&lost["profit"], &lost["profit_ratio"]), (&"-50".into(), &"-0.005".into()));
    assert_eq!(lost["drawdown_max"], "0.05714286", "600 under a peak of 10500");
    assert_eq!((&lost["trades"]["profit"], &lost["trades"]["losses"]), (&"-50".into(), &"50".into()));
    assert_eq!((&lost["trades"]["count"], &lost["trades"]["won"], &lost["orders"]), (&1.into(), &0.into(), &2.into()));
    assert_eq!((&lost["expectancy"], &lost["profit_factor"]), (&Value::from(-50.0), &Value::from(0.0)));
}

#[test]
fn a_gain_is_reported_after_fees_and_without_a_drawdown_where_there_was_none() {
    // In at 100 and out at 140, a thousandth of which is 1 and 1.4.
    let won = report(&["80", "80", "80", "100", "100", "150", "140", "140", "140"], &["--fee", "0.001"]);
    assert_eq!((&won["equity"], &won["profit"]), (&"10397.6".into(), &"397.6".into()), "{won:#}");
    assert_eq!(won["profit_ratio"], "0.03976");
    assert_eq!((&won["trades"]["fees"], &won["trades"]["gains"]), (&"2.4".into(), &"397.6".into()));
    assert_eq!(won["trades"]["profit_ratio_mean"], "0.3972028", "397.6 of the 1001 that were paid");
    assert_eq!(won["drawdown_max"], "0.00965807", "101.4 under a peak of 10499");
    let steady = report(&["80", "80", "80", "100", "100", "150", "160"], &["--fee", "0"]);
    assert_eq!((&steady["profit"], &steady["drawdown_max"]), (&"600".into(), &"0".into()), "{steady:#}");
}
