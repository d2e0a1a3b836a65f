//! Recorded streams as a source.

use std::path::PathBuf;

use crate::domain::{Event, Timestamp};
use crate::store::{ReadRecordingError, Recorded, RecordingReader};

use super::source::{Source, SourceError};

/// Recorded streams, in the order of their files.
pub struct Recording {
    reader: RecordingReader,
    first: Option<Recorded>,
}

impl Recording {
    /// Opens the files and looks at the first event.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or none with an event in it.
    pub fn open(files: &[PathBuf]) -> Result<Self, SourceError> {
        let mut reader = RecordingReader::open(files).map_err(said)?;
        let first = reader.next().transpose().map_err(said)?;
        match first {
            Some(_) => Ok(Self { reader, first }),
            None => Err(SourceError("the recording has no market events in it; name another file".to_owned())),
        }
    }

    /// The time of the first event.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.first.as_ref().map_or(Timestamp::ZERO, |recorded| recorded.at)
    }
}

impl Source for Recording {
    fn next(&mut self) -> Option<Result<(Timestamp, Event), SourceError>> {
        let recorded = match self.first.take() {
            Some(first) => first,
            None => match self.reader.next()? {
                Ok(recorded) => recorded,
                Err(error) => return Some(Err(said(error))),
            },
        };
        Some(Ok((recorded.at, Event::Market(recorded.event))))
    }

    fn position(&self) -> Option<(u64, u64)> {
        self.reader.position()
    }
}

fn said(error: ReadRecordingError) -> SourceError {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    SourceError(words)
}
