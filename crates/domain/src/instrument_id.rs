//! Which instrument: a symbol and the market it trades on, since spot and futures share their symbols.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::instrument::{Market, NameError, Symbol};

/// One instrument of the exchange, written `BTCUSDT` on spot and `BTCUSDT-PERP` on USD-M futures.
///
/// A symbol with an underscore, such as `BTCUSDT_240628`, is a futures contract with an end. Only futures have such names, so
/// it is written as it is and always of that market.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstrumentId {
    symbol: Symbol,
    market: Market,
}

impl InstrumentId {
    /// The instrument that a market calls `symbol`.
    #[must_use]
    pub fn new(market: Market, symbol: Symbol) -> Self {
        let market = if symbol.as_str().contains('_') { Market::UsdM } else { market };
        Self { symbol, market }
    }

    /// The exchange's name for it, which another market may use too.
    #[must_use]
    pub const fn symbol(&self) -> Symbol {
        self.symbol
    }

    /// Where it trades.
    #[must_use]
    pub const fn market(&self) -> Market {
        self.market
    }

    /// What it means where every name without a suffix is of `market`.
    #[must_use]
    pub fn read_in(self, market: Market) -> Self {
        match self.market {
            Market::Spot => Self::new(market, self.symbol),
            Market::UsdM => self,
        }
    }

    /// What follows the symbol where it is written.
    fn suffix(&self) -> &'static str {
        match self.market {
            Market::UsdM if !self.symbol.as_str().contains('_') => PERPETUAL,
            Market::Spot | Market::UsdM => "",
        }
    }
}

impl FromStr for InstrumentId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.strip_suffix(PERPETUAL) {
            Some(symbol) => Ok(Self::new(Market::UsdM, symbol.parse()?)),
            None => Ok(Self::new(Market::Spot, text.parse()?)),
        }
    }
}

impl fmt::Display for InstrumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.suffix() {
            "" => f.pad(self.symbol.as_str()),
            suffix => f.pad(&format!("{}{suffix}", self.symbol)),
        }
    }
}

impl fmt::Debug for InstrumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InstrumentId({self})")
    }
}

impl Serialize for InstrumentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.suffix() {
            "" => self.symbol.serialize(serializer),
            _ => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for InstrumentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// What a perpetual contract's symbol is followed by; no symbol has a dash in it.
const PERPETUAL: &str = "-PERP";

#[cfg(test)]
mod tests {
    use super::*;

    fn id(market: Market, symbol: &str) -> InstrumentId {
        InstrumentId::new(market, symbol.parse().unwrap())
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for (written, market, symbol) in [
            ("BTCUSDT", Market::Spot, "BTCUSDT"),
            ("BTCUSDT-PERP", Market::UsdM, "BTCUSDT"),
            ("BTCUSDT_240628", Market::UsdM, "BTCUSDT_240628"),
            ("币安人生USDT-PERP", Market::UsdM, "币安人生USDT"),
        ] {
            let known = id(market, symbol);
            assert_eq!(known.to_string(), written);
            assert_eq!(written.parse::<InstrumentId>().unwrap(), known);
            assert_eq!(serde_json::to_string(&known).unwrap(), format!("\"{written}\""));
            assert_eq!(serde_json::from_str::<InstrumentId>(&format!("\"{written}\"")).unwrap(), known);
        }
        assert_eq!(format!("{:>14}|", id(Market::UsdM, "BTCUSDT")), "  BTCUSDT-PERP|");
    }

    #[test]
    fn one_symbol_on_two_markets_is_two_instruments() {
        assert_ne!(id(Market::Spot, "BTCUSDT"), id(Market::UsdM, "BTCUSDT"));
        assert_eq!(id(Market::Spot, "BTCUSDT_240628"), id(Market::UsdM, "BTCUSDT_240628"));
    }

    #[test]
    fn a_name_without_a_suffix_is_of_the_market_it_is_read_in() {
        let read_in = |market, text: &str| text.parse::<InstrumentId>().unwrap().read_in(market).to_string();
        assert_eq!(read_in(Market::UsdM, "BTCUSDT"), "BTCUSDT-PERP");
        assert_eq!(read_in(Market::Spot, "BTCUSDT"), "BTCUSDT");
        assert_eq!(read_in(Market::Spot, "BTCUSDT-PERP"), "BTCUSDT-PERP");
    }

    #[test]
    fn what_is_no_instrument_is_refused() {
        for text in ["", "-PERP", "BTCUSDT-", "BTCUSDT-PERP-PERP", "btcusdt-PERP", "BTCUSDT-SPOT", "BTC/USDT"] {
            assert!(text.parse::<InstrumentId>().is_err(), "{text}");
        }
    }
}
