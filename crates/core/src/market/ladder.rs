//! One side of an order book.

use std::collections::BTreeMap;

use tradingbot_domain::event::Level;
use tradingbot_domain::{Price, Qty, Side};

/// Price levels, best first.
///
/// A tree, since most changes put in or take out a level, and rarely at the best price: on recorded markets a sorted
/// vector with the best level last needed 1.4 times as long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ladder {
    side: Side,
    levels: BTreeMap<i64, Qty>,
}

impl Ladder {
    /// An empty side: of buyers or of sellers.
    pub(super) const fn new(side: Side) -> Self {
        Self { side, levels: BTreeMap::new() }
    }

    /// Puts `qty` at `price` in place of what was there; nothing, or less, removes the level.
    pub(super) fn set(&mut self, (price, qty): Level) {
        let rank = self.rank(price);
        if !qty.is_positive() {
            self.levels.remove(&rank);
        } else if self.levels.insert(rank, qty).is_none() && self.levels.len() > LEVELS_MAX {
            self.levels.pop_last();
        }
    }

    /// Removes all levels.
    pub(super) fn clear(&mut self) {
        self.levels.clear();
    }

    /// The best level.
    pub(super) fn best(&self) -> Option<Level> {
        self.levels.first_key_value().map(|(rank, qty)| (self.price(*rank), *qty))
    }

    /// The level farthest from the best.
    pub(super) fn worst(&self) -> Option<Level> {
        self.levels.last_key_value().map(|(rank, qty)| (self.price(*rank), *qty))
    }

    /// What is at `price`.
    pub(super) fn at(&self, price: Price) -> Qty {
        self.levels.get(&self.rank(price)).copied().unwrap_or(Qty::ZERO)
    }

    /// All levels, best first.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = Level> {
        self.levels.iter().map(|(rank, qty)| (self.price(*rank), *qty))
    }

    /// How many levels there are.
    pub(super) fn len(&self) -> usize {
        self.levels.len()
    }

    /// A number that is the smaller, the better the price is for whoever trades against this side.
    const fn rank(&self, price: Price) -> i64 {
        match self.side {
            Side::Buy => !price.units(),
            Side::Sell => price.units(),
        }
    }

    const fn price(&self, rank: i64) -> Price {
        match self.side {
            Side::Buy => Price::from_units(!rank),
            Side::Sell => Price::from_units(rank),
        }
    }
}

/// Levels that a side keeps; beyond them the worst are dropped. A busy market has some thousands.
pub const LEVELS_MAX: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(side: Side, prices: impl Iterator<Item = i64>) -> Ladder {
        let mut ladder = Ladder::new(side);
        for price in prices {
            ladder.set((Price::from_units(price), Qty::from_units(1)));
        }
        ladder
    }

    #[test]
    fn the_worst_level_goes_when_there_are_too_many() {
        let most = i64::try_from(LEVELS_MAX).unwrap();
        let mut sellers = filled(Side::Sell, 1..=most + 1);
        assert_eq!(sellers.len(), LEVELS_MAX);
        assert_eq!(sellers.iter().last().unwrap().0, Price::from_units(most));
        sellers.set((Price::ZERO, Qty::from_units(7)));
        assert_eq!(sellers.best(), Some((Price::ZERO, Qty::from_units(7))));
        assert_eq!(sellers.iter().last().unwrap().0, Price::from_units(most - 1));
        let buyers = filled(Side::Buy, (1..=most + 1).rev());
        assert_eq!((buyers.len(), buyers.iter().last().unwrap().0), (LEVELS_MAX, Price::from_units(2)));
    }

    #[test]
    fn the_extremes_of_price_keep_their_order() {
        for (side, best, worst) in [(Side::Sell, i64::MIN, i64::MAX), (Side::Buy, i64::MAX, i64::MIN)] {
            let ladder = filled(side, [i64::MAX, 0, i64::MIN].into_iter());
            assert_eq!(ladder.best().unwrap().0, Price::from_units(best));
            assert_eq!(ladder.iter().last().unwrap().0, Price::from_units(worst));
        }
    }
}
