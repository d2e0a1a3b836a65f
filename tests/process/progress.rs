//! The line that says how far a recording has been played, on a terminal of its own.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// A line of trades every 10 ms, `seconds` long.
fn trades(start_second: u64, seconds: u64) -> String {
    let mut text = String::new();
    for trade in 0..seconds * 100 {
        let millis = 1_723_161_254_000 + start_second * 1_000 + trade * 10;
        let id = start_second * 100 + trade + 1;
        let _ = writeln!(
            text,
            r#"{millis} {{"e":"trade","E":{millis},"s":"BTCUSDT","t":{id},"p":"61837.63","q":"0.02","T":{millis},"m":true,"M":true}}"#
        );
    }
    text
}

/// What a terminal of `columns` gets to see of a run, while `meanwhile` is done to its process, and the exit code.
fn on_terminal(folder: &Path, columns: u32, files: &[&Path], speed: &str, meanwhile: &str) -> (String, Option<i32>) {
    let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    let program = format!(
        "stty cols {columns}; ({meanwhile}) & exec {} paper --recording {} --speed {speed} --state {}",
        env!("CARGO_BIN_EXE_tradingbot"),
        files.join(" "),
        folder.join("state").display(),
    );
    let mut command = Command::new("script");
    command.args(["-qefc", &program, "/dev/null"]).env("TERM", "xterm").env("SHELL", "/bin/sh");
    let output = command.stdin(Stdio::null()).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

/// What stood on each line of the terminal at one time or another.
fn drawn(seen: &str) -> Vec<&str> {
    seen.split("\r\n").flat_map(|line| line.split("\r\x1b[K")).filter(|text| !text.is_empty()).collect()
}

#[test]
fn a_long_run_says_how_far_it_is_and_no_line_of_the_log_sticks_to_that() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("one.jsonl"), folder.path().join("other.jsonl"));
    fs::write(&one, trades(0, 10)).unwrap();
    fs::write(&other, trades(10, 10)).unwrap();
    let (seen, code) = on_terminal(folder.path(), 60, &[&one, &other], "5x", "sleep 2; kill -HUP $$");
    assert_eq!(code, Some(0), "{seen}");
    let drawn = drawn(&seen);
    let bars: Vec<&str> = drawn.iter().copied().filter(|text| text.starts_with('[')).collect();
    let shares: Vec<u32> = bars.iter().map(|bar| bar[22..bar.find('%').unwrap()].trim().parse().unwrap()).collect();
    assert!(shares.len() >= 4 && shares.is_sorted(), "{shares:?}");
    assert!(shares.iter().any(|share| (1..50).contains(share)), "the first file is half of it: {shares:?}");
    assert!(shares.iter().any(|share| (51..=100).contains(share)), "{shares:?}");
    assert!(bars.iter().all(|bar| bar.len() < 60), "{bars:?}");
    assert!(bars.iter().any(|bar| bar.contains(" left  ") && bar.contains(" events/s")), "{bars:?}");
    let reload = drawn.iter().position(|text| text.contains("asked to reload")).unwrap();
    assert!(
        drawn.iter().all(|text| !text.contains('%') || text.starts_with('[') || text.contains("drawdown")),
        "{seen}"
    );
    assert!(drawn[reload + 1].starts_with('['), "it is drawn again below the line of the log: {seen}");
    assert!(seen.contains("\r\x1b[K") && !seen.contains("\x1b[?25l"), "{seen}");
}

#[test]
fn nothing_of_it_is_left_when_a_run_is_stopped_or_fails() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file.jsonl");
    fs::write(&file, trades(0, 15)).unwrap();
    let (seen, code) = on_terminal(folder.path(), 200, &[&file], "1x", "sleep 2; kill -INT $$");
    assert_eq!(code, Some(0), "{seen}");
    assert_cleared(&seen, "stopping");
    assert!(drawn(&seen).iter().any(|text| text.starts_with('[') && text.contains("equity")), "{seen}");

    fs::write(&file, trades(0, 10) + "garbage\n").unwrap();
    fs::remove_dir_all(folder.path().join("state")).unwrap();
    let (seen, code) = on_terminal(folder.path(), 80, &[&file], "10x", ":");
    assert_eq!(code, Some(65), "{seen}");
    assert_cleared(&seen, "error: ");
}

#[test]
fn a_pipe_is_refused_at_once_whether_somebody_writes_to_it_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let (file, pipe) = (folder.path().join("file.jsonl"), folder.path().join("pipe.jsonl"));
    fs::write(&file, trades(0, 10)).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for meanwhile in [":".to_owned(), format!("timeout 2 cat {} > {}", file.display(), pipe.display())] {
        let (seen, code) = on_terminal(folder.path(), 80, &[&pipe], "10x", &meanwhile);
        assert_eq!(code, Some(65), "{seen}");
        assert!(
            seen.contains("pipe.jsonl cannot be opened: it is a pipe, which may never end; write what comes out"),
            "{seen}"
        );
    }
}

/// After the last bar the line was cleared, before anything with `word` was written.
fn assert_cleared(seen: &str, word: &str) {
    let bar = seen.rfind("events/s").unwrap();
    let after = &seen[bar..];
    let cleared = after.find("\r\x1b[K").unwrap();
    assert!(after.find(word).unwrap() > cleared, "{seen}");
    assert!(!after[..cleared].contains('\n'), "{seen}");
}
