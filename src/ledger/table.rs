//! Tables as RFC 4180 has them, with text that no spreadsheet takes for a formula.

use std::io::{self, Write};

/// A cell of a table.
#[derive(Clone, Copy)]
pub(super) enum Cell<'a> {
    /// A number, a time or a word of ours.
    Plain(&'a str),
    /// Text that a spreadsheet must not take for a formula.
    Text(&'a str),
}

/// Writes a line as RFC 4180 has it: cells with a comma, a quote or a line break are quoted, lines end in CR LF.
pub(super) fn write_row(out: &mut dyn Write, cells: &[Cell<'_>]) -> io::Result<()> {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        let (text, guard) = match cell {
            Cell::Plain(text) => (*text, ""),
            Cell::Text(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) => (*text, "'"),
            Cell::Text(text) => (*text, ""),
        };
        if text.contains([',', '"', '\r', '\n']) {
            write!(out, "\"{guard}{}\"", text.replace('"', "\"\""))?;
        } else {
            write!(out, "{guard}{text}")?;
        }
    }
    out.write_all(b"\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[Cell<'_>]) -> String {
        let mut out = Vec::new();
        write_row(&mut out, cells).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_that_begins_a_formula_is_defused_and_numbers_are_not() {
        assert_eq!(row(&[Cell::Text("=1+1"), Cell::Text("-cmd"), Cell::Plain("-0.5")]), "'=1+1,'-cmd,-0.5\r\n");
        assert_eq!(row(&[Cell::Text("@a,b"), Cell::Text("\ta")]), "\"'@a,b\",'\ta\r\n");
    }

    #[test]
    fn cells_are_quoted_only_where_they_must_be() {
        assert_eq!(
            row(&[Cell::Text("a,b"), Cell::Text("say \"x\""), Cell::Plain("")]),
            "\"a,b\",\"say \"\"x\"\"\",\r\n"
        );
        assert_eq!(row(&[Cell::Text("two\nlines")]), "\"two\nlines\"\r\n");
    }
}
