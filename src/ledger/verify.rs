//! Checks the chain from the first entry to the last; needs the file alone, no secret and no network.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row};

use super::error::{ReadError, VerifyError};
use super::{Hash, Head, link};

/// A ledger whose chain holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many entries it has.
    pub entries: u64,
    /// The last one.
    pub head: Head,
}

/// Checks that no entry was changed, removed, moved or inserted, and that `expected`, a head kept elsewhere, is in it.
///
/// # Errors
///
/// The first entry at which the chain breaks.
pub fn verify(path: &Path, expected: Option<Head>) -> Result<Verified, VerifyError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|source| VerifyError::Read(ReadError::Open { path: path.to_owned(), source }))?;
    let database = |source| VerifyError::Read(ReadError::Database(source));
    let mut select =
        connection.prepare("SELECT seq, at, kind, body, previous, hash FROM entry ORDER BY seq").map_err(database)?;
    let mut rows = select.query([]).map_err(database)?;
    let mut head = Head::EMPTY;
    let mut seen = expected.is_none_or(|wanted| wanted == Head::EMPTY);
    while let Some(row) = rows.next().map_err(database)? {
        head = step(head, row)?;
        seen |= expected == Some(head);
    }
    match expected {
        Some(wanted) if !seen => Err(VerifyError::HeadMissing { seq: wanted.seq }),
        _ => Ok(Verified { entries: head.seq, head }),
    }
}

fn step(head: Head, row: &Row<'_>) -> Result<Head, VerifyError> {
    let seq = head.seq + 1;
    let number: i64 = row.get(0).map_err(|_| VerifyError::Changed { seq })?;
    if number != i64::try_from(seq).unwrap_or(i64::MAX) {
        return Err(VerifyError::Missing { seq });
    }
    let changed = |_: rusqlite::Error| VerifyError::Changed { seq };
    let text = |index: usize| -> Result<&str, VerifyError> {
        row.get_ref(index).map_err(changed)?.as_str().map_err(|_| VerifyError::Changed { seq })
    };
    let previous: Hash = row.get(4).map_err(changed)?;
    let hash: Hash = row.get(5).map_err(changed)?;
    if previous != head.hash {
        return Err(VerifyError::Broken { seq });
    }
    let at: i64 = row.get(1).map_err(changed)?;
    if link(&previous, seq, at, text(2)?, text(3)?) != hash {
        return Err(VerifyError::Changed { seq });
    }
    Ok(Head { seq, hash })
}
