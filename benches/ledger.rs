//! How fast the ledger writes, verifies and reads, beside what the disk does alone in the same run.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tradingbot::domain::event::Quote;
use tradingbot::domain::{
    ClientOrderId, Entry, Event, ExchangeOrderId, Fee, Fill, Liquidity, MarketEvent, NewOrder, OrderKind, Outcome,
    Price, Purpose, Qty, RunId, Seq, Side, Stamped, Timestamp, TradeId,
};
use tradingbot::ledger::journal::{Journal, Ring};
use tradingbot::ledger::{Ledger, Query, Reader, Start, verify};

use super::figure::{Table, grouped};
use super::timing::{best, elapsed, median};

/// Commits of one entry and of many, verification, and pages as the API reads them. `TRADINGBOT_BENCH_DISK` names a folder
/// on another disk than that of temporary files.
pub fn measure() -> Table {
    let mut table = Table::new(
        "Ledger",
        format!(
            "Orders that are meant, accepted, filled and ended; {ENTRIES} entries in the ledger that is verified and read. By the \
             clock, medians of {ROUNDS}. Single commits and the disk alone take turns: `fdatasync` after as much as a commit \
             writes over what is there, which costs the disk least, and after a line that makes a file grow."
        ),
    );
    let folder = match std::env::var_os("TRADINGBOT_BENCH_DISK") {
        Some(path) => tempfile::tempdir_in(path).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    one_at_a_time(&mut table, folder.path());
    in_groups(&mut table, folder.path(), 100);
    in_groups(&mut table, folder.path(), LARGE_GROUP);
    let path = filled(&mut table, folder.path());
    verifying(&mut table, &path);
    reading(&mut table, &path);
    keeping_inputs(&mut table, folder.path());
    table
}

fn one_at_a_time(table: &mut Table, folder: &Path) {
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
    let mut shares: Vec<f64> = disk.iter().zip(&commits).map(|(disk, commits)| commits / disk).collect();
    let share = median(&mut shares);
    let growing = grouped(median(&mut lines));
    table.judge(
        "one entry a commit",
        format!("{}/s", grouped(median(&mut commits))),
        format!("{}/s the disk in place, {growing}/s a growing file", grouped(median(&mut disk))),
        &format!(">= 0.8 of the disk in place ({share:.2} of it)"),
        share >= 0.8,
    );
}

fn in_groups(table: &mut Table, folder: &Path, size: u64) {
    let mut ledger = Ledger::open(&folder.join(format!("group-{size}.sqlite"))).unwrap();
    let entries: Vec<Entry> = (0..size).map(entry).collect();
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            rate(10 * size, || {
                for number in 0..10 {
                    let _durable = ledger.commit(at(number), &entries).unwrap();
                }
            })
        })
        .collect();
    let rate = median(&mut rates);
    let (what, measured) = (format!("{size} entries a commit"), format!("{}/s", grouped(rate)));
    if size < LARGE_GROUP {
        table.add(what, measured, "");
    } else {
        table.judge(what, measured, "", ">= 100,000/s", rate >= 1e5);
    }
}

fn filled(table: &mut Table, folder: &Path) -> PathBuf {
    let path = folder.join("filled.sqlite");
    let mut ledger = Ledger::open(&path).unwrap();
    let written = rate(ENTRIES, || {
        for first in (0..ENTRIES).step_by(10_000) {
            let entries: Vec<Entry> = (first..ENTRIES.min(first + 10_000)).map(entry).collect();
            let _durable = ledger.commit(at(first), &entries).unwrap();
        }
    });
    let bytes = std::fs::metadata(&path).unwrap().len();
    let measured = format!("{}/s, {} bytes each", grouped(written), bytes / ENTRIES);
    table.judge("10000 entries a commit", measured, "", ">= 100,000/s", written >= 1e5);
    path
}

fn verifying(table: &mut Table, path: &Path) {
    let mut rates: Vec<f64> = (0..VERIFICATIONS)
        .map(|_| rate(ENTRIES, || assert_eq!(verify(path, None).unwrap().entries, ENTRIES)))
        .collect();
    let rate = median(&mut rates);
    table.judge("verified", format!("{}/s", grouped(rate)), "", ">= 1,500,000/s", rate >= 1.5e6);
}

fn reading(table: &mut Table, path: &Path) {
    let mut show = |name: &str, work: &mut dyn FnMut()| {
        let mut times: Vec<f64> = (0..READINGS).map(|_| elapsed(&mut *work) * 1e6).collect();
        table.add(name, format!("{} us", grouped(median(&mut times))), "");
    };
    show("opened to write", &mut || drop(Ledger::open(path).unwrap()));
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
        show(name, &mut || drop(reader.fills(&query).unwrap()));
    }
    show("last 100 entries of any kind", &mut || drop(reader.entries(None, &Query::last(100)).unwrap()));
    show("proof of the last 100 entries", &mut || drop(reader.proof(last - 99, last).unwrap()));
}

/// The input journal: a quote as the market sends it, and 100 bytes of commands to digest.
fn keeping_inputs(table: &mut Table, folder: &Path) {
    let quote = |seq: u64| {
        let price = |units: i64| Price::from_units(6_335_088_000_000 + units);
        let qty = Qty::from_units(157_851);
        let symbol = "BTCUSDT".parse().unwrap();
        let quote = Quote { symbol, update: seq, bid: price(0), bid_qty: qty, ask: price(1_000_000), ask_qty: qty };
        Stamped { seq: Seq(seq), at: at(seq), event: Event::Market(MarketEvent::Quote(quote)) }
    };
    let mut run = 0;
    let kept = best(VERIFICATIONS, || {
        run += 1;
        let mut journal = Journal::create(&folder.join("journal"), "bench", RunId(run), "", Ring::default()).unwrap();
        for seq in 1..=INPUTS {
            journal.append(&quote(seq), &[0; 100]).unwrap();
        }
        journal.flush().unwrap();
    });
    table.add("best prices kept in the input journal", format!("{}/s", grouped(INPUTS as f64 / kept)), "");
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

/// How many times a second something was done that was done `count` times.
fn rate(count: u64, work: impl FnOnce()) -> f64 {
    count as f64 / elapsed(work)
}

const ENTRIES: u64 = 1_000_000;
const ROUNDS: usize = 21;
const PER_ROUND: u64 = 200;
/// What is meant by grouped: below it a group is as fast as the disk syncs.
const LARGE_GROUP: u64 = 1_000;
const INPUTS: u64 = 200_000;
const VERIFICATIONS: u32 = 5;
const READINGS: usize = 51;
/// Two pages of a database and their headers in the write-ahead file: what most commits of one entry write.
const COMMIT_BYTES: usize = 2 * (4_096 + 24);
