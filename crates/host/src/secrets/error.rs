//! What can be wrong with a secret or its place; no error shows a value.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::{GitIndexError, ParseSecretError, SecretName, Source};

/// Why the secrets were not taken.
#[derive(Debug, Error)]
pub enum LoadSecretsError {
    /// The folder of credentials or secrets cannot be read.
    #[error("the folder of secrets {} cannot be read", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// One file is not to be trusted, or holds no secret.
    #[error("{name} in {} is refused: {fault}", path.display())]
    File {
        /// The secret.
        name: SecretName,
        /// The file.
        path: PathBuf,
        /// Why.
        fault: FileFault,
    },
    /// The `.env` is not to be trusted, or cannot be understood.
    #[error("{} is refused: {fault}", path.display())]
    EnvFile {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: EnvFileFault,
    },
    /// Two places hold the same secret, even if it is the same there.
    #[error("{name} is in two places, {first} and {second}; take it out of one of them")]
    TwoPlaces {
        /// The secret.
        name: SecretName,
        /// A place.
        first: Source,
        /// Another.
        second: Source,
    },
}

/// What is wrong with a file that should hold a secret.
#[derive(Debug, Error)]
pub enum FileFault {
    /// It cannot be read.
    #[error("{0}")]
    Read(io::Error),
    /// A folder, pipe or device.
    #[error("it is not a regular file")]
    NoFile,
    /// A link to somewhere else.
    #[error("it is a link to {} outside of the folder; put the file itself there", target.display())]
    Outside {
        /// Where it leads.
        target: PathBuf,
    },
    /// Someone else's.
    #[error("it belongs to user {owner}, neither to root nor to this process; chown it")]
    Owner {
        /// The user id.
        owner: u32,
    },
    /// Others may read or change it.
    #[error("others may read or change it (mode {mode:04o}); chmod it to 0400")]
    Mode {
        /// The mode.
        mode: u32,
    },
    /// What it holds is no secret.
    #[error("it {0}")]
    Value(ParseSecretError),
}

/// What is wrong with a `.env`.
#[derive(Debug, Error)]
pub enum EnvFileFault {
    /// It cannot be read.
    #[error("{0}")]
    Read(io::Error),
    /// A link, folder, pipe or device.
    #[error("it must be a regular file, not a link, folder, pipe or device")]
    NoFile,
    /// Someone else's.
    #[error("it belongs to user {owner}, not to the user of this process; chown it")]
    Owner {
        /// The user id.
        owner: u32,
    },
    /// Others may read or change it.
    #[error("others may read or change it (mode {mode:04o}); chmod it to 0600")]
    Mode {
        /// The mode.
        mode: u32,
    },
    /// It is, or is about to be, in the history of a repository.
    #[error(
        "git tracks it in {}; run `git rm --cached` on it, add it to .gitignore, and replace every secret in it, because \
         they are in the history",
        repository.display()
    )]
    Tracked {
        /// The work tree.
        repository: PathBuf,
    },
    /// Whether git tracks it cannot be told.
    #[error("whether git tracks it cannot be told, so it is not trusted: {0}")]
    Index(GitIndexError),
    /// More than a list of secrets.
    #[error("it is longer than {limit} bytes")]
    Long {
        /// The limit.
        limit: usize,
    },
    /// A line that is no assignment.
    #[error("line {line} is neither NAME=value nor a comment")]
    Line {
        /// The line, counted from 1.
        line: usize,
    },
    /// A quote that does not close, or something behind it.
    #[error("line {line} has a quote that does not close, or text behind the closing quote")]
    Quote {
        /// The line, counted from 1.
        line: usize,
    },
    /// A name for the second time.
    #[error("lines {first} and {second} both set {name}; take one out")]
    Twice {
        /// The secret.
        name: SecretName,
        /// A line, counted from 1.
        first: usize,
        /// Another.
        second: usize,
    },
    /// What a line sets is no secret.
    #[error("{name} in line {line} {fault}")]
    Value {
        /// The secret.
        name: SecretName,
        /// The line, counted from 1.
        line: usize,
        /// Why.
        fault: ParseSecretError,
    },
}

/// Why secrets could not be taken out of the environment.
#[derive(Debug, Error)]
pub enum TakeEnvironmentError {
    /// What a variable holds is no secret.
    #[error("the environment variable {name} {source}; correct it, or unset it")]
    Value {
        /// The variable.
        name: SecretName,
        /// Why.
        source: ParseSecretError,
    },
    /// The program cannot begin again without the variables.
    #[error(
        "secrets stand in the environment, and the program cannot run itself again without them; give them as files"
    )]
    RunAgain(#[source] io::Error),
    /// The pipe cannot be opened or read.
    #[error("the secrets taken out of the environment cannot be read from {}", path.display())]
    Pipe {
        /// The pipe.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The pipe was read before.
    #[error("the secrets taken out of the environment are no longer in {}; start the program anew", path.display())]
    Emptied {
        /// The pipe.
        path: PathBuf,
    },
}

/// A secret that is needed and in no place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name} is needed and was not found; looked at {looked}")]
pub struct MissingSecretError {
    /// The secret.
    pub name: SecretName,
    /// The places.
    pub looked: String,
}
