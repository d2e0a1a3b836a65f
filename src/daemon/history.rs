//! What is over, read from the ledger for the API while its owner writes.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::api::{HeadView, History, HistoryError, Mark, Numbered, Page, PageOrder, ProvenEntry};
use crate::domain::{Fill, RoundTrip, Timestamp};
use crate::ledger::{self, Query, ReadError, Reader, Start};

/// The ledger at a path, opened for reading when it is first asked for.
#[derive(Debug)]
pub struct LedgerHistory {
    path: PathBuf,
    reader: Mutex<Option<Reader>>,
}

impl LedgerHistory {
    /// The history that the ledger at `path` holds.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path, reader: Mutex::new(None) }
    }

    fn with<T>(&self, read: impl FnOnce(&mut Reader) -> Result<T, ReadError>) -> Result<T, HistoryError> {
        let mut slot = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let result = match slot.as_mut() {
            Some(reader) => read(reader),
            None => Reader::open(&self.path).and_then(|reader| read(slot.insert(reader))),
        };
        result.map_err(|error| {
            *slot = None;
            HistoryError(Box::new(error))
        })
    }
}

impl History for LedgerHistory {
    fn fills(&self, page: Page) -> Result<Vec<Numbered<Fill>>, HistoryError> {
        let page = self.with(|reader| reader.fills(&query(page)))?;
        Ok(page.rows.into_iter().map(|row| Numbered { seq: row.seq, item: row.value.fill }).collect())
    }

    fn trips(&self, page: Page) -> Result<Vec<Numbered<RoundTrip>>, HistoryError> {
        let page = self.with(|reader| reader.round_trips(&query(page)))?;
        Ok(page.rows.into_iter().map(|row| Numbered { seq: row.seq, item: row.value }).collect())
    }

    fn marks(&self, page: Page) -> Result<Vec<Numbered<Mark>>, HistoryError> {
        let page = self.with(|reader| reader.marks(&query(page)))?;
        let mark = |row: ledger::Stored<_>| Numbered { seq: row.seq, item: Mark { at: row.at, equity: row.value } };
        Ok(page.rows.into_iter().map(mark).collect())
    }

    fn entries(&self, page: Page) -> Result<Vec<ProvenEntry>, HistoryError> {
        let limit = u64::try_from(page.limit).unwrap_or(u64::MAX);
        self.with(|reader| {
            let (from, to) = match (page.order, page.after) {
                (PageOrder::Oldest, after) => {
                    let after = after.unwrap_or(0);
                    (after.saturating_add(1), after.saturating_add(limit))
                }
                (PageOrder::Newest, before) => {
                    let last = reader.head()?.seq;
                    let to = before.map_or(last, |before| last.min(before.saturating_sub(1)));
                    (to.saturating_sub(limit.saturating_sub(1)).max(1), to)
                }
            };
            let mut links = if to < from { Vec::new() } else { reader.proof(from, to)? };
            if page.order == PageOrder::Newest {
                links.reverse();
            }
            Ok(links)
        })
        .map(|links| links.into_iter().map(proven).collect())
    }

    fn head(&self) -> Result<HeadView, HistoryError> {
        let head = self.with(Reader::head)?;
        Ok(HeadView { seq: head.seq, hash: head.hash.to_string() })
    }
}

fn proven(link: ledger::Link) -> ProvenEntry {
    ProvenEntry {
        seq: link.seq,
        at: Timestamp::from_nanos(link.at_nanos),
        kind: link.kind,
        order: link.order,
        body: link.body,
        salt: link.salt.map(|salt| salt.to_string()),
        previous: link.previous.to_string(),
        hash: link.hash.to_string(),
    }
}

fn query(page: Page) -> Query {
    let start = match (page.order, page.after) {
        (PageOrder::Oldest, after) => Start::After(after.unwrap_or(0)),
        (PageOrder::Newest, before) => Start::Before(before.unwrap_or(u64::MAX)),
    };
    Query { start, limit: page.limit, ..Query::default() }
}
