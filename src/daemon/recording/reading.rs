//! How a recording is read: in pieces, and with its faults in words.

use std::path::PathBuf;

use crate::domain::Market;
use crate::store::{ReadRecordingError, RecordingReader};

use super::super::feed::FeedError;

/// Opens the files of a recording that is of `market` as far as it does not say so itself.
pub(super) fn open(files: &[PathBuf], market: Market) -> Result<RecordingReader, FeedError> {
    Ok(RecordingReader::open(files).map_err(in_words)?.taken_as(market))
}

/// The error with all its causes.
pub(super) fn in_words(error: ReadRecordingError) -> FeedError {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    FeedError(words)
}

/// So many lines are read at once, at most; each has a megabyte at most.
pub(super) const LINES_PER_POLL: u64 = 64;
