//! Values of fields on their way to a sink: taken from a record, cleaned by the rules, given on as they were typed.

use std::error::Error;
use std::fmt::{self, Write};

use serde::{Serialize, Serializer};
use tracing::field::{Field, Value, Visit};

use super::rules::Rules;
use crate::redact::REDACTED;

/// One value that may be written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Clean {
    Signed(i64),
    Unsigned(u64),
    Wide(i128),
    UnsignedWide(u128),
    Float(f64),
    Bool(bool),
    Text(String),
    Redacted,
}

impl Clean {
    /// As the value it stands for.
    pub(super) fn as_value(&self) -> &dyn Value {
        match self {
            Self::Signed(value) => value,
            Self::Unsigned(value) => value,
            Self::Wide(value) => value,
            Self::UnsignedWide(value) => value,
            Self::Float(value) => value,
            Self::Bool(value) => value,
            Self::Text(value) => value,
            Self::Redacted => &REDACTED,
        }
    }
}

impl fmt::Display for Clean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(value) => value.fmt(f),
            Self::Unsigned(value) => value.fmt(f),
            Self::Wide(value) => value.fmt(f),
            Self::UnsignedWide(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Bool(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
            Self::Redacted => f.write_str(REDACTED),
        }
    }
}

impl Serialize for Clean {
    /// Numbers that JSON readers would round are texts.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Signed(value) => value.serialize(serializer),
            Self::Unsigned(value) => value.serialize(serializer),
            Self::Float(value) => value.serialize(serializer),
            Self::Bool(value) => value.serialize(serializer),
            Self::Wide(_) | Self::UnsignedWide(_) | Self::Text(_) | Self::Redacted => serializer.collect_str(self),
        }
    }
}

/// Takes the values of a record, each in the place of its field.
pub(super) struct Cleaner<'a> {
    rules: &'a Rules,
    values: Vec<Option<Clean>>,
}

impl<'a> Cleaner<'a> {
    /// For a record with that many fields.
    pub(super) fn new(rules: &'a Rules, fields: usize) -> Self {
        Self { rules, values: vec![None; fields] }
    }

    /// What was taken.
    pub(super) fn into_values(self) -> Vec<Option<Clean>> {
        self.values
    }

    fn put(&mut self, field: &Field, value: impl FnOnce(&Rules) -> Clean) {
        let value = if self.rules.hides(field.name()) { Clean::Redacted } else { value(self.rules) };
        if let Some(place) = self.values.get_mut(field.index()) {
            *place = Some(value);
        }
    }

    fn put_text(&mut self, field: &Field, text: fmt::Arguments<'_>) {
        self.put(field, |rules| {
            let text = Bounded::format(text);
            Clean::Text(rules.text(&text).into_owned())
        });
    }
}

impl Visit for Cleaner<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, |_| Clean::Float(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, |_| Clean::Signed(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, |_| Clean::Unsigned(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.put(field, |_| Clean::Wide(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put(field, |_| Clean::UnsignedWide(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, |_| Clean::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, format_args!("{value}"));
    }

    /// Bytes are not for reading, and could be anything.
    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.put_text(field, format_args!("{} bytes", value.len()));
    }

    /// An error with all its causes.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put_text(field, format_args!("{}", Causes(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put_text(field, format_args!("{value:?}"));
    }
}

/// An error and its causes on one line.
struct Causes<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

/// A text that stops growing at [`TEXT_BYTES_MAX`].
pub(super) struct Bounded {
    text: String,
    cut: bool,
}

impl Bounded {
    /// Writes out `arguments`; what is too long ends with its last whole word and says so.
    pub(super) fn format(arguments: fmt::Arguments<'_>) -> String {
        let mut bounded = Self { text: String::new(), cut: false };
        // The only error is our own, which stops whoever writes on without end.
        let _ = bounded.write_fmt(arguments);
        if bounded.cut {
            // A word that was cut in two could be half a secret that nothing recognizes.
            bounded.text.truncate(bounded.text.rfind(char::is_whitespace).unwrap_or(0));
            bounded.text.push_str(" [cut]");
        }
        bounded.text
    }
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = TEXT_BYTES_MAX - self.text.len();
        if text.len() <= room {
            self.text.push_str(text);
            return Ok(());
        }
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
        self.cut = true;
        Err(fmt::Error)
    }
}

/// The longest text of one field, in bytes.
const TEXT_BYTES_MAX: usize = 16 * 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_end_is_cut_at_a_word() {
        struct Endless;
        impl fmt::Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    f.write_str("nöthing ")?;
                }
            }
        }
        let text = Bounded::format(format_args!("{Endless}"));
        assert!(text.ends_with(" nöthing [cut]") || text.ends_with("nöthing  [cut]"), "{}", &text[text.len() - 30..]);
        assert!(text.len() <= TEXT_BYTES_MAX + 10);
        assert_eq!(Bounded::format(format_args!("{}", "x".repeat(TEXT_BYTES_MAX + 1))), " [cut]");
        assert_eq!(Bounded::format(format_args!("{}", "x".repeat(TEXT_BYTES_MAX))).len(), TEXT_BYTES_MAX);
    }
}
