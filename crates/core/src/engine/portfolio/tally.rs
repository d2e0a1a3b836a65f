//! Round trips of one strategy, added up.

use tradingbot_domain::{AmountError, Notional, RoundTrip};

/// What a strategy has closed so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Gains and losses, fees included, in the quote asset.
    pub profit: Notional,
    /// Positions it has closed.
    pub closed: u64,
    /// Those of them that ended with a gain.
    pub won: u64,
}

impl Tally {
    /// Nothing closed yet.
    pub const NONE: Self = Self { profit: Notional::ZERO, closed: 0, won: 0 };

    /// Counts a round trip.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn add(&mut self, trip: &RoundTrip) -> Result<(), AmountError> {
        self.closed = self.closed.saturating_add(1);
        self.won = self.won.saturating_add(u64::from(trip.profit.is_positive()));
        self.profit = self.profit.plus(trip.profit)?;
        Ok(())
    }
}
