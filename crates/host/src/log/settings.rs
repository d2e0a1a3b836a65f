//! What is logged, and where: what whoever starts the log has to say.

use std::path::PathBuf;

/// What is logged, and where. Keys, tokens and signatures are never written, whatever stands here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// How records are written.
    pub format: LogFormat,
    /// The least important messages that are written.
    pub level: LogLevel,
    /// Whether prices and quantities of orders are written, or only that there was one.
    pub order_details: OrderDetails,
    /// A file that gets the lines, rather than standard error; not for the journal.
    pub file: Option<PathBuf>,
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
