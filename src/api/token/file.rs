//! The file of tokens in the state folder: hashes only, for its owner alone, replaced whole.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::{Scope, Standing, Token, TokenFileError, TokenName, TokenRecord};
use crate::domain::Timestamp;

/// `tokens.json` of a state folder. One process at a time changes it, under a lock; any number read it.
#[derive(Debug, Clone)]
pub struct TokenFile {
    folder: PathBuf,
    path: PathBuf,
}

/// What tells two versions of the file apart without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    size: u64,
    mode: u32,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl TokenFile {
    /// The file of tokens of the state folder `folder`.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), path: folder.join(FILE) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is kept of every token, oldest first; nothing when there is no file yet.
    ///
    /// # Errors
    ///
    /// It cannot be read, others may open it, or it is not what this program writes.
    pub fn read(&self) -> Result<Vec<TokenRecord>, TokenFileError> {
        let path = || self.path.clone();
        let fault = |source| TokenFileError::Read { path: path(), source };
        // A pipe of that name would block until somebody writes to it.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = match OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return match fs::metadata(&self.folder) {
                    Ok(_) => Ok(Vec::new()),
                    Err(source) => Err(TokenFileError::Folder { path: self.folder.clone(), source }),
                };
            }
            Err(error) => return Err(fault(error)),
        };
        let metadata = file.metadata().map_err(fault)?;
        if !metadata.is_file() {
            return Err(TokenFileError::NotFile { path: path() });
        }
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(TokenFileError::Exposed { path: path(), mode });
        }
        self.check_origin(&metadata)?;
        let mut text = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).map_err(fault)?;
        if u64::try_from(text.len()).is_ok_and(|len| len > FILE_BYTES_MAX) {
            return Err(TokenFileError::TooLarge { path: path() });
        }
        let not_tokens = |source| TokenFileError::NotTokens { path: path(), source };
        let Versioned { version } = serde_json::from_slice(&text).map_err(not_tokens)?;
        if version > VERSION {
            return Err(TokenFileError::Newer { path: path(), version });
        }
        let kept: Kept = serde_json::from_slice(&text).map_err(not_tokens)?;
        if kept.tokens.len() > TOKENS_MAX {
            return Err(TokenFileError::TooLarge { path: path() });
        }
        Ok(kept.tokens)
    }

    /// Whether nobody but the folder's owner can have made the file: whoever else did would be an operator.
    fn check_origin(&self, file: &Metadata) -> Result<(), TokenFileError> {
        let fault = |source| TokenFileError::Folder { path: self.folder.clone(), source };
        let folder = fs::metadata(&self.folder).map_err(fault)?;
        let mode = folder.mode() & 0o7777;
        if mode & 0o022 != 0 {
            return Err(TokenFileError::OpenFolder { path: self.folder.clone(), mode });
        }
        let (owner, expected) = (file.uid(), folder.uid());
        if owner != expected {
            return Err(TokenFileError::Foreign { path: self.path.clone(), owner, expected });
        }
        match file.nlink() {
            0 | 1 => Ok(()),
            links => Err(TokenFileError::Linked { path: self.path.clone(), links }),
        }
    }

    /// Makes a token and keeps its hash. A token that is worth nothing any more makes room when there is none.
    ///
    /// # Errors
    ///
    /// The name is taken, there are too many, or the file cannot be read or written.
    pub fn add(
        &self,
        name: TokenName,
        scope: Scope,
        now: Timestamp,
        expires: Option<Timestamp>,
    ) -> Result<(Token, TokenRecord), TokenFileError> {
        let _lock = self.lock()?;
        let mut tokens = self.read()?;
        if tokens.iter().any(|token| token.name == name) {
            return Err(TokenFileError::NameTaken { name });
        }
        if tokens.len() >= TOKENS_MAX {
            let dead = tokens.iter().position(|token| token.standing(now) != Standing::Live);
            tokens.remove(dead.ok_or(TokenFileError::Full { max: TOKENS_MAX })?);
        }
        let token = Token::draw().map_err(TokenFileError::Random)?;
        let record = TokenRecord { name, scope, sha256: token.hash(), created: now, expires, revoked: None };
        tokens.push(record.clone());
        self.replace(tokens)?;
        Ok((token, record))
    }

    /// Takes a token back; one that was taken back before stays so since then.
    ///
    /// # Errors
    ///
    /// There is no such token, or the file cannot be read or written.
    pub fn revoke(&self, name: &TokenName, now: Timestamp) -> Result<TokenRecord, TokenFileError> {
        let _lock = self.lock()?;
        let mut tokens = self.read()?;
        let token = tokens
            .iter_mut()
            .find(|token| token.name == *name)
            .ok_or_else(|| TokenFileError::Unknown { name: name.clone() })?;
        if token.revoked.is_some() {
            return Ok(token.clone());
        }
        token.revoked = Some(now);
        let record = token.clone();
        self.replace(tokens)?;
        Ok(record)
    }

    /// What tells this version of the file apart; `None` when there is none to be had.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        let metadata = fs::metadata(&self.path).ok()?;
        Some(Stamp {
            inode: metadata.ino(),
            size: metadata.size(),
            mode: metadata.mode(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    fn lock(&self) -> Result<File, TokenFileError> {
        let fault = |source| TokenFileError::Folder { path: self.folder.clone(), source };
        let file = self.lock_file().map_err(fault)?;
        file.lock().map_err(fault)?;
        Ok(file)
    }

    /// Root may stand in a folder that belongs to somebody else: no link is followed, and only what was made here is
    /// given away.
    fn lock_file(&self) -> io::Result<File> {
        let path = self.folder.join(LOCK);
        let mut open = OpenOptions::new();
        open.write(true).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        match open.clone().create_new(true).open(&path) {
            Ok(file) => self.give_to_owner(&file).map(|()| file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let file = open.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed()).open(&path)?;
                let (found, folder) = (file.metadata()?, fs::metadata(&self.folder)?);
                if !found.is_file() || found.nlink() != 1 || found.uid() != folder.uid() {
                    return Err(io::Error::other("tokens.lock is not a plain file of the folder's owner; remove it"));
                }
                Ok(file)
            }
            Err(error) => Err(error),
        }
    }

    fn replace(&self, tokens: Vec<TokenRecord>) -> Result<(), TokenFileError> {
        let kept = Kept { version: VERSION, tokens };
        let mut text = serde_json::to_vec_pretty(&kept).expect("names, numbers and text have a JSON form");
        text.push(b'\n');
        let fresh = self.folder.join(FRESH);
        self.write_then_rename(&fresh, &text).map_err(|source| {
            let _ = fs::remove_file(&fresh);
            TokenFileError::Write { path: self.path.clone(), source }
        })
    }

    fn write_then_rename(&self, fresh: &Path, text: &[u8]) -> io::Result<()> {
        // Left by a process that was killed in here; the lock is ours now.
        match fs::remove_file(fresh) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(fresh)?;
        file.write_all(text)?;
        self.give_to_owner(&file)?;
        file.sync_all()?;
        fs::rename(fresh, &self.path)?;
        File::open(&self.folder)?.sync_all()
    }

    /// Root makes tokens for a daemon that runs as somebody else: what it writes must belong to the folder's owner.
    fn give_to_owner(&self, file: &File) -> io::Result<()> {
        let (folder, ours) = (fs::metadata(&self.folder)?, file.metadata()?);
        if folder.uid() == ours.uid() {
            return Ok(());
        }
        fchown(file, Some(folder.uid()), Some(folder.gid()))
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Kept {
    version: u32,
    tokens: Vec<TokenRecord>,
}

#[derive(Debug, Deserialize)]
struct Versioned {
    version: u32,
}

const FILE: &str = "tokens.json";
const FRESH: &str = "tokens.json.new";
const LOCK: &str = "tokens.lock";
const VERSION: u32 = 1;
const TOKENS_MAX: usize = 64;
const FILE_BYTES_MAX: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000);

    fn name(text: &str) -> TokenName {
        text.parse().unwrap()
    }

    fn made() -> (tempfile::TempDir, TokenFile) {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile::of(folder.path());
        (folder, file)
    }

    #[test]
    fn only_a_hash_is_kept_and_only_its_owner_reads_it() {
        let (_folder, file) = made();
        assert_eq!(file.read().unwrap(), []);
        let (token, record) = file.add(name("ops"), Scope::Admin, NOW, None).unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        token.expose(|secret| assert!(!text.contains(secret.strip_prefix("tb_").unwrap())));
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(file.read().unwrap(), [record]);
    }

    #[test]
    fn a_name_is_taken_until_the_end_of_time() {
        let (_folder, file) = made();
        file.add(name("ops"), Scope::Read, NOW, None).unwrap();
        file.revoke(&name("ops"), NOW).unwrap();
        let again = file.add(name("ops"), Scope::Read, NOW, None).unwrap_err();
        assert!(matches!(again, TokenFileError::NameTaken { .. }));
    }

    #[test]
    fn a_token_is_revoked_once_and_only_if_there_is_one() {
        let (_folder, file) = made();
        assert!(matches!(file.revoke(&name("ops"), NOW), Err(TokenFileError::Unknown { .. })));
        file.add(name("ops"), Scope::Read, NOW, None).unwrap();
        file.revoke(&name("ops"), NOW).unwrap();
        let later = NOW.plus(crate::domain::Span::DAY);
        assert_eq!(file.revoke(&name("ops"), later).unwrap().revoked, Some(NOW));
    }

    #[test]
    fn what_is_worth_nothing_makes_room_and_nothing_else_does() {
        let (_folder, file) = made();
        for number in 0..TOKENS_MAX {
            file.add(name(&format!("t{number}")), Scope::Read, NOW, None).unwrap();
        }
        let full = file.add(name("more"), Scope::Read, NOW, None).unwrap_err();
        assert!(matches!(full, TokenFileError::Full { max: TOKENS_MAX }));
        file.revoke(&name("t7"), NOW).unwrap();
        file.add(name("more"), Scope::Read, NOW, None).unwrap();
        let names: Vec<_> = file.read().unwrap().into_iter().map(|token| token.name).collect();
        assert!(names.contains(&name("more")) && !names.contains(&name("t7")));
        assert_eq!(names.len(), TOKENS_MAX);
    }

    #[test]
    fn a_file_that_others_may_open_is_refused() {
        let (_folder, file) = made();
        file.add(name("ops"), Scope::Read, NOW, None).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(file.read(), Err(TokenFileError::Exposed { mode: 0o640, .. })));
    }

    #[test]
    fn a_file_that_somebody_else_may_have_made_is_refused() {
        let (folder, file) = made();
        file.add(name("ops"), Scope::Read, NOW, None).unwrap();
        for mode in [0o1777, 0o770, 0o702] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(file.read(), Err(TokenFileError::OpenFolder { mode: found, .. }) if found == mode));
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        fs::hard_link(file.path(), folder.path().join("other")).unwrap();
        assert!(matches!(file.read(), Err(TokenFileError::Linked { links: 2, .. })));
        fs::remove_file(folder.path().join("other")).unwrap();
        assert_eq!(file.read().unwrap().len(), 1);
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(file.path(), Some(12_345), None).unwrap();
            assert!(matches!(file.read(), Err(TokenFileError::Foreign { owner: 12_345, expected: 0, .. })));
        }
        fs::remove_file(folder.path().join(LOCK)).unwrap();
        fs::write(folder.path().join("victim"), "").unwrap();
        fs::hard_link(folder.path().join("victim"), folder.path().join(LOCK)).unwrap();
        let refused = file.add(name("more"), Scope::Admin, NOW, None).unwrap_err();
        assert!(matches!(refused, TokenFileError::Folder { .. }), "{refused}");
    }

    #[test]
    fn a_file_that_is_not_ours_is_refused_and_left_alone() {
        let (_folder, file) = made();
        let huge = "x".repeat(70_000);
        for (text, expected) in [
            ("", "cannot be understood"),
            ("{}", "cannot be understood"),
            (r#"{"version":1,"tokens":[{"name":"A"}]}"#, "cannot be understood"),
            (r#"{"version":1,"tokens":[],"more":1}"#, "cannot be understood"),
            (r#"{"version":2,"tokens":"in another way"}"#, "newer tradingbot (version 2)"),
            (huge.as_str(), "larger"),
        ] {
            let _ = fs::remove_file(file.path());
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(file.path()).unwrap();
            fs::write(file.path(), text).unwrap();
            let error = file.add(name("ops"), Scope::Read, NOW, None).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert_eq!(fs::read_to_string(file.path()).unwrap(), text);
        }
    }

    #[test]
    fn a_folder_of_that_name_or_none_at_all_is_an_error() {
        let (folder, file) = made();
        fs::create_dir(file.path()).unwrap();
        assert!(matches!(file.read(), Err(TokenFileError::NotFile { .. })));
        let nowhere = TokenFile::of(&folder.path().join("missing"));
        assert!(matches!(nowhere.read(), Err(TokenFileError::Folder { .. })));
        assert!(matches!(nowhere.add(name("a"), Scope::Read, NOW, None), Err(TokenFileError::Folder { .. })));
    }

    #[test]
    fn no_link_is_followed() {
        let (folder, file) = made();
        let victim = folder.path().join("victim");
        fs::write(&victim, "kept").unwrap();
        for link in [LOCK, FILE, FRESH] {
            std::os::unix::fs::symlink(&victim, folder.path().join(link)).unwrap();
            let _ = file.add(name("ops"), Scope::Read, NOW, None);
            assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
            let _ = fs::remove_file(folder.path().join(link));
        }
    }

    #[test]
    fn what_a_killed_process_left_does_not_stand_in_the_way() {
        let (folder, file) = made();
        fs::write(folder.path().join(FRESH), "half").unwrap();
        file.add(name("ops"), Scope::Read, NOW, None).unwrap();
        assert_eq!(file.read().unwrap().len(), 1);
        assert!(!folder.path().join(FRESH).exists());
    }
}
