//! Of what size an entry is, and at what price.

use crate::strategy::{StrategySettings, stake};
use tradingbot_domain::{AmountError, EntryStyle, Instrument, Notional, OrderKind, Price, Qty, Rate, Rounding, Sizing};

use super::EntryTooSmall;
use super::markets::Market;

/// What there is for an entry, in the quote asset.
#[derive(Debug, Clone, Copy)]
pub struct Funds {
    /// What the account is worth.
    pub equity: Notional,
    /// Cash that no open entry will ask for.
    pub free: Notional,
}

/// What comes of the wish to enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryPlan {
    /// Nothing: no price is known yet, no range, or the stake cannot be afforded.
    None,
    /// It would be less than the exchange takes.
    TooSmall(EntryTooSmall),
    /// An order.
    Order {
        /// At what price.
        kind: OrderKind,
        /// How much of the base asset.
        qty: Qty,
    },
}

/// Plans an entry of a strategy: its stake, or what there is for it, at the price of its style. `range` is the average true
/// range as a share of the price; `affords` tells whether a fixed stake is affordable.
///
/// # Errors
///
/// [`AmountError`].
pub fn plan(
    settings: &StrategySettings,
    rules: &Instrument,
    market: &Market,
    range: Option<Rate>,
    funds: Funds,
    affords: impl FnOnce(Notional) -> Result<bool, AmountError>,
) -> Result<EntryPlan, AmountError> {
    let (kind, price) = match settings.entry {
        EntryStyle::Market => (OrderKind::Market, market.last()),
        EntryStyle::PostOnly { .. } => match market.bid() {
            Some(bid) => (OrderKind::PostOnly { price: bid }, Some(bid)),
            None => return Ok(EntryPlan::None),
        },
    };
    let Some(price) = price.filter(|price| *price > Price::ZERO) else { return Ok(EntryPlan::None) };
    let wanted = match settings.sizing {
        Sizing::Fixed { stake } if !affords(stake)? => return Ok(EntryPlan::None),
        Sizing::Fixed { stake } => stake,
        Sizing::EquityShare { share } => funds.equity.scaled(share, Rounding::Down)?,
        Sizing::VolatilityTarget { risk, share_max, .. } => match range {
            Some(range) => stake(funds.equity, risk, range, share_max)?,
            None => return Ok(EntryPlan::None),
        },
    };
    let affordable = funds.free.scaled(Rate::ONE.minus(rules.fee_taker)?, Rounding::Down)?;
    let qty = rules.fit_qty(wanted.min(affordable).over(price, Rounding::Down)?)?;
    if qty.is_positive() && price.times(qty)? >= rules.notional_min {
        return Ok(EntryPlan::Order { kind, qty });
    }
    Ok(EntryPlan::TooSmall(EntryTooSmall {
        strategy: settings.name,
        symbol: rules.id,
        stake: wanted,
        free: affordable,
        price,
        lot: rules.lot,
        qty_min: rules.qty_min,
        notional_min: rules.notional_min,
    }))
}
