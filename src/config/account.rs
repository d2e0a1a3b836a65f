//! The account that is traded on paper: what it holds at the start, what it pays, how long its orders take.

use super::key::keys;
use super::reader::Reader;
use crate::domain::{Asset, Notional, Rate, Span};

keys! {
    /// The account that is traded on paper: what it holds at the start, what it pays, how long its orders take.
    pub struct Account {
        /// The asset that everything is paid with and counted in.
        quote: Asset, default("'USDT'");
        /// What the account holds when the ledger begins; a ledger that has begun keeps its own count.
        balance: Notional, default("'10000'"), unit("quote asset"), within("'0.01'", "'1000000000'");
        /// Fee of orders that rested in the book.
        fee_maker: Rate, default("'0.001'"), unit("share of the order's value"), within("'0'", "'0.1'");
        /// Fee of orders that took from the book.
        fee_taker: Rate, default("'0.001'"), unit("share of the order's value"), within("'0'", "'0.1'");
        /// Least time that the simulated exchange takes to receive an order.
        latency_min: Span, default("'20ms'"), within("'0ms'", "'1m'");
        /// Largest time that the simulated exchange takes to receive an order.
        latency_max: Span, default("'80ms'"), within("'0ms'", "'1m'");
    }
}

impl Account {
    pub(super) fn check(&self, reader: &mut Reader<'_>) {
        if self.latency_min > self.latency_max {
            reader.conflict(
                &["account.latency-min", "account.latency-max"],
                &format!(
                    "does not fit: latency-min, {}, must be at most latency-max, {}",
                    self.latency_min, self.latency_max
                ),
            );
        }
    }
}
