//! A strategy as the operator set it up: which rule, over what, how much, and when it leaves.

use tradingbot_domain::{EntryStyle, Exits, InstrumentId, Sizing, Span, StrategyName};

use super::Rule;

/// One strategy over one or several symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
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
