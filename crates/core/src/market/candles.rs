//! Candles from trades, and longer candles from shorter ones.

use thiserror::Error;

use super::interval::Interval;
use tradingbot_domain::event::Trade;
use tradingbot_domain::{AmountError, Candle, Timestamp, TradeId};

/// Builds the candles of one symbol from its trades. An interval without a trade has no candle.
///
/// Trades are known by their numbers, which rise: one that came before, by itself or within a merged one, is counted
/// once, so streams may overlap.
#[derive(Debug, Clone)]
pub struct CandleBuilder {
    interval: Interval,
    open: Option<Candle>,
    closed_until: Timestamp,
    next_id: Option<u64>,
    repeated: u64,
    missed: u64,
}

impl CandleBuilder {
    /// A builder that has seen no trade.
    #[must_use]
    pub const fn new(interval: Interval) -> Self {
        let closed_until = Timestamp::from_nanos(i64::MIN);
        Self { interval, open: None, closed_until, next_id: None, repeated: 0, missed: 0 }
    }

    /// Takes in a trade; gives the candle that it proves over.
    ///
    /// # Errors
    ///
    /// [`BuildCandleError`]; nothing has changed then.
    pub fn take(&mut self, trade: &Trade) -> Result<Option<Candle>, BuildCandleError> {
        let TradeId(id) = trade.id;
        if self.next_id.is_some_and(|next| id < next) {
            self.repeated = self.repeated.saturating_add(1);
            return Ok(None);
        }
        if trade.at < self.closed_until {
            return Err(BuildCandleError::Late { at: trade.at, closed_until: self.closed_until });
        }
        let start = self.interval.start(trade.at);
        let over = match self.open.as_mut().filter(|open| open.open_time == start) {
            Some(open) => {
                open.take(trade.price, trade.qty, trade.count, !trade.buyer_is_maker)?;
                None
            }
            None => {
                let mut next = Candle::flat(start, trade.price);
                next.take(trade.price, trade.qty, trade.count, !trade.buyer_is_maker)?;
                self.closed_until = start;
                self.open.replace(next)
            }
        };
        self.missed = self.missed.saturating_add(self.next_id.map_or(0, |next| id - next));
        self.next_id = Some(id.saturating_add(trade.count));
        Ok(over)
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

    /// Trades that were left out because they had been counted.
    #[must_use]
    pub const fn repeated(&self) -> u64 {
        self.repeated
    }

    /// Trades whose numbers were jumped over: without them candles differ from the exchange's.
    #[must_use]
    pub const fn missed(&self) -> u64 {
        self.missed
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
    /// [`MergeCandlesError::Lengths`] when `to` is not `from` or a multiple of it.
    pub fn new(from: Interval, to: Interval) -> Result<Self, MergeCandlesError> {
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
    #[error("candles of {from} do not add up to candles of {to}; choose a multiple of {from}")]
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
    Ok(Candle {
        open_time: sum.open_time,
        open: sum.open,
        high: sum.high.max(next.high),
        low: sum.low.min(next.low),
        close: next.close,
        volume: sum.volume.plus(next.volume)?,
        quote_volume: sum.quote_volume.plus(next.quote_volume)?,
        trades: sum.trades.saturating_add(next.trades),
        taker_buy_volume: sum.taker_buy_volume.plus(next.taker_buy_volume)?,
        taker_buy_quote_volume: sum.taker_buy_quote_volume.plus(next.taker_buy_quote_volume)?,
    })
}
