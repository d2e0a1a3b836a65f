//! How many orders went out lately.

use std::collections::VecDeque;

use crate::domain::{Span, Timestamp};

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

    /// Counts one order.
    pub fn note(&mut self, now: Timestamp) {
        let _ = self.counts(now);
        self.sent.push_back(now);
        self.today = self.today.saturating_add(1);
    }
}
