//! The list of trades, in the columns that backtesters commonly use.

use std::io::{self, Write};

use serde::Serialize;

use crate::domain::instrument::split_symbol;
use crate::domain::{ExitReason, Instrument, Notional, Price, Qty, Rate, RoundTrip, StrategyName, Timestamp};

/// A closed position as the list shows it.
#[derive(Debug, Clone, Serialize)]
pub struct TradeRow {
    /// Base and quote asset, `BTC/USDT`.
    pub pair: String,
    /// When it was opened.
    pub open_date: Timestamp,
    /// When it was closed.
    pub close_date: Timestamp,
    /// Average price of the entry.
    pub open_rate: Price,
    /// Average price of the exit.
    pub close_rate: Price,
    /// What was held, in the base asset.
    pub amount: Qty,
    /// What that cost, in the quote asset, without fees.
    pub stake_amount: Notional,
    /// Fee of the entry, as a share of its value.
    pub fee_open: Rate,
    /// Fee of the exit, as a share of its value.
    pub fee_close: Rate,
    /// Profit after fees, as a share of what the entry cost with its fee.
    pub profit_ratio: Rate,
    /// Profit after fees, in the quote asset.
    pub profit_abs: Notional,
    /// What closed it.
    pub exit_reason: ExitReason,
    /// How long it was open, in minutes.
    pub trade_duration: i64,
    /// The lowest price while it was open.
    pub min_rate: Price,
    /// The highest price while it was open.
    pub max_rate: Price,
    /// Its first stop.
    pub initial_stop_loss_abs: Option<Price>,
    /// Its last stop.
    pub stop_loss_abs: Option<Price>,
    /// Whose it was, where several may trade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<StrategyName>,
}

/// The rows of the list, in the order in which the positions were closed; `named` when they say whose they were.
#[must_use]
pub fn rows(trips: &[RoundTrip], instruments: &[Instrument], named: bool) -> Vec<TradeRow> {
    let row = |trip: &RoundTrip| {
        let fee = instruments.iter().find(|rules| rules.id == trip.symbol).map(|rules| rules.fee_taker);
        let fee = fee.unwrap_or_default();
        TradeRow {
            pair: pair(trip),
            open_date: trip.opened,
            close_date: trip.closed,
            open_rate: trip.entry,
            close_rate: trip.exit,
            amount: trip.qty,
            stake_amount: trip.entry.times(trip.qty).unwrap_or_default(),
            fee_open: fee,
            fee_close: fee,
            profit_ratio: trip.profit_ratio,
            profit_abs: trip.profit,
            exit_reason: trip.reason,
            trade_duration: trip.duration().minutes(),
            min_rate: trip.lowest,
            max_rate: trip.highest,
            initial_stop_loss_abs: trip.stop_initial,
            stop_loss_abs: trip.stop_last,
            strategy: named.then_some(trip.strategy),
        }
    };
    trips.iter().map(row).collect()
}

/// Writes one line a closed position under a header line, with whose it was when they are `named`.
///
/// # Errors
///
/// `out` refuses.
pub fn write_csv(out: &mut dyn Write, rows: &[TradeRow], named: bool) -> io::Result<()> {
    writeln!(out, "{COLUMNS}{}", if named { ",strategy" } else { "" })?;
    for row in rows {
        let price = |price: Option<Price>| price.map_or_else(String::new, |price| price.to_string());
        write!(
            out,
            "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}",
            row.pair,
            row.open_date,
            row.close_date,
            row.open_rate,
            row.close_rate,
            row.amount,
            row.stake_amount,
            row.fee_open,
            row.fee_close,
            row.profit_ratio,
            row.profit_abs,
            row.exit_reason,
            row.trade_duration,
            row.min_rate,
            row.max_rate,
            price(row.initial_stop_loss_abs),
            price(row.stop_loss_abs),
        )?;
        match row.strategy {
            Some(strategy) => writeln!(out, ",{strategy}")?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}

fn pair(trip: &RoundTrip) -> String {
    split_symbol(&trip.symbol.symbol())
        .map_or_else(|| trip.symbol.to_string(), |(base, quote)| format!("{base}/{quote}"))
}

const COLUMNS: &str = "pair,open_date,close_date,open_rate,close_rate,amount,stake_amount,fee_open,fee_close,\
                       profit_ratio,profit_abs,exit_reason,trade_duration,min_rate,max_rate,initial_stop_loss_abs,\
                       stop_loss_abs";
