//! Candles from trades, and longer candles from shorter ones.

use thiserror::Error;

use super::interval::Interval;
use crate::domain::event::Trade;
use crate::domain::{AmountError, Candle, Price, Timestamp};

/// Builds the candles of one symbol from its trades. An interval without a trade has no candle.
#[derive(Debug, Clone)]
pub struct CandleBuilder {
    interval: Interval,
    open: Option<Candle>,
    closed_until: Timestamp,
}

impl CandleBuilder {
    /// A builder that has seen no trade.
    #[must_use]
    pub const fn new(interval: Interval) -> Self {
        Self { interval, open: None, closed_until: Timestamp::from_nanos(i64::MIN) }
    }

    /// Takes in a trade; gives the candle that it proves over.
    ///
    /// # Errors
    ///
    /// [`BuildCandleError`]; nothing has changed then.
    pub fn take(&mut self, trade: &Trade) -> Result<Option<Candle>, BuildCandleError> {
        if trade.at < self.closed_until {
            return Err(BuildCandleError::Late { at: trade.at, closed_until: self.closed_until });
        }
        let Trade { price, qty, count, .. } = *trade;
        let start = self.interval.start(trade.at);
        if let Some(open) = self.open.as_mut().filter(|open| open.open_time == start) {
            open.take(price, qty, count, !trade.buyer_is_maker)?;
            return Ok(None);
        }
        let mut next = Candle::flat(start, price);
        next.take(price, qty, count, !trade.buyer_is_maker)?;
        self.closed_until = start;
        Ok(self.open.replace(next))
    }

    /// The candle that is over by `now`, if there is one: for markets in which nobody trades for a while.
    pub fn close(&mut self, now: Timestamp) -> Option<Candle> {
        let end = self.open.as_ref()?.open_time.plus(self.interval.span());
        if now < end {
            return None;
        }
        self.closed_until = end;
        self.open.take()
    }

    /// The candle that is not over, as far as it is known.
    #[must_use]
    pub const fn open(&self) -> Option<&Candle> {
        self.open.as_ref()
    }
}

/// A trade that cannot become part of a candle.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BuildCandleError {
    /// It belongs to a candle that is over.
    #[error("a trade of {at} comes after its candle was closed: candles are over until {closed_until}")]
    Late {
        /// When it happened.
        at: Timestamp,
        /// Where the open candle starts.
        closed_until: Timestamp,
    },
    /// The sums no longer fit.
    #[error("a candle cannot hold the trade")]
    Amount(#[from] AmountError),
}

/// Adds candles up to longer ones. An interval without a candle has none in the longer ones either.
#[derive(Debug, Clone)]
pub struct CandleMerger {
    from: Interval,
    to: Interval,
    open: Option<Candle>,
    taken_until: Timestamp,
}

impl CandleMerger {
    /// A merger of candles of length `from` to candles of length `to`.
    ///
    /// # Errors
    ///
    /// [`MergeCandlesError::Lengths`] when `to` is not a multiple of `from`.
    pub const fn new(from: Interval, to: Interval) -> Result<Self, MergeCandlesError> {
        if !from.divides(to) {
            return Err(MergeCandlesError::Lengths { from, to });
        }
        Ok(Self { from, to, open: None, taken_until: Timestamp::from_nanos(i64::MIN) })
    }

    /// Takes in a candle that is over and appends what is over by it: one that it ends, and before that one whose last
    /// parts are missing.
    ///
    /// # Errors
    ///
    /// [`MergeCandlesError`]; nothing has changed then.
    pub fn take(&mut self, candle: &Candle, out: &mut Vec<Candle>) -> Result<(), MergeCandlesError> {
        let at = candle.open_time;
        if at < self.taken_until {
            return Err(MergeCandlesError::Overlap { at, until: self.taken_until });
        }
        let until = at.plus(self.from.span());
        let start = self.to.start(at);
        let end = start.plus(self.to.span());
        if until > end {
            return Err(MergeCandlesError::Straddles { from: self.from, to: self.to, at, end });
        }
        let sum = match self.open.as_ref().filter(|open| open.open_time == start) {
            Some(open) => added(open, candle)?,
            None => Candle { open_time: start, ..*candle },
        };
        out.extend(self.open.take().filter(|open| open.open_time != start));
        self.taken_until = until;
        if until == end {
            out.push(sum);
        } else {
            self.open = Some(sum);
        }
        Ok(())
    }

    /// The candle whose end has not been seen, as far as it is known.
    #[must_use]
    pub const fn open(&self) -> Option<&Candle> {
        self.open.as_ref()
    }
}

/// Candles that cannot be added up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MergeCandlesError {
    /// One length does not divide the other.
    #[error(
        "candles of {from} do not add up to candles of {to}; choose a longer interval that is a multiple of {from}"
    )]
    Lengths {
        /// Length of what there is.
        from: Interval,
        /// Length of what is asked for.
        to: Interval,
    },
    /// A candle belongs to two of the longer ones.
    #[error("the candle of {from} at {at} reaches past {end}, where a candle of {to} ends; it cannot be split")]
    Straddles {
        /// Length of what there is.
        from: Interval,
        /// Length of what is asked for.
        to: Interval,
        /// Its start.
        at: Timestamp,
        /// End of the longer one.
        end: Timestamp,
    },
    /// A candle starts before the one before it ends.
    #[error("the candle at {at} starts before the one before it ends, {until}; sort them and remove repeats")]
    Overlap {
        /// Its start.
        at: Timestamp,
        /// End of the one before.
        until: Timestamp,
    },
    /// The sums no longer fit.
    #[error("a candle cannot hold the sum")]
    Amount(#[from] AmountError),
}

fn added(sum: &Candle, next: &Candle) -> Result<Candle, AmountError> {
    let (high, low): (Price, Price) = (sum.high.max(next.high), sum.low.min(next.low));
    Ok(Candle {
        open_time: sum.open_time,
        open: sum.open,
        high,
        low,
        close: next.close,
        volume: sum.volume.plus(next.volume)?,
        quote_volume: sum.quote_volume.plus(next.quote_volume)?,
        trades: sum.trades.saturating_add(next.trades),
        taker_buy_volume: sum.taker_buy_volume.plus(next.taker_buy_volume)?,
        taker_buy_quote_volume: sum.taker_buy_quote_volume.plus(next.taker_buy_quote_volume)?,
    })
}
