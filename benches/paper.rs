//! The whole program on a recording, as fast as it can.

use std::process::{Command, Stdio};

use tradingbot::store::RecordingReader;

use super::bot::{configured, program};
use super::feed;
use super::figure::{Table, grouped};
use super::timing::{best, elapsed};

/// Events a second from a packed recording through the simulated exchange, the engine, the ledger and the journal.
pub fn measure() -> Table {
    let mut table = Table::new(
        "Paper trading on a recording",
        format!(
            "`tradingbot paper --recording … --speed max` from start to end, by the clock, fastest of {ROUNDS}: unpacking, decoding, \
             the simulated exchange, the engine, the ledger on disk and the journal of every event. The baseline only reads \
             the events. It has no aim."
        ),
    );
    let Some(files) = feed::recordings() else {
        table.add("events of the recordings", "no recordings here", "");
        return table;
    };
    let mut events = 0;
    let reading = best(ROUNDS, || events = RecordingReader::open(&files).unwrap().map(Result::unwrap).count());
    let whole = (0..ROUNDS)
        .map(|_| {
            let state = tempfile::tempdir().unwrap();
            let config = configured(CONFIG, state.path());
            let mut command = Command::new(program());
            command.args(["paper", "--speed", "max", "--config"]).arg(config).arg("--recording").args(&files);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            elapsed(|| assert!(command.status().unwrap().success()))
        })
        .fold(f64::INFINITY, f64::min);
    let rate =
        |seconds: f64| format!("{}/s, {:.2} us each", grouped(events as f64 / seconds), seconds * 1e6 / events as f64);
    table.add(format!("{} events", grouped(events as f64)), rate(whole), format!("{} read alone", rate(reading)));
    table
}

const ROUNDS: u32 = 5;

const CONFIG: &str = r#"
mode = "paper"
start = "trading"

[market]
source = "practice"
symbols = ["BTCUSDT"]

[[instrument]]
symbol = "BTCUSDT"
tick = "0.01"
lot = "0.00001"
notional-min = "5"

[api]

[[strategy]]
name = "ema"
rule = "ema-cross"
fast = 5
slow = 13
symbols = ["BTCUSDT"]
interval = "1s"
sizing = { by = "fixed", stake = "400" }
stop-loss = "0.01"
"#;
