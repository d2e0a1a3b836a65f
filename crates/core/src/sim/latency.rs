//! How long words take to the simulated exchange and back.

use crate::market::Random;
use tradingbot_domain::{Span, Timestamp};

/// Time that one way takes: evenly spread between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    /// The least.
    pub min: Span,
    /// The most.
    pub max: Span,
}

/// One direction of a connection: what was sent first arrives first.
#[derive(Debug)]
pub(super) struct Line {
    latency: Latency,
    random: Random,
    last: Timestamp,
}

impl Line {
    pub(super) const fn new(latency: Latency, random: Random) -> Self {
        Self { latency, random, last: Timestamp::ZERO }
    }

    /// When what is sent now arrives.
    pub(super) fn arrival(&mut self, sent: Timestamp) -> Timestamp {
        let alone = self.alone(sent);
        self.last = self.last.max(alone);
        self.last
    }

    /// When what is sent now arrives if nothing holds it up, nor it what comes later.
    pub(super) const fn alone(&mut self, sent: Timestamp) -> Timestamp {
        sent.plus(self.random.span(self.latency.min, self.latency.max))
    }

    /// Holds up everything from now on until then.
    pub(super) fn hold(&mut self, until: Timestamp) {
        self.last = self.last.max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_arrive_in_the_order_they_were_sent_and_within_the_latency() {
        let latency = Latency { min: Span::from_millis(5), max: Span::from_millis(50) };
        let mut line = Line::new(latency, Random::seeded(1));
        let mut before = Timestamp::ZERO;
        for millis in 0..1_000 {
            let sent = Timestamp::from_millis(millis).unwrap();
            let arrival = line.arrival(sent);
            assert!(arrival >= before && arrival >= sent.plus(latency.min) && arrival <= sent.plus(latency.max));
            before = arrival;
        }
    }
}
