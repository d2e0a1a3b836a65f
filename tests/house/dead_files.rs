//! No file that nobody reads, no link that leads nowhere, no word that means unfinished.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::sources::{files_below, root, sources};

#[test]
fn every_source_file_is_part_of_the_program() {
    let mut reached = BTreeSet::new();
    let mut todo = vec![root().join("src/lib.rs"), root().join("src/main.rs")];
    while let Some(path) = todo.pop() {
        let text = fs::read_to_string(&path).unwrap();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let folder = match stem {
            "lib" | "main" | "mod" => path.parent().unwrap().to_owned(),
            _ => path.with_extension(""),
        };
        for line in text.lines() {
            let words =
                line.trim_start_matches("pub(super) ").trim_start_matches("pub(crate) ").trim_start_matches("pub ");
            let Some(name) = words.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) else { continue };
            let file = folder.join(format!("{name}.rs"));
            todo.push(if file.exists() { file } else { folder.join(name).join("mod.rs") });
        }
        reached.insert(path);
    }
    let dead: Vec<PathBuf> = sources().into_iter().filter(|path| !reached.contains(path)).collect();
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn every_source_file_opens_with_what_it_is_and_holds_one_noun() {
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not say what it is", path.display());
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines: it holds more than one noun", path.display());
    }
}

#[test]
fn every_folder_of_golden_files_is_read_by_a_test() {
    let tests: String = files_below(&root().join("tests"))
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for folder in fs::read_dir(root().join("tests/golden")).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        let read = tests.contains(&format!("\"{name}\"")) || tests.contains(&format!("golden/{name}"));
        assert!(read, "tests/golden/{name} is read by no test");
    }
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let pages =
        files_below(root()).into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let mut links = 0;
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for (at, _) in text.match_indices("](") {
            let target: String = text[at + 2..].chars().take_while(|c| *c != ')').collect();
            let target = target.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = page.parent().unwrap().join(target);
            assert!(path.exists(), "{}: {target} is not there", page.display());
            links += 1;
        }
    }
    assert!(links > 5, "only {links} links were found");
}

#[test]
fn nothing_is_left_for_later() {
    let words = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"]].map(|halves| halves.concat());
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        for word in &words {
            assert!(!text.contains(word.as_str()), "{}: {word}", path.display());
        }
    }
    let changes = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    assert!(changes.contains("## Unreleased") || changes.contains("## 0."), "the changelog has no version");
}

/// A file that outgrows this holds more than one noun.
const LINES_MAX: usize = 500;
