//! How each kind of value is written in the file.

use std::path::PathBuf;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::DeValue;

use super::key::Table;
use super::reader::{Reader, opened};
use super::suggest::plain_span;
use crate::domain::{Asset, InstrumentId, Span, StrategyName};

/// A kind of value in the file.
pub trait Value: Sized {
    /// What it is, for the reference.
    fn kind() -> String;

    /// The table it is, or a list of which it is.
    fn table() -> Option<&'static Table> {
        None
    }

    /// Reads it; what is wrong with it is noted in `reader`.
    fn read(value: &Spanned<DeValue<'_>>, path: &str, reader: &mut Reader<'_>) -> Option<Self>;

    /// As JSON, in the shape of the file.
    fn view(&self) -> Json;
}

impl<T: Value> Value for Vec<T> {
    fn kind() -> String {
        match T::kind().as_str() {
            "table" => "list of tables".to_owned(),
            kind => format!("list of {kind}s"),
        }
    }

    fn table() -> Option<&'static Table> {
        T::table()
    }

    fn read(value: &Spanned<DeValue<'_>>, path: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let DeValue::Array(items) = value.get_ref() else {
            let way_out = match T::table() {
                Some(_) => opened(&format!("{path}[]")),
                None => "it in [ and ]".to_owned(),
            };
            reader.refuse(path, value.span(), &format!("is not a list; write {way_out}"));
            return None;
        };
        if items.len() > LIST_MAX {
            reader.refuse(path, value.span(), &format!("has {} items; write at most {LIST_MAX}", items.len()));
            return None;
        }
        let read: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(at, item)| {
                let path = format!("{path}[{at}]");
                reader.place(&path, item.span());
                T::read(item, &path, reader)
            })
            .collect();
        read.into_iter().collect()
    }

    fn view(&self) -> Json {
        self.iter().map(T::view).collect()
    }
}

impl Value for Span {
    fn kind() -> String {
        "span".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, path: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let what = match value.get_ref() {
            DeValue::String(text) => match text.parse() {
                Ok(span) => return Some(span),
                Err(_) => {
                    let meant = plain_span(text).filter(|plain| plain.parse::<Self>().is_ok());
                    let way_out = meant
                        .map_or_else(|| "for example \"500ms\", \"30s\" or \"5m\"".to_owned(), |m| format!("\"{m}\""));
                    format!("is not a length of time; write {way_out}")
                }
            },
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                "is not a length of time with its unit; write for example \"30s\", \"5m\" or \"1h\"".to_owned()
            }
        };
        reader.refuse(path, value.span(), &what);
        None
    }

    fn view(&self) -> Json {
        self.to_string().into()
    }
}

impl Value for PathBuf {
    fn kind() -> String {
        "path".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, path: &str, reader: &mut Reader<'_>) -> Option<Self> {
        text(value, path, reader, ("a path", "/var/lib/tradingbot"), |text| {
            (!text.is_empty() && !text.chars().any(char::is_control)).then(|| Self::from(text)).ok_or(None)
        })
    }

    fn view(&self) -> Json {
        self.display().to_string().into()
    }
}

macro_rules! names {
    ($($type:ty, $kind:literal, $what:literal, $example:literal, $tidy:expr;)*) => {
        $(
            impl Value for $type {
                fn kind() -> String {
                    $kind.to_owned()
                }

                fn read(value: &Spanned<DeValue<'_>>, path: &str, reader: &mut Reader<'_>) -> Option<Self> {
                    let tidy: fn(&str) -> String = $tidy;
                    text(value, path, reader, ($what, $example), |text| {
                        text.parse().map_err(|_| Some(tidy(text)).filter(|tidy| tidy.parse::<Self>().is_ok()))
                    })
                }

                fn view(&self) -> Json {
                    self.to_string().into()
                }
            }
        )*
    };
}

names! {
    InstrumentId, "symbol", "a symbol in capitals", "BTCUSDT",
        |text| {
            let capitals = text.to_uppercase();
            let (symbol, suffix) = match capitals.strip_suffix("-PERP") {
                Some(symbol) => (symbol, "-PERP"),
                None => (capitals.as_str(), ""),
            };
            symbol.replace(['/', '-', ' '], "") + suffix
        };
    Asset, "asset", "an asset in capitals", "USDT", str::to_uppercase;
    StrategyName, "name", "a name of at most 31 lower-case letters, digits and dashes", "ema-btc",
        |text| text.to_lowercase().replace(['_', ' ', '.'], "-");
}

/// Reads text by `parse`, which says on failure what was meant, if it can tell. `expected` says what should stand there,
/// with an example.
pub(super) fn text<T>(
    value: &Spanned<DeValue<'_>>,
    path: &str,
    reader: &mut Reader<'_>,
    expected: (&str, &str),
    parse: impl FnOnce(&str) -> Result<T, Option<String>>,
) -> Option<T> {
    let (what, example) = expected;
    let (quotes, meant) = match value.get_ref().as_str().map(parse) {
        Some(Ok(read)) => return Some(read),
        Some(Err(meant)) => ("", meant),
        None => (" in quotes", None),
    };
    let way_out = meant.map_or_else(|| format!("for example \"{example}\""), |meant| format!("\"{meant}\""));
    reader.refuse(path, value.span(), &format!("is not {what}{quotes}; write {way_out}"));
    None
}

const LIST_MAX: usize = 200;
