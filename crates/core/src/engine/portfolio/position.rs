//! Positions and profit, from fills alone.

use tradingbot_domain::{
    AmountError, ExitReason, Fill, Instrument, Notional, Price, Purpose, Qty, Rate, RoundTrip, Rounding, Side,
    StrategyName, Timestamp,
};

use super::flow::Flow;
use super::stop_tracker::StopTracker;

/// What one strategy holds of one symbol.
#[derive(Debug, Clone)]
pub struct Position {
    /// First fill.
    pub opened: Timestamp,
    /// Last fill.
    changed: Timestamp,
    /// What is held, in the base asset, fees in that asset taken off.
    pub qty: Qty,
    /// When to leave.
    pub stops: StopTracker,
    bought: Qty,
    bought_value: Notional,
    fees_in: Notional,
    sold: Qty,
    sold_value: Notional,
    fees_out: Notional,
    fees_in_base: Notional,
    reason: ExitReason,
}

impl Position {
    /// A position that nothing has gone into yet.
    #[must_use]
    pub const fn new(opened: Timestamp, stops: StopTracker) -> Self {
        Self {
            opened,
            changed: opened,
            qty: Qty::ZERO,
            stops,
            bought: Qty::ZERO,
            bought_value: Notional::ZERO,
            fees_in: Notional::ZERO,
            sold: Qty::ZERO,
            sold_value: Notional::ZERO,
            fees_out: Notional::ZERO,
            fees_in_base: Notional::ZERO,
            reason: ExitReason::ExitSignal,
        }
    }

    /// What went in, fees left out.
    #[must_use]
    pub const fn value_in(&self) -> Notional {
        self.bought_value
    }

    /// Fees on the way in, in the quote asset.
    #[must_use]
    pub const fn fees_in(&self) -> Notional {
        self.fees_in
    }

    /// Takes in a fill. `fee_value` is what a fee in a third asset is worth in the quote asset.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn record_fill(
        &mut self,
        fill: &Fill,
        purpose: Purpose,
        flow: &Flow,
        rules: &Instrument,
        fee_value: Notional,
    ) -> Result<(), AmountError> {
        let value = fill.value()?;
        self.changed = self.changed.max(fill.at);
        let fee = if fill.fee.asset == rules.quote {
            fill.fee.amount
        } else if fill.fee.asset == rules.base {
            let worth = fill.price.times(fill.fee.amount.as_asset(Rounding::Up)?)?;
            match fill.side {
                Side::Buy => {
                    self.fees_in_base = self.fees_in_base.plus(worth)?;
                    Notional::ZERO
                }
                Side::Sell => worth,
            }
        } else {
            fee_value
        };
        match fill.side {
            Side::Buy => {
                self.qty = self.qty.plus(flow.base)?;
                self.bought = self.bought.plus(fill.qty)?;
                self.bought_value = self.bought_value.plus(value)?;
                self.fees_in = self.fees_in.plus(fee)?;
            }
            // A fee in the very asset that is sold is paid by the account, not out of what was to be sold.
            Side::Sell => {
                self.qty = self.qty.minus(fill.qty)?;
                self.sold = self.sold.plus(fill.qty)?;
                self.sold_value = self.sold_value.plus(value)?;
                self.fees_out = self.fees_out.plus(fee)?;
            }
        }
        if let Purpose::Exit(reason) = purpose {
            self.reason = reason;
        }
        Ok(())
    }

    /// Mean price in, without fees.
    ///
    /// # Errors
    ///
    /// [`AmountError`] before the first fill.
    pub fn entry(&self) -> Result<Price, AmountError> {
        self.bought_value.per(self.bought, Rounding::Nearest)
    }

    /// Gain or loss if what is held were sold at `last` without a fee, fees paid so far included.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn profit(&self, last: Price) -> Result<Notional, AmountError> {
        last.times(self.qty)?.plus(self.sold_value)?.minus(self.bought_value)?.minus(self.fees_in)?.minus(self.fees_out)
    }

    /// Whether the exchange would take an order for what is held: not for less than a lot, nor for less than its least
    /// value, at the mean price in.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn is_sellable(&self, rules: &Instrument) -> Result<bool, AmountError> {
        let qty = rules.fit_qty(self.qty)?;
        Ok(qty.is_positive() && self.entry()?.times(qty)? >= rules.notional_min)
    }

    /// Whether any of it was sold.
    #[must_use]
    pub const fn has_sold(&self) -> bool {
        self.sold.is_positive()
    }

    /// The round trip, once what is left is too little to sell.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn close(&self, strategy: StrategyName, rules: &Instrument) -> Result<RoundTrip, AmountError> {
        let paid = self.bought_value.plus(self.fees_in)?;
        let profit = self.sold_value.minus(self.fees_out)?.minus(paid)?;
        Ok(RoundTrip {
            strategy,
            symbol: rules.id,
            opened: self.opened,
            closed: self.changed,
            entry: self.entry()?,
            exit: self.sold_value.per(self.sold, Rounding::Nearest)?,
            qty: self.bought,
            fees: self.fees_in.plus(self.fees_out)?.plus(self.fees_in_base)?,
            profit,
            profit_ratio: if paid.is_positive() { profit.share_of(paid, Rounding::Nearest)? } else { Rate::ZERO },
            reason: self.reason,
            lowest: self.stops.lowest(),
            highest: self.stops.highest(),
            stop_initial: self.stops.stop_initial(),
            stop_last: self.stops.stop(),
        })
    }
}
