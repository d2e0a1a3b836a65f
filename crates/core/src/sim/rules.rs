//! What the exchange refuses before an order reaches its book, in the exchange's words.

use tradingbot_domain::{Instrument, NewOrder, OrderKind, Price, Qty, Rate, Rounding};

/// Why the exchange refuses this order, by its filters alone; `None` when it does not.
///
/// `last` is the last trade price, `distance_max` how far a price may be from it, as a share of it.
pub(super) fn refusal(
    order: &NewOrder,
    rules: &Instrument,
    last: Option<Price>,
    distance_max: Rate,
) -> Option<&'static str> {
    let named = match order.kind {
        OrderKind::Market => None,
        OrderKind::Limit { price, .. } | OrderKind::PostOnly { price } | OrderKind::Stop { trigger: price } => {
            Some(price)
        }
    };
    if !order.qty.is_positive() || named.is_some_and(|price| price <= Price::ZERO) {
        return Some(ZERO);
    }
    if named.is_some_and(|price| price.to_tick(rules.tick, Rounding::Down) != Ok(price)) {
        return Some(PRICE_FILTER);
    }
    if order.qty > QTY_MAX || rules.fit_qty(order.qty) != Ok(order.qty) {
        return Some(LOT_SIZE);
    }
    if let (Some(price), Some(last)) = (named, last)
        && price.distance(last).map_or(true, |distance| distance > distance_max)
    {
        return Some(PERCENT_PRICE);
    }
    let value = named.or(last).map(|price| price.times(order.qty));
    match value {
        Some(Ok(value)) if value < rules.notional_min => Some(NOTIONAL),
        Some(Err(_)) => Some(NOTIONAL),
        Some(Ok(_)) | None => None,
    }
}

pub(super) const ZERO: &str = "Price * QTY is zero or less.";
pub(super) const PRICE_FILTER: &str = "Filter failure: PRICE_FILTER";
pub(super) const LOT_SIZE: &str = "Filter failure: LOT_SIZE";
pub(super) const PERCENT_PRICE: &str = "Filter failure: PERCENT_PRICE_BY_SIDE";
pub(super) const NOTIONAL: &str = "Filter failure: NOTIONAL";
pub(super) const MAX_NUM_ORDERS: &str = "Filter failure: MAX_NUM_ORDERS";
pub(super) const BAD_SYMBOL: &str = "Invalid symbol.";
pub(super) const DUPLICATE: &str = "Duplicate order sent.";
pub(super) const INSUFFICIENT: &str = "Account has insufficient balance for requested action.";
pub(super) const WOULD_TAKE: &str = "Order would immediately match and take.";
pub(super) const WOULD_TRIGGER: &str = "Order would trigger immediately.";
pub(super) const UNKNOWN_ORDER: &str = "Unknown order sent.";
pub(super) const OVERLOADED: &str =
    "Server is currently overloaded with other requests. Please try again in a few minutes.";
pub(super) const NO_LIQUIDITY: &str = "INSUFFICIENT_LIQUIDITY";
pub(super) const IOC_REST: &str = "UNFILLED_IOC_QUANTITY_EXPIRED";
pub(super) const FOK_UNFILLED: &str = "UNFILLED_FOK_ORDER_EXPIRED";
pub(super) const RESTARTED: &str = "the simulated exchange was restarted, and its orders ended with it";
pub(super) const TOO_LARGE: &str = "EXCHANGE_CANCELED";

/// Ten thousand million of the base asset: more is refused even where the exchange sets no bound, so that every value
/// can be computed.
const QTY_MAX: Qty = Qty::from_units(1_000_000_000_000_000_000);

#[cfg(test)]
mod tests {
    use super::*;
    use tradingbot_domain::{ClientOrderId, Purpose, RunId, Seq, Side, TimeInForce};

    fn rules() -> Instrument {
        let (symbol, base, quote) = ("BTCUSDT".parse().unwrap(), "BTC".parse().unwrap(), "USDT".parse().unwrap());
        Instrument {
            tick: "0.1".parse().unwrap(),
            lot: "0.001".parse().unwrap(),
            qty_min: "0.002".parse().unwrap(),
            qty_max: "100".parse().unwrap(),
            notional_min: "5".parse().unwrap(),
            ..Instrument::plain(symbol, base, quote, Rate::ZERO)
        }
    }

    fn judge(qty: &str, price: Option<&str>) -> Option<&'static str> {
        let kind = price.map_or(OrderKind::Market, |price| OrderKind::Limit {
            price: price.parse().unwrap(),
            time_in_force: TimeInForce::GoodTillCancelled,
        });
        let order = NewOrder {
            id: ClientOrderId::derive(RunId(1), Seq(1), 0),
            strategy: "s".parse().unwrap(),
            symbol: "BTCUSDT".parse().unwrap(),
            side: Side::Buy,
            qty: qty.parse().unwrap(),
            kind,
            purpose: Purpose::Enter,
        };
        refusal(&order, &rules(), Some("1000".parse().unwrap()), "0.5".parse().unwrap())
    }

    #[test]
    fn each_filter_refuses_at_its_edge_in_the_exchanges_words() {
        assert_eq!(judge("0.005", Some("1000.1")), None);
        assert_eq!(judge("0", Some("1000")), Some(ZERO));
        assert_eq!(judge("1", Some("-1")), Some(ZERO));
        assert_eq!(judge("1", Some("1000.11")), Some(PRICE_FILTER));
        assert_eq!(judge("0.0055", Some("1000")), Some(LOT_SIZE));
        assert_eq!(judge("0.001", Some("1000")), Some(LOT_SIZE));
        assert_eq!(judge("100", Some("1000")), None);
        assert_eq!(judge("100.001", Some("1000")), Some(LOT_SIZE));
        assert_eq!(judge("1", Some("1500")), None);
        assert_eq!(judge("1", Some("1500.1")), Some(PERCENT_PRICE));
        assert_eq!(judge("0.004", Some("1000")), Some(NOTIONAL));
        assert_eq!(judge("0.004", None), Some(NOTIONAL));
        assert_eq!(judge("0.005", None), None);
    }

    #[test]
    fn a_quantity_no_value_could_be_computed_of_is_refused_without_a_bound_of_the_exchange() {
        let unbounded = Instrument { qty_max: Qty::ZERO, notional_min: tradingbot_domain::Notional::ZERO, ..rules() };
        let order = NewOrder {
            id: ClientOrderId::derive(RunId(1), Seq(1), 0),
            strategy: "s".parse().unwrap(),
            symbol: unbounded.id,
            side: Side::Sell,
            qty: Qty::from_units(i128::MAX / 100_000 * 100_000),
            kind: OrderKind::Market,
            purpose: Purpose::Enter,
        };
        assert_eq!(refusal(&order, &unbounded, None, Rate::ONE), Some(LOT_SIZE));
    }
}
