//! Files that a backtest writes: the list of trades and the equity curve.

use std::fs::OpenOptions;
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Backtest, Exit, Failure};

impl Backtest {
    /// Refuses, before anything is computed, files that could not be written in the end.
    ///
    /// # Errors
    ///
    /// Which option, and what to give it.
    pub(super) fn check_files(&self) -> Result<(), Failure> {
        if let (Some(trades), Some(equity)) = (&self.trades, &self.equity)
            && trades == equity
        {
            let what =
                if is_stdout(trades) { "only one of them can be printed" } else { "give each a file of its own" };
            let message = format!("--trades and --equity both name {}: {what}", trades.display());
            return Err(Failure::say(Exit::Usage, message));
        }
        for (flag, path) in [("--trades", &self.trades), ("--equity", &self.equity)] {
            if let Some(path) = path.as_deref().filter(|path| !is_stdout(path)) {
                check_place(flag, path)?;
            }
        }
        Ok(())
    }
}

/// Whether it is printed and not kept.
pub(super) fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// Writes rows to a new file: as JSON where its name says so, else as CSV.
///
/// # Errors
///
/// The file is there already, or cannot be written.
pub(super) fn write<T: Serialize>(
    path: &Path,
    rows: &[T],
    csv: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), Failure> {
    let fail = |error: std::io::Error| {
        let what = if error.kind() == ErrorKind::AlreadyExists {
            "it is there already; name a file that does not exist".to_owned()
        } else {
            error.to_string()
        };
        Failure::say(Exit::Failure, format!("cannot write {}: {what}", path.display()))
    };
    let file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path).map_err(fail)?;
    let mut file = BufWriter::new(file);
    let written = if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
        write_json(&mut file, rows)
    } else {
        csv(&mut file)
    };
    written.and_then(|()| file.flush()).map_err(fail)
}

/// Writes rows as one JSON array and a line's end.
///
/// # Errors
///
/// `out` refuses.
pub(super) fn write_json<T: Serialize + ?Sized>(out: &mut dyn Write, rows: &T) -> std::io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, rows).map_err(std::io::Error::from)?;
    writeln!(out)
}

fn check_place(flag: &str, path: &Path) -> Result<(), Failure> {
    let refuse = |what: String| Err(Failure::say(Exit::Failure, format!("{flag} {}: {what}", path.display())));
    if path.is_dir() {
        return refuse("it is a folder; name a file in it".to_owned());
    }
    if path.symlink_metadata().is_ok() {
        return refuse("it is there already; name a file that does not exist".to_owned());
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        Some(_) | None => PathBuf::from("."),
    };
    match folder.metadata() {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => refuse(format!("{} is not a folder; name one that is", folder.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            refuse(format!("the folder {} does not exist; make it first, or name another", folder.display()))
        }
        Err(error) => refuse(format!("the folder {} cannot be looked at: {error}", folder.display())),
    }
}
