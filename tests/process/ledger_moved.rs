//! A ledger that is taken away under its writer: nothing is acknowledged any more, and what was written stays readable.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tradingbot::domain::{Entry, Remedy, RunId};
use tradingbot::ledger::{CommitError, Displaced, Head, Ledger, verify};

use crate::entries::at;

/// What somebody does to the folder `state`, and what undoes it.
type Deed = fn(&Path);

const RENAMED: &str = "elsewhere";

/// Name, what is done, and whether the folder itself is where it was.
const DEEDS: [(&str, Deed, bool); 9] = [
    ("folder removed", |state| fs::remove_dir_all(state).unwrap(), false),
    ("folder renamed", |state| fs::rename(state, state.with_file_name(RENAMED)).unwrap(), false),
    (
        "folder replaced by a link to it",
        |state| {
            fs::rename(state, state.with_file_name(RENAMED)).unwrap();
            symlink(state.with_file_name(RENAMED), state).unwrap();
        },
        false,
    ),
    (
        "folder replaced by a copy",
        |state| {
            fs::rename(state, state.with_file_name(RENAMED)).unwrap();
            fs::create_dir(state).unwrap();
            for found in fs::read_dir(state.with_file_name(RENAMED)).unwrap() {
                let found = found.unwrap();
                fs::copy(found.path(), state.join(found.file_name())).unwrap();
            }
        },
        false,
    ),
    ("file removed", |state| fs::remove_file(state.join(FILE)).unwrap(), true),
    ("file renamed", |state| fs::rename(state.join(FILE), state.join("x")).unwrap(), true),
    (
        "file replaced by a copy",
        |state| {
            fs::copy(state.join(FILE), state.join("x")).unwrap();
            fs::rename(state.join("x"), state.join(FILE)).unwrap();
        },
        true,
    ),
    (
        "file replaced by a link to it",
        |state| {
            fs::rename(state.join(FILE), state.join("x")).unwrap();
            symlink("x", state.join(FILE)).unwrap();
        },
        true,
    ),
    ("write-ahead file removed", |state| fs::remove_file(state.join("ledger.sqlite-wal")).unwrap(), true),
];

#[test]
fn what_is_written_to_a_ledger_that_was_taken_away_is_not_acknowledged() {
    for (name, deed, leaves_folder) in DEEDS {
        // At once, where only the look after the write can see it, and after a while, where the one before it does.
        for pause in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let state = folder.path().join("state");
            let (mut ledger, head) = begun(&state);
            deed(&state);
            if pause {
                assert!(matches!(ledger.check(), Err(CommitError::Displaced(_))), "{name}: seen without writing");
            }
            let error = ledger.commit(at(1), &[entry(2)]).unwrap_err();
            let CommitError::Displaced(displaced) = &error else { panic!("{name}: {error}") };
            assert_eq!(displaced.leaves_folder(), leaves_folder, "{name}: {error}");
            assert_eq!((error.remedy(), ledger.head()), (Remedy::Halt, head), "{name}");
            assert!(ledger.commit(at(2), &[entry(3)]).is_err(), "{name}: and never again");
        }
    }
}

#[test]
fn a_folder_that_comes_back_is_written_to_again() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let (mut ledger, head) = begun(&state);
    fs::rename(&state, folder.path().join(RENAMED)).unwrap();
    let error = ledger.check().unwrap_err();
    assert!(matches!(error, CommitError::Displaced(Displaced::Gone { .. })), "{error}");
    assert!(error.to_string().contains("state is gone; put back what was there"), "{error}");
    assert!(ledger.commit(at(1), &[entry(2)]).is_err());
    fs::rename(folder.path().join(RENAMED), &state).unwrap();
    let next = ledger.commit(at(1), &[entry(2)]).unwrap().head();
    assert_eq!(next.seq, head.seq + 1, "what was refused is not in it");
    drop(ledger);
    assert_eq!(verify(&state.join(FILE), Some(next)).unwrap().head, next);
}

#[test]
fn entries_that_went_astray_end_the_writing_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let (mut ledger, head) = begun(&state);
    fs::rename(&state, folder.path().join(RENAMED)).unwrap();
    // Right behind a commit nobody looks before the next, so this one goes to the renamed folder.
    assert!(matches!(ledger.commit(at(1), &[entry(2)]), Err(CommitError::Displaced(_))));
    fs::rename(folder.path().join(RENAMED), &state).unwrap();
    assert!(matches!(ledger.commit(at(1), &[entry(2)]), Err(CommitError::Astray { .. })), "it would stand there twice");
    assert!(matches!(ledger.check(), Err(CommitError::Astray { .. })));
    drop(ledger);
    assert_eq!(verify(&state.join(FILE), Some(head)).unwrap().head.seq, head.seq + 1);
}

#[test]
fn a_ledger_whose_write_ahead_file_is_removed_keeps_what_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let (mut ledger, head) = begun(&state);
    fs::remove_file(state.join("ledger.sqlite-wal")).unwrap();
    assert!(matches!(ledger.check(), Err(CommitError::Displaced(Displaced::File(_)))));
    drop(ledger);
    assert_eq!(verify(&state.join(FILE), Some(head)).unwrap().head, head);
}

#[test]
fn another_ledger_in_its_place_is_left_whole() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let (mut ledger, head) = begun(&state);
    fs::rename(&state, folder.path().join(RENAMED)).unwrap();
    let (other, other_head) = begun(&state);
    assert!(ledger.check().is_err());
    drop(ledger);
    assert!(state.join("ledger.sqlite-wal").exists(), "the other's entries are in there");
    drop(other);
    assert_eq!(verify(&state.join(FILE), Some(other_head)).unwrap().head, other_head);
    assert_ne!(other_head, head);
}

/// In the mount namespace of a service a folder keeps its inode and its path, whatever is done to it outside.
#[test]
fn a_folder_renamed_behind_its_mount_is_seen() {
    const TEST: &str = "ledger_moved::a_folder_renamed_behind_its_mount_is_seen";
    if let Some(folder) = std::env::var_os(CHILD) {
        return behind_a_mount(&PathBuf::from(folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private"]);
    if !rustix::process::getuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.arg(std::env::current_exe().unwrap()).args(["--exact", TEST, "--nocapture"]).env(CHILD, folder.path());
    let output = command.output().unwrap_or_else(|error| panic!("this test needs `unshare` of util-linux: {error}"));
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "in a mount namespace of its own:\n{text}");
}

fn behind_a_mount(folder: &Path) {
    let (outside, inside) = (folder.join("outside"), folder.join("inside"));
    for (round, deed) in [DEEDS[1], DEEDS[0]].into_iter().enumerate() {
        fs::create_dir_all(&inside).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::set_permissions(&outside, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let mounted = Command::new("mount").arg("--bind").args([&outside, &inside]).status().unwrap();
        assert!(mounted.success(), "this test has to mount a folder, which is not allowed here");
        let (mut ledger, head) = begun(&inside);
        deed.1(&outside);
        let error = ledger.commit(at(1), &[entry(2)]).unwrap_err();
        assert!(matches!(error, CommitError::Displaced(_)), "{error}");
        if round == 0 {
            assert!(error.to_string().contains("/outside on its file system, and is "), "{error}");
            assert!(error.to_string().contains("/elsewhere now"), "{error}");
        }
        assert_eq!(ledger.head(), head);
        drop(ledger);
        assert!(Command::new("umount").arg(&inside).status().unwrap().success());
    }
}

fn begun(state: &Path) -> (Ledger, Head) {
    let mut ledger = Ledger::open(&state.join(FILE)).unwrap();
    let head = ledger.commit(at(0), &[entry(0), entry(1)]).unwrap().head();
    (ledger, head)
}

fn entry(run: u32) -> Entry {
    Entry::Stopped { run: RunId(run) }
}

const FILE: &str = "ledger.sqlite";
const CHILD: &str = "TEST_LEDGER_MOVED";
