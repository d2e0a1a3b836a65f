//! BASE: the log: records with fields to the journal, or lines to standard error or a file, through one set of rules.
//!
//! Whoever writes a record gives values as fields and keeps the message fixed: `info!(%symbol, %price, "order sent")`.
//! Only then can the operator choose whether prices are written.

mod drained;
mod fields;
mod lines;
pub mod message;
mod output;
mod panics;
mod redacting;
mod rules;
mod settings;
mod spelled;
mod standing;

use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use libsystemd::logging::connected_to_journal;
use thiserror::Error;
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;

pub use lines::{LineFormat, Lines};
pub use message::Message;
pub use output::Output;
pub use redacting::Redacting;
pub use rules::Rules;
pub use settings::{LogFormat, LogLevel, LogSettings, OrderDetails};
pub use standing::Standing;

/// The log of this process, once it has started.
pub struct Log {
    rules: Arc<Rules>,
    lines: Option<Arc<Output>>,
}

impl Log {
    /// Starts the log as configured; to be called once, and before threads, so that all of them have it.
    ///
    /// From here on panics are records too.
    ///
    /// # Errors
    ///
    /// The journal or the file cannot be reached, or a log was started before.
    pub fn start(settings: &LogSettings) -> Result<Self, StartLogError> {
        let rules = Arc::new(Rules::new(settings));
        let format = match settings.format {
            LogFormat::Auto if settings.file.is_none() && connected_to_journal() => None,
            LogFormat::Journal => None,
            LogFormat::Auto | LogFormat::Plain => Some(LineFormat::Plain),
            LogFormat::Json => Some(LineFormat::Json),
        };
        let (layer, lines) = match format {
            None => (Redacting::new(rules.clone(), journal()?).spelling_out(), None),
            Some(format) => {
                let output = match &settings.file {
                    Some(path) => {
                        Output::file(path).map_err(|source| StartLogError::File { path: path.clone(), source })?
                    }
                    None => Output::stderr(),
                };
                let output = Arc::new(output);
                (Redacting::new(rules.clone(), Lines::new(format, output.clone())), Some(output))
            }
        };
        tracing::subscriber::set_global_default(registry().with(layer)).map_err(|_| StartLogError::Twice)?;
        panics::catch();
        Ok(Self { rules, lines })
    }

    /// Whether the file that is configured could be opened, without making it.
    ///
    /// # Errors
    ///
    /// It could not.
    pub fn check(settings: &LogSettings) -> Result<(), StartLogError> {
        let Some(path) = &settings.file else { return Ok(()) };
        output::check(path).map_err(|source| StartLogError::File { path: path.clone(), source })
    }

    /// Takes level and order details from a configuration that was read again.
    pub fn reload(&self, settings: &LogSettings) {
        self.rules.set(settings);
        tracing::callsite::rebuild_interest_cache();
    }

    /// Opens the file anew, for when a rotator has moved it.
    ///
    /// # Errors
    ///
    /// It cannot be opened; lines go on to where they went.
    pub fn reopen(&self) -> io::Result<()> {
        self.lines.as_ref().map_or(Ok(()), |output| output.reopen())
    }

    /// Whether records go to the journal.
    #[must_use]
    pub const fn is_journal(&self) -> bool {
        self.lines.is_none()
    }

    /// How many lines could not be written.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lines.as_ref().map_or(0, |output| output.lost())
    }
}

/// Keeps panics before [`Log::start`] from printing what they hold; to be called first in `main`.
pub fn catch_panics() {
    panics::catch();
}

/// Says why the program ends on standard error; where that is the journal's, with the mark of an error on each line.
pub fn complain(cause: &dyn Display) {
    let mark = if connected_to_journal() { "<3>" } else { "" };
    let mut stderr = io::stderr().lock();
    for line in format!("error: {cause}").lines() {
        let _ = writeln!(stderr, "{mark}{line}");
    }
}

/// Says why the program ends in the journal, as a record with a number, when standard error is the journal's. Whether it
/// was said. The log need not have been started for it.
#[must_use]
pub fn last_words(cause: &dyn Display) -> bool {
    if !connected_to_journal() {
        return false;
    }
    let Ok(journal) = journal() else { return false };
    let settings = LogSettings {
        format: LogFormat::Journal,
        level: LogLevel::Error,
        order_details: OrderDetails::Redacted,
        file: None,
    };
    let layer = Redacting::new(Arc::new(Rules::new(&settings)), journal).spelling_out();
    tracing::subscriber::with_default(registry().with(layer), || {
        // A record with more than one line would show as one with the ends of lines spelled out.
        for line in format!("error: {cause}").lines() {
            tracing::error!(message_id = message::FAILED.id, "{line}");
        }
    });
    drained::by_the_journal();
    true
}

/// The layer that writes to the journal: `MESSAGE` (with the values after it, since that is all that most people look at),
/// `MESSAGE_ID`, `PRIORITY`, `CODE_FILE`, and each field under its own name in capitals.
fn journal() -> Result<tracing_journald::Layer, StartLogError> {
    let priorities = PriorityMappings {
        error: Priority::Error,
        warn: Priority::Warning,
        info: Priority::Informational,
        debug: Priority::Debug,
        trace: Priority::Debug,
    };
    let layer = tracing_journald::Layer::new().map_err(StartLogError::Journal)?;
    let name = PROGRAM.to_owned();
    Ok(layer.with_field_prefix(None).with_syslog_identifier(name).with_priority_mappings(priorities))
}

/// What records in the journal say they are from.
const PROGRAM: &str = "tradingbot";

/// Why the log did not start.
#[derive(Debug, Error)]
pub enum StartLogError {
    /// No journal.
    #[error("log.format is \"journal\", and the journal cannot be reached; write format = \"plain\" or \"json\"")]
    Journal(#[source] io::Error),
    /// No file.
    #[error("log.file {} cannot be opened", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A second log.
    #[error("a log was started before in this process")]
    Twice,
}
