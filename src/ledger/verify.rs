//! Checks a ledger from the first entry to the last; needs the file alone, no secret and no network.

use std::error::Error;
use std::path::Path;
use std::thread;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::chain::{Form, Hash, Head};
use super::error::{EntryFault, ReadError, VerifyError};
use super::page::Stored;
use super::salt::Salt;
use super::schema::{self, Inspected, Version, seq_to};
use super::source::{Fault, Source};
use crate::domain::Timestamp;

/// A ledger that holds what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many entries it has.
    pub entries: u64,
    /// The last one.
    pub head: Head,
}

/// Checks that no entry was changed, removed, moved or inserted, that nothing was added to the file or taken from what
/// guards it, and that `expected`, a head kept elsewhere, is in it. Without such a head, entries cut off at the end do
/// not show, nor does a ledger that was written anew from some entry on.
///
/// # Errors
///
/// The gravest fault: the first entry that is not as it was written, then an end that was cut off or written anew, then
/// a changed schema, then a damaged file; or the file cannot be read at all.
pub fn verify(path: &Path, expected: Option<Head>) -> Result<Verified, VerifyError> {
    let mut source = Source::open(path)?;
    let Inspected { version, fault } = source.read(|connection| Ok(schema::inspect(connection)?))?;
    if let Some(fault) = fault.as_ref().filter(|fault| fault.hides_table()) {
        return Err(ReadError::Schema { path: source.path().to_owned(), fault: fault.clone() }.into());
    }
    let mut other = source.again()?;
    let (walked, structure) = thread::scope(|scope| {
        // SQLite's own check takes as long as ours; together they take as long as one.
        let structure = scope.spawn(move || other.read(|connection| Ok(structure(connection)?)));
        let walked = source.read(|connection| walk(connection, version, expected));
        (walked, structure.join().expect("it does not panic"))
    });
    let walked = walked?;
    if let Some((seq, fault)) = walked.fault {
        // Two entries that do not fit, each as its hash says: the first may be the wrong one.
        let trusted = if fault == EntryFault::Unlinked { walked.before } else { walked.head };
        return Err(VerifyError::Entry { seq, fault, trusted });
    }
    if let Some(kept) = expected.filter(|kept| *kept != Head::EMPTY) {
        match walked.at_expected {
            None => return Err(VerifyError::Cut { kept, last: walked.head }),
            Some(found) if found != kept.hash => return Err(VerifyError::Rewritten { kept, found }),
            Some(_) => {}
        }
    }
    if let Some(fault) = fault {
        return Err(VerifyError::Schema { fault, trusted: walked.head });
    }
    match structure {
        Ok(None) => Ok(Verified { entries: walked.head.seq, head: walked.head }),
        Ok(Some(detail)) => Err(VerifyError::Damaged { detail, trusted: walked.head }),
        Err(error) => {
            let detail = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            Err(VerifyError::Damaged { detail, trusted: walked.head })
        }
    }
}

/// Whether the last entry has the hash of its content, and is the one that `head` says.
pub(super) fn end_holds(connection: &Connection, head: Head) -> rusqlite::Result<bool> {
    if head == Head::EMPTY {
        return Ok(true);
    }
    let mut select = connection.prepare(&select(Version::Two, "WHERE seq >= ? ORDER BY seq"))?;
    let mut rows = select.query((seq_to(head.seq),))?;
    let Some(row) = rows.next()? else { return Ok(false) };
    let Ok(previous) = bytes(row, 4, "hash of its predecessor") else { return Ok(false) };
    let before = Head { seq: head.seq.saturating_sub(1), hash: Hash(previous) };
    // Whether the one before it is salted, too, is for whoever walks all of them.
    let is_salted = !matches!(row.get_ref(6), Ok(ValueRef::Null));
    Ok(follow(Chain { head: before, is_salted }, row).map(|chain| chain.head) == Ok(head))
}

/// Shows every entry, oldest first, as long as each is the one that was written after the one before.
pub(super) fn each(connection: &Connection, mut visit: impl FnMut(Stored)) -> Result<(), Fault> {
    let mut select = connection.prepare(&select(Version::Two, "ORDER BY seq"))?;
    let mut rows = select.query([])?;
    let mut chain = Chain::EMPTY;
    loop {
        let seq = chain.head.seq + 1;
        let unreadable = |error: rusqlite::Error| EntryFault::Unreadable { detail: error.to_string() };
        let Some(row) = rows.next().map_err(|error| Fault::Chain { seq, fault: unreadable(error) })? else {
            return Ok(());
        };
        chain = follow(chain, row).map_err(|fault| Fault::Chain { seq, fault })?;
        let body = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
        let value = serde_json::from_str(body).map_err(|source| Fault::Entry { seq, source })?;
        visit(Stored { seq, at: Timestamp::from_nanos(row.get(1)?), value, hash: chain.head.hash });
    }
}

/// How far the chain was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Chain {
    head: Head,
    /// Whether the last entry has the form of schema 2, which none falls back from.
    is_salted: bool,
}

impl Chain {
    const EMPTY: Self = Self { head: Head::EMPTY, is_salted: false };
}

/// What a walk along the chain has found.
pub(super) struct Walked {
    /// The last entry that holds.
    pub(super) head: Head,
    /// The one before it.
    before: Head,
    /// The first that does not.
    pub(super) fault: Option<(u64, EntryFault)>,
    /// The hash of the entry that was kept elsewhere.
    at_expected: Option<Hash>,
}

/// Follows the chain from the first entry as far as it holds.
pub(super) fn walk(connection: &Connection, version: Version, expected: Option<Head>) -> Result<Walked, Fault> {
    let mut walked = Walked { head: Head::EMPTY, before: Head::EMPTY, fault: None, at_expected: None };
    let mut chain = Chain::EMPTY;
    let mut select = connection.prepare(&select(version, "ORDER BY seq"))?;
    let mut rows = select.query([])?;
    let broken = loop {
        let next = match rows.next() {
            Ok(None) => return Ok(walked),
            Ok(Some(row)) => follow(chain, row),
            Err(error) => Err(EntryFault::Unreadable { detail: error.to_string() }),
        };
        match next {
            Ok(next) => (walked.before, walked.head, chain) = (chain.head, next.head, next),
            Err(fault) => break fault,
        }
        if expected.is_some_and(|kept| kept.seq == walked.head.seq) {
            walked.at_expected = Some(walked.head.hash);
        }
    };
    walked.fault = Some((walked.head.seq + 1, broken));
    Ok(walked)
}

/// The chain with the entry in `row`, or why that is not the one that follows.
fn follow(chain: Chain, row: &Row<'_>) -> Result<Chain, EntryFault> {
    let head = chain.head;
    let number = integer(row, 0, "number")?;
    if number <= 0 {
        return Err(EntryFault::Inserted { number });
    }
    if number != seq_to(head.seq + 1) {
        return Err(EntryFault::Missing { next: number });
    }
    let at = integer(row, 1, "time")?;
    let kind = text(row, 2, "kind")?;
    let body = text(row, 3, "body")?;
    let previous = Hash(bytes(row, 4, "hash of its predecessor")?);
    let hash = Hash(bytes(row, 5, "hash")?);
    let (salt, order) = (if_any(bytes(row, 6, "salt"), row, 6)?, if_any(text(row, 7, "order"), row, 7)?);
    let form = match salt {
        Some(salt) => Form::Salted { salt: Salt(salt), kind, order },
        None if order.is_some() => return Err(EntryFault::WrongType { column: "salt" }),
        None => Form::Plain,
    };
    let next = Head { seq: head.seq, hash: previous }.then(Timestamp::from_nanos(at), body, form);
    if next.hash != hash {
        return Err(EntryFault::Changed);
    }
    if previous != head.hash {
        return Err(EntryFault::Unlinked);
    }
    let filed = body.strip_prefix(r#"{"kind":""#).and_then(|rest| rest.strip_prefix(kind));
    if !filed.is_some_and(|rest| rest.starts_with("\",") || rest.starts_with("\"}")) {
        return Err(EntryFault::Misfiled);
    }
    let begins_salted = head == Head::EMPTY || kind == MIGRATED;
    match (chain.is_salted, salt.is_some()) {
        (false, false) | (true, true) => {}
        (false, true) if begins_salted => {}
        (false, true) | (true, false) => return Err(EntryFault::Misplaced),
    }
    Ok(Chain { head: next, is_salted: salt.is_some() })
}

fn integer(row: &Row<'_>, index: usize, column: &'static str) -> Result<i64, EntryFault> {
    match value(row, index)? {
        ValueRef::Integer(number) => Ok(number),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => {
            Err(EntryFault::WrongType { column })
        }
    }
}

fn text<'a>(row: &'a Row<'_>, index: usize, column: &'static str) -> Result<&'a str, EntryFault> {
    match value(row, index)? {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).map_err(|_| EntryFault::WrongType { column }),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Integer(_) | ValueRef::Blob(_) => {
            Err(EntryFault::WrongType { column })
        }
    }
}

/// Nothing, where the column holds nothing.
fn if_any<T>(found: Result<T, EntryFault>, row: &Row<'_>, index: usize) -> Result<Option<T>, EntryFault> {
    if value(row, index)? == ValueRef::Null { Ok(None) } else { found.map(Some) }
}

fn bytes<const N: usize>(row: &Row<'_>, index: usize, column: &'static str) -> Result<[u8; N], EntryFault> {
    match value(row, index)? {
        ValueRef::Blob(bytes) => bytes.try_into().map_err(|_| EntryFault::WrongType { column }),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Integer(_) | ValueRef::Text(_) => {
            Err(EntryFault::WrongType { column })
        }
    }
}

fn value<'a>(row: &'a Row<'_>, index: usize) -> Result<ValueRef<'a>, EntryFault> {
    row.get_ref(index).map_err(|error| EntryFault::Unreadable { detail: error.to_string() })
}

/// What SQLite finds wrong with its pages, or with an index that does not hold what the entries say.
fn structure(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}

fn select(version: Version, rest: &str) -> String {
    let more = version.salt_and_order();
    format!("SELECT seq, at, kind, body, previous, hash, {more} FROM entry NOT INDEXED {rest}")
}

/// The kind of the entry that begins the form of a newer schema.
const MIGRATED: &str = "migrated";
