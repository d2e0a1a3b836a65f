//! What is known of each market: rules, last price, best prices, and how old that is.

use crate::domain::event::Trade;
use crate::domain::{AmountError, Candle, Instrument, Price, Qty, Span, Symbol, Timestamp};

/// One market.
#[derive(Debug)]
pub struct Market {
    /// The exchange's rules.
    pub rules: Instrument,
    /// Last trade price.
    pub last: Option<Price>,
    /// Highest price somebody pays, when known.
    pub bid: Option<Price>,
    /// Lowest price somebody sells at, when known.
    pub ask: Option<Price>,
    /// When it was last heard of.
    pub heard: Timestamp,
    /// What all desks hold of it together.
    pub held: Qty,
    /// Which desks trade it.
    pub desks: Vec<usize>,
    /// Candles in the making, one for each interval that a desk looks at.
    pub forming: Vec<Forming>,
}

/// A candle in the making.
#[derive(Debug)]
pub struct Forming {
    /// Its length.
    pub interval: Span,
    candle: Option<Candle>,
}

impl Forming {
    /// Nothing has traded yet.
    #[must_use]
    pub const fn new(interval: Span) -> Self {
        Self { interval, candle: None }
    }

    /// Takes in a trade. Candles that it proves over go to `closed`, oldest first: the one in the making, then one
    /// without a trade for each interval in which nothing traded. A trade older than the candle in the making is late
    /// and changes nothing.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn take(&mut self, trade: &Trade, closed: &mut Vec<Candle>) -> Result<(), AmountError> {
        let start = trade.at.floor(self.interval);
        if let Some(candle) = self.candle {
            if start < candle.open_time {
                return Ok(());
            }
            if start > candle.open_time {
                closed.push(candle);
                let mut empty = candle.open_time.plus(self.interval);
                while empty < start && closed.len() < EMPTY_MAX {
                    closed.push(Candle::flat(empty, candle.close));
                    empty = empty.plus(self.interval);
                }
                self.candle = None;
            }
        }
        self.candle.get_or_insert_with(|| Candle::flat(start, trade.price)).take(
            trade.price,
            trade.qty,
            trade.count,
            !trade.buyer_is_maker,
        )
    }
}

/// Intervals without a trade that are told of at once; after a longer silence the rest is left out.
const EMPTY_MAX: usize = 1_024;

/// All markets, found by symbol.
#[derive(Debug)]
pub struct Markets {
    markets: Vec<Market>,
    recent: usize,
}

impl Markets {
    /// Markets under `rules`, one each.
    #[must_use]
    pub fn new(mut rules: Vec<Instrument>) -> Self {
        rules.sort_by_key(|rules| rules.symbol);
        rules.dedup_by_key(|rules| rules.symbol);
        let markets = rules
            .into_iter()
            .map(|rules| Market {
                rules,
                last: None,
                bid: None,
                ask: None,
                heard: Timestamp::ZERO,
                held: Qty::ZERO,
                desks: Vec::new(),
                forming: Vec::new(),
            })
            .collect();
        Self { markets, recent: 0 }
    }

    /// The place of `symbol`, if it is known. Quick when asked for the same one again.
    pub fn find(&mut self, symbol: Symbol) -> Option<usize> {
        if self.markets.get(self.recent).is_some_and(|market| market.rules.symbol == symbol) {
            return Some(self.recent);
        }
        let place = self.markets.binary_search_by_key(&symbol, |market| market.rules.symbol).ok()?;
        self.recent = place;
        Some(place)
    }

    /// The market at `place`.
    ///
    /// # Panics
    ///
    /// When `place` did not come from [`Markets::find`].
    #[must_use]
    pub fn at(&self, place: usize) -> &Market {
        self.markets.get(place).expect("places come from find")
    }

    /// The market at `place`, to change.
    ///
    /// # Panics
    ///
    /// When `place` did not come from [`Markets::find`].
    pub fn at_mut(&mut self, place: usize) -> &mut Market {
        self.markets.get_mut(place).expect("places come from find")
    }

    /// All of them, by symbol.
    pub fn iter(&self) -> impl Iterator<Item = &Market> {
        self.markets.iter()
    }
}
