//! The real program, killed by the kernel at each call that puts something on the disk.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use tradingbot::domain::{ClientOrderId, Entry};
use tradingbot::ledger;

use crate::written;

/// Calls that a life is cut off at; how many of each are tried, the first one of a life, the second, and so on; and
/// where the next life, which has to find out what became of the first, is cut off in turn.
const STEPS: [(&str, u32, u32); 2] = [("fsync", 30, 9), ("pwrite64", 40, 50)];

#[test]
fn killed_at_each_call_to_the_disk_it_goes_on_and_has_lost_nothing_it_told_of() {
    let mut sum = Sum::default();
    for (call, steps, again) in STEPS {
        for step in 1..=steps {
            killed_at(call, [step, again, again + step], &mut sum);
        }
    }
    println!("{sum:?}");
    assert!(sum.lives >= 120 && sum.orders >= 100 && sum.told >= 100, "too little happened to show anything");
}

/// What happened in all lives.
#[derive(Debug, Default)]
struct Sum {
    lives: usize,
    entries: u64,
    orders: usize,
    told: usize,
}

/// One bot in three lives, each killed as it makes the call for so many a time.
fn killed_at(call: &str, steps: [u32; 3], sum: &mut Sum) {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let ledger = state.join("ledger.sqlite");
    let mut told = BTreeSet::new();
    let mut known = 0;
    for step in steps {
        let log = cut_off(&state, call, step);
        sum.lives += 1;
        told.extend(log.lines().filter_map(Told::of));
        // Who dies before the first entry leaves nothing to verify.
        if known == 0 && !log.contains(" started ") {
            continue;
        }
        let verified = ledger::verify(&ledger, None).unwrap_or_else(|error| panic!("{call} {step}: {error}\n{log}"));
        assert!(verified.entries >= known, "{call} {step}: the chain only grows");
        known = verified.entries;
    }
    let entries = written(&ledger);
    let intended: Vec<ClientOrderId> = entries
        .iter()
        .filter_map(|entry| if let Entry::Intended { order } = entry { Some(order.id) } else { None })
        .collect();
    let once: BTreeSet<&ClientOrderId> = intended.iter().collect();
    assert_eq!(once.len(), intended.len(), "{call} {steps:?}: an order was meant twice");
    let kept: BTreeSet<Told> = entries.iter().filter_map(Told::by).collect();
    let lost: Vec<&Told> = told.difference(&kept).collect();
    assert!(lost.is_empty(), "{call} {steps:?}: told of, and not in the ledger: {lost:?}");
    sum.entries += known;
    sum.orders += intended.len();
    sum.told += told.len();
}

/// What the log says of an order or of a fill.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Order { id: String, qty: String },
    Fill { id: String, qty: String, price: String },
}

impl Told {
    fn of(line: &str) -> Option<Self> {
        let field = |name: &str| line.split(' ').find_map(|word| word.strip_prefix(name)).map(str::to_owned);
        let (id, qty) = (field("order_id=")?, field("qty=")?);
        if line.contains(" filled ") {
            Some(Self::Fill { id, qty, price: field("price=")? })
        } else {
            line.contains(" order ").then_some(Self::Order { id, qty })
        }
    }

    fn by(entry: &Entry) -> Option<Self> {
        if let Entry::Intended { order } = entry {
            Some(Self::Order { id: order.id.to_string(), qty: order.qty.to_string() })
        } else if let Entry::Filled { fill } = entry {
            let (id, qty) = (fill.order.to_string(), fill.qty.to_string());
            Some(Self::Fill { id, qty, price: fill.price.to_string() })
        } else {
            None
        }
    }
}

/// One life on the practice market, killed as it makes a call for the `step`th time; what it logged.
fn cut_off(state: &Path, call: &str, step: u32) -> String {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={call}:signal=KILL:when={step}")]);
    command.args([env!("CARGO_BIN_EXE_tradingbot"), "paper", "--speed", "max", "--for", "20s", "--seed"]);
    command.arg(step.to_string()).arg("--state").arg(state);
    let output = command.output().unwrap_or_else(|error| panic!("this test needs `strace`: {error}"));
    let log = String::from_utf8(output.stderr).unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
    assert_eq!(signal, Some(9), "{call} {step}: it ended by itself\n{log}");
    log
}
