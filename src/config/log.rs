//! What is logged, and where.

use std::path::PathBuf;

use super::key::keys;
use super::reader::Reader;
use super::words::words;

keys! {
    /// What is logged, and where. Keys, tokens and signatures are never written, whatever stands here.
    pub struct Log {
        /// `"journal"` writes records with fields to the journal, `"json"` one object a line, `"plain"` text for people;
        /// `"auto"` is the journal where the service manager has connected it, and plain otherwise.
        format: LogFormat, default("'auto'");
        /// The least important messages that are written.
        level: LogLevel, default("'info'"), reload(true);
        /// Whether prices and quantities of orders are written, or only that there was one.
        order_details: OrderDetails, default("'full'"), reload(true);
        /// A file that gets the lines, rather than standard error; not for the journal.
        file: PathBuf, absent("standard error gets them");
    }
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// The journal where it is connected, plain otherwise.
    Auto,
    /// Text for people.
    Plain,
    /// One JSON object a line.
    Json,
    /// To the journal, with fields.
    Journal,
}

/// The least important records that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Only what failed.
    Error,
    /// And what may lead there.
    Warn,
    /// And what happens.
    Info,
    /// And how.
    Debug,
    /// And every step.
    Trace,
}

/// Whether prices and quantities of orders are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderDetails {
    /// They are.
    Full,
    /// They are not.
    Redacted,
}

words!(LogFormat { Auto = "auto", Plain = "plain", Json = "json", Journal = "journal" });
words!(LogLevel { Error = "error", Warn = "warn", Info = "info", Debug = "debug", Trace = "trace" });
words!(OrderDetails { Full = "full", Redacted = "redacted" });

impl Log {
    pub(super) fn check(&self, reader: &mut Reader<'_>) {
        if self.file.is_some() && self.format == LogFormat::Journal {
            let what =
                "gets nothing when all goes to the journal; take it out, or write format = \"plain\" or \"json\"";
            reader.conflict(&["log.file"], what);
        }
    }
}
