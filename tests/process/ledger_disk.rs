//! A disk that is full, too small or read-only: trading halts, and nothing that was acknowledged is lost.
//!
//! Each test runs itself again in a mount namespace of its own, where it may mount what it likes. Where that is not
//! allowed, it fails and says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tradingbot::domain::{Entry, Remedy};
use tradingbot::ledger::{CommitError, Head, Ledger, OpenLedgerError, Query, Reader, verify};

use crate::entries::{at, entry};

#[test]
fn a_full_disk_fails_the_commit_and_keeps_room_for_the_halt() {
    let Some(disk) = on_a_small_disk("ledger_disk::a_full_disk_fails_the_commit_and_keeps_room_for_the_halt") else {
        return;
    };
    let path = disk.join("state/ledger.sqlite");
    let ballast = disk.join("ballast");
    fs::write(&ballast, vec![1; 256 * 1024]).unwrap();
    let mut ledger = Ledger::open(&path).unwrap();
    let (last, error) = until_full(&mut ledger);
    assert!(matches!(error, CommitError::Full(_)), "{error}");
    assert_eq!(error.remedy(), Remedy::Halt);
    assert_eq!(ledger.head(), last, "the head is not ahead of the disk");
    assert!(ledger.commit(at(0), &batch(last)).is_err(), "it is still full");
    assert_eq!(verify(&path, Some(last)).unwrap().head, last);

    // Only the halt itself may use the room that is kept for it.
    let halt = [Entry::Halted { by: "engine".to_owned(), reason: error.to_string() }];
    let halted = ledger.commit(at(1), &halt).unwrap().head();
    assert_eq!(halted.seq, last.seq + 1);
    assert_eq!(Reader::open(&path).unwrap().entries(None, &Query::last(1)).unwrap().rows[0].value, halt[0]);

    drop(ledger);
    let mut ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.head(), halted, "it opens on a full disk");

    fs::remove_file(&ballast).unwrap();
    let freed = ledger.commit(at(2), &batch(halted)).unwrap().head();
    assert!(path.with_file_name("ledger.sqlite.reserve").exists(), "the reserve is back");
    drop(ledger);
    assert_eq!(verify(&path, Some(last)).unwrap().head, freed);
    assert_eq!(Ledger::open(&path).unwrap().head(), freed);
}

/// Filled by single entries there is no slack left that a halt could go to: only the room that is given back will do.
#[test]
fn a_disk_that_is_full_to_the_last_entry_takes_the_halt_in_the_room_kept_for_it() {
    const TEST: &str = "ledger_disk::a_disk_that_is_full_to_the_last_entry_takes_the_halt_in_the_room_kept_for_it";
    let Some(disk) = on_a_small_disk(TEST) else { return };
    let path = disk.join("state/ledger.sqlite");
    let reserve = path.with_file_name("ledger.sqlite.reserve");
    let mut ledger = Ledger::open(&path).unwrap();
    let room = fs::metadata(&reserve).unwrap();
    assert!(std::os::unix::fs::MetadataExt::blocks(&room) * 512 >= 128 * 1024, "its space is really taken");
    let _ballast = {
        let mut file = fs::File::create(disk.join("ballast")).unwrap();
        while std::io::Write::write_all(&mut file, &[1; 4_096]).is_ok() {}
        file
    };
    let mut last = ledger.head();
    let error = loop {
        match ledger.commit(at(0), &[entry(last.seq + 1)]) {
            Ok(durable) => last = durable.head(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, CommitError::Full(_)), "{error}");
    assert!(ledger.commit(at(0), &[entry(last.seq + 1)]).is_err(), "not one entry more");
    assert!(reserve.exists() && !ledger.is_short());
    let halt = Entry::Halted { by: "engine".to_owned(), reason: error.to_string() };
    let halted = ledger.commit(at(1), &[halt]).unwrap().head();
    assert!(!reserve.exists() && ledger.is_short(), "the room went to the halt");
    assert_eq!(halted.seq, last.seq + 1);
    drop(ledger);
    assert_eq!(verify(&path, Some(halted)).unwrap().head, halted);
}

#[test]
fn a_disk_that_cannot_hold_a_new_ledger_says_so_and_leaves_none() {
    let Some(disk) = on_a_small_disk("ledger_disk::a_disk_that_cannot_hold_a_new_ledger_says_so_and_leaves_none")
    else {
        return;
    };
    let path = disk.join("ledger.sqlite");
    fs::write(disk.join("ballast"), vec![1; 1024 * 1024 - 16 * 1024]).unwrap();
    let error = Ledger::open(&path).unwrap_err();
    assert!(matches!(error, OpenLedgerError::Create { .. } | OpenLedgerError::Database { .. }), "{error}");
    assert!(!path.exists());
    fs::remove_file(disk.join("ballast")).unwrap();
    assert_eq!(Ledger::open(&path).unwrap().head(), Head::EMPTY);
}

#[test]
fn a_read_only_disk_is_read_and_verified_and_not_written() {
    let Some(disk) = on_a_small_disk("ledger_disk::a_read_only_disk_is_read_and_verified_and_not_written") else {
        return;
    };
    let path = disk.join("ledger.sqlite");
    let mut ledger = Ledger::open(&path).unwrap();
    let head = ledger.commit(at(0), &batch(Head::EMPTY)).unwrap().head();
    // As a crash leaves it: the entries are in the write-ahead file alone, and that has no index.
    let crashed = disk.join("crashed/ledger.sqlite");
    fs::create_dir(disk.join("crashed")).unwrap();
    for suffix in ["", "-wal"] {
        fs::copy(format!("{}{suffix}", path.display()), format!("{}{suffix}", crashed.display())).unwrap();
    }
    // The same with its index.
    let indexed = disk.join("indexed/ledger.sqlite");
    fs::create_dir(disk.join("indexed")).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        fs::copy(format!("{}{suffix}", path.display()), format!("{}{suffix}", indexed.display())).unwrap();
    }
    drop(ledger);
    mount(&["-o", "remount,bind,ro", disk.to_str().unwrap()]);
    for path in [&path, &crashed, &indexed] {
        assert_eq!(verify(path, Some(head)).unwrap().head, head, "{}", path.display());
        let mut reader = Reader::open(path).unwrap();
        assert_eq!(reader.head().unwrap(), head);
        assert_eq!(reader.fills(&Query::first(99)).unwrap().rows.len(), 4);
        let error = Ledger::open(path).unwrap_err();
        assert!(matches!(error, OpenLedgerError::Create { .. }), "{error}");
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("Read-only"), "{error}");
    }
    mount(&["-o", "remount,bind,rw", disk.to_str().unwrap()]);
    let mut ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.commit(at(1), &batch(head)).unwrap().head().seq, head.seq + BATCH);
}

#[test]
fn a_disk_that_refuses_writes_halts_and_works_again_later() {
    // No mount is needed: a limit on the size of files is how the system says no here.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    if let Some(path) = std::env::var_os(CHILD) {
        return write_under_a_limit(Path::new(&path));
    }
    let status = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; ulimit -S -f 400; exec "$@""#, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "ledger_disk::a_disk_that_refuses_writes_halts_and_works_again_later", "--nocapture"])
        .env(CHILD, &path)
        .status()
        .unwrap();
    assert!(status.success());
}

fn write_under_a_limit(path: &Path) {
    let mut ledger = Ledger::open(path).unwrap();
    let (last, error) = until_full(&mut ledger);
    assert!(matches!(error, CommitError::Database(_)), "{error}");
    assert_eq!(error.remedy(), Remedy::Halt);
    assert_eq!(ledger.head(), last);
    assert_eq!(verify(path, Some(last)).unwrap().head, last);
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    let lifted = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, lifted).unwrap();
    let next = ledger.commit(at(1), &batch(last)).unwrap().head();
    drop(ledger);
    assert_eq!(verify(path, Some(next)).unwrap().head, next);
}

/// Commits until that fails; gives the last head that was on disk, and why it went no further.
fn until_full(ledger: &mut Ledger) -> (Head, CommitError) {
    for _ in 0..10_000 {
        let before = ledger.head();
        match ledger.commit(at(0), &batch(before)) {
            Ok(durable) => assert_eq!(durable.head().seq, before.seq + BATCH),
            Err(error) => return (before, error),
        }
    }
    panic!("the disk never was full");
}

fn batch(head: Head) -> Vec<Entry> {
    (head.seq..head.seq + BATCH).map(entry).collect()
}

/// Inside: the folder where a file system of 1 MiB is mounted. Outside: nothing, after the test ran inside.
pub fn on_a_small_disk(test: &str) -> Option<PathBuf> {
    if let Some(disk) = std::env::var_os(CHILD) {
        let disk = PathBuf::from(disk);
        mount(&["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", disk.to_str().unwrap()]);
        return Some(disk);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private"]);
    if !rustix::process::getuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]).env(CHILD, folder.path());
    let output = command.output().unwrap_or_else(|error| panic!("this test needs `unshare` of util-linux: {error}"));
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "in a mount namespace of its own:\n{text}");
    assert!(text.contains("1 passed"), "{text}");
    None
}

fn mount(arguments: &[&str]) {
    let output = Command::new("mount").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "this test has to mount a small file system, which is not allowed here: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

const CHILD: &str = "TEST_LEDGER_DISK";
const BATCH: u64 = 60;
