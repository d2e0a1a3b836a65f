//! The order book: price levels of both sides.

use super::ladder::Ladder;
use tradingbot_domain::event::{BookSnapshot, DepthUpdate, Level};
use tradingbot_domain::{Price, Qty, Side};

/// What rests in one market. Whether updates follow on each other is for [`BookSync`](super::BookSync) to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    last_update: u64,
    bids: Ladder,
    asks: Ladder,
}

impl Book {
    /// A book without levels.
    #[must_use]
    pub const fn new() -> Self {
        Self { last_update: 0, bids: Ladder::new(Side::Buy), asks: Ladder::new(Side::Sell) }
    }

    /// Forgets everything and takes in a whole book.
    pub fn load(&mut self, snapshot: &BookSnapshot) {
        self.bids.clear();
        self.asks.clear();
        self.last_update = snapshot.last_update;
        for level in &snapshot.bids {
            self.bids.set(*level);
        }
        for level in &snapshot.asks {
            self.asks.set(*level);
        }
    }

    /// Takes in changed levels.
    pub fn apply(&mut self, update: &DepthUpdate) {
        self.last_update = update.last;
        for level in &update.bids {
            self.bids.set(*level);
        }
        for level in &update.asks {
            self.asks.set(*level);
        }
    }

    /// The last update in it.
    #[must_use]
    pub const fn last_update(&self) -> u64 {
        self.last_update
    }

    /// Highest price somebody pays, and how much at that price.
    #[must_use]
    pub fn best_bid(&self) -> Option<Level> {
        self.bids.best()
    }

    /// Lowest price somebody sells at, and how much at that price.
    #[must_use]
    pub fn best_ask(&self) -> Option<Level> {
        self.asks.best()
    }

    /// Levels of buyers, highest price first.
    pub fn bids(&self) -> impl ExactSizeIterator<Item = Level> {
        self.bids.iter()
    }

    /// Levels of sellers, lowest price first.
    pub fn asks(&self) -> impl ExactSizeIterator<Item = Level> {
        self.asks.iter()
    }

    /// How many levels of buyers and of sellers there are.
    #[must_use]
    pub fn depth(&self) -> (usize, usize) {
        (self.bids.len(), self.asks.len())
    }

    /// The level of buyers or of sellers that is farthest from the best.
    #[must_use]
    pub fn worst(&self, side: Side) -> Option<Level> {
        match side {
            Side::Buy => self.bids.worst(),
            Side::Sell => self.asks.worst(),
        }
    }

    /// Takes `qty`, or all there is, away from the level at exactly `price`: for one who trades against a book that does
    /// not hear of it. The next update of that level brings it back.
    pub fn take(&mut self, side: Side, price: Price, qty: Qty) {
        let rest = self.at(side, price).minus(qty).unwrap_or(Qty::ZERO);
        match side {
            Side::Buy => self.bids.set((price, rest)),
            Side::Sell => self.asks.set((price, rest)),
        }
    }

    /// How much rests at exactly `price` on the side of buyers or of sellers.
    #[must_use]
    pub fn at(&self, side: Side, price: Price) -> Qty {
        match side {
            Side::Buy => self.bids.at(price),
            Side::Sell => self.asks.at(price),
        }
    }

    /// Whether somebody pays as much as somebody else asks, as in no market that trades.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        matches!((self.best_bid(), self.best_ask()), (Some((bid, _)), Some((ask, _))) if bid >= ask)
    }
}

impl Default for Book {
    fn default() -> Self {
        Self::new()
    }
}
