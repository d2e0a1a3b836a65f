//! One side of a practice book: up to twenty levels, best first, in ticks and lots.

use tradingbot_domain::Side;

/// Levels of one side.
#[derive(Debug, Clone)]
pub(super) struct Levels {
    side: Side,
    /// Ticks and lots, best first.
    levels: Vec<(i64, i64)>,
    /// Ticks of the levels that have changed since they were told.
    changed: Vec<i64>,
}

impl Levels {
    pub(super) fn new(side: Side) -> Self {
        Self { side, levels: Vec::with_capacity(LEVELS_MAX + 1), changed: Vec::with_capacity(2 * LEVELS_MAX) }
    }

    pub(super) fn best(&self) -> Option<(i64, i64)> {
        self.levels.first().copied()
    }

    pub(super) const fn len(&self) -> usize {
        self.levels.len()
    }

    pub(super) fn at(&self, index: usize) -> Option<(i64, i64)> {
        self.levels.get(index).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.levels.iter().copied()
    }

    /// Adds lots to a level, which may be new; beyond the bound the worst level goes.
    pub(super) fn add(&mut self, ticks: i64, lots: i64) {
        let place = self.levels.partition_point(|(level, _)| self.is_better(*level, ticks));
        match self.levels.get_mut(place) {
            Some((level, had)) if *level == ticks => *had += lots,
            Some(_) | None => self.levels.insert(place, (ticks, lots)),
        }
        self.changed.push(ticks);
        if self.levels.len() > LEVELS_MAX
            && let Some((worst, _)) = self.levels.pop()
        {
            self.changed.push(worst);
        }
    }

    /// Takes up to so many lots from a level, by its place, and says how many.
    pub(super) fn take(&mut self, index: usize, lots: i64) -> i64 {
        let Some((ticks, had)) = self.levels.get_mut(index) else { return 0 };
        self.changed.push(*ticks);
        let taken = lots.min(*had);
        *had -= taken;
        if *had == 0 {
            self.levels.remove(index);
        }
        taken
    }

    /// Adds levels behind the worst one, `next` saying how far and how large, until there are enough.
    pub(super) fn fill(&mut self, mut nearest: i64, mut next: impl FnMut(usize) -> (i64, i64)) {
        while self.levels.len() < LEVELS_MIN {
            let index = self.levels.len();
            let (gap, lots) = next(index);
            if let Some((worst, _)) = self.levels.last() {
                nearest = match self.side {
                    Side::Buy => *worst - gap,
                    Side::Sell => *worst + gap,
                };
            }
            self.levels.push((nearest, lots));
            self.changed.push(nearest);
        }
    }

    /// Hands over each changed level once, with what rests there now.
    pub(super) fn tell(&mut self, mut tell: impl FnMut(i64, i64)) {
        self.changed.sort_unstable();
        self.changed.dedup();
        for ticks in self.changed.drain(..) {
            let found = self.levels.iter().find(|(level, _)| *level == ticks);
            tell(ticks, found.map_or(0, |(_, lots)| *lots));
        }
    }

    pub(super) const fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    fn is_better(&self, one: i64, other: i64) -> bool {
        match self.side {
            Side::Buy => one > other,
            Side::Sell => one < other,
        }
    }
}

pub(super) const LEVELS_MIN: usize = 10;
pub(super) const LEVELS_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(levels: &mut Levels) -> Vec<(i64, i64)> {
        let mut told = Vec::new();
        levels.tell(|ticks, lots| told.push((ticks, lots)));
        told
    }

    #[test]
    fn levels_stay_sorted_best_first_and_are_told_once() {
        let mut bids = Levels::new(Side::Buy);
        for (ticks, lots) in [(100, 1), (102, 2), (101, 3), (102, 4)] {
            bids.add(ticks, lots);
        }
        assert_eq!(bids.iter().collect::<Vec<_>>(), [(102, 6), (101, 3), (100, 1)]);
        assert_eq!(told(&mut bids), [(100, 1), (101, 3), (102, 6)]);
        assert!(!bids.has_changed());
        assert_eq!(bids.take(0, 9), 6);
        assert_eq!(bids.take(7, 9), 0);
        assert_eq!(told(&mut bids), [(102, 0)]);
    }

    #[test]
    fn there_are_never_more_than_twenty_and_after_filling_never_less_than_ten() {
        let mut asks = Levels::new(Side::Sell);
        asks.fill(50, |index| (2, i64::try_from(index).unwrap() + 1));
        assert_eq!(asks.len(), LEVELS_MIN);
        assert_eq!((asks.at(0), asks.at(9)), (Some((50, 1)), Some((68, 10))));
        for ticks in 0..30 {
            asks.add(ticks, 1);
        }
        assert_eq!((asks.len(), asks.best()), (LEVELS_MAX, Some((0, 1))));
    }
}
