//! A seed makes a market, faults, operators and crashes; after every step the bot is checked.
#![expect(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test looks for one thing, and may panic")]

mod auditor;
mod book;
mod bug;
mod disk;
mod feed;
mod plan;
mod run;
mod stage;
mod tally;
mod world;

use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bug::Bug;
use run::{Verdict, run};
use tally::Tally;

/// Where the seeds of the normal run begin.
const FIRST_SEED: u64 = 0x5eed_0000;
/// How many there are, unless `TRADINGBOT_SEED_COUNT` says otherwise.
const SEEDS: usize = 1_000;
/// One in so many seeds is run twice, to compare the bytes.
const TWICE: u64 = 16;

/// The seeds of this run: those of `TRADINGBOT_SEEDS`, such as `0x5eed0412,7`, else so many from the first.
fn seeds() -> Vec<u64> {
    if let Ok(list) = std::env::var("TRADINGBOT_SEEDS") {
        return list.split(',').map(|text| seed(text.trim())).collect();
    }
    let count = std::env::var("TRADINGBOT_SEED_COUNT").map_or(SEEDS, |text| text.parse().unwrap());
    (FIRST_SEED..).take(count).collect()
}

fn seed(text: &str) -> u64 {
    text.strip_prefix("0x").map_or_else(|| text.parse().unwrap(), |hex| u64::from_str_radix(hex, 16).unwrap())
}

/// Says something that is to be read even when all is well.
pub fn say(text: &str) {
    // Not with a macro, whose output the test runner would keep to itself.
    let _ = std::io::stdout().lock().write_all(format!("{text}\n").as_bytes());
}

/// Runs a seed, now and then twice: the second time must write and send the very same.
fn judge(seed: u64, bug: Option<Bug>, only: Option<&'static str>, twice: bool) -> Verdict {
    let mut verdict = run(seed, bug, only);
    if verdict.violation.is_none() && twice && run(seed, bug, only).bytes != verdict.bytes {
        verdict.violation = Some(auditor::Violation::new(auditor::SAME_BYTES, "the second run differs"));
    }
    verdict
}

/// Runs all seeds; fails with the first that does not hold, and says how many others there are.
fn hold(seeds: &[u64]) -> Tally {
    let next = AtomicUsize::new(0);
    let all = Mutex::new((Tally::default(), Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let verdict = judge(*seed, None, None, seed % TWICE == 0);
                    let mut all = all.lock().unwrap();
                    all.0.add(&verdict.tally);
                    all.1.extend(verdict.violation.map(|violation| (*seed, violation)));
                }
            });
        }
    });
    let (tally, mut violations) = all.into_inner().unwrap();
    violations.sort_by_key(|(seed, _)| *seed);
    if let Some((seed, violation)) = violations.first() {
        let mut rules: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (seed, violation) in &violations {
            rules.entry(violation.rule).or_default().push(format!("{seed:#x}"));
        }
        panic!(
            "seed {seed:#x}: {violation}\nrun it again: TRADINGBOT_SEEDS={seed:#x} cargo test --test simulation \
             every_seed_holds\nall that do not hold: {rules:#?}"
        );
    }
    tally
}

#[test]
fn every_seed_holds() {
    let seeds = seeds();
    let tally = hold(&seeds);
    say(&format!("simulation: {} seeds\n{tally}", seeds.len()));
}

#[test]
fn every_planted_bug_is_caught_by_the_rule_it_breaks() {
    let mut escaped = Vec::new();
    for bug in Bug::ALL {
        let twice = bug.rule() == auditor::SAME_BYTES;
        let first = |only| {
            let mut seeds = (FIRST_SEED..).take(SEEDS);
            seeds.find_map(|seed| judge(seed, Some(bug), only, twice).violation.map(|violation| (seed, violation)))
        };
        match (first(Some(bug.rule())), first(None)) {
            (Some((seed, violation)), Some((sooner, other))) => {
                say(&format!("planted: {bug}: seed {seed:#x}: {violation} (first seen: {sooner:#x}, {})", other.rule));
            }
            (None, _) | (_, None) => escaped.push(bug),
        }
    }
    assert!(escaped.is_empty(), "not caught: {escaped:?}");
}
