//! `tradingbot ledger export`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::json;

use super::{Which, open};
use crate::cli::out_file::OutFile;
use crate::cli::show::count;
use crate::cli::{Exit, Failure};
use crate::domain::Timestamp;
use crate::ledger::{self, ExportError, Format, Period};

/// Writes fills or entries out; see the documentation of the ledger for the columns.
#[derive(Debug, clap::Args)]
pub struct Export {
    #[command(flatten)]
    pub(super) which: Which,
    /// What to write.
    #[arg(long, value_enum)]
    format: FormatName,
    /// From this UTC time on: `2024-01-31` or `2024-01-31T12:00:00Z`.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Before this UTC time.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Write to this file, private to you, and not to the terminal.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it is there.
    #[arg(long, requires = "out")]
    force: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatName {
    /// Fills as a table.
    Csv,
    /// Every entry with its hash, a JSON object a line.
    Jsonl,
    /// Spot fills and deposits as tax tools import them.
    Tax,
}

impl Export {
    /// Writes the export to the file or to `out`, and with a file says how much that was.
    pub fn run(&self, path: &Path, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let (format, name) = match self.format {
            FormatName::Csv => (Format::Csv, "csv"),
            FormatName::Jsonl => (Format::Jsonl, "jsonl"),
            FormatName::Tax => (Format::Tax, "tax"),
        };
        let period = Period { from: self.from, to: self.to };
        let mut reader = open(path)?;
        let Some(to) = &self.out else {
            return ledger::export(&mut reader, format, period, out).map(|_| ()).map_err(failure);
        };
        let mut file = OutFile::begin(to, self.force)?;
        let lines = ledger::export(&mut reader, format, period, &mut file).map_err(|error| match error {
            ExportError::Write(error) => Failure::say(Exit::Failure, format!("cannot write {}: {error}", to.display())),
            ExportError::Read(_) | ExportError::Amount { .. } | ExportError::Pair { .. } => failure(error),
        })?;
        file.keep()?;
        if json {
            let summary = json!({ "format": name, "lines": lines, "out": to.display().to_string() });
            return Ok(writeln!(out, "{summary}")?);
        }
        Ok(writeln!(out, "{}: {} lines", to.display(), count(lines))?)
    }
}

fn failure(error: ExportError) -> Failure {
    match error {
        ExportError::Write(error) => error.into(),
        ExportError::Read(_) | ExportError::Amount { .. } | ExportError::Pair { .. } => {
            Failure::new(Exit::Ledger, &error)
        }
    }
}
