//! What keys and tokens look like: for texts that should hold none, such as a configuration, a log or a source tree.
//!
//! A word is judged by its first letters where a maker of tokens gave it some, and else by how often neighbours change
//! between upper case, lower case and digits: among random characters more than half do, in names and words few.

use std::ops::Range;

use memchr::memmem;

/// A place in a text that looks like a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where, in bytes.
    pub range: Range<usize>,
    /// What it looks like, as words to go on with.
    pub what: &'static str,
}

/// Kinds of characters between which random text changes at every second place or so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Lower,
    Upper,
    Digit,
}

/// What to make of 32 and more hexadecimal digits: keys look so, and so do hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hex {
    /// They are taken for a key: where there should be no hashes.
    Suspect,
    /// They are left alone: where hashes are at home.
    Plain,
}

/// What `text` holds that looks like a secret, if anything; long hexadecimal numbers count.
#[must_use]
pub fn look_like_secret(text: &str) -> Option<&'static str> {
    find_secrets(text, Hex::Suspect).first().map(|finding| finding.what)
}

/// All places in `text` that look like a secret, in order of their kind, not of their place.
#[must_use]
pub fn find_secrets(text: &str, hex: Hex) -> Vec<Finding> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    private_keys(bytes, &mut found);
    let mut at = 0;
    while let Some(word) = run(bytes, at, is_word) {
        at = word.end;
        if let Some(finding) = compound(bytes, &word) {
            at = finding.range.end;
            found.push(finding);
        } else if let Some(what) = single(&bytes[word.clone()], hex) {
            found.push(Finding { range: word, what });
        }
    }
    if memchr::memchr2(b'+', b'=', bytes).is_some() {
        base64(bytes, &mut found);
    }
    found
}

/// Private keys in PEM, from the first dash to the last, or to the end of the text when it was cut off.
fn private_keys(bytes: &[u8], found: &mut Vec<Finding>) {
    let mut from = 0;
    while let Some(start) = memmem::find(&bytes[from..], b"-----BEGIN ").map(|at| from + at) {
        let label_end = memmem::find(&bytes[start + 11..], b"-----").map_or(bytes.len(), |at| start + 11 + at);
        from = label_end;
        if memmem::find(&bytes[start..label_end], b"PRIVATE KEY").is_none() {
            continue;
        }
        let end = memmem::find(&bytes[label_end..], b"-----END ").map(|at| label_end + at + 9);
        let end = end.and_then(|end| memmem::find(&bytes[end..], b"-----").map(|at| end + at + 5));
        from = end.unwrap_or(bytes.len());
        found.push(Finding { range: start..from, what: "a private key" });
    }
}

/// What begins with this word and goes on behind a colon, a full stop or a blank.
fn compound(bytes: &[u8], word: &Range<usize>) -> Option<Finding> {
    let text = &bytes[word.clone()];
    let next = *bytes.get(word.end)?;
    let digits = text.strip_prefix(b"bot").unwrap_or(text);
    if next == b':' && (6..=12).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit) {
        let token = run(bytes, word.end + 1, is_word).filter(|token| token.start == word.end + 1)?;
        let range = word.end - digits.len()..token.end;
        return TELEGRAM_CHARS.contains(&token.len()).then_some(Finding { range, what: "a Telegram bot token" });
    }
    if next == b'.' && text.starts_with(b"eyJ") {
        let claims = run(bytes, word.end + 1, is_word).filter(|claims| bytes.get(claims.end) == Some(&b'.'))?;
        let signature = run(bytes, claims.end + 1, is_word)?;
        return Some(Finding { range: word.start..signature.end, what: "a JSON web token" });
    }
    if next == b' ' && text.eq_ignore_ascii_case(b"bearer") {
        let token = run(bytes, word.end + 1, is_token)?;
        let long = token.start == word.end + 1 && token.len() >= BEARER_CHARS_MIN;
        return (long && has_digit(&bytes[token.clone()])).then_some(Finding { range: token, what: "a bearer token" });
    }
    None
}

/// What this word alone looks like.
fn single(word: &[u8], hex: Hex) -> Option<&'static str> {
    if word.len() < WORD_CHARS_MIN {
        return None;
    }
    for (prefix, rest_min, what) in PREFIXES {
        if let Some(rest) = word.strip_prefix(prefix.as_bytes()) {
            let capitals = rest.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
            let wanted = capitals || !prefix.bytes().all(|byte| byte.is_ascii_uppercase());
            let fits = rest.len() >= *rest_min && wanted && has_digit(rest);
            return fits.then_some(*what);
        }
    }
    if word.len() < RANDOM_CHARS_MIN {
        return None;
    }
    if word.iter().all(u8::is_ascii_hexdigit) {
        let suspect = hex == Hex::Suspect && has_digit(word) && word.iter().any(u8::is_ascii_alphabetic);
        return (suspect && distinct(word) >= HEX_DIGITS_MIN).then_some("a key in hexadecimal");
    }
    let key = word.len() == BINANCE_CHARS && word.iter().all(u8::is_ascii_alphanumeric);
    is_random(word).then_some(if key { "an exchange key" } else { "a random key" })
}

/// Keys in base 64 with signs that no word has.
fn base64(bytes: &[u8], found: &mut Vec<Finding>) {
    let mut at = 0;
    while let Some(key) = run(bytes, at, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')) {
        at = key.end;
        let text = &bytes[key.clone()];
        let signs = bytes.get(key.end) == Some(&b'=') || text.contains(&b'+');
        if signs && key.len() >= BASE64_CHARS_MIN && is_random(text) {
            found.push(Finding { range: key, what: "a key in base 64" });
        }
    }
}

/// Whether neighbours change their kind as often as among random characters, and in other ways than at the beginnings of
/// words run together.
fn is_random(word: &[u8]) -> bool {
    let (mut lower, mut upper, mut digits) = (0, 0, 0);
    let (mut changes, mut odd, mut before) = (0, 0, None);
    for kind in word.iter().map(|byte| kind(*byte)) {
        match kind {
            Some(Kind::Lower) => lower += 1,
            Some(Kind::Upper) => upper += 1,
            Some(Kind::Digit) => digits += 1,
            None => {}
        }
        if let (Some(before), Some(kind)) = (before, kind) {
            changes += usize::from(before != kind);
            let capitals = (before, kind) == (Kind::Upper, Kind::Upper);
            odd += usize::from(capitals || (before == Kind::Digit) != (kind == Kind::Digit));
        }
        before = kind;
    }
    let (changing, odd) = (changes * 20 >= word.len() * 7, odd * 20 >= word.len() * 3);
    let three = lower >= 2 && upper >= 2 && digits >= 1 && changing && odd;
    let two = digits >= 5 && word.len() >= BASE64_CHARS_MIN && changes * 10 >= word.len() * 3;
    three || two
}

/// What kind of character it is, if random text is made of its kind.
pub(super) const fn kind(byte: u8) -> Option<Kind> {
    match byte {
        b'a'..=b'z' => Some(Kind::Lower),
        b'A'..=b'Z' => Some(Kind::Upper),
        b'0'..=b'9' => Some(Kind::Digit),
        _ => None,
    }
}

/// The first run at or after `from` of bytes that are `inside`.
pub(super) fn run(bytes: &[u8], from: usize, inside: impl Fn(u8) -> bool) -> Option<Range<usize>> {
    let start = from + bytes.get(from..)?.iter().position(|byte| inside(*byte))?;
    let end = bytes[start..].iter().position(|byte| !inside(*byte)).map_or(bytes.len(), |length| start + length);
    Some(start..end)
}

/// Whether a word goes on with it.
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The characters of a token behind `Bearer` (RFC 6750).
const fn is_token(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'.' | b'~' | b'+' | b'/' | b'=')
}

fn has_digit(word: &[u8]) -> bool {
    word.iter().any(u8::is_ascii_digit)
}

/// How many different characters there are.
fn distinct(word: &[u8]) -> u32 {
    word.iter().fold(0_u128, |seen, byte| seen | 1 << (byte & 0x7f)).count_ones()
}

/// The shortest word that anything here takes for a secret.
const WORD_CHARS_MIN: usize = 16;
const RANDOM_CHARS_MIN: usize = 32;
const BASE64_CHARS_MIN: usize = 40;
const BINANCE_CHARS: usize = 64;
/// Telegram's have 35; a ledger's head, a number and a hash, has 64.
const TELEGRAM_CHARS: std::ops::RangeInclusive<usize> = 30..=50;
const BEARER_CHARS_MIN: usize = 16;
const HEX_DIGITS_MIN: u32 = 8;
/// First letters, how many characters follow at least, and what it is. What begins in capitals goes on in capitals.
const PREFIXES: &[(&str, usize, &str)] = &[
    ("tb_", 24, "a token of the API"),
    ("AKIA", 16, "an access key of AWS"),
    ("ASIA", 16, "an access key of AWS"),
    ("AGE-SECRET-KEY-", 40, "a secret key of age"),
    ("ghp_", 30, "a token of GitHub"),
    ("gho_", 30, "a token of GitHub"),
    ("ghs_", 30, "a token of GitHub"),
    ("github_pat_", 30, "a token of GitHub"),
    ("xoxb-", 20, "a token of Slack"),
    ("xoxp-", 20, "a token of Slack"),
    ("sk_live_", 20, "a key of Stripe"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Random characters from a seed, so that no test holds anything that looks like a secret.
    fn random(alphabet: &str, length: usize, seed: u64) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        (0..length)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                letters[usize::try_from(state >> 33).unwrap() % letters.len()]
            })
            .collect()
    }

    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";
    const DIGITS: &str = "0123456789";
    const HEX: &str = "0123456789abcdef";

    fn alphanumeric() -> String {
        format!("{LETTERS}{}{DIGITS}", LETTERS.to_uppercase())
    }

    #[test]
    fn keys_of_every_kind_are_found() {
        let (any, url) = (alphanumeric(), format!("{}-_", alphanumeric()));
        for seed in 0..500 {
            for (text, what) in [
                (random(&any, 64, seed), "an exchange key"),
                (random(&any, 43, seed), "a random key"),
                (random(HEX, 64, seed), "a key in hexadecimal"),
                (random(HEX, 32, seed), "a key in hexadecimal"),
                (format!("bot{}:{}", random(DIGITS, 9, seed), random(&url, 35, seed)), "a Telegram bot token"),
                (format!("tb_{}", random(&any, 43, seed)), "a token of the API"),
                (format!("AKIA{}", random("ABCDEFGH234567", 16, seed)), "an access key of AWS"),
                (format!("Authorization: Bearer {}9", random(&url, 20, seed)), "a bearer token"),
                (format!("eyJ{0}.eyJ{0}.{0}", random(&url, 20, seed)), "a JSON web token"),
                (format!("-----BEGIN EC {}-----\n{}", "PRIVATE KEY", random(&any, 64, seed)), "a private key"),
            ] {
                assert_eq!(look_like_secret(&format!("key = \"{text}\" # x")), Some(what), "{text}");
            }
        }
    }

    #[test]
    fn names_numbers_and_words_are_not_found() {
        for text in [
            "",
            "the quick brown fox jumps over the lazy dog",
            "TradingBotConfigurationReaderWithManyLongWordsInItsName2024",
            "SHA256_DIGEST_LENGTH_in_bytes_OF_THE_LEDGER_HEAD_V2",
            "a_module_path_that_is_long_enough_to_look_at::and_a_function_of_it",
            "tb-00000007-0000000000000002-00",
            "tb7q0e5h2m9r000001tf00",
            "x86_64-unknown-linux-gnu/release/deps/tradingbot-0123456789abcdef",
            "/run/credentials/tradingbot.service/binance-api-key",
            "https://api.binance.com/api/v3/exchangeInfo?symbol=BTCUSDT&permissions=SPOT",
            "12345678901234567890123456789012345678901234567890",
            "2026-01-01T00:00:00.000000000Z",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "00000000000000000000000000000000000000000000000000000000deadbeef",
            "550e8400-e29b-41d4-a716-446655440000",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            "-----BEGIN CERTIFICATE-----",
            "Bearer token required",
            "tb_tradeadminupdateareisvariant",
            "order 123456789:1 filled",
        ] {
            assert_eq!(look_like_secret(text), None, "{text}");
        }
    }

    #[test]
    fn hashes_are_left_alone_where_they_are_at_home() {
        for head in ["head 7 sha256", "7", "148691", "1234567890"] {
            let text = format!("{head}:{}", random(HEX, 64, 1));
            assert!(find_secrets(&text, Hex::Plain).is_empty(), "{text}");
            assert_eq!(find_secrets(&text, Hex::Suspect).len(), 1);
        }
    }

    #[test]
    fn each_place_is_named() {
        let (key, token) = (random(&alphanumeric(), 64, 3), random(&alphanumeric(), 35, 4));
        let text = format!("a={key}&b=x 123456789:{token} end");
        let found: Vec<&str> =
            find_secrets(&text, Hex::Plain).into_iter().map(|finding| &text[finding.range]).collect();
        assert_eq!(found, [key, format!("123456789:{token}")]);
    }

    #[test]
    fn a_private_key_is_found_to_its_end() {
        let key = format!("-----BEGIN {0}-----\nabc\n-----END {0}-----", "PRIVATE KEY");
        let text = format!("x {key} y {key}");
        let found = find_secrets(&text, Hex::Plain);
        assert_eq!(found.iter().map(|finding| &text[finding.range.clone()]).collect::<Vec<_>>(), [&key, &key]);
    }
}
