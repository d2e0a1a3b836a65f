//! The secrets that this process holds, for texts that go elsewhere than to the log and cannot be taken back.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use super::known::Known;
use super::{Hex, find_secrets, without};

/// Adds a secret, for good.
pub(crate) fn hold(secret: &[u8]) {
    HELD.write().unwrap_or_else(PoisonError::into_inner).add(secret);
}

/// Whether `text` has a secret in it that this process holds, whole or in part, in any form that the log knows.
#[must_use]
pub fn holds_secret(text: &str) -> bool {
    let mut found = false;
    HELD.read().unwrap_or_else(PoisonError::into_inner).find(text.as_bytes(), |_| found = true);
    found
}

/// Whether `text` has [`RUN_BYTES`] of such a secret in a row. Whoever is told the answer learns nothing that they did not
/// know, as they would from [`holds_secret`]: with its eight bytes a secret could be guessed piece by piece.
#[must_use]
pub fn holds_run_of_secret(text: &str) -> bool {
    HELD.read().unwrap_or_else(PoisonError::into_inner).has_run(text.as_bytes(), RUN_BYTES)
}

/// The text with every secret that this process holds, and whatever else looks like a key or token, replaced by
/// [`REDACTED`](super::REDACTED); hashes are left as they are.
#[must_use]
pub fn without_held_secrets(text: &str) -> Cow<'_, str> {
    let mut hidden: Vec<Range<usize>> = find_secrets(text, Hex::Plain).into_iter().map(|found| found.range).collect();
    HELD.read().unwrap_or_else(PoisonError::into_inner).find(text.as_bytes(), |place| hidden.push(place));
    if hidden.is_empty() {
        return Cow::Borrowed(text);
    }
    hidden.sort_unstable_by_key(|place| place.start);
    Cow::Owned(without(text, &hidden))
}

/// As many as nobody guesses at once, whatever form they are in.
const RUN_BYTES: usize = 20;

static HELD: RwLock<Known> = RwLock::new(Known::new());
