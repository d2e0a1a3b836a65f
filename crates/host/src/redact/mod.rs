//! BASE: where secrets are in a text, and what may be written of it.

mod assignments;
mod held;
mod known;
mod names;
mod shape;

use std::borrow::Cow;
use std::ops::Range;

pub(crate) use assignments::find as find_assignments;
pub(crate) use held::hold;
pub use held::{holds_run_of_secret, holds_secret, without_held_secrets};
pub(crate) use known::Known;
pub(crate) use names::Name;
pub use shape::{Finding, Hex, find_secrets, look_like_secret};

/// The text with everything that looks like a key or token replaced by [`REDACTED`], hashes left as they are: for what is
/// kept for good and comes from a person.
#[must_use]
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    let mut hidden: Vec<Range<usize>> = find_secrets(text, Hex::Plain).into_iter().map(|found| found.range).collect();
    if hidden.is_empty() {
        return Cow::Borrowed(text);
    }
    hidden.sort_unstable_by_key(|place| place.start);
    Cow::Owned(without(text, &hidden))
}

/// The text without the places, which are in order and may touch and overlap.
pub(crate) fn without(text: &str, places: &[Range<usize>]) -> String {
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
        clean.push_str(REDACTED);
        written = text.ceil_char_boundary(end);
    }
    clean.push_str(&text[written..]);
    clean
}

/// What is written in place of what is not.
pub const REDACTED: &str = "[redacted]";
