//! What is logged, and where.

use std::path::PathBuf;

use super::key::keys;
use super::reader::Reader;
use super::words::words;
use crate::log::{LogFormat, LogLevel, LogSettings, OrderDetails};

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

words!(LogFormat { Auto = "auto", Plain = "plain", Json = "json", Journal = "journal" });
words!(LogLevel { Error = "error", Warn = "warn", Info = "info", Debug = "debug", Trace = "trace" });
words!(OrderDetails { Full = "full", Redacted = "redacted" });

impl Log {
    /// The same for the log, which knows nothing of a configuration.
    #[must_use]
    pub fn settings(&self) -> LogSettings {
        let Self { format, level, order_details, file } = self;
        LogSettings { format: *format, level: *level, order_details: *order_details, file: file.clone() }
    }

    pub(super) fn check(&self, reader: &mut Reader<'_>) {
        if self.file.is_some() && self.format == LogFormat::Journal {
            let what =
                "gets nothing when all goes to the journal; take it out, or write format = \"plain\" or \"json\"";
            reader.conflict(&["log.file"], what);
        }
    }
}
