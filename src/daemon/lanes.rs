//! How events from other threads reach the loop: one lane that loses nothing, and one in which newer replaces older.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use thiserror::Error;

use crate::domain::{Event, InstrumentId, MarketEvent, Timestamp};

use super::feed::{Feed, FeedError, Poll};
use super::waker::Waker;

/// Sends events to a loop; each thread has its own. With the last one the feed is over.
///
/// Best prices and whole books are worth nothing once there are newer ones of the same instrument, which take their place
/// in the queue. Everything else, trades, changes of a book, answers to orders, what happens to a connection, arrives
/// whole and in the order in which it was sent.
#[derive(Debug, Clone)]
pub struct LaneSender {
    shared: Arc<Shared>,
    /// `None` only while this is dropped.
    alive: Option<Arc<()>>,
}

/// Where a loop finds what other threads have sent.
#[derive(Debug)]
pub struct Lanes {
    shared: Arc<Shared>,
    senders: Weak<()>,
}

/// What became of events on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneCounts {
    /// Best prices and books that newer ones have replaced before the loop came to them.
    pub replaced: u64,
    /// How often a sender had to wait for the loop.
    pub waits: u64,
}

/// The loop has ended; nobody will take the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the loop has ended")]
pub struct LaneClosed;

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    room: Condvar,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Queue {
    places: VecDeque<Place>,
    /// How many of the places hold an event of their own.
    whole: usize,
    newest: BTreeMap<Key, MarketEvent>,
    counts: LaneCounts,
    is_closed: bool,
}

#[derive(Debug)]
enum Place {
    Whole(Event),
    /// For whatever is the newest when the loop comes to it.
    Newest(Key),
}

/// What replaces what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Quote(InstrumentId),
    Book(InstrumentId),
}

impl Lanes {
    /// Lanes to the loop that waits with `waker`, and the first way into them.
    #[must_use]
    pub fn new(waker: Waker) -> (LaneSender, Self) {
        let shared = Arc::new(Shared { queue: Mutex::default(), room: Condvar::new(), waker });
        let alive = Arc::new(());
        let senders = Arc::downgrade(&alive);
        (LaneSender { shared: Arc::clone(&shared), alive: Some(alive) }, Self { shared, senders })
    }

    /// What became of events so far.
    #[must_use]
    pub fn counts(&self) -> LaneCounts {
        self.shared.lock().counts
    }
}

impl Feed for Lanes {
    fn poll(&mut self, now: Timestamp) -> Result<Poll, FeedError> {
        // Asked before the queue is looked at, so that nothing that was sent before the end is missed.
        let is_over = self.senders.strong_count() == 0;
        let mut queue = self.shared.lock();
        Ok(match queue.places.pop_front() {
            Some(Place::Whole(event)) => {
                queue.whole -= 1;
                self.shared.room.notify_one();
                Poll::Event(now, event)
            }
            Some(Place::Newest(key)) => {
                let newest = queue.newest.remove(&key).expect("a place is kept for what is there");
                Poll::Event(now, Event::Market(newest))
            }
            None if is_over => Poll::Over,
            None => Poll::Idle,
        })
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.room.notify_all();
    }
}

impl LaneSender {
    /// Sends an event. Where [`LANE_EVENTS_MAX`] wait that must not be lost, this waits too, so that the loop's slowness
    /// reaches the socket that the events come from; best prices and books never wait for it.
    ///
    /// # Errors
    ///
    /// The loop has ended.
    pub fn send(&self, event: Event) -> Result<(), LaneClosed> {
        let mut queue = self.shared.lock();
        match (Key::of(&event), event) {
            (Some(key), Event::Market(newest)) => queue.replace(key, newest),
            (_, event) => {
                if queue.whole >= LANE_EVENTS_MAX {
                    queue.counts.waits += 1;
                    let is_full = |queue: &mut Queue| queue.whole >= LANE_EVENTS_MAX && !queue.is_closed;
                    queue = self.shared.room.wait_while(queue, is_full).unwrap_or_else(PoisonError::into_inner);
                }
                queue.whole += 1;
                queue.places.push_back(Place::Whole(event));
            }
        }
        if queue.is_closed {
            return Err(LaneClosed);
        }
        drop(queue);
        self.shared.waker.wake();
        Ok(())
    }

    /// What became of events so far.
    #[must_use]
    pub fn counts(&self) -> LaneCounts {
        self.shared.lock().counts
    }
}

impl Drop for LaneSender {
    fn drop(&mut self) {
        drop(self.alive.take());
        self.shared.waker.wake();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// The newer one gets the place of the older, so that no stream of them keeps itself from being heard.
    fn replace(&mut self, key: Key, newest: MarketEvent) {
        if self.newest.insert(key, newest).is_some() {
            self.counts.replaced += 1;
        } else {
            self.places.push_back(Place::Newest(key));
        }
    }
}

impl Key {
    /// The key of what newer ones of its kind replace; `None` for every other event.
    const fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Market(MarketEvent::Quote(quote)) => Some(Self::Quote(quote.symbol)),
            Event::Market(MarketEvent::Book(book)) => Some(Self::Book(book.symbol)),
            Event::Market(
                MarketEvent::Trade(_) | MarketEvent::Depth(_) | MarketEvent::Candle { .. } | MarketEvent::Range { .. },
            )
            | Event::Account(_)
            | Event::Operator(_)
            | Event::Link(_)
            | Event::Timer => None,
        }
    }
}

/// So many events that must not be lost wait for the loop; as long as they do, whoever sends more waits too.
pub const LANE_EVENTS_MAX: usize = 8_192;

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::domain::event::{BookSnapshot, Quote, Trade};
    use crate::domain::{Span, TradeId};

    const NOW: Timestamp = Timestamp::from_nanos(7);

    fn trade(id: u64) -> Event {
        Event::Market(MarketEvent::Trade(Trade {
            symbol: "BTCUSDT".parse().unwrap(),
            id: TradeId(id),
            count: 1,
            price: "100".parse().unwrap(),
            qty: "1".parse().unwrap(),
            buyer_is_maker: true,
            at: NOW,
        }))
    }

    fn quote(symbol: &str, update: u64) -> Event {
        let (price, qty) = ("100".parse().unwrap(), "1".parse().unwrap());
        let symbol = symbol.parse().unwrap();
        Event::Market(MarketEvent::Quote(Quote { symbol, update, bid: price, bid_qty: qty, ask: price, ask_qty: qty }))
    }

    fn book(symbol: &str, last_update: u64) -> Event {
        let (bids, asks) = (Vec::new(), Vec::new());
        Event::Market(MarketEvent::Book(BookSnapshot { symbol: symbol.parse().unwrap(), last_update, bids, asks }))
    }

    /// Everything that waits.
    fn drain(lanes: &mut Lanes) -> Vec<Event> {
        let mut events = Vec::new();
        while let Poll::Event(at, event) = lanes.poll(NOW).unwrap() {
            assert_eq!(at, NOW);
            events.push(event);
        }
        events
    }

    #[test]
    fn newer_prices_and_books_take_the_place_of_older_ones_of_their_instrument_alone() {
        let (sender, mut lanes) = Lanes::new(Waker::default());
        let sent = [
            trade(1),
            quote("BTCUSDT", 1),
            book("BTCUSDT", 2),
            quote("ETHUSDT", 3),
            trade(2),
            quote("BTCUSDT", 4),
            quote("BTCUSDT", 5),
            book("BTCUSDT", 6),
            trade(3),
        ];
        for event in sent {
            sender.send(event).unwrap();
        }
        let got = [trade(1), quote("BTCUSDT", 5), book("BTCUSDT", 6), quote("ETHUSDT", 3), trade(2), trade(3)];
        assert_eq!(drain(&mut lanes), got);
        assert_eq!(sender.counts(), LaneCounts { replaced: 3, waits: 0 });
        sender.send(quote("BTCUSDT", 7)).unwrap();
        assert_eq!(drain(&mut lanes), [quote("BTCUSDT", 7)], "what was heard is replaced by nothing");
        assert_eq!(lanes.counts().replaced, 3);
    }

    #[test]
    fn a_full_lane_holds_its_sender_back_and_loses_nothing_while_prices_still_pass() {
        let (sender, mut lanes) = Lanes::new(Waker::default());
        let whole = u64::try_from(LANE_EVENTS_MAX).unwrap();
        (0..whole).for_each(|id| sender.send(trade(id)).unwrap());
        sender.send(quote("BTCUSDT", 1)).unwrap();
        let (said, heard) = mpsc::channel();
        let held = sender.clone();
        let holding = thread::spawn(move || {
            for id in whole..whole + 10 {
                held.send(trade(id)).unwrap();
                said.send(id).unwrap();
            }
        });
        while sender.counts().waits == 0 {
            thread::yield_now();
        }
        assert!(heard.try_recv().is_err(), "the lane is full");
        assert_eq!(lanes.poll(NOW).unwrap(), Poll::Event(NOW, trade(0)));
        assert_eq!(heard.recv_timeout(Span::MINUTE.to_duration()).unwrap(), whole);
        let mut rest = Vec::new();
        while rest.len() < LANE_EVENTS_MAX + 10 {
            rest.extend(drain(&mut lanes));
        }
        holding.join().unwrap();
        rest.retain(|event| *event != quote("BTCUSDT", 1));
        assert_eq!(rest, (1..whole + 10).map(trade).collect::<Vec<_>>());
    }

    #[test]
    fn it_ends_with_its_last_sender_and_tells_senders_when_the_loop_has_ended() {
        let waker = Waker::default();
        let (sender, mut lanes) = Lanes::new(waker.clone());
        assert_eq!(lanes.poll(NOW).unwrap(), Poll::Idle);
        let other = sender.clone();
        sender.send(trade(1)).unwrap();
        drop(sender);
        assert_eq!(drain(&mut lanes), [trade(1)]);
        assert_eq!(lanes.poll(NOW).unwrap(), Poll::Idle, "one is left");
        waker.wait(Span::ZERO);
        let waiting = thread::spawn(move || {
            waker.wait(Span::HOUR);
            lanes.poll(NOW).unwrap()
        });
        drop(other);
        assert_eq!(waiting.join().unwrap(), Poll::Over);

        let (sender, lanes) = Lanes::new(Waker::default());
        (0..LANE_EVENTS_MAX).for_each(|_| sender.send(trade(1)).unwrap());
        let held = sender.clone();
        let holding = thread::spawn(move || held.send(trade(2)));
        while sender.counts().waits == 0 {
            thread::yield_now();
        }
        drop(lanes);
        assert_eq!(holding.join().unwrap(), Err(LaneClosed), "nobody waits for a loop that has ended");
        assert_eq!(sender.send(quote("BTCUSDT", 1)), Err(LaneClosed));
    }
}
