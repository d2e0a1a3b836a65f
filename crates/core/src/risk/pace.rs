//! How many orders went out lately.

use std::collections::VecDeque;

use tradingbot_domain::{Span, Timestamp};

/// Times of the orders of the last minute, and the count of the UTC day.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    sent: VecDeque<Timestamp>,
    day: i64,
    today: u32,
}

impl Pace {
    /// Orders within the second, the minute and the UTC day that end at `now`.
    pub fn counts(&mut self, now: Timestamp) -> (u32, u32, u32) {
        while self.sent.front().is_some_and(|sent| now.since(*sent) >= Span::MINUTE) {
            self.sent.pop_front();
        }
        if now.day() != self.day {
            (self.day, self.today) = (now.day(), 0);
        }
        let second = self.sent.iter().rev().take_while(|sent| now.since(**sent) < Span::SECOND).count();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        (count(second), count(self.sent.len()), self.today)
    }

    /// From when on another order is within `per_second` and `per_minute`, if none goes out until then.
    pub fn free_at(&mut self, now: Timestamp, per_second: u32, per_minute: u32) -> Timestamp {
        let _ = self.counts(now);
        let leaves = |max: u32, within: Span| {
            let kept = usize::try_from(max.max(1)).unwrap_or(usize::MAX);
            let oldest = self.sent.len().checked_sub(kept).and_then(|place| self.sent.get(place));
            oldest.map_or(now, |sent| sent.plus(within))
        };
        now.max(leaves(per_second, Span::SECOND)).max(leaves(per_minute, Span::MINUTE))
    }

    /// Counts one order.
    pub fn note(&mut self, now: Timestamp) {
        let _ = self.counts(now);
        self.sent.push_back(now);
        self.today = self.today.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_there_again_when_the_oldest_order_that_fills_it_is_old_enough() {
        let at = |millis: i64| Timestamp::from_nanos(millis * 1_000_000);
        let mut pace = Pace::default();
        assert_eq!(pace.free_at(at(0), 2, 4), at(0));
        for sent in [0, 100, 200] {
            pace.note(at(sent));
        }
        assert_eq!(pace.free_at(at(300), 3, 4), at(1_000));
        assert_eq!(pace.free_at(at(300), 2, 4), at(1_100));
        assert_eq!(pace.free_at(at(300), 4, 4), at(300));
        assert_eq!(pace.free_at(at(300), 2, 3), at(60_000));
        assert_eq!(pace.free_at(at(60_000), 2, 3), at(60_000), "at that time there is room");
    }
}
