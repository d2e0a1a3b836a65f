//! The files of the project, and code without its comments and texts.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold nothing of ours.
const FOREIGN: [&str; 2] = ["target", ".git"];

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder of the project with its path from the root, in order.
pub fn files(below: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(&root().join(below), &mut found);
    found.sort();
    found
}

/// Every Rust file below these folders.
pub fn rust_files(below: &[&str]) -> Vec<String> {
    below.iter().flat_map(|folder| files(folder)).filter(|file| file.ends_with(".rs")).collect()
}

pub fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn walk(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path: PathBuf = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().unwrap().is_dir() {
            if !(FOREIGN.contains(&name.as_str()) && path.parent() == Some(root())) {
                walk(&path, found);
            }
        } else {
            found.push(path.strip_prefix(root()).unwrap().to_string_lossy().into_owned());
        }
    }
}

/// Rust code with comments and the insides of texts blanked out; every line stays where it was.
pub fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = token(rest);
        if length > 0 {
            let (gone, after) = rest.split_at(length);
            code.extend(gone.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = after;
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    code
}

/// How long the comment or text is that `rest` begins with; zero when it begins with neither.
fn token(rest: &str) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return rest.find("*/").map_or(rest.len(), |end| end + 2);
    }
    if let Some(inside) = rest.strip_prefix('"') {
        return 1 + closed(inside, '"');
    }
    if rest.starts_with("r\"") || rest.starts_with("r#") {
        let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
        let end = format!("\"{}", "#".repeat(hashes));
        let start = 2 + hashes;
        return match rest.get(1 + hashes..start) {
            Some("\"") => rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len()),
            _ => 0,
        };
    }
    if let Some(letter) = rest.strip_prefix('\'') {
        // A lifetime has no second mark.
        let mut chars = letter.chars();
        return match (chars.next(), chars.next()) {
            (Some('\\'), _) => 1 + closed(letter, '\''),
            (Some(c), Some('\'')) => 2 + c.len_utf8(),
            _ => 0,
        };
    }
    0
}

/// How much of `text` there is up to and with the first `end` that no backslash escapes.
fn closed(text: &str, end: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == end => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[test]
fn comments_and_texts_are_blanked_and_lines_stay() {
    let text = "a // b\n\"c\\\" d\" 'e' '\\'' x: &'f str r#\"g\"h\"# /* i\nj */ k";
    let blanked = code(text);
    assert_eq!(blanked.split_whitespace().collect::<Vec<_>>(), ["a", "x:", "&'f", "str", "k"]);
    assert_eq!(blanked.lines().count(), text.lines().count());
}
