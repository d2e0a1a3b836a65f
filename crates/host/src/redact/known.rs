//! The secrets that a process holds, and the texts that they are taken out of.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::pieces::Pieces;
use super::{Hex, Hidden, REDACTED, assignments, find_secrets, replace};

/// Secrets that must not be written, in every form that they may take; more can be added while it is in use.
///
/// A process has one such list, to which [`hold`] adds. Tests make lists of their own.
pub struct KnownSecrets(RwLock<Pieces>);

impl KnownSecrets {
    /// A list with nothing on it.
    #[must_use]
    pub const fn new() -> Self {
        Self(RwLock::new(Pieces::new()))
    }

    /// The list of this process.
    #[must_use]
    pub fn of_process() -> &'static Self {
        static KNOWN: KnownSecrets = KnownSecrets::new();
        &KNOWN
    }

    /// Adds a secret, for good.
    pub fn add(&self, secret: &[u8]) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).add(secret);
    }

    /// What may be logged of a text: nothing that is on the list or looks like a key or token, and by the operator's choice
    /// (`hidden`) nothing that stands behind a name such as `price` any more than behind `api_key` or `Authorization`.
    #[must_use]
    pub fn log_text<'t>(&self, text: &'t str, hidden: Hidden) -> Cow<'t, str> {
        let mut places = self.places(text);
        assignments::find(text.as_bytes(), hidden, |place| places.push(place));
        replace(text, places, REDACTED)
    }

    /// Where something stands that is on the list, or looks like a key or token; hashes do not count.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut places: Vec<Range<usize>> =
            find_secrets(text, Hex::Plain).into_iter().map(|finding| finding.range).collect();
        self.pieces().find(text.as_bytes(), |place| places.push(place));
        places
    }

    fn pieces(&self) -> RwLockReadGuard<'_, Pieces> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for KnownSecrets {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for KnownSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KnownSecrets(..)")
    }
}

/// Makes sure that these bytes are never logged by this process, in any form they may take, and are known to
/// [`holds_secret`] and [`without_secrets`] from here on.
pub fn hold(secret: &[u8]) {
    KnownSecrets::of_process().add(secret);
}

/// Whether `text` has a secret in it that this process holds, whole or in part, in any form that the log knows.
#[must_use]
pub fn holds_secret(text: &str) -> bool {
    let mut found = false;
    KnownSecrets::of_process().pieces().find(text.as_bytes(), |_| found = true);
    found
}

/// Whether `text` has [`RUN_BYTES`] of such a secret in a row. Whoever is told the answer learns nothing that they did not
/// know, as they would from [`holds_secret`]: with its eight bytes a secret could be guessed piece by piece.
#[must_use]
pub fn holds_run_of_secret(text: &str) -> bool {
    KnownSecrets::of_process().pieces().has_run(text.as_bytes(), RUN_BYTES)
}

/// What may be kept or sent of a text: every secret that this process holds, and whatever else looks like a key or token,
/// is replaced by [`REDACTED`]; hashes are left as they are.
#[must_use]
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    replace(text, KnownSecrets::of_process().places(text), REDACTED)
}

/// As many as nobody guesses at once, whatever form they are in.
const RUN_BYTES: usize = 20;
