//! Decimals written out to a fixed width, as the exchange writes them.

use std::fmt;

/// A decimal number with at least so many places; more where it has them, so nothing is lost.
#[derive(Debug, Clone, Copy)]
pub struct Padded<T>(pub T, pub usize);

impl<T: fmt::Display> fmt::Display for Padded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, places) = self;
        let text = number.to_string();
        let has = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        f.write_str(&text)?;
        if has == 0 && *places > 0 {
            f.write_str(".")?;
        }
        for _ in has..*places {
            f.write_str("0")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Price;

    #[test]
    fn numbers_are_filled_up_and_never_cut() {
        let price = |text: &str| text.parse::<Price>().unwrap();
        assert_eq!(Padded(price("63943.9"), 2).to_string(), "63943.90");
        assert_eq!(Padded(price("63943"), 2).to_string(), "63943.00");
        assert_eq!(Padded(price("63943"), 0).to_string(), "63943");
        assert_eq!(Padded(price("0.00000129"), 2).to_string(), "0.00000129");
    }
}
