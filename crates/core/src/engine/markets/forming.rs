//! A candle in the making.

use std::collections::VecDeque;

use crate::market::{BuildCandleError, CandleBuilder, Interval};
use tradingbot_domain::event::Trade;
use tradingbot_domain::{AmountError, Candle, Span};

/// A candle of one length in the making.
#[derive(Debug)]
pub struct Forming {
    interval: Span,
    builder: Option<(CandleBuilder, Interval)>,
}

impl Forming {
    /// Nothing has traded yet. Lengths that are no exchange's are never formed from trades.
    #[must_use]
    pub fn new(interval: Span) -> Self {
        let builder = Interval::try_from(interval).ok().map(|interval| (CandleBuilder::new(interval), interval));
        Self { interval, builder }
    }

    /// Takes in a trade. Candles that it proves over go to `closed`, oldest first: the one in the making, then a flat one
    /// for each interval in which nothing traded. A trade older than the candle in the making is late and changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn add_trade(&mut self, trade: &Trade, closed: &mut VecDeque<(Span, Candle)>) -> Result<(), AmountError> {
        let Some((builder, interval)) = &mut self.builder else { return Ok(()) };
        let candle = match builder.take(trade) {
            Ok(Some(candle)) => candle,
            Ok(None) | Err(BuildCandleError::Late { .. }) => return Ok(()),
            Err(BuildCandleError::Amount(error)) => return Err(error),
        };
        closed.push_back((self.interval, candle));
        let start = interval.start(trade.at);
        let mut empty = candle.open_time.plus(interval.span());
        for _ in 1..CLOSED_AT_ONCE_MAX {
            if empty >= start {
                break;
            }
            closed.push_back((self.interval, Candle::flat(empty, candle.close)));
            empty = empty.plus(interval.span());
        }
        Ok(())
    }
}

/// Candles that one trade closes at most; after a longer silence the rest is left out.
const CLOSED_AT_ONCE_MAX: usize = 1_024;
