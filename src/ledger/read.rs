//! Entries out: pages of them while their writer writes, each page one consistent state.

use std::path::Path;

use rusqlite::{CachedStatement, Connection};
use serde::Deserialize;

use super::chain::{Hash, Head};
use super::error::ReadError;
use super::page::{Link, OwnFill, PAGE_EXAMINED_MAX, PAGE_ROWS_MAX, Page, Query, Start, Stored};
use super::salt::Salt;
use super::schema::{self, INDEXED_KINDS, IS_INDEXED, Version, seq_from, seq_to};
use super::source::{Fault, Source};
use crate::domain::{ClientOrderId, Entry, Fill, Notional, RoundTrip, StrategyName, Timestamp};

/// Reads a ledger, from another thread or process than its writer's.
#[derive(Debug)]
pub struct Reader {
    source: Source,
}

impl Reader {
    /// Opens the ledger at `path`.
    ///
    /// # Errors
    ///
    /// There is none, it is not a ledger of this version, or the disk refuses.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let mut source = Source::open(path)?;
        match source.read(|connection| Ok(schema::inspect(connection)?.fault))? {
            Some(fault) if fault.hides_entries() => Err(ReadError::Schema { path: source.path().to_owned(), fault }),
            _ => Ok(Self { source }),
        }
    }

    /// The last entry.
    ///
    /// # Errors
    ///
    /// The disk refuses.
    pub fn head(&mut self) -> Result<Head, ReadError> {
        self.source.read(|connection| Ok(schema::head(connection)?))
    }

    /// Entries of every kind, or of one.
    ///
    /// # Errors
    ///
    /// The disk refuses, or an entry cannot be understood.
    pub fn entries(&mut self, kind: Option<&str>, query: &Query) -> Result<Page<Entry>, ReadError> {
        self.page(kind, query, |row, _| {
            let entry: Entry = row.decode()?;
            let about = (entry.symbol(), entry.strategy());
            Ok(query.takes(row.at(), about.0, || Ok(about.1))?.then_some(entry))
        })
    }

    /// Fills, each with the strategy whose order it filled.
    ///
    /// # Errors
    ///
    /// The disk refuses, or an entry cannot be understood.
    pub fn fills(&mut self, query: &Query) -> Result<Page<OwnFill>, ReadError> {
        let mut last: Option<(ClientOrderId, Option<StrategyName>)> = None;
        self.page(Some("filled"), query, move |row, connection| {
            let Filled { fill } = row.decode()?;
            let mut owner = || match last {
                Some((order, strategy)) if order == fill.order => Ok(strategy),
                _ => {
                    let strategy = strategy_of(connection, fill.order)?;
                    last = Some((fill.order, strategy));
                    Ok(strategy)
                }
            };
            if !query.takes(fill.at, Some(fill.symbol), &mut owner)? {
                return Ok(None);
            }
            let strategy = owner()?;
            Ok(Some(OwnFill { strategy, fill }))
        })
    }

    /// Closed positions.
    ///
    /// # Errors
    ///
    /// The disk refuses, or an entry cannot be understood.
    pub fn round_trips(&mut self, query: &Query) -> Result<Page<RoundTrip>, ReadError> {
        self.page(Some("closed"), query, |row, _| {
            let Closed { trip } = row.decode()?;
            Ok(query.takes(trip.closed, Some(trip.symbol), || Ok(Some(trip.strategy)))?.then_some(trip))
        })
    }

    /// What the account was worth, in the quote asset, over time; symbol and strategy do not apply.
    ///
    /// # Errors
    ///
    /// The disk refuses, or an entry cannot be understood.
    pub fn marks(&mut self, query: &Query) -> Result<Page<Notional>, ReadError> {
        self.page(Some("marked"), query, |row, _| {
            let Marked { equity } = row.decode()?;
            Ok(query.covers(row.at()).then_some(equity))
        })
    }

    /// The file it reads.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.source.path()
    }

    /// The entries from number `from` to number `to`, both included, as they are chained; at most [`PAGE_ROWS_MAX`].
    ///
    /// # Errors
    ///
    /// The disk refuses.
    pub fn proof(&mut self, from: u64, to: u64) -> Result<Vec<Link>, ReadError> {
        self.source.read(|connection| {
            let more = Version::of(connection)?.salt_and_order();
            let mut select = connection.prepare_cached(&format!(
                "SELECT seq, at, body, previous, hash, kind, {more} FROM entry NOT INDEXED \
                 WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?"
            ))?;
            let limit = i64::try_from(PAGE_ROWS_MAX).expect("a small number");
            let links = select.query_map((seq_to(from), seq_to(to), limit), |row| {
                Ok(Link {
                    seq: seq_from(row.get(0)?),
                    at_nanos: row.get(1)?,
                    kind: row.get(5)?,
                    order: row.get(7)?,
                    body: row.get(2)?,
                    salt: row.get::<_, Option<[u8; 16]>>(6)?.map(Salt),
                    previous: Hash(row.get(3)?),
                    hash: Hash(row.get(4)?),
                })
            })?;
            Ok(links.collect::<rusqlite::Result<Vec<Link>>>()?)
        })
    }

    fn page<T>(
        &mut self,
        kind: Option<&str>,
        query: &Query,
        mut take: impl FnMut(&Row<'_>, &Connection) -> Result<Option<T>, Fault>,
    ) -> Result<Page<T>, ReadError> {
        let limit = query.limit.clamp(1, PAGE_ROWS_MAX);
        self.source.read(|connection| {
            let mut select = select_from(connection, kind, query.start)?;
            let mut rows = match kind.filter(|kind| is_indexed(kind)) {
                Some(kind) => select.query((query.start.number(), kind))?,
                None => select.query((query.start.number(),))?,
            };
            let mut page = Page { rows: Vec::new(), next: None };
            let mut last = 0;
            let mut examined = 0;
            while let Some(found) = rows.next()? {
                if page.rows.len() == limit || examined == PAGE_EXAMINED_MAX {
                    page.next = Some(query.start.from(last));
                    break;
                }
                let row = Row { row: found, seq: seq_from(found.get(0)?), at_nanos: found.get(1)? };
                last = row.seq;
                examined += 1;
                if !kind.is_none_or(|kind| is_indexed(kind) || row.is_of(kind)) {
                    continue;
                }
                if let Some(value) = take(&row, connection)? {
                    page.rows.push(Stored { seq: row.seq, at: row.at(), value, hash: Hash(found.get(3)?) });
                }
            }
            Ok(page)
        })
    }
}

/// A row of the columns number, time, body, hash and kind.
struct Row<'a> {
    row: &'a rusqlite::Row<'a>,
    seq: u64,
    at_nanos: i64,
}

impl Row<'_> {
    const fn at(&self) -> Timestamp {
        Timestamp::from_nanos(self.at_nanos)
    }

    fn is_of(&self, kind: &str) -> bool {
        self.row.get_ref(4).is_ok_and(|found| found.as_str() == Ok(kind))
    }

    fn decode<T: for<'de> Deserialize<'de>>(&self) -> Result<T, Fault> {
        let body = self.row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
        serde_json::from_str(body).map_err(|source| Fault::Entry { seq: self.seq, source })
    }
}

#[derive(Deserialize)]
struct Filled {
    fill: Fill,
}

#[derive(Deserialize)]
struct Closed {
    trip: RoundTrip,
}

#[derive(Deserialize)]
struct Marked {
    equity: Notional,
}

fn select_from<'a>(
    connection: &'a Connection,
    kind: Option<&str>,
    start: Start,
) -> rusqlite::Result<CachedStatement<'a>> {
    let from = match kind {
        Some(kind) if is_indexed(kind) => format!("INDEXED BY entry_by_kind WHERE {IS_INDEXED} AND kind = ?2 AND"),
        // Other kinds are told apart row by row, so that a page stays bounded where there is none of it.
        Some(_) | None => "NOT INDEXED WHERE".to_owned(),
    };
    let order = match start {
        Start::After(_) => "seq > ?1 ORDER BY seq",
        Start::Before(_) => "seq < ?1 ORDER BY seq DESC",
    };
    connection.prepare_cached(&format!("SELECT seq, at, body, hash, kind FROM entry {from} {order}"))
}

fn is_indexed(kind: &str) -> bool {
    INDEXED_KINDS.contains(&kind)
}

fn strategy_of(connection: &Connection, order: ClientOrderId) -> Result<Option<StrategyName>, Fault> {
    let conditions: &[&str] = match Version::of(connection)? {
        Version::One => &["entry_by_order WHERE json_extract(body, '$.order.id') = ?"],
        Version::Two => &[
            "entry_by_order WHERE order_id = ?",
            "entry_by_order_in_body WHERE salt IS NULL AND json_extract(body, '$.order.id') = ?",
        ],
    };
    for condition in conditions {
        let text = format!("SELECT seq, body FROM entry INDEXED BY {condition} AND kind = 'intended' LIMIT 1");
        let mut find = connection.prepare_cached(&text)?;
        let mut rows = find.query((order.to_string(),))?;
        let Some(row) = rows.next()? else { continue };
        let seq = seq_from(row.get(0)?);
        let body = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let Intended { order: Meant { strategy } } =
            serde_json::from_str(body).map_err(|source| Fault::Entry { seq, source })?;
        return Ok(Some(strategy));
    }
    Ok(None)
}

#[derive(Deserialize)]
struct Intended {
    order: Meant,
}

#[derive(Deserialize)]
struct Meant {
    strategy: StrategyName,
}
