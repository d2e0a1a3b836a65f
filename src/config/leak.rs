//! Finds what looks like a secret in a file that should hold none.
//!
//! Besides whole secrets, as `secrets` knows them, it finds pieces of random text: a file that is edited by hand holds keys
//! that were cut, or have grown together with the word beside them.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::redact::{Hex, find_secrets};

/// Where in a text stands what must not be shown, under which key, and what it looks like; the places do not overlap.
#[derive(Debug, Default)]
pub(super) struct Leaks(BTreeMap<usize, Leak>);

#[derive(Debug)]
struct Leak {
    end: usize,
    key: String,
    what: &'static str,
}

impl Leaks {
    /// Where in `text`, comments included, stands something that looks like a secret.
    pub(super) fn find(text: &str) -> Self {
        let leak = |(place, what): (Range<usize>, _)| (place.start, Leak { end: place.end, key: String::new(), what });
        Self(found(text).into_iter().map(leak).collect())
    }

    /// Whether one of them is partly in `span`.
    pub(super) fn overlap(&self, span: &Range<usize>) -> bool {
        self.0.range(..span.end).next_back().is_some_and(|(_, leak)| leak.end > span.start)
    }

    /// Looks at the text that the file means at `span`, escapes read; tells whether there is a secret in it, or in what is
    /// written there.
    pub(super) fn look(&mut self, span: Range<usize>, text: &str, key: &str) -> bool {
        if !self.overlap(&span) {
            let Some((_, what)) = found(text).into_iter().next() else { return false };
            self.0.insert(span.start, Leak { end: span.end, key: String::new(), what });
        }
        for (_, leak) in self.0.range_mut(..span.end).rev().take_while(|(_, leak)| leak.end > span.start) {
            key.clone_into(&mut leak.key);
        }
        true
    }

    /// Where each starts, its key, which is empty when it is no key's value, and what it looks like.
    pub(super) fn into_places(self) -> impl Iterator<Item = (usize, String, &'static str)> {
        self.0.into_iter().map(|(start, leak)| (start, leak.key, leak.what))
    }
}

/// The text without what looks like a secret.
pub(super) fn redacted(text: &str) -> String {
    let mut shown = String::new();
    let mut from = 0;
    for (place, _) in found(text) {
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

/// The places of what looks like a secret, in order and apart from each other.
fn found(text: &str) -> Vec<(Range<usize>, &'static str)> {
    let mut all: Vec<(Range<usize>, &'static str)> =
        find_secrets(text, Hex::Suspect).into_iter().map(|finding| (finding.range, finding.what)).collect();
    all.extend(
        words(text).filter(|word| looks_random(&text[word.clone()])).map(|word| (word, "a piece of a key or token")),
    );
    all.sort_by_key(|(place, _)| place.start);
    let mut apart: Vec<(Range<usize>, &'static str)> = Vec::new();
    for (place, what) in all {
        match apart.last_mut() {
            Some((last, _)) if place.start < last.end => last.end = last.end.max(place.end),
            Some(_) | None => apart.push((place, what)),
        }
    }
    apart
}

/// The places of words, which may have signs in them that keys have too.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'=');
    let mut at = 0;
    std::iter::from_fn(move || {
        let bytes = text.as_bytes();
        let start = at + bytes.get(at..)?.iter().position(|byte| inside(*byte))?;
        at = bytes[start..].iter().position(|byte| !inside(*byte)).map_or(bytes.len(), |length| start + length);
        Some(start..at)
    })
}

/// Whether kinds of characters follow each other in some stretch as no person writes them: in words and file names digits
/// stand together and capitals begin a word, in random text every second character or so is of another kind.
fn looks_random(word: &str) -> bool {
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
            assert!(!found(&text).is_empty(), "{text}");
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
    fn a_place_is_known_by_any_part_of_it_and_told_its_key() {
        let key = ["qT7vLm2Xz9Rb4NwK", "d8HsJ3fPyC6gVa1E"].concat();
        let text = format!("file = '{key}' # fine");
        let mut leaks = Leaks::find(&text);
        assert!(leaks.overlap(&(0..9)) && leaks.overlap(&(39..45)));
        assert!(!leaks.overlap(&(0..8)) && !leaks.overlap(&(40..45)));
        assert!(leaks.look(7..41, &key, "log.file"));
        assert!(!leaks.look(44..48, "fine", "log.level"));
        let places: Vec<_> = leaks.into_places().collect();
        assert_eq!(places, [(8, "log.file".to_owned(), "a random key")]);
    }
}
