//! A file that a command makes: private, whole or not there, and never in place of another unless asked.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{Exit, Failure};

/// A file that is being written under another name. It vanishes unless it is [kept](Self::keep).
#[derive(Debug)]
pub struct OutFile {
    path: PathBuf,
    draft: PathBuf,
    writer: BufWriter<File>,
    replace: bool,
    kept: bool,
}

impl OutFile {
    /// Begins the file at `path`, mode 0600; `replace` allows it to take another's place.
    pub fn begin(path: &Path, replace: bool) -> Result<Self, Failure> {
        if !replace && path.symlink_metadata().is_ok() {
            return Err(Failure::say(Exit::Failure, taken(path)));
        }
        let mut draft = OsString::from(path);
        draft.push(format!(".part-{}", std::process::id()));
        let draft = PathBuf::from(draft);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .map_err(|error| Failure::say(Exit::Failure, format!("cannot make {}: {error}", path.display())))?;
        Ok(Self { path: path.to_owned(), draft, writer: BufWriter::new(file), replace, kept: false })
    }

    /// Puts the file on disk and gives it its name.
    pub fn keep(mut self) -> Result<(), Failure> {
        let fail = |path: &Path, error: io::Error| {
            Failure::say(Exit::Failure, format!("cannot write {}: {error}", path.display()))
        };
        self.writer.flush().and_then(|()| self.writer.get_ref().sync_all()).map_err(|error| fail(&self.path, error))?;
        if self.replace {
            fs::rename(&self.draft, &self.path).map_err(|error| fail(&self.path, error))?;
        } else {
            match renameat_with(CWD, &self.draft, CWD, &self.path, RenameFlags::NOREPLACE) {
                Err(rustix::io::Errno::EXIST) => return Err(Failure::say(Exit::Failure, taken(&self.path))),
                // Not every file system can do that; a second name fails in the same way when the first is taken.
                Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                    fs::hard_link(&self.draft, &self.path).map_err(|error| fail(&self.path, error))?;
                    fs::remove_file(&self.draft).map_err(|error| fail(&self.draft, error))?;
                }
                result => result.map_err(|error| fail(&self.path, error.into()))?,
            }
        }
        self.kept = true;
        Ok(())
    }
}

impl Write for OutFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Drop for OutFile {
    fn drop(&mut self) {
        if !self.kept {
            // A draft that cannot be removed has a name that says what it is.
            let _ = fs::remove_file(&self.draft);
        }
    }
}

fn taken(path: &Path) -> String {
    format!("{} is there already; name another file, or add --force to replace it", path.display())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names(folder: &Path) -> Vec<OsString> {
        fs::read_dir(folder).unwrap().map(|found| found.unwrap().file_name()).collect()
    }

    #[test]
    fn a_file_is_private_and_has_its_name_only_when_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let mut file = OutFile::begin(&path, false).unwrap();
        file.write_all(b"whole").unwrap();
        assert!(!path.exists());
        file.keep().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(folder.path()), ["a.csv"]);
    }

    #[test]
    fn a_file_that_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(OutFile::begin(&folder.path().join("a.csv"), false).unwrap());
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn another_file_is_replaced_only_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let late = OutFile::begin(&path, false).unwrap();
        fs::write(&path, "another").unwrap();
        assert!(late.keep().unwrap_err().to_string().ends_with("add --force to replace it"));
        assert!(OutFile::begin(&path, false).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"another");
        OutFile::begin(&path, true).unwrap().keep().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
        assert_eq!(names(folder.path()), ["a.csv"]);
    }
}
