//! What is wrong with a configuration file: every fault with its place and a way out.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Fault {
    /// Line in the file, counted from 1; 0 when it concerns the file as a whole.
    pub line: usize,
    /// Column in characters, counted from 1; 0 when it concerns the file as a whole.
    pub column: usize,
    /// Path of the key, such as `risk.order-notional-max`; empty when no key is at fault.
    pub key: String,
    /// The offending text, what is wrong with it, and what to write instead.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// All faults of one file, in the order of their places. Shows as one line each, `FILE:LINE:COLUMN: KEY: MESSAGE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFaults {
    file: PathBuf,
    faults: Vec<Fault>,
}

impl ConfigFaults {
    pub(super) fn new(file: &Path, mut faults: Vec<Fault>) -> Self {
        faults.sort();
        faults.dedup();
        Self { file: file.to_owned(), faults }
    }

    pub(super) fn of_file(file: &Path, message: impl Into<String>) -> Self {
        let fault = Fault { line: 0, column: 0, key: String::new(), message: message.into() };
        Self { file: file.to_owned(), faults: vec![fault] }
    }

    /// The file they are in.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Each of them; at least one.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.faults.iter().enumerate() {
            if at == FAULTS_SHOWN_MAX {
                return write!(f, "\n{}: and {} more", self.file.display(), self.faults.len() - at);
            }
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:", self.file.display())?;
            if fault.line > 0 {
                write!(f, "{}:{}:", fault.line, fault.column)?;
            }
            write!(f, " {fault}")?;
        }
        Ok(())
    }
}

impl Error for ConfigFaults {}

const FAULTS_SHOWN_MAX: usize = 100;
