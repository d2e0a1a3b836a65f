//! Our names for orders: derived from the run and the event that asked, so that a repeat falls out, and from a tag drawn
//! for each run, so that no other run, on whatever machine, ever repeats one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use super::id::{RunId, Seq};

/// 50 random bits that set the order ids of one run apart from those of every other: of an earlier one, of one on a
/// restored backup, of one on a copy of the state folder. Shows as 10 of the characters `[0-9a-v]`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunTag(u64);

/// What the order ids of one run have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderSeries {
    /// The run's number: ids of runs that began before there were tags, and of backtests, which send nothing.
    Run(RunId),
    /// The run's tag.
    Tag(RunTag),
}

/// Our name for an order: its series, the event that asked for it, and which of that event's orders it is.
///
/// Shows as `tb0k3v9q1c7m0000007f00`: `tb`, the tag (10), the event (8) and the leg (2), 22 characters of `[0-9a-v]`. That
/// leaves 14 of the 36 that Binance allows, and 10 of the 32 of the strictest exchange that takes letters and digits, for a
/// signer's code. Without a tag it shows as `tb-00000007-0000000000000002-00`. Ids of one series sort as they were made,
/// and as their texts do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientOrderId {
    series: OrderSeries,
    seq: Seq,
    leg: u16,
}

impl RunTag {
    /// The tag made of the lowest 50 of these bits.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & MASK)
    }
}

impl OrderSeries {
    /// The id of the `leg`th order that event `seq` asked for; `None` once the series has no room for it: 2⁴⁰ events, 1,024
    /// orders each.
    #[must_use]
    pub const fn id(self, seq: Seq, leg: u16) -> Option<ClientOrderId> {
        let fits = match self {
            Self::Run(_) => leg <= 0xff,
            Self::Tag(_) => seq.0 >> (SEQ_CHARS * CHAR_BITS) == 0 && leg >> (LEG_CHARS * CHAR_BITS) == 0,
        };
        if fits { Some(ClientOrderId { series: self, seq, leg }) } else { None }
    }
}

impl ClientOrderId {
    /// The id of the `leg`th order that event `seq` of a `run` without a tag asked for.
    #[must_use]
    pub fn derive(run: RunId, seq: Seq, leg: u8) -> Self {
        Self { series: OrderSeries::Run(run), seq, leg: leg.into() }
    }

    /// What it has in common with the other ids of its run.
    #[must_use]
    pub const fn series(self) -> OrderSeries {
        self.series
    }

    /// The event that asked.
    #[must_use]
    pub const fn seq(self) -> Seq {
        self.seq
    }
}

impl fmt::Display for RunTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_chars(self.0, TAG_CHARS, f)
    }
}

impl fmt::Debug for RunTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RunTag {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        read_chars(text, TAG_CHARS).map(Self).ok_or_else(|| IdError::new(text))
    }
}

impl fmt::Display for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.series {
            OrderSeries::Run(run) => write!(f, "tb-{:08x}-{:016x}-{:02x}", run.0, self.seq.0, self.leg),
            OrderSeries::Tag(tag) => {
                write!(f, "tb{tag}")?;
                write_chars(self.seq.0, SEQ_CHARS, f)?;
                write_chars(self.leg.into(), LEG_CHARS, f)
            }
        }
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
        let parsed = match text.strip_prefix("tb-") {
            Some(parts) => untagged(parts),
            None => text.strip_prefix("tb").and_then(tagged),
        };
        parsed.ok_or_else(|| IdError::new(text))
    }
}

impl Serialize for RunTag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RunTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
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

/// Text that is not one of our order ids, or not a tag of one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("\"{text}\" is not an order id of this bot, such as tb0k3v9q1c7m0000007f00 or tb-00000007-0000000000000002-00")]
pub struct IdError {
    text: String,
}

impl IdError {
    fn new(text: &str) -> Self {
        Self { text: text.chars().take(EXCERPT_CHARS_MAX).collect() }
    }
}

fn tagged(rest: &str) -> Option<ClientOrderId> {
    let (tag, rest) = rest.split_at_checked(TAG_CHARS)?;
    let (seq, leg) = rest.split_at_checked(SEQ_CHARS)?;
    let series = OrderSeries::Tag(RunTag(read_chars(tag, TAG_CHARS)?));
    series.id(Seq(read_chars(seq, SEQ_CHARS)?), u16::try_from(read_chars(leg, LEG_CHARS)?).ok()?)
}

fn untagged(parts: &str) -> Option<ClientOrderId> {
    let mut parts = parts.split('-');
    let mut next = |width: usize| {
        let part = parts.next()?;
        let lower_hex = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if part.len() == width && lower_hex { u64::from_str_radix(part, 16).ok() } else { None }
    };
    let (run, seq, leg) = (next(8)?, next(16)?, next(2)?);
    let series = OrderSeries::Run(RunId(u32::try_from(run).ok()?));
    if parts.next().is_some() { None } else { series.id(Seq(seq), u16::try_from(leg).ok()?) }
}

/// Writes the lowest bits of `value` as `count` characters, the highest first.
fn write_chars(value: u64, count: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    (0..count).rev().try_for_each(|place| {
        let digit = value >> (place * CHAR_BITS) & 0x1f;
        let digit = u32::try_from(digit).expect("five bits");
        fmt::Write::write_char(f, char::from_digit(digit, 32).expect("five bits are a digit of 32"))
    })
}

fn read_chars(text: &str, count: usize) -> Option<u64> {
    let known = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'v'));
    if text.len() == count && known { u64::from_str_radix(text, 32).ok() } else { None }
}

const CHAR_BITS: usize = 5;
const TAG_CHARS: usize = 10;
const SEQ_CHARS: usize = 8;
const LEG_CHARS: usize = 2;
const MASK: u64 = (1 << (TAG_CHARS * CHAR_BITS)) - 1;
const EXCERPT_CHARS_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tagged(bits: u64, seq: u64, leg: u16) -> ClientOrderId {
        OrderSeries::Tag(RunTag::from_bits(bits)).id(Seq(seq), leg).unwrap()
    }

    #[test]
    fn an_order_id_reads_back_and_leaves_room_for_a_signer() {
        let id = tagged(0x0000_5000_0000_0001, 2, 31);
        assert_eq!(id.to_string(), "tb2g0000000100000002".to_owned() + "0v");
        assert_eq!(id.to_string().parse(), Ok(id));
        let longest = tagged(u64::MAX, (1 << 40) - 1, 1_023).to_string();
        assert_eq!(longest, format!("tb{}", "v".repeat(20)));
        assert_eq!(longest.parse::<ClientOrderId>().unwrap().to_string(), longest);
    }

    #[test]
    fn an_order_id_of_a_run_without_a_tag_reads_back() {
        let id = ClientOrderId::derive(RunId(7), Seq(2), 0);
        assert_eq!(id.to_string(), "tb-00000007-0000000000000002-00");
        assert_eq!(id.to_string().parse(), Ok(id));
        let longest = ClientOrderId::derive(RunId(u32::MAX), Seq(u64::MAX), u8::MAX).to_string();
        assert!(longest.len() <= 36);
        assert!(longest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    }

    #[test]
    fn what_does_not_fit_is_no_id_and_not_another_orders() {
        let series = OrderSeries::Tag(RunTag::from_bits(1));
        assert_eq!(series.id(Seq(1 << 40), 0), None);
        assert_eq!(series.id(Seq(1), 1_024), None);
        assert_eq!(OrderSeries::Run(RunId(1)).id(Seq(1), 256), None);
    }

    #[test]
    fn what_only_resembles_an_order_id_is_refused() {
        for text in [
            "",
            "tb",
            "tb-",
            "tb-00000007-0000000000000002",
            "tb-00000007-0000000000000002-00-1",
            "TB-00000007-0000000000000002-00",
            "tb-0000000A-0000000000000002-00",
            "tb0k3v9q1c7m0000007f0",
            "tb0k3v9q1c7m0000007f000",
            "tb0k3v9q1c7m0000007f0w",
            "tb0K3V9Q1C7M0000007F00",
            "tb+k3v9q1c7m0000007f00",
            "tb0k3v9q1cémm000007f00",
        ] {
            assert!(text.parse::<ClientOrderId>().is_err(), "{text}");
        }
        for text in ["", "0k3v9q1c7", "0k3v9q1c7w", "+k3v9q1c7m"] {
            assert!(text.parse::<RunTag>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_order_id_reads_back_and_fits_the_strictest_exchange(
            bits in any::<u64>(), seq in 0_u64..1 << 40, leg in 0_u16..1_024,
        ) {
            let id = tagged(bits, seq, leg);
            let text = id.to_string();
            prop_assert_eq!(text.len(), 22);
            prop_assert!(text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'v')));
            prop_assert_eq!(text.parse(), Ok(id));
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<ClientOrderId>(&json).unwrap(), id);
        }

        #[test]
        fn ids_of_a_run_sort_as_they_were_made_and_as_their_texts(
            bits in any::<u64>(), one in (0_u64..1 << 40, 0_u16..1_024), other in (0_u64..1 << 40, 0_u16..1_024),
        ) {
            let ids = [tagged(bits, one.0, one.1), tagged(bits, other.0, other.1)];
            prop_assert_eq!(ids[0].cmp(&ids[1]), one.cmp(&other));
            prop_assert_eq!(ids[0].cmp(&ids[1]), ids[0].to_string().cmp(&ids[1].to_string()));
        }

        #[test]
        fn two_runs_share_no_id_though_event_and_leg_are_the_same(
            one in 0_u64..1 << 50, other in 0_u64..1 << 50, run in any::<u32>(), seq in 0_u64..1 << 40, leg in 0_u8..=255,
        ) {
            let ids = [one, other].map(|bits| tagged(bits, seq, leg.into()));
            prop_assert_eq!(ids[0] == ids[1], one == other);
            prop_assert_eq!(ids[0].to_string() == ids[1].to_string(), one == other);
            let untagged = ClientOrderId::derive(RunId(run), Seq(seq), leg);
            prop_assert_ne!(untagged, ids[0]);
            prop_assert_ne!(untagged.to_string(), ids[0].to_string());
        }
    }
}
