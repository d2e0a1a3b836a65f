//! Pieces of random text: a file that is edited by hand holds keys that were cut, or have run together with a word.

use std::ops::Range;

use super::shape::{Kind, is_word, kind, run};
use super::{Finding, Hex, find_secrets, replace};

/// The places of what looks like a secret or a piece of one, in order and apart from each other. Long hexadecimal numbers
/// count: there are no hashes in such a file.
#[must_use]
pub fn find_fragments(text: &str) -> Vec<Finding> {
    let mut all = find_secrets(text, Hex::Suspect);
    let words = words(text).filter(|word| looks_random(&text.as_bytes()[word.clone()]));
    all.extend(words.map(|range| Finding { range, what: "a piece of a key or token" }));
    all.sort_by_key(|finding| finding.range.start);
    let mut apart: Vec<Finding> = Vec::new();
    for finding in all {
        match apart.last_mut() {
            Some(last) if finding.range.start < last.range.end => {
                last.range.end = last.range.end.max(finding.range.end);
            }
            Some(_) | None => apart.push(finding),
        }
    }
    apart
}

/// The text with an ellipsis in place of each of them.
#[must_use]
pub fn without_fragments(text: &str) -> String {
    let places = find_fragments(text).into_iter().map(|finding| finding.range).collect();
    replace(text, places, "…").into_owned()
}

/// The places of words, which may have signs in them that keys have too.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let word = run(text.as_bytes(), at, |byte| is_word(byte) || matches!(byte, b'+' | b'='))?;
        at = word.end;
        Some(word)
    })
}

/// Whether kinds of characters follow each other in some stretch as no person writes them: in words and file names digits
/// stand together and capitals begin a word, in random text every second character or so is of another kind.
fn looks_random(word: &[u8]) -> bool {
    let kinds: Vec<Option<Kind>> = word.iter().map(|byte| kind(*byte)).collect();
    kinds.windows(STRETCH_CHARS).any(|stretch| {
        let digits = stretch.iter().filter(|kind| **kind == Some(Kind::Digit)).count();
        let odd = stretch.windows(2).filter(|pair| {
            matches!(
                pair,
                [Some(Kind::Digit), Some(Kind::Lower | Kind::Upper)]
                    | [Some(Kind::Lower | Kind::Upper), Some(Kind::Digit)]
                    | [Some(Kind::Lower), Some(Kind::Upper)]
            )
        });
        digits >= DIGITS_MIN && odd.count() >= ODD_PAIRS_MIN
    })
}

const STRETCH_CHARS: usize = 20;
const DIGITS_MIN: usize = 2;
const ODD_PAIRS_MIN: usize = 6;

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
            assert!(!find_fragments(&text).is_empty(), "{text}");
            assert!(without_fragments(&text).len() < 24, "{}", without_fragments(&text));
        }
        for text in [
            "order-notional-max = \"1000\"",
            "/var/lib/tradingbot/recordings/BTCUSDT-aggTrades-20240101T000000Z-20240131T235959Z.jsonl.zst",
            "[2001:db8:85a3:0:0:8a2e:370:7334]:8080",
            "unix:/run/tradingbot/api.sock",
            "mean-reversion-btcusdt-1h",
            "/home/Me/TradingBotStateFolder2024/MyRecordingsOfBtcUsdt",
            "keys here are symbols, order-notional-max, price-distance-max, position-notional-max, exposure-max",
            "x86_64-unknown-linux-gnu",
        ] {
            assert_eq!(without_fragments(text), text);
        }
    }
}
