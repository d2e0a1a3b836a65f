//! What is asked of a ledger and what it answers: pages of entries.

use serde::{Deserialize, Serialize};

use super::chain::{Form, Hash, Head};
use super::salt::Salt;
use super::schema::seq_to;
use super::source::Fault;
use crate::domain::{Entry, Fill, InstrumentId, StrategyName, Timestamp};

/// Something the ledger keeps, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T = Entry> {
    /// The entry's number.
    pub seq: u64,
    /// When it was made.
    pub at: Timestamp,
    /// What it says.
    pub value: T,
    /// Its hash.
    pub hash: Hash,
}

/// A fill and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFill {
    /// The strategy that meant the order; unknown when the ledger does not hold the order.
    pub strategy: Option<StrategyName>,
    /// The trade.
    pub fill: Fill,
}

/// An entry as it is chained: what an outsider needs to compute its hash anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The entry's number.
    pub seq: u64,
    /// When it was made, in nanoseconds since 1970-01-01T00:00:00Z.
    pub at_nanos: i64,
    /// The word it is filed under.
    pub kind: String,
    /// The order it is about, as it is looked up by; entries in the form of schema 1 are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// What it says, as JSON, byte by byte as it was hashed.
    pub body: String,
    /// What its digest was salted with; entries in the form of schema 1 have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Salt>,
    /// The hash of the entry before it.
    pub previous: Hash,
    /// Its hash.
    pub hash: Hash,
}

/// Which entries a page shows, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// Where the page begins, and in which direction it goes on.
    pub start: Start,
    /// How many at most; never more than [`PAGE_ROWS_MAX`].
    pub limit: usize,
    /// Only what is about this symbol.
    pub symbol: Option<InstrumentId>,
    /// Only what is about this strategy.
    pub strategy: Option<StrategyName>,
    /// Only from this time on. The time of a fill is the exchange's, of a round trip its end's, of others the entry's.
    pub from: Option<Timestamp>,
    /// Only before this time.
    pub to: Option<Timestamp>,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Behind this entry, towards newer ones; 0 is the beginning.
    After(u64),
    /// In front of this entry, towards older ones; `u64::MAX` is the end.
    Before(u64),
}

/// Part of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What was found. With a filter it may be less than the limit though there is more: a page looks at
    /// [`PAGE_EXAMINED_MAX`] entries at most.
    pub rows: Vec<Stored<T>>,
    /// Where the next page begins; nothing when the last entry was reached.
    pub next: Option<Start>,
}

impl Default for Start {
    fn default() -> Self {
        Self::After(0)
    }
}

impl Link {
    /// Whether this entry follows `before` and has the hash of its content.
    #[must_use]
    pub fn follows(&self, before: &Head) -> bool {
        self.previous == before.hash
            && before.then(Timestamp::from_nanos(self.at_nanos), &self.body, self.form())
                == Head { seq: self.seq, hash: self.hash }
    }

    /// What its hash covers besides number, time and body.
    fn form(&self) -> Form<'_> {
        match self.salt {
            Some(salt) => Form::Salted { salt, kind: &self.kind, order: self.order.as_deref() },
            None => Form::Plain,
        }
    }
}

impl Query {
    /// The first `limit` entries.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// The last `limit` entries, newest first.
    #[must_use]
    pub fn last(limit: usize) -> Self {
        Self { start: Start::Before(u64::MAX), limit, ..Self::default() }
    }

    /// Whether the period asked for holds `at`.
    pub(super) fn covers(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at < to)
    }

    /// Whether the page shows what happened `at` that time. `strategy` is only asked for when it matters.
    pub(super) fn takes(
        &self,
        at: Timestamp,
        symbol: Option<InstrumentId>,
        strategy: impl FnOnce() -> Result<Option<StrategyName>, Fault>,
    ) -> Result<bool, Fault> {
        if !self.covers(at) || self.symbol.is_some_and(|wanted| symbol != Some(wanted)) {
            return Ok(false);
        }
        match self.strategy {
            Some(wanted) => Ok(strategy()? == Some(wanted)),
            None => Ok(true),
        }
    }
}

impl Start {
    /// The entry's number as SQLite keeps it.
    pub(super) fn number(self) -> i64 {
        match self {
            Self::After(seq) | Self::Before(seq) => seq_to(seq),
        }
    }

    /// The same direction from another entry.
    pub(super) const fn from(self, seq: u64) -> Self {
        match self {
            Self::After(_) => Self::After(seq),
            Self::Before(_) => Self::Before(seq),
        }
    }
}

/// Most entries on one page.
pub const PAGE_ROWS_MAX: usize = 1_000;
/// Most entries looked at for one page, so that a page that filters costs no more than a large one.
pub const PAGE_EXAMINED_MAX: usize = 2_000;
