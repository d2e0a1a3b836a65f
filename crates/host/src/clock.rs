//! BASE: the one reader of the clocks; whoever needs the time asks here or is told.

use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tradingbot_domain::{Span, Timestamp};

/// The time now, UTC. Within this process it never goes back, and never stands still for long.
///
/// It is the system's time. When that is set back, this one runs at half speed until the two agree again.
#[must_use]
pub fn now() -> Timestamp {
    let (wall, mark) = (wall(), Mark::now());
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    let (at, since) = match *told {
        Some((last, then)) => (steady(last, wall, mark.since(then)), mark),
        None => (wall, mark),
    };
    *told = Some((at, since));
    at
}

/// A point on a clock that nobody sets; only the time between two of them means anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(Instant);

impl Mark {
    /// This moment.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one reader of the monotonic clock")]
    pub fn now() -> Self {
        Self(Instant::now())
    }

    /// How long ago it was; what a latency is measured with.
    #[must_use]
    pub fn elapsed(self) -> Span {
        Self::now().since(self)
    }

    /// The time from `earlier` to here; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        let nanos = self.0.saturating_duration_since(earlier.0).as_nanos();
        Span::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
    }
}

/// The time to tell when `last` was told `elapsed` ago and the system says `wall`.
fn steady(last: Timestamp, wall: Timestamp, elapsed: Span) -> Timestamp {
    wall.max(last.plus(Span::from_nanos(elapsed.nanos() / 2)))
}

#[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
fn wall() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}

/// What was told last, and when by the clock that nobody sets.
static TOLD: Mutex<Option<(Timestamp, Mark)>> = Mutex::new(None);

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_nanos(1_700_000_000_000_000_000);

    #[test]
    fn time_told_is_the_systems_while_that_runs_on() {
        let later = NOON.plus(Span::HOUR);
        assert_eq!(steady(NOON, later, Span::SECOND), later);
        assert_eq!(steady(NOON, NOON, Span::ZERO), NOON);
    }

    #[test]
    fn a_clock_set_back_is_caught_up_at_half_speed() {
        let (mut told, mut wall) = (NOON, NOON.minus(Span::MINUTE));
        for second in 1..=121 {
            wall = wall.plus(Span::SECOND);
            let next = steady(told, wall, Span::SECOND);
            assert!(next > told, "second {second}");
            told = next;
        }
        assert_eq!(told, wall);
    }

    #[test]
    fn time_told_to_many_threads_never_goes_back() {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    let mut last = now();
                    for _ in 0..20_000 {
                        let next = now();
                        assert!(next >= last);
                        last = next;
                    }
                })
            })
            .collect();
        for reader in readers {
            reader.join().unwrap();
        }
    }

    #[test]
    fn a_span_is_never_negative() {
        let first = Mark::now();
        assert!(first.elapsed() >= Span::ZERO);
        assert_eq!(first.since(Mark::now()), Span::ZERO);
    }
}
