//! Packs the files of a journal that are written whole, beside the thread that writes the next one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Part, parts};

/// Packs every file in `folder` but that of `current`, on a thread of its own, of which there is one at a time in the
/// process. Where there is none to be had, they stay as they are until the next file is begun.
pub(super) fn begin(folder: &Path, current: Part) {
    if BUSY.swap(true, Ordering::AcqRel) {
        return;
    }
    let folder = folder.to_owned();
    let work = move || {
        // What cannot be packed is only larger; it is tried again with the next file.
        let _ = pack_all(&folder, current);
        BUSY.store(false, Ordering::Release);
    };
    if std::thread::Builder::new().name("journal".to_owned()).spawn(work).is_err() {
        BUSY.store(false, Ordering::Release);
    }
}

fn pack_all(folder: &Path, current: Part) -> io::Result<()> {
    for part in parts(folder)?.into_iter().filter(|part| *part != current) {
        let plain = part.plain(folder);
        let found = fs::symlink_metadata(&plain);
        if found.is_ok_and(|found| found.is_file() && found.len() >= PACKED_BYTES_MIN) {
            pack(&plain, &part.packed(folder))?;
        }
    }
    Ok(())
}

/// The packed file has its name once it is whole, and the plain one goes after that.
fn pack(plain: &Path, packed: &Path) -> io::Result<()> {
    let draft = PathBuf::from(format!("{}.new", packed.display()));
    let _ = fs::remove_file(&draft);
    let to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = squeeze(plain, &to).and_then(|()| fs::rename(&draft, packed));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
        return written;
    }
    fs::remove_file(plain)
}

fn squeeze(plain: &Path, to: &File) -> io::Result<()> {
    let mut encoder = zstd::Encoder::new(to, LEVEL)?;
    encoder.include_checksum(true)?;
    io::copy(&mut BufReader::new(File::open(plain)?), &mut encoder)?;
    encoder.finish()?;
    to.sync_all()
}

/// Two threads at one file would rename each other's half.
static BUSY: AtomicBool = AtomicBool::new(false);

/// Smaller files are not worth it.
const PACKED_BYTES_MIN: u64 = 64 * 1024;
const LEVEL: i32 = 3;
