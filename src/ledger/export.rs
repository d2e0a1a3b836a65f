//! The ledger in forms that other programs read: JSON Lines, a table of fills, and a table for tax tools.

use std::io::{self, Write};

use serde::{Deserialize, Serialize, de};
use serde_json::value::RawValue;

use super::chain::Hash;
use super::error::{ExportError, ReadError};
use super::page::{Link, OwnFill, PAGE_ROWS_MAX, Query, Stored};
use super::read::Reader;
use super::salt::Salt;
use super::table::{Cell, write_row};
use crate::domain::instrument::split_symbol;
use crate::domain::{Asset, Fill, Liquidity, Notional, Side, Timestamp};

/// What an export looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Fills as a table.
    Csv,
    /// Every entry with its hash, one JSON object a line.
    Jsonl,
    /// Fills and deposits as tax tools import them. Spot trades only: it takes every fill for an exchange of two assets.
    Tax,
}

/// The time that an export covers: of a fill the exchange's, of others the entry's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    /// From here on.
    pub from: Option<Timestamp>,
    /// Before this.
    pub to: Option<Timestamp>,
}

/// Writes what happened in `period` to `out`, oldest first; says how many lines that were, the heading not counted.
///
/// # Errors
///
/// The ledger cannot be read, `out` cannot be written, or a fill cannot be put as tax tools want it.
pub fn export(reader: &mut Reader, format: Format, period: Period, out: &mut dyn Write) -> Result<u64, ExportError> {
    match format {
        Format::Csv => fills(reader, period, out),
        Format::Jsonl => each_link(reader, |link| {
            let within = period.covers(Timestamp::from_nanos(link.at_nanos));
            if within {
                write_line(&link, out)?;
            }
            Ok(u64::from(within))
        }),
        Format::Tax => {
            write_row(out, &TAX_COLUMNS.map(Cell::Plain))?;
            each_link(reader, |link| tax(&link, period, out))
        }
    }
}

impl Period {
    fn covers(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at < to)
    }
}

fn fills(reader: &mut Reader, period: Period, out: &mut dyn Write) -> Result<u64, ExportError> {
    write_row(out, &FILL_COLUMNS.map(Cell::Plain))?;
    let mut query = Query { from: period.from, to: period.to, ..Query::first(PAGE_ROWS_MAX) };
    let mut lines = 0;
    loop {
        let page = reader.fills(&query)?;
        for row in &page.rows {
            write_fill(row, out)?;
            lines += 1;
        }
        match page.next {
            Some(start) => query.start = start,
            None => return Ok(lines),
        }
    }
}

fn write_fill(row: &Stored<OwnFill>, out: &mut dyn Write) -> Result<(), ExportError> {
    let OwnFill { strategy, fill } = &row.value;
    let value = fill.value().map_err(|source| ExportError::Amount { seq: row.seq, source })?;
    let cells = [
        Cell::Plain(&row.seq.to_string()),
        Cell::Plain(&row.at.to_string()),
        Cell::Plain(&fill.at.to_string()),
        Cell::Text(strategy.as_ref().map_or("", |name| name.as_str())),
        Cell::Text(&fill.symbol.to_string()),
        Cell::Plain(match fill.side {
            Side::Buy => "buy",
            Side::Sell => "sell",
        }),
        Cell::Plain(&fill.price.to_string()),
        Cell::Plain(&fill.qty.to_string()),
        Cell::Plain(&value.to_string()),
        Cell::Plain(&fill.fee.amount.to_string()),
        Cell::Text(fill.fee.asset.as_str()),
        Cell::Plain(match fill.liquidity {
            Liquidity::Maker => "maker",
            Liquidity::Taker => "taker",
        }),
        Cell::Plain(&fill.order.to_string()),
        Cell::Plain(&fill.trade.0.to_string()),
    ];
    Ok(write_row(out, &cells)?)
}

fn each_link(reader: &mut Reader, mut visit: impl FnMut(Link) -> Result<u64, ExportError>) -> Result<u64, ExportError> {
    let (mut last, mut lines) = (0, 0);
    loop {
        let links = reader.proof(last + 1, u64::MAX)?;
        if links.is_empty() {
            return Ok(lines);
        }
        for link in links {
            last = link.seq;
            lines += visit(link)?;
        }
    }
}

/// One line of a JSON Lines export.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Line<'a> {
    seq: u64,
    at: Timestamp,
    entry: &'a RawValue,
    previous: Hash,
    hash: Hash,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    salt: Option<Salt>,
}

fn write_line(link: &Link, out: &mut dyn Write) -> Result<(), ExportError> {
    let entry: &RawValue = decode(link)?;
    if entry.get().contains(['\n', '\r']) {
        return Err(odd(link.seq, de::Error::custom("it holds line breaks")));
    }
    let at = Timestamp::from_nanos(link.at_nanos);
    let Link { seq, previous, hash, salt, .. } = *link;
    let line = Line { seq, at, entry, previous, hash, order: link.order.as_deref(), salt };
    serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
    Ok(out.write_all(b"\n")?)
}

/// The entries that a tax tool wants to know.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Taxed {
    Filled {
        fill: Fill,
    },
    Deposited {
        asset: Asset,
        amount: Notional,
    },
    #[serde(other)]
    Other,
}

fn tax(link: &Link, period: Period, out: &mut dyn Write) -> Result<u64, ExportError> {
    let (at, cells) = match decode(link)? {
        Taxed::Filled { fill } => (fill.at, Trade::of(link.seq, &fill)?),
        Taxed::Deposited { asset, amount } => {
            (Timestamp::from_nanos(link.at_nanos), Trade::of_deposit(link.seq, asset, amount))
        }
        Taxed::Other => return Ok(0),
    };
    if !period.covers(at) {
        return Ok(0);
    }
    cells.write(at, out)?;
    Ok(1)
}

/// What left the account and what came in.
struct Trade {
    sent: Option<(Notional, Asset)>,
    received: Option<(Notional, Asset)>,
    fee: Option<(Notional, Asset)>,
    description: String,
    id: String,
}

impl Trade {
    fn of(seq: u64, fill: &Fill) -> Result<Self, ExportError> {
        let amount = |source| ExportError::Amount { seq, source };
        let (base, quote) =
            split_symbol(&fill.symbol.symbol()).ok_or(ExportError::Pair { seq, symbol: fill.symbol })?;
        let bought = (Notional::of_asset(fill.qty).map_err(amount)?, base);
        let paid = (fill.value().map_err(amount)?, quote);
        let (word, sent, received) = match fill.side {
            Side::Buy => ("buy", paid, bought),
            Side::Sell => ("sell", bought, paid),
        };
        Ok(Self {
            sent: Some(sent),
            received: Some(received),
            fee: Some((fill.fee.amount, fill.fee.asset)).filter(|fee| fee.0 != Notional::ZERO),
            description: format!("{word} {} at {}, order {}", fill.symbol, fill.price, fill.order),
            id: format!("{}-{}", fill.symbol, fill.trade.0),
        })
    }

    fn of_deposit(seq: u64, asset: Asset, amount: Notional) -> Self {
        let moved = Some((amount.abs(), asset));
        let (sent, received, description) =
            if amount.is_negative() { (moved, None, "withdrawal") } else { (None, moved, "deposit") };
        Self { sent, received, fee: None, description: description.to_owned(), id: format!("entry-{seq}") }
    }

    fn write(&self, at: Timestamp, out: &mut dyn Write) -> io::Result<()> {
        let text = |side: &Option<(Notional, Asset)>| {
            side.map_or_else(Default::default, |(amount, asset)| (amount.to_string(), asset.as_str().to_owned()))
        };
        let (sent, received, fee) = (text(&self.sent), text(&self.received), text(&self.fee));
        let cells = [
            Cell::Plain(&second(at)),
            Cell::Plain(&sent.0),
            Cell::Text(&sent.1),
            Cell::Plain(&received.0),
            Cell::Text(&received.1),
            Cell::Plain(&fee.0),
            Cell::Text(&fee.1),
            Cell::Plain(""),
            Cell::Text(&self.description),
            Cell::Text(&self.id),
        ];
        write_row(out, &cells)
    }
}

/// `2024-01-31 12:00:00`, whole seconds, as tax tools read it.
fn second(at: Timestamp) -> String {
    let text = at.to_string().replace('T', " ");
    text.split(['.', 'Z']).next().unwrap_or_default().to_owned()
}

fn decode<'a, T: Deserialize<'a>>(link: &'a Link) -> Result<T, ExportError> {
    serde_json::from_str(&link.body).map_err(|source| odd(link.seq, source))
}

fn odd(seq: u64, source: serde_json::Error) -> ExportError {
    ExportError::Read(ReadError::Entry { seq, source })
}

const FILL_COLUMNS: [&str; 14] = [
    "seq",
    "recorded",
    "traded",
    "strategy",
    "symbol",
    "side",
    "price",
    "qty",
    "value",
    "fee",
    "fee_asset",
    "liquidity",
    "order",
    "trade",
];

const TAX_COLUMNS: [&str; 10] = [
    "Date UTC",
    "Sent Amount",
    "Sent Currency",
    "Received Amount",
    "Received Currency",
    "Fee Amount",
    "Fee Currency",
    "Label",
    "Description",
    "TxHash",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tax_tools_get_whole_seconds() {
        let shown = |text: &str| second(text.parse().unwrap());
        assert_eq!(shown("2024-01-31T12:00:00.123456789Z"), "2024-01-31 12:00:00");
        assert_eq!(shown("1969-12-31T23:59:59Z"), "1969-12-31 23:59:59");
    }
}
