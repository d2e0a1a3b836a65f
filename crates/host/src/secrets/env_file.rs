//! The `.env` of a developer: private, ours, not tracked by git, or refused.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::process::geteuid;
use secrecy::zeroize::Zeroizing;

use super::value::read_wiped;
use super::{EnvFileFault, Found, LoadSecretsError, Secret, SecretName, Source, git_index};

/// Takes the secrets of the file at `path`, if there is one.
pub(super) fn read(path: &Path, all: &mut Vec<Found>) -> Result<(), LoadSecretsError> {
    let fault = |fault| LoadSecretsError::EnvFile { path: path.to_owned(), fault };
    let Some(text) = open(path).map_err(fault)? else { return Ok(()) };
    for (name, (line, secret)) in parse(&text).map_err(fault)? {
        all.push(Found { name, secret, source: Source::EnvFile { path: path.to_owned(), line } });
    }
    Ok(())
}

/// The text of a file that is private; `None` when there is no file.
fn open(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, EnvFileFault> {
    // Never waits for a pipe, never follows a link.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(rustix::io::Errno::LOOP) => return Err(EnvFileFault::NoFile),
        Err(errno) => return Err(EnvFileFault::Read(errno.into())),
    };
    let metadata = file.metadata().map_err(EnvFileFault::Read)?;
    if !metadata.is_file() {
        return Err(EnvFileFault::NoFile);
    }
    if metadata.uid() != geteuid().as_raw() {
        return Err(EnvFileFault::Owner { owner: metadata.uid() });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(EnvFileFault::Mode { mode });
    }
    let real = fs::canonicalize(path).map_err(EnvFileFault::Read)?;
    if let Some(repository) = git_index::tracked_in(&real).map_err(EnvFileFault::Index)? {
        return Err(EnvFileFault::Tracked { repository });
    }
    let text = read_wiped(file, FILE_BYTES_MAX).map_err(EnvFileFault::Read)?;
    text.ok_or(EnvFileFault::Long { limit: FILE_BYTES_MAX }).map(Some)
}

/// The secrets of a text, each with its line. Other names are left alone: other programs read such files too.
fn parse(text: &[u8]) -> Result<BTreeMap<SecretName, (usize, Secret)>, EnvFileFault> {
    let mut found = BTreeMap::new();
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    for (index, raw) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = index + 1;
        let Some((name, value)) = assignment(raw.trim_ascii()).ok_or(EnvFileFault::Line { line })? else { continue };
        let value = unquote(value).ok_or(EnvFileFault::Quote { line })?;
        let Some(name) = SecretName::from_variable(name) else { continue };
        let secret = Secret::parse(&value).map_err(|fault| EnvFileFault::Value { name, line, fault })?;
        if let Some((first, _)) = found.insert(name, (line, secret)) {
            return Err(EnvFileFault::Twice { name, first, second: line });
        }
    }
    Ok(found)
}

/// Name and value of a trimmed line; inside `None` for a comment or nothing, outside for anything else.
fn assignment(line: &[u8]) -> Option<Option<(&str, &[u8])>> {
    if line.is_empty() || line.starts_with(b"#") {
        return Some(None);
    }
    let line = match line.strip_prefix(b"export") {
        Some(rest) if rest.starts_with(b" ") || rest.starts_with(b"\t") => rest.trim_ascii_start(),
        Some(_) | None => line,
    };
    let equals = line.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (std::str::from_utf8(line[..equals].trim_ascii_end()).ok()?, &line[equals + 1..]);
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    named.then_some(Some((name, value.trim_ascii_start())))
}

/// A value without its quotes and the comment after it; `None` when a quote does not close.
///
/// In single quotes everything stands for itself. In double quotes a backslash takes the next character as it is.
/// Without quotes the value ends before a blank and `#`. A `$` is a `$`: nothing is expanded.
fn unquote(value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(value.len()));
    let quote = match value.first() {
        Some(quote @ (b'"' | b'\'')) => *quote,
        Some(b'#') => return Some(plain),
        Some(_) | None => {
            let comment = value.windows(2).position(|pair| pair[0].is_ascii_whitespace() && pair[1] == b'#');
            plain.extend_from_slice(value[..comment.unwrap_or(value.len())].trim_ascii_end());
            return Some(plain);
        }
    };
    let mut bytes = value[1..].iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if *byte == quote {
            let rest = value[at + 2..].trim_ascii_start();
            return (rest.is_empty() || rest.starts_with(b"#")).then_some(plain);
        }
        let escaped = *byte == b'\\' && quote == b'"';
        plain.push(if escaped { *bytes.next()?.1 } else { *byte });
    }
    None
}

/// The longest `.env`, in bytes.
const FILE_BYTES_MAX: usize = 64 * 1_024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn one(text: &str) -> Result<String, EnvFileFault> {
        let mut found = parse(text.as_bytes())?;
        let (_, secret) = found.remove(&SecretName::ApiToken).ok_or(EnvFileFault::Line { line: 0 })?;
        Ok(secret.expose(|bytes| String::from_utf8(bytes.to_vec()).unwrap()))
    }

    #[test]
    fn values_are_read_as_written() {
        for (text, value) in [
            ("API_TOKEN=abc", "abc"),
            ("\u{feff}API_TOKEN=abc\r\n", "abc"),
            ("# a comment\n\n  export API_TOKEN = abc", "abc"),
            ("  export\tAPI_TOKEN=abc  ", "abc"),
            ("API_TOKEN=abc # comment", "abc"),
            ("API_TOKEN=abc#not a comment", "abc#not a comment"),
            ("API_TOKEN='a\\b\"c' # comment", "a\\b\"c"),
            ("API_TOKEN=\"a\\\"b\\\\c\"", "a\"b\\c"),
            ("API_TOKEN=$HOME", "$HOME"),
            ("OTHER=1\nexported=2\nAPI_TOKEN=a=b", "a=b"),
        ] {
            assert_eq!(one(text).unwrap(), value, "{text:?}");
        }
    }

    #[test]
    fn faults_name_the_line_and_never_the_value() {
        for (text, line) in [
            ("API_TOKEN=abc\nhunter2", 2),
            ("API TOKEN = hunter2", 1),
            ("=hunter2", 1),
            ("1API=hunter2", 1),
            ("\n\nAPI_TOKEN='hunter2", 3),
            ("API_TOKEN=\"hunter2\\", 1),
            ("API_TOKEN='hunter2'hunter2", 1),
            ("OTHER='hunter2", 1),
            ("API_TOKEN=", 1),
            ("API_TOKEN=# hunter2", 1),
            ("API_TOKEN=hunter2\u{e9}", 1),
            ("API_TOKEN=\"hunter2 \"", 1),
        ] {
            let error = one(text).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(&format!("line {line}")) && !shown.contains("hunter2"), "{text:?}: {shown}");
        }
        let error = one("API_TOKEN=hunter2\nAPI_TOKEN=hunter2").unwrap_err();
        assert_eq!(error.to_string(), "lines 1 and 2 both set API_TOKEN; take one out");
    }

    #[test]
    fn a_file_that_is_not_private_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        assert!(open(&path).unwrap().is_none());
        fs::write(&path, "API_TOKEN=abc").unwrap();
        for mode in [0o644, 0o640, 0o604, 0o620, 0o601] {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(matches!(open(&path).unwrap_err(), EnvFileFault::Mode { .. }), "{mode:o}");
        }
        for mode in [0o600, 0o400] {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(open(&path).unwrap().unwrap().as_slice(), b"API_TOKEN=abc");
        }
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(matches!(open(&link).unwrap_err(), EnvFileFault::NoFile));
        assert!(matches!(open(folder.path()).unwrap_err(), EnvFileFault::NoFile));
        fs::write(&path, vec![b'#'; FILE_BYTES_MAX + 1]).unwrap();
        assert!(open(&path).is_err());
    }
}
