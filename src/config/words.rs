//! Choices between a few words.

use toml::Spanned;
use toml::de::DeValue;

use super::reader::Reader;
use super::suggest::nearest;
use crate::domain::Market;

/// Reads one of a few words.
pub(super) fn word<T: Copy>(
    value: &Spanned<DeValue<'_>>,
    path: &str,
    reader: &mut Reader<'_>,
    words: &[(&str, T)],
) -> Option<T> {
    let written = value.get_ref().as_str().unwrap_or_default();
    let read = words.iter().find(|(word, _)| *word == written).map(|(_, value)| *value);
    if read.is_none() {
        let way_out = match nearest(written, words.iter().map(|(word, _)| *word)) {
            Some(word) if !written.is_empty() => format!("\"{word}\""),
            Some(_) | None => listed(words.iter().map(|(word, _)| *word)),
        };
        reader.refuse(path, value.span(), &format!("is not a choice here; write {way_out}"));
    }
    read
}

/// `"a", "b" or "c"`.
pub(super) fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Makes an enum one of a few words.
macro_rules! words {
    ($type:ty { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $crate::config::value::Value for $type {
            fn kind() -> String {
                $crate::config::words::listed([$($word),+].into_iter())
            }

            fn read(
                value: &toml::Spanned<toml::de::DeValue<'_>>,
                path: &str,
                reader: &mut $crate::config::reader::Reader<'_>,
            ) -> Option<Self> {
                $crate::config::words::word(value, path, reader, &[$(($word, Self::$variant)),+])
            }

            fn view(&self) -> serde_json::Value {
                match self {
                    $(Self::$variant => $word.into(),)+
                }
            }
        }
    };
}
pub(in crate::config) use words;

words!(Market { Spot = "spot", UsdM = "usd-m" });
