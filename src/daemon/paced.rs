//! A market of its own time at a pace: as it went, faster, or as fast as it can be read.

use crate::config::Speed;
use crate::domain::{Event, Span, Timestamp};

use super::feed::{Feed, FeedError, Poll};

/// Gives the events of another feed, which has them all at once, when they are due.
///
/// Those from before a life began come at once: strategies warm up on them. The pace is kept from the first one after
/// that on.
#[derive(Debug)]
pub struct Paced<F> {
    inner: F,
    /// `None` for as fast as possible.
    times: Option<i64>,
    from: Timestamp,
    anchor: Option<Anchor>,
    next: Option<(Timestamp, Event)>,
}

/// A moment in both times.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    market: Timestamp,
    clock: Timestamp,
}

impl<F: Feed> Paced<F> {
    /// `inner` at `speed`, for a life that began at the market's `from`.
    pub fn new(inner: F, speed: Speed, from: Timestamp) -> Self {
        let times = match speed {
            Speed::Times(times) => Some(i64::from(times.max(1))),
            Speed::Max => None,
        };
        Self { inner, times, from, anchor: None, next: None }
    }
}

impl<F: Feed> Feed for Paced<F> {
    fn poll(&mut self, now: Timestamp) -> Result<Poll, FeedError> {
        let (at, event) = match self.next.take() {
            Some(next) => next,
            None => match self.inner.poll(now)? {
                Poll::Event(at, event) => (at, event),
                none @ (Poll::Again | Poll::WaitUntil(_) | Poll::Idle | Poll::Over) => return Ok(none),
            },
        };
        let Some(times) = self.times.filter(|_| at >= self.from) else { return Ok(Poll::Event(at, event)) };
        let due = self.anchor.get_or_insert(Anchor { market: at, clock: now }).clock_at(at, times);
        if due > now {
            self.next = Some((at, event));
            return Ok(Poll::WaitUntil(due));
        }
        Ok(Poll::Event(at, event))
    }

    fn waits_for(&self) -> Option<&str> {
        self.inner.waits_for()
    }

    fn time(&self, now: Timestamp) -> Timestamp {
        self.times.zip(self.anchor).map_or(self.from, |(times, anchor)| anchor.market_at(now, times))
    }

    fn due(&self, at: Timestamp) -> Option<Timestamp> {
        self.times.zip(self.anchor).map(|(times, anchor)| anchor.clock_at(at, times))
    }

    fn position(&self) -> Option<(u64, u64)> {
        self.inner.position()
    }
}

impl Anchor {
    fn clock_at(self, market: Timestamp, times: i64) -> Timestamp {
        self.clock.plus(Span::from_nanos(market.since(self.market).nanos() / times))
    }

    fn market_at(self, clock: Timestamp, times: i64) -> Timestamp {
        self.market.plus(Span::from_nanos(clock.since(self.clock).nanos().saturating_mul(times)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// An event at each of these seconds of the market.
    struct Seconds(VecDeque<i64>);

    impl Feed for Seconds {
        fn poll(&mut self, _: Timestamp) -> Result<Poll, FeedError> {
            Ok(self.0.pop_front().map_or(Poll::Over, |second| Poll::Event(at(second), Event::Timer)))
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_nanos(second * 1_000_000_000)
    }

    fn paced(speed: Speed, from: i64, seconds: &[i64]) -> Paced<Seconds> {
        Paced::new(Seconds(seconds.iter().copied().collect()), speed, at(from))
    }

    #[test]
    fn events_come_when_their_time_has_come_and_not_before() {
        let mut feed = paced(Speed::Times(10), 100, &[100, 110, 110, 120]);
        let event = |second| Poll::Event(at(second), Event::Timer);
        assert_eq!(feed.due(at(110)), None, "nothing is due before the market's time runs");
        assert_eq!(feed.poll(at(7_000)).unwrap(), event(100));
        assert_eq!(feed.poll(at(7_000)).unwrap(), Poll::WaitUntil(at(7_001)));
        assert_eq!(feed.poll(at(7_000)).unwrap(), Poll::WaitUntil(at(7_001)), "it is not lost meanwhile");
        assert_eq!((feed.due(at(120)), feed.time(at(7_003))), (Some(at(7_002)), at(130)));
        assert_eq!([feed.poll(at(7_001)).unwrap(), feed.poll(at(7_001)).unwrap()], [event(110), event(110)]);
        assert_eq!([feed.poll(at(7_009)).unwrap(), feed.poll(at(7_009)).unwrap()], [event(120), Poll::Over]);
    }

    #[test]
    fn what_was_before_the_life_comes_at_once_and_starts_no_clock() {
        let mut feed = paced(Speed::Times(1), 100, &[40, 99, 101, 103]);
        assert_eq!(feed.poll(at(7)).unwrap(), Poll::Event(at(40), Event::Timer));
        assert_eq!(feed.poll(at(7)).unwrap(), Poll::Event(at(99), Event::Timer));
        assert_eq!((feed.time(at(8)), feed.due(at(101))), (at(100), None));
        assert_eq!(feed.poll(at(9)).unwrap(), Poll::Event(at(101), Event::Timer));
        assert_eq!(feed.poll(at(9)).unwrap(), Poll::WaitUntil(at(11)));
    }

    #[test]
    fn as_fast_as_possible_nothing_is_waited_for() {
        let mut feed = paced(Speed::Max, 100, &[100, 1_000_000]);
        assert_eq!(feed.poll(at(7)).unwrap(), Poll::Event(at(100), Event::Timer));
        assert_eq!(feed.poll(at(7)).unwrap(), Poll::Event(at(1_000_000), Event::Timer));
        assert_eq!(feed.due(at(1_000_001)), None);
    }
}
