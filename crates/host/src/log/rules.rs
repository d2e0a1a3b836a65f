//! What may be written: one judgement of names and texts, asked by everything that goes to any sink.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{PoisonError, RwLock};

use tracing::{Level, Metadata};

use super::settings::{LogLevel, LogSettings, OrderDetails};
use crate::redact::{Hex, Known, Name, find_assignments, find_secrets, without};

/// What may be written; can be changed while the log is in use.
pub struct Rules {
    level: AtomicU8,
    hide_order_details: AtomicBool,
    known: RwLock<Known>,
}

impl Rules {
    /// Rules as the configuration has them, with no secret known yet.
    #[must_use]
    pub fn new(settings: &LogSettings) -> Self {
        let rules = Self::strict();
        rules.set(settings);
        rules
    }

    /// Rules for when there is no configuration: errors only, and no order details.
    pub(super) const fn strict() -> Self {
        Self { level: AtomicU8::new(0), hide_order_details: AtomicBool::new(true), known: RwLock::new(Known::new()) }
    }

    /// Takes level and order details from the configuration.
    pub(super) fn set(&self, settings: &LogSettings) {
        let hide = match settings.order_details {
            OrderDetails::Full => false,
            OrderDetails::Redacted => true,
        };
        self.hide_order_details.store(hide, Ordering::Relaxed);
        self.level.store(rank(settings.level), Ordering::Relaxed);
    }

    /// Makes sure that these bytes are never written, in any form they may take.
    pub fn guard(&self, secret: &[u8]) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).add(secret);
    }

    /// The least important level that is written.
    pub(super) fn level(&self) -> Level {
        match self.level.load(Ordering::Relaxed) {
            0 => Level::ERROR,
            1 => Level::WARN,
            2 => Level::INFO,
            3 => Level::DEBUG,
            _ => Level::TRACE,
        }
    }

    /// Whether records from there are written: ours from the level that is set, others' from warnings on.
    pub(super) fn admits(&self, metadata: &Metadata<'_>) -> bool {
        let limit = if is_ours(metadata.target()) { self.level() } else { self.level().min(Level::WARN) };
        *metadata.level() <= limit
    }

    /// Whether the value of a field of that name is never written.
    pub(super) fn hides(&self, field: &str) -> bool {
        match Name::of(field.as_bytes()) {
            Name::Secret | Name::SecretLine => true,
            Name::OrderDetail => self.hide_order_details.load(Ordering::Relaxed),
            Name::Open => false,
        }
    }

    /// The text with everything that is not for the log replaced by [`REDACTED`](crate::redact::REDACTED).
    ///
    /// Found are: secrets that [`Rules::guard`] was told of, in many forms; what looks like a key or token; and whatever
    /// stands behind a name such as `api_key`, `signature` or `Authorization`, and by the operator's choice `price`.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let bytes = text.as_bytes();
        let mut hidden: Vec<Range<usize>> = Vec::new();
        self.known.read().unwrap_or_else(PoisonError::into_inner).find(bytes, |place| hidden.push(place));
        hidden.extend(find_secrets(text, Hex::Plain).into_iter().map(|finding| finding.range));
        find_assignments(bytes, self.hide_order_details.load(Ordering::Relaxed), |place| hidden.push(place));
        if hidden.is_empty() {
            return Cow::Borrowed(text);
        }
        hidden.sort_unstable_by_key(|place| place.start);
        Cow::Owned(without(text, &hidden))
    }
}

/// Whether a target is this program.
pub(super) fn is_ours(target: &str) -> bool {
    let package = target.split_once("::").map_or(target, |(package, _)| package);
    OURS.contains(&package)
}

/// The crates of this program that write records, as targets name them.
const OURS: [&str; 2] = ["tradingbot", "tradingbot_host"];

const fn rank(level: LogLevel) -> u8 {
    match level {
        LogLevel::Error => 0,
        LogLevel::Warn => 1,
        LogLevel::Info => 2,
        LogLevel::Debug => 3,
        LogLevel::Trace => 4,
    }
}
