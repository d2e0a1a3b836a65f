//! A migration that is killed or has no room leaves the ledger of the one schema or the other, whole.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::Connection;
use tradingbot::clock::Mark;
use tradingbot::domain::Span;
use tradingbot::ledger::{Head, Ledger, OpenLedgerError, verify};

use crate::ledger_disk::on_a_small_disk;
use crate::random::Random;
use crate::schema_1::{grow, state};

/// A ledger of schema 1 that takes a while to migrate.
fn large() -> (tempfile::TempDir, PathBuf, Head) {
    let (folder, path) = state();
    let mut connection = Connection::open(&path).unwrap();
    let transaction = connection.transaction().unwrap();
    let head = grow(&transaction, ENTRIES);
    transaction.commit().unwrap();
    drop(connection);
    (folder, path, head)
}

#[test]
fn a_migration_that_is_killed_leaves_the_old_ledger_or_the_new_one() {
    if let Some(path) = std::env::var_os(CHILD) {
        println!("begins");
        drop(Ledger::open(Path::new(&path)).unwrap());
        println!("\nended");
        return;
    }
    let (folder, path, head) = large();
    let whole = fs::read(&path).unwrap();
    let copy = folder.path().join(format!("ledger.sqlite.schema-1-{}-{}", head.seq, &head.hash.to_string()[..8]));
    let mut random = Random::new(0x5eed_0042);
    let (mut old, mut new, mut copied) = (0, 0, 0);
    let mut longest = 200_000;
    for kill in 0..KILLS {
        fs::write(&path, &whole).unwrap();
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{suffix}", path.display()));
        }
        let _ = fs::remove_file(&copy);
        let ended = killed(&path, random.below(longest));
        // Whatever was cut short, what is there is whole: with the head that it had, and open to this version.
        let found = verify(&path, Some(head)).unwrap_or_else(|error| panic!("kill {kill}: {error}"));
        match found.entries - head.seq {
            0 => old += 1,
            1 => new += 1,
            more => panic!("kill {kill}: {more} entries more"),
        }
        if copy.exists() {
            copied += 1;
            assert_eq!(
                verify(&copy, Some(head)).unwrap().head,
                head,
                "kill {kill}: the copy has its name once it is whole"
            );
        }
        assert!(found.entries == head.seq || copy.exists(), "kill {kill}: nothing is changed before there is a copy");
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.head().seq, head.seq + 1);
        drop(ledger);
        let left = fs::read_dir(folder.path())
            .unwrap()
            .filter(|found| found.as_ref().unwrap().file_name().to_string_lossy().contains("schema-1-new"));
        assert_eq!(left.count(), 0, "kill {kill}: what a killed one left half is gone after the next");
        // Kills are to fall into all of it.
        longest = if ended { (longest * 3 / 4).max(1_000) } else { longest * 5 / 4 };
    }
    println!("{KILLS} kills: {old} left the old one ({copied} copies there), {new} the new one");
    assert!(old > 0 && new > 0 && copied > new, "{old} {new} {copied}");
}

/// Lets a child migrate and kills it at some moment; says whether it had ended before.
fn killed(path: &Path, micros: usize) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "ledger_migrated::a_migration_that_is_killed_leaves_the_old_ledger_or_the_new_one",
            "--nocapture",
        ])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.ends_with("begins")));
    let begun = Mark::now();
    let wait = Span::from_nanos(i64::try_from(micros).unwrap() * 1_000);
    while begun.elapsed() < wait {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    lines.any(|line| line == "ended")
}

#[test]
fn a_disk_without_room_for_a_copy_says_so_and_leaves_the_ledger_as_it_was() {
    const TEST: &str = "ledger_migrated::a_disk_without_room_for_a_copy_says_so_and_leaves_the_ledger_as_it_was";
    let Some(disk) = on_a_small_disk(TEST) else { return };
    let (_folder, from) = state();
    let path = disk.join("state/ledger.sqlite");
    fs::create_dir(disk.join("state")).unwrap();
    crate::schema_1::close(&disk.join("state"), 0o700);
    fs::copy(&from, &path).unwrap();
    let head = crate::schema_1::head();
    let before = fs::read(&path).unwrap();
    let free = |keep: usize| {
        let _ = fs::remove_file(disk.join("ballast"));
        let mut all = Vec::new();
        while fs::write(disk.join("ballast"), &all).is_ok() {
            all.resize(all.len() + 4_096, 1);
        }
        all.truncate(all.len().saturating_sub(4_096 + keep));
        fs::write(disk.join("ballast"), &all).unwrap();
    };
    let (mut uncopied, mut unchanged) = (0, 0);
    for pages in 0..40 {
        free(pages * 4_096);
        match Ledger::open(&path) {
            Err(OpenLedgerError::Copy { .. }) => uncopied += 1,
            Err(OpenLedgerError::Migrate { .. }) => unchanged += 1,
            Err(OpenLedgerError::Create { .. } | OpenLedgerError::Database { .. } | OpenLedgerError::Inspect(_)) => {}
            Err(error) => panic!("{error}"),
            Ok(ledger) => {
                assert_eq!(ledger.head().seq, head.seq + 1);
                break;
            }
        }
        assert_eq!(verify(&path, Some(head)).unwrap().head, head, "{pages} pages are free");
        assert!(fs::read(&path).unwrap() == before, "{pages} pages are free");
    }
    println!("no room: {uncopied} times for the copy, {unchanged} times for the change");
    assert!(uncopied > 0, "it was never too full for the copy");
    let _ = fs::remove_file(disk.join("ballast"));
    assert_eq!(Ledger::open(&path).unwrap().head().seq, head.seq + 1);
}

const CHILD: &str = "TEST_LEDGER_MIGRATED";
const ENTRIES: u64 = 20_000;
const KILLS: usize = 40;
