//! The log of a whole process: where it goes, what a panic leaves, what a reload changes.

use std::fs;
use std::process::{Command, Stdio};

use crate::probe;

const SECRET: &str = "correct horse battery staple";

#[test]
fn standard_error_gets_lines_and_panics_without_the_secret() {
    let text = probe::run(probe::command("log").env("PROBE_SECRET", SECRET));
    assert_no_secret(&text);
    for part in [
        "panicked at examples/probe.rs:",
        ": before the log, secret=\"[redacted]\"",
        " INFO  first [redacted] price=64000",
        " DEBUG second [redacted] price=[redacted]",
        " ERROR panicked: broke on [redacted] location=examples/probe.rs:",
        "lost 0; a second log: Some(\"a log was started before in this process\")",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(!text.contains("not shown"), "{text}");
}

#[test]
fn a_file_that_is_rotated_gets_lines_before_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tradingbot.log");
    let mut command = probe::command("log");
    let text = probe::run(command.env("PROBE_SECRET", SECRET).env("PROBE_FILE", &path).env("PROBE_JSON", "1"));
    let (old, new) = (fs::read_to_string(path.with_extension("1")).unwrap(), fs::read_to_string(&path).unwrap());
    for text in [&text, &old, &new] {
        assert_no_secret(text);
    }
    let lines = |text: &str| -> Vec<serde_json::Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(lines(&old)[0]["message"], "first [redacted]");
    assert_eq!(lines(&new).len(), 2);
    assert_eq!(lines(&new)[1]["message"], "panicked: broke on [redacted]");
    assert!(lines(&new)[1]["fields"]["location"].as_str().unwrap().starts_with("examples/probe.rs:"));
}

#[test]
fn the_journal_gets_fields_under_their_own_names() {
    // The path of the journal's socket is fixed, so this needs a `/run` of its own.
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    command.args(["mount -t tmpfs none /run && exec \"$0\" journal"]).arg(probe::path());
    let output = command.env("PROBE_SECRET", SECRET).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned();
    if text.contains("unshare failed") {
        println!("not tried against a socket: this system lets nobody have a /run of his own");
        return;
    }
    assert!(output.status.success(), "{text}");
    assert_no_secret(&text);
    let lines: Vec<&str> = text.lines().collect();
    for (name, value) in [
        ("MESSAGE", "refused [redacted] symbol=BTCUSDT price=[redacted]"),
        ("MESSAGE_ID", tradingbot::log::message::ORDER_REFUSED.id),
        ("PRIORITY", "4"),
        ("SYMBOL", "BTCUSDT"),
        ("PRICE", "[redacted]"),
        ("ORDER_ID", "tb-1"),
        ("SYSLOG_IDENTIFIER", "tradingbot"),
        ("CODE_FILE", "examples/probe.rs"),
        ("API_KEY", "[redacted]"),
        ("TEXT", "[redacted]"),
    ] {
        let line = format!("{name}={value}");
        assert!(lines.contains(&line.as_str()), "{line} is missing in\n{text}");
    }
    assert!(text.contains("panicked: broke on [redacted]"), "{text}");
    assert!(text.contains(tradingbot::log::message::PANICKED.id), "{text}");
}

fn assert_no_secret(text: &str) {
    for word in SECRET.split(' ') {
        assert!(!text.contains(word), "{word} is in\n{text}");
    }
}
