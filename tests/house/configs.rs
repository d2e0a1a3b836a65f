//! Shipped configurations are right, and the reference says all there is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};
use tradingbot::config::{self, Listen, Mode, Source, Start};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shipped() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(root().join("config/examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.push(root().join("config/tradingbot.toml"));
    files
}

/// Paths of all keys that `table` writes, without places in lists.
fn keys(table: &DeTable<'_>, above: &str, found: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = if above.is_empty() { key.get_ref().to_string() } else { format!("{above}.{}", key.get_ref()) };
        match value.get_ref() {
            DeValue::Table(table) => keys(table, &path, found),
            DeValue::Array(items) if items.iter().any(|item| item.get_ref().is_table()) => {
                for table in items.iter().filter_map(|item| item.get_ref().as_table()) {
                    keys(table, &path, found);
                }
            }
            DeValue::Array(_)
            | DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {
                found.insert(path);
            }
        }
    }
}

/// Paths of all keys in the reference: headings give the table, first columns the key.
fn documented() -> BTreeSet<String> {
    let reference = config::reference();
    let (mut table, mut found) = (String::new(), BTreeSet::new());
    for line in reference.lines() {
        if let Some(heading) = line.strip_prefix("##") {
            table = heading.trim_matches(['#', ' ', '`', '[', ']']).to_owned();
        } else if let Some((key, rest)) = line.strip_prefix("| `").and_then(|line| line.split_once("` |"))
            && !rest.contains(", see below")
        {
            let top = table == "At the top of the file";
            found.insert(if top { key.to_owned() } else { format!("{table}.{key}") });
        }
    }
    found
}

#[test]
fn every_shipped_configuration_is_accepted() {
    let files = shipped();
    assert!(files.len() >= 4);
    for file in files {
        config::load(&file).unwrap_or_else(|faults| panic!("{faults}"));
    }
}

#[test]
fn what_is_shipped_trades_on_paper_and_not_before_it_is_told_to() {
    let config = config::load(&root().join("config/tradingbot.toml")).unwrap();
    assert_eq!((config.mode, config.start), (Mode::Paper, Start::Halted));
    assert!(matches!(config.market.source, Source::Practice { .. }));
    assert_eq!(config.api.listen, Listen::Loopback("127.0.0.1:8080".parse().unwrap()));
    assert_eq!((config.api.rate_limit_per_minute, config.api.rate_limit_burst), (100, 20));
    assert!(!config.strategies.is_empty());
}

#[test]
fn the_reference_and_the_examples_have_the_same_keys() {
    let mut shown = BTreeSet::new();
    for file in shipped() {
        let text = fs::read_to_string(file).unwrap();
        keys(DeTable::parse(&text).unwrap().get_ref(), "", &mut shown);
    }
    let documented = documented();
    assert_eq!(shown.difference(&documented).collect::<Vec<_>>(), Vec::<&String>::new(), "not in the reference");
    assert_eq!(documented.difference(&shown).collect::<Vec<_>>(), Vec::<&String>::new(), "in no example");
}

#[test]
fn the_reference_in_docs_is_the_one_of_the_code() {
    let file = root().join("docs/configuration.md");
    let reference = config::reference();
    if std::env::var_os("TRADINGBOT_BLESS").is_some() {
        fs::write(&file, &reference).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == reference,
        "docs/configuration.md is out of date; run the tests with TRADINGBOT_BLESS=1 to rewrite it"
    );
}
