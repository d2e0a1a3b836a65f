//! A bot that is started on a ledger of a time that has yet to come says so, and leaves it as it was.

use std::path::Path;
use std::process::Command;

use tradingbot::domain::{Asset, Entry, Notional, RunId, Span};
use tradingbot::ledger::{Head, Ledger, Reader};

/// A ledger of a run that began and stopped, `ahead` of the clock.
fn filled(state: &Path, ahead: Span) {
    let mut ledger = Ledger::open(&state.join("ledger.sqlite")).unwrap();
    let at = tradingbot::clock::now().plus(ahead);
    let (asset, amount): (Asset, Notional) = ("USDT".parse().unwrap(), "10000".parse().unwrap());
    let entries = [
        Entry::Started { run: RunId(1), tag: None, version: "0.1.0".to_owned(), config: String::new() },
        Entry::Deposited { asset, amount },
        Entry::Stopped { run: RunId(1) },
    ];
    let _durable = ledger.commit(at, &entries).unwrap();
}

fn paper(state: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
    let output = command.args(["paper", "--for", "1s", "--state"]).arg(state).args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn head(state: &Path) -> Head {
    Reader::open(&state.join("ledger.sqlite")).unwrap().head().unwrap()
}

#[test]
fn a_ledger_ahead_of_the_clock_is_refused_until_that_time_has_come() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path();
    filled(state, Span::from_secs(10_805));
    let before = head(state);
    let (code, log) = paper(state, &[]);
    assert_eq!(code, Some(74), "{log}");
    assert!(
        log.contains("the ledger's last entry is of ") && log.contains(" ahead of the clock; mend the clock"),
        "{log}"
    );
    assert!(log.contains(", 3h ahead") || log.contains(", 2h59m"), "{log}");
    assert_eq!(head(state), before);
    // A market that goes by faster than the clock is ahead of it anyway, and goes on where it was left.
    let (code, log) = paper(state, &["--speed", "max"]);
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("filled"), "{log}");
}

#[test]
fn a_clock_that_was_put_right_by_little_is_no_reason_not_to_start() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), Span::from_secs(3));
    let (code, log) = paper(folder.path(), &[]);
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn a_recording_of_a_time_before_the_ledger_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    filled(&state, Span::ZERO);
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/recordings/crossed.jsonl");
    let (code, log) = paper(&state, &["--recording", recording.to_str().unwrap()]);
    assert_eq!(code, Some(74), "{log}");
    assert!(log.contains(" ahead of the recording's first event; give each recording"), "{log}");
}
