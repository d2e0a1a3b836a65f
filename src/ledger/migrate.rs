//! A ledger of schema 1 becomes one of schema 2: after a copy, in one transaction, at the first start of this version.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::chain::Head;
use super::error::{OpenLedgerError, ReadError};
use super::place::{beside, beside_dashed, open_to_write, remove_if_there};
use super::salt::Salts;
use super::schema::{self, SCHEMA_VERSION, Version};
use super::source::Source;
use super::verify;
use super::write::insert;
use crate::domain::Entry;

/// What was done to a ledger of an earlier schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The schema that it had.
    pub from: u32,
    /// The schema that it has.
    pub to: u32,
    /// Its last entry before, whose hash stays what it was.
    pub before: Head,
    /// Where it lies as it was.
    pub copy: PathBuf,
}

/// Gives the ledger at `path`, which is of schema 1 and nobody else writes, the schema of this version. Its entries stay as
/// they are, to the byte; one that says `migrated` follows them.
///
/// # Errors
///
/// An entry does not hold, or the disk refuses. The ledger then is as it was.
pub(super) fn migrate(path: &Path) -> Result<Migration, OpenLedgerError> {
    let before = held(path)?;
    let start: String = before.hash.to_string().chars().take(HASH_DIGITS).collect();
    let copy = beside(path, &format!("schema-1-{}-{start}", before.seq));
    if let Err(source) = keep_copy(path, &copy) {
        return Err(OpenLedgerError::Copy { path: path.to_owned(), copy, source });
    }
    if let Err(source) = change(path) {
        // The ledger is as it was, and what is full stays full as long as there are two of it.
        let _ = fs::remove_file(&copy);
        return Err(OpenLedgerError::Migrate { path: path.to_owned(), source });
    }
    Ok(Migration { from: 1, to: SCHEMA_VERSION, before, copy })
}

/// The last entry, if all up to it are as they were written: what is broken stays as it is.
fn held(path: &Path) -> Result<Head, OpenLedgerError> {
    let mut source = Source::open(path)?;
    let walked = source.read(|connection| verify::walk(connection, Version::One, None))?;
    match walked.fault {
        Some((seq, fault)) => Err(ReadError::Chain { path: path.to_owned(), seq, fault }.into()),
        None => Ok(walked.head),
    }
}

/// Copies the ledger with what is in its write-ahead file to one file, which has its name once it is whole and on disk.
fn keep_copy(path: &Path, copy: &Path) -> io::Result<()> {
    let draft = beside(path, "schema-1-new");
    let wal = beside_dashed(&draft, "wal");
    let drafts = [draft.clone(), wal.clone(), beside_dashed(&draft, "shm"), beside_dashed(&draft, "journal")];
    let made = (|| {
        drafts.iter().try_for_each(|file| remove_if_there(file))?;
        copy_private(path, &draft)?;
        match copy_private(&beside_dashed(path, "wal"), &wal) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Taken up and closed, it needs no write-ahead file any more.
        let connection = open_to_write(&draft).map_err(io::Error::other)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(io::Error::other)?;
        connection.close().map_err(|(_, error)| io::Error::other(error))?;
        File::open(&draft)?.sync_all()?;
        fs::rename(&draft, copy)?;
        File::open(copy.parent().expect("a ledger lies in a folder"))?.sync_all()
    })();
    if made.is_err() {
        drafts.iter().for_each(|file| drop(fs::remove_file(file)));
    }
    made
}

fn copy_private(from: &Path, to: &Path) -> io::Result<()> {
    let mut from = File::open(from)?;
    let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut from, &mut to).map(drop)
}

/// The new schema and the entry that says so, all or nothing.
fn change(path: &Path) -> rusqlite::Result<()> {
    let mut connection = open_to_write(path)?;
    schema::make_durable(&connection)?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    schema::upgrade(&transaction)?;
    let head = schema::head(&transaction)?;
    if let Some(at) = schema::last_at(&transaction)? {
        let entry = Entry::Migrated { from: 1, to: SCHEMA_VERSION };
        let body = serde_json::to_string(&entry).expect("two numbers have a JSON");
        let mut salts = Salts::Drawn(Vec::new());
        salts.prepare(1).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        insert(&transaction, head, at, &entry, &body, salts.next(head.seq + 1))?;
    }
    transaction.commit()
}

const HASH_DIGITS: usize = 8;
