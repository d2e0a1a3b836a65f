//! SHELL: the ledger, one SQLite file in which every entry carries the hash of the entry before it.

mod chain;
mod error;
mod export;
pub mod journal;
mod migrate;
mod page;
mod place;
mod read;
mod salt;
mod schema;
mod source;
mod table;
mod verify;
mod watch;
mod write;

pub use chain::{Form, Hash, Head, HeadError};
pub use error::{CommitError, Displaced, EntryFault, ExportError, OpenLedgerError, ReadError, VerifyError};
pub use export::{Format, Period, export};
pub use migrate::Migration;
pub use page::{Link, OwnFill, PAGE_EXAMINED_MAX, PAGE_ROWS_MAX, Page, Query, Start, Stored};
pub use read::Reader;
pub use salt::Salt;
pub use schema::SchemaFault;
pub use verify::{Verified, verify};
pub use write::{BODY_BYTES_MAX, Durable, Ledger};
