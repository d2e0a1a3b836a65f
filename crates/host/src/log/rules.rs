//! What may be written: one judgement of names and texts, asked by everything that goes to any sink.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tracing::{Level, Metadata};

use super::settings::{LogLevel, LogSettings, OrderDetails};
use crate::redact::{Hidden, KnownSecrets, is_hidden};

/// What may be written; can be changed while the log is in use.
pub struct Rules {
    level: AtomicU8,
    hide_order_details: AtomicBool,
    known: &'static KnownSecrets,
}

impl Rules {
    /// Rules as the configuration has them, for the secrets of this process.
    #[must_use]
    pub fn new(settings: &LogSettings) -> Self {
        Self::with(settings, KnownSecrets::of_process())
    }

    /// The same for a list of secrets of one's own.
    #[must_use]
    pub fn with(settings: &LogSettings, known: &'static KnownSecrets) -> Self {
        let rules = Self { known, ..Self::strict() };
        rules.set(settings);
        rules
    }

    /// Rules for when there is no configuration: errors only, and no order details.
    pub(super) fn strict() -> Self {
        let known = KnownSecrets::of_process();
        Self { level: AtomicU8::new(0), hide_order_details: AtomicBool::new(true), known }
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
        is_hidden(field, self.hidden())
    }

    /// The text with everything that is not for the log replaced by [`REDACTED`](crate::redact::REDACTED).
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.known.log_text(text, self.hidden())
    }

    fn hidden(&self) -> Hidden {
        if self.hide_order_details.load(Ordering::Relaxed) { Hidden::SecretsAndOrderDetails } else { Hidden::Secrets }
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
