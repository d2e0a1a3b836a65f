//! Every arrow points down: who may name whom, read from every path in the sources, tests and comments included.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::sources::{root, sources};

/// Each module and those it may name; the drawing in `ARCHITECTURE.md` in words. Whoever is not here may name nobody.
const ARROWS: &[(&str, &[&str])] = &[
    // LANGUAGE
    ("domain", &[]),
    // CORE
    ("market", &["domain"]),
    ("strategy", &["domain"]),
    ("risk", &["domain"]),
    ("sim", &["domain", "market"]),
    ("engine", &["domain", "market", "risk", "strategy"]),
    // PROTOCOL
    ("wire", &["domain"]),
    // BASE
    ("clock", &["domain"]),
    ("secrets", &[]),
    ("config", &["domain", "secrets"]),
    ("log", &["clock", "config", "domain", "secrets"]),
    ("sandbox", &["config"]),
    ("systemd", &["domain", "log", "secrets"]),
    // SHELLS
    ("store", &["domain", "wire"]),
    ("ledger", &["domain"]),
    ("api", &["clock", "config", "domain"]),
    // APPS
    ("backtest", &["domain", "engine", "sim"]),
    (
        "daemon",
        &[
            "api", "clock", "config", "domain", "engine", "ledger", "log", "market", "risk", "sandbox", "secrets",
            "sim", "store", "systemd",
        ],
    ),
    (
        "cli",
        &[
            "api", "backtest", "clock", "config", "daemon", "domain", "ledger", "log", "market", "secrets", "store",
            "strategy", "systemd", "wire",
        ],
    ),
];

#[test]
fn every_arrow_points_down() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for path in sources() {
        let module = module_of(&path);
        if module == "lib" || module == "main" {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (line, named) in named(&text) {
            let down =
                named == module || allowed.get(module.as_str()).is_some_and(|names| names.contains(&named.as_str()));
            if !down {
                wrong.push(format!("{}:{line}: {module} names {named}", path.strip_prefix(root()).unwrap().display()));
            }
            seen.insert((module.clone(), named));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (module, names) in ARROWS {
        for name in *names {
            let used = seen.contains(&((*module).to_owned(), (*name).to_owned()));
            assert!(used, "{module} does not name {name} any more: take the arrow off the list");
        }
    }
    println!("{} arrows, all pointing down", seen.iter().filter(|(from, to)| from != to).count());
}

#[test]
fn an_arrow_that_points_up_would_be_seen() {
    let text = "use crate::domain::Price;\nuse crate::{\n    engine::{Engine, Setup},\n    risk::Gate,\n};\nfn f() { crate::api::x() }\n";
    let found: Vec<(usize, String)> = named(text);
    let expected = [(1, "domain"), (2, "engine"), (2, "risk"), (6, "api")].map(|(line, name)| (line, name.to_owned()));
    assert_eq!(found, expected);
}

/// The modules of the crate that `text` names, each with its line.
fn named(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        if text[..at].ends_with(['$', ':']) || text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let line = text[..at].matches('\n').count() + 1;
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            found.extend(members(group).into_iter().map(|name| (line, name)));
        } else {
            found.push((line, name(rest)));
        }
    }
    found.retain(|(_, name)| name.starts_with(|c: char| c.is_ascii_lowercase()));
    found
}

/// The first words of the members of `{a::{b, c}, d}`.
fn members(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut members) = (0_usize, true, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            letter if start && !letter.is_whitespace() => {
                members.push(name(&group[at..]));
                start = false;
            }
            _ => {}
        }
    }
    members
}

fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn module_of(path: &Path) -> String {
    let inside: PathBuf = path.strip_prefix(root().join("src")).unwrap().into();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}
