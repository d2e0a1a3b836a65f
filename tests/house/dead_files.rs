//! Nothing lies about that nobody needs.

use std::collections::BTreeSet;

use super::tree::{code, files, read, root, rust_files};

/// What stands at the top, folders and files, and nothing else.
const TOP: &[&str] = &[
    ".cargo",
    ".ci",
    ".git",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "benches",
    "clippy.toml",
    "config",
    "crates",
    "debian",
    "deny.toml",
    "docs",
    "examples",
    "nftables",
    "packaging",
    "rustfmt.toml",
    "src",
    "systemd",
    "target",
    "tests",
];

/// Where the compiler begins.
const ROOTS: &[&str] = &[
    "crates/binance/src/lib.rs",
    "crates/core/src/lib.rs",
    "crates/domain/src/lib.rs",
    "crates/host/src/lib.rs",
    "src/lib.rs",
    "src/main.rs",
    "tests/behaviour/main.rs",
    "tests/house/main.rs",
    "tests/process/main.rs",
    "tests/simulation/main.rs",
];

/// Areas of golden files that a test reads whole, and whether each case has its words in a `.txt` beside it.
const READ_WHOLE: &[(&str, &str, bool)] = &[
    ("config", "tests/behaviour/config.rs", true),
    ("hostile", "tests/behaviour/hostile.rs", false),
    ("klines", "tests/behaviour/klines.rs", true),
    ("recordings", "tests/behaviour/book.rs", true),
];

#[test]
fn every_source_file_is_reached_from_a_root() {
    let mut reached = BTreeSet::new();
    for root in ROOTS {
        reach(root, &mut reached);
    }
    let lone: Vec<String> =
        rust_files(&["crates", "src", "tests"]).into_iter().filter(|file| !reached.contains(file)).collect();
    assert!(reached.len() > 200, "only {} files were reached", reached.len());
    assert!(lone.is_empty(), "no `mod` leads to {lone:#?}");
}

#[test]
fn every_golden_file_is_named_by_a_test() {
    let tests: String =
        rust_files(&["tests/behaviour", "tests/process", "tests/support"]).iter().map(|file| read(file)).collect();
    for (area, reader, _) in READ_WHOLE {
        assert!(read(reader).contains(&format!("golden(\"{area}\")")), "{reader} does not read tests/golden/{area}");
    }
    let unread: Vec<String> = files("tests/golden")
        .into_iter()
        .filter(|file| {
            let (area, name) = file["tests/golden/".len()..].split_once('/').unwrap();
            let named = tests.contains(&format!("golden(\"{area}\")")) && tests.contains(name);
            match READ_WHOLE.iter().find(|(read, _, _)| *read == area) {
                Some((_, _, paired)) => *paired && !has_partner(file),
                None => !named,
            }
        })
        .collect();
    assert!(unread.is_empty(), "no test reads {unread:#?}");
}

#[test]
fn nothing_stands_at_the_top_that_is_not_on_the_list() {
    let here: BTreeSet<String> = std::fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        // A private file for secrets is the operator's own, and ignored by git.
        .filter(|name| name != ".env")
        .collect();
    let strange: Vec<_> = here.iter().filter(|name| !TOP.contains(&name.as_str())).collect();
    assert!(strange.is_empty(), "{strange:?}: remove it, or add it to tests/house/dead_files.rs");
    let gone: Vec<_> =
        TOP.iter().filter(|name| !here.contains(**name) && !["target", ".git"].contains(*name)).collect();
    assert!(gone.is_empty(), "{gone:?} are on the list and not there");
}

/// Whether there are both a case and its words.
fn has_partner(file: &str) -> bool {
    let (folder, name) = file.rsplit_once('/').unwrap();
    let stem = name.split('.').next().unwrap();
    let same: Vec<String> =
        files(folder).into_iter().filter(|other| other[folder.len() + 1..].split('.').next() == Some(stem)).collect();
    same.len() > 1 && same.iter().any(|other| other.ends_with(".txt"))
}

/// Follows every `mod` from a file on.
fn reach(file: &str, reached: &mut BTreeSet<String>) {
    if !reached.insert(file.to_owned()) {
        return;
    }
    let text = read(file);
    let (folder, name) = file.rsplit_once('/').unwrap();
    let home = match name {
        "main.rs" | "lib.rs" | "mod.rs" => folder.to_owned(),
        _ => format!("{folder}/{}", name.trim_end_matches(".rs")),
    };
    let code = code(&text);
    for (at, line) in code.lines().enumerate() {
        let Some(module) = line.trim().strip_suffix(';').and_then(|line| line.rsplit_once("mod ")) else { continue };
        if !["", "pub ", "pub(crate) ", "pub(super) "].contains(&module.0) {
            continue;
        }
        let path = text.lines().nth(at.wrapping_sub(1)).and_then(|line| line.trim().strip_prefix("#[path = \""));
        let next = match path.and_then(|path| path.strip_suffix("\"]")) {
            Some(path) => joined(folder, path),
            None => {
                let (flat, deep) = (format!("{home}/{}.rs", module.1), format!("{home}/{}/mod.rs", module.1));
                if root().join(&flat).exists() { flat } else { deep }
            }
        };
        reach(&next, reached);
    }
}

fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn every_message_of_the_catalogue_is_said_somewhere() {
    let table = read("crates/host/src/log/message.rs");
    let names = table.lines().filter_map(|line| line.trim().split_once(" = \"")).map(|(name, _)| name);
    let names = names.filter(|name| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'));
    let said: Vec<String> = rust_files(&["crates", "src"]).iter().map(|file| code(&read(file))).collect();
    let mut known = 0;
    for name in names {
        let said_as = format!("message::{name}.id");
        assert!(said.iter().any(|code| code.contains(&said_as)), "{name} is explained, but no record carries it");
        known += 1;
    }
    assert_eq!(known, tradingbot::log::message::ALL.len());
}

#[test]
fn every_record_says_of_which_kind_it_is() {
    let mut bare = Vec::new();
    let mut records = 0;
    for file in rust_files(&["crates", "src"]) {
        let code = code(&read(&file));
        let product = code.split("#[cfg(test)]").next().unwrap();
        for (at, call) in LEVELS.iter().flat_map(|level| product.match_indices(level)) {
            let arguments = &product[at + call.len()..];
            let mut depth = 1_u32;
            let end = arguments.find(|c| {
                depth = depth + u32::from(c == '(') - u32::from(c == ')');
                depth == 0
            });
            records += 1;
            if !arguments[..end.unwrap()].contains("message_id") {
                bare.push(format!("{file}:{}", product[..at].lines().count()));
            }
        }
    }
    assert!(records > 40, "only {records} records were found");
    assert!(bare.is_empty(), "records without a message_id, which `journalctl -x` cannot explain: {bare:#?}");
}

/// How a record begins.
const LEVELS: [&str; 4] = ["error!(", "warn!(", "info!(", "debug!("];
