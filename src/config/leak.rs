//! Finds what looks like a secret in text that should hold none.

use std::ops::Range;

/// Where in `text`, comments included, stands something that looks like a key, token or secret.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), '\n')]) {
        let inside = c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '=');
        match (start, inside) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                if looks_secret(&text[from..at]) {
                    found.push(from..at);
                }
                start = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }
    found
}

/// Whether a key of that name would hold a secret.
pub(super) fn names_a_secret(key: &str) -> bool {
    let key: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    SECRET_NAMES.iter().any(|name| key.contains(name))
}

/// Whether letters and digits change so often that no person has written them: in a word or a file name few neighbours
/// differ in kind, among random characters about half do.
fn looks_secret(word: &str) -> bool {
    if word.contains("PRIVATE") && word.contains("-----") {
        return true;
    }
    let kinds: Vec<Option<u8>> = word.bytes().map(kind).collect();
    let characters = kinds.iter().flatten().count();
    let changes = kinds.windows(2).filter(|pair| matches!(pair, [Some(a), Some(b)] if a != b)).count();
    characters >= RANDOM_CHARS_MIN && changes * CHANGE_EVERY_MAX >= characters
}

const fn kind(byte: u8) -> Option<u8> {
    match byte {
        b'a'..=b'z' => Some(0),
        b'A'..=b'Z' => Some(1),
        b'0'..=b'9' => Some(2),
        _ => None,
    }
}

const RANDOM_CHARS_MIN: usize = 20;
const CHANGE_EVERY_MAX: usize = 5;
const SECRET_NAMES: [&str; 8] =
    ["secret", "apikey", "token", "password", "passphrase", "privatekey", "credential", "bearer"];
