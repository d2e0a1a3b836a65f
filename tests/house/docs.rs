//! What the documents point to is there.

use std::collections::BTreeSet;

use super::tree::{files, read, root};

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for file in documents() {
        let text = read(&file);
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (at, line) in prose(&text) {
            for (target, _) in line.split("](").skip(1).filter_map(|rest| rest.split_once(')')) {
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                seen += 1;
                let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
                let full = if path.is_empty() { root().join(&file) } else { root().join(folder).join(path) };
                let heading =
                    || std::fs::read_to_string(&full).is_ok_and(|text| anchors(&text).any(|known| known == anchor));
                if !full.exists() || (!anchor.is_empty() && !heading()) {
                    broken.push(format!("{file}:{at}: {target}"));
                }
            }
        }
    }
    assert!(seen > 5, "only {seen} links were found");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_source_file_that_a_document_names_is_there() {
    let sources: Vec<String> = files("crates").into_iter().chain(files("src")).collect();
    let mut gone = Vec::new();
    for file in documents() {
        for (at, line) in prose(&read(&file)) {
            for named in line.split('`').skip(1).step_by(2).filter(|word| word.ends_with(".rs") && word.contains('/')) {
                let inside = format!("src/{named}");
                let known = root().join(named).exists()
                    || sources.iter().any(|source| *source == inside || source.ends_with(&format!("/{inside}")));
                if !known && !named.contains(['*', '<', ' ']) {
                    gone.push(format!("{file}:{at}: {named}"));
                }
            }
        }
    }
    assert!(gone.is_empty(), "{gone:#?}");
}

#[test]
fn every_barrier_is_shown_by_tests_that_are_there() {
    let mut known: BTreeSet<String> = BTreeSet::new();
    for file in files("tests").into_iter().chain(files("crates")).chain(files("src")) {
        let word = match file.rsplit_once('.') {
            Some((_, "rs")) => "fn ",
            Some((folder, "py")) if folder.starts_with("tests/system/cases/") => "def case_",
            Some(_) | None => continue,
        };
        for line in read(&file).lines() {
            known.extend(
                line.trim().strip_prefix(word).and_then(|rest| rest.split_once('(')).map(|named| named.0.into()),
            );
        }
    }
    let (mut rows, mut wrong) = (0, Vec::<String>::new());
    let text = read("SECURITY.md");
    let barriers = text.split_once("## What is guarded").and_then(|(_, rest)| rest.split_once("\n## ")).unwrap().0;
    for row in barriers.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| barrier |")) {
        let Some((rest, shown)) = row.trim_end_matches(" |").rsplit_once(" | ") else { continue };
        if shown.starts_with("---") {
            continue;
        }
        rows += 1;
        let tests: Vec<String> = shown.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        wrong.extend(tests.is_empty().then(|| format!("nothing shows: {rest}")));
        wrong.extend(tests.into_iter().filter(|test| !known.contains(test)));
    }
    assert!(rows > 20, "only {rows} barriers were found in SECURITY.md");
    assert!(wrong.is_empty(), "SECURITY.md names what is not there: {wrong:#?}");
}

#[test]
fn the_changelog_says_what_is_not_released_yet() {
    let changelog = read("CHANGELOG.md");
    let first = changelog.lines().find_map(|line| line.strip_prefix("## "));
    assert_eq!(first, Some("Unreleased"), "the newest part of CHANGELOG.md");
    for heading in changelog.lines().filter_map(|line| line.strip_prefix("### ")) {
        assert!(["Added", "Changed", "Fixed", "Security"].contains(&heading), "`{heading}` in CHANGELOG.md");
    }
}

fn documents() -> Vec<String> {
    files("").into_iter().filter(|file| file.ends_with(".md") && !file.starts_with("tests/golden/")).collect()
}

/// Lines outside of code blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((at + 1, line))
    })
}

/// What a heading is linked by: its words in lower case, dashes between them.
fn anchors(text: &str) -> impl Iterator<Item = String> {
    prose(text).filter_map(|(_, line)| line.strip_prefix('#')).map(|heading| {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        kept.chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    })
}
