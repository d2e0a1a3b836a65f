//! The conventions of the freqtrade backtester, so that lists of trades can be compared one by one.

use crate::domain::{
    AmountError, Candle, ExitReason, Exits, Instrument, Notional, OrderKind, Price, Rate, Rounding, TimeInForce,
};
use crate::engine::{ExitSignal, IntervalRule, Judged, Leave, PastInterval, Position, StopTracker};
use crate::strategy::SignalRule;

/// Assumes what freqtrade does: the high raises a trailing stop first, the low may then hit it; a stop that was gapped over
/// is filled at its price; a stake must be free as its wallet counts it.
#[derive(Debug, Clone, Copy)]
pub struct Freqtrade;

impl IntervalRule for Freqtrade {
    fn signals(&self) -> SignalRule {
        SignalRule::Literal
    }

    fn exit_signal(&self) -> ExitSignal {
        ExitSignal::WithInterval
    }

    /// A fee counts once its position is closed, and a part of all is kept back.
    fn affords(
        &self,
        stake: Notional,
        cash: Notional,
        positions: &mut dyn Iterator<Item = &Position>,
    ) -> Result<bool, AmountError> {
        let (mut tied, mut free) = (Notional::ZERO, cash);
        for position in positions {
            tied = tied.plus(position.value_in())?;
            free = free.plus(position.fees_in())?;
        }
        let usable = tied.plus(free)?.scaled(FREQTRADE_USABLE, Rounding::Down)?.minus(tied)?;
        Ok(stake <= usable.min(free))
    }

    /// Looks at no price but the open when it values what is held.
    fn judge(&self, mut stops: StopTracker, interval: &PastInterval<'_>) -> Result<Judged, AmountError> {
        let leave = leave(&mut stops, interval)?;
        Ok(Judged { leave, worst: interval.candle.open, stops })
    }
}

fn leave(stops: &mut StopTracker, interval: &PastInterval<'_>) -> Result<Option<Leave>, AmountError> {
    let PastInterval { candle, exit_signalled, exits, rules } = *interval;
    if stops.stop().is_none_or(|stop| stop < candle.low) {
        raise(stops, candle.high, exits, rules)?;
    }
    if exit_signalled {
        return Ok(Some(Leave { kind: OrderKind::Market, reason: ExitReason::ExitSignal }));
    }
    let hit = stops.stop().filter(|stop| *stop >= candle.low);
    if let Some(stop) = hit.filter(|_| !stops.is_raised()) {
        return Ok(Some(Leave { kind: at_stop(stop, candle), reason: ExitReason::StopLoss }));
    }
    let age = candle.open_time.since(stops.opened());
    if let Some(step) = stops.roi_step(exits, candle.open_time)
        && stops.profit(candle.high, rules)? > step.profit
    {
        let price = stops.price_for(step.profit, rules, Rounding::Nearest)?;
        let just_begun = step.after == age && step.after.nanos() > 0;
        let kind = if just_begun && candle.open > price {
            OrderKind::Market
        } else {
            let price = price.max(candle.low).min(candle.high).to_tick(rules.tick, Rounding::Down)?;
            OrderKind::Limit { price, time_in_force: TimeInForce::GoodTillCancelled }
        };
        return Ok(Some(Leave { kind, reason: ExitReason::Roi }));
    }
    let Some(stop) = hit else { return Ok(None) };
    let kind = if age.nanos() == 0 && stop <= candle.high {
        let worst = worst_on_entry(stops, candle.open, exits, rules)?;
        // Rounded down it would lie under the low, and the candle would not reach it.
        OrderKind::Stop { trigger: worst.max(candle.low).to_tick(rules.tick, Rounding::Up)? }
    } else {
        at_stop(stop, candle)
    };
    Ok(Some(Leave { kind, reason: ExitReason::TrailingStopLoss }))
}

/// As the strict rule does, but a profit of exactly the offset still keeps the distance of before, or that of the first stop.
fn raise(stops: &mut StopTracker, high: Price, exits: &Exits, rules: &Instrument) -> Result<(), AmountError> {
    let Some(trailing) = exits.trailing else { return Ok(()) };
    let distance = match trailing.offset {
        Some(offset) => match stops.profit(high, rules)?.cmp(&offset) {
            std::cmp::Ordering::Less => trailing.distance_before,
            std::cmp::Ordering::Equal => trailing.distance_before.or(exits.stop_loss),
            std::cmp::Ordering::Greater => Some(trailing.distance),
        },
        None => Some(trailing.distance),
    };
    stops.follow(high, distance, rules)
}

/// On the candle of its entry a raised stop is taken to be hit right after it was first raised.
fn worst_on_entry(stops: &StopTracker, open: Price, exits: &Exits, rules: &Instrument) -> Result<Price, AmountError> {
    let share = match exits.trailing {
        Some(trailing) if trailing.distance_before.is_none() && trailing.offset.is_some() => {
            Rate::ONE.plus(trailing.offset.unwrap_or(Rate::ZERO))?.minus(trailing.distance)?
        }
        Some(_) | None => Rate::ONE.minus(stops.distance())?,
    };
    open.scaled(share, Rounding::Nearest)?.to_tick(rules.tick, Rounding::Nearest)
}

fn at_stop(stop: Price, candle: &Candle) -> OrderKind {
    if stop > candle.high { OrderKind::Market } else { OrderKind::Stop { trigger: stop } }
}

/// The share of a wallet that freqtrade uses: its `tradable_balance_ratio` when nothing is set.
pub const FREQTRADE_USABLE: Rate = Rate::from_units(99_000_000);
