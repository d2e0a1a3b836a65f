//! How fast the ledger writes, verifies and reads, beside what the disk does alone in the same run.
//!
//! `cargo bench --bench ledger` prints medians; `cargo bench --bench ledger -- 100000` takes fewer entries than a
//! million, `-- 100000 /mnt/x` another folder than the one for temporary files.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop")]
#![expect(clippy::print_stdout, reason = "its results are what it prints")]
#![expect(clippy::disallowed_methods, reason = "measuring time is its purpose")]

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tradingbot::domain::event::Quote;
use tradingbot::domain::{
    ClientOrderId, Entry, Event, ExchangeOrderId, Fee, Fill, Liquidity, MarketEvent, NewOrder, OrderKind, Outcome,
    Price, Purpose, Qty, RunId, Seq, Side, Stamped, Timestamp, TradeId,
};
use tradingbot::ledger::journal::{Journal, Ring};
use tradingbot::ledger::{Ledger, Query, Reader, Start, verify};

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let count: u64 = arguments.next().map_or(1_000_000, |text| text.parse().unwrap());
    let folder = match arguments.next() {
        Some(path) => tempfile::tempdir_in(path).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    one_at_a_time(folder.path());
    in_groups(folder.path(), 100);
    in_groups(folder.path(), 1_000);
    let path = filled(folder.path(), count);
    verifying(&path, count);
    opening(&path);
    paging(&path);
    keeping_inputs(folder.path(), count.min(200_000));
}

/// Single commits and the disk's own rate take turns, so that a disk that slows down slows both. The disk is asked twice:
/// for lines that make a file grow, and for as much as a commit writes over what is there, which costs it least.
fn one_at_a_time(folder: &Path) {
    let mut ledger = Ledger::open(&folder.join("single.sqlite")).unwrap();
    let mut growing = File::create(folder.join("growing")).unwrap();
    let in_place = File::create(folder.join("in-place")).unwrap();
    in_place.write_all_at(&vec![1; 4 << 20], 0).unwrap();
    in_place.sync_all().unwrap();
    let (mut lines, mut disk, mut commits) = (Vec::new(), Vec::new(), Vec::new());
    let mut next = 0;
    // As a ledger that has run for a while: its write-ahead file has been through once.
    for _ in 0..1_000 {
        let _durable = ledger.commit(at(next), &[entry(next)]).unwrap();
        next += 1;
    }
    for _ in 0..ROUNDS {
        lines.push(rate(PER_ROUND, || {
            for index in 0..PER_ROUND {
                let mut line = serde_json::to_vec(&entry(index)).unwrap();
                line.push(b'\n');
                growing.write_all(&line).unwrap();
                growing.sync_data().unwrap();
            }
        }));
        disk.push(rate(PER_ROUND, || {
            for index in 0..PER_ROUND {
                in_place.write_all_at(&[2; COMMIT_BYTES], index * 8_240).unwrap();
                in_place.sync_data().unwrap();
            }
        }));
        commits.push(rate(PER_ROUND, || {
            for _ in 0..PER_ROUND {
                let _durable = ledger.commit(at(next), &[entry(next)]).unwrap();
                next += 1;
            }
        }));
    }
    let mut shares: Vec<u64> = disk.iter().zip(&commits).map(|(disk, commits)| commits * 1_000 / disk).collect();
    println!("disk alone, a line more and fdatasync: {:>9}/s", median(&mut lines));
    println!("disk alone, in place and fdatasync:    {:>9}/s", median(&mut disk));
    println!("one entry a commit:                    {:>9}/s", median(&mut commits));
    println!("  as a share of the disk in place:     {:>9}", thousandths(median(&mut shares)));
}

fn in_groups(folder: &Path, size: u64) {
    let mut ledger = Ledger::open(&folder.join(format!("group-{size}.sqlite"))).unwrap();
    let entries: Vec<Entry> = (0..size).map(entry).collect();
    let mut rates: Vec<u64> = (0..ROUNDS)
        .map(|_| {
            rate(10 * size, || {
                for number in 0..10 {
                    let _durable = ledger.commit(at(number), &entries).unwrap();
                }
            })
        })
        .collect();
    println!("{size:>4} entries a commit:                 {:>9}/s", median(&mut rates));
}

fn filled(folder: &Path, count: u64) -> PathBuf {
    let path = folder.join("filled.sqlite");
    let mut ledger = Ledger::open(&path).unwrap();
    let start = Instant::now();
    for first in (0..count).step_by(10_000) {
        let entries: Vec<Entry> = (first..count.min(first + 10_000)).map(entry).collect();
        let _durable = ledger.commit(at(first), &entries).unwrap();
    }
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!("{count} entries written in {:?}, {} bytes each", start.elapsed(), bytes / count);
    path
}

fn verifying(path: &Path, count: u64) {
    let mut rates: Vec<u64> = (0..5)
        .map(|_| {
            rate(count, || {
                assert_eq!(verify(path, None).unwrap().entries, count);
            })
        })
        .collect();
    println!("verify:                                {:>9}/s", median(&mut rates));
}

fn opening(path: &Path) {
    let mut times: Vec<Duration> = (0..21).map(|_| time(|| drop(Ledger::open(path).unwrap()))).collect();
    println!("open to write:                         {:>9.1?}", median(&mut times));
}

fn paging(path: &Path) {
    let _writer = Ledger::open(path).unwrap();
    let mut reader = Reader::open(path).unwrap();
    let last = reader.head().unwrap().seq;
    let by_symbol = Query { symbol: Some("ETHUSDT".parse().unwrap()), ..Query::first(100) };
    let by_strategy = Query { strategy: Some("nobody".parse().unwrap()), ..Query::first(100) };
    for (name, query) in [
        ("first 100 fills", Query::first(100)),
        ("100 fills from the middle", Query { start: Start::After(last / 2), ..Query::first(100) }),
        ("last 100 fills", Query::last(100)),
        ("100 fills of one symbol of two", by_symbol),
        ("no fill among the most looked at", by_strategy),
    ] {
        let mut times: Vec<Duration> = (0..101).map(|_| time(|| drop(reader.fills(&query).unwrap()))).collect();
        println!("{name:<38} {:>9.1?}", median(&mut times));
    }
    let mut times: Vec<Duration> =
        (0..101).map(|_| time(|| drop(reader.entries(None, &Query::last(100)).unwrap()))).collect();
    println!("{:<38} {:>9.1?}", "last 100 entries of any kind", median(&mut times));
    let mut times: Vec<Duration> = (0..101).map(|_| time(|| drop(reader.proof(last - 99, last).unwrap()))).collect();
    println!("{:<38} {:>9.1?}", "proof of the last 100 entries", median(&mut times));
}

/// The input journal: a quote as the market sends it, and 100 bytes of commands to digest.
fn keeping_inputs(folder: &Path, count: u64) {
    let quote = |seq: u64| {
        let price = |units: i64| Price::from_units(6_335_088_000_000 + units);
        let qty = Qty::from_units(157_851);
        let symbol = "BTCUSDT".parse().unwrap();
        let quote = Quote { symbol, update: seq, bid: price(0), bid_qty: qty, ask: price(1_000_000), ask_qty: qty };
        Stamped { seq: Seq(seq), at: at(seq), event: Event::Market(MarketEvent::Quote(quote)) }
    };
    let mut rates: Vec<u64> = (0..5)
        .map(|run| {
            let mut journal =
                Journal::create(&folder.join("journal"), "bench", RunId(run), "", Ring::default()).unwrap();
            rate(count, || {
                for seq in 1..=count {
                    journal.append(&quote(seq), &[0; 100]).unwrap();
                }
                journal.flush().unwrap();
            })
        })
        .collect();
    println!("inputs into the journal:               {:>9}/s", median(&mut rates));
}

/// Orders of two strategies over two symbols: meant, accepted, filled, ended.
fn entry(index: u64) -> Entry {
    let order = index / 4;
    let id = ClientOrderId::derive(RunId(1), Seq(order), 0);
    let even = order.is_multiple_of(2);
    let symbol = if even { "BTCUSDT" } else { "ETHUSDT" }.parse().unwrap();
    let side = if order % 4 < 2 { Side::Buy } else { Side::Sell };
    match index % 4 {
        0 => Entry::Intended {
            order: NewOrder {
                id,
                strategy: if even { "ema-btc" } else { "rsi-eth" }.parse().unwrap(),
                symbol,
                side,
                qty: "0.00157851".parse().unwrap(),
                kind: OrderKind::Market,
                purpose: Purpose::Enter,
            },
        },
        1 => Entry::Accepted { id, exchange_id: ExchangeOrderId(8_000_000_000 + order) },
        2 => Entry::Filled {
            fill: Fill {
                order: id,
                trade: TradeId(3_000_000_000 + order),
                symbol,
                side,
                price: "63350.88".parse().unwrap(),
                qty: "0.00157851".parse().unwrap(),
                fee: Fee { asset: "USDT".parse().unwrap(), amount: "0.0999999975888157".parse().unwrap() },
                liquidity: Liquidity::Taker,
                at: at(index),
            },
        },
        _ => Entry::Ended { id, outcome: Outcome::Filled, reason: String::new() },
    }
}

fn at(index: u64) -> Timestamp {
    Timestamp::from_nanos(1_700_000_000_000_000_000 + i64::try_from(index).unwrap() * 1_000_000)
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// How many times a second something was done that was done `count` times.
fn rate(count: u64, work: impl FnOnce()) -> u64 {
    let nanos = time(work).as_nanos().max(1);
    u64::try_from(u128::from(count) * 1_000_000_000 / nanos).unwrap()
}

fn median<T: Ord + Copy>(values: &mut [T]) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}

fn thousandths(value: u64) -> String {
    format!("{}.{:03}", value / 1_000, value % 1_000)
}

const ROUNDS: usize = 21;
const PER_ROUND: u64 = 200;
/// Two pages of a database and their headers in the write-ahead file: what most commits of one entry write.
const COMMIT_BYTES: usize = 2 * (4_096 + 24);
