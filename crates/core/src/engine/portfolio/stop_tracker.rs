//! When a position is left besides its strategy's own signal: stop, trailing stop and least profit by age.

use tradingbot_domain::{
    AmountError, Candle, ExitReason, Exits, Instrument, Notional, OrderKind, Price, Qty, Rate, RoiStep, Rounding,
    Timestamp,
};

/// The stops of one open position, and the profit that ends it. A stop only ever rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopTracker {
    entry: Price,
    opened: Timestamp,
    stop: Option<Price>,
    stop_initial: Option<Price>,
    distance: Rate,
    raised: bool,
    lowest: Price,
    highest: Price,
    kept: Option<Price>,
}

/// A position must be left: with this order, for this reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leave {
    /// What kind of order.
    pub kind: OrderKind,
    /// Why.
    pub reason: ExitReason,
}

impl StopTracker {
    /// Stops for a position opened at `entry`.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn new(exits: &Exits, rules: &Instrument, entry: Price, opened: Timestamp) -> Result<Self, AmountError> {
        let stop = match exits.stop_loss {
            Some(distance) => Some(under(entry, distance, rules)?),
            None => None,
        };
        let distance = exits.stop_loss.unwrap_or(Rate::ONE);
        Ok(Self {
            entry,
            opened,
            stop,
            stop_initial: stop,
            distance,
            raised: false,
            lowest: entry,
            highest: entry,
            kept: stop,
        })
    }

    /// Leave at this price or under it.
    #[must_use]
    pub const fn stop(&self) -> Option<Price> {
        self.stop
    }

    /// The stop it began with.
    #[must_use]
    pub const fn stop_initial(&self) -> Option<Price> {
        self.stop_initial
    }

    /// The stop, when it has moved by a thousandth of itself since this last answered.
    pub fn moved(&mut self) -> Option<Price> {
        let stop = self.stop?;
        let far = self.kept.is_none_or(|kept| stop.units() - kept.units() > kept.units() / KEPT_STEPS);
        if !far {
            return None;
        }
        self.kept = Some(stop);
        Some(stop)
    }

    /// Lowest price seen.
    #[must_use]
    pub const fn lowest(&self) -> Price {
        self.lowest
    }

    /// Highest price seen.
    #[must_use]
    pub const fn highest(&self) -> Price {
        self.highest
    }

    /// More was bought: the mean price in is `entry` now. A stop that has not risen yet moves with it.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn average(&mut self, exits: &Exits, rules: &Instrument, entry: Price) -> Result<(), AmountError> {
        self.entry = entry;
        if let (Some(distance), false) = (exits.stop_loss, self.raised) {
            self.stop = Some(under(entry, distance, rules)?);
            self.stop_initial = self.stop;
        }
        Ok(())
    }

    /// Takes up a stop and a highest price from an earlier life.
    pub fn resume(&mut self, stop: Price, highest: Price) {
        if self.stop.is_none_or(|own| stop > own) {
            (self.stop, self.raised) = (Some(stop), true);
        }
        self.highest = self.highest.max(highest);
    }

    /// A trade at `price`.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn on_price(
        &mut self,
        now: Timestamp,
        price: Price,
        exits: &Exits,
        rules: &Instrument,
    ) -> Result<Option<Leave>, AmountError> {
        self.lowest = self.lowest.min(price);
        self.highest = self.highest.max(price);
        self.raise(price, exits, rules)?;
        if self.stop.is_some_and(|stop| price <= stop) {
            return Ok(Some(Leave { kind: OrderKind::Market, reason: self.stop_reason() }));
        }
        if let Some(step) = self.roi_step(exits, now)
            && self.profit(price, rules)? >= step.profit
        {
            return Ok(Some(Leave { kind: OrderKind::Market, reason: ExitReason::Roi }));
        }
        Ok(None)
    }

    /// Takes a past interval's extremes into the lowest and highest price.
    pub fn note_extremes(&mut self, candle: &Candle) {
        self.lowest = self.lowest.min(candle.low);
        self.highest = self.highest.max(candle.high);
    }

    /// When the position was opened.
    #[must_use]
    pub const fn opened(&self) -> Timestamp {
        self.opened
    }

    /// How far under the price the stop lies that is in force, as a share of it.
    #[must_use]
    pub const fn distance(&self) -> Rate {
        self.distance
    }

    /// Whether the stop has risen since the entry.
    #[must_use]
    pub const fn is_raised(&self) -> bool {
        self.raised
    }

    /// Why a position is left at its stop.
    #[must_use]
    pub const fn stop_reason(&self) -> ExitReason {
        if self.raised { ExitReason::TrailingStopLoss } else { ExitReason::StopLoss }
    }

    /// The least profit that counts at a time, if one does.
    #[must_use]
    pub fn roi_step(&self, exits: &Exits, at: Timestamp) -> Option<RoiStep> {
        let age = at.since(self.opened);
        exits.roi.iter().filter(|step| step.after <= age).max_by_key(|step| step.after).copied()
    }

    /// Raises a trailing stop to where a price of `high` takes it.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn raise(&mut self, high: Price, exits: &Exits, rules: &Instrument) -> Result<(), AmountError> {
        let Some(trailing) = exits.trailing else { return Ok(()) };
        let distance = match trailing.offset {
            Some(offset) if self.profit(high, rules)? < offset => trailing.distance_before,
            Some(_) | None => Some(trailing.distance),
        };
        self.follow(high, distance, rules)
    }

    /// Raises the stop to `distance` under `high`, unless it is higher already or there is no distance.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn follow(&mut self, high: Price, distance: Option<Rate>, rules: &Instrument) -> Result<(), AmountError> {
        let Some(distance) = distance else { return Ok(()) };
        let stop = under(high, distance, rules)?;
        if self.stop.is_none_or(|current| stop > current) {
            (self.stop, self.distance, self.raised) = (Some(stop), distance, true);
        }
        Ok(())
    }

    /// Profit if all were sold at `price`, both fees paid, as a share of what was paid.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn profit(&self, price: Price, rules: &Instrument) -> Result<Rate, AmountError> {
        let one = Qty::from_units(Rate::ONE.units().into());
        let fee = |value: Notional| value.scaled(rules.fee_taker, Rounding::Nearest);
        let (paid, got) = (self.entry.times(one)?, price.times(one)?);
        let (paid, got) = (paid.plus(fee(paid)?)?, got.minus(fee(got)?)?);
        got.minus(paid)?.share_of(paid, Rounding::Nearest)
    }

    /// The price at which that profit is `profit`.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn price_for(&self, profit: Rate, rules: &Instrument, rounding: Rounding) -> Result<Price, AmountError> {
        let one = Qty::from_units(Rate::ONE.units().into());
        let paid = self.entry.times(one)?;
        let wanted = paid.plus(paid.scaled(rules.fee_taker, Rounding::Nearest)?)?;
        let wanted = wanted.plus(wanted.scaled(profit, Rounding::Nearest)?)?;
        let kept = Qty::from_units(i128::from(Rate::ONE.minus(rules.fee_taker)?.units()));
        wanted.per(kept, rounding)?.to_tick(rules.tick, rounding)
    }
}

/// A stop is kept anew once it has moved by one of so many parts of itself.
const KEPT_STEPS: i64 = 1_000;

fn under(price: Price, distance: Rate, rules: &Instrument) -> Result<Price, AmountError> {
    price.scaled(Rate::ONE.minus(distance)?, Rounding::Up)?.to_tick(rules.tick, Rounding::Up)
}
