//! What every part of an engine may look at.

use tradingbot_domain::Timestamp;

use super::markets::Markets;
use super::roster::Roster;

/// The present, to look at.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The time.
    pub now: Timestamp,
    /// Who trades what.
    pub roster: &'a Roster,
    /// What is heard of the markets.
    pub markets: &'a Markets,
}
