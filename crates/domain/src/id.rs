//! Identifiers, derived from what they name and never drawn at random, so that a restart makes the same ones.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// One life of the daemon over one ledger, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u32);

/// Place of an event in its run, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

/// The exchange's number for an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExchangeOrderId(pub u64);

/// The exchange's number for a trade, unique within a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TradeId(pub u64);

/// Our name for an order: the run and the event that asked for it, and which of that event's orders it is.
///
/// Shows as `tb-00000007-0000000000000002-00`: 31 characters of the 36 that Binance allows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientOrderId {
    run: RunId,
    seq: Seq,
    leg: u8,
}

impl ClientOrderId {
    /// The id of the `leg`th order that event `seq` of `run` asked for.
    #[must_use]
    pub const fn derive(run: RunId, seq: Seq, leg: u8) -> Self {
        Self { run, seq, leg }
    }

    /// The run that asked.
    #[must_use]
    pub const fn run(self) -> RunId {
        self.run
    }

    /// The event that asked.
    #[must_use]
    pub const fn seq(self) -> Seq {
        self.seq
    }
}

impl fmt::Display for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tb-{:08x}-{:016x}-{:02x}", self.run.0, self.seq.0, self.leg)
    }
}

impl fmt::Debug for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ClientOrderId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let bad = || IdError { text: text.chars().take(40).collect() };
        let mut parts = text.strip_prefix("tb-").ok_or_else(bad)?.split('-');
        let mut next = |width: usize| {
            let part = parts.next().unwrap_or("");
            let lower_hex = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            if part.len() == width && lower_hex { u64::from_str_radix(part, 16).map_err(|_| bad()) } else { Err(bad()) }
        };
        let (run, seq, leg) = (next(8)?, next(16)?, next(2)?);
        if parts.next().is_some() {
            return Err(bad());
        }
        Ok(Self {
            run: RunId(u32::try_from(run).map_err(|_| bad())?),
            seq: Seq(seq),
            leg: u8::try_from(leg).map_err(|_| bad())?,
        })
    }
}

impl Serialize for ClientOrderId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClientOrderId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// Text that is not one of our order ids.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("\"{text}\" is not an order id of this bot, such as tb-00000007-0000000000000002-00")]
pub struct IdError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_reads_back_and_fits_the_exchange() {
        let id = ClientOrderId::derive(RunId(7), Seq(2), 0);
        assert_eq!(id.to_string(), "tb-00000007-0000000000000002-00");
        assert_eq!(id.to_string().parse(), Ok(id));
        let longest = ClientOrderId::derive(RunId(u32::MAX), Seq(u64::MAX), u8::MAX).to_string();
        assert!(longest.len() <= 36);
        assert!(longest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    }

    #[test]
    fn what_only_resembles_an_order_id_is_refused() {
        for text in [
            "",
            "tb-",
            "tb-00000007-0000000000000002",
            "tb-00000007-0000000000000002-00-1",
            "TB-00000007-0000000000000002-00",
            "tb-0000000A-0000000000000002-00",
        ] {
            assert!(text.parse::<ClientOrderId>().is_err(), "{text}");
        }
    }
}
