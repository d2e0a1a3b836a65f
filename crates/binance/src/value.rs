//! One field of a frame: as it came, and judged.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::fault::DecodeError;
use super::levels;
use tradingbot_domain::decimal::DecimalError;
use tradingbot_domain::event::Level;
use tradingbot_domain::{Price, Qty, Symbol, Timestamp};

/// A field as it came. The methods that judge it are told the kind of event and the field's name, for the error.
#[derive(Debug, Default, PartialEq)]
pub(super) enum Value<'a> {
    /// Not there, or null.
    #[default]
    Absent,
    /// A whole number that is not negative.
    Number(u64),
    /// Text.
    Text(Cow<'a, str>),
    /// True or false.
    Flag(bool),
    /// Price levels.
    Levels(Vec<Level>),
    /// Something else, in words.
    Odd(&'static str),
}

impl Value<'_> {
    /// Whether it is there.
    pub(super) fn is_present(&self) -> bool {
        *self != Value::Absent
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A symbol.
    pub(super) fn symbol(&self, kind: &'static str, field: &'static str) -> Result<Symbol, DecodeError> {
        let Some(text) = self.text() else { return Err(self.fault(kind, field, "a symbol")) };
        text.parse().map_err(|source| DecodeError::Symbol { kind, source })
    }

    /// A whole number, be it written as text.
    pub(super) fn integer(&self, kind: &'static str, field: &'static str) -> Result<u64, DecodeError> {
        if let Self::Number(number) = self {
            return Ok(*number);
        }
        let digits = self.text().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|text| text.parse().ok()).ok_or_else(|| self.fault(kind, field, "a whole number"))
    }

    /// An instant, in whichever unit.
    pub(super) fn time(&self, kind: &'static str, field: &'static str) -> Result<Timestamp, DecodeError> {
        let number = self.integer(kind, field)?;
        let time = i64::try_from(number).ok().and_then(Timestamp::from_exchange);
        time.ok_or_else(|| DecodeError::Impossible { kind, field, found: number.to_string() })
    }

    /// A price, zero or more.
    pub(super) fn price(&self, kind: &'static str, field: &'static str) -> Result<Price, DecodeError> {
        self.amount(kind, field, Price::ZERO)
    }

    /// A quantity, zero or more.
    pub(super) fn qty(&self, kind: &'static str, field: &'static str) -> Result<Qty, DecodeError> {
        self.amount(kind, field, Qty::ZERO)
    }

    /// True or false.
    pub(super) fn flag(&self, kind: &'static str, field: &'static str) -> Result<bool, DecodeError> {
        if let Self::Flag(flag) = self { Ok(*flag) } else { Err(self.fault(kind, field, "true or false")) }
    }

    /// Price levels, which are moved out.
    pub(super) fn levels(&mut self, kind: &'static str, field: &'static str) -> Result<Vec<Level>, DecodeError> {
        if let Self::Levels(levels) = self {
            Ok(std::mem::take(levels))
        } else {
            Err(self.fault(kind, field, "a list of levels"))
        }
    }

    fn amount<T>(&self, kind: &'static str, field: &'static str, least: T) -> Result<T, DecodeError>
    where
        T: FromStr<Err = DecimalError> + PartialOrd + fmt::Display,
    {
        let Some(text) = self.text() else { return Err(self.fault(kind, field, "decimal text such as \"12.5\"")) };
        let amount: T = text.parse().map_err(|source| DecodeError::Amount { kind, field, source })?;
        if amount < least {
            return Err(DecodeError::Impossible { kind, field, found: amount.to_string() });
        }
        Ok(amount)
    }

    /// The error for a field that is not there or not what it should be.
    pub(super) fn fault(&self, kind: &'static str, field: &'static str, expected: &'static str) -> DecodeError {
        if self.is_present() {
            DecodeError::Type { kind, field, found: self.to_string(), expected }
        } else {
            DecodeError::Missing { kind, field }
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("nothing"),
            Self::Number(number) => write!(f, "the number {number}"),
            Self::Text(text) => write!(f, "the text {:?}", text.chars().take(EXCERPT_CHARS_MAX).collect::<String>()),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Levels(levels) => write!(f, "a list of {}", levels.len()),
            Self::Odd(what) => f.write_str(what),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any { levels: None })
    }
}

/// Takes any value; a list only as price levels of `levels`, and only where there may be some.
pub(super) struct Any {
    /// Which side, where there may be levels.
    pub(super) levels: Option<&'static str>,
}

impl<'de> DeserializeSeed<'de> for Any {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value<'de>, E> {
        Ok(u64::try_from(number).map_or(Value::Odd("a negative number"), Value::Number))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Value<'de>, E> {
        Ok(Value::Odd("a number with a fraction or an exponent"))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value<'de>, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Value<'de>, A::Error> {
        if let Some(side) = self.levels {
            return levels::read(side, array).map(Value::Levels);
        }
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Odd("a list"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Odd("an object"))
    }
}

const EXCERPT_CHARS_MAX: usize = 40;
