//! Finds values that stand behind a telling name in a text: `api_key=…`, `"secret": "…"`, `X-MBX-APIKEY: …`.

use std::ops::Range;

use super::REDACTED;
use super::names::{Hidden, Name};

/// Calls `mark` with each value behind the name of a secret, and by the operator's choice behind that of a price too.
pub(super) fn find(text: &[u8], hidden: Hidden, mut mark: impl FnMut(Range<usize>)) {
    let mut at = 0;
    while let Some(start) = text[at..].iter().position(|byte| is_name(*byte)).map(|skipped| at + skipped) {
        let end = text[start..].iter().position(|byte| !is_name(*byte)).map_or(text.len(), |length| start + length);
        at = end;
        let name = Name::of(&text[start..end]);
        let value = match name {
            Name::Secret | Name::SecretLine => value(text, end, name),
            Name::OrderDetail if hidden == Hidden::SecretsAndOrderDetails => value(text, end, name),
            Name::OrderDetail | Name::Open => None,
        };
        if let Some(value) = value {
            at = value.end;
            mark(value);
        }
    }
}

/// The value behind a name that ends at `end`.
fn value(text: &[u8], end: usize, name: Name) -> Option<Range<usize>> {
    let gap = Gap::after(text, end)?;
    let rest = &text[gap.end..];
    let length = match (gap.quote, name) {
        (Some(quote), _) => quoted(rest, quote, gap.escaped),
        (None, Name::SecretLine) if gap.assigns => memchr::memchr2(b'\n', b'"', rest).unwrap_or(rest.len()),
        (None, Name::Secret | Name::SecretLine | Name::OrderDetail | Name::Open) => bare(rest),
    };
    let text = &rest[..length];
    let wanted = gap.assigns || (name != Name::OrderDetail && looks_like_value(text));
    let empty = text.is_empty() || EMPTY.iter().any(|empty| text == empty.as_bytes());
    (wanted && !empty).then_some(gap.end..gap.end + length)
}

/// What stands between a name and its value.
struct Gap {
    end: usize,
    /// Whether there is a sign that assigns, and not only blanks.
    assigns: bool,
    /// The quote that the value stands in, and whether it is escaped.
    quote: Option<u8>,
    escaped: bool,
}

impl Gap {
    fn after(text: &[u8], name_end: usize) -> Option<Self> {
        // A path of modules or types, such as `token::Store`, is no assignment.
        if text[name_end..].starts_with(b"::") {
            return None;
        }
        let mut gap = Self { end: name_end, assigns: false, quote: None, escaped: false };
        let mut closed = false;
        while let Some(byte) = text.get(gap.end) {
            let step = match byte {
                // A quote right behind the name closes it; any other opens the value.
                b'"' | b'\'' if !closed && text[name_end..gap.end].iter().all(|byte| *byte == b'\\') => {
                    closed = true;
                    1
                }
                b'"' | b'\'' => {
                    gap.quote = Some(*byte);
                    1
                }
                b'\\' => {
                    gap.escaped = true;
                    1
                }
                // In a list of pairs a comma stands between a quoted name and its quoted value.
                b',' if closed && !gap.assigns => {
                    let value = text[gap.end + 1..].trim_ascii_start();
                    if !matches!(value.first(), Some(b'"' | b'\'' | b'\\')) {
                        return None;
                    }
                    gap.assigns = true;
                    gap.escaped = false;
                    1
                }
                b':' | b'=' | b'>' => {
                    gap.assigns = true;
                    gap.escaped = false;
                    1
                }
                b'%' if matches!(text.get(gap.end + 1..gap.end + 3), Some(b"3D" | b"3d" | b"3A" | b"3a")) => {
                    gap.assigns = true;
                    3
                }
                byte if byte.is_ascii_whitespace() => 1,
                _ => break,
            };
            gap.end += step;
            if gap.quote.is_some() {
                break;
            }
        }
        (gap.end > name_end).then_some(gap)
    }
}

/// How long a value in quotes is: to the quote that is escaped as the first one was, or to the end of the text.
fn quoted(rest: &[u8], quote: u8, escaped: bool) -> usize {
    let mut from = 0;
    while let Some(at) = memchr::memchr(quote, &rest[from..]).map(|at| from + at) {
        let backslashes = rest[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        if (backslashes % 2 == 1) == escaped {
            return at - usize::from(escaped);
        }
        from = at + 1;
    }
    rest.len()
}

/// How long a value without quotes is: to a blank, quote or separator outside of its own brackets. The name of a scheme,
/// as in `Bearer …`, goes with the word behind it.
fn bare(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut length = rest.len();
    for (at, byte) in rest.iter().enumerate() {
        let ends = match byte {
            b'(' | b'[' | b'{' => {
                depth += 1;
                false
            }
            b')' | b']' | b'}' if depth > 0 => {
                depth -= 1;
                false
            }
            b')' | b']' | b'}' | b'"' | b'\'' | b'&' | b'<' => depth == 0,
            b',' | b';' => depth == 0 && rest.get(at + 1).is_none_or(u8::is_ascii_whitespace),
            byte => byte.is_ascii_whitespace() && depth == 0,
        };
        if ends {
            length = at;
            break;
        }
    }
    if SCHEMES.iter().any(|scheme| rest[..length].eq_ignore_ascii_case(scheme.as_bytes())) {
        let blanks = rest[length..].iter().take_while(|byte| **byte == b' ').count();
        if blanks > 0 {
            return length + blanks + bare(&rest[length + blanks..]);
        }
    }
    length
}

/// Whether a word that only blanks part from the name is more than the next word of a sentence.
fn looks_like_value(word: &[u8]) -> bool {
    let word = word.trim_ascii_end();
    let path = word.starts_with(b"/") || word.starts_with(b".");
    let digits = word.iter().any(u8::is_ascii_digit) && word.len() >= VALUE_WITH_DIGIT_CHARS_MIN;
    let long = word.len() >= VALUE_CHARS_MIN && word.iter().all(u8::is_ascii_alphanumeric);
    !path && (digits || long)
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Values that give nothing away.
const EMPTY: &[&str] = &[REDACTED, "...", "***", "Secret(..)", "Some(Secret(..))", "None", "null"];
const SCHEMES: &[&str] = &["bearer", "basic", "digest", "token", "bot"];
const VALUE_WITH_DIGIT_CHARS_MIN: usize = 6;
const VALUE_CHARS_MIN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str, hidden: Hidden) -> String {
        let mut masked = String::new();
        let mut from = 0;
        find(text.as_bytes(), hidden, |place| {
            masked.push_str(&text[from..place.start]);
            masked.push('#');
            from = place.end;
        });
        masked + &text[from..]
    }

    #[test]
    fn values_behind_names_of_secrets_are_found() {
        for (text, expected) in [
            ("api_key=abc", "api_key=#"),
            ("api-key: abc, symbol=X", "api-key: #, symbol=X"),
            ("apiKey = abc;", "apiKey = #;"),
            ("BINANCE_SECRET=x,y z", "BINANCE_SECRET=# z"),
            ("{\"secret\":\"a\\\"b\",\"x\":1}", "{\"secret\":\"#\",\"x\":1}"),
            ("{\\\"secret\\\":\\\"ab\\\",\\\"x\\\":1}", "{\\\"secret\\\":\\\"#\\\",\\\"x\\\":1}"),
            ("X-MBX-APIKEY: abc\r\nHost: y", "X-MBX-APIKEY: #\r\nHost: y"),
            ("?symbol=BTC&signature=abc&x=1", "?symbol=BTC&signature=#&x=1"),
            ("symbol%3DBTC%26signature%3Dabc", "symbol%3DBTC%26signature%3D#"),
            ("Authorization: Basic abc def\nnext", "Authorization: #\nnext"),
            ("(\"authorization\", \"Bearer abc\"), (\"host\", \"x\")", "(\"authorization\", \"#\"), (\"host\", \"x\")"),
            ("token: Bearer abc next", "token: # next"),
            ("Config { token: abc, x: 1 }", "Config { token: #, x: 1 }"),
            ("Config { token: Some(Token { a: 1, b: \"x\" }), x: 1 }", "Config { token: #, x: 1 }"),
            ("(password=abc)", "(password=#)"),
            ("<Secret>abc</Secret>", "<Secret>#</Secret>"),
            ("secret='abc def' x", "secret='#' x"),
            ("secret=\"abc def", "secret=\"#"),
            ("token abc123", "token #"),
            ("secret\tabcdefghijklmnopqrstuvwx end", "secret\t# end"),
            ("a token=b token=c", "a token=# token=#"),
            ("secret=", "secret="),
            ("é secret=éé é", "é secret=# é"),
        ] {
            assert_eq!(masked(text, Hidden::Secrets), expected, "{text}");
        }
    }

    #[test]
    fn sentences_are_left_alone() {
        for text in [
            "API_TOKEN is needed and was not found; looked at credentials (none given)",
            "make one with `tradingbot token new`",
            "the token expired",
            "token \"dashboard\" is revoked",
            "BINANCE_SECRET from the file /run/secrets/binance-secret",
            "secret BINANCE_SECRET from the environment",
            "wrong signature for this request",
            "tradingbot::api::token::Store",
            "secret: Secret(..)",
            "token=[redacted]",
            "password: None",
            "price=64000 qty=0.5",
        ] {
            assert_eq!(masked(text, Hidden::Secrets), text);
        }
    }

    #[test]
    fn order_details_are_found_when_wanted() {
        for (text, expected) in [
            ("price=64000.1 qty=0.5 symbol=BTC", "price=# qty=# symbol=BTC"),
            ("NewOrder { qty: Qty(Exact { units: 5, scale: 1 }), side: Buy }", "NewOrder { qty: #, side: Buy }"),
            ("{\"origQty\":\"0.5\",\"avgPrice\": 64000.1}", "{\"origQty\":\"#\",\"avgPrice\": #}"),
            ("the price fell by 3 percent", "the price fell by 3 percent"),
        ] {
            assert_eq!(masked(text, Hidden::SecretsAndOrderDetails), expected, "{text}");
        }
    }
}
