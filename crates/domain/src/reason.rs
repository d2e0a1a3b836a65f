//! Why an operator wants something, in words that everyone can see.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// An operator's reason: one line of 1 to [`Reason::CHARS_MAX`] characters, at least one of which can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// Most characters.
    pub const CHARS_MAX: usize = 200;

    /// What it may not hold, as first and last of each range: control characters, which line ends are among; other ends of
    /// lines and paragraphs; what turns the direction of the text behind it; and what is no character.
    pub const FORBIDDEN: &[(char, char)] = &[
        ('\u{0}', '\u{1f}'),
        ('\u{7f}', '\u{9f}'),
        ('\u{2028}', '\u{202e}'),
        ('\u{2066}', '\u{2069}'),
        ('\u{fff9}', '\u{fffb}'),
    ];

    /// What is not seen, as first and last of each range: blanks, and what is joined, filled or marked with. A reason of
    /// nothing else is none.
    pub const INVISIBLE: &[(char, char)] = &[
        (' ', ' '),
        ('\u{a0}', '\u{a0}'),
        ('\u{ad}', '\u{ad}'),
        ('\u{34f}', '\u{34f}'),
        ('\u{61c}', '\u{61c}'),
        ('\u{115f}', '\u{1160}'),
        ('\u{1680}', '\u{1680}'),
        ('\u{17b4}', '\u{17b5}'),
        ('\u{180b}', '\u{180f}'),
        ('\u{2000}', '\u{200f}'),
        ('\u{202f}', '\u{202f}'),
        ('\u{205f}', '\u{2065}'),
        ('\u{206a}', '\u{206f}'),
        ('\u{2800}', '\u{2800}'),
        ('\u{3000}', '\u{3000}'),
        ('\u{3164}', '\u{3164}'),
        ('\u{fe00}', '\u{fe0f}'),
        ('\u{feff}', '\u{feff}'),
        ('\u{ffa0}', '\u{ffa0}'),
        ('\u{fff0}', '\u{fff8}'),
        ('\u{1bca0}', '\u{1bca3}'),
        ('\u{1d173}', '\u{1d17a}'),
        ('\u{e0000}', '\u{e0fff}'),
    ];

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reason {
    type Err = ReasonError;

    fn from_str(text: &str) -> Result<Self, ReasonError> {
        let length = text.chars().count();
        if length > Self::CHARS_MAX {
            return Err(ReasonError::TooLong { length });
        }
        if let Some((at, character)) = text.chars().enumerate().find(|(_, c)| is_in(Self::FORBIDDEN, *c)) {
            return Err(ReasonError::Forbidden { at: at + 1, character });
        }
        if text.chars().all(|c| is_in(Self::INVISIBLE, c)) {
            return Err(ReasonError::Invisible);
        }
        Ok(Self(text.trim().to_owned()))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Text that is no reason.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReasonError {
    /// More than a reason needs.
    #[error("the reason has {length} characters; at most {} are kept", Reason::CHARS_MAX)]
    TooLong {
        /// How many it has.
        length: usize,
    },
    /// Something that could change how the ledger looks to whoever reads it.
    #[error("character {at} of the reason is U+{:04X}, {}; leave it out", u32::from(*character), kind(*character))]
    Forbidden {
        /// Which, counted from 1.
        at: usize,
        /// What stands there.
        character: char,
    },
    /// Nothing that could be seen.
    #[error("the reason has no character that can be seen; say why")]
    Invisible,
}

fn is_in(ranges: &[(char, char)], c: char) -> bool {
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

/// What a forbidden character is.
const fn kind(c: char) -> &'static str {
    match c {
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => "the end of a line",
        '\t' => "a tab",
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => "which turns the direction of text",
        _ => "a control character",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        text.parse::<Reason>().unwrap_err().to_string()
    }

    #[test]
    fn a_reason_is_one_line_that_can_be_seen() {
        for (text, kept) in [
            ("lunch", "lunch"),
            ("  Mittagspause: \u{e4}\u{df} ", "Mittagspause: \u{e4}\u{df}"),
            ("\u{5348}\u{9910}", "\u{5348}\u{9910}"),
            (
                "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} at home",
                "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} at home",
            ),
            ("\u{5d0}\u{200f}!", "\u{5d0}\u{200f}!"),
        ] {
            assert_eq!(text.parse::<Reason>().unwrap().as_str(), kept);
        }
        assert!("x".repeat(200).parse::<Reason>().is_ok());
    }

    #[test]
    fn what_could_not_be_seen_is_refused_by_its_name() {
        for text in [
            "",
            " ",
            "   ",
            "\u{a0}",
            "\u{200b}",
            "\u{200b} \u{2060}\u{feff}",
            "\u{3164}",
            "\u{2800}\u{3000}",
            "\u{ad}",
            "\u{fe0f}",
            "\u{e0041}\u{e0042}",
            "\u{200e}",
        ] {
            assert_eq!(refused(text), "the reason has no character that can be seen; say why", "{text:?}");
        }
        for (text, words) in [
            ("a\nb", "character 2 of the reason is U+000A, the end of a line; leave it out"),
            ("lunch\n", "character 6 of the reason is U+000A, the end of a line; leave it out"),
            ("a\u{2028}b", "character 2 of the reason is U+2028, the end of a line; leave it out"),
            ("\u{2029}", "character 1 of the reason is U+2029, the end of a line; leave it out"),
            ("a\u{1b}[31m", "character 2 of the reason is U+001B, a control character; leave it out"),
            ("a\tb", "character 2 of the reason is U+0009, a tab; leave it out"),
            ("\u{9b}x", "character 1 of the reason is U+009B, a control character; leave it out"),
            ("a\u{202e}b", "character 2 of the reason is U+202E, which turns the direction of text; leave it out"),
            ("a\u{2066}b", "character 2 of the reason is U+2066, which turns the direction of text; leave it out"),
            ("\u{0}", "character 1 of the reason is U+0000, a control character; leave it out"),
        ] {
            assert_eq!(refused(text), words);
        }
        assert_eq!(refused(&"x".repeat(201)), "the reason has 201 characters; at most 200 are kept");
    }

    #[test]
    fn whatever_counts_as_blank_or_control_is_known() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32).filter(|c| c.is_whitespace() || c.is_control()) {
            assert!(is_in(Reason::FORBIDDEN, c) || is_in(Reason::INVISIBLE, c), "{c:?}");
        }
    }
}
