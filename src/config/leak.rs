//! Finds what looks like a secret in text that should hold none.

use std::collections::BTreeMap;
use std::ops::Range;

/// Where in a text stands what must not be shown, and under which key; the places do not overlap.
#[derive(Debug, Default)]
pub(super) struct Leaks(BTreeMap<usize, (usize, String)>);

impl Leaks {
    /// Where in `text`, comments included, stands something that looks like a secret.
    pub(super) fn find(text: &str) -> Self {
        Self(found(text).into_iter().map(|place| (place.start, (place.end, String::new()))).collect())
    }

    /// Whether one of them is partly in `span`.
    pub(super) fn overlap(&self, span: &Range<usize>) -> bool {
        self.0.range(..span.end).next_back().is_some_and(|(_, (end, _))| *end > span.start)
    }

    /// Adds a place, or tells the key of the ones known there.
    pub(super) fn add(&mut self, span: Range<usize>, key: &str) {
        if !self.overlap(&span) {
            self.0.insert(span.start, (span.end, String::new()));
        }
        for (start, (end, known)) in self.0.range_mut(..span.end).rev() {
            if *end <= span.start || *start >= span.end {
                break;
            }
            key.clone_into(known);
        }
    }

    /// Where each starts, and its key; empty when it is no key's value.
    pub(super) fn into_places(self) -> impl Iterator<Item = (usize, String)> {
        self.0.into_iter().map(|(start, (_, key))| (start, key))
    }
}

/// Whether there is something in `text` that looks like a secret.
pub(super) fn contains(text: &str) -> bool {
    !found(text).is_empty()
}

/// The text without what looks like a secret.
pub(super) fn redacted(text: &str) -> String {
    let mut shown = String::new();
    let mut from = 0;
    for place in found(text) {
        shown.push_str(&text[from..place.start]);
        shown.push('…');
        from = place.end;
    }
    shown.push_str(&text[from..]);
    shown
}

/// Whether a key of that name would hold a secret.
pub(super) fn names_a_secret(key: &str) -> bool {
    let key: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    SECRET_NAMES.iter().any(|name| key.contains(name))
}

fn found(text: &str) -> Vec<Range<usize>> {
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

/// Whether kinds of characters follow each other in some stretch as no person writes them: in words and file names digits
/// stand together and capitals begin a word, in random text every second character or so is of another kind.
fn looks_secret(word: &str) -> bool {
    let kinds: Vec<Kind> = word.bytes().map(kind).collect();
    kinds.windows(STRETCH_CHARS).any(|stretch| {
        let digits = stretch.iter().filter(|kind| **kind == Kind::Digit).count();
        let odd = stretch.windows(2).filter(|pair| match pair {
            [Kind::Digit, Kind::Lower | Kind::Upper] | [Kind::Lower | Kind::Upper, Kind::Digit] => true,
            [before, after] => (*before, *after) == (Kind::Lower, Kind::Upper),
            _ => false,
        });
        digits >= DIGITS_MIN && odd.count() >= ODD_PAIRS_MIN
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lower,
    Upper,
    Digit,
    Other,
}

const fn kind(byte: u8) -> Kind {
    match byte {
        b'a'..=b'z' => Kind::Lower,
        b'A'..=b'Z' => Kind::Upper,
        b'0'..=b'9' => Kind::Digit,
        _ => Kind::Other,
    }
}

const STRETCH_CHARS: usize = 20;
const DIGITS_MIN: usize = 2;
const ODD_PAIRS_MIN: usize = 6;
const SECRET_NAMES: [&str; 8] =
    ["secret", "apikey", "token", "password", "passphrase", "privatekey", "credential", "bearer"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_tokens_are_found_and_plain_words_are_not() {
        let (key, hex) =
            (["qT7vLm2Xz9Rb4NwK", "d8HsJ3fPyC6gVa1E"].concat(), ["9f86d081884c7d65", "9a2feaa0c55ad015"].concat());
        for text in
            [key.clone(), hex, format!("110201543:AA{key}"), format!("x = \"{key}==\""), format!("order-{key}-max")]
        {
            assert!(contains(&text), "{text}");
            assert!(redacted(&text).len() < 24, "{}", redacted(&text));
        }
        for text in [
            "order-notional-max = \"1000\"",
            "/var/lib/tradingbot/recordings/BTCUSDT-aggTrades-20240101T000000Z-20240131T235959Z.jsonl.zst",
            "[2001:db8:85a3:0:0:8a2e:370:7334]:8080",
            "unix:/run/tradingbot/api.sock",
            "donchian-breakout-btcusdt-1h",
            "/home/Me/TradingBotStateFolder2024/MyRecordingsOfBtcUsdt",
            "keys here are symbols, order-notional-max, price-distance-max, position-notional-max, exposure-max",
            "x86_64-unknown-linux-gnu",
        ] {
            assert_eq!(redacted(text), text);
        }
    }

    #[test]
    fn places_are_known_by_any_part_of_them() {
        let mut leaks = Leaks::default();
        leaks.add(10..20, "a");
        leaks.add(15..30, "b");
        assert!(leaks.overlap(&(0..11)) && leaks.overlap(&(19..25)));
        assert!(!leaks.overlap(&(0..10)) && !leaks.overlap(&(20..25)));
        assert_eq!(leaks.into_places().collect::<Vec<_>>(), [(10, "b".to_owned())]);
    }
}
