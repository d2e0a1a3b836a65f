//! A strategy as the operator set it up: which rule, over what, how much, and when it leaves.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::amount::{Notional, Rate};
use super::instrument::StrategyName;
use super::instrument_id::InstrumentId;
use super::time::Span;

/// One strategy over one or several symbols.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StrategySettings {
    /// The operator's name for it.
    pub name: StrategyName,
    /// What it trades by.
    pub rule: Rule,
    /// What it trades, each symbol with a book of its own.
    pub symbols: Vec<InstrumentId>,
    /// Length of its candles.
    pub interval: Span,
    /// How much an entry is worth.
    pub sizing: Sizing,
    /// What an entry order is.
    pub entry: EntryStyle,
    /// When a position is left besides the rule's own signal.
    pub exits: Exits,
    /// Positions that may be open at once, over all its symbols.
    pub positions_max: u32,
    /// Candles of each symbol that only warm the rule up.
    pub warm_up: u32,
}

/// A rule and its parameters. Periods are in candles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Rule {
    /// Enters when the fast exponential average crosses above the slow one, leaves when it crosses below.
    EmaCross {
        /// Period of the fast one.
        fast: u32,
        /// Period of the slow one.
        slow: u32,
    },
    /// Enters when the relative strength index is under one level, leaves when it is over another.
    RsiReversion {
        /// Period of the index.
        period: u32,
        /// Enter under this, 0 to 100.
        enter_below: u32,
        /// Leave over this, 0 to 100.
        leave_above: u32,
    },
    /// Enters above the highest high of the candles before, leaves under their lowest low.
    DonchianBreakout {
        /// How many candles before this one.
        period: u32,
    },
}

impl Rule {
    /// The rule's name in configuration and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmaCross { .. } => "ema-cross",
            Self::RsiReversion { .. } => "rsi-reversion",
            Self::DonchianBreakout { .. } => "donchian-breakout",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmaCross { fast, slow } => write!(f, "ema-cross({fast}, {slow})"),
            Self::RsiReversion { period, enter_below, leave_above } => {
                write!(f, "rsi-reversion({period}, {enter_below}, {leave_above})")
            }
            Self::DonchianBreakout { period } => write!(f, "donchian-breakout({period})"),
        }
    }
}

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
