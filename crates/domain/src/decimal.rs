//! Decimal text to whole numbers and back, exactly: digits that do not fit are an error, never a rounding.

use std::fmt;

use thiserror::Error;

/// Reads plain decimal text (`-12.5`, no exponent, no separators) as a count of 10^-`scale`.
///
/// # Errors
///
/// [`DecimalError`] when the text is not a plain decimal, has non-zero digits past `scale`, or does not fit.
pub fn parse(text: &str, scale: u32) -> Result<i128, DecimalError> {
    match parse_short(text.as_bytes(), scale) {
        Some(units) => Ok(units),
        None => parse_long(text, scale),
    }
}

/// The common case, quickly: few enough digits for a machine word, no sign. `None` leaves the text to [`parse_long`].
fn parse_short(text: &[u8], scale: u32) -> Option<i128> {
    if text.len() > SHORT_BYTES_MAX {
        return None;
    }
    let mut units: u64 = 0;
    let mut after_point = None;
    for (index, &byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            units = units.wrapping_mul(10).wrapping_add(u64::from(digit));
        } else if byte == b'.' && after_point.is_none() && index > 0 {
            after_point = Some(index + 1);
        } else {
            return None;
        }
    }
    let places = text.len() - after_point.unwrap_or(text.len());
    if text.is_empty() || (after_point.is_some() && places == 0) {
        return None;
    }
    let shift = usize::try_from(scale).ok()?.checked_sub(places)?;
    Some(i128::from(units) * i128::from(*POWERS_OF_TEN.get(shift)?))
}

fn parse_long(text: &str, scale: u32) -> Result<i128, DecimalError> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut units: i128 = 0;
    let mut places: Option<u32> = None;
    let mut seen = false;
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                seen = true;
                if let Some(used) = places.as_mut() {
                    if *used == scale {
                        if byte != b'0' {
                            return Err(DecimalError::TooFine { text: excerpt(text), scale });
                        }
                        continue;
                    }
                    *used += 1;
                }
                units = units
                    .checked_mul(10)
                    .and_then(|shifted| shifted.checked_add(i128::from(byte - b'0')))
                    .ok_or_else(|| DecimalError::TooLarge { text: excerpt(text) })?;
            }
            b'.' if places.is_none() && seen => places = Some(0),
            _ => {
                return Err(DecimalError::NotPlain { text: excerpt(text) });
            }
        }
    }
    if !seen || digits.last() == Some(&b'.') {
        return Err(DecimalError::NotPlain { text: excerpt(text) });
    }
    let shift = scale - places.unwrap_or(0);
    units = 10_i128
        .checked_pow(shift)
        .and_then(|factor| units.checked_mul(factor))
        .ok_or_else(|| DecimalError::TooLarge { text: excerpt(text) })?;
    Ok(if negative { -units } else { units })
}

/// Writes a count of 10^-`scale` as the shortest plain decimal: no exponent, no trailing zeros.
pub fn write(out: &mut impl fmt::Write, units: i128, scale: u32) -> fmt::Result {
    let magnitude = units.unsigned_abs();
    let unit = 10_u128.pow(scale);
    if units < 0 {
        out.write_char('-')?;
    }
    write!(out, "{}", magnitude / unit)?;
    let mut fraction = magnitude % unit;
    if fraction != 0 {
        let mut width = usize::try_from(scale).expect("a scale is a small number");
        while fraction.is_multiple_of(10) {
            fraction /= 10;
            width -= 1;
        }
        write!(out, ".{fraction:0width$}")?;
    }
    Ok(())
}

/// Where a value between two steps goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Towards negative infinity.
    Down,
    /// Towards positive infinity.
    Up,
    /// To the closer step; a tie goes away from zero.
    Nearest,
}

/// Rounds `units` to a whole multiple of `step`, which must be positive; `None` when the result does not fit.
pub fn to_multiple(units: i128, step: i128, rounding: Rounding) -> Option<i128> {
    let rest = units.rem_euclid(step);
    if rest == 0 {
        return Some(units);
    }
    let below = units.checked_sub(rest)?;
    let above = below.checked_add(step);
    match rounding {
        Rounding::Down => Some(below),
        Rounding::Up => above,
        Rounding::Nearest if rest > step - rest || (rest == step - rest && units > 0) => above,
        Rounding::Nearest => Some(below),
    }
}

/// Divides and rounds the quotient; `None` on division by zero or overflow.
pub fn divide(numerator: i128, denominator: i128, rounding: Rounding) -> Option<i128> {
    let (numerator, denominator) =
        if denominator < 0 { (numerator.checked_neg()?, denominator.checked_neg()?) } else { (numerator, denominator) };
    if denominator == 0 {
        return None;
    }
    let floor = numerator.div_euclid(denominator);
    let rest = numerator.rem_euclid(denominator);
    let up = match rounding {
        Rounding::Down => false,
        Rounding::Up => rest > 0,
        Rounding::Nearest => rest > denominator - rest || (rest == denominator - rest && numerator > 0),
    };
    if up { floor.checked_add(1) } else { Some(floor) }
}

/// Decimal text that cannot be taken exactly.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecimalError {
    /// Not digits with at most one point between them.
    #[error("\"{text}\" is not a plain decimal number such as 12.5")]
    NotPlain {
        /// The text, shortened.
        text: String,
    },
    /// More decimal places than the value can hold.
    #[error("\"{text}\" has more than {scale} decimal places")]
    TooFine {
        /// The text, shortened.
        text: String,
        /// Decimal places that can be held.
        scale: u32,
    },
    /// Too many digits.
    #[error("\"{text}\" is too large")]
    TooLarge {
        /// The text, shortened.
        text: String,
    },
}

fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT_CHARS_MAX).collect()
}

const EXCERPT_CHARS_MAX: usize = 40;

/// So many digits never overflow an `u64`.
const SHORT_BYTES_MAX: usize = 19;

const POWERS_OF_TEN: [u64; 17] = {
    let mut powers = [1; 17];
    let mut index = 1;
    while index < powers.len() {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(units: i128, scale: u32) -> String {
        let mut text = String::new();
        write(&mut text, units, scale).unwrap();
        text
    }

    #[test]
    fn plain_decimals_are_read_exactly() {
        assert_eq!(parse("64250.10000000", 8), Ok(6_425_010_000_000));
        assert_eq!(parse("-0.00000001", 8), Ok(-1));
        assert_eq!(parse("7", 0), Ok(7));
        assert_eq!(parse("1.2300000000000", 8), Ok(123_000_000));
    }

    #[test]
    fn anything_else_is_an_error() {
        for text in ["", "-", ".", "1.", ".5", "1e4", "1,000", "+1", " 1", "0x10", "1.2.3", "NaN", "١"] {
            assert!(matches!(parse(text, 8), Err(DecimalError::NotPlain { .. })), "{text}");
        }
        assert!(matches!(parse("0.000000001", 8), Err(DecimalError::TooFine { .. })));
        assert!(matches!(parse(&"9".repeat(40), 8), Err(DecimalError::TooLarge { .. })));
        assert!(matches!(parse(&"9".repeat(35), 8), Err(DecimalError::TooLarge { .. })));
    }

    #[test]
    fn short_texts_are_read_as_long_ones_are() {
        let digits = ["", "0", "7", "00", "12", "0123456789", "999999999", "9999999999999999999"];
        for sign in ["", "-", "+"] {
            for whole in digits {
                for point in ["", ".", ".."] {
                    for fraction in digits {
                        let text = format!("{sign}{whole}{point}{fraction}");
                        for scale in [0, 2, 8, 16, 20] {
                            assert_eq!(parse(&text, scale), parse_long(&text, scale), "{text} at {scale}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn writing_drops_trailing_zeros_only() {
        assert_eq!(shown(6_425_010_000_000, 8), "64250.1");
        assert_eq!(shown(-1, 8), "-0.00000001");
        assert_eq!(shown(0, 8), "0");
        assert_eq!(shown(10_000_000_000, 8), "100");
        assert_eq!(shown(i128::MIN, 16), "-17014118346046923173168.7303715884105728");
    }

    #[test]
    fn rounding_goes_where_it_says_on_both_sides_of_zero() {
        assert_eq!(to_multiple(17, 5, Rounding::Down), Some(15));
        assert_eq!(to_multiple(17, 5, Rounding::Up), Some(20));
        assert_eq!(to_multiple(-17, 5, Rounding::Down), Some(-20));
        assert_eq!(to_multiple(-17, 5, Rounding::Up), Some(-15));
        assert_eq!(to_multiple(15, 10, Rounding::Nearest), Some(20));
        assert_eq!(to_multiple(-15, 10, Rounding::Nearest), Some(-20));
        assert_eq!(divide(7, 2, Rounding::Down), Some(3));
        assert_eq!(divide(-7, 2, Rounding::Down), Some(-4));
        assert_eq!(divide(-7, -2, Rounding::Up), Some(4));
        assert_eq!(divide(5, 2, Rounding::Nearest), Some(3));
        assert_eq!(divide(-5, 2, Rounding::Nearest), Some(-3));
        assert_eq!(divide(1, 0, Rounding::Up), None);
    }
}
