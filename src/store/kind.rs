//! What a data file holds, told by its first line.

use std::io;
use std::path::{Path, PathBuf};

use memchr::{memchr, memchr_iter};
use thiserror::Error;

use super::error::shorten;
use super::foreign::Foreign;
use super::lines::{Lines, LinesError};
use super::recording::LINE_BYTES_MAX;
use super::{LineFault, Place};

/// What a data file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataKind {
    /// Messages of market streams with the time of their receipt.
    Recording,
    /// Trades, each by itself or several at one price merged.
    Trades,
    /// Klines.
    Klines,
}

impl DataKind {
    /// Looks at the first line of a file, plain or packed with zstd.
    ///
    /// # Errors
    ///
    /// [`DataKindError`] when there is none, or when it is of no kind.
    pub fn of(path: &Path) -> Result<Self, DataKindError> {
        let place = |line| Place { path: path.to_path_buf(), line };
        let mut lines = Lines::open_with(path, LINE_BYTES_MAX).map_err(|error| refusal(path, error))?;
        let (line, kind, text) = match lines.next_line() {
            Ok(Some((line, text))) => (line, Self::of_line(text), shorten(text)),
            Ok(None) => return Err(DataKindError::Empty { path: path.to_path_buf() }),
            Err(error) => return Err(refusal(path, lines.explain_error(error, Foreign::Recording))),
        };
        match (kind, lines.foreign()) {
            (_, Some(kind)) if !kind.is_ours() => {
                Err(DataKindError::Line { place: place(line), fault: LineFault::Foreign { kind } })
            }
            (Some(kind), _) => Ok(kind),
            (None, _) => Err(DataKindError::Unknown { place: place(line), text }),
        }
    }

    fn of_line(text: &[u8]) -> Option<Self> {
        let brace = memchr(b'{', text);
        let comma = memchr(b',', text);
        if brace.is_some_and(|brace| comma.is_none_or(|comma| brace < comma)) {
            return Some(Self::Recording);
        }
        match memchr_iter(b',', text).count() + 1 {
            6..=8 => Some(Self::Trades),
            12 => Some(Self::Klines),
            _ => None,
        }
    }
}

/// A file whose kind cannot be told.
#[derive(Debug, Error)]
pub enum DataKindError {
    /// The file cannot be opened.
    #[error("{} cannot be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file opens but cannot be read.
    #[error("{place}: the file cannot be read; if it is packed it may be cut off or damaged: fetch it again")]
    Read {
        /// Where reading stopped.
        place: Place,
        /// What the operating system or the unpacker says.
        source: io::Error,
    },
    /// A line that no data file has.
    #[error("{place}: {fault}")]
    Line {
        /// Which line.
        place: Place,
        /// What is wrong with it.
        fault: LineFault,
    },
    /// There is not one line.
    #[error("{} is empty; fetch it again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Neither a message nor a row.
    #[error(
        "{place}: \"{text}\" is neither a recorded message nor a row of trades (6 to 8 columns) or klines (12 columns)"
    )]
    Unknown {
        /// Which line.
        place: Place,
        /// What stands there, shortened.
        text: String,
    },
}

fn refusal(path: &Path, error: LinesError) -> DataKindError {
    let path = path.to_path_buf();
    match error {
        LinesError::Open(source) => DataKindError::Open { path, source },
        LinesError::Read(line, source) => DataKindError::Read { place: Place { path, line }, source },
        LinesError::Line(line, fault) => DataKindError::Line { place: Place { path, line }, fault },
    }
}
