//! Nothing in the tree or in the program looks like a key, token or password of anybody.

use std::fs;
use std::path::{Path, PathBuf};

use tradingbot::redact::{Hex, find_secrets};

/// Files with numbers that look like keys and are none, and why they are there. Each must be needed.
const HASHES: &[(&str, &str)] = &[
    ("Cargo.lock", "checksums of packages"),
    ("src/ledger/chain.rs", "the hash of an entry that the documentation describes"),
    ("crates/host/src/log/message.rs", "numbers of kinds of records, drawn for this purpose"),
    ("tests/support/schema_1.rs", "the head of a ledger"),
    ("tests/golden/ledger/schema-1/ledger.sqlite", "digest of a configuration"),
    ("tests/golden/journal/inputs-00000001-000.jsonl", "the hash of a configuration"),
];

#[test]
fn no_file_holds_anything_that_looks_like_a_secret() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut files, mut bytes, mut found, mut used) = (0, 0, Vec::new(), Vec::new());
    for path in files_below(root) {
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let text = fs::read(&path).unwrap();
        files += 1;
        bytes += text.len();
        let findings = suspicious(&text, &name, Hex::Suspect);
        match HASHES.iter().find(|(hashes, _)| *hashes == name) {
            Some(_) if findings.iter().all(|finding| finding.ends_with("in hexadecimal")) => {
                used.extend((!findings.is_empty()).then_some(name));
            }
            _ => found.extend(findings),
        }
    }
    println!("looked at {files} files, {bytes} bytes");
    assert!(files > 100, "only {files} files were found");
    assert!(
        found.is_empty(),
        "{found:#?}\nmake it at run time, or give the reason for a hash in tests/house/secrets.rs"
    );
    for (name, _) in HASHES {
        assert!(used.iter().any(|used| used == name), "{name} holds no hash any more: take it off the list");
    }
}

#[test]
fn the_program_holds_nothing_that_looks_like_a_secret() {
    let path = Path::new(env!("CARGO_BIN_EXE_tradingbot"));
    let mut program = fs::read(path).unwrap();
    // Texts stand side by side in a program, so the numbers of records would run together with words around them.
    for message in tradingbot::log::message::ALL {
        let places: Vec<usize> = memchr::memmem::find_iter(&program, message.id).collect();
        for at in places {
            program[at..at + message.id.len()].fill(b' ');
        }
    }
    let (mut segments, mut bytes, mut found) = (0, 0, Vec::new());
    for data in data_segments(&program) {
        segments += 1;
        bytes += data.len();
        // Hashes are at home in a program: of the compiler in paths, of SQLite's sources.
        let findings = suspicious(data, "the program", Hex::Plain);
        // Names that run together look random to somebody who looks for single words, and the word before them may be
        // "bearer"; the bot's own tokens have a shape of their own, and keys among names are found below.
        let by_chance =
            |finding: &String| ["a random key", "a bearer token"].iter().any(|what| finding.ends_with(what));
        found.extend(findings.into_iter().filter(|finding| !by_chance(finding)));
        found.extend(glued_keys(data));
    }
    println!("looked at {segments} segments, {bytes} bytes of {}", path.display());
    assert!(segments > 0 && bytes > 100_000, "only {bytes} bytes of data were found");
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_planted_key_would_be_found() {
    let key: String = (0..64_u8).map(|at| char::from(b"aB3xY7kQ"[usize::from(at % 13 % 8)])).collect();
    let among_bytes = [b"\x00\xff\xfe text\n", key.as_bytes(), b"\x00more"].concat();
    assert_eq!(suspicious(&among_bytes, "x", Hex::Plain), ["x:2: 64 characters look like an exchange key"]);
    let words = "configurationsecretpriceorderladder".repeat(5);
    assert_eq!(suspicious(format!("{words}{key}{words}").as_bytes(), "x", Hex::Plain).len(), 0);
    assert!(!glued_keys(format!("{words}{key}{words}").as_bytes()).is_empty());
}

/// Exchange keys that run together with words on both sides, as texts in a program do.
fn glued_keys(data: &[u8]) -> Vec<String> {
    let runs = data.split(|byte| !byte.is_ascii_alphanumeric()).filter(|run| run.len() > KEY_CHARS);
    let windows = runs.flat_map(|run| run.windows(KEY_CHARS)).filter(|window| is_random(window));
    windows.flat_map(|window| suspicious(window, "the program, among words", Hex::Plain)).collect()
}

/// Whether capitals, small letters and digits follow each other as in a random key: 40 changes among 64 characters, and
/// 10 digits. Names that run together, and alphabets, stay within one kind for long, or have hardly a digit.
fn is_random(window: &[u8]) -> bool {
    let kind = |letter: u8| (letter.is_ascii_uppercase(), letter.is_ascii_digit());
    let changes = window.windows(2).filter(|pair| kind(pair[0]) != kind(pair[1])).count();
    let digits = window.iter().filter(|letter| letter.is_ascii_digit()).count();
    changes >= KEY_CHANGES_MIN && digits >= KEY_DIGITS_MIN
}

/// What in `text` looks like a secret, by file and line. What it is stays out of the report: it could be one.
fn suspicious(text: &[u8], name: &str, hex: Hex) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let findings = find_secrets(&text, hex).into_iter();
    findings
        .map(|finding| {
            let line = text[..finding.range.start].matches('\n').count() + 1;
            format!("{name}:{line}: {} characters look like {}", finding.range.len(), finding.what)
        })
        .collect()
}

/// All files of the project: what is built, what git keeps for itself and a developer's own `.env` are not.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if matches!(entry.file_name().to_str(), Some("target" | ".git" | ".env")) {
            continue;
        }
        if kind.is_dir() {
            files.extend(files_below(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    files
}

/// The parts of a program (ELF, 64 bits) that are loaded and hold no code: texts and tables, without names for debuggers.
fn data_segments(program: &[u8]) -> Vec<&[u8]> {
    let number = |at: usize, bytes: usize| {
        program[at..at + bytes].iter().rev().fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
    };
    assert!(program.starts_with(b"\x7fELF\x02\x01"), "not a program for this kind of machine");
    let (table, entry_bytes, entries) = (number(32, 8), number(54, 2), number(56, 2));
    (0..entries)
        .map(|entry| table + entry * entry_bytes)
        .filter(|header| number(*header, 4) == LOADED && number(header + 4, 4) & EXECUTABLE == 0)
        .map(|header| &program[number(header + 8, 8)..][..number(header + 32, 8)])
        .collect()
}

const KEY_CHARS: usize = 64;
/// Fewer changes than in all but one of a hundred random keys.
const KEY_CHANGES_MIN: usize = 30;
/// Fewer digits than in all but one of twenty random keys.
const KEY_DIGITS_MIN: usize = 6;
const LOADED: usize = 1;
const EXECUTABLE: usize = 1;
