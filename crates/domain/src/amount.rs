//! Money and quantities, each its own type: a price is not a quantity, and no sum is ever rounded unasked.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use super::decimal::{self, DecimalError, Rounding};

/// Quote asset per one base asset; a whole count of 10^-8.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Price(i64);

/// Amount of the base asset; a whole count of 10^-8. Negative where it is a short position or a decrease.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Qty(i128);

/// Amount of money, in the quote asset unless said otherwise; a whole count of 10^-16, so that a price times
/// a quantity is exact. Negative for losses and outflows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Notional(i128);

/// A share of something, 1 meaning all of it; a whole count of 10^-8.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rate(i64);

/// A sum, product or quotient of amounts that cannot be represented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AmountError {
    /// The result needs more digits than the amount has.
    #[error("the result is too large for an amount")]
    Overflow,
    /// Division by zero.
    #[error("division by zero")]
    DivisionByZero,
}

impl Price {
    /// No price; also the least one.
    pub const ZERO: Self = Self(0);
    /// Decimal places that are kept.
    pub const SCALE: u32 = 8;

    /// A price of `units` x 10^-8.
    #[must_use]
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// The count of 10^-8.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0
    }

    /// Value of `qty` at this price, exact.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`] past 1.7 x 10^22 of the quote asset.
    pub fn times(self, qty: Qty) -> Result<Notional, AmountError> {
        // Two numbers of 64 bits always fit, and are multiplied several times as fast as one of 128 bits is with a check.
        if let Ok(units) = i64::try_from(qty.0) {
            return Ok(Notional(i128::from(self.0) * i128::from(units)));
        }
        i128::from(self.0).checked_mul(qty.0).map(Notional).ok_or(AmountError::Overflow)
    }

    /// This price plus another.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`].
    pub fn plus(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_add(other.0).map(Self).ok_or(AmountError::Overflow)
    }

    /// This price minus another.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`].
    pub fn minus(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_sub(other.0).map(Self).ok_or(AmountError::Overflow)
    }

    /// This price times `share`, rounded to 10^-8.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`].
    pub fn scaled(self, share: Rate, rounding: Rounding) -> Result<Self, AmountError> {
        let product = i128::from(self.0) * i128::from(share.0);
        let units = decimal::divide(product, i128::from(Rate::ONE.0), rounding).ok_or(AmountError::Overflow)?;
        i64::try_from(units).map(Self).map_err(|_| AmountError::Overflow)
    }

    /// This price at a whole multiple of `tick`; unchanged when `tick` is zero.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`].
    pub fn to_tick(self, tick: Self, rounding: Rounding) -> Result<Self, AmountError> {
        if tick.0 <= 0 {
            return Ok(self);
        }
        decimal::to_multiple(i128::from(self.0), i128::from(tick.0), rounding)
            .and_then(|units| i64::try_from(units).ok())
            .map(Self)
            .ok_or(AmountError::Overflow)
    }

    /// How far this price is from `reference`, as a share of `reference`, never negative, rounded up.
    ///
    /// # Errors
    ///
    /// [`AmountError::DivisionByZero`] when `reference` is zero, or [`AmountError::Overflow`].
    pub fn distance(self, reference: Self) -> Result<Rate, AmountError> {
        let gap = (i128::from(self.0) - i128::from(reference.0)).abs();
        Rate::ratio(gap, i128::from(reference.0), Rounding::Up)
    }
}

impl Qty {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Decimal places that are kept.
    pub const SCALE: u32 = 8;

    /// A quantity of `units` x 10^-8.
    #[must_use]
    pub const fn from_units(units: i128) -> Self {
        Self(units)
    }

    /// The count of 10^-8.
    #[must_use]
    pub const fn units(self) -> i128 {
        self.0
    }

    /// Whether this is exactly nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether this is more than nothing.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// The quantity without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// The opposite quantity.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self(-self.0)
    }

    /// This quantity plus another.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`].
    pub fn plus(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_add(other.0).map(Self).ok_or(AmountError::Overflow)
    }

    /// This quantity minus another.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`].
    pub fn minus(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_sub(other.0).map(Self).ok_or(AmountError::Overflow)
    }

    /// This quantity at a whole multiple of `lot`; unchanged when `lot` is zero.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`].
    pub fn to_lot(self, lot: Self, rounding: Rounding) -> Result<Self, AmountError> {
        if lot.0 <= 0 {
            return Ok(self);
        }
        decimal::to_multiple(self.0, lot.0, rounding).map(Self).ok_or(AmountError::Overflow)
    }

    /// This quantity times `share`, rounded to 10^-8.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`].
    pub fn scaled(self, share: Rate, rounding: Rounding) -> Result<Self, AmountError> {
        let product = self.0.checked_mul(i128::from(share.0)).ok_or(AmountError::Overflow)?;
        decimal::divide(product, i128::from(Rate::ONE.0), rounding).map(Self).ok_or(AmountError::Overflow)
    }
}

impl Notional {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// Decimal places that are kept.
    pub const SCALE: u32 = 16;

    /// An amount of `units` x 10^-16.
    #[must_use]
    pub const fn from_units(units: i128) -> Self {
        Self(units)
    }

    /// The count of 10^-16.
    #[must_use]
    pub const fn units(self) -> i128 {
        self.0
    }

    /// The money that `qty` of an asset is, in that asset.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`].
    pub fn of_asset(qty: Qty) -> Result<Self, AmountError> {
        qty.0.checked_mul(UNITS_PER_QTY_UNIT).map(Self).ok_or(AmountError::Overflow)
    }

    /// The quantity of an asset that this amount of the same asset is, rounded to 10^-8.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`].
    pub fn as_asset(self, rounding: Rounding) -> Result<Qty, AmountError> {
        decimal::divide(self.0, UNITS_PER_QTY_UNIT, rounding).map(Qty).ok_or(AmountError::Overflow)
    }

    /// The amount without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// The opposite amount.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self(-self.0)
    }

    /// Whether this is more than nothing.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Whether this is less than nothing.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// This amount plus another of the same asset.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`].
    pub fn plus(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_add(other.0).map(Self).ok_or(AmountError::Overflow)
    }

    /// This amount minus another of the same asset.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`].
    pub fn minus(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_sub(other.0).map(Self).ok_or(AmountError::Overflow)
    }

    /// This amount times `share`, rounded to 10^-16.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`] past 1.7 x 10^14 of the asset.
    pub fn scaled(self, share: Rate, rounding: Rounding) -> Result<Self, AmountError> {
        let product = self.0.checked_mul(i128::from(share.0)).ok_or(AmountError::Overflow)?;
        decimal::divide(product, i128::from(Rate::ONE.0), rounding).map(Self).ok_or(AmountError::Overflow)
    }

    /// How much of the base asset this money buys at `price`, rounded to 10^-8.
    ///
    /// # Errors
    ///
    /// [`AmountError::DivisionByZero`] when `price` is zero.
    pub fn over(self, price: Price, rounding: Rounding) -> Result<Qty, AmountError> {
        decimal::divide(self.0, i128::from(price.0), rounding).map(Qty).ok_or(AmountError::DivisionByZero)
    }

    /// The price at which `qty` has this value, rounded to 10^-8.
    ///
    /// # Errors
    ///
    /// [`AmountError::DivisionByZero`] when `qty` is zero, or [`AmountError::Overflow`].
    pub fn per(self, qty: Qty, rounding: Rounding) -> Result<Price, AmountError> {
        let units = decimal::divide(self.0, qty.0, rounding).ok_or(AmountError::DivisionByZero)?;
        i64::try_from(units).map(Price).map_err(|_| AmountError::Overflow)
    }

    /// This amount as a share of `whole`, rounded to 10^-8.
    ///
    /// # Errors
    ///
    /// [`AmountError::DivisionByZero`] when `whole` is zero, or [`AmountError::Overflow`].
    pub fn share_of(self, whole: Self, rounding: Rounding) -> Result<Rate, AmountError> {
        Rate::ratio(self.0, whole.0, rounding)
    }
}

impl Rate {
    /// Nothing of it.
    pub const ZERO: Self = Self(0);
    /// All of it.
    pub const ONE: Self = Self(100_000_000);
    /// Decimal places that are kept.
    pub const SCALE: u32 = 8;

    /// A share of `units` x 10^-8.
    #[must_use]
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// The count of 10^-8.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.0
    }

    /// This share plus another.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`].
    pub fn plus(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_add(other.0).map(Self).ok_or(AmountError::Overflow)
    }

    /// This share minus another.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`].
    pub fn minus(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_sub(other.0).map(Self).ok_or(AmountError::Overflow)
    }

    fn ratio(part: i128, whole: i128, rounding: Rounding) -> Result<Self, AmountError> {
        if whole == 0 {
            return Err(AmountError::DivisionByZero);
        }
        let scaled = part.checked_mul(i128::from(Self::ONE.0)).ok_or(AmountError::Overflow)?;
        let units = decimal::divide(scaled, whole, rounding).ok_or(AmountError::DivisionByZero)?;
        i64::try_from(units).map(Self).map_err(|_| AmountError::Overflow)
    }
}

macro_rules! as_decimal_text {
    ($name:ident, $inner:ty, $expecting:literal) => {
        impl FromStr for $name {
            type Err = DecimalError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let units = decimal::parse(text, Self::SCALE)?;
                <$inner>::try_from(units)
                    .map(Self)
                    .map_err(|_| DecimalError::TooLarge { text: text.chars().take(40).collect() })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                decimal::write(f, i128::from(self.0), Self::SCALE)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}

as_decimal_text!(Price, i64, "a price as decimal text, such as \"64250.10\"");
as_decimal_text!(Qty, i128, "a quantity as decimal text, such as \"0.015\"");
as_decimal_text!(Notional, i128, "an amount of money as decimal text, such as \"100.50\"");
as_decimal_text!(Rate, i64, "a share as decimal text, such as \"0.001\" for 0.1 %");

const UNITS_PER_QTY_UNIT: i128 = 100_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn qty(text: &str) -> Qty {
        text.parse().unwrap()
    }

    #[test]
    fn a_product_is_exact_to_the_last_digit() {
        let value = price("63350.88000001").times(qty("0.00157851")).unwrap();
        assert_eq!(value.to_string(), "99.9999975888157851");
    }

    #[test]
    fn a_product_that_does_not_fit_is_an_error() {
        let huge = Qty::from_units(i128::MAX / 2);
        assert_eq!(price("3").times(huge), Err(AmountError::Overflow));
    }

    #[test]
    fn money_over_price_rounds_the_way_it_is_told() {
        let stake: Notional = "100".parse().unwrap();
        assert_eq!(stake.over(price("63350.88"), Rounding::Down).unwrap(), qty("0.00157851"));
        assert_eq!(stake.over(price("63350.88"), Rounding::Up).unwrap(), qty("0.00157852"));
        assert_eq!(stake.over(Price::ZERO, Rounding::Down), Err(AmountError::DivisionByZero));
    }

    #[test]
    fn ticks_and_lots_hold_both_ways() {
        let tick = price("0.05");
        assert_eq!(price("10.07").to_tick(tick, Rounding::Down).unwrap(), price("10.05"));
        assert_eq!(price("10.07").to_tick(tick, Rounding::Up).unwrap(), price("10.1"));
        assert_eq!(price("10.07").to_tick(Price::ZERO, Rounding::Up).unwrap(), price("10.07"));
        assert_eq!(qty("1.999").to_lot(qty("0.01"), Rounding::Down).unwrap(), qty("1.99"));
    }

    #[test]
    fn distance_is_a_share_of_the_reference() {
        assert_eq!(price("95").distance(price("100")).unwrap(), "0.05".parse().unwrap());
        assert_eq!(price("105").distance(price("100")).unwrap(), "0.05".parse().unwrap());
        assert!(price("1").distance(Price::ZERO).is_err());
    }

    #[test]
    fn text_survives_json() {
        let json = serde_json::to_string(&price("0.00001234")).unwrap();
        assert_eq!(json, "\"0.00001234\"");
        assert_eq!(serde_json::from_str::<Price>(&json).unwrap(), price("0.00001234"));
        assert!(serde_json::from_str::<Price>("1.5").is_err());
    }
}
