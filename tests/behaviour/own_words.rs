//! The redactor leaves the program's own words alone: catalogue, help, manual, documents, records and exports.

use std::fs;
use std::path::Path;
use std::process::Command;

use tradingbot::log::{LogFormat, LogLevel, LogSettings, OrderDetails, Rules};

fn rules() -> Rules {
    let order_details = OrderDetails::Full;
    Rules::new(&LogSettings { format: LogFormat::Plain, level: LogLevel::Trace, order_details, file: None })
}

fn said(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
    let output = command.args(arguments).env_clear().current_dir("/").output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Lines of `text` that the redactor changes.
fn eaten(rules: &Rules, place: &str, text: &str, found: &mut Vec<String>) -> usize {
    let own = |line: &&str| rules.text(line) != *line;
    found.extend(text.lines().filter(own).map(|line| format!("{place}: {line} => {}", rules.text(line))));
    text.lines().count()
}

/// The string literals of the program: what messages, errors and help are made of. Those of tests are left out.
fn literals() -> Vec<(String, String)> {
    let mut files = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut found = Vec::new();
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for line in code.replace("\\\n", "").lines().filter(|line| !line.trim_start().starts_with("//")) {
            // An escaped quote ends no literal.
            for literal in line.replace("\\\"", "\u{1}").split('"').skip(1).step_by(2) {
                let words = literal.split_whitespace().collect::<Vec<_>>().join(" ").replace('\u{1}', "\"");
                found.push((path.display().to_string(), words));
            }
        }
    }
    found
}

#[test]
fn catalogue_help_manual_and_every_message_pass_unchanged() {
    let (rules, mut found, mut lines) = (rules(), Vec::new(), 0);
    lines += eaten(&rules, "catalogue", &said(&["catalogue"]), &mut found);
    lines += eaten(&rules, "reference", &said(&["check-config", "--reference"]), &mut found);
    let folder = tempfile::tempdir().unwrap();
    said(&["man", "--out", folder.path().to_str().unwrap()]);
    for page in fs::read_dir(folder.path()).unwrap() {
        let page = page.unwrap().path();
        let text = fs::read_to_string(&page).unwrap().replace("\\-", "-").replace("\\fI", "").replace("\\fR", "");
        lines += eaten(&rules, &page.display().to_string(), &text.replace("\\fB", ""), &mut found);
        let name = page.file_stem().unwrap().to_str().unwrap().replacen("tradingbot", "", 1);
        let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
        lines += eaten(&rules, &name, &said(&[&words[..], &["--help"]].concat()), &mut found);
    }
    for (place, literal) in literals() {
        lines += eaten(&rules, &place, &literal, &mut found);
    }
    assert!(lines > 4_000, "only {lines} lines were shown");
    assert!(found.is_empty(), "{} of {lines} lines:\n{}", found.len(), found.join("\n"));
}

#[test]
fn records_entries_and_hashes_of_a_run_pass_unchanged() {
    let (rules, mut found) = (rules(), Vec::new());
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_str().unwrap();
    let ledger = format!("{state}/ledger.sqlite");
    let log = said(&["paper", "--for", "3s", "--state", state]);
    assert!(log.contains("ledger head") && !log.contains("[redacted]"), "{log}");
    let mut lines = eaten(&rules, "log", &log, &mut found);
    for arguments in [
        &["ledger", "show", "--ledger", &ledger][..],
        &["ledger", "show", "--json", "--ledger", &ledger],
        &["ledger", "export", "--format", "jsonl", "--ledger", &ledger],
        &["ledger", "verify", "--ledger", &ledger],
        &["check-config", "/nowhere.toml"],
        &["status", "--bot", "none"],
        &["doctor"],
    ] {
        lines += eaten(&rules, &arguments.join(" "), &said(arguments), &mut found);
    }
    for file in fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|end| end == "jsonl") {
            lines += eaten(&rules, "inputs", &fs::read_to_string(&file).unwrap(), &mut found);
        }
    }
    assert!(lines > 100, "only {lines} lines were shown");
    assert!(found.is_empty(), "{} of {lines} lines:\n{}", found.len(), found.join("\n"));
}
