//! How many requests a client or a token may make, in memory that does not grow with their number.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::state::{InMemoryState, NotKeyed, StateStore};

use super::client::Client;
use super::token::TokenId;

/// A limit for each of many.
#[derive(Debug)]
pub(super) struct Quota<K: QuotaKey, C: Clock = DefaultClock> {
    limiter: RateLimiter<K, Known<K>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
}

/// By whom requests are counted.
pub(super) trait QuotaKey: Copy + Ord + Hash {
    /// All who come while no more can be told apart.
    const STRANGERS: Self;
}

impl QuotaKey for Client {
    const STRANGERS: Self = Self::STRANGERS;
}

impl QuotaKey for TokenId {
    const STRANGERS: Self = Self::STRANGERS;
}

/// One limit for all.
#[derive(Debug)]
pub(super) struct SharedQuota {
    limiter: RateLimiter<NotKeyed, InMemoryState, DefaultClock, NoOpMiddleware>,
    clock: DefaultClock,
}

impl<K: QuotaKey> Quota<K> {
    /// At most `per_minute`, evenly spread, of which `burst` at once.
    pub(super) fn new(per_minute: u32, burst: u32) -> Self {
        Self::by(DefaultClock::default(), per_minute, burst)
    }
}

impl<K: QuotaKey, C: Clock + Clone> Quota<K, C> {
    fn by(clock: C, per_minute: u32, burst: u32) -> Self {
        Self { limiter: RateLimiter::new(quota(per_minute, burst), Known::default(), clock.clone()), clock }
    }

    /// Counts one request.
    ///
    /// # Errors
    ///
    /// How long to wait for the next.
    pub(super) fn try_acquire(&self, key: K) -> Result<(), Duration> {
        self.limiter.check_key(&key).map_err(|early| early.wait_time_from(self.clock.now()))
    }

    /// Forgets those who may make a full burst again.
    pub(super) fn sweep(&self) {
        self.limiter.retain_recent();
    }
}

impl SharedQuota {
    /// At most `per_minute`, evenly spread, of which `burst` at once.
    pub(super) fn new(per_minute: u32, burst: u32) -> Self {
        let clock = DefaultClock::default();
        Self { limiter: RateLimiter::new(quota(per_minute, burst), InMemoryState::default(), clock.clone()), clock }
    }

    /// Counts one.
    ///
    /// # Errors
    ///
    /// How long to wait for the next.
    pub(super) fn try_acquire(&self) -> Result<(), Duration> {
        self.limiter.check().map_err(|early| early.wait_time_from(self.clock.now()))
    }
}

/// The state of all who are known, at most [`KNOWN_MAX`] of them. Those who come while there is no room share one state,
/// so that a flood of addresses costs strangers their quota but neither memory nor those already known.
#[derive(Debug)]
struct Known<K>(Mutex<BTreeMap<K, Nanos>>);

impl<K> Default for Known<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: QuotaKey> StateStore for Known<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, judge: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = known.get_mut(key) {
            let (verdict, next) = judge(Some(*state))?;
            *state = next;
            return Ok(verdict);
        }
        let key = if known.len() < KNOWN_MAX { *key } else { K::STRANGERS };
        let (verdict, next) = judge(known.get(&key).copied())?;
        known.insert(key, next);
        Ok(verdict)
    }
}

impl<K: QuotaKey> ShrinkableKeyedStateStore<K> for Known<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, state| *state > drop_below);
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn quota(per_minute: u32, burst: u32) -> governor::Quota {
    let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    governor::Quota::per_minute(at_least_one(per_minute)).allow_burst(at_least_one(burst))
}

/// About 40 bytes each.
const KNOWN_MAX: usize = 16_384;

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use governor::clock::FakeRelativeClock;
    use hyper::HeaderMap;

    use super::super::client::Origin;
    use super::*;

    fn client(number: u32) -> Client {
        let address = IpAddr::V4(Ipv4Addr::from_bits(number));
        Client::of(Origin::Tcp(address), &HeaderMap::new(), &[], false)
    }

    /// A limit by a clock that stands still until it is moved.
    fn quota(per_minute: u32, burst: u32) -> (Quota<Client, FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Quota::by(clock.clone(), per_minute, burst), clock)
    }

    #[test]
    fn a_burst_passes_and_the_next_waits() {
        let (quota, clock) = quota(60, 3);
        for _ in 0..3 {
            assert_eq!(quota.try_acquire(client(1)), Ok(()));
        }
        assert_eq!(quota.try_acquire(client(1)), Err(Duration::from_secs(1)));
        assert_eq!(quota.try_acquire(client(2)), Ok(()));
        clock.advance(Duration::from_millis(400));
        assert_eq!(quota.try_acquire(client(1)), Err(Duration::from_millis(600)));
        clock.advance(Duration::from_millis(600));
        assert_eq!(quota.try_acquire(client(1)), Ok(()));
        assert_eq!(quota.try_acquire(client(1)), Err(Duration::from_secs(1)));
    }

    #[test]
    fn a_flood_of_addresses_costs_no_memory_and_nobody_who_is_known() {
        let (quota, _clock) = quota(1, 2);
        for number in 0..30_000 {
            let _ = quota.try_acquire(client(number));
        }
        assert!(quota.limiter.len() <= KNOWN_MAX + 1);
        assert!(quota.try_acquire(client(29_999)).is_err(), "strangers share what one may");
        assert_eq!(quota.try_acquire(client(5)), Ok(()));
        assert!(quota.try_acquire(client(5)).is_err());
    }

    #[test]
    fn who_may_make_a_full_burst_again_is_forgotten() {
        let (quota, clock) = quota(60, 3);
        quota.try_acquire(client(1)).unwrap();
        clock.advance(Duration::from_millis(900));
        quota.try_acquire(client(2)).unwrap();
        clock.advance(Duration::from_millis(1_200));
        quota.sweep();
        assert_eq!(quota.limiter.len(), 1, "one has had its whole burst for a second, the other not yet");
        clock.advance(Duration::from_millis(1_000));
        quota.sweep();
        assert_eq!(quota.limiter.len(), 0);
    }
}
