//! Whose the state folder is, and what in it may be used: nothing that somebody else could have put there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::daemon::program;

/// A state folder in which a bot has run.
fn used() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let (code, log) = paper(&state);
    assert_eq!(code, Some(0), "{log}");
    (folder, state)
}

fn paper(state: &Path) -> (Option<i32>, String) {
    ended(program().args(["paper", "--speed", "max", "--for", "50ms", "--state"]).arg(state))
}

fn check(state: &Path) -> (Option<i32>, String) {
    let config = state.with_file_name("bot.toml");
    let shipped = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/tradingbot.toml")).unwrap();
    let text = shipped.replace("start = \"halted\"\n", &format!("start = \"halted\"\nstate = {state:?}\n"));
    assert_ne!(text, shipped);
    fs::write(&config, text).unwrap();
    ended(program().arg("check-config").arg(&config))
}

/// How a command ended, which it must within seconds, and what it complained of.
fn ended(command: &mut Command) -> (Option<i32>, String) {
    let mut within = Command::new("timeout");
    within.arg("20").arg(command.get_program()).args(command.get_args());
    let output = within.stdin(Stdio::null()).output().unwrap();
    assert_ne!(output.status.code(), Some(124), "it waits: {command:?}");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_state_folder_in_which_others_may_put_files_is_refused() {
    let (_folder, state) = used();
    assert_eq!(check(&state), (Some(0), String::new()));
    for mode in [0o1777, 0o777, 0o770, 0o1770] {
        chmod(&state, mode);
        for (code, log) in [paper(&state), check(&state)] {
            assert_ne!(code, Some(0), "{mode:o}: {log}");
            let said = format!("has mode {mode:04o}, so that others can get at it; run `chmod 700 ");
            assert!(log.contains(&said), "{log}");
        }
    }
    chmod(&state, 0o700);
    assert_eq!(paper(&state).0, Some(0));
}

#[test]
fn a_shared_temporary_folder_is_no_state_folder() {
    let shared = tempfile::tempdir().unwrap();
    let state = shared.path().join("tmp");
    fs::create_dir(&state).unwrap();
    chmod(&state, 0o1777);
    for (code, log) in [paper(&state), check(&state)] {
        assert!(code != Some(0) && log.contains("has mode 1777"), "{log}");
    }
    assert_eq!(fs::read_dir(&state).unwrap().count(), 0, "nothing is left in it");
}

#[test]
fn a_folder_or_file_of_somebody_else_is_refused() {
    if !rustix::process::geteuid().is_root() {
        // What is not root's can only be shown by root; the folder that root owns is shown to anybody.
        let (code, log) = paper(Path::new("/usr"));
        assert!(code == Some(74) && log.contains("belongs to user 0"), "{log}");
        return;
    }
    for name in [LEDGER, "ledger.sqlite.lock", "ledger.sqlite.reserve", ""] {
        let (_folder, state) = used();
        chown(state.join(name), Some(12_345), None).unwrap();
        let (code, log) = paper(&state);
        assert!(code == Some(74) && log.contains("belongs to user 12345"), "{name}: {log}");
    }
}

#[test]
fn links_in_the_place_of_its_files_are_refused_and_not_followed() {
    for name in [LEDGER, "ledger.sqlite.lock", "ledger.sqlite.reserve"] {
        for hard in [false, true] {
            let (folder, state) = used();
            let (path, victim) = (state.join(name), folder.path().join("victim"));
            fs::rename(&path, &victim).unwrap();
            let before = fs::metadata(&victim).unwrap().len();
            if hard {
                fs::hard_link(&victim, &path).unwrap();
            } else {
                symlink(&victim, &path).unwrap();
            }
            let (code, log) = paper(&state);
            assert_eq!(code, Some(74), "{name}, hard {hard}: {log}");
            assert!(log.contains(if hard { "2 names (hard links)" } else { "is not a " }), "{name}: {log}");
            assert_eq!(check(&state).0, Some(1), "{name}, hard {hard}");
            assert_eq!(fs::metadata(&victim).unwrap().len(), before);
        }
    }
}

#[test]
fn a_planted_file_of_tokens_opens_nothing() {
    let (_folder, state) = used();
    let new = ["token", "new", "--name", "planted", "--scope", "admin", "--state"];
    assert_eq!(ended(program().args(new).arg(&state)).0, Some(0));
    fs::hard_link(state.join("tokens.json"), state.join("other")).unwrap();
    let (code, log) = ended(program().args(["token", "list", "--state"]).arg(&state));
    assert!(code == Some(8) && log.contains("2 names (hard links)"), "{log}");
    assert_eq!(check(&state).0, Some(1));
}

#[test]
fn pipes_are_refused_at_once_and_not_waited_for() {
    let (_folder, state) = used();
    let pipe = state.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for arguments in [
        &["ledger", "verify"][..],
        &["ledger", "verify", "--ledger"],
        &["ledger", "show", "--ledger"],
        &["ledger", "export", "--format", "csv", "--ledger"],
        &["ledger", "export", "--format", "jsonl"],
    ] {
        let (code, log) = ended(program().args(arguments).arg(&pipe));
        assert!(code == Some(74) && log.contains("it is not a file"), "{arguments:?}: {log}");
    }
    for name in ["ledger.sqlite-wal", LEDGER, "inputs-"] {
        let (_folder, state) = used();
        let all = fs::read_dir(&state).unwrap().map(|found| found.unwrap().path());
        let first = all.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(name)).min();
        let path = first.filter(|_| name == "inputs-").unwrap_or(state.join(name));
        let _ = fs::remove_file(&path);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let (code, log) = ended(program().args(["replay", "--state"]).arg(&state));
        assert!(code != Some(0) && log.contains("it is not a file"), "{name}: {log}");
        assert!(name == "inputs-" || paper(&state).0 == Some(74), "{name}");
    }
}

const LEDGER: &str = "ledger.sqlite";
