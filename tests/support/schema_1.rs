//! A ledger that the first version made, with the journal and configuration of its last run, and more entries of its form.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tradingbot::domain::Timestamp;
use tradingbot::ledger::{Form, Hash, Head};

/// The head that the program named when it stopped.
pub const HEAD: &str = "26:5ac056495a4f162b55d528cc783b448aaca59aa715f4353b1a8df715661d8a74";

/// A copy of the state folder.
pub fn state() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["schema-1/ledger.sqlite", "schema-1/inputs-00000002-000.jsonl.zst", "schema-1/bot.toml"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/ledger").join(name);
        let to = folder.path().join(from.file_name().unwrap());
        fs::copy(from, &to).unwrap();
        close(&to, 0o600);
    }
    let path = folder.path().join("ledger.sqlite");
    (folder, path)
}

/// The same, read.
pub fn head() -> Head {
    HEAD.parse().unwrap()
}

/// Appends entries in the form of schema 1, as the version that made it did.
pub fn grow(connection: &Connection, count: u64) -> Head {
    let (seq, at, hash): (i64, i64, [u8; 32]) = connection
        .query_row("SELECT seq, at, hash FROM entry ORDER BY seq DESC LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    let mut head = Head { seq: u64::try_from(seq).unwrap(), hash: Hash(hash) };
    let body = r#"{"kind":"stopped","run":2}"#;
    for _ in 0..count {
        let next = head.then(Timestamp::from_nanos(at), body, Form::Plain);
        let sql = "INSERT INTO entry (seq, at, kind, body, previous, hash) VALUES (?, ?, 'stopped', ?, ?, ?)";
        connection.execute(sql, (i64::try_from(next.seq).unwrap(), at, body, &head.hash.0, &next.hash.0)).unwrap();
        head = next;
    }
    head
}

/// Gives a file or folder the mode that a ledger's must have.
pub fn close(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
