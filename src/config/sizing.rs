//! How much an entry is worth, and whether it will pass limits and filters.

use super::key::keys;
use super::reader::Reader;
use super::strategy::parameters;
use super::words::words;
use crate::domain::{Instrument, InstrumentId, Limits, Market, Notional, Rate, Rounding, Sizing};

/// The way an entry is sized, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizingKind {
    /// [`Sizing::Fixed`].
    Fixed,
    /// [`Sizing::EquityShare`].
    EquityShare,
    /// [`Sizing::VolatilityTarget`].
    VolatilityTarget,
}

words!(SizingKind {
    Fixed = "fixed",
    EquityShare = "equity-share",
    VolatilityTarget = "volatility-target",
});

keys! {
    /// How much an entry is worth.
    pub struct RawSizing {
        /// `"fixed"`: the same stake each time. `"equity-share"`: a share of the account's equity at the time of entry.
        /// `"volatility-target"`: the more the price moves, the less: equity times `risk` over the average true range
        /// as a share of the close.
        by: SizingKind, required("\"fixed\"");
        /// For `fixed`: what an entry is worth.
        stake: Notional, absent("must be written for `fixed`"), unit("quote asset"), within("'0.01'", "'1000000000'");
        /// For `equity-share`: what share an entry is worth.
        share: Rate, absent("must be written for `equity-share`"), unit("share of equity"), within("'0.0001'", "'1'");
        /// For `volatility-target`: what a move of one average true range should win or lose.
        risk: Rate, absent("must be written for `volatility-target`"), unit("share of equity"),
            within("'0.0001'", "'0.5'");
        /// For `volatility-target`: period of the average true range.
        period: u32, absent("must be written for `volatility-target`"), unit("candles"), within("1", "5000");
        /// For `volatility-target`: the most an entry is worth.
        share_max: Rate, absent("must be written for `volatility-target`"), unit("share of equity"),
            within("'0.0001'", "'1'");
    }
}

/// What a strategy is checked against.
#[derive(Debug)]
pub(super) struct Surroundings {
    pub(super) market: Market,
    pub(super) limits: Limits,
    pub(super) balance: Notional,
    pub(super) instruments: Vec<Instrument>,
}

impl RawSizing {
    /// The sizing, if it makes sense for an entry in any of `symbols`.
    pub(super) fn check(
        &self,
        path: &str,
        symbols: &[InstrumentId],
        around: Option<&Surroundings>,
        reader: &mut Reader<'_>,
    ) -> Option<Sizing> {
        let used: &[&str] = match self.by? {
            SizingKind::Fixed => &["stake"],
            SizingKind::EquityShare => &["share"],
            SizingKind::VolatilityTarget => &["risk", "period", "share-max"],
        };
        parameters(path, "by", used, &["stake", "share", "risk", "period", "share-max"], reader);
        let (checked, largest, key) = match self.by? {
            SizingKind::Fixed => {
                let stake = self.stake?;
                (Sizing::Fixed { stake }, around.map(|_| stake), "stake")
            }
            SizingKind::EquityShare => {
                let share = self.share?;
                (Sizing::EquityShare { share }, around.and_then(|around| part(around.balance, share)), "share")
            }
            SizingKind::VolatilityTarget => {
                let (risk, period, share_max) = (self.risk?, self.period?, self.share_max?);
                let largest = around.and_then(|around| part(around.balance, share_max));
                (Sizing::VolatilityTarget { risk, period, share_max }, largest, "share-max")
            }
        };
        if let (Some(around), Some(largest)) = (around, largest) {
            around.judge(&format!("{path}.{key}"), largest, symbols, reader);
        }
        Some(checked)
    }
}

impl Surroundings {
    /// Checks what an entry is worth at most against the limits and the exchange's rules.
    fn judge(&self, key: &str, stake: Notional, symbols: &[InstrumentId], reader: &mut Reader<'_>) {
        let max = self.limits.order_notional_max;
        if stake > max {
            let what = format!(
                "does not fit: an entry of {stake} would be refused by risk.order-notional-max, {max}; lower the one or \
                 raise the other"
            );
            reader.conflict(&[key, "risk.order-notional-max", "account.balance"], &what);
        }
        let refusing = self
            .instruments
            .iter()
            .find(|instrument| symbols.contains(&instrument.id) && stake < instrument.notional_min);
        if let Some(instrument) = refusing {
            let what = format!(
                "does not fit: an entry of {stake} is under the least order of {}, {}; raise it",
                instrument.id, instrument.notional_min
            );
            reader.conflict(&[key], &what);
        }
    }
}

fn part(balance: Notional, share: Rate) -> Option<Notional> {
    balance.scaled(share, Rounding::Up).ok()
}
