//! Balances and equity, from deposits and fills alone.

use std::collections::BTreeMap;

use tradingbot_domain::{AmountError, Asset, Notional, Qty, Rate, Rounding, Timestamp};

/// What is held and what it is worth, in the quote asset of the account.
#[derive(Debug, Clone)]
pub struct Account {
    quote: Asset,
    balances: BTreeMap<Asset, Notional>,
    equity: Notional,
    peak: Notional,
    day: i64,
    day_start: Notional,
}

impl Account {
    /// An account with nothing in it.
    #[must_use]
    pub const fn new(quote: Asset) -> Self {
        Self {
            quote,
            balances: BTreeMap::new(),
            equity: Notional::ZERO,
            peak: Notional::ZERO,
            day: i64::MIN,
            day_start: Notional::ZERO,
        }
    }

    /// The asset that everything is counted in.
    #[must_use]
    pub const fn quote(&self) -> Asset {
        self.quote
    }

    /// What is held, by asset.
    #[must_use]
    pub const fn balances(&self) -> &BTreeMap<Asset, Notional> {
        &self.balances
    }

    /// What is held of the quote asset.
    #[must_use]
    pub fn cash(&self) -> Notional {
        self.balance(self.quote)
    }

    /// What is held of `asset`.
    #[must_use]
    pub fn balance(&self, asset: Asset) -> Notional {
        self.balances.get(&asset).copied().unwrap_or(Notional::ZERO)
    }

    /// Adds to a balance; the caller says what that does to equity.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn add(&mut self, asset: Asset, amount: Notional) -> Result<(), AmountError> {
        let balance = self.balances.entry(asset).or_default();
        *balance = balance.plus(amount)?;
        Ok(())
    }

    /// Adds to a balance of a traded asset.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn add_asset(&mut self, asset: Asset, qty: Qty) -> Result<(), AmountError> {
        self.add(asset, Notional::of_asset(qty)?)
    }

    /// All of it at the last prices.
    #[must_use]
    pub const fn equity(&self) -> Notional {
        self.equity
    }

    /// The highest equity so far.
    #[must_use]
    pub const fn peak(&self) -> Notional {
        self.peak
    }

    /// How far equity is under its peak.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn drawdown(&self) -> Result<Rate, AmountError> {
        if self.peak.is_positive() && self.equity < self.peak {
            self.peak.minus(self.equity)?.share_of(self.peak, Rounding::Up)
        } else {
            Ok(Rate::ZERO)
        }
    }

    /// Gain or loss since the start of the UTC day.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn profit_today(&self) -> Result<Notional, AmountError> {
        self.equity.minus(self.day_start)
    }

    /// Begins a new UTC day when `now` is in one; whether it is.
    pub fn tell_time(&mut self, now: Timestamp) -> bool {
        let is_new = now.day() != self.day;
        if is_new {
            (self.day, self.day_start) = (now.day(), self.equity);
        }
        is_new
    }

    /// Money came in or went out: neither a gain nor a loss.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn deposit(&mut self, amount: Notional) -> Result<(), AmountError> {
        self.day_start = self.day_start.plus(amount)?;
        self.peak = self.peak.plus(amount)?;
        self.equity = self.equity.plus(amount)?;
        Ok(())
    }

    /// Prices or fees have changed what the account is worth by `change`.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn shift(&mut self, change: Notional) -> Result<(), AmountError> {
        self.equity = self.equity.plus(change)?;
        self.peak = self.peak.max(self.equity);
        Ok(())
    }

    /// What is held is reckoned at other prices than before, not all of which are of now: neither a gain nor a loss, nor
    /// a peak.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn revalue(&mut self, change: Notional) -> Result<(), AmountError> {
        self.equity = self.equity.plus(change)?;
        Ok(())
    }

    /// Takes up peak and day from an earlier life's mark.
    pub fn remember(&mut self, at: Timestamp, equity: Notional) {
        self.peak = self.peak.max(equity);
        if at.day() != self.day {
            (self.day, self.day_start) = (at.day(), equity);
        }
    }
}
