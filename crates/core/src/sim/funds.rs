//! What an order of the simulated exchange keeps from other orders, and what it can pay for.

use tradingbot_domain::{Asset, Instrument, NewOrder, Notional, OrderKind, Price, Qty, Rate, Rounding, Side};

use super::clearing::Clearing;
use super::fees::Fees;
use super::live::Live;
use super::view::View;

/// What an order of this side pays with.
pub(super) const fn asset_of(rules: &Instrument, side: Side) -> Asset {
    match side {
        Side::Buy => rules.quote,
        Side::Sell => rules.base,
    }
}

/// What `qty` of an order may cost: base asset for a sale, value and dearest fee for a purchase. `None` when that is too
/// large to compute with.
pub(super) fn lock_of(order: &NewOrder, qty: Qty, rules: &Instrument, view: &View, fees: &Fees) -> Option<Notional> {
    let value = match (order.side, order.kind) {
        (Side::Sell, _) => return Notional::of_asset(qty).ok(),
        (Side::Buy, OrderKind::Market) => cost(qty, view)?,
        (Side::Buy, OrderKind::Limit { price, .. } | OrderKind::PostOnly { price }) => price.times(qty).ok()?,
        (Side::Buy, OrderKind::Stop { trigger }) => trigger.times(qty).ok()?,
    };
    value.plus(value.scaled(fees.rate_max(rules), Rounding::Down).ok()?).ok()
}

/// How much of what is wanted can be paid at `price`, with what the order has locked and what is free besides.
pub(super) fn affordable(wanted: Qty, price: Price, live: &Live, rules: &Instrument, clearing: &Clearing) -> Qty {
    let rate = clearing.fees.rate_max(rules);
    let Ok(funds) = clearing.account.free(rules.quote).plus(live.lock) else { return wanted };
    let cost = |qty| {
        let value = price.times(qty)?;
        value.plus(value.scaled(rate, Rounding::Down)?)
    };
    if cost(wanted).is_ok_and(|cost| cost <= funds) {
        return wanted;
    }
    let dearest = Rate::ONE.plus(rate).and_then(|rate| price.scaled(rate, Rounding::Up));
    let qty = dearest.and_then(|price| funds.over(price, Rounding::Down)?.to_lot(rules.lot, Rounding::Down));
    qty.map_or(Qty::ZERO, |qty| qty.min(wanted))
}

/// What buying `qty` from the known book costs; beyond it, at its last level.
fn cost(qty: Qty, view: &View) -> Option<Notional> {
    let (mut left, mut value, mut last) = (qty, Notional::ZERO, Price::ZERO);
    for (price, offered) in view.offers(Side::Buy) {
        let taken = left.min(offered);
        (left, last) = (left.minus(taken).ok()?, price);
        value = value.plus(price.times(taken).ok()?).ok()?;
        if left.is_zero() {
            break;
        }
    }
    value.plus(last.times(left).ok()?).ok()
}
