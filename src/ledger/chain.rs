//! The chain: every entry's hash covers the entry in front of it, and so all before.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::salt::Salt;
use crate::domain::{Timestamp, hex};

/// SHA-256 of an entry and, through its predecessor's hash, of all before it. Shows as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash(pub [u8; 32]);

/// Number and hash of the last entry; whoever keeps one elsewhere can tell later whether the ledger still holds it.
/// Shows as `SEQ:HASH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the entry; entries count from 1.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

/// What an entry's hash covers besides its number, its time and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form<'a> {
    /// Nothing, and what it says as it is: entries up to the one that says `migrated`.
    Plain,
    /// What it is looked up by, and of what it says a salted digest, so that the text may be sealed later.
    Salted {
        /// Drawn for this entry.
        salt: Salt,
        /// The word it is filed under.
        kind: &'a str,
        /// The order it is about, if it is about one.
        order: Option<&'a str>,
    },
}

impl Hash {
    /// What the first entry names as its predecessor's hash.
    pub const NONE: Self = Self([0; 32]);
}

impl Head {
    /// The head of a ledger without entries.
    pub const EMPTY: Self = Self { seq: 0, hash: Hash::NONE };

    /// The head after one more entry: SHA-256 over this hash, the entry's number and time as 64 bits each, highest byte
    /// first, and then, of a plain entry, its body; of a salted one the byte 2, kind and order, each behind its length as a
    /// byte, and SHA-256 over salt and body. No body begins with the byte 2.
    #[must_use]
    pub fn then(&self, at: Timestamp, body: &str, form: Form<'_>) -> Self {
        let seq = self.seq + 1;
        let mut hasher = Sha256::new();
        hasher.update(self.hash.0);
        hasher.update(seq.to_be_bytes());
        hasher.update(at.nanos().to_be_bytes());
        match form {
            Form::Plain => hasher.update(body.as_bytes()),
            Form::Salted { salt, kind, order } => {
                hasher.update([SALTED]);
                for column in [kind, order.unwrap_or("")] {
                    // Longer ones are not looked up, and none is written.
                    hasher.update([u8::try_from(column.len()).unwrap_or(u8::MAX)]);
                    hasher.update(column.as_bytes());
                }
                hasher.update(Sha256::new_with_prefix(salt.0).chain_update(body).finalize());
            }
        }
        Self { seq, hash: Hash(hasher.finalize().into()) }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, HeadError> {
        let bad = || HeadError { text: text.chars().take(EXCERPT_CHARS_MAX).collect() };
        hex::decode(text.to_ascii_lowercase().as_bytes()).map(Self).ok_or_else(bad)
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, HeadError> {
        let bad = || HeadError { text: text.chars().take(EXCERPT_CHARS_MAX).collect() };
        let (seq, hash) = text.split_once(':').ok_or_else(bad)?;
        if seq.is_empty() || !seq.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad());
        }
        Ok(Self { seq: seq.parse().map_err(|_| bad())?, hash: hash.parse().map_err(|_| bad())? })
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// Text that is not the head of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("\"{text}\" is not a head: write the entry's number, a colon and the 64 hexadecimal digits of its hash")]
pub struct HeadError {
    text: String,
}

const EXCERPT_CHARS_MAX: usize = 90;
/// In front of what only salted entries have.
const SALTED: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_that_the_documentation_describes() {
        let at = Timestamp::from_nanos(1_700_000_000_000_000_000);
        let head = Head::EMPTY.then(at, r#"{"kind":"stopped","run":1}"#, Form::Plain);
        assert_eq!(head.to_string(), "1:06c437b3431bbf69a5481bfe7aea7eab919adc76f96475ae7cc70d518dd16ae1");
    }

    #[test]
    fn the_hash_covers_salt_kind_and_order_apart() {
        let then = |salt: u8, kind: &str, order: Option<&str>, body: &str| {
            Head::EMPTY.then(Timestamp::ZERO, body, Form::Salted { salt: Salt([salt; 16]), kind, order }).hash
        };
        let hash = then(1, "filled", Some("tb"), "{}");
        for other in [
            then(2, "filled", Some("tb"), "{}"),
            then(1, "fille", Some("dtb"), "{}"),
            then(1, "filledt", Some("b"), "{}"),
            then(1, "filled", None, "{}"),
            then(1, "filled", Some("tb"), "{ }"),
        ] {
            assert_ne!(hash, other);
        }
    }

    #[test]
    fn a_head_reads_back() {
        let head = Head::EMPTY.then(Timestamp::ZERO, "{}", Form::Plain);
        assert_eq!(head.to_string().parse(), Ok(head));
        let json = serde_json::to_string(&head).unwrap();
        assert_eq!(json, format!("{{\"seq\":1,\"hash\":\"{}\"}}", head.hash));
        assert_eq!(serde_json::from_str::<Head>(&json).unwrap(), head);
    }

    #[test]
    fn what_only_resembles_a_head_is_refused() {
        let zeros = "0".repeat(64);
        for text in ["", ":", "1", "1:", "x:00", &format!("-1:{zeros}"), &format!("+1:{zeros}"), &format!("1:{zeros}0")]
        {
            assert!(text.parse::<Head>().is_err(), "{text}");
        }
        assert!(format!("1:{}", "é".repeat(32)).parse::<Head>().is_err());
    }
}
