//! What the ledger said is on disk is there after the process was killed, and after a torn write.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tradingbot::domain::Entry;
use tradingbot::ledger::{Head, Ledger, Reader, verify};

use crate::entries::{at, entry};
use crate::random::Random;

#[test]
fn whatever_was_acknowledged_survives_being_killed() {
    if let Some(path) = std::env::var_os(CHILD) {
        return write_forever(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let mut random = Random::new(0x5eed_1ed9);
    let mut kept = Head::EMPTY;
    let mut survived = 0;
    for kill in 0..KILLS {
        let acknowledged = killed_after(&path, &mut random);
        let newest = acknowledged.last().copied().unwrap_or(kept);
        // Opening is what the next start does; verifying first shows that it does so without the writer's help.
        let verified = verify(&path, Some(newest)).unwrap_or_else(|error| panic!("kill {kill}: {error}"));
        assert!(verified.entries >= newest.seq);
        survived += verified.entries - newest.seq;
        for head in acknowledged {
            verify_holds(&path, head);
        }
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.head(), verified.head, "kill {kill}");
        kept = ledger.head();
    }
    println!("{KILLS} kills, {} entries, {survived} of them written but not acknowledged", kept.seq);
    let mut next = 0;
    Ledger::open(&path)
        .unwrap()
        .each(|stored| {
            assert_eq!((stored.seq, &stored.value), (next + 1, &entry(next)));
            next += 1;
        })
        .unwrap();
}

fn verify_holds(path: &Path, head: Head) {
    let links = Reader::open(path).unwrap().proof(head.seq, head.seq).unwrap();
    assert_eq!(links.iter().map(|link| link.hash).collect::<Vec<_>>(), [head.hash]);
}

/// Lets a child write and kills it at some moment; gives the heads that it said are on disk.
fn killed_after(path: &Path, random: &mut Random) -> Vec<Head> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ledger_crash::whatever_was_acknowledged_survives_being_killed", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut heads = Vec::new();
    let acknowledged = random.below(12);
    while heads.len() < acknowledged {
        heads.extend(lines.next().unwrap().strip_prefix("durable ").map(|head| head.parse::<Head>().unwrap()));
    }
    for _ in 0..random.below(60_000) {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    heads.extend(lines.filter_map(|line| line.strip_prefix("durable ").and_then(|head| head.parse::<Head>().ok())));
    heads
}

/// Commits batches of all sizes, and names each head once it is on disk. Checkpoints come often.
fn write_forever(path: &Path) {
    let mut out = std::io::stdout();
    let mut ledger = Ledger::open(path).unwrap();
    loop {
        let first = ledger.head().seq;
        let size = 1 + first * 7 % 9;
        let entries: Vec<Entry> = (first..first + size).map(entry).collect();
        let durable = ledger.commit(at(first), &entries).unwrap();
        writeln!(out, "durable {}", durable.head()).unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn a_torn_write_ahead_file_loses_only_what_was_not_yet_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let mut ledger = Ledger::open(&path).unwrap();
    let wal = folder.path().join("ledger.sqlite-wal");
    let mut synced = vec![(0, Head::EMPTY)];
    for batch in 0..12 {
        let first = ledger.head().seq;
        let entries: Vec<Entry> = (first..first + 1 + batch % 5).map(entry).collect();
        let durable = ledger.commit(at(batch), &entries).unwrap();
        synced.push((fs::metadata(&wal).unwrap().len(), durable.head()));
    }
    let (main, whole) = (fs::read(&path).unwrap(), fs::read(&wal).unwrap());
    drop(ledger);
    let copy = tempfile::tempdir().unwrap();
    let copied = copy.path().join("ledger.sqlite");
    let (mut cuts, mut seen) = (0, 0);
    for cut in (0..whole.len()).step_by(SECTOR).chain([whole.len()]) {
        let kept = synced.iter().rev().find(|(bytes, _)| *bytes <= u64::try_from(cut).unwrap()).unwrap().1;
        let truncated = whole[..cut].to_vec();
        let mut zeroed = truncated.clone();
        zeroed.resize(whole.len(), 0);
        let mut garbled = truncated.clone();
        garbled.extend(whole[cut..].iter().map(|byte| byte ^ 0x5a));
        for wal in [truncated, zeroed, garbled] {
            lay(&copied, &main, &wal);
            let verified = verify(&copied, Some(kept)).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
            let found = verified.head;
            assert!(synced.iter().any(|(_, head)| *head == found), "cut at {cut}: half a batch");
            assert!(found.seq >= kept.seq);
            let mut ledger = Ledger::open(&copied).unwrap();
            assert_eq!(ledger.head(), found);
            let durable = ledger.commit(at(99), &[entry(99)]).unwrap();
            assert_eq!(durable.head().seq, found.seq + 1);
            cuts += 1;
            seen = seen.max(found.seq);
        }
    }
    assert_eq!(seen, synced.last().unwrap().1.seq);
    println!("{cuts} torn files");
}

fn lay(path: &Path, main: &[u8], wal: &[u8]) {
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(beside(suffix));
    }
    fs::write(path, main).unwrap();
    fs::write(beside("-wal"), wal).unwrap();
    crate::private(path);
    crate::private(&beside("-wal"));
}

const CHILD: &str = "TEST_LEDGER_CRASH";
const KILLS: usize = 200;
const SECTOR: usize = 512;
