//! Where a ledger lies: its folder, its file, the lock of its one writer, and space kept for a full disk.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rustix::fs::{FallocateFlags, fallocate};

use super::error::OpenLedgerError;
use super::schema;
use crate::private;

/// A ledger's place, held by the one process that writes there.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    reserved: bool,
    lock: File,
}

impl Place {
    /// Takes the place of the ledger at `path`: makes its folder when there is none, and locks out other writers.
    pub(super) fn take(path: &Path) -> Result<Self, OpenLedgerError> {
        let path = resolve(path)?;
        let lock = lock(&path)?;
        Ok(Self { path, reserved: false, lock })
    }

    /// The ledger's file, without symbolic links on the way.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that the file is a ledger and nobody else's to read; makes a new one when there is none.
    pub(super) fn prepare(&self) -> Result<(), OpenLedgerError> {
        let create = |source| OpenLedgerError::Create { path: self.path.clone(), source };
        match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make(),
            Err(error) => Err(create(error)),
            Ok(found) if !found.is_file() => Err(OpenLedgerError::NotAFile { path: self.path.clone() }),
            Ok(found) => {
                private::check_file(&self.path, &found)?;
                if found.len() == 0 {
                    return Err(OpenLedgerError::Empty { path: self.path.clone() });
                }
                for suffix in ["wal", "shm"] {
                    private::check_readable_if_there(&beside_dashed(&self.path, suffix))?;
                }
                self.refuse_stray()
            }
        }
    }

    /// SQLite would take a rollback file for a promise to undo what it lists, and a ledger in use has none.
    fn refuse_stray(&self) -> Result<(), OpenLedgerError> {
        let stray = beside_dashed(&self.path, "journal");
        if stray.exists() { Err(OpenLedgerError::Stray { path: self.path.clone(), stray }) } else { Ok(()) }
    }

    /// Sets space aside; says whether there is any now. Not having it is no failure: it only helps on a full disk.
    pub(super) fn reserve(&mut self) -> bool {
        if !self.reserved {
            let path = beside(&self.path, "reserve");
            self.reserved = set_aside(&path).is_ok();
            if !self.reserved && private::check_file_if_there(&path).is_ok() {
                // A file that could not be made whole would hold space and not be counted.
                let _ = fs::remove_file(&path);
            }
        }
        self.reserved
    }

    /// Whether what is in the place of that space, if anything, may be used for it.
    pub(super) fn check_reserve(&self) -> Result<(), OpenLedgerError> {
        Ok(private::check_file_if_there(&beside(&self.path, "reserve"))?)
    }

    /// Whether space is set aside.
    pub(super) const fn is_reserved(&self) -> bool {
        self.reserved
    }

    /// Gives the space back to the disk; says whether there was any.
    pub(super) fn release(&mut self) -> bool {
        let released = self.reserved && fs::remove_file(beside(&self.path, "reserve")).is_ok();
        self.reserved = false;
        released
    }

    /// Makes an empty ledger under another name and renames it, so that a ledger is whole or not there at all.
    fn make(&self) -> Result<(), OpenLedgerError> {
        for suffix in ["wal", "journal"] {
            // Left without its main file it holds entries, and SQLite would mix them into a new one.
            let left = beside_dashed(&self.path, suffix);
            if left.exists() {
                return Err(OpenLedgerError::Torn { path: self.path.clone(), left });
            }
        }
        let draft = beside(&self.path, "new");
        let create = |source| OpenLedgerError::Create { path: self.path.clone(), source };
        let database = |source| OpenLedgerError::Database { path: self.path.clone(), source };
        remove_if_there(&draft).map_err(create)?;
        for suffix in ["wal", "shm", "journal"] {
            remove_if_there(&beside_dashed(&draft, suffix)).map_err(create)?;
        }
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(create)?;
        let connection = open_to_write(&draft).map_err(database)?;
        schema::draft(&connection).map_err(database)?;
        connection.close().map_err(|(_, source)| database(source))?;
        File::open(&draft).and_then(|file| file.sync_all()).map_err(create)?;
        fs::rename(&draft, &self.path).map_err(create)?;
        let folder = self.path.parent().expect("resolve gave it a folder");
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(create)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Closing alone would not do: a child process that is just being started still has the lock open.
        let _ = self.lock.unlock();
    }
}

/// A connection that may write, set up and hardened.
pub(super) fn open_to_write(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    schema::harden(&connection)?;
    connection.busy_timeout(BUSY_MAX)?;
    Ok(connection)
}

/// `ledger.sqlite` and `lock` give `ledger.sqlite.lock`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    named(path, ".", suffix)
}

/// `ledger.sqlite` and `wal` give `ledger.sqlite-wal`, as SQLite names its own.
pub(super) fn beside_dashed(path: &Path, suffix: &str) -> PathBuf {
    named(path, "-", suffix)
}

fn named(path: &Path, mark: &str, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(mark);
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes the folder when there is none, refuses one in which others may replace files, and follows its links once.
fn resolve(path: &Path) -> Result<PathBuf, OpenLedgerError> {
    let create = |source| OpenLedgerError::Create { path: path.to_owned(), source };
    let path = std::path::absolute(path).map_err(create)?;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(OpenLedgerError::NotAFile { path });
    };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(create)?;
    let folder = folder.canonicalize().map_err(create)?;
    private::check_folder(&folder)?;
    Ok(folder.join(name))
}

fn lock(path: &Path) -> Result<File, OpenLedgerError> {
    // A file of its own: closing any handle of a database file would drop SQLite's locks on it.
    let name = beside(path, "lock");
    let file = private::open(&name, OpenOptions::new().write(true).create(true).truncate(false))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenLedgerError::Busy { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(OpenLedgerError::Create { path: name, source }),
    }
}

/// Makes a file whose space is really taken, also where one was left behind.
fn set_aside(path: &Path) -> io::Result<()> {
    let file =
        private::open(path, OpenOptions::new().write(true).create(true).truncate(false)).map_err(io::Error::other)?;
    fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES)?;
    Ok(())
}

pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Enough for the few pages that a halt needs, and for SQLite's index of the write-ahead file.
const RESERVE_BYTES: u64 = 128 * 1024;
/// How long a commit waits for somebody who writes with SQLite's own tools, against all advice.
const BUSY_MAX: Duration = Duration::from_secs(1);
