//! Lists of price levels, and how the exchange writes them.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

use tradingbot_domain::event::Level;
use tradingbot_domain::{Price, Qty};

/// How many decimal places the exchange writes in prices and quantities of one market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimals {
    /// In prices.
    pub price: usize,
    /// In quantities.
    pub qty: usize,
}

impl Decimals {
    /// As in the first price level of `frame`; `None` when it holds none.
    #[must_use]
    pub fn of(frame: &str) -> Option<Self> {
        let (_, level) = frame.split_once("[\"")?;
        let mut texts = level.split('"');
        let (price, _, qty) = (texts.next()?, texts.next()?, texts.next()?);
        let places = |text: &str| text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        Some(Self { price: places(price), qty: places(qty) })
    }
}

/// Takes in the levels of one side, already inside the array.
pub(super) fn read<'de, A: SeqAccess<'de>>(side: &'static str, mut array: A) -> Result<Vec<Level>, A::Error> {
    let mut levels = Vec::with_capacity(LEVELS_EXPECTED);
    while let Some(level) = array.next_element_seed(OneLevel { side, number: levels.len() + 1 })? {
        if levels.len() == LEVELS_MAX {
            return Err(A::Error::custom(format_args!("\"{side}\" has more than {LEVELS_MAX} levels")));
        }
        levels.push(level);
    }
    Ok(levels)
}

/// One `["price","quantity"]`; what follows the two is passed over.
struct OneLevel {
    side: &'static str,
    number: usize,
}

impl<'de> DeserializeSeed<'de> for OneLevel {
    type Value = Level;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Level, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for OneLevel {
    type Value = Level;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "level {} of \"{}\" as [\"price\",\"quantity\"]", self.number, self.side)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<Level, A::Error> {
        let Some(price) = pair.next_element::<Price>()? else { return Err(A::Error::invalid_length(0, &self)) };
        let Some(qty) = pair.next_element::<Qty>()? else { return Err(A::Error::invalid_length(1, &self)) };
        if price <= Price::ZERO || qty < Qty::ZERO {
            let Self { side, number } = self;
            return Err(A::Error::custom(format_args!(
                "level {number} of \"{side}\" is {qty} at {price}; no market has that"
            )));
        }
        while pair.next_element::<IgnoredAny>()?.is_some() {}
        Ok((price, qty))
    }
}

/// Levels of one side in one frame; the exchange sends 5,000 at most.
const LEVELS_MAX: usize = 10_000;

/// Room made at once: most updates have fewer.
const LEVELS_EXPECTED: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_those_of_the_first_level() {
        let frame = r#"{"data":{"e":"depthUpdate","b":[["63943.90","44.313"]],"a":[]}}"#;
        assert_eq!(Decimals::of(frame), Some(Decimals { price: 2, qty: 3 }));
        assert_eq!(Decimals::of(r#"{"bids":[["7","10"]]}"#), Some(Decimals { price: 0, qty: 0 }));
        assert_eq!(Decimals::of(r#"{"b":[],"a":[]}"#), None);
    }
}
