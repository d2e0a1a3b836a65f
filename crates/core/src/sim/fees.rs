//! What the simulated exchange keeps of a trade: by tier of volume, in the quote asset or a third one.

use std::collections::VecDeque;

use tradingbot_domain::{
    AmountError, Asset, Fee, Instrument, InstrumentId, Liquidity, Notional, Price, Rate, Rounding, Timestamp,
};

/// How fees are reckoned. By default each instrument's own rates, paid in the quote asset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeeSettings {
    /// Rates by volume, lowest volume first; the instrument's own rates when empty.
    pub tiers: Vec<FeeTier>,
    /// What was traded in the 30 days before the start, in the quote asset.
    pub volume: Notional,
    /// A third asset that fees are paid in while there is enough of it.
    pub third: Option<ThirdAsset>,
}

/// The rates of those who have traded at least so much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeTier {
    /// Least value traded in 30 days, in the quote asset. Values of several quote assets are added as if they were one.
    pub volume_min: Notional,
    /// Fee for orders that rested, as a share of the value.
    pub maker: Rate,
    /// Fee for orders that took, as a share of the value.
    pub taker: Rate,
}

/// A third asset to pay fees in, such as `BNB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThirdAsset {
    /// The asset.
    pub asset: Asset,
    /// The symbol whose last price says what it is worth in the quote asset.
    pub symbol: InstrumentId,
    /// How much cheaper paying this way is, as a share of the fee.
    pub discount: Rate,
}

impl FeeSettings {
    /// Rates that fall with volume about as the large exchanges' spot rates do, for practice; the real ones come from
    /// the account.
    #[must_use]
    pub fn tiered() -> Self {
        let tier = |millions: i128, maker, taker| FeeTier {
            volume_min: Notional::from_units(millions * 1_000_000 * ONE_UNIT),
            maker: Rate::from_units(maker),
            taker: Rate::from_units(taker),
        };
        let tiers = vec![
            tier(0, 100_000, 100_000),
            tier(1, 90_000, 100_000),
            tier(5, 80_000, 100_000),
            tier(20, 40_000, 60_000),
            tier(100, 20_000, 40_000),
        ];
        Self { tiers, ..Self::default() }
    }
}

/// The fee schedule at work: knows what was traded and what the third asset is worth.
#[derive(Debug)]
pub(super) struct Fees {
    settings: FeeSettings,
    /// Value traded on each of the last 30 days on which something was, oldest first.
    days: VecDeque<(i64, Notional)>,
    third_price: Option<Price>,
}

impl Fees {
    pub(super) fn new(settings: FeeSettings) -> Self {
        Self { settings, days: VecDeque::new(), third_price: None }
    }

    pub(super) fn note_price(&mut self, symbol: InstrumentId, last: Price) {
        if self.settings.third.is_some_and(|third| third.symbol == symbol) && last > Price::ZERO {
            self.third_price = Some(last);
        }
    }

    /// The most that any trade can be charged, as a share of its value.
    pub(super) fn rate_max(&self, rules: &Instrument) -> Rate {
        let tiers = self.settings.tiers.iter().flat_map(|tier| [tier.maker, tier.taker]).max();
        tiers.unwrap_or(rules.fee_maker.max(rules.fee_taker)).max(Rate::ZERO)
    }

    /// What a trade of this value is charged in the quote asset, and what in the third asset where that is in use.
    pub(super) fn charges(
        &self,
        rules: &Instrument,
        liquidity: Liquidity,
        value: Notional,
    ) -> Result<(Fee, Option<Fee>), AmountError> {
        let rate = self.rate(rules, liquidity);
        let in_quote = Fee { asset: rules.quote, amount: value.scaled(rate, Rounding::Down)? };
        let (Some(third), Some(price)) = (self.settings.third, self.third_price) else {
            return Ok((in_quote, None));
        };
        let discounted = in_quote.amount.scaled(Rate::ONE.minus(third.discount)?, Rounding::Up)?;
        let amount = Notional::of_asset(discounted.over(price, Rounding::Up)?)?;
        Ok((in_quote, Some(Fee { asset: third.asset, amount })))
    }

    /// Counts a trade towards the volume of 30 days.
    pub(super) fn note_trade(&mut self, at: Timestamp, value: Notional) {
        let today = at.day();
        if self.days.is_empty() {
            self.days.push_back((today, self.settings.volume));
        }
        while self.days.front().is_some_and(|(day, _)| *day <= today - DAYS) {
            self.days.pop_front();
        }
        match self.days.back_mut() {
            Some((day, sum)) if *day == today => *sum = sum.plus(value).unwrap_or(*sum),
            Some(_) | None => self.days.push_back((today, value)),
        }
    }

    fn rate(&self, rules: &Instrument, liquidity: Liquidity) -> Rate {
        let volume = if self.days.is_empty() {
            self.settings.volume
        } else {
            self.days.iter().fold(Notional::ZERO, |sum, (_, value)| sum.plus(*value).unwrap_or(sum))
        };
        let tier = self.settings.tiers.iter().rfind(|tier| tier.volume_min <= volume).or(self.settings.tiers.first());
        let (maker, taker) = tier.map_or((rules.fee_maker, rules.fee_taker), |tier| (tier.maker, tier.taker));
        match liquidity {
            Liquidity::Maker => maker,
            Liquidity::Taker => taker,
        }
    }
}

const ONE_UNIT: i128 = 10_i128.pow(Notional::SCALE);
const DAYS: i64 = 30;

#[cfg(test)]
mod tests {
    use super::*;
    use tradingbot_domain::Span;

    fn rules() -> Instrument {
        let (symbol, base, quote) = ("BTCUSDT".parse().unwrap(), "BTC".parse().unwrap(), "USDT".parse().unwrap());
        let plain = Instrument::plain(symbol, base, quote, "0.001".parse().unwrap());
        Instrument { fee_maker: "0.0002".parse().unwrap(), ..plain }
    }

    fn money(text: &str) -> Notional {
        text.parse().unwrap()
    }

    fn charge(fees: &Fees, liquidity: Liquidity, value: &str) -> String {
        let (quote, third) = fees.charges(&rules(), liquidity, money(value)).unwrap();
        let fee = third.unwrap_or(quote);
        format!("{} {}", fee.amount, fee.asset)
    }

    #[test]
    fn without_tiers_the_instrument_says_what_maker_and_taker_pay() {
        let fees = Fees::new(FeeSettings::default());
        assert_eq!(charge(&fees, Liquidity::Taker, "1234.5"), "1.2345 USDT");
        assert_eq!(charge(&fees, Liquidity::Maker, "1000"), "0.2 USDT");
        assert_eq!(fees.rate_max(&rules()), "0.001".parse().unwrap());
    }

    #[test]
    fn a_tier_is_reached_by_trading_and_lost_after_thirty_days() {
        let mut fees = Fees::new(FeeSettings { volume: money("900000"), ..FeeSettings::tiered() });
        let start = Timestamp::ZERO;
        assert_eq!(charge(&fees, Liquidity::Maker, "100"), "0.1 USDT");
        fees.note_trade(start, money("100000"));
        assert_eq!(charge(&fees, Liquidity::Maker, "100"), "0.09 USDT");
        fees.note_trade(start.plus(Span::from_secs(29 * 86_400)), money("1"));
        assert_eq!(charge(&fees, Liquidity::Maker, "100"), "0.09 USDT");
        fees.note_trade(start.plus(Span::from_secs(30 * 86_400)), money("1"));
        assert_eq!(charge(&fees, Liquidity::Maker, "100"), "0.1 USDT");
    }

    #[test]
    fn a_third_asset_is_charged_at_a_discount_once_its_price_is_known() {
        let (asset, symbol) = ("BNB".parse().unwrap(), "BNBUSDT".parse().unwrap());
        let third = ThirdAsset { asset, symbol, discount: "0.25".parse().unwrap() };
        let mut fees = Fees::new(FeeSettings { third: Some(third), ..FeeSettings::default() });
        assert_eq!(charge(&fees, Liquidity::Taker, "1000"), "1 USDT");
        fees.note_price("ETHUSDT".parse().unwrap(), "3000".parse().unwrap());
        assert_eq!(charge(&fees, Liquidity::Taker, "1000"), "1 USDT");
        fees.note_price(symbol, "600".parse().unwrap());
        assert_eq!(charge(&fees, Liquidity::Taker, "1000"), "0.00125 BNB");
    }
}
