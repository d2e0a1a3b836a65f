//! Events in: a ring of files, each line whole or not there.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

use super::{CommandDigest, Header, JOURNAL_VERSION, LINE_BYTES_MAX, Part, pack, parts};
use crate::clock;
use crate::domain::{RunId, Span, Stamped, Timestamp};

/// Writes the journal of one run.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    ring: Ring,
    header: Header,
    file: File,
    /// Bytes of whole lines in the file.
    written: u64,
    /// Events in the file, or on their way there.
    events: u64,
    /// Lines that are not in the file yet.
    buffer: Vec<u8>,
    /// Whether a line was refused; one behind it would make the journal lie.
    ended: bool,
    /// Whether earlier files were looked at for packing.
    packed: bool,
}

/// How much of the past is kept, over all runs; never more than 1 GiB, as it lies on the disk, and 7 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ring {
    /// Most files; the oldest is removed for a new one. At least 2.
    pub files: usize,
    /// Most bytes a file before it is packed, but for a single line that is longer.
    pub bytes: u64,
}

/// Events that could not be kept. The run goes on; it cannot be replayed past this point.
#[derive(Debug, Error)]
pub enum JournalError {
    /// A file cannot be made.
    #[error("cannot make the input journal {}; check that its folder is writable and has no file of that name", path.display())]
    Create {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written. What was appended is kept in memory and tried again.
    #[error("cannot write the input journal {}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Too much waits to be written, or an event is too long; the journal of this run ends here.
    #[error("the input journal of run {} ends here: {bytes} bytes wait to be written", run.0)]
    Ended {
        /// Which run.
        run: RunId,
        /// How many bytes of the last line and those before it.
        bytes: usize,
    },
}

impl Default for Ring {
    /// 512 files of 16 MiB before they are packed, which is to about an eighth (three journals of the practice market: 8.5 to 8.6).
    fn default() -> Self {
        Self { files: 512, bytes: 16 << 20 }
    }
}

impl Journal {
    /// Begins the journal of `run` in `folder`, which is made when there is none. `config` is the SHA-256 of the
    /// configuration in force, in hexadecimal.
    ///
    /// # Errors
    ///
    /// The folder or the file cannot be made, or there is a journal of that run.
    pub fn create(folder: &Path, version: &str, run: RunId, config: &str, ring: Ring) -> Result<Self, JournalError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| JournalError::Create { path: folder.to_owned(), source })?;
        let header =
            Header { journal: JOURNAL_VERSION, version: version.to_owned(), run, config: config.to_owned(), part: 0 };
        let file = create(&Part { run, number: 0 }.plain(folder))?;
        let mut journal = Self {
            folder: folder.to_owned(),
            ring,
            header,
            file,
            written: 0,
            events: 0,
            buffer: Vec::new(),
            ended: false,
            packed: false,
        };
        journal.begin_part();
        journal.flush()?;
        Ok(journal)
    }

    /// Keeps `stamped` and the digest of the commands that it led to. It is in memory until the next
    /// [`flush`](Self::flush), or until 64 KiB wait.
    ///
    /// # Errors
    ///
    /// The disk refuses: the line stays in memory, until too many do and the journal ends.
    pub fn append(&mut self, stamped: &Stamped, commands: &[u8]) -> Result<(), JournalError> {
        if self.ended {
            return Err(self.end(0));
        }
        if !std::mem::replace(&mut self.packed, true) {
            // What earlier lives left; not before the first event, since a process is confined with one thread.
            pack::begin(&self.folder, self.part());
        }
        let before = self.buffer.len();
        write_line(&mut self.buffer, &Line { stamped, commands: CommandDigest::of(commands) });
        let line = self.buffer.len() - before;
        if line > LINE_BYTES_MAX || self.buffer.len() > BUFFER_BYTES_MAX {
            self.buffer.truncate(before);
            return Err(self.end(line));
        }
        let full = self.events > 0 && self.written + bytes(self.buffer.len()) > self.ring.bytes;
        if full {
            let line = self.buffer.split_off(before);
            let turned = self.flush().and_then(|()| self.turn());
            self.buffer.extend_from_slice(&line);
            self.events += 1;
            return turned;
        }
        self.events += 1;
        if self.buffer.len() >= FLUSH_BYTES { self.flush() } else { Ok(()) }
    }

    /// Hands everything to the system, so that it survives the end of this process. It does not wait for the disk.
    ///
    /// # Errors
    ///
    /// The disk refuses; nothing is lost yet.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        if let Err(source) = self.file.write_all(&self.buffer) {
            // A half-written line goes, so that the lines can be written again.
            let _ = self.file.set_len(self.written);
            return Err(JournalError::Write { path: self.path(), source });
        }
        self.written += bytes(self.buffer.len());
        self.buffer.clear();
        Ok(())
    }

    /// Goes on in a new file and removes the oldest ones.
    fn turn(&mut self) -> Result<(), JournalError> {
        let part = Part { run: self.header.run, number: self.header.part + 1 };
        self.file = create(&part.plain(&self.folder))?;
        self.header.part = part.number;
        self.written = 0;
        self.events = 0;
        self.begin_part();
        pack::begin(&self.folder, part);
        Ok(())
    }

    fn begin_part(&mut self) {
        write_line(&mut self.buffer, &self.header);
        let Ok(parts) = parts(&self.folder) else { return };
        let surplus = parts.len().saturating_sub(self.ring.files.max(FILES_MIN));
        let (mut kept, now) = (0_u64, clock::now());
        for (newer, part) in parts.iter().rev().enumerate() {
            let path = part.path(&self.folder);
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            kept = kept.saturating_add(found.len());
            let age = now.since(Timestamp::from_nanos(found.mtime().saturating_mul(NANOS_PER_SECOND)));
            let beyond = parts.len() - newer <= surplus || kept > KEPT_BYTES_MAX || age > KEPT_AGE_MAX;
            if beyond && newer >= FILES_MIN {
                // One that cannot be removed is tried again with the next file.
                let _ = fs::remove_file(path);
                let _ = fs::remove_file(part.plain(&self.folder));
            }
        }
    }

    fn end(&mut self, line: usize) -> JournalError {
        self.ended = true;
        JournalError::Ended { run: self.header.run, bytes: self.buffer.len() + line }
    }

    const fn part(&self) -> Part {
        Part { run: self.header.run, number: self.header.part }
    }

    fn path(&self) -> PathBuf {
        self.part().plain(&self.folder)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Whoever must know whether it is written has called `flush`.
        let _ = self.flush();
    }
}

#[derive(Serialize)]
struct Line<'a> {
    stamped: &'a Stamped,
    commands: CommandDigest,
}

fn write_line(buffer: &mut Vec<u8>, line: &impl Serialize) {
    serde_json::to_writer(&mut *buffer, line).expect("events and headers have text keys and go to memory");
    buffer.push(b'\n');
}

fn create(path: &Path) -> Result<File, JournalError> {
    OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|source| JournalError::Create { path: path.to_owned(), source })
}

fn bytes(count: usize) -> u64 {
    u64::try_from(count).expect("what is in memory can be counted in 64 bits")
}

const FILES_MIN: usize = 2;
/// What all files together may take on the disk, in bytes.
const KEPT_BYTES_MAX: u64 = 1 << 30;
const KEPT_AGE_MAX: Span = Span::from_secs(7 * 86_400);
const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// What is gathered before it is handed to the system, in bytes.
const FLUSH_BYTES: usize = 64 * 1024;
/// What waits at most while the disk refuses, in bytes.
const BUFFER_BYTES_MAX: usize = 8 << 20;
