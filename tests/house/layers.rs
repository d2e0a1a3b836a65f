//! Who may name whom, and what the core may not even know of.

use std::collections::BTreeSet;

use toml::de::DeTable;

use super::tree::{self, code, read, rust_files};

/// The crates, and all of ours that each may depend on. The compiler keeps the rest out of it.
const CRATES: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("core", &["domain"]),
    ("binance", &["domain"]),
    ("host", &["domain"]),
    ("tradingbot", &["binance", "core", "domain", "host"]),
];

/// One table for what is inside the crates: each module, and all that it names. What is not said is forbidden.
const MAY_NAME: &[(&str, &[&str])] = &[
    // LANGUAGE
    ("domain", &[]),
    // CORE
    ("market", &["domain"]),
    ("strategy", &["domain"]),
    ("risk", &["domain"]),
    ("sim", &["domain", "market"]),
    ("engine", &["domain", "market", "risk", "strategy"]),
    // PROTOCOL
    ("binance", &["domain"]),
    // BASE
    ("clock", &["domain"]),
    ("secrets", &[]),
    ("redact", &["domain"]),
    ("log", &["clock", "domain", "redact"]),
    ("private", &[]),
    ("random", &[]),
    ("sandbox", &[]),
    ("systemd", &["domain"]),
    // What is set up
    ("config", &["domain", "log", "redact", "sandbox", "strategy"]),
    // SHELLS
    ("store", &["binance", "domain"]),
    ("ledger", &["clock", "domain", "private", "random"]),
    ("api", &["clock", "config", "domain", "log", "redact"]),
    // APPS
    ("backtest", &["domain", "engine", "sim", "strategy"]),
    (
        "daemon",
        &[
            "api", "clock", "config", "domain", "engine", "ledger", "log", "market", "private", "random", "redact",
            "risk", "sandbox", "secrets", "sim", "store", "systemd",
        ],
    ),
    (
        "cli",
        &[
            "api", "backtest", "binance", "clock", "config", "daemon", "domain", "ledger", "log", "market", "sandbox",
            "secrets", "store", "strategy", "systemd",
        ],
    ),
    ("main", &["cli"]),
];

/// The parts that are pure: what happens in them depends on their input alone.
const PURE: &[&str] = &["domain", "market", "strategy", "risk", "sim", "engine"];

/// What nothing pure may name, and what that would bring in.
const IMPURE: &[(&str, &str)] = &[
    ("std::fs", "input and output"),
    ("std::io", "input and output"),
    ("std::net", "input and output"),
    ("std::os", "input and output"),
    ("std::process", "input and output"),
    ("std::env", "the environment"),
    ("std::thread", "threads"),
    ("std::sync", "threads"),
    ("SystemTime", "a clock"),
    ("Instant", "a clock"),
    ("RandomState", "chance"),
    ("async ", "async"),
    (".await", "async"),
    ("tokio", "async"),
    ("tracing", "the log"),
    ("rusqlite", "input and output"),
    ("rustix", "input and output"),
    ("hyper", "input and output"),
    ("reqwest", "input and output"),
];

/// What protocol may not name: it has bytes, and no sockets.
const SOCKETS: &[&str] =
    &["std::net", "std::fs", "std::thread", "tokio", "hyper", "reqwest", "rustix", "async ", ".await"];

#[test]
fn every_crate_depends_on_those_below_it_alone() {
    for (place, (name, allowed)) in CRATES.iter().enumerate() {
        let manifest =
            if *name == "tradingbot" { "Cargo.toml".to_owned() } else { format!("crates/{name}/Cargo.toml") };
        let text = read(&manifest);
        let manifest = DeTable::parse(&text).unwrap();
        let asked = manifest.get_ref().get("dependencies").and_then(|table| table.get_ref().as_table()).unwrap();
        let ours: BTreeSet<&str> = asked.keys().filter_map(|name| name.get_ref().strip_prefix("tradingbot-")).collect();
        assert_eq!(ours, allowed.iter().copied().collect(), "of {name}");
        assert!(allowed.iter().all(|below| CRATES[..place].iter().any(|(under, _)| under == below)), "{name}");
    }
    let here: BTreeSet<String> = std::fs::read_dir(tree::root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(here.len() + 1, CRATES.len(), "say in tests/house/layers.rs what each of {here:?} may depend on");
}

#[test]
fn every_arrow_points_down() {
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    for file in rust_files(&["crates", "src"]) {
        let own = module(&file);
        let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| *name == own) else {
            assert!(own == "lib", "{file}: say in tests/house/layers.rs what `{own}` may name");
            continue;
        };
        for (line, named) in named(&file) {
            seen.insert((own.clone(), named.clone()));
            if named != own && !allowed.contains(&named.as_str()) {
                wrong.push(format!("{file}:{line}: {own} names {named}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\nmove what is shared down, or bring the two together in an app");
    for (own, names) in MAY_NAME {
        for name in *names {
            let used = seen.contains(&((*own).to_owned(), (*name).to_owned()));
            assert!(used, "{own} does not name {name} any more: take it off the list");
        }
    }
}

#[test]
fn the_table_is_an_order() {
    for (place, (name, allowed)) in MAY_NAME.iter().enumerate() {
        for below in *allowed {
            let under = MAY_NAME.iter().position(|(name, _)| name == below);
            assert!(under.is_some_and(|under| under < place), "{name} stands over {below}, which stands over it");
        }
    }
}

#[test]
fn what_is_pure_knows_nothing_of_the_world() {
    let mut wrong = Vec::new();
    for file in rust_files(&["crates"]).into_iter().filter(|file| PURE.contains(&module(file).as_str())) {
        for (word, what) in IMPURE {
            wrong.extend(lines_with(&file, word).map(|line| format!("{file}:{line}: `{}` is {what}", word.trim())));
        }
    }
    for file in rust_files(&["crates"]).into_iter().filter(|file| module(file) == "binance") {
        for word in SOCKETS {
            wrong.extend(
                lines_with(&file, word).map(|line| format!("{file}:{line}: `{}` in the protocol", word.trim())),
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The folder in which a crate's modules stand, and the file's path in it.
fn place(file: &str) -> (&str, &str) {
    let at = if file.starts_with("src/") { 0 } else { file.find("/src/").unwrap() + 1 };
    (&file[..at + "src".len()], &file[at + "src/".len()..])
}

/// The module a file belongs to; a crate that is in one piece counts as one.
fn module(file: &str) -> String {
    let (home, inside) = place(file);
    let own = match home {
        "crates/binance/src" => "binance",
        "crates/domain/src" => "domain",
        _ => inside.split('/').next().unwrap().trim_end_matches(".rs"),
    };
    own.to_owned()
}

/// Modules that a file names, with the lines: `crate::x`, `crate::{x, y}`, another crate's, and `super::x` up to the root.
fn named(file: &str) -> Vec<(usize, String)> {
    let code = code(&read(file));
    let (own, (home, inside)) = (module(file), place(file));
    let depth = inside.matches('/').count() + 1 - usize::from(inside.ends_with("/mod.rs"));
    let mut found = Vec::new();
    for root in ["crate::", "tradingbot::", "tradingbot_core::", "tradingbot_host::", "tradingbot_", "super::"] {
        // Inside a crate that is in one piece every path of its own stays in it.
        if root == "crate::" && home.ends_with(&format!("{own}/src")) {
            continue;
        }
        for (at, _) in code.match_indices(root) {
            let (before, mut after) = (&code[..at], &code[at + root.len()..]);
            if before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            if root == "tradingbot_" && ["core::", "host::"].iter().any(|pieces| after.starts_with(pieces)) {
                continue;
            }
            let mut ups = usize::from(root == "super::");
            while let Some(further) = after.strip_prefix("super::") {
                (ups, after) = (ups + 1, further);
            }
            if ups > 0 && ups < depth {
                continue;
            }
            // In a module within the file one `super` more is needed, so what is reached may still be our own.
            let ours = |name: &str| {
                let inside = tree::root().join(home).join(&own).join(name);
                ups > 0 && (inside.is_dir() || inside.with_extension("rs").exists())
            };
            let line = before.matches('\n').count() + 1;
            let names = heads(after)
                .into_iter()
                .filter(|name| ups == 0 || (MAY_NAME.iter().any(|(known, _)| known == name) && !ours(name)));
            found.extend(names.map(|name| (line, name)));
        }
    }
    found
}

/// The first words of a path, or of each path in braces.
fn heads(path: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(list) = path.strip_prefix('{') else { return vec![word(path)] };
    let (mut depth, mut fresh, mut heads) = (1, true, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => fresh = true,
            _ if fresh && depth == 1 && !c.is_whitespace() => {
                heads.push(word(&list[at..]));
                fresh = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    heads
}

fn lines_with(file: &str, word: &str) -> impl Iterator<Item = usize> {
    let begins_word = word.starts_with(char::is_alphabetic);
    let code = code(&read(file));
    let lines: Vec<usize> = code
        .lines()
        .enumerate()
        .filter(|(_, line)| {
            line.match_indices(word).any(|(at, _)| {
                let joined = |c: char| c.is_alphanumeric() || c == '_';
                let inside_before = begins_word && line[..at].ends_with(joined);
                let inside_after = word.ends_with(char::is_alphabetic) && line[at + word.len()..].starts_with(joined);
                !inside_before && !inside_after
            })
        })
        .map(|(at, _)| at + 1)
        .collect();
    lines.into_iter()
}

#[test]
fn paths_are_read_in_all_their_forms() {
    assert_eq!(heads("domain::{Price, Qty}"), ["domain"]);
    assert_eq!(heads("{clock, domain::{Price, Qty},\n    risk}"), ["clock", "domain", "risk"]);
}
