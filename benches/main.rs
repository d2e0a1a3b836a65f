//! Measures what the bot promises, each figure beside a baseline of the same run. `benches/run` builds it and runs all.
//!
//! `cargo run --release --example bench -- PART…` measures some parts and prints their tables; without a part it measures
//! all. It is an example and not a bench target because benches unwind on a panic and the bot does not: so what is
//! measured is built as it is shipped, once. What one thread computes is timed by the processor time it got, so that other
//! work on the machine counts for little; what waits for a disk or a socket is timed by the clock.
#![expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark measures time, prints it, and stops when it cannot go on"
)]

mod api;
mod backtest;
mod bot;
mod client;
mod feed;
mod figure;
mod harassed;
mod lanes;
mod ledger;
mod machine;
mod market;
mod memory;
mod paper;
mod peer;
mod servers;
mod start;
mod timing;

use std::path::PathBuf;

use figure::Table;

fn main() {
    let mut asked: Vec<String> = std::env::args().skip(1).collect();
    if asked.first().is_some_and(|first| first == servers::HELLO) {
        return servers::say_hello();
    }
    if asked.first().is_some_and(|first| first == peer::OWN) {
        return peer::run_own(&asked[1..]);
    }
    let page = asked.iter().position(|argument| argument == "--write").map(|at| {
        asked.remove(at);
        PathBuf::from(asked.remove(at))
    });
    let unknown = asked.iter().find(|name| PARTS.iter().all(|(part, _)| part != name));
    assert!(unknown.is_none(), "{unknown:?} is none of {:?}", PARTS.map(|(part, _)| part));
    let mut text = machine::description();
    println!("{text}");
    for (part, measure) in PARTS.iter().filter(|(part, _)| asked.is_empty() || asked.iter().any(|name| name == part)) {
        let table = measure().to_string();
        println!("## {part}\n\n{table}");
        text.push_str(&table);
    }
    if let Some(page) = page {
        figure::rewrite(&page, &text);
    }
}

/// What it is called on the command line, and what measures it.
type Part = (&'static str, fn() -> Table);

const PARTS: [Part; 11] = [
    ("api", api::measure),
    ("harassed", harassed::measure),
    ("memory", memory::measure),
    ("start", start::measure),
    ("ledger", ledger::measure),
    ("backtest", backtest::measure),
    ("peer", peer::measure),
    ("feed", feed::measure),
    ("lanes", lanes::measure),
    ("market", market::measure),
    ("paper", paper::measure),
];
