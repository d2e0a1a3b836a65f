//! Whether a ledger still lies where it was opened.
//!
//! A file that was removed, renamed or replaced goes on taking entries that nobody will find again. Each file is known by
//! device and inode. A folder that was renamed outside of a mount, as that of a service is, keeps both; where the mount
//! begins on its own file system tells, and changes when that folder is renamed or removed.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};

use super::error::Displaced;
use super::place::beside_dashed;
use crate::clock::Mark;
use crate::domain::Span;

/// Where the files of a ledger lie, and which they are.
#[derive(Debug)]
pub(super) struct Watch {
    files: [(PathBuf, Identity); 3],
    folder: PathBuf,
    folder_is: Identity,
    /// When the folder's inode last changed, as of the last look at the mount: renaming it changes that.
    folder_changed: (i64, i64),
    mount: Option<Mount>,
    /// When everything was last seen in place; nothing once it was not.
    looked: Option<Mark>,
    /// When the mount was.
    looked_at_mount: Mark,
}

/// What no other file has while this one is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

/// The mount that a folder is on.
#[derive(Debug)]
struct Mount {
    /// Opened before the process was confined.
    table: File,
    id: u64,
    /// Where it begins on its file system.
    root: Vec<u8>,
}

impl Watch {
    /// Notes the files of the ledger at `path`, which SQLite holds open.
    pub(super) fn begin(path: &Path) -> io::Result<Self> {
        let known = |path: PathBuf| Identity::at(&path).map(|identity| (path, identity));
        let files = [known(path.to_owned())?, known(beside_dashed(path, "wal"))?, known(beside_dashed(path, "shm"))?];
        let folder = path.parent().expect("a ledger's path was resolved, and has a folder").to_owned();
        let found = fs::symlink_metadata(&folder)?;
        let mount = Mount::of(&folder)?;
        let now = Mark::now();
        Ok(Self {
            files,
            folder,
            folder_is: Identity::of(&found),
            folder_changed: changed(&found),
            mount,
            looked: Some(now),
            looked_at_mount: now,
        })
    }

    /// Whether all of it is where it was; takes a few microseconds.
    pub(super) fn look(&mut self) -> Result<(), Displaced> {
        self.looked = None;
        let found = folder_is(&self.folder, self.folder_is)?;
        for (path, identity) in &self.files {
            is(path, *identity, Identity::at(path)).map_err(|displaced| Displaced::File(Box::new(displaced)))?;
        }
        let now = Mark::now();
        if self.folder_changed != changed(&found) || now.since(self.looked_at_mount) >= MOUNT_EVERY {
            if let Some(mount) = &self.mount {
                mount.look(&self.folder)?;
            }
            self.folder_changed = changed(&found);
            self.looked_at_mount = now;
        }
        self.looked = Some(now);
        Ok(())
    }

    /// The same, unless that was done a moment ago.
    pub(super) fn look_again(&mut self) -> Result<(), Displaced> {
        if self.looked.is_some_and(|looked| looked.elapsed() < FRESH) { Ok(()) } else { self.look() }
    }
}

impl Identity {
    fn of(found: &Metadata) -> Self {
        Self { device: found.dev(), inode: found.ino() }
    }

    /// Of what is at `path`, a link not followed. No time of it is asked for: a kernel of 6.13 or later gives the next write to
    /// a file of which that was done a time of its own, which costs the commit another write of the inode.
    fn at(path: &Path) -> io::Result<Self> {
        let found = statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::INO)?;
        Ok(Self { device: makedev(found.stx_dev_major, found.stx_dev_minor), inode: found.stx_ino })
    }
}

impl Mount {
    /// The mount of `folder`; `None` where the kernel does not say (before Linux 5.8).
    fn of(folder: &Path) -> io::Result<Option<Self>> {
        let found = statx(CWD, folder, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::MNT_ID)?;
        if found.stx_mask & StatxFlags::MNT_ID.bits() == 0 {
            return Ok(None);
        }
        let table = File::open(MOUNTS)?;
        let root = root(&table, found.stx_mnt_id)?;
        Ok(root.map(|root| Self { table, id: found.stx_mnt_id, root }))
    }

    fn look(&self, folder: &Path) -> Result<(), Displaced> {
        let path = || folder.to_owned();
        let root = root(&self.table, self.id).map_err(|cause| Displaced::Unseen { path: path(), cause })?;
        match root {
            Some(root) if root == self.root => Ok(()),
            Some(root) => {
                let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                Err(Displaced::Renamed { path: path(), was: words(&self.root), is: words(&root) })
            }
            None => Err(Displaced::Gone { path: path() }),
        }
    }
}

/// The folder at `path`, if it is that.
fn folder_is(path: &Path, identity: Identity) -> Result<Metadata, Displaced> {
    let found = fs::symlink_metadata(path);
    let seen = found.as_ref().map(Identity::of).map_err(|error| io::Error::from(error.kind()));
    is(path, identity, seen)?;
    found.map_err(|cause| Displaced::Unseen { path: path.to_owned(), cause })
}

/// Whether what was `seen` at `path` is that.
fn is(path: &Path, identity: Identity, seen: io::Result<Identity>) -> Result<(), Displaced> {
    match seen {
        Ok(seen) if seen == identity => Ok(()),
        Ok(_) => Err(Displaced::Replaced { path: path.to_owned() }),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(Displaced::Gone { path: path.to_owned() })
        }
        Err(cause) => Err(Displaced::Unseen { path: path.to_owned(), cause }),
    }
}

fn changed(found: &Metadata) -> (i64, i64) {
    (found.ctime(), found.ctime_nsec())
}

/// The fourth field of the mount's line: where on its file system it begins, now.
fn root(table: &File, id: u64) -> io::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    let mut part = [0; 4_096];
    loop {
        let offset = u64::try_from(text.len()).expect("a table in memory");
        match table.read_at(&mut part, offset)? {
            0 => break,
            count => text.extend_from_slice(&part[..count]),
        }
    }
    let id = id.to_string();
    Ok(text.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b' ');
        (fields.next() == Some(id.as_bytes())).then(|| fields.nth(2).map(<[u8]>::to_vec)).flatten()
    }))
}

const MOUNTS: &str = "/proc/self/mountinfo";
/// How long what was seen counts as seen just now.
const FRESH: Span = Span::from_millis(20);
/// How often the table of mounts is read although the folder has not changed: a folder above it may have.
const MOUNT_EVERY: Span = Span::SECOND;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_of_a_mount_is_found_by_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let mount = Mount::of(folder.path()).unwrap().unwrap();
        assert!(mount.root.starts_with(b"/"), "{mount:?}");
        assert!(mount.look(folder.path()).is_ok());
        assert!(matches!(root(&mount.table, u64::MAX), Ok(None)));
    }
}
