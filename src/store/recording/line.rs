//! One line of a recording, taken apart.

use memchr::memchr;

use crate::binance::{Decimals, DecodeError, Decoded, ToldMarket, decode, market_of};
use crate::domain::{Market, MarketEvent, Timestamp};
use crate::store::error::shorten;

/// One line.
#[derive(Debug)]
pub(super) struct Line {
    /// When it was received, as it stands there.
    pub(super) at: Timestamp,
    /// What was received.
    pub(super) decoded: Decoded,
    /// How many decimals the exchange writes, if that was asked for and there are price levels.
    pub(super) decimals: Option<Decimals>,
    /// Which market it is of, if that was asked for and it tells.
    pub(super) told: Option<ToldMarket>,
}

/// What is wrong with a line.
#[derive(Debug)]
pub(super) enum Fault {
    /// It does not start with a time.
    NoTime { text: String },
    /// Nothing follows the time.
    NoMessage,
    /// The message cannot be taken.
    Message(DecodeError),
}

impl Line {
    /// Takes a line apart.
    ///
    /// `market` is what is known of it so far; a line for which nothing is known and that tells nothing counts as spot.
    pub(super) fn read(
        text: &[u8],
        wants_decimals: bool,
        wants_market: bool,
        market: Option<Market>,
    ) -> Result<Self, Fault> {
        let end = memchr(b' ', text).unwrap_or(text.len());
        let (time, rest) = text.split_at(end);
        let at = receive_time(time).ok_or_else(|| Fault::NoTime { text: shorten(time) })?;
        let frame = rest.trim_ascii();
        if frame.is_empty() {
            return Err(Fault::NoMessage);
        }
        let told = if wants_market { market_of(frame) } else { None };
        let market = market.or_else(|| told.map(|told| told.market)).unwrap_or(Market::Spot);
        let decoded = decode(market, frame).map_err(Fault::Message)?;
        let decimals = if wants_decimals && has_levels(&decoded) { decimals_of(frame) } else { None };
        Ok(Self { at, decoded, decimals, told })
    }
}

impl Fault {
    /// Whether it is what is left when writing stops in the middle of a line.
    pub(super) fn is_a_cut(&self) -> bool {
        match self {
            Self::NoTime { text } => text.bytes().all(|byte| byte.is_ascii_digit()),
            Self::NoMessage => true,
            Self::Message(error) => matches!(error, DecodeError::Cut(_)),
        }
    }
}

fn receive_time(text: &[u8]) -> Option<Timestamp> {
    if text.len() > DIGITS_MAX || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    if number < TIME_MIN { None } else { Timestamp::from_exchange(number) }
}

const fn has_levels(decoded: &Decoded) -> bool {
    matches!(decoded, Decoded::Market(MarketEvent::Depth(_)) | Decoded::Snapshot { .. })
}

fn decimals_of(frame: &[u8]) -> Option<Decimals> {
    std::str::from_utf8(frame).ok().and_then(Decimals::of)
}

/// As many digits as a time in nanoseconds has.
const DIGITS_MAX: usize = 19;

/// The first block of the first chain, 2009-01-03, in milliseconds: no exchange is older.
const TIME_MIN: i64 = 1_230_940_800_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receive_time_has_digits_of_milliseconds_or_finer() {
        let time = |text: &str| receive_time(text.as_bytes()).map(|time| time.to_string());
        assert_eq!(time("1723161253937").unwrap(), "2024-08-08T23:54:13.937Z");
        assert_eq!(time("1723161253937085").unwrap(), "2024-08-08T23:54:13.937085Z");
        assert_eq!(time("1723161253937085768").unwrap(), "2024-08-08T23:54:13.937085768Z");
        for text in
            ["", "{", "1723161253", "-1723161253937", "1723161253937.1", "9999999999999999999", "17231612539370857680"]
        {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
