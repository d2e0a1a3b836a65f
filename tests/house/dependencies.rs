//! What `docs/dependencies.md` says of each crate is so: it is asked for, and works in the files that are named.

use std::collections::BTreeSet;

use toml::de::DeTable;

use super::tree::{code, files, read, root};

/// What the bot was asked for with.
const CARD: [&str; 16] = [
    "governor",
    "hmac",
    "hyper",
    "hyper-util",
    "landlock",
    "libsystemd",
    "listenfd",
    "reqwest",
    "rustls",
    "sd-notify",
    "secrecy",
    "serde",
    "sha2",
    "tokio",
    "toml",
    "tracing-journald",
];

#[test]
fn every_crate_has_its_row_and_every_row_its_crate() {
    let rows = rows(&read(PAGE));
    let named = |part: &dyn Fn(&Row) -> bool| -> BTreeSet<String> {
        rows.iter().filter(|row| part(row)).map(|row| row.name.clone()).collect()
    };
    for (table, in_tests) in [("dependencies", false), ("dev-dependencies", true)] {
        let mut asked = asked_for(table);
        if in_tests {
            // What one crate ships and another only tests with is explained once.
            asked = &asked - &asked_for("dependencies");
        }
        let told = named(&|row| !row.waits && (row.part == TESTS) == in_tests);
        assert_eq!(asked.difference(&told).collect::<Vec<_>>(), [""; 0], "in [{table}] and without a row in {PAGE}");
        assert_eq!(told.difference(&asked).collect::<Vec<_>>(), [""; 0], "in {PAGE} and not in [{table}]");
        let waits = named(&|row| row.waits);
        assert_eq!(asked.intersection(&waits).collect::<Vec<_>>(), [""; 0], "said to wait, and in [{table}]");
    }
    assert_eq!(named(&|_| true).len(), rows.len(), "a crate stands in two rows");
}

#[test]
fn every_crate_of_the_card_is_in_use_or_waits_for_something() {
    let rows = rows(&read(PAGE));
    let of_the_card: BTreeSet<&str> =
        rows.iter().filter(|row| row.part == "The card").map(|row| row.name.as_str()).collect();
    assert_eq!(of_the_card, BTreeSet::from(CARD));
}

#[test]
fn every_crate_works_in_the_files_that_are_named() {
    let mut wrong = Vec::new();
    for row in rows(&read(PAGE)) {
        if row.cells.iter().any(|cell| cell.is_empty()) {
            wrong.push(format!("{}: a cell is empty", row.name));
        }
        if row.waits {
            continue;
        }
        if row.files.is_empty() {
            wrong.push(format!("{}: no file is named", row.name));
        }
        for file in &row.files {
            if !root().join(file).is_file() {
                wrong.push(format!("{}: there is no {file}", row.name));
            } else if !uses(&code(&read(file)), &row.name) {
                wrong.push(format!("{}: {file} does not use it", row.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{PAGE}: {wrong:#?}");
}

/// One crate on the page.
struct Row {
    part: String,
    name: String,
    waits: bool,
    files: Vec<String>,
    cells: Vec<String>,
}

/// The rows of all tables: what it is called, and in the third of six columns where it works; of two columns, one that waits.
fn rows(page: &str) -> Vec<Row> {
    let (mut part, mut rows) = (String::new(), Vec::new());
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.clone_into(&mut part);
        }
        let Some(row) = line.strip_prefix("| `").and_then(|row| row.strip_suffix(" |")) else { continue };
        let cells: Vec<String> = row.split(" | ").map(|cell| cell.trim().to_owned()).collect();
        let name = cells[0].trim_matches('`').to_owned();
        let waits = cells.len() == 2;
        assert!(waits || cells.len() == 6, "{name} has {} columns", cells.len());
        let quoted = |cell: &String| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let files = if waits { Vec::new() } else { quoted(&cells[2]) };
        rows.push(Row { part: part.clone(), name, waits, files, cells });
    }
    rows
}

/// What the manifests of all our crates ask for in a table, but for each other.
fn asked_for(table: &str) -> BTreeSet<String> {
    let manifests = files("crates").into_iter().filter(|file| file.ends_with("/Cargo.toml"));
    let all = manifests.chain(["Cargo.toml".to_owned()]).flat_map(|manifest| {
        let text = read(&manifest);
        let manifest = DeTable::parse(&text).unwrap();
        let asked = manifest.get_ref().get(table).and_then(|table| table.get_ref().as_table());
        asked.map(|table| table.keys().map(|name| name.get_ref().to_string()).collect::<Vec<_>>()).unwrap_or_default()
    });
    all.filter(|name| !name.starts_with("tradingbot-")).collect()
}

#[test]
fn every_version_stands_in_one_place_and_somebody_asks_for_it() {
    let text = read("Cargo.toml");
    let root = DeTable::parse(&text).unwrap();
    let versions = root.get_ref()["workspace"].get_ref()["dependencies"].get_ref().as_table().unwrap();
    let here: BTreeSet<String> = versions
        .keys()
        .map(|name| name.get_ref().to_string())
        .filter(|name| !name.starts_with("tradingbot-"))
        .collect();
    assert_eq!(here, &asked_for("dependencies") | &asked_for("dev-dependencies"));
}

/// Whether the code names anything of a crate.
fn uses(code: &str, name: &str) -> bool {
    let path = format!("{}::", name.replace('-', "_"));
    code.match_indices(&path).any(|(at, _)| {
        // Part of a longer name, or of a path in another crate: `other_name::`, `tokio::name::`.
        !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

const PAGE: &str = "docs/dependencies.md";
/// The heading over what only tests use.
const TESTS: &str = "In tests alone";

#[test]
fn a_name_counts_as_a_whole_and_at_the_root_of_a_path() {
    assert!(uses("use sd_notify::NotifyState;", "sd-notify"));
    assert!(uses("#[derive(clap::Args)]", "clap"));
    assert!(!uses("use clap_complete::Shell; use x::clap::y; fn clap() {}", "clap"));
    assert!(!uses(&code("// hmac::Mac\nlet text = \"hmac::\";"), "hmac"));
}

#[test]
fn rows_are_read_with_their_part_and_their_files() {
    let page =
        "## A\n| crate | x |\n| --- | --- |\n| `one` | does | `a.rs`, `b.rs` | w | r | k |\n## B\n| `two` | later |\n";
    let rows = rows(page);
    assert_eq!((rows[0].part.as_str(), rows[0].name.as_str(), rows[0].waits), ("A", "one", false));
    assert_eq!(rows[0].files, ["a.rs", "b.rs"]);
    assert_eq!((rows[1].part.as_str(), rows[1].name.as_str(), rows[1].waits), ("B", "two", true));
}
