//! Tables and numbers for people.

use std::fmt;
use std::io::{self, Write};

use crate::domain::{Notional, Rate};

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

/// An amount with a fixed number of decimals, cut off towards zero: `{:.2}`.
#[derive(Debug, Clone, Copy)]
pub struct Money(pub Notional);

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(places) = f.precision() else { return write!(f, "{}", self.0) };
        let text = self.0.abs().to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let fraction: String = fraction.chars().chain(std::iter::repeat('0')).take(places).collect();
        let sign = if self.0.is_negative() { "-" } else { "" };
        if places == 0 { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{fraction}") }
    }
}

/// A share in percent with two decimals.
#[derive(Debug, Clone, Copy)]
pub struct Percent(pub Rate);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = self.0.units() / UNITS_PER_HUNDREDTH_PERCENT;
        let sign = if self.0.units() < 0 { "-" } else { "" };
        let hundredths = hundredths.unsigned_abs();
        write!(f, "{sign}{}.{:02} %", hundredths / 100, hundredths % 100)
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

const UNITS_PER_HUNDREDTH_PERCENT: i64 = 10_000;

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
        let expected = "what        how much\na          1,234,567\nlong name      -0.50\nshare        -1.23 %\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
