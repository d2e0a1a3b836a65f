//! What an engine is made from, and a ledger that it cannot continue.

use thiserror::Error;

use crate::strategy::StrategySettings;
use tradingbot_domain::{AmountError, Asset, Instrument, Limits, RunId, Span};

use super::interval::IntervalRule;

/// What an engine is made from.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Which life this is.
    pub run: RunId,
    /// The asset that everything is counted in.
    pub quote: Asset,
    /// What may be traded, and the exchange's rules for it.
    pub instruments: Vec<Instrument>,
    /// Which strategies run.
    pub strategies: Vec<StrategySettings>,
    /// What every order is judged by.
    pub limits: Limits,
    /// What is assumed about past intervals.
    pub interval_rule: &'static dyn IntervalRule,
    /// How often the account's worth is kept.
    pub mark_every: Span,
}

/// A ledger that this engine cannot continue.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// An amount does not fit.
    #[error("an amount in the ledger is too large to compute with")]
    Amount(#[from] AmountError),
}
