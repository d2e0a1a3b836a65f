//! The limits that every order is judged by.

use super::account::Account;
use super::key::keys;
use super::market::{MarketSettings, no_repeats, of_market};
use super::reader::Reader;
use crate::domain::{InstrumentId, Limits, Notional, Rate, Span};

keys! {
    /// The limits that every order is judged by. None of them can be switched off.
    pub struct RawRisk {
        /// Symbols that may be entered. What is held of one that is taken off the list is still left.
        symbols: Vec<InstrumentId>, absent("all of `market.symbols`"), reload(true);
        /// Largest value of one order.
        order_notional_max: Notional, absent("a tenth of `account.balance`"), unit("quote asset"),
            within("'0.01'", "'1000000000'"), reload(true);
        /// Farthest a limit price may be from the last price.
        price_distance_max: Rate, default("'0.05'"), unit("share of the last price"),
            within("'0.0001'", "'1'"), reload(true);
        /// Largest value of one position, its open orders included.
        position_notional_max: Notional, absent("a fifth of `account.balance`"), unit("quote asset"),
            within("'0.01'", "'1000000000'"), reload(true);
        /// Largest value of all positions together, open orders included.
        exposure_max: Notional, absent("half of `account.balance`"), unit("quote asset"),
            within("'0.01'", "'1000000000'"), reload(true);
        /// Largest value of all positions together, open orders included, measured by what the account is worth.
        leverage_max: Rate, default("'1'"), unit("times equity"), within("'0.01'", "'125'"), reload(true);
        /// Most orders within any second. An exit counts, but is itself held back only when as many exits have gone out.
        orders_per_second: u32, default("5"), unit("orders"), within("1", "1000"), reload(true);
        /// Most orders within any minute. An exit counts, but is itself held back only when as many exits have gone out.
        orders_per_minute: u32, default("60"), unit("orders"), within("1", "10000"), reload(true);
        /// Most orders within one UTC day. Exits are counted but never held back by this one.
        orders_per_day: u32, default("2000"), unit("orders"), within("1", "200000"), reload(true);
        /// Largest loss within one UTC day; at more, no position is entered until the next.
        loss_per_day_max: Notional, absent("a fiftieth of `account.balance`"), unit("quote asset"),
            within("'0.01'", "'1000000000'"), reload(true);
        /// Farthest that equity may be under its peak; at more, no position is entered.
        drawdown_max: Rate, default("'0.1'"), unit("share of the peak"), within("'0.001'", "'0.99'"), reload(true);
        /// Oldest market data to enter a position on.
        staleness_max: Span, default("'10s'"), within("'100ms'", "'1h'"), reload(true);
    }
}

impl RawRisk {
    /// The limits, if they make sense together. What was left open is written into `self`.
    pub(super) fn check(
        &mut self,
        market: Option<&MarketSettings>,
        account: &Account,
        reader: &mut Reader<'_>,
    ) -> Option<Limits> {
        let market = market?;
        let careful = Limits::careful(market.symbols.clone(), account.balance);
        // Whoever leaves the list out gets the market's, whose faults are told there.
        let symbols = match &self.symbols {
            Some(written) => {
                let symbols = of_market(written, market.market);
                no_repeats(&symbols, "risk.symbols", reader);
                symbols
            }
            None => self.symbols.insert(careful.symbols).clone(),
        };
        let limits = Limits {
            symbols,
            order_notional_max: *self.order_notional_max.get_or_insert(careful.order_notional_max),
            price_distance_max: self.price_distance_max,
            position_notional_max: *self.position_notional_max.get_or_insert(careful.position_notional_max),
            exposure_max: *self.exposure_max.get_or_insert(careful.exposure_max),
            leverage_max: self.leverage_max,
            orders_per_second: self.orders_per_second,
            orders_per_minute: self.orders_per_minute,
            orders_per_day: self.orders_per_day,
            loss_per_day_max: *self.loss_per_day_max.get_or_insert(careful.loss_per_day_max),
            drawdown_max: self.drawdown_max,
            staleness_max: self.staleness_max,
        };
        tradable(&limits.symbols, "risk.symbols", &market.symbols, "market.symbols", reader);
        let values = [
            ("order-notional-max", limits.order_notional_max),
            ("position-notional-max", limits.position_notional_max),
            ("exposure-max", limits.exposure_max),
        ];
        let counts = [
            ("orders-per-second", limits.orders_per_second),
            ("orders-per-minute", limits.orders_per_minute),
            ("orders-per-day", limits.orders_per_day),
        ];
        rising(&values, reader);
        rising(&counts, reader);
        Some(limits)
    }
}

/// Notes a fault for each symbol that the list above it does not hold.
pub(super) fn tradable(
    symbols: &[InstrumentId],
    path: &str,
    allowed: &[InstrumentId],
    above: &str,
    reader: &mut Reader<'_>,
) {
    for (at, symbol) in symbols.iter().enumerate() {
        if !allowed.contains(symbol) {
            let what = format!("is not in {above}; add it there, or take it out here");
            reader.conflict(&[&format!("{path}[{at}]"), above, "market.symbols"], &what);
        }
    }
}

fn rising<T: PartialOrd + std::fmt::Display>(limits: &[(&str, T)], reader: &mut Reader<'_>) {
    for pair in limits.windows(2) {
        let [(small, less), (large, more)] = pair else { continue };
        if less > more {
            reader.conflict(
                &[&format!("risk.{small}"), &format!("risk.{large}"), "account.balance"],
                &format!("does not fit: {small}, {less}, must be at most {large}, {more}"),
            );
        }
    }
}
