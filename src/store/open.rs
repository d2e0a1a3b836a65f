//! Opens data files: ordinary files alone, and none that would have to be waited for.

use std::fs::{File, FileType, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// Opens an ordinary file for reading, through symbolic links.
///
/// # Errors
///
/// What the operating system says; or what it is, when it is a folder, a pipe, a socket or a device: opening a pipe would
/// wait until somebody writes to it, and reading a device may never end.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).expect("a flag of open fits its argument");
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        // A socket cannot be opened at all, and the system's words for that are of devices.
        Err(error) => match std::fs::metadata(path).ok().and_then(|about| other_than_file(about.file_type())) {
            Some(what) if what == SOCKET => return Err(refused(what)),
            Some(_) | None => return Err(error),
        },
    };
    match other_than_file(file.metadata()?.file_type()) {
        Some(what) => Err(refused(what)),
        None => Ok(file),
    }
}

fn other_than_file(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("it is a folder; name the files in it")
    } else if kind.is_fifo() {
        Some("it is a pipe, which may never end; write what comes out of it to a file, and name that")
    } else if kind.is_socket() {
        Some(SOCKET)
    } else {
        Some("it is a device, not a file; name a file")
    }
}

fn refused(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

const SOCKET: &str = "it is a socket, not a file; name a file";
