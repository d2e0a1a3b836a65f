//! What is traded and by which rules: symbols, assets, tick and lot sizes, least values.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use super::amount::{AmountError, Notional, Price, Qty, Rate};
use super::decimal::Rounding;
use super::instrument_id::InstrumentId;

macro_rules! inline_name {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $what:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name {
            bytes: [u8; $bytes],
            len: u8,
        }

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                let used = self.bytes.get(..usize::from(self.len)).expect("the length was checked when it was made");
                std::str::from_utf8(used).expect("it was made from text")
            }

            /// As numbers whose order is that of the text: what is not used is zero, which no text has in it.
            fn words(&self) -> [u64; ($bytes + 1) / 8] {
                let byte = |at: usize| self.bytes.get(at).copied().unwrap_or(self.len);
                std::array::from_fn(|word| u64::from_be_bytes(std::array::from_fn(|at| byte(word * 8 + at))))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                // Loads of whole words, and none across two: events are copied in words just before they are looked at.
                let differs = |differs, (word, other)| differs | (word ^ other);
                self.words().into_iter().zip(other.words()).fold(0, differs) == 0
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.words().cmp(&other.words())
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.words().hash(state);
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let valid: fn(&str) -> bool = $valid;
                if text.is_empty() || text.len() > $bytes || !valid(text) {
                    return Err(NameError { what: $what, text: text.chars().take(40).collect() });
                }
                let mut bytes = [0; $bytes];
                for (to, from) in bytes.iter_mut().zip(text.bytes()) {
                    *to = from;
                }
                Ok(Self { bytes, len: u8::try_from(text.len()).expect("at most the array's length") })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

inline_name!(
    /// The exchange's name for a pair, such as `BTCUSDT`. May hold letters outside ASCII, as the exchange's do.
    Symbol,
    23,
    "a symbol such as BTCUSDT",
    |text| text.chars().all(|c| (c.is_alphanumeric() && !c.is_lowercase()) || c == '_')
);

inline_name!(
    /// The exchange's name for a coin or currency, such as `USDT`.
    Asset,
    15,
    "an asset such as USDT",
    |text| text.chars().all(|c| c.is_alphanumeric() && !c.is_lowercase())
);

inline_name!(
    /// The operator's name for one running strategy, such as `ema-btc`.
    StrategyName,
    31,
    "a strategy name: lower-case letters, digits and dashes",
    |text| text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
);

/// Text that cannot be such a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("\"{text}\" is not {what}")]
pub struct NameError {
    what: &'static str,
    text: String,
}

/// Which of the exchange's markets an instrument trades on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Market {
    /// Assets change hands.
    Spot,
    /// Perpetual futures margined in a stablecoin.
    UsdM,
}

/// One tradable pair and the exchange's rules for its orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Instrument {
    /// Which it is.
    pub id: InstrumentId,
    /// What is bought and sold.
    pub base: Asset,
    /// What it is paid with.
    pub quote: Asset,
    /// Prices are whole multiples of this.
    pub tick: Price,
    /// Quantities are whole multiples of this.
    pub lot: Qty,
    /// Least quantity of an order.
    pub qty_min: Qty,
    /// Largest quantity of an order; zero when the exchange sets none.
    pub qty_max: Qty,
    /// Least value of an order, in the quote asset.
    pub notional_min: Notional,
    /// Fee for orders that rested, as a share of the value.
    pub fee_maker: Rate,
    /// Fee for orders that took, as a share of the value.
    pub fee_taker: Rate,
}

impl Instrument {
    /// A pair whose only rules are the eight decimals of the exchange: for data files that bring no rules.
    #[must_use]
    pub const fn plain(id: InstrumentId, base: Asset, quote: Asset, fee: Rate) -> Self {
        Self {
            id,
            base,
            quote,
            tick: Price::from_units(1),
            lot: Qty::from_units(1),
            qty_min: Qty::from_units(1),
            qty_max: Qty::ZERO,
            notional_min: Notional::ZERO,
            fee_maker: fee,
            fee_taker: fee,
        }
    }

    /// The largest allowed quantity that is not above `qty`; zero when that is under the least one.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`].
    pub fn fit_qty(&self, qty: Qty) -> Result<Qty, AmountError> {
        let capped = if self.qty_max.is_positive() { qty.min(self.qty_max) } else { qty };
        let fitted = capped.to_lot(self.lot, Rounding::Down)?;
        Ok(if fitted < self.qty_min { Qty::ZERO } else { fitted })
    }
}

/// Splits `BTCUSDT` into base and quote by the quote assets the exchange uses; `None` when none of them fits.
#[must_use]
pub fn split_symbol(symbol: &Symbol) -> Option<(Asset, Asset)> {
    let text = symbol.as_str();
    QUOTES.iter().find_map(|quote| {
        let base = text.strip_suffix(quote).filter(|base| !base.is_empty())?;
        Some((base.parse().ok()?, quote.parse().ok()?))
    })
}

/// Whether it is a contract of COIN-M futures, such as `BTCUSD_PERP` or `BTCUSD_240628`: worth a fixed number of dollars and
/// settled in the coin, so that price times quantity is not its value.
#[must_use]
pub fn is_coin_margined(symbol: &Symbol) -> bool {
    let Some((pair, contract)) = symbol.as_str().split_once('_') else { return false };
    let is_dated = contract.len() == 6 && contract.bytes().all(|byte| byte.is_ascii_digit());
    pair.ends_with("USD") && (contract == "PERP" || is_dated)
}

const QUOTES: [&str; 16] = [
    "FDUSD", "USDT", "USDC", "TUSD", "BUSD", "USD1", "EURI", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY", "USD",
    "DAI",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_hold_what_the_exchange_uses_and_nothing_else() {
        assert_eq!("BTCUSDT".parse::<Symbol>().unwrap().as_str(), "BTCUSDT");
        assert!("币安人生USDT".parse::<Symbol>().is_ok());
        for text in ["", "btcusdt", "BTC/USDT", "A B", "AAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(text.parse::<Symbol>().is_err(), "{text}");
        }
        assert!("Ema".parse::<StrategyName>().is_err());
    }

    #[test]
    fn a_symbol_splits_at_its_quote() {
        let split = |text: &str| split_symbol(&text.parse().unwrap()).map(|(b, q)| format!("{b}/{q}"));
        assert_eq!(split("BTCUSDT").unwrap(), "BTC/USDT");
        assert_eq!(split("XRPETH").unwrap(), "XRP/ETH");
        assert_eq!(split("USDT"), None);
    }

    #[test]
    fn contracts_that_settle_in_the_coin_are_known_by_their_names() {
        let known = |text: &str| is_coin_margined(&text.parse().unwrap());
        assert!(["BTCUSD_PERP", "BTCUSD_240628", "1000SHIBUSD_PERP"].into_iter().all(known));
        assert!(!["BTCUSDT", "BTCUSDT_240628", "BTCUSD", "BTCUSD_2406", "BTCUSDC_PERP"].into_iter().any(known));
    }

    #[test]
    fn a_quantity_is_fitted_downwards_or_to_nothing() {
        let names = ("BTCUSDT".parse().unwrap(), "BTC".parse().unwrap(), "USDT".parse().unwrap());
        let mut rules = Instrument::plain(names.0, names.1, names.2, Rate::ZERO);
        rules.lot = "0.001".parse().unwrap();
        rules.qty_min = "0.01".parse().unwrap();
        rules.qty_max = "5".parse().unwrap();
        let fitted = |text: &str| rules.fit_qty(text.parse().unwrap()).unwrap().to_string();
        assert_eq!(fitted("1.2349"), "1.234");
        assert_eq!(fitted("0.0099"), "0");
        assert_eq!(fitted("9"), "5");
    }

    #[test]
    fn as_many_bytes_as_fit_count_in_comparing() {
        let longest = "A".repeat(23);
        let other = format!("{}B", "A".repeat(22));
        let (name, larger): (Symbol, Symbol) = (longest.parse().unwrap(), other.parse().unwrap());
        assert!(name < larger && name != larger);
        assert!("A".repeat(22).parse::<Symbol>().unwrap() < name);
    }

    proptest! {
        /// Short texts over few letters, so that many begin alike and some are equal.
        #[test]
        fn names_are_equal_and_in_order_exactly_as_their_texts_are(texts in prop::collection::vec("[ABZ9_Ж币]{1,7}", 2..12)) {
            let names: Vec<Symbol> = texts.iter().map(|text| text.parse().unwrap()).collect();
            for (name, text) in names.iter().zip(&texts) {
                for (other, other_text) in names.iter().zip(&texts) {
                    prop_assert_eq!(name.cmp(other), text.cmp(other_text));
                    prop_assert_eq!(name == other, text == other_text);
                }
            }
            let sorted: BTreeSet<&str> = texts.iter().map(String::as_str).collect();
            let names: BTreeSet<Symbol> = names.into_iter().collect();
            prop_assert_eq!(names.iter().map(Symbol::as_str).collect::<Vec<_>>(), sorted.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn names_of_any_length_are_in_order_as_their_texts_are(one in "[a-c-]{1,31}", other in "[a-c-]{1,31}") {
            let (name, next): (StrategyName, StrategyName) = (one.parse().unwrap(), other.parse().unwrap());
            prop_assert_eq!(name.cmp(&next), one.cmp(&other));
            prop_assert_eq!(name == next, one == other);
        }

        #[test]
        fn assets_are_in_order_as_their_texts_are(one in "[AB0]{1,15}", other in "[AB0]{1,15}") {
            let (name, next): (Asset, Asset) = (one.parse().unwrap(), other.parse().unwrap());
            prop_assert_eq!(name.cmp(&next), one.cmp(&other));
        }
    }
}
