//! APP: one life of the bot on a ledger of its own.

mod birth;
mod drive;
mod error;
mod history;
mod inbox;
mod keeper;
mod latch;
mod life;
mod operate;
mod progress;
mod recording;
mod redact;
mod replay;
mod rescue;
mod run;
mod serve;
mod shell;
mod source;
mod tell;
mod venue;
mod warm_ups;

pub use birth::{Birth, TimeOf, Unwritten};
pub use drive::{Audience, Ending, drive};
pub use error::DaemonError;
pub use inbox::{INBOX_MAX, Inbox, Mailbox, Message};
pub use keeper::Keeper;
pub use latch::{Latch, Latched};
pub use life::{LEDGER_FILE, Life};
pub use redact::Redactor;
pub use replay::{ReplayError, Replayed, replay};
pub use rescue::Rescued;
pub use run::{Errand, Summary, check, run};
pub use serve::{Addresses, CONTROL_SOCKET};
pub use shell::{Shell, Told};
pub use source::{Source, SourceError};
pub use venue::Venue;
