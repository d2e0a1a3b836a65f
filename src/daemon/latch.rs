//! A halt that the ledger did not take, remembered elsewhere until it does.
//!
//! Where the disk takes no entry, a file without content beside the ledger may still be made; in a terminal the user's
//! folder for what lasts until the next boot is on another disk; and a service manager keeps a descriptor over the death
//! of the process, however sudden. What is remembered in any of them halts the next life.

use std::env;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::private;
use crate::systemd::{Notifier, Stored};

/// Where a halt is remembered.
#[derive(Debug)]
pub struct Latch {
    files: Vec<PathBuf>,
    runtime: Option<PathBuf>,
    notifier: Notifier,
    stored: Option<Stored>,
    is_set: bool,
}

/// Who halted, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latched {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Latch {
    /// The places for the bot of the folder `state`; `stored` is what its last life left with the service manager.
    #[must_use]
    pub fn of(state: &Path, notifier: Notifier, stored: Option<Stored>) -> Self {
        let state = state.canonicalize().unwrap_or_else(|_| state.to_owned());
        let runtime = runtime_folder();
        let mut files = vec![state.join(FILE)];
        let digest = Sha256::digest(state.as_os_str().as_bytes());
        let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        files.extend(runtime.iter().map(|folder| folder.join(format!("{FILE}-{name}"))));
        Self { files, runtime, notifier, stored, is_set: false }
    }

    /// A folder outside of the state that it needs to write in.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.runtime.as_deref()
    }

    /// What an earlier life has left here.
    #[must_use]
    pub fn found(&mut self) -> Option<Latched> {
        let mut found = None;
        for path in &self.files {
            match private::open(path, OpenOptions::new().read(true)) {
                Ok(file) => found = found.or_else(|| Some(parse(&read(file)))),
                // Whatever somebody put there, it is no reason to trade.
                Err(_) if fs::symlink_metadata(path).is_ok() => found = found.or_else(|| Some(parse(&[]))),
                Err(_) => {}
            }
        }
        let found = found.or_else(|| self.stored.as_ref().map(|stored| parse(&stored.content())));
        self.is_set = found.is_some();
        found
    }

    /// Remembers a halt wherever that can be done, and says whether it could be at all.
    pub fn set(&mut self, halt: &Latched) -> bool {
        let text = serde_json::to_vec(halt).expect("two texts have a JSON form");
        // A file may be there although the disk did not confirm it, and is to go with the rest.
        self.is_set = true;
        let made: Vec<bool> = self.files.iter().map(|path| make(path, &text)).collect();
        let stored = self.store(&text);
        stored || made.contains(&true)
    }

    /// Forgets it, once it is in the ledger.
    pub fn clear(&mut self) {
        if !std::mem::take(&mut self.is_set) {
            return;
        }
        for path in &self.files {
            let _ = fs::remove_file(path);
        }
        self.stored = None;
        let _ = self.notifier.forget(STORED);
    }

    fn store(&self, text: &[u8]) -> bool {
        if !self.notifier.is_heard() || self.stored.is_some() {
            return self.stored.is_some();
        }
        let Ok((ours, kept)) = UnixDatagram::pair() else { return false };
        let sent = ours.send(&text[..text.len().min(TEXT_BYTES_MAX)]);
        sent.is_ok() && self.notifier.store(STORED, &kept).is_ok()
    }
}

/// The file itself is what counts; its content may not fit.
fn make(path: &Path, text: &[u8]) -> bool {
    let opened = private::open(path, OpenOptions::new().write(true).create(true).truncate(true));
    let Ok(mut file) = opened else { return false };
    let _ = file.write_all(text).and_then(|()| file.sync_all());
    let folder = path.parent().and_then(|folder| File::open(folder).ok());
    folder.is_some_and(|folder| folder.sync_all().is_ok())
}

fn read(file: File) -> Vec<u8> {
    let mut text = Vec::new();
    let limit = u64::try_from(TEXT_BYTES_MAX).expect("a small number");
    let _ = file.take(limit).read_to_end(&mut text);
    text
}

fn parse(text: &[u8]) -> Latched {
    serde_json::from_slice(text).unwrap_or_else(|_| Latched {
        by: "engine".to_owned(),
        reason: "the life before was halted and could not write that down; its log says why".to_owned(),
    })
}

/// A folder of this user that lasts until the next boot; `None` where there is none to be had, as within a service.
fn runtime_folder() -> Option<PathBuf> {
    let folder = match env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder).join("tradingbot"),
        None => {
            let mut name = OsString::from("tradingbot-");
            name.push(rustix::process::geteuid().as_raw().to_string());
            env::temp_dir().join(name)
        }
    };
    let _ = DirBuilder::new().mode(0o700).create(&folder);
    let is_ours = fs::symlink_metadata(&folder).is_ok_and(|found| found.is_dir());
    (is_ours && private::check_folder(&folder).is_ok()).then_some(folder)
}

/// Its name in the state folder, and with the service manager.
const FILE: &str = "halt";
const STORED: &str = "halt";
const TEXT_BYTES_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn latch(folder: &Path) -> Latch {
        let files = vec![folder.join("none/halt"), folder.join(FILE)];
        let notifier = Notifier::from_environment();
        Latch { files, runtime: None, notifier, stored: None, is_set: false }
    }

    #[test]
    fn what_is_set_is_found_until_it_is_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let halt = Latched { by: "ops".to_owned(), reason: "lunch".to_owned() };
        assert_eq!(latch(folder.path()).found(), None);
        assert!(latch(folder.path()).set(&halt), "one place will do");
        let mut next = latch(folder.path());
        assert_eq!(next.found(), Some(halt));
        next.clear();
        assert_eq!(latch(folder.path()).found(), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_without_content_and_whatever_else_is_there_count_as_a_halt() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, "").unwrap();
        let found = latch(folder.path()).found().unwrap();
        assert!(found.by == "engine" && found.reason.contains("could not write that down"), "{found:?}");
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert!(latch(folder.path()).found().is_some());
    }
}
