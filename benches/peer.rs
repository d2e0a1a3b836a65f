//! The same EMA cross over the same candles with raptorbt, a vectorised backtester with a core in Rust, and with the bot.
//!
//! Each runs in a process of its own, in turns, so that the memory of each can be told. `benches/run peer` installs it.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tradingbot::backtest::{Feed, Outcome};

use super::backtest::{feed, whole};
use super::figure::{Table, grouped};
use super::timing::best;

/// One symbol and twenty.
pub fn measure() -> Table {
    let mut table = Table::new(
        "Beside a peer",
        format!(
            "The EMA cross of the part above, with its stop, fees and slippage, over the same candles, with the bot and with \
             `raptorbt` {VERSION}; each in a process of its own, in turns, from candles in memory to the list of trades; processor \
             time, fastest of {}. raptorbt computes with floats, and knows neither ticks, lots and limits nor signals: those are \
             arrays, made with its own indicators and numpy, which is timed too. Symbols share an account in its portfolio run alone, \
             which enters at the very close that gives the signal, and leaves every second entry out; so it is shown \
             beside one run for each symbol, which makes the trades that ours can be compared with. Memory is the most that was \
             resident, beside what was before the first run, candles included.",
            TURNS * ROUNDS
        ),
    );
    let Some(python) = python() else {
        table.add("the peer", "not installed; `benches/run peer` does that", "");
        return table;
    };
    for (symbols, candles) in [(1, 1_000_000), (20, 250_000)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("candles");
        write(&path, symbols, candles);
        compare(&mut table, &python, &path, (symbols, candles));
    }
    table
}

fn compare(table: &mut Table, python: &Path, path: &Path, (symbols, candles): (u64, usize)) {
    let what = format!("{symbols} x {candles} candles");
    let total = symbols as f64 * candles as f64;
    let kept = |who: &str| path.with_extension(who);
    let theirs = |way: &str| {
        let mut peer = Command::new(python);
        peer.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peer.py"));
        Told::by(peer.arg(path).arg(kept(way)).arg(ROUNDS.to_string()).arg(way))
    };
    let (mut own, mut singles, mut portfolio) = (Told::default(), Told::default(), Told::default());
    for _ in 0..TURNS {
        let mut bot = Command::new(env::current_exe().unwrap());
        own.take(Told::by(bot.arg(OWN).arg(symbols.to_string()).arg(candles.to_string()).arg(kept("own"))));
        singles.take(theirs("singles"));
        portfolio.take(theirs("portfolio"));
    }
    for (way, peer) in [("a run for each symbol", &singles), ("portfolio", &portfolio)] {
        table.judge(
            format!("{what}, {way}"),
            own.rate(total),
            peer.rate(total),
            &format!("> raptorbt ({:.2} of it)", peer.seconds / own.seconds),
            own.seconds < peer.seconds,
        );
    }
    let (ours, both) = (trades(&kept("own")), trades(&kept("singles")));
    let same = grouped(ours.intersection(&both).count() as f64);
    table.add(
        format!("{what}: trades that begin and end with the same candles"),
        format!("{same} of {}", grouped(own.trades as f64)),
        format!(
            "{same} of {}; its portfolio makes {}",
            grouped(singles.trades as f64),
            grouped(portfolio.trades as f64)
        ),
    );
    let beside = format!("{}; its portfolio {}", singles.memory(), portfolio.memory());
    table.add(format!("{what}: memory"), own.memory(), beside);
}

/// What a process told of its runs.
struct Told {
    seconds: f64,
    trades: u64,
    /// In kB.
    loaded: u64,
    peak: u64,
}

impl Default for Told {
    fn default() -> Self {
        Self { seconds: f64::INFINITY, trades: 0, loaded: 0, peak: 0 }
    }
}

impl Told {
    fn by(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let whole = |name: &str| told[name].as_u64().unwrap();
        Self {
            seconds: told["seconds"].as_f64().unwrap(),
            trades: whole("trades"),
            loaded: whole("loaded"),
            peak: whole("peak"),
        }
    }

    fn take(&mut self, told: Self) {
        *self = Self { seconds: self.seconds.min(told.seconds), ..told };
    }

    fn rate(&self, candles: f64) -> String {
        format!("{:.1} M candles/s, {:.0} ns each", candles / self.seconds / 1e6, self.seconds * 1e9 / candles)
    }

    fn memory(&self) -> String {
        format!("{} MiB, {} before", self.peak / 1024, self.loaded / 1024)
    }
}

/// The bot's side, in a process of its own: `bench own SYMBOLS CANDLES TRADES`.
pub fn run_own(arguments: &[String]) {
    let [symbols, candles, kept] = arguments else { panic!("own takes three arguments, not {arguments:?}") };
    let (symbols, candles): (u64, usize) = (symbols.parse().unwrap(), candles.parse().unwrap());
    let feeds: Vec<Feed> = (0..symbols).map(|seed| feed(seed, candles)).collect();
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let loaded = resident("VmRSS:");
    let mut outcome = Outcome::default();
    let seconds = best(ROUNDS, || outcome = whole(&feeds));
    let peak = resident("VmHWM:");
    let mut rows = Vec::new();
    for trip in &outcome.trips {
        let symbol = feeds.iter().position(|feed| feed.rules.id == trip.symbol).unwrap();
        let candle = |at| feeds[symbol].candles.partition_point(|candle| candle.open_time < at) as i64;
        rows.extend([symbol as i64, candle(trip.opened), candle(trip.closed), trip.entry.units()]);
    }
    fs::write(kept, bytes(&rows)).unwrap();
    println!("{}", json!({ "seconds": seconds, "trades": outcome.trips.len(), "loaded": loaded, "peak": peak }));
}

/// Symbol, candle of the entry and candle of the exit of each trade.
fn trades(path: &Path) -> BTreeSet<[i64; 3]> {
    numbers(&fs::read(path).unwrap()).chunks(4).map(|row| [row[0], row[1], row[2]]).collect()
}

/// Symbols and candles of each, then its columns: start, open, high, low and close.
fn write(path: &Path, symbols: u64, candles: usize) {
    let mut columns = vec![symbols as i64, candles as i64];
    for seed in 0..symbols {
        let made = feed(seed, candles).candles;
        columns.extend(made.iter().map(|candle| candle.open_time.nanos()));
        columns.extend(made.iter().map(|candle| candle.open.units()));
        columns.extend(made.iter().map(|candle| candle.high.units()));
        columns.extend(made.iter().map(|candle| candle.low.units()));
        columns.extend(made.iter().map(|candle| candle.close.units()));
    }
    fs::write(path, bytes(&columns)).unwrap();
}

fn bytes(numbers: &[i64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn numbers(bytes: &[u8]) -> Vec<i64> {
    bytes.chunks(8).map(|eight| i64::from_le_bytes(eight.try_into().unwrap())).collect()
}

/// What this process has in memory, or had at most since that was forgotten, in kB.
fn resident(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The interpreter that knows the peer, where `benches/run` puts it.
fn python() -> Option<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))?;
    let python = cache.join("tradingbot-benches").join(format!("raptorbt-{VERSION}")).join("bin/python");
    python.exists().then_some(python)
}

/// The argument that makes a process run the bot's side.
pub const OWN: &str = "own";
const VERSION: &str = "0.13.4";
const TURNS: u32 = 3;
const ROUNDS: u32 = 3;
