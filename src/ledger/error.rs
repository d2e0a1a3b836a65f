//! What can go wrong with a ledger, and what to do about it.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::chain::Head;
use super::schema::SchemaFault;
use crate::domain::{AmountError, Remedy};
use crate::private::PrivateError;

/// A ledger that cannot be opened for writing. Nothing was changed.
#[derive(Debug, Error)]
pub enum OpenLedgerError {
    /// The file, its folder or its lock cannot be made.
    #[error("cannot make or open {} for writing; check that its folder is writable and the disk not full", path.display())]
    Create {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else writes it.
    #[error("{} is being written by another tradingbot; stop that one first or name another ledger", path.display())]
    Busy {
        /// Which ledger.
        path: PathBuf,
    },
    /// Others may read or replace it.
    #[error("{} has mode {mode:04o}, so that others can get at it; run `chmod {right} {}`", path.display(), path.display())]
    Exposed {
        /// Which file or folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// What they should be.
        right: &'static str,
    },
    /// The folder, or a file in it, is not this user's alone.
    #[error(transparent)]
    Private(PrivateError),
    /// A folder, a link or a device.
    #[error("{} is not a file; name the ledger's file itself", path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
    /// Nothing is in the file, though a ledger never is empty.
    #[error("{} is empty, which no ledger ever is; restore it, or remove it to begin a new one", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// The main file is gone and its write-ahead file is not.
    #[error("{} is gone but {} is there and may hold entries; restore the first or move the second away", path.display(), left.display())]
    Torn {
        /// The file that is gone.
        path: PathBuf,
        /// The file that is left.
        left: PathBuf,
    },
    /// A rollback file lies beside it.
    #[error("{} lies beside {}, and no ledger has such a file: entries would be undone by it; move it away", stray.display(), path.display())]
    Stray {
        /// The ledger.
        path: PathBuf,
        /// The file beside it.
        stray: PathBuf,
    },
    /// Another program's database, another version's ledger, or a schema that somebody changed.
    #[error("{} cannot be written to: {fault}", path.display())]
    Schema {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        fault: SchemaFault,
    },
    /// It cannot be looked at.
    #[error(transparent)]
    Inspect(#[from] ReadError),
    /// It cannot be copied before its schema is changed.
    #[error(
        "cannot copy {} to {}, as is done before its schema is changed; free some space. Nothing was changed",
        path.display(), copy.display()
    )]
    Copy {
        /// Which ledger.
        path: PathBuf,
        /// Its copy.
        copy: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its schema cannot be changed.
    #[error(
        "cannot change {} to the schema of this version; check that the disk is not full. The ledger is as it was",
        path.display()
    )]
    Migrate {
        /// Which ledger.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The last entry is not what its hash says.
    #[error("the last entry of {} does not hold; run `tradingbot ledger verify` and restore a backup", path.display())]
    BrokenEnd {
        /// Which ledger.
        path: PathBuf,
    },
    /// SQLite refuses.
    #[error("cannot use {} as a ledger; it may be damaged or not a database", path.display())]
    Database {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl From<PrivateError> for OpenLedgerError {
    fn from(error: PrivateError) -> Self {
        match error {
            PrivateError::Open { path, mode, right } => Self::Exposed { path, mode, right },
            PrivateError::Look { path, source } => Self::Create { path, source },
            PrivateError::Foreign { .. } | PrivateError::Linked { .. } | PrivateError::Odd { .. } => {
                Self::Private(error)
            }
        }
    }
}

/// A ledger that no longer lies where it was opened: what is written now would not be found there.
#[derive(Debug, Error)]
pub enum Displaced {
    /// A file or folder is not there any more.
    #[error("{} is gone", path.display())]
    Gone {
        /// Which.
        path: PathBuf,
    },
    /// Something else is in its place.
    #[error("{} is not the one that was opened: another is in its place", path.display())]
    Replaced {
        /// Which.
        path: PathBuf,
    },
    /// The folder is there, and one of the ledger's files in it is not, or is another.
    #[error(transparent)]
    File(Box<Self>),
    /// The folder has another name outside of this mount.
    #[error("{} was {was} on its file system, and is {is} now", path.display())]
    Renamed {
        /// The folder, as it is called here.
        path: PathBuf,
        /// Where it was.
        was: String,
        /// Where it is.
        is: String,
    },
    /// Nobody can tell.
    #[error("cannot look at {}: {cause}", path.display())]
    Unseen {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

impl Displaced {
    /// Whether the ledger's folder is where it was, and only a file in it is not.
    #[must_use]
    pub const fn leaves_folder(&self) -> bool {
        match self {
            Self::File(_) => true,
            Self::Gone { .. } | Self::Replaced { .. } | Self::Renamed { .. } | Self::Unseen { .. } => false,
        }
    }
}

/// Entries that could not be written. The ledger is as it was before.
#[derive(Debug, Error)]
pub enum CommitError {
    /// No space is left.
    #[error("the ledger cannot be written: the disk is full; free some space")]
    Full(#[source] rusqlite::Error),
    /// SQLite refuses: the disk is read-only, gone or broken.
    #[error("the ledger cannot be written")]
    Database(#[source] rusqlite::Error),
    /// The ledger is not where it was.
    #[error("the ledger cannot be written: {0}; put back what was there, or stop the bot")]
    Displaced(Displaced),
    /// Entries went to a ledger that was taken away meanwhile; whether anybody finds them there, nobody can tell.
    #[error("the ledger cannot be written: it was taken away while it was; put it back and start the bot again")]
    Astray {
        /// Whether its folder was left in its place.
        leaves_folder: bool,
    },
    /// There is nothing to salt its digest with.
    #[error("the ledger cannot be written: the system gives no random bytes")]
    Random(#[source] io::Error),
    /// An entry has no JSON.
    #[error("an entry of kind {kind} cannot be encoded")]
    Encode {
        /// Its kind.
        kind: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// An entry is longer than any should be.
    #[error("an entry of kind {kind} has {bytes} bytes, more than the {} that fit", super::BODY_BYTES_MAX)]
    TooLong {
        /// Its kind.
        kind: &'static str,
        /// Its length as JSON.
        bytes: usize,
    },
}

impl CommitError {
    /// What cannot be written is not done: trading stops.
    #[must_use]
    pub const fn remedy(&self) -> Remedy {
        match self {
            Self::Full(_)
            | Self::Database(_)
            | Self::Displaced(_)
            | Self::Astray { .. }
            | Self::Random(_)
            | Self::Encode { .. }
            | Self::TooLong { .. } => Remedy::Halt,
        }
    }
}

impl From<Displaced> for CommitError {
    fn from(displaced: Displaced) -> Self {
        Self::Displaced(displaced)
    }
}

impl From<rusqlite::Error> for CommitError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full(error),
            _ => Self::Database(error),
        }
    }
}

/// Entries that cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// There is no such file, or it cannot be reached.
    #[error("cannot open {}; name a ledger with --ledger", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another program's database, another version's ledger, or a schema that somebody changed.
    #[error("{} cannot be read as a ledger: {fault}", path.display())]
    Schema {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        fault: SchemaFault,
    },
    /// SQLite refuses.
    #[error("{} cannot be read as a ledger; it may be damaged or not a database", path.display())]
    Database {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file was replaced again and again while it was read.
    #[error("{} changes while it is read; try again", path.display())]
    Restless {
        /// Which file.
        path: PathBuf,
    },
    /// An entry cannot be understood.
    #[error("entry {seq} cannot be understood; run `tradingbot ledger verify`")]
    Entry {
        /// Which.
        seq: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// An entry is not the one that was written there.
    #[error("entry {seq} of {path} {fault}; see `tradingbot ledger verify --ledger {path}`, and restore a backup", path = path.display())]
    Chain {
        /// Which ledger.
        path: PathBuf,
        /// The first that is wrong.
        seq: u64,
        /// What is wrong with it.
        fault: EntryFault,
    },
}

/// Entries that cannot be written out in another form.
#[derive(Debug, Error)]
pub enum ExportError {
    /// They cannot be read.
    #[error("the ledger cannot be exported")]
    Read(#[from] ReadError),
    /// The output cannot be written.
    #[error("the export cannot be written")]
    Write(#[from] io::Error),
    /// A value is too large.
    #[error("entry {seq} cannot be exported")]
    Amount {
        /// Which.
        seq: u64,
        /// Why.
        source: AmountError,
    },
    /// A symbol whose two assets cannot be told.
    #[error("entry {seq}: cannot tell which two assets {symbol} trades; export with `--format csv` instead")]
    Pair {
        /// Which entry.
        seq: u64,
        /// The symbol.
        symbol: crate::domain::InstrumentId,
    },
}

/// A ledger that does not hold what was written.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// It cannot be read at all.
    #[error("the ledger cannot be verified")]
    Read(#[from] ReadError),
    /// An entry is not what was written there; the ones up to `trusted` are.
    #[error("entry {seq} {fault}; {}", up_to(trusted))]
    Entry {
        /// The first that is wrong.
        seq: u64,
        /// What is wrong with it.
        fault: EntryFault,
        /// The last entry before it.
        trusted: Head,
    },
    /// It ends before the entry that was kept elsewhere.
    #[error("the ledger ends with entry {}, but entry {} was kept elsewhere: its end was cut off", last.seq, kept.seq)]
    Cut {
        /// The head kept elsewhere.
        kept: Head,
        /// The last entry there is.
        last: Head,
    },
    /// It holds another entry where one was kept elsewhere.
    #[error("entry {} has the hash {found} and not {}, which was kept elsewhere: some entry up to it was written anew", kept.seq, kept.hash)]
    Rewritten {
        /// The head kept elsewhere.
        kept: Head,
        /// The hash that is there.
        found: super::Hash,
    },
    /// Every entry is as it was written, but what guards them is not.
    #[error("{fault}; {}", up_to(trusted))]
    Schema {
        /// What is wrong.
        fault: SchemaFault,
        /// The last entry.
        trusted: Head,
    },
    /// Every entry is as it was written, but the file around them is damaged.
    #[error("the file is damaged ({detail}); {}; restore a backup or export what is there", up_to(trusted))]
    Damaged {
        /// What SQLite found.
        detail: String,
        /// The last entry.
        trusted: Head,
    },
}

/// What is wrong with an entry.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum EntryFault {
    /// Its number is skipped.
    #[error("is missing: the next one there is entry {next}")]
    Missing {
        /// The number found in its place.
        next: i64,
    },
    /// Its number is none that an entry has.
    #[error("stands behind a row with the number {number}, which no entry has: it was inserted")]
    Inserted {
        /// The number.
        number: i64,
    },
    /// It names another predecessor than the one before it.
    #[error("does not follow the entry before it: one of the two was inserted, removed, moved or written anew")]
    Unlinked,
    /// Its hash is not its content's.
    #[error("was changed after it was written")]
    Changed,
    /// What it is filed under is not what it says it is.
    #[error("is filed under a kind that is not its own")]
    Misfiled,
    /// It has the form of another schema than the entry before it, and does not begin it.
    #[error("has the form of another version's entries, and the one before it does not")]
    Misplaced,
    /// A column holds what no entry has there.
    #[error("holds no valid {column}")]
    WrongType {
        /// Which column.
        column: &'static str,
    },
    /// The file is damaged there.
    #[error("cannot be read: {detail}")]
    Unreadable {
        /// What SQLite said.
        detail: String,
    },
}

fn up_to(trusted: &Head) -> String {
    match trusted.seq {
        0 => "no entry can be trusted".to_owned(),
        1 => "entry 1 can be trusted".to_owned(),
        seq => format!("entries 1 to {seq} can be trusted"),
    }
}
