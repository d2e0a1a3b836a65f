//! How many orders went out lately. Entries are judged by all of them, exits by exits alone: an entry can wait, and no exit
//! may wait because entries went before it.

use std::collections::VecDeque;

use tradingbot_domain::{Purpose, Span, Timestamp};

/// Orders of the last minute, and the count of the UTC day.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    all: Recent,
    exits: Recent,
    day: i64,
    today: u32,
}

/// How many orders count against the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Within the second that ends now.
    pub second: u32,
    /// Within the minute that ends now.
    pub minute: u32,
    /// Within the UTC day; none for an exit.
    pub day: u32,
}

impl Pace {
    /// What counts against an order of that purpose at `now`.
    pub fn counts(&mut self, now: Timestamp, purpose: Purpose) -> Counts {
        if now.day() != self.day {
            (self.day, self.today) = (now.day(), 0);
        }
        let (recent, day) = match purpose {
            Purpose::Enter => (&mut self.all, self.today),
            Purpose::Exit(_) => (&mut self.exits, 0),
        };
        recent.forget(now);
        Counts { second: recent.within_second(now), minute: recent.within_minute(), day }
    }

    /// From when on another exit is within `per_second` and `per_minute`, if none goes out until then.
    pub fn exit_free_at(&mut self, now: Timestamp, per_second: u32, per_minute: u32) -> Timestamp {
        self.exits.forget(now);
        let per_second = self.exits.free_at(now, per_second, Span::SECOND);
        per_second.max(self.exits.free_at(now, per_minute, Span::MINUTE))
    }

    /// Counts one order.
    pub fn note(&mut self, now: Timestamp, purpose: Purpose) {
        let _ = self.counts(now, purpose);
        self.today = self.today.saturating_add(1);
        self.all.add(now);
        match purpose {
            Purpose::Enter => {}
            Purpose::Exit(_) => self.exits.add(now),
        }
    }
}

/// Times of the last minute, oldest first.
#[derive(Debug, Clone, Default)]
struct Recent(VecDeque<Timestamp>);

impl Recent {
    fn forget(&mut self, now: Timestamp) {
        while self.0.front().is_some_and(|sent| now.since(*sent) >= Span::MINUTE) {
            self.0.pop_front();
        }
    }

    fn add(&mut self, now: Timestamp) {
        self.forget(now);
        self.0.push_back(now);
    }

    fn within_second(&self, now: Timestamp) -> u32 {
        count(self.0.iter().rev().take_while(|sent| now.since(**sent) < Span::SECOND).count())
    }

    fn within_minute(&self) -> u32 {
        count(self.0.len())
    }

    /// From when on fewer than `max` are within the span that ends then.
    fn free_at(&self, now: Timestamp, max: u32, within: Span) -> Timestamp {
        let kept = usize::try_from(max.max(1)).unwrap_or(usize::MAX);
        let oldest = self.0.len().checked_sub(kept).and_then(|place| self.0.get(place));
        oldest.map_or(now, |sent| now.max(sent.plus(within)))
    }
}

/// More than four thousand million are more than any limit.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradingbot_domain::ExitReason;

    const EXIT: Purpose = Purpose::Exit(ExitReason::StopLoss);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn room_is_there_again_when_the_oldest_order_that_fills_it_is_old_enough() {
        let mut pace = Pace::default();
        assert_eq!(pace.exit_free_at(at(0), 2, 4), at(0));
        for sent in [0, 100, 200] {
            pace.note(at(sent), EXIT);
        }
        assert_eq!(pace.exit_free_at(at(300), 3, 4), at(1_000));
        assert_eq!(pace.exit_free_at(at(300), 2, 4), at(1_100));
        assert_eq!(pace.exit_free_at(at(300), 4, 4), at(300));
        assert_eq!(pace.exit_free_at(at(300), 2, 3), at(60_000));
        assert_eq!(pace.exit_free_at(at(60_000), 2, 3), at(60_000), "at that time there is room");
    }

    #[test]
    fn exits_count_against_entries_and_entries_not_against_exits() {
        let mut pace = Pace::default();
        pace.note(at(0), Purpose::Enter);
        pace.note(at(500), Purpose::Enter);
        assert_eq!(pace.counts(at(900), EXIT), Counts { second: 0, minute: 0, day: 0 });
        assert_eq!(pace.exit_free_at(at(900), 1, 1), at(900));
        pace.note(at(900), EXIT);
        assert_eq!(pace.counts(at(1_000), Purpose::Enter), Counts { second: 2, minute: 3, day: 3 });
        assert_eq!(pace.counts(at(1_000), EXIT), Counts { second: 1, minute: 1, day: 0 });
        assert_eq!(pace.counts(at(60_900), EXIT), Counts { second: 0, minute: 0, day: 0 });
    }
}
