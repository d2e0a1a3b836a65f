//! A position from its first fill to its last.

use serde::{Deserialize, Serialize};

use super::amount::{Notional, Price, Qty, Rate};
use super::instrument::StrategyName;
use super::instrument_id::InstrumentId;
use super::order::ExitReason;
use super::time::{Span, Timestamp};

/// A closed position. Prices are means over its fills, weighted by quantity; profit is after fees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RoundTrip {
    /// The strategy that holds or held it.
    pub strategy: StrategyName,
    /// The instrument of the position.
    pub symbol: InstrumentId,
    /// First fill.
    pub opened: Timestamp,
    /// Last fill.
    pub closed: Timestamp,
    /// Mean price in.
    pub entry: Price,
    /// Mean price out.
    pub exit: Price,
    /// In the base asset, bought and sold again.
    pub qty: Qty,
    /// Fees on the way in and out, in the quote asset.
    pub fees: Notional,
    /// What came out less what went in and all fees, in the quote asset.
    pub profit: Notional,
    /// The same as a share of what went in, fees included.
    pub profit_ratio: Rate,
    /// The purpose of its exit order.
    pub reason: ExitReason,
    /// Lowest price seen while it was open.
    pub lowest: Price,
    /// Highest price seen while it was open.
    pub highest: Price,
    /// The stop it began with, if any.
    pub stop_initial: Option<Price>,
    /// The stop it ended with, if any.
    pub stop_last: Option<Price>,
}

impl RoundTrip {
    /// How long it was open.
    #[must_use]
    pub const fn duration(&self) -> Span {
        self.closed.since(self.opened)
    }
}
