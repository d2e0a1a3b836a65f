//! Values spelled out for people: ` key=value`, with nothing in it that could end the line or steer a terminal.

use std::fmt::Write;

use super::fields::Clean;

/// ` key=value` for each field but the number of the message, which says nothing to people.
pub(super) fn put_values<'a>(line: &mut String, values: impl Iterator<Item = (&'static str, &'a Clean)>) {
    for (name, value) in values.filter(|(name, _)| *name != "message_id") {
        let _ = write!(line, " {name}=");
        match value {
            Clean::Text(text) => put_quoted(line, text),
            Clean::Signed(_)
            | Clean::Unsigned(_)
            | Clean::Wide(_)
            | Clean::UnsignedWide(_)
            | Clean::Float(_)
            | Clean::Bool(_)
            | Clean::Redacted => {
                let _ = write!(line, "{value}");
            }
        }
    }
}

/// The text, in quotes when it would else run into what stands around it.
fn put_quoted(line: &mut String, text: &str) {
    if !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '=' | '\\')) {
        return put_escaped(line, text);
    }
    line.push('"');
    put_escaped(line, &text.replace('\\', "\\\\").replace('"', "\\\""));
    line.push('"');
}

/// Whether a character could end the line, steer a terminal or turn the direction of writing.
pub(super) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text with everything escaped that [`steers`].
pub(super) fn put_escaped(line: &mut String, text: &str) {
    for c in text.chars() {
        let turns =
            matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if c.is_control() || turns {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
}
