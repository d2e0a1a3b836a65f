//! Where lines go: standard error, or a file that a rotator may move away.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{Access, OFlags};

use super::standing::Stderr;

/// A place for lines. One that cannot be written is no reason to stop trading: the line is counted as lost.
pub struct Output {
    to: Mutex<Box<dyn Write + Send>>,
    file: Option<PathBuf>,
    lost: AtomicU64,
}

impl Output {
    /// Standard error; on a terminal above what stands there.
    #[must_use]
    pub fn stderr() -> Self {
        Self::to(Stderr)
    }

    /// Anything else that can be written to.
    pub fn to(writer: impl Write + Send + 'static) -> Self {
        Self { to: Mutex::new(Box::new(writer)), file: None, lost: AtomicU64::new(0) }
    }

    /// The end of the file at `path`, which is made if it is not there: for its owner to write and its group to read.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or is a link.
    pub fn file(path: &Path) -> io::Result<Self> {
        Ok(Self { file: Some(path.to_owned()), ..Self::to(open(path)?) })
    }

    /// Writes one line.
    pub(super) fn write(&self, line: &[u8]) {
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        // In one piece, so that lines of several processes in one file do not mix.
        if to.write_all(line).and_then(|()| to.flush()).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Opens the file anew, for when a rotator has moved it; nothing to do for anything but a file.
    ///
    /// # Errors
    ///
    /// It cannot be opened; lines go on to where they went.
    pub fn reopen(&self) -> io::Result<()> {
        if let Some(path) = &self.file {
            let file = open(path)?;
            *self.to.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(file);
        }
        Ok(())
    }

    /// How many lines could not be written.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

fn open(path: &Path) -> io::Result<File> {
    options().create(true).open(path)
}

/// Whether the file could be opened, or made where there is none.
pub(super) fn check(path: &Path) -> io::Result<()> {
    match options().open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            Ok(rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
        }
        opened => opened.map(drop),
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).mode(0o640).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn lines_go_to_the_new_file_once_the_old_one_was_moved() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
        let output = Output::file(&path).unwrap();
        output.write(b"one\n");
        fs::rename(&path, &moved).unwrap();
        output.write(b"two\n");
        output.reopen().unwrap();
        output.write(b"three\n");
        assert_eq!(fs::read_to_string(&moved).unwrap(), "one\ntwo\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
        assert_eq!(output.lost(), 0);
    }

    #[test]
    fn a_file_that_cannot_be_opened_anew_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let output = Output::file(&path).unwrap();
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("elsewhere", &path).unwrap();
        assert!(output.reopen().is_err());
        assert!(!folder.path().join("elsewhere").exists());
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        let output = Output::to(OpenOptions::new().write(true).open("/dev/full").unwrap());
        output.write(b"one\n");
        assert_eq!(output.lost(), 1);
    }
}
