//! Secrets in files: the service manager's credentials, and the folder that a container mounts.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use libsystemd::credentials::CredentialsLoader;
use rustix::fs::fstatfs;
use rustix::process::geteuid;

use super::value::{LINE_END_BYTES, read_wiped};
use super::{FileFault, Found, LoadSecretsError, SECRET_BYTES_MAX, Secret, SecretName, Source};

/// Takes what the service manager put in `$CREDENTIALS_DIRECTORY`, which is `path`.
///
/// An empty credential is a fault: a helper that failed leaves one, and the service manager starts us all the same.
pub(super) fn credentials(path: &Path, all: &mut Vec<Found>) -> Result<(), LoadSecretsError> {
    let fault = |error: libsystemd::errors::SdError| LoadSecretsError::Folder {
        path: path.to_owned(),
        source: io::Error::other(error.to_string()),
    };
    let loader = CredentialsLoader::open().map_err(fault)?;
    let there = names(loader.iter().map_err(fault)?, path)?;
    for (name, file_name) in wanted(&there) {
        let path = path.join(&file_name);
        let file = loader.get(&file_name).map_err(|error| LoadSecretsError::File {
            name,
            path: path.clone(),
            fault: FileFault::Read(io::Error::other(error.to_string())),
        })?;
        let secret = read(name, &path, file, |_| None)?;
        all.push(Found { name, secret, source: Source::Credential(path) });
    }
    Ok(())
}

/// Takes the files of the folder at `path`.
///
/// A file may be a link, as Kubernetes makes them, but not to a place outside of the folder. It may be readable for
/// everybody only where a container runtime put it: in memory (tmpfs, ramfs) and owned by root, so that it is in this
/// container alone and its mode is not ours to change.
pub(super) fn files(path: &Path, all: &mut Vec<Found>) -> Result<(), LoadSecretsError> {
    let fault = |source| LoadSecretsError::Folder { path: path.to_owned(), source };
    let folder = fs::canonicalize(path).map_err(fault)?;
    let there = names(fs::read_dir(&folder).map_err(fault)?, path)?;
    for (name, file_name) in wanted(&there) {
        let path = path.join(&file_name);
        let fault = |fault| LoadSecretsError::File { name, path: path.clone(), fault };
        let target = fs::canonicalize(folder.join(&file_name)).map_err(|error| fault(FileFault::Read(error)))?;
        if !target.starts_with(&folder) {
            return Err(fault(FileFault::Outside { target }));
        }
        let file = File::open(&target).map_err(|error| fault(FileFault::Read(error)))?;
        let in_memory = fstatfs(&file).is_ok_and(|system| in_memory(system.f_type));
        let secret = read(name, &path, file, |metadata| open_to_others(metadata, in_memory))?;
        all.push(Found { name, secret, source: Source::File(path) });
    }
    Ok(())
}

/// The names of what is in the folder.
fn names(entries: fs::ReadDir, path: &Path) -> Result<BTreeSet<String>, LoadSecretsError> {
    let mut names = BTreeSet::new();
    for entry in entries.take(ENTRIES_MAX) {
        let entry = entry.map_err(|source| LoadSecretsError::Folder { path: path.to_owned(), source })?;
        names.extend(entry.file_name().into_string().ok());
    }
    Ok(names)
}

/// The files that hold secrets, in the order of the secrets; two spellings of one are two places.
fn wanted(there: &BTreeSet<String>) -> Vec<(SecretName, String)> {
    let spelled = SecretName::ALL.into_iter().flat_map(|name| name.file_names().map(|file| (name, file)));
    spelled.filter(|(_, file)| there.contains(file)).collect()
}

/// Reads one secret from a file that `objection` has nothing against.
fn read(
    name: SecretName,
    path: &Path,
    file: File,
    objection: impl FnOnce(&Metadata) -> Option<FileFault>,
) -> Result<Secret, LoadSecretsError> {
    let fault = |fault| LoadSecretsError::File { name, path: PathBuf::from(path), fault };
    let metadata = file.metadata().map_err(|error| fault(FileFault::Read(error)))?;
    if !metadata.is_file() {
        return Err(fault(FileFault::NoFile));
    }
    if let Some(found) = objection(&metadata) {
        return Err(fault(found));
    }
    match read_wiped(file, SECRET_BYTES_MAX + LINE_END_BYTES) {
        Ok(Some(raw)) => Secret::parse(&raw).map_err(|error| fault(FileFault::Value(error))),
        Ok(None) => Err(fault(FileFault::Value(super::ParseSecretError::Long))),
        Err(error) => Err(fault(FileFault::Read(error))),
    }
}

/// What is wrong with who may read or write the file.
fn open_to_others(metadata: &Metadata, in_memory: bool) -> Option<FileFault> {
    let mode = metadata.mode() & 0o7777;
    let owner = metadata.uid();
    if owner != 0 && owner != geteuid().as_raw() {
        return Some(FileFault::Owner { owner });
    }
    let mounted_for_us = in_memory && owner == 0;
    let wrong = mode & 0o022 != 0 || (mode & 0o004 != 0 && !mounted_for_us);
    wrong.then_some(FileFault::Mode { mode })
}

fn in_memory(kind: rustix::fs::FsWord) -> bool {
    kind == TMPFS_MAGIC || kind == RAMFS_MAGIC
}

/// More entries than any folder of secrets has.
const ENTRIES_MAX: usize = 10_000;
const TMPFS_MAGIC: rustix::fs::FsWord = 0x0102_1994;
const RAMFS_MAGIC: rustix::fs::FsWord = 0x8584_58f6;

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn load(folder: &Path) -> Result<Vec<(SecretName, Vec<u8>)>, LoadSecretsError> {
        let mut all = Vec::new();
        files(folder, &mut all)?;
        Ok(all.into_iter().map(|found| (found.name, found.secret.expose(<[u8]>::to_vec))).collect())
    }

    fn put(folder: &Path, name: &str, text: &str, mode: u32) {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_may_be_named_in_three_ways() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "BINANCE_API_KEY", "abc\n", 0o400);
        put(folder.path(), "binance_secret", "def", 0o440);
        put(folder.path(), "telegram-bot-token", "ghi", 0o600);
        put(folder.path(), "something-else", "", 0o777);
        let found = load(folder.path()).unwrap();
        assert_eq!(
            found,
            [
                (SecretName::BinanceApiKey, b"abc".to_vec()),
                (SecretName::BinanceSecret, b"def".to_vec()),
                (SecretName::TelegramBotToken, b"ghi".to_vec()),
            ]
        );
    }

    #[test]
    fn links_as_kubernetes_makes_them_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("..2026_01_01")).unwrap();
        put(folder.path(), "..2026_01_01/API_TOKEN", "abc", 0o400);
        symlink("..2026_01_01", folder.path().join("..data")).unwrap();
        symlink("..data/API_TOKEN", folder.path().join("API_TOKEN")).unwrap();
        assert_eq!(load(folder.path()).unwrap(), [(SecretName::ApiToken, b"abc".to_vec())]);
    }

    #[test]
    fn a_link_out_of_the_folder_is_refused() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        put(outside.path(), "elsewhere", "abc", 0o400);
        symlink(outside.path().join("elsewhere"), folder.path().join("API_TOKEN")).unwrap();
        let error = load(folder.path()).unwrap_err();
        assert!(matches!(error, LoadSecretsError::File { fault: FileFault::Outside { .. }, .. }), "{error}");
    }

    #[test]
    fn a_file_open_to_others_is_refused() {
        for mode in [0o604, 0o620, 0o602, 0o777] {
            let folder = tempfile::tempdir().unwrap();
            put(folder.path(), "API_TOKEN", "abc", mode);
            let path = folder.path().join("API_TOKEN");
            let metadata = fs::metadata(path).unwrap();
            assert!(matches!(open_to_others(&metadata, false), Some(FileFault::Mode { .. })), "{mode:o}");
        }
    }

    #[test]
    fn a_file_of_the_container_runtime_may_be_readable_but_not_writable() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "API_TOKEN", "abc", 0o444);
        let metadata = fs::metadata(folder.path().join("API_TOKEN")).unwrap();
        assert_eq!(open_to_others(&metadata, true).is_none(), metadata.uid() == 0);
        put(folder.path(), "API_TOKEN", "abc", 0o446);
        let metadata = fs::metadata(folder.path().join("API_TOKEN")).unwrap();
        assert!(open_to_others(&metadata, true).is_some());
    }

    #[test]
    fn faults_name_the_file_and_never_show_it() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "API_TOKEN", "hunter2 \n", 0o400);
        let error = load(folder.path()).unwrap_err();
        let text = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
        assert!(text.contains("API_TOKEN") && !text.contains("hunter2"), "{text}");
        put(folder.path(), "API_TOKEN", "", 0o400);
        assert!(load(folder.path()).is_err());
        fs::remove_file(folder.path().join("API_TOKEN")).unwrap();
        fs::create_dir(folder.path().join("API_TOKEN")).unwrap();
        assert!(matches!(load(folder.path()).unwrap_err(), LoadSecretsError::File { fault: FileFault::NoFile, .. }));
        assert!(matches!(load(&folder.path().join("missing")).unwrap_err(), LoadSecretsError::Folder { .. }));
    }
}
