//! `tradingbot ledger show`.

use std::io::Write;
use std::path::Path;

use clap::builder::PossibleValuesParser;
use serde_json::json;

use super::describe::describe;
use super::{Which, failure, open};
use crate::cli::Failure;
use crate::domain::Entry;
use crate::ledger::{PAGE_ROWS_MAX, Query, Reader, Start, Stored};

/// Shows entries, the last ones unless `--after` is given; oldest first in either case.
#[derive(Debug, clap::Args)]
pub struct Show {
    #[command(flatten)]
    pub(super) which: Which,
    /// Show the entries that follow this one; 0 begins with the first.
    #[arg(long, value_name = "SEQ")]
    after: Option<u64>,
    /// How many entries at most.
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    limit: usize,
    /// Only entries of this kind.
    #[arg(long, value_parser = PossibleValuesParser::new(Entry::KINDS))]
    kind: Option<String>,
}

impl Show {
    /// Shows a line an entry, or one JSON object: `entries`, and `next` for `--after` when there are more.
    pub fn run(&self, path: &Path, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let mut reader = open(path)?;
        let start = self.after.map_or(Start::Before(u64::MAX), Start::After);
        let (mut rows, more) = self.collect(&mut reader, start)?;
        if self.after.is_none() {
            rows.reverse();
        }
        if json {
            let entries: Vec<serde_json::Value> = rows
                .iter()
                .map(|row| json!({ "seq": row.seq, "at": row.at, "entry": row.value, "hash": row.hash }))
                .collect();
            let next = rows.last().filter(|_| more && self.after.is_some()).map(|row| row.seq);
            return Ok(writeln!(out, "{}", json!({ "entries": entries, "next": next }))?);
        }
        for row in rows {
            let (kind, at) = (row.value.kind(), row.at.to_string());
            writeln!(out, "{:>8}  {at:<30}  {kind:<12}  {}", row.seq, describe(&row.value))?;
        }
        Ok(())
    }

    /// Up to the limit of entries, and whether there are more.
    fn collect(&self, reader: &mut Reader, start: Start) -> Result<(Vec<Stored>, bool), Failure> {
        let mut rows: Vec<Stored> = Vec::new();
        let mut start = Some(start);
        while let Some(from) = start.filter(|_| rows.len() < self.limit) {
            let limit = (self.limit - rows.len()).min(PAGE_ROWS_MAX);
            let query = Query { start: from, ..Query::first(limit) };
            let page = reader.entries(self.kind.as_deref(), &query).map_err(|error| failure(&error))?;
            rows.extend(page.rows);
            start = page.next;
        }
        Ok((rows, start.is_some()))
    }
}
