//! Which trades have been read, by their numbers: what comes again is told from what comes too late.

use std::collections::VecDeque;

use crate::domain::Timestamp;

/// The numbers of the trades of one symbol that were read so far.
#[derive(Debug, Clone, Default)]
pub struct TradeIds {
    first: Option<(u64, Timestamp)>,
    /// First and last number of each stretch without a hole, ascending.
    stretches: VecDeque<(u64, u64)>,
    read: u64,
}

/// How a trade, or several merged ones, stand to those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradeOrder {
    /// After all of them.
    Next,
    /// Among them: it was read before, by itself or within a merged one.
    Again,
    /// Some of it was read before and some was not, as when streams of single and of merged trades are mixed.
    Overlap {
        /// The last number so far.
        after: u64,
    },
    /// In a hole between them, or in front of them all: it was not read before and is not in order.
    Back {
        /// The last number so far.
        after: u64,
    },
}

impl TradeIds {
    /// Takes in the trades from `first` to `last`, of `at`.
    pub fn note(&mut self, first: u64, last: u64, at: Timestamp) -> TradeOrder {
        let own = last.saturating_sub(first).saturating_add(1);
        match self.stretches.back_mut() {
            Some((_, until)) if first <= *until => return self.note_back(first, last, at),
            Some((_, until)) if first == until.saturating_add(1) => *until = last,
            Some(_) | None => {
                if self.stretches.len() == STRETCHES_MAX {
                    self.stretches.pop_front();
                }
                self.stretches.push_back((first, last));
                self.first.get_or_insert((first, at));
            }
        }
        self.read = self.read.saturating_add(own);
        TradeOrder::Next
    }

    /// The first trade of all and its time.
    #[must_use]
    pub const fn first(&self) -> Option<(u64, Timestamp)> {
        self.first
    }

    /// Trades whose numbers were left out between those read.
    #[must_use]
    pub fn missing(&self) -> u64 {
        let (Some((first, _)), Some((_, until))) = (self.first, self.stretches.back()) else { return 0 };
        until.saturating_sub(first).saturating_add(1).saturating_sub(self.read)
    }

    #[cold]
    fn note_back(&mut self, first: u64, last: u64, at: Timestamp) -> TradeOrder {
        let place = self.stretches.partition_point(|(_, until)| *until < first);
        let after = self.stretches.back().map_or(0, |(_, until)| *until);
        match self.stretches.get(place) {
            Some((from, until)) if *from <= first && last <= *until => return TradeOrder::Again,
            Some((from, _)) if *from <= last => return TradeOrder::Overlap { after },
            Some(_) | None => {}
        }
        if self.stretches.len() < STRETCHES_MAX {
            self.stretches.insert(place, (first, last));
        }
        self.first = self.first.filter(|(earliest, _)| *earliest < first).or(Some((first, at)));
        self.read = self.read.saturating_add(last.saturating_sub(first).saturating_add(1));
        TradeOrder::Back { after }
    }
}

/// Most stretches that are remembered, 16 MB of them. What lies before them counts as out of order when it comes again.
pub const STRETCHES_MAX: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_told_from_what_comes_too_late() {
        let mut ids = TradeIds::default();
        let mut note = |first, last| ids.note(first, last, Timestamp::ZERO);
        for (first, last, order) in [
            (10, 12, TradeOrder::Next),
            (13, 13, TradeOrder::Next),
            (20, 21, TradeOrder::Next),
            (11, 11, TradeOrder::Again),
            (12, 13, TradeOrder::Again),
            (19, 20, TradeOrder::Overlap { after: 21 }),
            (21, 24, TradeOrder::Overlap { after: 21 }),
            (15, 16, TradeOrder::Back { after: 21 }),
            (15, 16, TradeOrder::Again),
            (3, 9, TradeOrder::Back { after: 21 }),
            (22, 22, TradeOrder::Next),
        ] {
            assert_eq!(note(first, last), order, "{first}..={last}");
        }
        assert_eq!((ids.missing(), ids.first().map(|(id, _)| id)), (4, Some(3)));
        assert_eq!(TradeIds::default().missing(), 0);
    }

    #[test]
    fn memory_is_bounded_and_what_was_forgotten_is_not_called_a_repetition() {
        let mut ids = TradeIds::default();
        let stretches = u64::try_from(STRETCHES_MAX).unwrap();
        for id in 0..=stretches {
            assert_eq!(ids.note(id * 2, id * 2, Timestamp::ZERO), TradeOrder::Next);
        }
        assert_eq!((ids.stretches.len(), ids.missing()), (STRETCHES_MAX, stretches));
        assert_eq!(ids.note(2, 2, Timestamp::ZERO), TradeOrder::Again);
        assert_eq!(ids.note(0, 0, Timestamp::ZERO), TradeOrder::Back { after: stretches * 2 });
    }
}
