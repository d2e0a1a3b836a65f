//! Random bytes beside an entry, without which its digest tells nothing of what it says.

use std::{fmt, io};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::domain::hex;
use crate::random;

/// 16 random bytes. Shows as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; SALT_BYTES]);

/// Where salts come from.
#[derive(Debug)]
pub(super) enum Salts {
    /// The system, for many entries at once.
    Drawn(Vec<u8>),
    /// The entries' numbers: in memory nothing is sealed, and the same entries have the same head.
    Numbered,
}

impl Salts {
    /// Makes sure that there are salts for `count` entries.
    ///
    /// # Errors
    ///
    /// The system gives no random bytes.
    pub(super) fn prepare(&mut self, count: usize) -> io::Result<()> {
        let Self::Drawn(bytes) = self else { return Ok(()) };
        let wanted = count.saturating_mul(SALT_BYTES);
        if bytes.len() < wanted {
            bytes.resize(wanted.max(POOL_BYTES), 0);
            random::fill(bytes).inspect_err(|_| bytes.clear())?;
        }
        Ok(())
    }

    /// The salt of entry `seq`, which no other entry gets.
    pub(super) fn next(&mut self, seq: u64) -> Salt {
        let mut salt = [0; SALT_BYTES];
        match self {
            Self::Drawn(bytes) => {
                let rest = bytes.len().checked_sub(SALT_BYTES).expect("they were prepared");
                salt.copy_from_slice(&bytes[rest..]);
                bytes.truncate(rest);
            }
            Self::Numbered => salt[..8].copy_from_slice(&seq.to_be_bytes()),
        }
        Salt(salt)
    }
}

impl fmt::Display for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Salt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Salt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        hex::decode(text.as_bytes()).map(Self).ok_or_else(|| de::Error::custom("a salt is 32 hexadecimal digits"))
    }
}

const SALT_BYTES: usize = 16;
/// What is drawn at once, so that a commit of few entries rarely asks the system.
const POOL_BYTES: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_salt_is_given_twice() {
        let mut salts = Salts::Drawn(Vec::new());
        let mut seen = std::collections::BTreeSet::new();
        for count in [1, 300, 2] {
            salts.prepare(count).unwrap();
            seen.extend((0..count).map(|_| salts.next(1).0));
        }
        assert_eq!(seen.len(), 303);
    }
}
