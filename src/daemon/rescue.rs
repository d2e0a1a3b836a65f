//! What the ledger did not take, handed to whoever cleans up: in a file beside it, or else in the log.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::genesis::Unwritten;
use crate::domain::RunId;
use crate::ledger::CommitError;
use crate::log::message;
use crate::private;

/// Where entries went that are not in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rescued {
    /// There were none.
    Nothing,
    /// To a file, a JSON object a line: `at`, `entry`.
    File {
        /// Which.
        path: PathBuf,
        /// How many.
        count: usize,
    },
    /// To the log, a record each.
    Log {
        /// How many.
        count: usize,
    },
}

/// Puts away what the ledger of `run` in the folder `state` did not take.
pub(super) fn rescue(state: &Path, run: RunId, unwritten: &Unwritten) -> Rescued {
    let count = unwritten.entries.len();
    if count == 0 {
        return Rescued::Nothing;
    }
    let path = state.join(format!("unsaved-{:08}.jsonl", run.0));
    let message_id = message::ENTRIES_UNSAVED.id;
    if has_its_folder(&unwritten.cause) && write(&path, unwritten).is_ok() {
        let file = path.display().to_string();
        tracing::error!(message_id, count, file, "entries that the ledger did not take are in a file beside it");
        return Rescued::File { path, count };
    }
    for line in lines(unwritten) {
        tracing::error!(message_id, entry = line.as_str(), "an entry that the ledger did not take");
    }
    Rescued::Log { count }
}

/// Whether a file in the folder would be found there.
const fn has_its_folder(cause: &CommitError) -> bool {
    match cause {
        CommitError::Displaced(displaced) => displaced.leaves_folder(),
        CommitError::Astray { leaves_folder } => *leaves_folder,
        CommitError::Full(_)
        | CommitError::Database(_)
        | CommitError::Random(_)
        | CommitError::Encode { .. }
        | CommitError::TooLong { .. } => true,
    }
}

fn write(path: &Path, unwritten: &Unwritten) -> io::Result<()> {
    let mut file = private::open(path, OpenOptions::new().write(true).create_new(true)).map_err(io::Error::other)?;
    let text = lines(unwritten).fold(String::new(), |text, line| text + &line + "\n");
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half of it would look like all of it.
        let _ = std::fs::remove_file(path);
    }
    written
}

fn lines(unwritten: &Unwritten) -> impl Iterator<Item = String> {
    unwritten.entries.iter().map(|entry| json!({ "at": unwritten.at, "entry": entry }).to_string())
}

impl fmt::Display for Rescued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = |count: &usize| if *count == 1 { "1 entry".to_owned() } else { format!("{count} entries") };
        match self {
            Self::Nothing => f.write_str("nothing but the end of the run is missing in it"),
            Self::File { path, count } => {
                write!(f, "{} that it did not take are in {}", entries(count), path.display())
            }
            Self::Log { count } => write!(f, "{} that it did not take are in the log, a record each", entries(count)),
        }
    }
}
