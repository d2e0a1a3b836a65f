//! Events out, in order, with the line of the first that is wrong.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::vec;

use thiserror::Error;

use super::{Header, Input, JOURNAL_VERSION, LINE_BYTES_MAX, Part, next, parts};
use crate::domain::{RunId, Seq};

/// The events of one run, oldest first. It ends after the first error.
#[derive(Debug)]
pub struct Inputs {
    header: Header,
    file: Lines,
    rest: vec::IntoIter<PathBuf>,
    last: Option<Seq>,
    torn: Option<Torn>,
    done: bool,
}

/// A last line that was cut off: the process or the machine stopped while it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// In which file.
    pub path: PathBuf,
    /// Which line, counted from 1.
    pub line: u64,
    /// How much of it there is.
    pub bytes: usize,
}

/// A journal that cannot be read.
#[derive(Debug, Error)]
pub enum ReadJournalError {
    /// A file or folder cannot be read.
    #[error("cannot read the input journal {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no journal of that run.
    #[error("{} holds no input journal{}", folder.display(), run.map_or(String::new(), |run| format!(" of run {}", run.0)))]
    Absent {
        /// Where.
        folder: PathBuf,
        /// Which run, when one was asked for.
        run: Option<RunId>,
    },
    /// The first line is no header.
    #[error("{}:1: not an input journal: its first line names no version, run and configuration", path.display())]
    Header {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Written by a version whose lines have another form.
    #[error("{}:1: written in form {form}, and this version reads form {JOURNAL_VERSION}; replay it with the version that wrote it", path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// The form.
        form: u32,
    },
    /// The file does not follow the one before it.
    #[error("{}:1: does not follow the file before it: {what}", path.display())]
    Part {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A line is no event.
    #[error("{}:{line}: not an event of a journal", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, counted from 1.
        line: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// A line is longer than any event.
    #[error("{}:{line}: longer than the {LINE_BYTES_MAX} bytes that an event may have", path.display())]
    TooLong {
        /// Which file.
        path: PathBuf,
        /// Which line, counted from 1.
        line: u64,
    },
    /// An event is missing, or came twice.
    #[error("{}:{line}: event {} where event {} should be: lines are missing or were moved", path.display(), found.0, expected.0)]
    Gap {
        /// Which file.
        path: PathBuf,
        /// Which line, counted from 1.
        line: u64,
        /// The event that should be there.
        expected: Seq,
        /// The one that is.
        found: Seq,
    },
}

impl Inputs {
    /// Opens the journal of `run` in `folder`, or of the last run there.
    ///
    /// # Errors
    ///
    /// There is none, or its first line is no header of this version.
    pub fn open(folder: &Path, run: Option<RunId>) -> Result<Self, ReadJournalError> {
        let parts = parts(folder).map_err(|source| ReadJournalError::Read { path: folder.to_owned(), source })?;
        let wanted = run.or(parts.last().map(|part| part.run));
        let of_run = parts.iter().filter(|part| Some(part.run) == wanted);
        let mut rest = of_run.map(|part| part.path(folder)).collect::<Vec<_>>().into_iter();
        let Some(first) = rest.next() else {
            return Err(ReadJournalError::Absent { folder: folder.to_owned(), run });
        };
        let mut file = Lines::open(first)?;
        file.next()?;
        let header = file.header()?;
        Ok(Self { header, file, rest, last: None, torn: None, done: false })
    }

    /// What the file that is being read says of itself. If its part is not 0 before anything was read, the run's first
    /// files were given up to the ring.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The last line, if it was cut off; known once all others were read.
    #[must_use]
    pub const fn torn(&self) -> Option<&Torn> {
        self.torn.as_ref()
    }

    fn read(&mut self) -> Result<Option<Input>, ReadJournalError> {
        while self.file.next()?.is_none() {
            let Some(path) = self.rest.next() else { return Ok(None) };
            if !self.turn(path)? {
                return Ok(None);
            }
        }
        if self.rest.len() == 0 && !self.file.buffer.ends_with(b"\n") {
            self.torn = Some(self.file.torn());
            return Ok(None);
        }
        self.decode().map(Some)
    }

    fn decode(&mut self) -> Result<Input, ReadJournalError> {
        let (path, line) = (&self.file.path, self.file.line);
        let input: Input = serde_json::from_slice(&self.file.buffer).map_err(|source| ReadJournalError::Line {
            path: path.clone(),
            line,
            source,
        })?;
        let found = input.stamped.seq;
        if let Some(expected) = self.last.map(next).filter(|expected| *expected != found) {
            return Err(ReadJournalError::Gap { path: path.clone(), line, expected, found });
        }
        self.last = Some(found);
        Ok(input)
    }

    /// Goes on in the next file; says whether it has more than part of its first line.
    fn turn(&mut self, path: PathBuf) -> Result<bool, ReadJournalError> {
        let mut file = Lines::open(path)?;
        file.next()?;
        if self.rest.len() == 0 && !file.buffer.ends_with(b"\n") {
            self.torn = Some(file.torn());
            return Ok(false);
        }
        let header = file.header()?;
        let expected = Header { part: self.header.part + 1, ..self.header.clone() };
        if header != expected {
            let what = if header.part == expected.part {
                "it has another version or configuration".to_owned()
            } else {
                format!("it is part {} and not part {}", header.part, expected.part)
            };
            return Err(ReadJournalError::Part { path: file.path, what });
        }
        (self.file, self.header) = (file, header);
        Ok(true)
    }
}

impl Iterator for Inputs {
    type Item = Result<Input, ReadJournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.read().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Opens a file, packed or not; a pipe would be waited for.
fn unpacked(path: &Path) -> io::Result<Box<dyn BufRead + Send>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    let file = File::open(path)?;
    if path.extension().is_some_and(|end| end == "zst") {
        Ok(Box::new(BufReader::new(zstd::Decoder::new(file)?)))
    } else {
        Ok(Box::new(BufReader::new(file)))
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("path", &self.path).field("line", &self.line).finish_non_exhaustive()
    }
}

/// The lines of one file.
struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    buffer: Vec<u8>,
    line: u64,
}

impl Lines {
    fn open(mut path: PathBuf) -> Result<Self, ReadJournalError> {
        let mut opened = unpacked(&path);
        if opened.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            // It may have been packed since the folder was looked at.
            let packed = PathBuf::from(format!("{}.zst", path.display()));
            if packed.exists() {
                opened = unpacked(&packed);
                path = packed;
            }
        }
        match opened {
            Ok(reader) => Ok(Self { path, reader, buffer: Vec::new(), line: 0 }),
            Err(source) => Err(ReadJournalError::Read { path, source }),
        }
    }

    /// The line just read, as the header of this file.
    fn header(&self) -> Result<Header, ReadJournalError> {
        let path = || self.path.clone();
        let header: Header =
            serde_json::from_slice(&self.buffer).map_err(|source| ReadJournalError::Header { path: path(), source })?;
        if header.journal != JOURNAL_VERSION {
            return Err(ReadJournalError::Form { path: path(), form: header.journal });
        }
        match Part::of(&self.path) {
            Some(part) if part != (Part { run: header.run, number: header.part }) => {
                let what = format!("it is part {} of run {}, unlike its name", header.part, header.run.0);
                Err(ReadJournalError::Part { path: path(), what })
            }
            _ => Ok(header),
        }
    }

    fn torn(&self) -> Torn {
        Torn { path: self.path.clone(), line: self.line, bytes: self.buffer.len() }
    }

    /// The next line with its end, or what there is of it; nothing at the end of the file.
    fn next(&mut self) -> Result<Option<&[u8]>, ReadJournalError> {
        self.buffer.clear();
        let longest = u64::try_from(LINE_BYTES_MAX + 1).expect("a few megabytes");
        let read = self
            .reader
            .by_ref()
            .take(longest)
            .read_until(b'\n', &mut self.buffer)
            .map_err(|source| ReadJournalError::Read { path: self.path.clone(), source })?;
        self.line += 1;
        match read {
            0 => Ok(None),
            read if read > LINE_BYTES_MAX && !self.buffer.ends_with(b"\n") => {
                Err(ReadJournalError::TooLong { path: self.path.clone(), line: self.line })
            }
            _ => Ok(Some(&self.buffer)),
        }
    }
}
