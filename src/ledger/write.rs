//! Entries in: the one writer of a ledger, and the proof that what it wrote is on disk.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::chain::{Form, Head};
use super::error::{CommitError, OpenLedgerError, ReadError};
use super::migrate::{Migration, migrate};
use super::page::Stored;
use super::place::{Place, open_to_write};
use super::salt::{Salt, Salts};
use super::schema::{self, Version, seq_to};
use super::source::{Fault, Source};
use super::verify;
use super::watch::Watch;
use crate::domain::{Entry, Timestamp};

/// The one writer of a ledger. There is no way to delete from it.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    head: Head,
    /// Whether `head` has to be read again: a commit failed and so did reading what became of it.
    unsure: bool,
    body: Vec<u8>,
    salts: Salts,
    place: Option<Place>,
    migration: Option<Migration>,
    watch: Option<Watch>,
    /// Set once entries went to a file that was taken away meanwhile, to whether the folder was left; nothing is written
    /// behind them.
    astray: Option<bool>,
}

/// Proof that entries are on disk; only [`Ledger::commit`] makes one.
#[derive(Debug)]
#[must_use]
pub struct Durable {
    head: Head,
}

impl Durable {
    /// The last entry that is on disk.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }
}

impl Ledger {
    /// Opens the ledger at `path` for writing, and makes it and its folder when there is none. Only the last entry is
    /// checked; [`Ledger::each`] and [`verify`](fn@super::verify) check all.
    ///
    /// # Errors
    ///
    /// Another process writes it, others can get at it, it is not a ledger of this version as it was made, its last
    /// entry does not hold, or the disk refuses.
    pub fn open(path: &Path) -> Result<Self, OpenLedgerError> {
        let mut place = Place::take(path)?;
        place.prepare()?;
        let path = place.path();
        // Read-only first: what is not ours stays exactly as it is.
        let inspected = Source::open(path)?.read(|connection| Ok(schema::inspect(connection)?))?;
        if let Some(fault) = inspected.fault {
            return Err(OpenLedgerError::Schema { path: path.to_owned(), fault });
        }
        let migration = match inspected.version {
            Version::One => Some(migrate(path)?),
            Version::Two => None,
        };
        let fault = |source| OpenLedgerError::Database { path: path.to_owned(), source };
        let connection = open_to_write(path).map_err(fault)?;
        schema::make_durable(&connection).map_err(fault)?;
        let head = schema::head(&connection).map_err(fault)?;
        if !verify::end_holds(&connection, head).map_err(fault)? {
            return Err(OpenLedgerError::BrokenEnd { path: path.to_owned() });
        }
        let watch = Watch::begin(path).map_err(|source| OpenLedgerError::Create { path: path.to_owned(), source })?;
        place.check_reserve()?;
        place.reserve();
        Ok(Self {
            connection,
            head,
            unsure: false,
            body: Vec::new(),
            salts: Salts::Drawn(Vec::new()),
            place: Some(place),
            migration,
            watch: Some(watch),
            astray: None,
        })
    }

    /// A ledger in memory, for backtests and tests.
    ///
    /// # Errors
    ///
    /// SQLite refuses.
    pub fn in_memory() -> Result<Self, OpenLedgerError> {
        let fault = |source| OpenLedgerError::Database { path: PathBuf::from(":memory:"), source };
        let connection = Connection::open_in_memory().map_err(fault)?;
        schema::harden(&connection).map_err(fault)?;
        schema::create(&connection).map_err(fault)?;
        Ok(Self {
            connection,
            head: Head::EMPTY,
            unsure: false,
            body: Vec::new(),
            salts: Salts::Numbered,
            place: None,
            migration: None,
            watch: None,
            astray: None,
        })
    }

    /// The last entry.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// What was done to it when it was opened, if it was an earlier version's.
    #[must_use]
    pub const fn migration(&self) -> Option<&Migration> {
        self.migration.as_ref()
    }

    /// When the last entry was written, by its own account; `None` when there is none.
    ///
    /// # Errors
    ///
    /// The disk refuses.
    pub fn last_at(&self) -> Result<Option<Timestamp>, ReadError> {
        schema::last_at(&self.connection).map_err(|fault| Fault::from(fault).at(self.path()))
    }

    /// Writes `entries` down, all or none, and returns once they are on disk. When the disk is full and a halt is among
    /// them, the space kept for that is given up; the first commit that finds it free sets it aside again.
    ///
    /// # Errors
    ///
    /// The disk is full, read-only or broken, the ledger is not where it was opened, or an entry is too long. The ledger then is as it was before, and a later
    /// commit may succeed. Only if the power fails before one does may entries be there that were refused here.
    pub fn commit(&mut self, at: Timestamp, entries: &[Entry]) -> Result<Durable, CommitError> {
        let halts = entries.iter().any(|entry| matches!(entry, Entry::Halted { .. }));
        match self.try_commit(at, entries) {
            Err(CommitError::Full(_)) if halts && self.place.as_mut().is_some_and(Place::release) => {
                self.try_commit(at, entries)
            }
            result => result,
        }
    }

    /// Whether the ledger lies where it was opened, for when there is nothing to write.
    ///
    /// # Errors
    ///
    /// It, its folder or a file that belongs to it was removed, renamed or replaced.
    pub fn check(&mut self) -> Result<(), CommitError> {
        if let Some(leaves_folder) = self.astray {
            return Err(CommitError::Astray { leaves_folder });
        }
        let Some(watch) = &mut self.watch else { return Ok(()) };
        watch.look().map_err(|displaced| {
            self.step_back();
            displaced.into()
        })
    }

    /// Shows every entry, oldest first, and checks the chain on the way: after an entry that does not hold, none is shown.
    ///
    /// # Errors
    ///
    /// The disk refuses, an entry is not the one that was written, or cannot be understood.
    pub fn each(&self, visit: impl FnMut(Stored)) -> Result<(), ReadError> {
        verify::each(&self.connection, visit).map_err(|fault| fault.at(self.path()))
    }

    fn path(&self) -> &Path {
        self.place.as_ref().map_or(Path::new(":memory:"), Place::path)
    }

    fn try_commit(&mut self, at: Timestamp, entries: &[Entry]) -> Result<Durable, CommitError> {
        self.look_before()?;
        if self.unsure {
            self.reread_head()?;
        }
        if entries.is_empty() {
            self.set_aside();
            return Ok(Durable { head: self.head });
        }
        match self.write(at, entries) {
            Ok(head) => {
                // What went to a file that is not there any more is not kept.
                if let Some(Err(displaced)) = self.watch.as_mut().map(Watch::look) {
                    self.astray = Some(displaced.leaves_folder());
                    self.step_back();
                    return Err(displaced.into());
                }
                self.head = head;
            }
            Err(error) => {
                // Whatever became of it, what is there is the truth; the next commit asks again if this fails.
                self.unsure = true;
                if !self.connection.is_autocommit() {
                    let _ = self.connection.execute_batch("ROLLBACK");
                }
                let _ = self.reread_head();
                return Err(error);
            }
        }
        self.set_aside();
        Ok(Durable { head: self.head })
    }

    /// Whether the space kept for a full disk is gone: the next entry may be the last that fits.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.place.as_ref().is_some_and(|place| !place.is_reserved())
    }

    fn set_aside(&mut self) {
        if let Some(place) = &mut self.place {
            place.reserve();
        }
    }

    fn look_before(&mut self) -> Result<(), CommitError> {
        if let Some(leaves_folder) = self.astray {
            return Err(CommitError::Astray { leaves_folder });
        }
        match self.watch.as_mut().map(Watch::look_again) {
            Some(Err(displaced)) => {
                self.step_back();
                Err(displaced.into())
            }
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// Brings what was acknowledged from a write-ahead file, of which the name may be gone, into the main file, and leaves
    /// alone what lies under these names now: SQLite would remove another ledger's write-ahead file when it closes.
    fn step_back(&self) {
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }

    fn write(&mut self, at: Timestamp, entries: &[Entry]) -> Result<Head, CommitError> {
        self.salts.prepare(entries.len()).map_err(CommitError::Random)?;
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut head = self.head;
        for entry in entries {
            let kind = entry.kind();
            self.body.clear();
            serde_json::to_writer(&mut self.body, entry).map_err(|source| CommitError::Encode { kind, source })?;
            if self.body.len() > BODY_BYTES_MAX {
                return Err(CommitError::TooLong { kind, bytes: self.body.len() });
            }
            let body = std::str::from_utf8(&self.body).expect("JSON is UTF-8");
            head = insert(&self.connection, head, at, entry, body, self.salts.next(head.seq + 1))?;
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(head)
    }

    fn reread_head(&mut self) -> rusqlite::Result<()> {
        self.head = schema::head(&self.connection)?;
        self.unsure = false;
        Ok(())
    }
}

/// Puts an entry, of which `body` is the JSON, behind `head`; gives the head after it.
pub(super) fn insert(
    connection: &Connection,
    head: Head,
    at: Timestamp,
    entry: &Entry,
    body: &str,
    salt: Salt,
) -> rusqlite::Result<Head> {
    let order = entry.order().map(|id| id.to_string());
    let form = Form::Salted { salt, kind: entry.kind(), order: order.as_deref() };
    let next = head.then(at, body, form);
    let mut insert = connection.prepare_cached(
        "INSERT INTO entry (seq, at, kind, body, previous, hash, salt, order_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let (previous, hash) = (&head.hash.0, &next.hash.0);
    insert.execute((seq_to(next.seq), at.nanos(), entry.kind(), body, previous, hash, &salt.0, order))?;
    Ok(next)
}

/// Longest entry, in bytes of JSON; the longest text in one is an exchange's or operator's reason.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Remedy, RunId};

    fn batch(runs: std::ops::Range<u32>) -> Vec<Entry> {
        runs.map(|run| Entry::Stopped { run: RunId(run) }).collect()
    }

    fn opened() -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&folder.path().join("ledger.sqlite")).unwrap();
        let _durable = ledger.commit(Timestamp::ZERO, &batch(0..3)).unwrap();
        (folder, ledger)
    }

    #[test]
    fn a_batch_that_does_not_fit_fails_whole_and_the_next_one_works() {
        let (_folder, mut ledger) = opened();
        let before = ledger.head();
        ledger.connection.pragma_update(None, "max_page_count", 8).unwrap();
        let error = ledger.commit(Timestamp::ZERO, &batch(3..5_000)).unwrap_err();
        assert!(matches!(error, CommitError::Full(_)), "{error}");
        assert_eq!((error.remedy(), ledger.head()), (Remedy::Halt, before));
        ledger.connection.pragma_update(None, "max_page_count", 100_000).unwrap();
        assert_eq!(ledger.commit(Timestamp::ZERO, &batch(3..5_000)).unwrap().head().seq, 5_000);
    }

    #[test]
    fn a_disk_that_became_read_only_halts_until_it_is_writable_again() {
        let (_folder, mut ledger) = opened();
        let before = ledger.head();
        ledger.connection.pragma_update(None, "query_only", true).unwrap();
        let error = ledger.commit(Timestamp::ZERO, &batch(3..4)).unwrap_err();
        assert!(matches!(error, CommitError::Database(_)), "{error}");
        assert_eq!((error.remedy(), ledger.head()), (Remedy::Halt, before));
        ledger.connection.pragma_update(None, "query_only", false).unwrap();
        assert_eq!(ledger.commit(Timestamp::ZERO, &batch(3..4)).unwrap().head().seq, 4);
    }

    #[test]
    fn a_head_that_could_not_be_read_after_a_failure_is_read_before_the_next_commit() {
        let (_folder, mut ledger) = opened();
        let before = ledger.head();
        (ledger.head, ledger.unsure) = (Head::EMPTY, true);
        assert_eq!(ledger.commit(Timestamp::ZERO, &[]).unwrap().head(), before);
        assert_eq!(ledger.commit(Timestamp::ZERO, &batch(3..4)).unwrap().head().seq, 4);
    }

    #[test]
    fn somebody_who_writes_with_other_tools_fails_the_commit_and_not_the_ledger() {
        let (folder, mut ledger) = opened();
        let other = Connection::open(folder.path().join("ledger.sqlite")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let before = ledger.head();
        assert!(ledger.commit(Timestamp::ZERO, &batch(3..4)).is_err());
        assert_eq!(ledger.head(), before);
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(ledger.commit(Timestamp::ZERO, &batch(3..4)).unwrap().head().seq, 4);
    }
}
