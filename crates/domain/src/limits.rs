//! The limits that every order is judged by, as the operator set them.

use serde::{Deserialize, Serialize};

use super::amount::{Notional, Rate};
use super::instrument_id::InstrumentId;
use super::time::Span;

/// Every limit an order is judged by. Values are in the quote asset of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Symbols that may be entered.
    pub symbols: Vec<InstrumentId>,
    /// Largest value of one order.
    pub order_notional_max: Notional,
    /// Farthest a limit price may be from the last price, as a share of it.
    pub price_distance_max: Rate,
    /// Largest value of one position, its open orders included.
    pub position_notional_max: Notional,
    /// Largest value of all positions, open orders included.
    pub exposure_max: Notional,
    /// Largest value of all positions, open orders included, as a multiple of equity.
    pub leverage_max: Rate,
    /// Orders within any second; an exit is held back by exits alone.
    pub orders_per_second: u32,
    /// Orders within any minute; an exit is held back by exits alone.
    pub orders_per_minute: u32,
    /// Orders within one UTC day.
    pub orders_per_day: u32,
    /// Largest loss within one UTC day.
    pub loss_per_day_max: Notional,
    /// Farthest that equity may be under its peak.
    pub drawdown_max: Rate,
    /// Oldest market data to trade on.
    pub staleness_max: Span,
}

impl Limits {
    /// Careful limits for an account of `equity` that trades `symbols`: a tenth of it an order, a fifth a position, half
    /// of it in all, 2 % of loss a day, 10 % of drawdown.
    #[must_use]
    pub fn careful(symbols: Vec<InstrumentId>, equity: Notional) -> Self {
        let part = |divisor: i128| Notional::from_units(equity.units() / divisor);
        Self {
            symbols,
            order_notional_max: part(10),
            price_distance_max: Rate::from_units(5_000_000),
            position_notional_max: part(5),
            exposure_max: part(2),
            leverage_max: Rate::ONE,
            orders_per_second: 5,
            orders_per_minute: 60,
            orders_per_day: 2_000,
            loss_per_day_max: part(50),
            drawdown_max: Rate::from_units(10_000_000),
            staleness_max: Span::from_secs(10),
        }
    }

    /// No limit but the list of symbols: for backtests that are to be compared with other programs.
    #[must_use]
    pub const fn none(symbols: Vec<InstrumentId>) -> Self {
        let most = Notional::from_units(i128::MAX);
        Self {
            symbols,
            order_notional_max: most,
            price_distance_max: Rate::from_units(i64::MAX),
            position_notional_max: most,
            exposure_max: most,
            leverage_max: Rate::from_units(i64::MAX),
            orders_per_second: u32::MAX,
            orders_per_minute: u32::MAX,
            orders_per_day: u32::MAX,
            loss_per_day_max: most,
            drawdown_max: Rate::from_units(i64::MAX),
            staleness_max: Span::from_nanos(i64::MAX),
        }
    }
}
