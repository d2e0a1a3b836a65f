//! Why an indicator has no values, or none that mean anything.

use crate::cli::series::Series;
use crate::cli::show::{count, counted};
use crate::domain::{Candle, Notional, Price, Qty, Span, Timestamp};
use crate::strategy::indicator::Bar;
use crate::strategy::indicator::catalog::{Definition, Values};

/// What there is to say about the columns, of which `valued` tells whether they had a value in any row.
pub(super) fn of(definition: &Definition, asked: &[Values], series: &Series, valued: &[bool]) -> Vec<String> {
    let mut notes = Vec::new();
    let rows = u64::try_from(series.candles.len()).unwrap_or(u64::MAX);
    if let Some(holes) = series.holes() {
        notes.push(format!(
            "{} missing {}; values are computed as if the others followed each other",
            counted(holes.missing, "candle"),
            holes.places()
        ));
    }
    let has_volume = series.candles.iter().any(|candle| !candle.volume.is_zero());
    if !has_volume && NEED_VOLUME.contains(&definition.name) {
        notes.push(format!("{} needs volume, and none of the {} has any", definition.name, counted(rows, "row")));
    }
    let mut columns = valued.iter();
    for values in asked {
        let names = values.columns();
        let without: Vec<usize> = (0..names.len()).filter(|_| columns.next().is_some_and(|valued| !valued)).collect();
        if without.is_empty() {
            continue;
        }
        let needed = rows_needed(values);
        for (column, name) in names.iter().enumerate().filter(|(column, _)| without.contains(column)) {
            match needed.get(column).copied().flatten() {
                Some(needed) if needed > rows => notes.push(format!(
                    "{name} has no value: it needs {} rows, and there are {}",
                    count(needed),
                    count(rows)
                )),
                Some(_) | None if !has_volume && NEED_VOLUME.contains(&definition.name) => {}
                Some(_) | None => notes.push(format!(
                    "{name} has no value in any of {}: it has none where the price does not move",
                    counted(rows, "row")
                )),
            }
        }
    }
    notes
}

/// How many rows it takes until each column has a value, tried out on a market that moves and trades; `None` for a column
/// that has none after the most that any indicator can ask for.
fn rows_needed(values: &Values) -> Vec<Option<u64>> {
    let mut indicator = values.build();
    let mut needed = vec![None; values.columns().len()];
    let mut row = Vec::with_capacity(needed.len());
    for at in 1..=ROWS_TRIED_MAX {
        row.clear();
        indicator.update(&Bar::from(&moving(at)), &mut row);
        for (needed, _) in needed.iter_mut().zip(&row).filter(|(needed, value)| needed.is_none() && value.is_some()) {
            *needed = Some(at);
        }
        if needed.iter().all(Option::is_some) {
            break;
        }
    }
    needed
}

/// A candle of a market that goes up and down.
fn moving(at: u64) -> Candle {
    let swing = i64::try_from(at % 7 * 3 + at % 5).unwrap_or(0);
    let price = |more: i64| Price::from_units((100 + swing + more) * 100_000_000);
    let hour = Span::HOUR.nanos().saturating_mul(i64::try_from(at).unwrap_or(0));
    Candle {
        open: price(1),
        high: price(3),
        low: price(0),
        close: price(2),
        volume: Qty::from_units(100_000_000),
        quote_volume: Notional::ZERO,
        ..Candle::flat(Timestamp::from_nanos(hour), price(1))
    }
}

/// Indicators of which nothing is left without volume.
const NEED_VOLUME: [&str; 2] = ["obv", "vwap"];
/// Several times the longest period.
const ROWS_TRIED_MAX: u64 = 500_000;
