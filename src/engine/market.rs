//! What is known of each market: rules, last price, best prices, and how old that is.

use crate::domain::{Instrument, Price, Qty, Symbol, Timestamp};

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
}

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
