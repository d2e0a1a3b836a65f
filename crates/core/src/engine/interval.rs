//! What is assumed about a past interval of which only open, high, low and close are known: the rule, and the strict one.

use std::fmt::Debug;

use crate::strategy::SignalRule;
use tradingbot_domain::{
    AmountError, Candle, ExitReason, Exits, Instrument, Notional, OrderKind, Price, Rounding, TimeInForce,
};

use super::portfolio::{Leave, Position, StopTracker};

/// Decides what cannot be known of a past interval: which of its prices came first, at what price a position was left in
/// it, and what a signal at its close is worth. Live prices need no such rule.
pub trait IntervalRule: Debug + Sync {
    /// What strategies make of candles in which nothing was traded.
    fn signals(&self) -> SignalRule;

    /// When a strategy's wish to leave, made at a close, is carried out.
    fn exit_signal(&self) -> ExitSignal;

    /// Whether an entry for a fixed `stake` is made by an account of so much `cash` that holds `positions`. An entry that
    /// is made is cut to what there is.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    fn affords(
        &self,
        stake: Notional,
        cash: Notional,
        positions: &mut dyn Iterator<Item = &Position>,
    ) -> Result<bool, AmountError>;

    /// Judges an open position with these stops by an interval.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    fn judge(&self, stops: StopTracker, interval: &PastInterval<'_>) -> Result<Judged, AmountError>;
}

/// When a wish to leave is carried out that a strategy made at a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitSignal {
    /// At the open of the next interval, before anything is judged by the inside of it.
    AtOpen,
    /// With the inside of the next interval, whose other ways out may come first.
    WithInterval,
}

/// An interval that is over, and what a position in it is judged by.
#[derive(Debug, Clone, Copy)]
pub struct PastInterval<'a> {
    /// Its prices.
    pub candle: &'a Candle,
    /// Whether the strategy wished to leave at its open, where that is left to the rule.
    pub exit_signalled: bool,
    /// The ways out that were asked for.
    pub exits: &'a Exits,
    /// The exchange's rules.
    pub rules: &'a Instrument,
}

/// What an interval means for an open position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// Whether it must be left, and how.
    pub leave: Option<Leave>,
    /// The worst price at which it was still held, as far as the rule looks at it.
    pub worst: Price,
    /// Its stops after the interval.
    pub stops: StopTracker,
}

/// Assumes what is worse for the account: the low comes before the high, and the close comes last; a stop that the open is
/// under is left at the open; a least profit counts only once the price has gone beyond it.
#[derive(Debug, Clone, Copy)]
pub struct Strict;

impl IntervalRule for Strict {
    fn signals(&self) -> SignalRule {
        SignalRule::Strict
    }

    fn exit_signal(&self) -> ExitSignal {
        ExitSignal::AtOpen
    }

    fn affords(
        &self,
        _stake: Notional,
        _cash: Notional,
        _positions: &mut dyn Iterator<Item = &Position>,
    ) -> Result<bool, AmountError> {
        Ok(true)
    }

    fn judge(&self, mut stops: StopTracker, interval: &PastInterval<'_>) -> Result<Judged, AmountError> {
        let PastInterval { candle, exits, rules, .. } = *interval;
        let left = |stops, kind, reason, worst| Ok(Judged { leave: Some(Leave { kind, reason }), worst, stops });
        if let Some(stop) = stops.stop().filter(|stop| candle.low <= *stop) {
            return if candle.open <= stop {
                left(stops, OrderKind::Market, stops.stop_reason(), candle.open)
            } else {
                left(stops, OrderKind::Stop { trigger: stop }, stops.stop_reason(), stop)
            };
        }
        if let Some(step) = stops.roi_step(exits, candle.open_time) {
            let price = stops.price_for(step.profit, rules, Rounding::Up)?;
            if candle.open >= price {
                return left(stops, OrderKind::Market, ExitReason::Roi, candle.open);
            }
            if candle.high > price {
                let kind = OrderKind::Limit { price, time_in_force: TimeInForce::GoodTillCancelled };
                return left(stops, kind, ExitReason::Roi, candle.low);
            }
        }
        stops.raise(candle.high, exits, rules)?;
        match stops.stop().filter(|stop| candle.close <= *stop && *stop <= candle.high) {
            Some(stop) => left(stops, OrderKind::Stop { trigger: stop }, stops.stop_reason(), candle.low),
            None => Ok(Judged { leave: None, worst: candle.low, stops }),
        }
    }
}
