//! The input journal: every event that the engine took in and a digest of what it led to, so that a run can be replayed
//! bit for bit. It is no ledger: what is lost of it costs a replay and no money.

mod pack;
mod read;
mod write;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

use crate::domain::{RunId, Seq, Stamped, hex};

pub use read::{Inputs, ReadJournalError, Torn};
pub use write::{Journal, JournalError, Ring};

/// The first line of every file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Header {
    /// The form of the lines below; [`JOURNAL_VERSION`].
    pub journal: u32,
    /// The program's version.
    pub version: String,
    /// Which life.
    pub run: RunId,
    /// SHA-256 of the configuration in force, in hexadecimal.
    pub config: String,
    /// Which of the run's files, counted from 0.
    pub part: u32,
}

/// One event and what it led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The event.
    pub stamped: Stamped,
    /// Digest of the commands.
    pub commands: CommandDigest,
}

/// The first 64 bits of a SHA-256: enough to see that two runs differ, no proof against a forger. Shows as 16
/// hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CommandDigest([u8; 8]);

impl CommandDigest {
    /// The digest of commands, in whatever form of bytes the caller always gives them.
    #[must_use]
    pub fn of(commands: &[u8]) -> Self {
        let hash: [u8; 32] = Sha256::digest(commands).into();
        Self(*hash.first_chunk().expect("32 bytes begin with 8"))
    }
}

impl fmt::Display for CommandDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for CommandDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CommandDigest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        hex::decode(text.as_bytes()).map(Self).ok_or("a digest is 16 hexadecimal digits")
    }
}

impl Serialize for CommandDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CommandDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A file of the journal by its name: `inputs-00000007-002.jsonl` is the third of run 7, and `inputs-00000007-002.jsonl.zst`
/// the same, packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    run: RunId,
    number: u32,
}

impl Part {
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let plain = name.strip_suffix(".zst").unwrap_or(name);
        let (run, number) = plain.strip_prefix("inputs-")?.strip_suffix(".jsonl")?.split_once('-')?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let part = Self { run: RunId(digits(run)?), number: digits(number)? };
        // A packed file is made here alone, so it is named as it is here.
        (plain.len() == name.len() || part.packed(Path::new("")) == Path::new(name)).then_some(part)
    }

    fn plain(self, folder: &Path) -> PathBuf {
        folder.join(format!("inputs-{:08}-{:03}.jsonl", self.run.0, self.number))
    }

    fn packed(self, folder: &Path) -> PathBuf {
        folder.join(format!("inputs-{:08}-{:03}.jsonl.zst", self.run.0, self.number))
    }

    /// The file that there is, packed or not. Packing ends with a moment in which there are both, and both are whole.
    fn path(self, folder: &Path) -> PathBuf {
        let packed = self.packed(folder);
        if packed.exists() { packed } else { self.plain(folder) }
    }
}

/// Every file of a journal in `folder`, oldest first.
fn parts(folder: &Path) -> std::io::Result<Vec<Part>> {
    let mut parts = Vec::new();
    for found in std::fs::read_dir(folder)? {
        parts.extend(Part::of(&found?.path()));
    }
    parts.sort_unstable();
    parts.dedup();
    Ok(parts)
}

/// The event that must follow one.
const fn next(seq: Seq) -> Seq {
    Seq(seq.0 + 1)
}

/// The form of lines that is written and read, and of the commands under their digests. Forms 1 and 2 had the commands
/// as Rust's `Debug` shows them.
pub const JOURNAL_VERSION: u32 = 3;
/// Longest line, in bytes; the longest event is a whole order book.
const LINE_BYTES_MAX: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_known_by_its_name_whatever_its_numbers() {
        let folder = Path::new("/x");
        let part = Part { run: RunId(7), number: 2 };
        assert_eq!(part.path(folder), Path::new("/x/inputs-00000007-002.jsonl"));
        for part in [part, Part { run: RunId(u32::MAX), number: 12_345 }] {
            assert_eq!(Part::of(&part.path(folder)), Some(part));
        }
        for name in ["inputs-1.jsonl", "inputs-+1-000.jsonl", "inputs-1-2.jsonl.zst", "x", "inputs--.jsonl"] {
            assert_eq!(Part::of(Path::new(name)), None, "{name}");
        }
    }

    #[test]
    fn a_digest_reads_back() {
        let digest = CommandDigest::of(b"abc");
        assert_eq!(digest.to_string(), "ba7816bf8f01cfea");
        assert_eq!("ba7816bf8f01cfea".parse(), Ok(digest));
        assert!("BA7816BF8F01CFEA".parse::<CommandDigest>().is_err());
    }
}
