//! What an operator sets for any strategy: how much an entry is worth, what it is, and when a position is left.

use serde::{Deserialize, Serialize};

use super::amount::{Notional, Rate};
use super::time::Span;

/// How much an entry is worth, in the quote asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Sizing {
    /// The same amount each time.
    Fixed {
        /// In the quote asset.
        stake: Notional,
    },
    /// A share of the account's equity at the time of entry.
    EquityShare {
        /// Of equity.
        share: Rate,
    },
    /// The more the price moves, the less: equity times `risk` over the mean true range as a share of the price
    /// (average true range of `period` candles over the close), at most `share_max` of equity.
    VolatilityTarget {
        /// Share of equity that a move of one average true range should win or lose.
        risk: Rate,
        /// Period of the average true range, in candles.
        period: u32,
        /// Largest share of equity.
        share_max: Rate,
    },
}

/// What an entry order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum EntryStyle {
    /// A market order.
    #[default]
    Market,
    /// A maker-only order at the best bid, cancelled after a while.
    PostOnly {
        /// After it the order is cancelled.
        timeout: Span,
    },
}

/// When a position is left besides the rule's own signal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Exits {
    /// How far under the entry price the position is left, as a share of it.
    pub stop_loss: Option<Rate>,
    /// How the stop follows the price.
    pub trailing: Option<Trailing>,
    /// The least profit to leave with, by age; the step with the largest age that has passed counts.
    pub roi: Vec<RoiStep>,
    /// How long a symbol is left alone after a position in it was closed.
    pub cooldown: Span,
}

/// A stop that rises with the highest price and never falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Trailing {
    /// How far under the highest price, as a share of it.
    pub distance: Rate,
    /// The profit, after fees, from which `distance` holds; from the start when there is none.
    pub offset: Option<Rate>,
    /// How far under the highest price before that profit is reached; it does not follow until then when there is none.
    pub distance_before: Option<Rate>,
}

/// The least profit to leave with from an age on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RoiStep {
    /// Age of the position.
    pub after: Span,
    /// Profit after fees, as a share of what was paid.
    pub profit: Rate,
}
