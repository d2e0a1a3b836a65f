//! What a fill changes in an account.

use tradingbot_domain::{AmountError, Asset, Fill, Instrument, Notional, Qty, Rounding, Side};

/// What a fill changes in the account, each by how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// The base asset.
    pub base: Qty,
    /// The quote asset.
    pub quote: Notional,
    /// A third asset that the fee was paid in.
    pub third: Option<(Asset, Notional)>,
}

impl Flow {
    /// What `fill` changes.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn of(fill: &Fill, rules: &Instrument) -> Result<Self, AmountError> {
        let value = fill.value()?;
        let mut flow = match fill.side {
            Side::Buy => Self { base: fill.qty, quote: value.negated(), third: None },
            Side::Sell => Self { base: fill.qty.negated(), quote: value, third: None },
        };
        if fill.fee.asset == rules.quote {
            flow.quote = flow.quote.minus(fill.fee.amount)?;
        } else if fill.fee.asset == rules.base {
            flow.base = flow.base.minus(fill.fee.amount.as_asset(Rounding::Up)?)?;
        } else {
            flow.third = Some((fill.fee.asset, fill.fee.amount));
        }
        Ok(flow)
    }
}
