//! What an account holds and what that is worth, while prices move and after a restart.

use tradingbot_domain::snapshot::{BalanceView, Snapshot};
use tradingbot_domain::{AmountError, Asset, Entry, Fill, Instrument, Notional, Price, Qty, Rounding, Span, Timestamp};

use crate::engine::index::InstrumentIdx;
use crate::engine::roster::Roster;

use super::account::Account;
use super::flow::Flow;
use super::holdings::Holdings;

/// An account with what it holds, valued at last prices.
#[derive(Debug)]
pub struct Valuation {
    account: Account,
    holdings: Holdings,
    /// Whether something is held at a price of an earlier life: what the account is worth is not known then.
    is_repricing: bool,
    /// How much less than at its opens the account was worth at the worst prices of the past intervals shown.
    dip: Notional,
    mark_every: Span,
    mark_due: Timestamp,
}

impl Valuation {
    /// An account that is counted in `quote` and holds nothing.
    #[must_use]
    pub fn new(roster: &Roster, quote: Asset, mark_every: Span) -> Self {
        Self {
            account: Account::new(quote),
            holdings: Holdings::none(roster.instruments().count()),
            is_repricing: false,
            dip: Notional::ZERO,
            mark_every,
            mark_due: Timestamp::ZERO,
        }
    }

    /// Balances and equity.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// Whether something is held at a price of an earlier life.
    #[must_use]
    pub const fn is_repricing(&self) -> bool {
        self.is_repricing
    }

    /// The price at which an instrument is valued.
    #[must_use]
    pub fn price(&self, instrument: InstrumentIdx) -> Option<Price> {
        self.holdings.price(instrument)
    }

    /// The same, if it is of this life.
    #[must_use]
    pub fn price_now(&self, instrument: InstrumentIdx) -> Option<Price> {
        self.holdings.price_now(instrument)
    }

    /// Whether any of an instrument is held.
    #[must_use]
    pub fn is_held(&self, instrument: InstrumentIdx) -> bool {
        self.holdings.is_held(instrument)
    }

    /// Value of everything that is held.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn exposure(&self) -> Result<Notional, AmountError> {
        self.holdings.exposure()
    }

    /// Begins a new UTC day when `now` is in one. What the account is worth at its start is to be kept, before any event of
    /// the day changes it: a later life counts the day from there too.
    pub fn tell_time(&mut self, now: Timestamp) -> Option<Entry> {
        let is_new = !self.is_repricing && self.account.tell_time(now);
        is_new.then(|| self.kept(now))
    }

    /// Once in a while, what the account is worth, to be kept.
    pub fn mark(&mut self, now: Timestamp) -> Option<Entry> {
        if now < self.mark_due || self.is_repricing {
            return None;
        }
        Some(self.kept(now))
    }

    fn kept(&mut self, now: Timestamp) -> Entry {
        self.mark_due = now.floor(self.mark_every).plus(self.mark_every);
        Entry::Marked { equity: self.account.equity() }
    }

    /// A new last price: what is held is worth more or less.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn revalue(&mut self, instrument: InstrumentIdx, price: Price) -> Result<(), AmountError> {
        self.value_at(instrument, price)?;
        if self.holdings.note_current(instrument) && self.is_repricing {
            self.is_repricing = !self.holdings.are_current();
            return self.change_worth(Notional::ZERO);
        }
        Ok(())
    }

    /// Values what is held at another price, whenever that was.
    fn value_at(&mut self, instrument: InstrumentIdx, price: Price) -> Result<(), AmountError> {
        match self.holdings.value_at(instrument, price)? {
            Notional::ZERO => Ok(()),
            change => self.change_worth(change),
        }
    }

    /// Values what is held at the price of a fill of an earlier life, which comes next. What all was worth then is in the
    /// marks; from prices of different days no peak can be told.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn restore_price(&mut self, instrument: InstrumentIdx, price: Price) -> Result<(), AmountError> {
        self.is_repricing = true;
        self.value_at(instrument, price)
    }

    /// Takes in what a fill changes. What its fee is worth if it was paid in a third asset.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn record_fill(
        &mut self,
        roster: &Roster,
        instrument: InstrumentIdx,
        fill: &Fill,
        flow: &Flow,
    ) -> Result<Notional, AmountError> {
        let Instrument { base, quote, .. } = roster.rules(instrument);
        self.account.add(*quote, flow.quote)?;
        self.account.add_asset(*base, flow.base)?;
        let mut fee_value = Notional::ZERO;
        if let Some((asset, amount)) = flow.third {
            self.account.add(asset, amount.negated())?;
            fee_value = self.pay_from(roster, asset, amount)?;
        }
        if self.price(instrument).is_none() {
            self.revalue(instrument, fill.price)?;
        }
        let price = self.price(instrument).unwrap_or(fill.price);
        self.holdings.add(instrument, flow.base)?;
        self.change_worth(flow.quote.plus(price.times(flow.base)?)?.minus(fee_value)?)?;
        Ok(fee_value)
    }

    /// Takes `amount` of a third asset out of what is held of it. What it is worth in the quote asset of the account;
    /// nothing when no price is known.
    fn pay_from(&mut self, roster: &Roster, asset: Asset, amount: Notional) -> Result<Notional, AmountError> {
        let Some(instrument) = roster.instrument_of(asset, self.account.quote()) else { return Ok(Notional::ZERO) };
        let qty = amount.as_asset(Rounding::Up)?;
        self.holdings.add(instrument, qty.negated())?;
        self.price(instrument).unwrap_or(Price::ZERO).times(qty)
    }

    /// Takes in a past interval: its close, until [`Valuation::close_intervals`], and how far under the last price its worst
    /// was for each position.
    pub fn note_close(&mut self, instrument: InstrumentIdx, close: Price) {
        self.holdings.note_close(instrument, close);
    }

    /// Takes in the worst price of a past interval for a position of `qty`.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn note_worst(
        &mut self,
        instrument: InstrumentIdx,
        qty: Qty,
        worst: Price,
        open: Price,
    ) -> Result<(), AmountError> {
        let below = worst.minus(self.price(instrument).unwrap_or(open))?.min(Price::ZERO);
        self.dip = self.dip.plus(below.times(qty)?)?;
        Ok(())
    }

    /// Values what is held at the closes of the past intervals. How much less than at their opens the account was worth at
    /// the worst of their prices, all taken to come at once; zero or negative.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn close_intervals(&mut self) -> Result<Notional, AmountError> {
        for instrument in self.holdings.instruments() {
            if let Some(close) = self.holdings.take_close(instrument) {
                self.value_at(instrument, close)?;
            }
        }
        Ok(std::mem::take(&mut self.dip))
    }

    /// Takes up a deposit of an earlier life.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn deposit(&mut self, at: Timestamp, asset: Asset, amount: Notional) -> Result<(), AmountError> {
        self.account.add(asset, amount)?;
        if asset == self.account.quote() {
            self.account.tell_time(at);
            self.account.deposit(amount)?;
        }
        Ok(())
    }

    /// Takes up a mark of an earlier life.
    pub fn remember(&mut self, at: Timestamp, equity: Notional) {
        self.account.remember(at, equity);
    }

    /// Ends the restoring.
    pub fn recover(&mut self, now: Timestamp) {
        self.is_repricing = !self.holdings.are_current();
        if !self.is_repricing {
            // Nothing is held, so what there is is worth what it is.
            self.account.remember(now, self.account.equity());
        }
    }

    /// Shows balances and worth. What is not known is absent.
    pub fn show(&self, view: &mut Snapshot) {
        let balance = |(asset, total): (&Asset, &Notional)| BalanceView { asset: *asset, total: *total };
        view.balances = self.account.balances().iter().map(balance).collect();
        let valued = !self.is_repricing || self.holdings.are_current();
        view.equity = valued.then(|| self.account.equity());
        view.equity_peak = self.account.peak();
        view.drawdown = self.account.drawdown().ok().filter(|_| !self.is_repricing);
        view.profit_today = self.account.profit_today().ok().filter(|_| !self.is_repricing);
    }

    /// The account is worth more or less; while not all of what is held has a price of this life, that is no news.
    fn change_worth(&mut self, change: Notional) -> Result<(), AmountError> {
        if self.is_repricing { self.account.revalue(change) } else { self.account.shift(change) }
    }
}
