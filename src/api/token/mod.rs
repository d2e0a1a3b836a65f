//! Tokens: what a client shows, and the little that is kept of it.

mod error;
mod file;
mod live;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::domain::{Timestamp, hex};

pub use error::TokenFileError;
pub use file::TokenFile;
pub(super) use live::{TokenId, Tokens, Unrecognised};

/// A token as its owner holds it: `tb_` and 64 hexadecimal digits, 32 bytes of them from the system's randomness.
///
/// Wipes itself, and has no `Display`: it is shown once, by [`Token::expose`].
#[derive(Debug)]
pub struct Token(SecretString);

/// What a token may do; each scope holds those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Look.
    Read,
    /// Halt, pause and unpause strategies, cancel orders, close positions.
    Trade,
    /// Resume trading after a halt.
    Admin,
}

/// What a token is called in lists and logs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenName(Arc<str>);

/// SHA-256 of a token's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash([u8; 32]);

/// What is kept of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TokenRecord {
    /// Its name; no two in a file are equal.
    pub name: TokenName,
    /// What it may do.
    pub scope: Scope,
    /// Its hash.
    pub sha256: TokenHash,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is worth nothing; never when absent.
    pub expires: Option<Timestamp>,
    /// Since when it is worth nothing.
    pub revoked: Option<Timestamp>,
}

/// Whether a token is worth anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It opens what its scope says.
    Live,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
}

impl Token {
    /// A new one.
    ///
    /// # Errors
    ///
    /// The system has no randomness to give.
    pub fn draw() -> std::io::Result<Self> {
        let mut bytes = [0; SECRET_BYTES];
        let mut drawn = 0;
        while let Some(rest) = bytes.get_mut(drawn..).filter(|rest| !rest.is_empty()) {
            drawn += rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty())?;
        }
        Ok(Self(SecretString::from(format!("{PREFIX}{}", hex::encode(&bytes)))))
    }

    /// Lends its text.
    pub fn expose<T>(&self, lend: impl FnOnce(&str) -> T) -> T {
        lend(self.0.expose_secret())
    }

    /// What may be kept of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.expose_secret().as_bytes())
    }
}

impl Scope {
    /// Its name: `read`, `trade` or `admin`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Trade => "trade",
            Self::Admin => "admin",
        }
    }
}

impl TokenName {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same text, shared.
    pub(super) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl TokenHash {
    /// The hash of a token's text.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// The hash of the token that has these digits behind what all begin with.
    #[must_use]
    pub fn of_digits(digits: &str) -> Self {
        Self::of(format!("{PREFIX}{digits}").as_bytes())
    }

    /// What [`Display`](fmt::Display) wrote: 64 lower-case hexadecimal digits; `None` for anything else.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        hex::decode(text).map(Self)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TokenRecord {
    /// Of the admin token that a daemon was given the hash of when it started. It has no end but the daemon's.
    pub(super) fn given(hash: TokenHash, now: Timestamp) -> Self {
        let name = TokenName(GIVEN.into());
        Self { name, scope: Scope::Admin, sha256: hash, created: now, expires: None, revoked: None }
    }

    /// Whether it is worth anything at `now`.
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Standing {
        if self.revoked.is_some() {
            Standing::Revoked
        } else if self.expires.is_some_and(|expires| now >= expires) {
            Standing::Expired
        } else {
            Standing::Live
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        [Self::Read, Self::Trade, Self::Admin]
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| ScopeError { text: text.chars().take(EXCERPT_CHARS_MAX).collect() })
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for TokenName {
    type Err = TokenNameError;

    fn from_str(text: &str) -> Result<Self, TokenNameError> {
        let plain = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if text.is_empty() || text.len() > NAME_BYTES_MAX || !plain {
            return Err(TokenNameError::NotPlain { text: text.chars().take(EXCERPT_CHARS_MAX).collect() });
        }
        if RESERVED.contains(&text) {
            return Err(TokenNameError::Reserved { text: text.to_owned() });
        }
        Ok(Self(text.into()))
    }
}

impl Serialize for TokenName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TokenName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl Serialize for TokenHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(text.as_bytes()).ok_or_else(|| de::Error::custom("a hash is 64 lower-case hexadecimal digits"))
    }
}

/// Text that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("\"{text}\" is not a scope; write read, trade or admin")]
pub struct ScopeError {
    text: String,
}

/// Text that cannot name a token.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenNameError {
    /// Characters it may not have, or too many.
    #[error("\"{text}\" is not a token name: lower-case letters, digits and dashes, at most {NAME_BYTES_MAX}")]
    NotPlain {
        /// The text, shortened.
        text: String,
    },
    /// A name that means somebody else in the ledger.
    #[error("\"{text}\" stands for somebody else in the ledger; choose another name")]
    Reserved {
        /// The name.
        text: String,
    },
}

/// Whether it is worth looking `text` up: it is as long as a token and begins like one.
pub(super) fn looks_like_token(text: &[u8]) -> bool {
    text.len() == TOKEN_BYTES && text.starts_with(PREFIX.as_bytes())
}

/// What every token begins with, so that scanners for leaked secrets find them.
const PREFIX: &str = "tb_";
const SECRET_BYTES: usize = 32;
const TOKEN_BYTES: usize = 3 + TOKEN_DIGITS;
/// How many hexadecimal digits a token has.
pub const TOKEN_DIGITS: usize = SECRET_BYTES * 2;
const NAME_BYTES_MAX: usize = 31;
const EXCERPT_CHARS_MAX: usize = 40;
/// The name of the token whose hash is a credential.
const GIVEN: &str = "credential";
/// Who acts in the ledger besides the tokens of a file.
const RESERVED: [&str; 5] = ["control", GIVEN, "engine", "operator", "signal"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_32_bytes_and_no_two_are_equal() {
        let (first, second) = (Token::draw().unwrap(), Token::draw().unwrap());
        assert!(first.expose(|text| looks_like_token(text.as_bytes())));
        assert_eq!(first.expose(str::len), 67);
        assert_ne!(first.hash(), second.hash());
        assert!(!format!("{first:?}").contains("tb_"));
    }

    #[test]
    fn a_name_is_plain_and_nobody_elses() {
        for text in ["ops", "ci-2", "a"] {
            assert_eq!(text.parse::<TokenName>().unwrap().as_str(), text);
        }
        for text in ["", "Ops", "a b", "a\nb", "a/b", "ä", &"a".repeat(32)] {
            assert!(matches!(text.parse::<TokenName>(), Err(TokenNameError::NotPlain { .. })), "{text}");
        }
        for text in RESERVED {
            assert!(matches!(text.parse::<TokenName>(), Err(TokenNameError::Reserved { .. })), "{text}");
        }
    }

    #[test]
    fn a_hash_reads_back_and_nothing_else_does() {
        let hash = TokenHash::of(b"tb_");
        assert_eq!(TokenHash::parse(hash.to_string().as_bytes()), Some(hash));
        assert_eq!(TokenHash::parse(hash.to_string().to_uppercase().as_bytes()), None);
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(serde_json::from_str::<TokenHash>(&json).unwrap(), hash);
        for text in ["\"\"", "\"00\"", &json.to_uppercase()] {
            assert!(serde_json::from_str::<TokenHash>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_scope_holds_those_before_it() {
        assert!(Scope::Admin > Scope::Trade && Scope::Trade > Scope::Read);
        assert_eq!("trade".parse(), Ok(Scope::Trade));
        assert!("root".parse::<Scope>().is_err());
    }
}
