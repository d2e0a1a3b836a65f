//! A disk under the ledger: it fills up, tears writes and comes back; what it said it has, it must have.

use std::fs;
use std::path::PathBuf;

use rusqlite::ffi;
use tempfile::TempDir;
use tradingbot::domain::{Entry, Timestamp};
use tradingbot::ledger::{self, CommitError, Durable, Head, Ledger};
use tradingbot::market::Random;

use super::auditor::Violation;

/// Entries with their times, oldest first.
pub type Entries = Vec<(Timestamp, Entry)>;

/// A real ledger, in memory or in a file of its own.
pub struct Disk {
    ledger: Option<Ledger>,
    folder: Option<TempDir>,
    /// What has been said to be on disk.
    kept: Entries,
    /// What a write that was cut off may have left.
    torn: Entries,
    /// What was refused, and is there all the same if the power fails before the next write.
    phantom: Entries,
    pub full: bool,
    /// Whether the room that is kept for a halt on a full disk is there.
    pub room: bool,
}

impl Disk {
    pub fn new(on_file: bool) -> Self {
        let folder = on_file.then(|| {
            let fast = PathBuf::from("/dev/shm");
            if fast.is_dir() { TempDir::new_in(fast) } else { TempDir::new() }.unwrap()
        });
        let mut disk = Self {
            ledger: None,
            folder,
            kept: Vec::new(),
            torn: Vec::new(),
            phantom: Vec::new(),
            full: false,
            room: true,
        };
        disk.open();
        disk
    }

    pub fn head(&self) -> Head {
        self.ledger().head()
    }

    /// What has been said to be on disk.
    pub const fn kept(&self) -> &Entries {
        &self.kept
    }

    /// What really is.
    pub fn entries(&self) -> Entries {
        let mut entries = Vec::new();
        self.ledger().each(|stored| entries.push((stored.at, stored.value))).unwrap();
        entries
    }

    pub fn commit(&mut self, at: Timestamp, entries: &[Entry], dice: &mut Random) -> Result<Durable, CommitError> {
        self.phantom.clear();
        let halts = entries.iter().any(|entry| matches!(entry, Entry::Halted { .. }));
        if self.full && halts && std::mem::take(&mut self.room) {
            return self.write(at, entries);
        }
        if self.full {
            if dice.odds(1, 4) {
                self.phantom = entries.iter().map(|entry| (at, entry.clone())).collect();
            }
            let full = ffi::Error::new(ffi::SQLITE_FULL);
            return Err(CommitError::Full(rusqlite::Error::SqliteFailure(full, None)));
        }
        self.room = true;
        self.write(at, entries)
    }

    fn write(&mut self, at: Timestamp, entries: &[Entry]) -> Result<Durable, CommitError> {
        let durable = self.ledger.as_mut().unwrap().commit(at, entries)?;
        self.kept.extend(entries.iter().map(|entry| (at, entry.clone())));
        Ok(durable)
    }

    /// Says "written" and writes nothing.
    pub fn pretend(&mut self, at: Timestamp) -> Durable {
        self.ledger.as_mut().unwrap().commit(at, &[]).unwrap()
    }

    /// A write that the power fails in: some of its bytes reach the disk.
    pub fn tear(&mut self, at: Timestamp, entries: &[Entry], dice: &mut Random) {
        self.phantom.clear();
        let before = self.files();
        let mut ledger = self.ledger.take().unwrap();
        self.torn = entries.iter().map(|entry| (at, entry.clone())).collect();
        if self.folder.is_none() {
            // In memory a write is there or not.
            if dice.odds(1, 2) {
                let _durable = ledger.commit(at, entries).unwrap();
            }
            self.ledger = Some(ledger);
            return;
        }
        let _durable = ledger.commit(at, entries).unwrap();
        let after = self.files();
        drop(ledger);
        // What is copied into the database has been whole in the log before.
        let moved = before[0] != after[0];
        let database = if moved { mixed(&before[0], &after[0], dice) } else { after[0].clone() };
        let log = if moved { after[1].clone() } else { mixed(&before[1], &after[1], dice) };
        self.put([database, log]);
    }

    /// The power has failed and is back. Whether what was refused without being written turned up after all.
    pub fn recover(&mut self) -> Result<u64, Violation> {
        let mut phantoms = 0;
        if !self.phantom.is_empty() {
            let phantom = std::mem::take(&mut self.phantom);
            let entries: Vec<Entry> = phantom.iter().map(|(_, entry)| entry.clone()).collect();
            let _durable = self.ledger.as_mut().unwrap().commit(phantom[0].0, &entries).unwrap();
            self.kept.extend(phantom);
            phantoms = 1;
        }
        if self.folder.is_some() {
            if let Some(ledger) = self.ledger.take() {
                // What closing in order would tidy up stays as it was.
                let files = self.files();
                drop(ledger);
                self.put(files);
            }
            self.open();
        }
        let (found, torn) = (self.entries(), std::mem::take(&mut self.torn));
        let rest = found.strip_prefix(self.kept.as_slice());
        let whole = rest.is_some_and(|rest| rest.is_empty() || rest == torn);
        self.kept = found;
        if whole {
            Ok(phantoms)
        } else {
            Err(Violation::new(
                "what is on disk stays on disk, and a torn write is all or nothing",
                "the ledger differs",
            ))
        }
    }

    /// Whether the chain holds from the first entry to the last.
    pub fn verify(&self) -> bool {
        let Some(folder) = &self.folder else { return true };
        ledger::verify(&folder.path().join(FILES[0]), Some(self.head())).is_ok()
    }

    fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().unwrap()
    }

    fn open(&mut self) {
        self.ledger = Some(match &self.folder {
            Some(folder) => Ledger::open(&folder.path().join(FILES[0])).unwrap(),
            None => Ledger::in_memory().unwrap(),
        });
    }

    /// Database and log, byte for byte.
    fn files(&self) -> [Vec<u8>; 2] {
        let Some(folder) = &self.folder else { return [Vec::new(), Vec::new()] };
        FILES.map(|name| fs::read(folder.path().join(name)).unwrap_or_default())
    }

    fn put(&self, files: [Vec<u8>; 2]) {
        let folder = self.folder.as_ref().unwrap().path();
        let _ = fs::remove_file(folder.join("ledger.sqlite-shm"));
        for (name, bytes) in FILES.iter().zip(files) {
            fs::write(folder.join(name), bytes).unwrap();
        }
    }
}

/// Some sectors as they were, some as they should have become; the end may be missing.
fn mixed(before: &[u8], after: &[u8], dice: &mut Random) -> Vec<u8> {
    let cut = usize::try_from(dice.below(u64::try_from(after.len()).unwrap() + 1)).unwrap();
    let ordered = dice.odds(1, 2);
    let length = if dice.odds(1, 2) { after.len() } else { before.len().max(cut) };
    let mut bytes = after[..length.min(after.len())].to_vec();
    for (index, sector) in bytes.chunks_mut(SECTOR).enumerate() {
        let start = index * SECTOR;
        let lost = if ordered { start >= cut } else { dice.odds(1, 3) };
        if lost {
            for (offset, byte) in sector.iter_mut().enumerate() {
                *byte = before.get(start + offset).copied().unwrap_or(0);
            }
        }
    }
    bytes
}

const FILES: [&str; 2] = ["ledger.sqlite", "ledger.sqlite-wal"];
const SECTOR: usize = 512;
