//! SHELL: the ledger, one SQLite file in which every entry carries the hash of the entry before it.

mod error;
mod verify;

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};
use sha2::{Digest, Sha256};

use crate::domain::{Entry, Timestamp};

pub use error::{CommitError, OpenLedgerError, ReadError, VerifyError};
pub use verify::{Verified, verify};

/// The one writer of a ledger. There is no way to delete from it.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    head: Head,
    _lock: Option<File>,
}

/// Number and hash of the last entry; whoever keeps one elsewhere can tell later whether the ledger still holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of the entry; entries count from 1.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

/// SHA-256 of an entry and, through its predecessor's hash, of all before it.
pub type Hash = [u8; 32];

/// Proof that entries are on disk; only [`Ledger::commit`] makes one.
#[derive(Debug)]
#[must_use]
pub struct Durable {
    head: Head,
}

/// One entry as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its number.
    pub seq: u64,
    /// When it was made.
    pub at: Timestamp,
    /// What it says.
    pub entry: Entry,
    /// Its hash.
    pub hash: Hash,
}

impl Head {
    /// The head of a ledger without entries.
    pub const EMPTY: Self = Self { seq: 0, hash: [0; 32] };

    /// The hash as 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.hash)
    }
}

impl Durable {
    /// The last entry that is on disk.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }
}

impl Ledger {
    /// Opens the ledger at `path` for writing, and makes it when there is none.
    ///
    /// # Errors
    ///
    /// Another process writes it, it is not a ledger, a newer version made it, or the disk refuses.
    pub fn open(path: &Path) -> Result<Self, OpenLedgerError> {
        let lock = lock(path)?;
        if !path.exists() {
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)
                .map_err(|source| OpenLedgerError::Create { path: path.to_owned(), source })?;
        }
        let fault = |source| OpenLedgerError::Database { path: path.to_owned(), source };
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(fault)?;
        let application: i64 =
            connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(fault)?;
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(fault)?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fault)?;
        if tables > 0 && application != APPLICATION_ID {
            return Err(OpenLedgerError::Foreign { path: path.to_owned() });
        }
        if version > SCHEMA_VERSION {
            return Err(OpenLedgerError::Newer { path: path.to_owned(), version });
        }
        connection.pragma_update(None, "journal_mode", "wal").map_err(fault)?;
        connection.pragma_update(None, "synchronous", "full").map_err(fault)?;
        if tables == 0 {
            connection.execute_batch(SCHEMA).map_err(fault)?;
        }
        let head = head_of(&connection).map_err(fault)?;
        Ok(Self { connection, head, _lock: Some(lock) })
    }

    /// A ledger in memory, for backtests and tests.
    ///
    /// # Errors
    ///
    /// SQLite refuses.
    pub fn in_memory() -> Result<Self, OpenLedgerError> {
        let fault = |source| OpenLedgerError::Database { path: PathBuf::from(":memory:"), source };
        let connection = Connection::open_in_memory().map_err(fault)?;
        connection.execute_batch(SCHEMA).map_err(fault)?;
        Ok(Self { connection, head: Head::EMPTY, _lock: None })
    }

    /// The last entry.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Writes `entries` down, all or none, and returns once they are on disk.
    ///
    /// # Errors
    ///
    /// The disk is full, read-only or gone; the ledger is then as it was before.
    pub fn commit(&mut self, at: Timestamp, entries: &[Entry]) -> Result<Durable, CommitError> {
        let mut head = self.head;
        let transaction = self.connection.transaction().map_err(CommitError::Database)?;
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO entry (seq, at, kind, body, previous, hash) VALUES (?, ?, ?, ?, ?, ?)")
                .map_err(CommitError::Database)?;
            for entry in entries {
                let body = serde_json::to_string(entry).map_err(CommitError::Encode)?;
                let next =
                    Head { seq: head.seq + 1, hash: link(&head.hash, head.seq + 1, at.nanos(), entry.kind(), &body) };
                let seq = i64::try_from(next.seq).expect("fewer than 2^63 entries fit on any disk");
                insert
                    .execute(params![seq, at.nanos(), entry.kind(), body, head.hash.as_slice(), next.hash.as_slice()])
                    .map_err(CommitError::Database)?;
                head = next;
            }
        }
        transaction.commit().map_err(CommitError::Database)?;
        self.head = head;
        Ok(Durable { head })
    }

    /// Shows every entry, oldest first.
    ///
    /// # Errors
    ///
    /// The disk refuses, or an entry cannot be understood.
    pub fn each(&self, visit: impl FnMut(Stored)) -> Result<(), ReadError> {
        each(&self.connection, visit)
    }
}

/// Shows every entry of the ledger at `path`, oldest first, without writing and while its owner writes.
///
/// # Errors
///
/// There is no ledger, the disk refuses, or an entry cannot be understood.
pub fn read(path: &Path, visit: impl FnMut(Stored)) -> Result<(), ReadError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|source| ReadError::Open { path: path.to_owned(), source })?;
    each(&connection, visit)
}

/// The hash of an entry: SHA-256 over a fixed word, the predecessor's hash, number, time, and the length-prefixed kind
/// and body.
fn link(previous: &Hash, seq: u64, at: i64, kind: &str, body: &str) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(CHAIN_WORD);
    hasher.update(previous);
    hasher.update(seq.to_be_bytes());
    hasher.update(at.to_be_bytes());
    for text in [kind, body] {
        hasher.update((u64::try_from(text.len()).expect("a length fits 64 bits")).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().into()
}

fn each(connection: &Connection, mut visit: impl FnMut(Stored)) -> Result<(), ReadError> {
    let mut select =
        connection.prepare("SELECT seq, at, body, hash FROM entry ORDER BY seq").map_err(ReadError::Database)?;
    let mut rows = select.query([]).map_err(ReadError::Database)?;
    while let Some(row) = rows.next().map_err(ReadError::Database)? {
        let number: i64 = row.get(0).map_err(ReadError::Database)?;
        let seq = u64::try_from(number).unwrap_or(0);
        let at: i64 = row.get(1).map_err(ReadError::Database)?;
        let body: String = row.get(2).map_err(ReadError::Database)?;
        let hash: Hash = row.get(3).map_err(ReadError::Database)?;
        let entry = serde_json::from_str(&body).map_err(|source| ReadError::Entry { seq, source })?;
        visit(Stored { seq, at: Timestamp::from_nanos(at), entry, hash });
    }
    Ok(())
}

fn head_of(connection: &Connection) -> rusqlite::Result<Head> {
    let mut select = connection.prepare("SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1")?;
    let mut rows = select.query([])?;
    let Some(row) = rows.next()? else { return Ok(Head::EMPTY) };
    let seq: i64 = row.get(0)?;
    Ok(Head { seq: u64::try_from(seq).unwrap_or(0), hash: row.get(1)? })
}

fn lock(path: &Path) -> Result<File, OpenLedgerError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&name)
        .map_err(|source| OpenLedgerError::Create { path: PathBuf::from(&name), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenLedgerError::Busy { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(OpenLedgerError::Create { path: PathBuf::from(&name), source }),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

const APPLICATION_ID: i64 = 0x7472_6264;
const SCHEMA_VERSION: i64 = 1;
const CHAIN_WORD: &[u8] = b"tradingbot ledger 1\n";
const SCHEMA: &str = "
    BEGIN IMMEDIATE;
    PRAGMA application_id = 1953653348;
    PRAGMA user_version = 1;
    CREATE TABLE entry (
        seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
        previous BLOB NOT NULL, hash BLOB NOT NULL
    ) STRICT;
    CREATE TRIGGER entry_is_kept BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'an entry is kept for good'); END;
    CREATE TRIGGER entry_is_fixed BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'an entry never changes'); END;
    COMMIT;";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RunId;

    fn entry(run: u32) -> Entry {
        Entry::Stopped { run: RunId(run) }
    }

    fn filled(count: u32) -> (tempfile::TempDir, PathBuf, Head) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        let mut ledger = Ledger::open(&path).unwrap();
        for run in 0..count {
            let _durable = ledger.commit(Timestamp::from_nanos(i64::from(run)), &[entry(run)]).unwrap();
        }
        let head = ledger.head();
        (folder, path, head)
    }

    fn tamper(path: &Path, sql: &str) {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch("DROP TRIGGER entry_is_kept; DROP TRIGGER entry_is_fixed;").unwrap();
        connection.execute_batch(sql).unwrap();
    }

    #[test]
    fn what_was_committed_is_there_after_reopening() {
        let (_folder, path, head) = filled(3);
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.head(), head);
        let mut runs = Vec::new();
        ledger.each(|stored| runs.push(stored.entry)).unwrap();
        assert_eq!(runs, [entry(0), entry(1), entry(2)]);
        assert_eq!(verify(&path, Some(head)).unwrap().head, head);
    }

    #[test]
    fn a_second_writer_is_refused() {
        let (_folder, path, _) = filled(1);
        let _first = Ledger::open(&path).unwrap();
        assert!(matches!(Ledger::open(&path), Err(OpenLedgerError::Busy { .. })));
    }

    #[test]
    fn sqlite_itself_refuses_to_delete_or_change() {
        let (_folder, path, _) = filled(2);
        let connection = Connection::open(&path).unwrap();
        assert!(connection.execute("DELETE FROM entry", []).is_err());
        assert!(connection.execute("UPDATE entry SET at = 0", []).is_err());
    }

    #[test]
    fn a_changed_entry_is_named() {
        let (_folder, path, _) = filled(5);
        tamper(&path, "UPDATE entry SET body = '{\"kind\":\"stopped\",\"run\":9}' WHERE seq = 3");
        assert!(matches!(verify(&path, None), Err(VerifyError::Changed { seq: 3 })));
    }

    #[test]
    fn a_removed_entry_is_named() {
        let (_folder, path, _) = filled(5);
        tamper(&path, "DELETE FROM entry WHERE seq = 2");
        assert!(matches!(verify(&path, None), Err(VerifyError::Missing { seq: 2 })));
    }

    #[test]
    fn swapped_entries_are_named() {
        let (_folder, path, _) = filled(5);
        tamper(
            &path,
            "UPDATE entry SET seq = -1 WHERE seq = 2; UPDATE entry SET seq = 2 WHERE seq = 3; UPDATE entry SET seq = 3 WHERE seq = -1;",
        );
        assert!(matches!(verify(&path, None), Err(VerifyError::Broken { seq: 2 })));
    }

    #[test]
    fn a_cut_off_end_shows_against_a_kept_head() {
        let (_folder, path, head) = filled(5);
        tamper(&path, "DELETE FROM entry WHERE seq = 5");
        assert!(verify(&path, None).is_ok());
        assert!(matches!(verify(&path, Some(head)), Err(VerifyError::HeadMissing { .. })));
    }

    #[test]
    fn a_file_that_is_no_ledger_is_refused_and_left_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.sqlite");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
        assert!(matches!(Ledger::open(&path), Err(OpenLedgerError::Foreign { .. })));
        std::fs::write(&path, b"garbage, and not a database at all").unwrap();
        assert!(Ledger::open(&path).is_err());
        assert!(verify(&path, None).is_err());
    }

    #[test]
    fn a_full_disk_fails_the_commit_and_loses_nothing() {
        let (_folder, path, _) = filled(3);
        let mut ledger = Ledger::open(&path).unwrap();
        let before = ledger.head();
        ledger.connection.pragma_update(None, "max_page_count", 4).unwrap();
        let many: Vec<Entry> = (0..5_000).map(entry).collect();
        let error = ledger.commit(Timestamp::from_nanos(9), &many).unwrap_err();
        assert_eq!(error.remedy(), crate::domain::Remedy::Halt);
        assert_eq!(ledger.head(), before);
        ledger.connection.pragma_update(None, "max_page_count", 100_000).unwrap();
        let durable = ledger.commit(Timestamp::from_nanos(9), &many).unwrap();
        assert_eq!(verify(&path, Some(durable.head())).unwrap().entries, 5_003);
    }
}
