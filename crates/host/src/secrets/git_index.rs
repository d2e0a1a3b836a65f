//! Whether git tracks a file, read from the repository's index; no program is run for it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The work tree that tracks the file at `path`; `None` when none does. `path` is absolute and without links.
///
/// When in doubt the answer is yes: an entry that only the shared part of a split index has may have been deleted since,
/// and a folder that a sparse index keeps as one entry may or may not hold the file.
///
/// # Errors
///
/// There is a repository, and its index cannot be read or understood.
pub(super) fn tracked_in(path: &Path) -> Result<Option<PathBuf>, GitIndexError> {
    let Some((work_tree, git)) = path.ancestors().skip(1).find_map(|folder| Some((folder, git_folder(folder)?))) else {
        return Ok(None);
    };
    let Some(index) = bytes_of(&git.join("index"))? else { return Ok(None) };
    let wanted = path.strip_prefix(work_tree).unwrap_or(path).as_os_str().as_bytes();
    let hash_bytes = hash_bytes(&git)?;
    let bad = |path: &Path| GitIndexError::Malformed { path: path.to_owned() };
    let mut reader = IndexReader { bytes: &index, hash_bytes, wanted };
    let mut found = reader.entries().ok_or_else(|| bad(&git.join("index")))?;
    if let Some(shared) = reader.shared() {
        let path = git.join(format!("sharedindex.{shared}"));
        let index = bytes_of(&path)?.ok_or_else(|| bad(&path))?;
        found |= IndexReader { bytes: &index, hash_bytes, wanted }.entries().ok_or_else(|| bad(&path))?;
    }
    Ok(found.then(|| work_tree.to_owned()))
}

/// Why it cannot be told what git tracks.
#[derive(Debug, Error)]
pub enum GitIndexError {
    /// A file of the repository cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An index that no known version of git has written.
    #[error("{} is not an index of version 2, 3 or 4", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

/// The repository of a work tree whose root is `folder`: its `.git`, or what that file points to.
fn git_folder(folder: &Path) -> Option<PathBuf> {
    let git = folder.join(".git");
    let git = if git.is_dir() {
        git
    } else {
        let text = fs::read_to_string(&git).ok()?;
        folder.join(text.strip_prefix("gitdir:")?.trim())
    };
    // One that may not be looked into is a repository: its index will say so.
    let head = git.join("HEAD").symlink_metadata();
    let missing =
        head.is_err_and(|error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory));
    (!missing).then_some(git)
}

/// How long the hashes of the repository are: 32 bytes when its configuration says so, else 20.
fn hash_bytes(git: &Path) -> Result<usize, GitIndexError> {
    let common = match bytes_of(&git.join("commondir"))? {
        Some(text) => git.join(String::from_utf8_lossy(&text).trim()),
        None => git.to_owned(),
    };
    let config = bytes_of(&common.join("config"))?.unwrap_or_default();
    let sha256 = String::from_utf8_lossy(&config).lines().any(|line| {
        let line = line.trim().to_ascii_lowercase();
        line.starts_with("objectformat") && line.ends_with("sha256")
    });
    Ok(if sha256 { 32 } else { 20 })
}

/// What a file holds; `None` when there is none.
fn bytes_of(path: &Path) -> Result<Option<Vec<u8>>, GitIndexError> {
    let fault = |source| GitIndexError::Read { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(error)),
    };
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(fault)?;
    Ok(Some(bytes))
}

/// Reads an index from its front.
struct IndexReader<'a> {
    bytes: &'a [u8],
    hash_bytes: usize,
    wanted: &'a [u8],
}

impl<'a> IndexReader<'a> {
    /// Whether the wanted path is among the entries; `None` when this is no index. Stops behind the entries.
    fn entries(&mut self) -> Option<bool> {
        let whole = self.bytes;
        if self.take(4)? != b"DIRC" {
            return None;
        }
        let version = self.number()?;
        let count = self.number()?;
        if !(2..=4).contains(&version) {
            return None;
        }
        let mut path = Vec::new();
        let mut found = false;
        for _ in 0..count {
            let start = self.bytes.len();
            self.take(MODE_OFFSET)?;
            let mode = self.number()?;
            self.take(SIZES_BYTES + self.hash_bytes)?;
            let flags = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
            if flags & EXTENDED != 0 {
                self.take(2)?;
            }
            if version == 4 {
                let cut = self.cut()?;
                path.truncate(path.len().checked_sub(cut)?);
                path.extend_from_slice(self.until_nul()?);
            } else {
                path.clear();
                path.extend_from_slice(self.until_nul()?);
                // Between one and eight zeros, so that an entry is a multiple of eight long; one is gone.
                let length = start - self.bytes.len();
                self.take(length.next_multiple_of(8) - length)?;
            }
            let folder_of_it = mode == SPARSE_FOLDER && self.wanted.starts_with(&path);
            found |= path == self.wanted || folder_of_it;
        }
        // A cut off index, or one longer than the limit, has no room for its own hash.
        (whole.len() > HEADER_BYTES && self.bytes.len() >= self.hash_bytes).then_some(found)
    }

    /// The name of the shared index that a split index builds on, from the extensions behind the entries.
    fn shared(&mut self) -> Option<String> {
        while self.bytes.len() > self.hash_bytes {
            let signature = self.take(4)?;
            let length = usize::try_from(self.number()?).ok()?;
            let body = self.take(length)?;
            if signature == b"link" {
                let hash = body.get(..self.hash_bytes)?;
                return hash
                    .iter()
                    .any(|byte| *byte != 0)
                    .then(|| hash.iter().map(|byte| format!("{byte:02x}")).collect());
            }
        }
        None
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.bytes.split_at_checked(count)?;
        self.bytes = tail;
        Some(head)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn until_nul(&mut self) -> Option<&'a [u8]> {
        let length = memchr::memchr(0, self.bytes)?;
        let text = self.take(length)?;
        self.take(1)?;
        Some(text)
    }

    /// How many bytes of the path before are not in this one (version 4).
    fn cut(&mut self) -> Option<usize> {
        let mut value = 0_usize;
        loop {
            let byte = *self.take(1)?.first()?;
            value = value << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Some(value);
            }
            value = value.checked_add(1).filter(|value| *value < PATH_BYTES_MAX)?;
        }
    }
}

/// The largest file of a repository that is read, in bytes: an index of a million files has about 100 MiB.
const FILE_BYTES_MAX: u64 = 256 * 1_024 * 1_024;
const PATH_BYTES_MAX: usize = 65_536;
const HEADER_BYTES: usize = 12;
/// Times, device and inode stand before the mode.
const MODE_OFFSET: usize = 24;
/// Owner, group and size stand after it.
const SIZES_BYTES: usize = 12;
const EXTENDED: u16 = 0x4000;
const SPARSE_FOLDER: u32 = 0o040_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// An index that holds these paths, written by hand after git's own description of the format.
    fn index(version: u32, hash_bytes: usize, entries: &[(&str, u32)], extensions: &[u8]) -> Vec<u8> {
        let mut bytes = b"DIRC".to_vec();
        bytes.extend(version.to_be_bytes());
        bytes.extend(u32::try_from(entries.len()).unwrap().to_be_bytes());
        let mut before = "";
        for (path, mode) in entries {
            let start = bytes.len();
            bytes.extend([7; MODE_OFFSET]);
            bytes.extend(mode.to_be_bytes());
            bytes.extend(vec![9; SIZES_BYTES + hash_bytes]);
            let extended = version == 3;
            let flags = u16::try_from(path.len().min(0xfff)).unwrap() | if extended { EXTENDED } else { 0 };
            bytes.extend(flags.to_be_bytes());
            bytes.extend(vec![0; if extended { 2 } else { 0 }]);
            if version == 4 {
                let common = before.bytes().zip(path.bytes()).take_while(|(a, b)| a == b).count();
                let cut = before.len() - common;
                if cut >= 128 {
                    bytes.push(u8::try_from((cut >> 7) - 1).unwrap() | 0x80);
                }
                bytes.push(u8::try_from(cut & 0x7f).unwrap());
                bytes.extend(&path.as_bytes()[common..]);
                bytes.push(0);
                before = path;
            } else {
                bytes.extend(path.as_bytes());
                let length = bytes.len() - start;
                bytes.extend(vec![0; (length + 1).next_multiple_of(8) - length]);
            }
        }
        bytes.extend(extensions);
        bytes.extend(vec![0; hash_bytes]);
        bytes
    }

    fn repository(index: &[u8], config: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir(root.join(".git")).unwrap();
        fs::write(root.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(root.join(".git/config"), config).unwrap();
        fs::write(root.join(".git/index"), index).unwrap();
        (folder, root)
    }

    const FILE: u32 = 0o100_644;
    const SHA256: &str = "[core]\n\tbare = false\n[extensions]\n\tobjectFormat = sha256\n";

    #[test]
    fn entries_of_every_version_are_found() {
        let long = "x".repeat(5_000);
        for (version, hash_bytes) in [(2, 20), (3, 20), (4, 20), (2, 32), (4, 32)] {
            let entries = [(".env", FILE), ("a/.env", FILE), (&*long, FILE), ("z", FILE)];
            let (_folder, root) =
                repository(&index(version, hash_bytes, &entries, b""), if hash_bytes == 32 { SHA256 } else { "" });
            for (path, tracked) in [(".env", true), ("a/.env", true), ("z", true), ("b/.env", false), ("a", false)] {
                let found = tracked_in(&root.join(path)).unwrap();
                assert_eq!(found, tracked.then(|| root.clone()), "version {version}: {path}");
            }
        }
    }

    #[test]
    fn a_folder_that_a_sparse_index_keeps_as_one_counts() {
        let (_folder, root) = repository(&index(3, 20, &[("deploy/", SPARSE_FOLDER)], b""), "");
        assert!(tracked_in(&root.join("deploy/.env")).unwrap().is_some());
        assert!(tracked_in(&root.join("other/.env")).unwrap().is_none());
    }

    #[test]
    fn the_shared_part_of_a_split_index_counts() {
        let mut link = b"link\0\0\0\x14".to_vec();
        link.extend([0xab; 20]);
        let (_folder, root) = repository(&index(2, 20, &[("z", FILE)], &link), "");
        let shared = root.join(".git").join(format!("sharedindex.{}", "ab".repeat(20)));
        assert!(tracked_in(&root.join(".env")).is_err(), "the shared part is missing");
        fs::write(shared, index(2, 20, &[(".env", FILE)], b"")).unwrap();
        assert!(tracked_in(&root.join(".env")).unwrap().is_some());
        assert!(tracked_in(&root.join("other")).unwrap().is_none());
    }

    #[test]
    fn a_linked_work_tree_has_its_own_index() {
        let (_folder, root) = repository(&index(2, 20, &[], b""), "");
        let (linked, git) = (root.join("linked"), root.join(".git/worktrees/linked"));
        fs::create_dir(&linked).unwrap();
        fs::create_dir_all(&git).unwrap();
        fs::write(linked.join(".git"), "gitdir: ../.git/worktrees/linked\n").unwrap();
        fs::write(git.join("HEAD"), "").unwrap();
        fs::write(git.join("commondir"), "../..\n").unwrap();
        fs::write(git.join("index"), index(2, 20, &[(".env", FILE)], b"")).unwrap();
        assert_eq!(tracked_in(&linked.join(".env")).unwrap(), Some(linked));
    }

    #[test]
    fn what_is_no_repository_tracks_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir(root.join(".git")).unwrap();
        assert_eq!(tracked_in(&root.join(".env")).unwrap(), None);
        fs::write(root.join(".git/HEAD"), "").unwrap();
        assert_eq!(tracked_in(&root.join(".env")).unwrap(), None, "nothing was ever added");
    }

    #[test]
    fn an_index_that_is_cut_off_or_foreign_is_an_error_and_never_a_no() {
        let whole = index(2, 20, &[("a", FILE), ("b", FILE)], b"");
        for length in (0..whole.len()).step_by(7) {
            let (_folder, root) = repository(&whole[..length], "");
            assert!(tracked_in(&root.join(".env")).is_err(), "{length} of {} bytes", whole.len());
        }
        for bytes in [&b"DIRC\0\0\0\x05\0\0\0\0"[..], b"garbage", &[0xff; 100]] {
            let (_folder, root) = repository(bytes, "");
            assert!(tracked_in(&root.join(".env")).is_err());
        }
    }
}
