//! Fields of a line: digits straight from bytes to whole numbers, exactly.

use memchr::memchr_iter;

use super::error::{FieldFault, LineFault, shorten};
use crate::domain::decimal::{self, DecimalError};
use crate::domain::{Notional, Price, Qty, Timestamp};

/// Splits a line at its commas into up to `N` fields; says how many there are.
pub(super) fn split<const N: usize>(line: &[u8]) -> ([&[u8]; N], usize) {
    let mut fields: [&[u8]; N] = [&[]; N];
    let mut count = 0;
    let mut from = 0;
    for to in memchr_iter(b',', line).chain([line.len()]) {
        if let Some(field) = fields.get_mut(count) {
            *field = line.get(from..to).expect("commas lie inside the line");
        }
        count += 1;
        from = to + 1;
    }
    (fields, count)
}

/// A price, which is more than zero.
pub(super) fn price(name: &'static str, text: &[u8]) -> Result<Price, LineFault> {
    let units = amount(name, text, Price::SCALE)?;
    if units == 0 {
        return Err(bad(name, text, FieldFault::Zero));
    }
    i64::try_from(units).map(Price::from_units).map_err(|_| bad(name, text, FieldFault::TooLarge))
}

/// A quantity of the base asset, zero or more.
pub(super) fn qty(name: &'static str, text: &[u8]) -> Result<Qty, LineFault> {
    amount(name, text, Qty::SCALE).map(Qty::from_units)
}

/// An amount of the quote asset, zero or more.
pub(super) fn notional(name: &'static str, text: &[u8]) -> Result<Notional, LineFault> {
    amount(name, text, Notional::SCALE).map(Notional::from_units)
}

/// A whole number, zero or more.
pub(super) fn count(name: &'static str, text: &[u8]) -> Result<u64, LineFault> {
    whole(text).ok_or_else(|| bad(name, text, FieldFault::NotWhole))
}

/// A time since 1970 in milli-, micro- or nanoseconds, which shows by its size.
pub(super) fn time(name: &'static str, text: &[u8]) -> Result<Timestamp, LineFault> {
    let number = whole(text).and_then(|number| i64::try_from(number).ok());
    number
        .filter(|number| *number >= TIME_MIN)
        .and_then(Timestamp::from_exchange)
        .ok_or_else(|| bad(name, text, FieldFault::NotTime))
}

/// `true` or `false`, whatever the case.
pub(super) fn flag(name: &'static str, text: &[u8]) -> Result<bool, LineFault> {
    is_flag(text).ok_or_else(|| bad(name, text, FieldFault::NotFlag))
}

/// What a flag says; `None` when it is not one.
pub(super) fn is_flag(text: &[u8]) -> Option<bool> {
    if text.eq_ignore_ascii_case(b"true") {
        Some(true)
    } else if text.eq_ignore_ascii_case(b"false") {
        Some(false)
    } else {
        None
    }
}

fn amount(name: &'static str, text: &[u8], scale: u32) -> Result<i128, LineFault> {
    let units = std::str::from_utf8(text).map_err(|_| FieldFault::NotPlain).and_then(|text| {
        decimal::parse(text, scale).map_err(|error| match error {
            DecimalError::NotPlain { .. } => FieldFault::NotPlain,
            DecimalError::TooFine { scale, .. } => FieldFault::TooFine { scale },
            DecimalError::TooLarge { .. } => FieldFault::TooLarge,
        })
    });
    match units {
        Ok(units) if units >= 0 => Ok(units),
        Ok(_) => Err(bad(name, text, FieldFault::Negative)),
        Err(fault) => Err(bad(name, text, fault)),
    }
}

fn whole(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > DIGITS_MAX {
        return None;
    }
    text.iter().try_fold(0_u64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}

#[cold]
fn bad(field: &'static str, text: &[u8], fault: FieldFault) -> LineFault {
    LineFault::Field { field, text: shorten(text), fault }
}

/// As many digits as always fit in 64 bits.
const DIGITS_MAX: usize = 19;

/// The first block of the first chain, 2009-01-03, in milliseconds: no exchange is older, no time in a finer unit is less,
/// and none in seconds is more.
const TIME_MIN: i64 = 1_230_940_800_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_taken_to_the_last_digit() {
        assert_eq!(qty("volume", b"46866196360000.00000000").unwrap().to_string(), "46866196360000");
        assert_eq!(price("open", b"0.00000129").unwrap().units(), 129);
        assert_eq!(price("open", b"1.230000000000").unwrap().to_string(), "1.23");
        assert_eq!(notional("quote_volume", b"1.0000000000000001").unwrap().units(), 10_000_000_000_000_001);
    }

    #[test]
    fn amounts_that_cannot_be_are_refused() {
        for (text, said) in [
            ("", FieldFault::NotPlain),
            ("nan", FieldFault::NotPlain),
            ("\u{0661}", FieldFault::NotPlain),
            ("0.000000001", FieldFault::TooFine { scale: 8 }),
            ("999999999999", FieldFault::TooLarge),
            ("-1", FieldFault::Negative),
            ("0.00", FieldFault::Zero),
        ] {
            let LineFault::Field { fault, .. } = price("open", text.as_bytes()).unwrap_err() else { panic!("{text}") };
            assert_eq!(fault, said, "{text}");
        }
    }

    #[test]
    fn times_have_the_unit_that_their_size_shows() {
        for text in ["1735689600000", "1735689600000000", "1735689600000000000"] {
            assert_eq!(time("time", text.as_bytes()).unwrap().to_string(), "2025-01-01T00:00:00Z");
        }
        for text in
            ["", "0", "-1", "12345", "1735689600", "1735689600.5", "99999999999999999999", "9300000000000000000"]
        {
            assert!(time("time", text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_line_splits_into_all_its_fields() {
        assert_eq!(split::<3>(b"a,,c"), ([&b"a"[..], b"", b"c"], 3));
        assert_eq!(split::<2>(b"a,b,c,").1, 4);
        assert_eq!(split::<2>(b"").1, 1);
    }
}
