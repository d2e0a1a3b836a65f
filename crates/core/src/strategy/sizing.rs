//! How far prices move of late, for the size of an entry.

use tradingbot_domain::{AmountError, Candle, Notional, Price, Qty, Rate, Rounding};

/// Average true range after Wilder over `period` candles, as a share of the last close. Kept in whole units so that
/// sizes are the same on every machine.
#[derive(Debug, Clone)]
pub struct RangeShare {
    period: i128,
    seen: i128,
    average: i128,
    close: Option<Price>,
}

impl RangeShare {
    /// An average over `period` candles, at least one.
    #[must_use]
    pub fn new(period: u32) -> Self {
        Self { period: i128::from(period.max(1)), seen: 0, average: 0, close: None }
    }

    /// Takes in a closed candle.
    pub fn update(&mut self, candle: &Candle) {
        if let Some(close) = self.close {
            let range = candle.high.max(close).units() - candle.low.min(close).units();
            let range = i128::from(range) * PRECISION;
            if self.seen < self.period {
                self.average += range;
                self.seen += 1;
                if self.seen == self.period {
                    self.average /= self.period;
                }
            } else {
                self.average = (self.average * (self.period - 1) + range) / self.period;
            }
        }
        self.close = Some(candle.close);
    }

    /// The share; `None` until `period` ranges are known, or when prices have not moved at all.
    #[must_use]
    pub fn share(&self) -> Option<Rate> {
        let close = self.close.filter(|close| self.seen == self.period && close.units() > 0)?;
        let whole = Notional::from_units(i128::from(close.units()) * PRECISION);
        Notional::from_units(self.average).share_of(whole, Rounding::Nearest).ok().filter(|share| share.units() > 0)
    }
}

/// The value of an entry that would win or lose `risk` of `equity` on one average range, at most `share_max` of it.
///
/// # Errors
///
/// [`AmountError`].
pub fn stake(equity: Notional, risk: Rate, range: Rate, share_max: Rate) -> Result<Notional, AmountError> {
    let most = equity.scaled(share_max, Rounding::Down)?;
    let aimed = equity.scaled(risk, Rounding::Down)?;
    let units = Qty::from_units(i128::from(Rate::ONE.units()));
    let wanted = aimed.units().checked_mul(units.units()).ok_or(AmountError::Overflow)? / i128::from(range.units());
    Ok(Notional::from_units(wanted).min(most))
}

const PRECISION: i128 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use tradingbot_domain::Timestamp;

    #[test]
    fn a_steady_range_is_its_share_of_the_close() {
        let mut range = RangeShare::new(3);
        let mut candle = Candle::flat(Timestamp::ZERO, "100".parse().unwrap());
        (candle.high, candle.low) = ("101".parse().unwrap(), "99".parse().unwrap());
        for _ in 0..3 {
            range.update(&candle);
            assert_eq!(range.share(), None);
        }
        range.update(&candle);
        assert_eq!(range.share(), Some("0.02".parse().unwrap()));
    }

    #[test]
    fn the_more_it_moves_the_less_is_staked() {
        let rate = |text: &str| text.parse::<Rate>().unwrap();
        let stake =
            |range| stake("10000".parse().unwrap(), rate("0.01"), rate(range), rate("0.5")).unwrap().to_string();
        assert_eq!(stake("0.05"), "2000");
        assert_eq!(stake("0.1"), "1000");
        assert_eq!(stake("0.001"), "5000");
    }
}
