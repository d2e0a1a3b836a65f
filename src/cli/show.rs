//! Tables and numbers for people.

use std::fmt;
use std::io::{self, Write};

use crate::domain::{Notional, Rate, Span};

/// Rows under a header, columns as wide as they need to be: the first to the left, the others to the right.
#[derive(Debug)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows. Columns without a name have no header line.
    #[must_use]
    pub fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|name| (*name).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Writes it.
    ///
    /// # Errors
    ///
    /// `out` refuses.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let lines =
            || std::iter::once(&self.header).filter(|row| row.iter().any(|cell| !cell.is_empty())).chain(&self.rows);
        let mut widths = vec![0; self.header.len()];
        for row in lines() {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in lines() {
            let mut line = String::new();
            for (place, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let padding = " ".repeat(width - cell.chars().count());
                if place == 0 {
                    line.push_str(cell);
                    line.push_str(&padding);
                } else {
                    line.push_str("  ");
                    line.push_str(&padding);
                    line.push_str(cell);
                }
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// An amount with a fixed number of decimals, rounded to the nearest, halves away from zero: `{:.2}`.
#[derive(Debug, Clone, Copy)]
pub struct Money(pub Notional);

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = f.precision().and_then(|places| u32::try_from(places).ok());
        let Some(dropped) = places.and_then(|places| PLACES_OF_UNIT.checked_sub(places)) else {
            return write!(f, "{}", self.0);
        };
        let step = 10_u128.pow(dropped);
        let steps = rounded(self.0.units().unsigned_abs(), step);
        let one = 10_u128.pow(PLACES_OF_UNIT - dropped);
        let sign = if self.0.is_negative() && steps > 0 { "-" } else { "" };
        let (whole, fraction) = (steps / one, steps % one);
        let width = f.precision().unwrap_or_default();
        if width == 0 { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{fraction:0width$}") }
    }
}

/// A share in percent with two decimals, rounded to the nearest.
#[derive(Debug, Clone, Copy)]
pub struct Percent(pub Rate);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = rounded(self.0.units().unsigned_abs().into(), UNITS_PER_HUNDREDTH_PERCENT);
        let sign = if self.0.units() < 0 && hundredths > 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:02} %", hundredths / 100, hundredths % 100)
    }
}

/// How many steps an amount is, halves up.
const fn rounded(amount: u128, step: u128) -> u128 {
    amount / step + if amount % step >= step.div_ceil(2) && step > 1 { 1 } else { 0 }
}

/// How long something took, in its two largest units: `4d 3h`, `12m`.
#[derive(Debug, Clone, Copy)]
pub struct Age(pub Span);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.nanos() / Span::from_secs(1).nanos();
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
        let parts = [(days, "d"), (hours, "h"), (minutes, "m"), (seconds % 60, "s")];
        let first = parts.iter().position(|(count, _)| *count != 0).unwrap_or(parts.len() - 1);
        let shown = parts.iter().skip(first).take(2).filter(|(count, _)| *count != 0);
        let words: Vec<String> = shown.map(|(count, unit)| format!("{count}{unit}")).collect();
        f.write_str(if words.is_empty() { "0s" } else { "" })?;
        f.write_str(&words.join(" "))
    }
}

/// A count with its thousands set apart.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and what is counted: `1 update`, `2 updates`.
#[must_use]
pub fn counted(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

const UNITS_PER_HUNDREDTH_PERCENT: u128 = 10_000;
/// An amount is counted in steps of 10^-16.
const PLACES_OF_UNIT: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_numbers_read_well() {
        let mut table = Table::new(&["what", "how much"]);
        table.row(vec!["a".to_owned(), count(1_234_567)]);
        table.row(vec!["long name".to_owned(), format!("{:.2}", Money("-0.5".parse().unwrap()))]);
        table.row(vec!["share".to_owned(), Percent("-0.01239".parse().unwrap()).to_string()]);
        let mut text = Vec::new();
        table.write(&mut text).unwrap();
        let expected = "what        how much\na          1,234,567\nlong name      -0.50\nshare        -1.24 %\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn amounts_and_shares_are_rounded_and_spans_are_short() {
        let money = |text: &str| format!("{:.2}", Money(text.parse().unwrap()));
        assert_eq!(money("9898.2366"), "9898.24");
        assert_eq!(money("-101.7634"), "-101.76");
        assert_eq!(money("-101.765"), "-101.77");
        assert_eq!(money("-0.004"), "0.00");
        assert_eq!(money("0.995"), "1.00");
        assert_eq!(format!("{:.0}", Money("2.5".parse().unwrap())), "3");
        assert_eq!(Percent("0.009999".parse().unwrap()).to_string(), "1.00 %");
        assert_eq!(Percent("-0.00001".parse().unwrap()).to_string(), "0.00 %");
        let age = |seconds| Age(Span::from_secs(seconds)).to_string();
        assert_eq!(age(5_998 * 60), "4d 3h");
        assert_eq!(age(86_400), "1d");
        assert_eq!(age(86_460), "1d");
        assert_eq!(age(3_720), "1h 2m");
        assert_eq!((age(59), age(0)), ("59s".to_owned(), "0s".to_owned()));
    }
}
