//! BASE: what must be this user's alone: the state folder, and each file in it.
//!
//! Whoever else can put a file there can make tokens, undo entries or have a file elsewhere overwritten.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;
use thiserror::Error;

/// A file or folder that others than this user may have made, or may change.
#[derive(Debug, Error)]
pub enum PrivateError {
    /// Somebody else's.
    #[error("{} belongs to user {owner}, and this runs as user {own}; give it back with `chown`, run as its owner, or name a folder of your own", path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Who owns it, by number.
        owner: u32,
        /// Who we are, by number.
        own: u32,
    },
    /// Others may read or change it.
    #[error("{} has mode {mode:04o}, so that others can get at it; run `chmod {right} {}`", path.display(), path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// What they should be.
        right: &'static str,
    },
    /// It has another name, under which somebody else may hold it.
    #[error("{} has {links} names (hard links); put a copy of it in its place", path.display())]
    Linked {
        /// Which.
        path: PathBuf,
        /// How many.
        links: u64,
    },
    /// A link, a pipe, a folder, a device.
    #[error("{} is not a {wanted}; move it away", path.display())]
    Odd {
        /// Which.
        path: PathBuf,
        /// What it should be.
        wanted: &'static str,
    },
    /// It cannot be looked at.
    #[error("cannot use {}", path.display())]
    Look {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Whether the folder is this user's and nobody else may put, take or rename files in it: a shared temporary folder is
/// neither. Links on the way to it are followed.
///
/// # Errors
///
/// It is not, or cannot be looked at.
pub fn check_folder(path: &Path) -> Result<(), PrivateError> {
    check_folder_of(path, geteuid().as_raw())
}

/// The same for the user with the number `owner`.
///
/// # Errors
///
/// It is not that user's alone, or cannot be looked at.
pub fn check_folder_of(path: &Path, owner: u32) -> Result<(), PrivateError> {
    let found = fs::metadata(path).map_err(|source| PrivateError::Look { path: path.to_owned(), source })?;
    if !found.is_dir() {
        return Err(PrivateError::Odd { path: path.to_owned(), wanted: "folder" });
    }
    check_owner(path, &found, owner)?;
    let mode = found.mode() & MODE_BITS;
    if mode & WRITABLE_BY_OTHERS != 0 {
        return Err(PrivateError::Open { path: path.to_owned(), mode, right: "700" });
    }
    Ok(())
}

/// Whether what was found at `path` is a plain file of this user, under that name alone, and closed to all others.
///
/// # Errors
///
/// It is not.
pub fn check_file(path: &Path, found: &Metadata) -> Result<(), PrivateError> {
    check(path, found, geteuid().as_raw(), ANY_BY_OTHERS)
}

fn check(path: &Path, found: &Metadata, owner: u32, refused: u32) -> Result<(), PrivateError> {
    if !found.is_file() {
        return Err(PrivateError::Odd { path: path.to_owned(), wanted: "plain file" });
    }
    check_owner(path, found, owner)?;
    let mode = found.mode() & MODE_BITS;
    if mode & refused != 0 {
        return Err(PrivateError::Open { path: path.to_owned(), mode, right: "600" });
    }
    match found.nlink() {
        0 | 1 => Ok(()),
        links => Err(PrivateError::Linked { path: path.to_owned(), links }),
    }
}

/// The same for the file that is at `path` now, a link not followed; that there is none is no fault.
///
/// # Errors
///
/// It is not this user's alone, or cannot be looked at.
pub fn check_file_if_there(path: &Path) -> Result<(), PrivateError> {
    check_file_of(path, geteuid().as_raw())
}

/// The same for the user with the number `owner`.
///
/// # Errors
///
/// It is not that user's alone, or cannot be looked at.
pub fn check_file_of(path: &Path, owner: u32) -> Result<(), PrivateError> {
    check_if_there(path, owner, ANY_BY_OTHERS)
}

/// The same for a file that others may read, as one that was copied back by hand.
///
/// # Errors
///
/// Others may write it, it is not this user's, or cannot be looked at.
pub fn check_readable_if_there(path: &Path) -> Result<(), PrivateError> {
    check_if_there(path, geteuid().as_raw(), WRITABLE_BY_OTHERS)
}

fn check_if_there(path: &Path, owner: u32, refused: u32) -> Result<(), PrivateError> {
    match fs::symlink_metadata(path) {
        Ok(found) => check(path, &found, owner, refused),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(PrivateError::Look { path: path.to_owned(), source }),
    }
}

/// Whether what is at `path`, if anything, is a unix socket of this user, which may be taken away for a new one.
///
/// # Errors
///
/// It is something else, or somebody else's.
pub fn check_socket_if_there(path: &Path) -> Result<bool, PrivateError> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            Err(PrivateError::Odd { path: path.to_owned(), wanted: "socket" })
        }
        Ok(found) => check_owner(path, &found, geteuid().as_raw()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(PrivateError::Look { path: path.to_owned(), source }),
    }
}

/// Opens a file that is this user's alone, as `options` say; no link is followed and no pipe waited for. One that is made
/// is private from the start.
///
/// # Errors
///
/// The system refuses, or the file is not this user's alone.
pub fn open(path: &Path, options: &mut OpenOptions) -> Result<File, PrivateError> {
    let fault = |source| PrivateError::Look { path: path.to_owned(), source };
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match options.mode(0o600).custom_flags(flags.bits().cast_signed()).open(path) {
        Ok(file) => file,
        // What stands in the way says more than "too many levels of symbolic links".
        Err(source) => return Err(check_file_if_there(path).err().unwrap_or_else(|| fault(source))),
    };
    check_file(path, &file.metadata().map_err(fault)?)?;
    Ok(file)
}

fn check_owner(path: &Path, found: &Metadata, right: u32) -> Result<(), PrivateError> {
    let owner = found.uid();
    if owner == right { Ok(()) } else { Err(PrivateError::Foreign { path: path.to_owned(), owner, own: right }) }
}

const MODE_BITS: u32 = 0o7777;
const ANY_BY_OTHERS: u32 = 0o077;
const WRITABLE_BY_OTHERS: u32 = 0o022;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_folder_in_which_others_may_put_files_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o700, 0o750, 0o755, 0o500] {
            chmod(folder.path(), mode);
            assert!(check_folder(folder.path()).is_ok(), "{mode:o}");
        }
        for mode in [0o1777, 0o777, 0o770, 0o720, 0o702] {
            chmod(folder.path(), mode);
            let error = check_folder(folder.path()).unwrap_err();
            assert!(matches!(error, PrivateError::Open { mode: found, .. } if found == mode), "{error}");
        }
        assert!(matches!(check_folder(&folder.path().join("none")), Err(PrivateError::Look { .. })));
    }

    #[test]
    fn only_a_plain_file_under_one_name_and_closed_to_others_will_do() {
        let folder = tempfile::tempdir().unwrap();
        let (file, other) = (folder.path().join("file"), folder.path().join("other"));
        let open_it = || open(&file, OpenOptions::new().write(true).create(true).truncate(false));
        assert_eq!(open_it().unwrap().metadata().unwrap().mode() & MODE_BITS, 0o600);
        chmod(&file, 0o640);
        assert!(matches!(open_it(), Err(PrivateError::Open { mode: 0o640, .. })));
        chmod(&file, 0o600);
        fs::hard_link(&file, &other).unwrap();
        assert!(matches!(open_it(), Err(PrivateError::Linked { links: 2, .. })));
        fs::remove_file(&file).unwrap();
        symlink(&other, &file).unwrap();
        assert!(matches!(open_it(), Err(PrivateError::Odd { .. })));
        assert!(matches!(check_socket_if_there(&file), Err(PrivateError::Odd { .. })));
        assert!(!check_socket_if_there(&folder.path().join("none")).unwrap());
    }

    #[test]
    fn what_belongs_to_somebody_else_is_refused() {
        if !geteuid().is_root() {
            assert!(matches!(check_folder(Path::new("/")), Err(PrivateError::Foreign { owner: 0, .. })));
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        File::create(&file).unwrap();
        chmod(&file, 0o600);
        for path in [&file, folder.path()] {
            std::os::unix::fs::chown(path, Some(12_345), None).unwrap();
        }
        assert!(matches!(check_folder(folder.path()), Err(PrivateError::Foreign { owner: 12_345, own: 0, .. })));
        assert!(matches!(check_file_if_there(&file), Err(PrivateError::Foreign { .. })));
    }
}
