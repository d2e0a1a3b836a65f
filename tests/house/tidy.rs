//! Every file begins by saying what it is, ends before it is too long, and leaves nothing for later.

use super::tree::{code, files, read, rust_files};

/// Files longer than that hold two nouns, as a rule.
const LINES_MAX: usize = 500;

/// Longer files, and why.
const LONG: &[(&str, &str)] = &[
    ("tests/behaviour/ledger.rs", "one table of everything that can be done to a ledger behind its back"),
    ("tests/behaviour/api.rs", "one row for each endpoint and each way to be refused"),
];

#[test]
fn every_module_opens_with_one_sentence_about_itself() {
    let bare: Vec<String> = rust_files(&["crates", "src", "tests", "benches", "examples"])
        .into_iter()
        .filter(|file| {
            let text = read(file);
            let first = text.lines().next().unwrap_or_default();
            !first.strip_prefix("//! ").is_some_and(|sentence| sentence.starts_with(|c: char| !c.is_lowercase()))
        })
        .collect();
    assert!(bare.is_empty(), "no `//!` sentence at the top of {bare:#?}");
}

#[test]
fn no_file_is_long_without_a_reason() {
    let long: Vec<String> = rust_files(&["crates", "src", "tests", "benches", "examples"])
        .into_iter()
        .filter(|file| read(file).lines().count() > LINES_MAX)
        .collect();
    let unexplained: Vec<_> = long.iter().filter(|file| LONG.iter().all(|(known, _)| known != file)).collect();
    assert!(unexplained.is_empty(), "over {LINES_MAX} lines: {unexplained:#?}");
    for (file, _) in LONG {
        assert!(long.iter().any(|long| long == file), "{file} is not long any more: take it off the list");
    }
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, or this file would hold them.
    let words = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"], ["HA", "CK"]].map(|parts| parts.concat());
    let calls = [["to", "do!("], ["unimple", "mented!("], ["db", "g!("]].map(|parts| parts.concat());
    let mut found = Vec::new();
    for file in files("").into_iter().filter(|file| is_text(file)) {
        for (at, line) in read(&file).lines().enumerate() {
            let mut parts = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            if parts.any(|part| words.iter().any(|word| word == part)) {
                found.push(format!("{file}:{}: {}", at + 1, line.trim()));
            }
        }
    }
    for file in rust_files(&["crates", "src", "tests", "benches", "examples"]) {
        for (at, line) in code(&read(&file)).lines().enumerate() {
            let skipped = line.trim_start().starts_with("#[ignore");
            if skipped || calls.iter().any(|call| line.contains(call.as_str())) {
                found.push(format!("{file}:{}: {}", at + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Whether a file is written by us, and not a list made by a tool or a golden file full of mistakes.
fn is_text(file: &str) -> bool {
    let kinds = [".rs", ".md", ".toml", ".service", ".socket", ".sh", "/run", "/rules", "/control", ".nft", ".yml"];
    kinds.iter().any(|kind| file.ends_with(kind)) && !file.starts_with("tests/golden/")
}
