//! The list of trades as CSV, in the columns that backtesters commonly use.

use std::io::{self, Write};

use crate::domain::instrument::split_symbol;
use crate::domain::{Instrument, Price, RoundTrip};

/// Writes one line a closed position, in the order in which they were closed, under a header line.
///
/// # Errors
///
/// `out` refuses.
pub fn write_csv(out: &mut dyn Write, trips: &[RoundTrip], instruments: &[Instrument]) -> io::Result<()> {
    writeln!(out, "{COLUMNS}")?;
    for trip in trips {
        let fee = instruments.iter().find(|rules| rules.symbol == trip.symbol).map(|rules| rules.fee_taker);
        let fee = fee.unwrap_or_default();
        let stake = trip.entry.times(trip.qty).unwrap_or_default();
        let price = |price: Option<Price>| price.map_or_else(String::new, |price| price.to_string());
        writeln!(
            out,
            "{},{},{},{},{},{},{},{fee},{fee},{},{},{},{},{},{},{},{}",
            pair(trip),
            trip.opened,
            trip.closed,
            trip.entry,
            trip.exit,
            trip.qty,
            stake,
            trip.profit_ratio,
            trip.profit,
            trip.reason,
            trip.duration().minutes(),
            trip.lowest,
            trip.highest,
            price(trip.stop_initial),
            price(trip.stop_last),
        )?;
    }
    Ok(())
}

fn pair(trip: &RoundTrip) -> String {
    split_symbol(&trip.symbol).map_or_else(|| trip.symbol.to_string(), |(base, quote)| format!("{base}/{quote}"))
}

const COLUMNS: &str = "pair,open_date,close_date,open_rate,close_rate,amount,stake_amount,fee_open,fee_close,\
                       profit_ratio,profit_abs,exit_reason,trade_duration,min_rate,max_rate,initial_stop_loss_abs,\
                       stop_loss_abs";
