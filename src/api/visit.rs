//! What the tasks around one connection know of it together: what it is at, and what has become of it.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::problem::Code;

/// One connection from its first byte to its last.
#[derive(Debug, Default)]
pub(super) struct Visit {
    /// Which head was refused, counted from 1, and why.
    refusal: Mutex<Option<(u64, Code)>>,
    /// Heads that have reached the service.
    arrived: AtomicU64,
    /// Heads that were handed on and whose answer is not over.
    unanswered: AtomicUsize,
    /// Whether it may stay open after an answer: somebody with a valid token asked over it.
    kept: AtomicBool,
    /// When it was last asked something, as a count of requests of the whole server.
    used: AtomicU64,
    /// Requests being answered that nothing may cut off.
    urgent: AtomicUsize,
    order: AtomicU8,
    ordered: Notify,
}

/// What a connection is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// End after the answer that it is at, or at once when it is at none.
    Finish,
    /// End at once.
    Close,
}

/// Keeps a connection from being cut off for as long as it lives.
#[derive(Debug)]
pub(super) struct Urgent<'v>(&'v Visit);

impl Visit {
    /// Counts a request that reaches the service, and says why its head was refused, if it was.
    pub(super) fn arrive(&self) -> Option<Code> {
        let nth = self.arrived.fetch_add(1, Ordering::Relaxed) + 1;
        let refusal = *self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        refusal.filter(|(refused, _)| *refused == nth).map(|(_, code)| code)
    }

    /// One more head is handed on.
    pub(super) fn hand_on(&self) {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
    }

    /// The head with this number, counted from 1, is refused.
    pub(super) fn refuse(&self, nth: u64, code: Code) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some((nth, code));
    }

    /// One request has its whole answer.
    pub(super) fn answered(&self) {
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) > 0
    }

    /// It was asked something at `count`.
    pub(super) fn touch(&self, count: u64) {
        self.used.store(count, Ordering::Relaxed);
    }

    /// When it was last asked something.
    pub(super) fn last_used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether it may stay open after an answer.
    pub(super) fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }

    /// Whether it may stay open after an answer from now on.
    pub(super) fn set_kept(&self, kept: bool) {
        self.kept.store(kept, Ordering::Relaxed);
    }

    /// Nothing cuts it off until the mark is dropped.
    pub(super) fn mark_urgent(&self) -> Urgent<'_> {
        self.urgent.fetch_add(1, Ordering::Relaxed);
        Urgent(self)
    }

    /// Whether nothing may cut it off now.
    pub(super) fn is_urgent(&self) -> bool {
        self.urgent.load(Ordering::Relaxed) > 0
    }

    /// Tells it to end; the stricter order counts.
    pub(super) fn tell(&self, order: Order) {
        let number = match order {
            Order::Finish => FINISH,
            Order::Close => CLOSE,
        };
        self.order.fetch_max(number, Ordering::Relaxed);
        self.ordered.notify_one();
    }

    /// Waits for the next order.
    pub(super) async fn ordered(&self) -> Order {
        loop {
            self.ordered.notified().await;
            match self.order.load(Ordering::Relaxed) {
                FINISH => return Order::Finish,
                CLOSE => return Order::Close,
                _ => {}
            }
        }
    }
}

impl Drop for Urgent<'_> {
    fn drop(&mut self) {
        self.0.urgent.fetch_sub(1, Ordering::Relaxed);
    }
}

const FINISH: u8 = 1;
const CLOSE: u8 = 2;
