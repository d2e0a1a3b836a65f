//! A ledger opened to look and not to touch: no file is made beside it, and nothing keeps its writer from writing.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::{EntryFault, ReadError};
use super::place::beside_dashed;
use super::schema;

/// A read-only connection, and how long what it shows stays true.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    connection: Connection,
    state: State,
}

/// Why something could not be read from a [`Source`].
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite refuses.
    Sqlite(rusqlite::Error),
    /// An entry is no JSON of ours.
    Entry {
        /// Which.
        seq: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// An entry is not the one that was written there.
    Chain {
        /// Which.
        seq: u64,
        /// What is wrong with it.
        fault: EntryFault,
    },
}

/// How the file is read.
#[derive(Debug)]
enum State {
    /// Together with its write-ahead file, under SQLite's locks.
    Shared,
    /// Alone and without locks, because it has no write-ahead file: true while that and the file itself stay so.
    Still(Stamp),
    /// From a copy, because its write-ahead file has no index and none can be made beside it.
    Copied { _folder: Copied },
}

/// What tells that a file was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// A folder of our own, removed when done.
#[derive(Debug)]
struct Copied(PathBuf);

impl Source {
    /// Opens the database at `path`, whatever it is.
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        let fault = |source| ReadError::Open { path: path.to_owned(), source };
        // SQLite takes a relative path that begins with `file:` for an address.
        let path = std::path::absolute(path).map_err(fault)?;
        let (connection, state) = connect(&path)?;
        Ok(Self { path, connection, state })
    }

    /// The file it reads.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A second source of the same file, for another thread.
    pub(super) fn again(&self) -> Result<Self, ReadError> {
        Self::open(&self.path)
    }

    /// Lets `read` see one state of the ledger that does not change meanwhile. `read` is called anew when it did.
    pub(super) fn read<T>(&mut self, mut read: impl FnMut(&Connection) -> Result<T, Fault>) -> Result<T, ReadError> {
        for _ in 0..ATTEMPTS_MAX {
            if self.is_true() {
                let result = within_snapshot(&self.connection, &mut read);
                if self.is_true() {
                    return result.map_err(|fault| fault.at(&self.path));
                }
            }
            (self.connection, self.state) = connect(&self.path)?;
        }
        Err(ReadError::Restless { path: self.path.clone() })
    }

    fn is_true(&self) -> bool {
        match &self.state {
            State::Shared => true,
            State::Still(stamp) => !has_wal(&self.path) && Stamp::of(&self.path).is_ok_and(|now| now == *stamp),
            // Nobody writes where no index can be made, so a copy stays true.
            State::Copied { .. } => true,
        }
    }
}

impl Fault {
    /// The error that says where it was.
    pub(super) fn at(self, path: &Path) -> ReadError {
        match self {
            Self::Sqlite(source) => ReadError::Database { path: path.to_owned(), source },
            Self::Entry { seq, source } => ReadError::Entry { seq, source },
            Self::Chain { seq, fault } => ReadError::Chain { path: path.to_owned(), seq, fault },
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        Ok(Self {
            device: found.dev(),
            inode: found.ino(),
            bytes: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        // What cannot be removed is private and in the folder for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn connect(path: &Path) -> Result<(Connection, State), ReadError> {
    let fault = |source| ReadError::Open { path: path.to_owned(), source };
    let database = |source| ReadError::Database { path: path.to_owned(), source };
    let stamp = Stamp::of(path).map_err(fault)?;
    // Before anything is opened: a pipe would be waited for.
    if !fs::metadata(path).map_err(fault)?.is_file() {
        return Err(fault(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")));
    }
    for suffix in ["wal", "shm"] {
        let beside = beside_dashed(path, suffix);
        if fs::metadata(&beside).is_ok_and(|found| !found.is_file()) {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "it is not a file; move it away");
            return Err(ReadError::Open { path: beside, source: error });
        }
    }
    readable(path).map_err(fault)?;
    if !has_wal(path) {
        return Ok((open(path, "immutable=1").map_err(database)?, State::Still(stamp)));
    }
    match open(path, "mode=ro") {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) => {
            let copied = Copied::make(path, stamp).map_err(fault)?;
            let copy = copied.0.join(COPY_NAME);
            Ok((open(&copy, "mode=ro").map_err(database)?, State::Copied { _folder: copied }))
        }
        result => Ok((result.map_err(database)?, State::Shared)),
    }
}

/// SQLite does not say that it is the user who may not.
fn readable(path: &Path) -> io::Result<()> {
    let denied = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    let user = rustix::process::geteuid().as_raw();
    let said = || format!("user {user} may not read it; give it back to that user with chown");
    fs::File::open(path).map(drop).map_err(
        |error| {
            if denied(&error) { io::Error::new(error.kind(), said()) } else { error }
        },
    )
}

impl Copied {
    /// Copies the database and its write-ahead file to a new folder for temporary files.
    fn make(path: &Path, stamp: Stamp) -> io::Result<Self> {
        let copied = (0..FOLDERS_MAX)
            .find_map(|number| {
                let folder = std::env::temp_dir().join(format!("tradingbot-{}-{number}", std::process::id()));
                match DirBuilder::new().mode(0o700).create(&folder) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
                    result => Some(result.map(|()| Self(folder))),
                }
            })
            .unwrap_or_else(|| Err(io::ErrorKind::AlreadyExists.into()))?;
        let to = copied.0.join(COPY_NAME);
        fs::copy(path, &to)?;
        fs::copy(beside_dashed(path, "wal"), beside_dashed(&to, "wal"))?;
        if Stamp::of(path)? != stamp {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "it changes while it is read; try again"));
        }
        Ok(copied)
    }
}

/// Opens without side effects; the first statement is run here, because SQLite opens the write-ahead file only then.
fn open(path: &Path, how: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(address(path, how), flags)?;
    schema::harden(&connection)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// `file:/var/lib/a%20b?mode=ro`, whatever bytes the path holds.
fn address(path: &Path, how: &str) -> String {
    let mut text = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text + "?" + how
}

fn has_wal(path: &Path) -> bool {
    beside_dashed(path, "wal").exists()
}

fn within_snapshot<T>(
    connection: &Connection,
    read: &mut impl FnMut(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let transaction = connection.unchecked_transaction()?;
    let result = read(&transaction)?;
    transaction.commit()?;
    Ok(result)
}

/// How often a ledger is opened anew because it changed in the middle; its writer can only begin once.
const ATTEMPTS_MAX: u32 = 5;
const FOLDERS_MAX: u32 = 1_000;
const COPY_NAME: &str = "ledger.sqlite";
