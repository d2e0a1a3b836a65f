//! The configuration reference, made from the list of keys.

use std::fmt::Write;

use super::key::{Key, Presence, Table};

/// The reference as Markdown: every key with its kind, unit, range, default and meaning, from the tables below `root`.
pub(super) fn markdown(root: &'static Table) -> String {
    let mut out = INTRODUCTION.to_owned();
    section(&mut out, "", root, 2);
    out
}

fn section(out: &mut String, path: &str, table: &'static Table, level: usize) {
    let (nested, plain): (Vec<&Key>, Vec<&Key>) = table.keys().partition(|key| (key.table)().is_some());
    let doc = table.doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
    let _ = writeln!(
        out,
        "{doc}\n\n| key | value | when not written | on reload | meaning |\n| --- | --- | --- | --- | --- |"
    );
    for key in plain {
        row(out, key, &(key.kind)());
    }
    let inline: Vec<&Key> = nested.iter().copied().filter(|_| !path.is_empty()).collect();
    for key in &inline {
        row(out, key, &format!("{}, see below", (key.kind)()));
    }
    for key in nested {
        let name = super::reader::join(path, &key.name());
        let (open, close) = if (key.kind)().starts_with("list") { ("[[", "]]") } else { ("[", "]") };
        let heading = if path.is_empty() { format!("{open}{name}{close}") } else { name.clone() };
        let _ = write!(out, "\n{} `{heading}`\n\n", "#".repeat(level));
        section(out, &name, (key.table)().expect("it was sorted by that"), level + 1);
    }
}

fn row(out: &mut String, key: &Key, kind: &str) {
    let mut value = match key.unit {
        "" => kind.to_owned(),
        unit if unit.starts_with(kind) => unit.to_owned(),
        unit => format!("{kind}, {unit}"),
    };
    if let Some((least, most)) = key.within {
        let _ = write!(value, ", from {} to {}", as_code(least), as_code(most));
    }
    let absent = match key.presence {
        Presence::Required(example) => format!("must be written, for example {}", as_code(example)),
        Presence::Default(text) => as_code(text),
        Presence::Absent(words) => words.to_owned(),
    };
    let reload = if key.reload { "changes" } else { "needs a restart" };
    let doc = key.doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
    let _ = writeln!(out, "| `{}` | {value} | {absent} | {reload} | {doc} |", key.name());
}

/// As written in a file, where text stands in double quotes.
fn as_code(text: &str) -> String {
    format!("`{}`", text.replace('\'', "\""))
}

const INTRODUCTION: &str = r#"# Configuration

The bot reads one TOML file, `/etc/tradingbot/tradingbot.toml` unless another is named. `tradingbot check-config FILE`
gives the verdict that start-up gives: every fault at once, each with file, line, column and what to write instead. A key
that is not listed here is refused, and so is anything that looks like a key or token; secrets never stand in this file.
This page is printed by `tradingbot check-config --reference`.

| kind of value | how it is written |
| --- | --- |
| decimal | a plain decimal number in quotes, so that it is taken exactly: `"100.50"` |
| share | a decimal of which 1 is all: `"0.02"` is 2 % |
| span | whole numbers and their units in quotes: `"500ms"`, `"30s"`, `"5m"`, `"1h30m"`, `"1d"`, `"1w"` |
| whole number | without quotes: `100` |
| symbol, asset | as the exchange writes it, in quotes: `"BTCUSDT"`, `"USDT"` |
| path | in quotes; a relative one is taken from the folder of the file |

"On reload" says whether a change takes effect when the service is reloaded. If any changed key needs a restart, a reload
changes nothing and says which.

## At the top of the file

"#;
