//! BASE: where secrets are in a text, and what may be written of it. Every question that is asked has one entry:
//!
//! | question | entry |
//! | --- | --- |
//! | What may be kept or sent of this text, where it cannot be taken back? | [`without_secrets`] |
//! | What may be logged of it, and of a field of that name? | [`KnownSecrets::log_text`], [`is_hidden`] |
//! | Is a secret of this process in it? | [`holds_secret`], [`holds_run_of_secret`] |
//! | Does anything in it look like a secret, whoever's? | [`find_secrets`] |
//! | And in a file that people edit, where a key may be cut or run together with a word? | [`find_fragments`], [`without_fragments`] |
//! | Would a key of that name hold a secret? | [`names_a_secret`] |
//! | Which of the hexadecimal numbers in it are secret, when only their owner can tell? | [`without_numbers`] |
//!
//! `shape` knows what keys look like, `pieces` finds what is known in every form it may take, `assignments` finds what
//! stands behind a telling name of `names`.

mod assignments;
mod fragments;
mod known;
mod names;
mod pieces;
mod shape;

use std::borrow::Cow;
use std::ops::Range;

pub use fragments::{find_fragments, without_fragments};
pub use known::{KnownSecrets, hold, holds_run_of_secret, holds_secret, without_secrets};
pub use names::{Hidden, is_hidden, names_a_secret};
pub use shape::{Finding, Hex, find_secrets, look_like_secret};

/// The text without each run of so many hexadecimal digits of which `is_secret` says that they are one.
pub fn without_numbers<'t>(text: &'t str, digits: usize, mut is_secret: impl FnMut(&str) -> bool) -> Cow<'t, str> {
    let (bytes, mut places, mut start) = (text.as_bytes(), Vec::new(), 0);
    while start < bytes.len() {
        let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let end = start + length;
        places.extend((start..end).map(|at| at..at + digits).take_while(|place| place.end <= end));
        start = end + 1;
    }
    places.retain(|place| is_secret(&text[place.clone()]));
    replace(text, places, REDACTED)
}

/// The text with `mark` in place of each of the places, which may be in any order, touch and overlap.
fn replace<'t>(text: &'t str, mut places: Vec<Range<usize>>, mark: &str) -> Cow<'t, str> {
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    places.sort_unstable_by_key(|place| place.start);
    let mut clean = String::with_capacity(text.len());
    let mut written = 0;
    let mut places = places.iter().peekable();
    while let Some(place) = places.next() {
        let mut end = place.end;
        while let Some(next) = places.next_if(|next| next.start <= end) {
            end = end.max(next.end);
        }
        // A place may cut a character that is not ASCII; the character goes with it.
        let start = text.floor_char_boundary(place.start).max(written);
        clean.push_str(&text[written..start]);
        clean.push_str(mark);
        written = text.ceil_char_boundary(end);
    }
    clean.push_str(&text[written..]);
    Cow::Owned(clean)
}

/// What is written in place of what is not.
pub const REDACTED: &str = "[redacted]";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_any_order_that_touch_or_cut_a_character_become_one_mark() {
        assert_eq!(replace("abcdef", vec![4..5, 1..2, 2..3], "#"), "a#d#f");
        assert_eq!(replace("aéb", vec![2..3, 2..3], "#"), "a#b");
        assert!(matches!(replace("abc", Vec::new(), "#"), Cow::Borrowed("abc")));
    }

    #[test]
    fn numbers_are_judged_by_their_owner_at_every_place() {
        let is_secret = |digits: &str| digits == "beef" || digits == "CAFE";
        for (text, clean) in [
            ("xbeefy", "x[redacted]y"),
            ("0beef1", "0[redacted]1"),
            ("beefCAFE", "[redacted]"),
            ("bee f", "bee f"),
            ("bee", "bee"),
            ("", ""),
            ("é beef", "é [redacted]"),
        ] {
            assert_eq!(without_numbers(text, 4, is_secret), clean, "{text}");
        }
    }
}
