//! What can go wrong with the file of tokens.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::TokenName;

/// A file of tokens that cannot be read, or a change to it that cannot be made.
#[derive(Debug, Error)]
pub enum TokenFileError {
    /// The folder is not there, or may not be entered.
    #[error("cannot use the state folder {}; name it with --state", path.display())]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than its owner may open it.
    #[error("{} has mode {mode:04o}, so others may open it; run chmod 600 on it", path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Others than its owner may put files into the folder.
    #[error("{} has mode {mode:04o}, so others may put tokens there; run chmod 700 on it", path.display())]
    OpenFolder {
        /// Which folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Somebody else's.
    #[error("{} belongs to user {owner} and its folder to user {expected}; move it away and make new tokens", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// Who owns it, by number.
        owner: u32,
        /// Who should.
        expected: u32,
    },
    /// It has another name, under which somebody else may hold it.
    #[error("{} has {links} names (hard links); put a copy of it in its place", path.display())]
    Linked {
        /// Which file.
        path: PathBuf,
        /// How many.
        links: u64,
    },
    /// Not a plain file.
    #[error("{} is not a plain file; move it away", path.display())]
    NotFile {
        /// What stands in the way.
        path: PathBuf,
    },
    /// More than any file of tokens can hold.
    #[error("{} is larger than a file of tokens can be; move it away and make new tokens", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// Not what this program writes.
    #[error("{} cannot be understood; move it away and make new tokens", path.display())]
    NotTokens {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Made by a newer version.
    #[error("{} was made by a newer tradingbot (version {version}); install that version again", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// The file cannot be written.
    #[error("cannot write {}; nothing was changed", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is a token of that name.
    #[error("there is a token named {name} already; choose another name, and revoke the old one once nobody uses it")]
    NameTaken {
        /// The name.
        name: TokenName,
    },
    /// No room.
    #[error("there are {max} tokens that are worth something; revoke one first")]
    Full {
        /// How many there may be.
        max: usize,
    },
    /// There is no token of that name.
    #[error("there is no token named {name}; `tradingbot token list` shows them")]
    Unknown {
        /// The name.
        name: TokenName,
    },
    /// The system has no randomness.
    #[error("the system gives no random bytes")]
    Random(#[source] io::Error),
}
