//! When a position is left besides its rule's own signal: stop, trailing stop and least profit by age.

use tradingbot_domain::{
    AmountError, Candle, ExitReason, Exits, Instrument, Notional, OrderKind, Price, Qty, Rate, Rounding, TimeInForce,
    Timestamp,
};

/// What is assumed about a past interval of which only open, high, low and close are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RangeRule {
    /// The low comes before the high, and the close comes last; a stop that the open is under is left at the open; a
    /// least profit counts only once the price has gone beyond it.
    #[default]
    Strict,
    /// As the freqtrade backtester assumes: the high raises a trailing stop first, the low may then hit it.
    Freqtrade,
}

/// Watches one open position. The stop only ever rises.
#[derive(Debug, Clone)]
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

/// What was seen in a past interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Whether the position must be left, and how.
    pub leave: Option<Leave>,
    /// The worst price at which the position was still held. The freqtrade rule looks at no price but the open.
    pub worst: Price,
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
        if let Some(step) = roi_step(exits, now.since(self.opened))
            && self.profit(price, rules)? >= step.profit
        {
            return Ok(Some(Leave { kind: OrderKind::Market, reason: ExitReason::Roi }));
        }
        Ok(None)
    }

    /// A past interval. `signalled` tells whether the rule wished to leave at its open.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn on_range(
        &mut self,
        candle: &Candle,
        signalled: bool,
        rule: RangeRule,
        exits: &Exits,
        rules: &Instrument,
    ) -> Result<Seen, AmountError> {
        self.lowest = self.lowest.min(candle.low);
        self.highest = self.highest.max(candle.high);
        match rule {
            RangeRule::Strict => self.strict(candle, exits, rules),
            RangeRule::Freqtrade => {
                let leave = self.freqtrade(candle, signalled, exits, rules)?;
                Ok(Seen { leave, worst: candle.open })
            }
        }
    }

    fn strict(&mut self, candle: &Candle, exits: &Exits, rules: &Instrument) -> Result<Seen, AmountError> {
        let left = |kind, reason, worst| Ok(Seen { leave: Some(Leave { kind, reason }), worst });
        if let Some(stop) = self.stop.filter(|stop| candle.low <= *stop) {
            return if candle.open <= stop {
                left(OrderKind::Market, self.stop_reason(), candle.open)
            } else {
                left(OrderKind::Stop { trigger: stop }, self.stop_reason(), stop)
            };
        }
        if let Some(step) = roi_step(exits, candle.open_time.since(self.opened)) {
            let price = self.price_for(step.profit, rules, Rounding::Up)?;
            if candle.open >= price {
                return left(OrderKind::Market, ExitReason::Roi, candle.open);
            }
            if candle.high > price {
                return left(limit(price), ExitReason::Roi, candle.low);
            }
        }
        self.raise(candle.high, exits, rules)?;
        match self.stop.filter(|stop| candle.close <= *stop && *stop <= candle.high) {
            Some(stop) => left(OrderKind::Stop { trigger: stop }, self.stop_reason(), candle.low),
            None => Ok(Seen { leave: None, worst: candle.low }),
        }
    }

    fn freqtrade(
        &mut self,
        candle: &Candle,
        signalled: bool,
        exits: &Exits,
        rules: &Instrument,
    ) -> Result<Option<Leave>, AmountError> {
        if self.stop.is_none_or(|stop| stop < candle.low) {
            self.raise_like_freqtrade(candle.high, exits, rules)?;
        }
        if signalled {
            return Ok(Some(Leave { kind: OrderKind::Market, reason: ExitReason::ExitSignal }));
        }
        let hit = self.stop.filter(|stop| *stop >= candle.low);
        if let Some(stop) = hit.filter(|_| !self.raised) {
            return Ok(Some(Leave { kind: self.at_stop(stop, candle), reason: ExitReason::StopLoss }));
        }
        let age = candle.open_time.since(self.opened);
        if let Some(step) = roi_step(exits, age)
            && self.profit(candle.high, rules)? > step.profit
        {
            let price = self.price_for(step.profit, rules, Rounding::Nearest)?;
            let just_begun = step.after == age && step.after.nanos() > 0;
            let kind = if just_begun && candle.open > price {
                OrderKind::Market
            } else {
                limit(price.max(candle.low).min(candle.high).to_tick(rules.tick, Rounding::Down)?)
            };
            return Ok(Some(Leave { kind, reason: ExitReason::Roi }));
        }
        let Some(stop) = hit else { return Ok(None) };
        let kind = if age.nanos() == 0 && stop <= candle.high {
            let worst = self.worst_on_entry(candle.open, exits, rules)?;
            // Rounded down it would lie under the low, and the candle would not reach it.
            OrderKind::Stop { trigger: worst.max(candle.low).to_tick(rules.tick, Rounding::Up)? }
        } else {
            self.at_stop(stop, candle)
        };
        Ok(Some(Leave { kind, reason: ExitReason::TrailingStopLoss }))
    }

    /// On the candle of its entry a raised stop is taken to be hit right after it was first raised.
    fn worst_on_entry(&self, open: Price, exits: &Exits, rules: &Instrument) -> Result<Price, AmountError> {
        let share = match exits.trailing {
            Some(trailing) if trailing.distance_before.is_none() && trailing.offset.is_some() => {
                Rate::ONE.plus(trailing.offset.unwrap_or(Rate::ZERO))?.minus(trailing.distance)?
            }
            Some(_) | None => Rate::ONE.minus(self.distance)?,
        };
        open.scaled(share, Rounding::Nearest)?.to_tick(rules.tick, Rounding::Nearest)
    }

    fn at_stop(&self, stop: Price, candle: &Candle) -> OrderKind {
        if stop > candle.high { OrderKind::Market } else { OrderKind::Stop { trigger: stop } }
    }

    fn raise(&mut self, high: Price, exits: &Exits, rules: &Instrument) -> Result<(), AmountError> {
        let Some(trailing) = exits.trailing else { return Ok(()) };
        let distance = match trailing.offset {
            Some(offset) if self.profit(high, rules)? < offset => trailing.distance_before,
            Some(_) | None => Some(trailing.distance),
        };
        self.follow(high, distance, rules)
    }

    /// The same, but a profit of exactly the offset still keeps the distance of before, or that of the first stop.
    fn raise_like_freqtrade(&mut self, high: Price, exits: &Exits, rules: &Instrument) -> Result<(), AmountError> {
        let Some(trailing) = exits.trailing else { return Ok(()) };
        let distance = match trailing.offset {
            Some(offset) => match self.profit(high, rules)?.cmp(&offset) {
                std::cmp::Ordering::Less => trailing.distance_before,
                std::cmp::Ordering::Equal => trailing.distance_before.or(exits.stop_loss),
                std::cmp::Ordering::Greater => Some(trailing.distance),
            },
            None => Some(trailing.distance),
        };
        self.follow(high, distance, rules)
    }

    fn follow(&mut self, high: Price, distance: Option<Rate>, rules: &Instrument) -> Result<(), AmountError> {
        let Some(distance) = distance else { return Ok(()) };
        let stop = under(high, distance, rules)?;
        if self.stop.is_none_or(|current| stop > current) {
            (self.stop, self.distance, self.raised) = (Some(stop), distance, true);
        }
        Ok(())
    }

    const fn stop_reason(&self) -> ExitReason {
        if self.raised { ExitReason::TrailingStopLoss } else { ExitReason::StopLoss }
    }

    /// Profit if all were sold at `price`, both fees paid, as a share of what was paid.
    fn profit(&self, price: Price, rules: &Instrument) -> Result<Rate, AmountError> {
        let one = Qty::from_units(Rate::ONE.units().into());
        let fee = |value: Notional| value.scaled(rules.fee_taker, Rounding::Nearest);
        let (paid, got) = (self.entry.times(one)?, price.times(one)?);
        let (paid, got) = (paid.plus(fee(paid)?)?, got.minus(fee(got)?)?);
        got.minus(paid)?.share_of(paid, Rounding::Nearest)
    }

    /// The price at which that profit is `profit`.
    fn price_for(&self, profit: Rate, rules: &Instrument, rounding: Rounding) -> Result<Price, AmountError> {
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

fn roi_step(exits: &Exits, age: tradingbot_domain::Span) -> Option<tradingbot_domain::RoiStep> {
    exits.roi.iter().filter(|step| step.after <= age).max_by_key(|step| step.after).copied()
}

fn under(price: Price, distance: Rate, rules: &Instrument) -> Result<Price, AmountError> {
    price.scaled(Rate::ONE.minus(distance)?, Rounding::Up)?.to_tick(rules.tick, Rounding::Up)
}

const fn limit(price: Price) -> OrderKind {
    OrderKind::Limit { price, time_in_force: TimeInForce::GoodTillCancelled }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradingbot_domain::{RoiStep, Span, Trailing};

    const OPENED: i64 = 3_600_000_000_000;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    fn rules() -> Instrument {
        let name = |text: &str| text.parse().unwrap();
        Instrument::plain("BTCUSDT".parse().unwrap(), name("BTC"), name("USDT"), Rate::ZERO)
    }

    /// A candle so many hours after the one of the entry.
    fn candle(hours: i64, open: &str, high: &str, low: &str, close: &str) -> Candle {
        let mut candle = Candle::flat(Timestamp::from_nanos(OPENED + hours * Span::HOUR.nanos()), price(open));
        (candle.high, candle.low, candle.close) = (price(high), price(low), price(close));
        candle
    }

    fn exits(roi: &[(&str, &str)], trailing: Option<(&str, Option<&str>)>) -> Exits {
        Exits {
            stop_loss: Some(rate("0.1")),
            roi: roi
                .iter()
                .map(|(after, profit)| RoiStep { after: after.parse().unwrap(), profit: rate(profit) })
                .collect(),
            trailing: trailing.map(|(distance, offset)| Trailing {
                distance: rate(distance),
                offset: offset.map(rate),
                distance_before: None,
            }),
            cooldown: Span::ZERO,
        }
    }

    /// What stops of a position entered at 5000 says about a candle: the reason and the price, `open` for a market order.
    fn says(rule: RangeRule, exits: &Exits, signalled: bool, before: Option<Candle>, candle: &Candle) -> String {
        let rules = rules();
        let mut stops = StopTracker::new(exits, &rules, price("5000"), Timestamp::from_nanos(OPENED)).unwrap();
        if let Some(before) = before {
            assert_eq!(stops.on_range(&before, false, rule, exits, &rules).unwrap().leave, None);
        }
        match stops.on_range(candle, signalled, rule, exits, &rules).unwrap().leave {
            None => "stays".to_owned(),
            Some(Leave { kind: OrderKind::Market, reason }) => format!("{reason} @ open {}", candle.open),
            Some(Leave { kind: OrderKind::Stop { trigger: at }, reason })
            | Some(Leave { kind: OrderKind::Limit { price: at, .. } | OrderKind::PostOnly { price: at }, reason }) => {
                format!("{reason} @ {at}")
            }
        }
    }

    /// Each row was run against freqtrade 2026.3: entry at 5000, stop 10 % under it, no fee.
    #[test]
    fn the_freqtrade_rule_leaves_where_freqtrade_does() {
        let ten = exits(&[("0s", "0.1")], None);
        let none = exits(&[], None);
        let trail = exits(&[], Some(("0.1", None)));
        let trail_and_roi = exits(&[("0s", "0.12")], Some(("0.1", None)));
        let offset = exits(&[], Some(("0.02", Some("0.05"))));
        let stepped = exits(&[("0s", "0.1"), ("1h", "0.02")], None);
        let rows: [(&Exits, bool, Option<Candle>, Candle, &str); 14] = [
            (&ten, false, None, candle(1, "5000", "5600", "4400", "5000"), "stop_loss @ 4500"),
            (&none, true, None, candle(1, "4990", "5050", "4400", "5000"), "exit_signal @ open 4990"),
            (&none, false, None, candle(0, "5000", "5050", "4400", "4500"), "stop_loss @ 4500"),
            (&none, false, None, candle(1, "4300", "4400", "4200", "4300"), "stop_loss @ open 4300"),
            (&none, false, None, candle(1, "4300", "4600", "4200", "4300"), "stop_loss @ 4500"),
            (&ten, false, None, candle(1, "5700", "5800", "5650", "5700"), "roi @ 5650"),
            (&ten, false, None, candle(0, "5000", "5600", "4950", "5000"), "roi @ 5500"),
            (&trail, false, None, candle(1, "5450", "6000", "5300", "5400"), "trailing_stop_loss @ 5400"),
            (&trail_and_roi, false, None, candle(1, "5450", "6000", "5300", "5400"), "roi @ 5600"),
            (&trail, false, None, candle(0, "5000", "6000", "4600", "5000"), "trailing_stop_loss @ 4600"),
            (&offset, false, None, candle(0, "5000", "6000", "4600", "5000"), "trailing_stop_loss @ 5150"),
            (
                &trail,
                false,
                Some(candle(0, "5000", "5050", "4990", "5000")),
                candle(1, "5000", "6000", "4400", "5000"),
                "trailing_stop_loss @ 4545",
            ),
            (&stepped, false, None, candle(1, "5150", "5160", "5120", "5150"), "roi @ open 5150"),
            (&none, false, None, candle(1, "5000", "5020", "4980", "5010"), "stays"),
        ];
        for (exits, signalled, before, candle, expected) in rows {
            assert_eq!(says(RangeRule::Freqtrade, exits, signalled, before, &candle), expected, "{candle:?}");
        }
    }

    #[test]
    fn an_exit_at_a_low_between_two_ticks_is_at_a_tick_that_the_candle_reaches() {
        let exits = exits(&[("0s", "0.1")], Some(("0.1", None)));
        let rules = Instrument { tick: price("1"), ..rules() };
        let leave = |candle: &Candle| {
            let mut stops = StopTracker::new(&exits, &rules, price("5000"), Timestamp::from_nanos(OPENED)).unwrap();
            stops.on_range(candle, false, RangeRule::Freqtrade, &exits, &rules).unwrap().leave.unwrap().kind.price()
        };
        assert_eq!(leave(&candle(0, "5000", "5450.5", "4600.5", "5000")), Some(price("4601")));
        assert_eq!(leave(&candle(1, "5700", "5800", "5650.5", "5700")), Some(price("5650")));
    }

    #[test]
    fn the_strict_rule_assumes_what_is_worse() {
        let ten = exits(&[("0s", "0.1")], None);
        let none = exits(&[], None);
        let trail = exits(&[], Some(("0.1", None)));
        let rows: [(&Exits, Candle, &str); 8] = [
            (&ten, candle(1, "5000", "5600", "4400", "5000"), "stop_loss @ 4500"),
            (&none, candle(1, "4300", "4600", "4200", "4300"), "stop_loss @ open 4300"),
            (&none, candle(1, "4300", "4400", "4200", "4300"), "stop_loss @ open 4300"),
            (&ten, candle(1, "5400", "5500", "5300", "5400"), "stays"),
            (&ten, candle(1, "5400", "5501", "5300", "5400"), "roi @ 5500"),
            (&ten, candle(1, "5700", "5800", "5650", "5700"), "roi @ open 5700"),
            (&trail, candle(1, "5450", "6000", "5300", "5500"), "stays"),
            (&trail, candle(1, "5450", "6000", "5300", "5400"), "trailing_stop_loss @ 5400"),
        ];
        for (exits, candle, expected) in rows {
            assert_eq!(says(RangeRule::Strict, exits, false, None, &candle), expected, "{candle:?}");
        }
    }
}
