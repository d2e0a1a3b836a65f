//! Figures, each beside its baseline and its aim, and the page they are kept on.

use std::fmt;
use std::fs;
use std::path::Path;

/// Figures that were measured in the same way.
pub struct Table {
    title: &'static str,
    how: String,
    rows: Vec<Row>,
}

struct Row {
    what: String,
    measured: String,
    baseline: String,
    aim: String,
}

impl Table {
    /// A table without figures; `how` says in whole sentences how they are measured.
    pub fn new(title: &'static str, how: impl Into<String>) -> Self {
        Self { title, how: how.into(), rows: Vec::new() }
    }

    /// A figure that has no aim.
    pub fn add(&mut self, what: impl Into<String>, measured: impl Into<String>, baseline: impl Into<String>) {
        let (what, measured, baseline) = (what.into(), measured.into(), baseline.into());
        self.rows.push(Row { what, measured, baseline, aim: String::new() });
    }

    /// A figure, and whether it is what was aimed at.
    pub fn judge(
        &mut self,
        what: impl Into<String>,
        measured: impl Into<String>,
        baseline: impl Into<String>,
        aim: &str,
        met: bool,
    ) {
        self.add(what, measured, baseline);
        if let Some(row) = self.rows.last_mut() {
            row.aim = format!("{aim}: {}", if met { "met" } else { "**missed**" });
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n\n{}\n", self.title, self.how)?;
        writeln!(f, "| what | measured | baseline | aim |\n| --- | --- | --- | --- |")?;
        for Row { what, measured, baseline, aim } in &self.rows {
            writeln!(f, "| {what} | {measured} | {baseline} | {aim} |")?;
        }
        writeln!(f)
    }
}

/// Puts `figures` between the marks on `page`, in place of what was there.
pub fn rewrite(page: &Path, figures: &str) {
    let text = fs::read_to_string(page).unwrap();
    let (above, rest) = text.split_once(BEGIN).unwrap();
    let (_, below) = rest.split_once(END).unwrap();
    fs::write(page, format!("{above}{BEGIN}\n\n{}\n\n{END}{below}", figures.trim())).unwrap();
}

/// A whole number in groups of three digits.
pub fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

const BEGIN: &str = "<!-- figures -->";
const END: &str = "<!-- end of figures -->";
