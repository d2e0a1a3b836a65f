//! What happens, for those who listen: a ring of the latest events that every listener reads at its own pace.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

use crate::domain::RunId;

/// The events of one life of the bot, numbered from 1. Keeps the latest [`EVENTS_MAX`] of them, at most
/// [`EVENTS_BYTES_MAX`] bytes; a listener costs a number, not a queue.
#[derive(Debug)]
pub struct Feed {
    run: RunId,
    ring: Mutex<Ring>,
    last: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ring {
    /// As they are sent.
    events: VecDeque<Box<str>>,
    /// Number of the first one that is kept.
    first: u64,
    bytes: usize,
}

/// A listener's place: the number of the next event it is to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u64);

/// What a listener gets next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Events, as they are sent.
    Events(String),
    /// Nothing yet.
    Nothing,
    /// It was too slow: this many events are gone.
    Missed(u64),
}

/// The id of an event: which life, and which of its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EventId(RunId, u64);

impl Feed {
    /// No events yet.
    #[must_use]
    pub fn new(run: RunId) -> Self {
        Self { run, ring: Mutex::new(Ring { first: 1, ..Ring::default() }), last: watch::Sender::new(0) }
    }

    /// Tells all who listen; `kind` is a word such as `filled`. What has no JSON form or is larger than the ring is not
    /// told. Never waits for anybody.
    pub fn publish(&self, kind: &str, event: &impl Serialize) {
        let Ok(data) = serde_json::to_string(event) else { return };
        let last = {
            let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
            let last = ring.first + ring.len();
            ring.push(format!("id: {}\nevent: {kind}\ndata: {data}\n\n", EventId(self.run, last)));
            last
        };
        self.last.send_replace(last);
    }

    /// The place of somebody who listens from now on.
    pub(super) fn end(&self) -> Place {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        Place(ring.first + ring.len())
    }

    /// The place of somebody who has seen the event `id`, and how many they have missed that are not kept any more; `None`
    /// for the count when that cannot be told, because the event was in another life.
    pub(super) fn resume(&self, id: &str) -> (Place, Option<u64>) {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let end = ring.first + ring.len();
        match EventId::read(id) {
            Some(EventId(run, seen)) if run == self.run && seen < end => {
                let next = seen + 1;
                (Place(next.max(ring.first)), Some(ring.first.saturating_sub(next)))
            }
            Some(_) | None => (Place(ring.first), None),
        }
    }

    /// What stands at `place` and after it, about `bytes` of it, and moves the place past that.
    pub(super) fn next(&self, place: &mut Place, bytes: usize) -> Next {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(skip) = place.0.checked_sub(ring.first) else { return Next::Missed(ring.first - place.0) };
        let mut text = String::new();
        for event in ring.events.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX)) {
            if !text.is_empty() && text.len() + event.len() > bytes {
                break;
            }
            text.push_str(event);
            place.0 += 1;
        }
        if text.is_empty() { Next::Nothing } else { Next::Events(text) }
    }

    /// Something that changes with each event.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }
}

impl Ring {
    fn len(&self) -> u64 {
        u64::try_from(self.events.len()).expect("a length fits 64 bits")
    }

    fn push(&mut self, event: String) {
        self.bytes += event.len();
        self.events.push_back(event.into_boxed_str());
        while self.events.len() > EVENTS_MAX || self.bytes > EVENTS_BYTES_MAX {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= oldest.len();
            self.first += 1;
        }
    }
}

impl EventId {
    fn read(text: &str) -> Option<Self> {
        let (run, number) = text.split_once('-')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(run) || !digits(number) {
            return None;
        }
        Some(Self(RunId(run.parse().ok()?), number.parse().ok()?))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0.0, self.1)
    }
}

const EVENTS_MAX: usize = 1_024;
const EVENTS_BYTES_MAX: usize = 512 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(count: u64) -> Feed {
        let feed = Feed::new(RunId(7));
        for number in 1..=count {
            feed.publish("n", &number);
        }
        feed
    }

    fn numbers(next: &Next) -> Vec<String> {
        match next {
            Next::Events(text) => {
                text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
            }
            Next::Nothing | Next::Missed(_) => Vec::new(),
        }
    }

    #[test]
    fn a_listener_sees_what_comes_after_it_came() {
        let feed = feed(3);
        let mut place = feed.end();
        assert_eq!(feed.next(&mut place, 1_000), Next::Nothing);
        feed.publish("filled", &"x");
        assert_eq!(feed.next(&mut place, 1_000), Next::Events("id: 7-4\nevent: filled\ndata: \"x\"\n\n".to_owned()));
        assert_eq!(feed.next(&mut place, 1_000), Next::Nothing);
    }

    #[test]
    fn a_listener_goes_on_where_it_was() {
        let feed = feed(5);
        let (mut place, missed) = feed.resume("7-3");
        assert_eq!((numbers(&feed.next(&mut place, 1_000)), missed), (vec!["4".to_owned(), "5".to_owned()], Some(0)));
        let (mut place, missed) = feed.resume("7-5");
        assert_eq!((feed.next(&mut place, 1_000), missed), (Next::Nothing, Some(0)));
    }

    #[test]
    fn who_comes_from_elsewhere_is_told_that_something_is_missing() {
        let feed = feed(5);
        for id in ["6-3", "7-6", "7-99", "", "x", "7", "7-", "-3", "7-+3", "7-99999999999999999999", "99999999999-1"] {
            let (place, missed) = feed.resume(id);
            assert_eq!((place, missed), (Place(1), None), "{id}");
        }
    }

    #[test]
    fn the_ring_is_bounded_in_number_and_in_bytes() {
        let feed = feed(2_000);
        let (place, missed) = feed.resume("7-1");
        assert_eq!((place, missed), (Place(977), Some(975)));
        let large = "x".repeat(100_000);
        for _ in 0..10 {
            feed.publish("large", &large);
        }
        let ring = feed.ring.lock().unwrap();
        assert!(ring.bytes <= EVENTS_BYTES_MAX && ring.events.len() == 5);
        drop(ring);
        let mut slow = Place(1_990);
        assert_eq!(feed.next(&mut slow, 1_000), Next::Missed(16));
    }

    #[test]
    fn a_batch_has_about_the_size_that_was_asked_for() {
        let feed = feed(100);
        let mut place = Place(1);
        let first = feed.next(&mut place, 200);
        assert!(numbers(&first).len() > 1 && numbers(&first).len() < 10, "{first:?}");
        let mut all = numbers(&first);
        loop {
            let next = feed.next(&mut place, 200);
            if next == Next::Nothing {
                break;
            }
            all.extend(numbers(&next));
        }
        assert_eq!(all.len(), 100);
    }
}
