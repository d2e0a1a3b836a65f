//! Who may have a connection open, and whose is closed when there are too many: never that of somebody with a token for
//! the sake of somebody without.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::accept::ACCEPTED_AT_ONCE;
use super::listen::STREAMS_ALL;
use super::token::TokenId;
use super::visit::{Order, Visit};

/// The open connections of one listener.
///
/// Whoever has shown no valid token yet is a newcomer; the oldest newcomer makes room for the next one. Whoever has shown
/// one is kept, up to a share for each token; beyond it that token's own longest idle connection makes room. Event streams
/// are counted elsewhere.
#[derive(Debug)]
pub(super) struct Slots {
    limits: SlotLimits,
    table: Mutex<Table>,
    freed: Notify,
}

/// How many connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SlotLimits {
    /// That have shown no valid token.
    pub(super) newcomers: usize,
    /// That have shown one.
    pub(super) kept: usize,
    /// Of those, by one token.
    pub(super) share: usize,
}

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    /// Whoever may open the control socket.
    Control,
    /// Whoever has this token.
    Token(TokenId),
}

/// The place of one connection; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) visit: Arc<Visit>,
    /// Grows with each connection.
    id: u64,
    slots: Arc<Slots>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    newcomers: BTreeMap<u64, Arc<Visit>>,
    kept: BTreeMap<u64, (Holder, Arc<Visit>)>,
    streams: BTreeMap<u64, Arc<Visit>>,
    /// How many of `kept` each holder has.
    held: BTreeMap<Holder, usize>,
}

impl SlotLimits {
    /// Those of the control socket, whose every connection is kept once it has asked something.
    pub(super) const CONTROL: Self = Self { newcomers: 32, kept: 32, share: 32 };

    /// Those of one of `listeners`: as many as are wanted, less what does not fit into the files that the process may open
    /// while the rest of it needs some too.
    pub(super) fn within(files_max: usize, newcomers: usize, kept: usize, listeners: usize) -> Self {
        let control = Self::CONTROL.newcomers + Self::CONTROL.kept + ACCEPTED_AT_ONCE;
        let files = files_max.saturating_sub(FILES_RESERVED + STREAMS_ALL + control) / listeners.max(1);
        let files = files.saturating_sub(ACCEPTED_AT_ONCE);
        let kept = kept.min(files / 2).max(1);
        let newcomers = newcomers.min(files.saturating_sub(kept)).max(1);
        Self { newcomers, kept, share: (kept / SHARE).max(1) }
    }
}

impl Slots {
    /// No connections yet.
    pub(super) fn new(limits: SlotLimits) -> Arc<Self> {
        Arc::new(Self { limits, table: Mutex::default(), freed: Notify::new() })
    }

    /// A slot for a new connection. When there are too many newcomers, the oldest is closed; `None` when none of them may
    /// be.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Slot> {
        let mut table = self.table();
        if table.newcomers.len() >= self.limits.newcomers && !table.close_oldest() {
            return None;
        }
        let (id, visit) = (table.next, Arc::<Visit>::default());
        table.next += 1;
        table.newcomers.insert(id, Arc::clone(&visit));
        Some(Slot { visit, id, slots: Arc::clone(self) })
    }

    /// Closes up to `count` newcomers, the oldest first, and says how many.
    pub(super) fn close_oldest(&self, count: usize) -> usize {
        let mut table = self.table();
        (0..count).take_while(|_| table.close_oldest()).count()
    }

    /// Tells every connection to end.
    pub(super) fn finish_all(&self) {
        let table = self.table();
        let kept = table.kept.values().map(|(_, visit)| visit);
        table.newcomers.values().chain(kept).chain(table.streams.values()).for_each(|visit| visit.tell(Order::Finish));
    }

    /// Waits until no connection is open.
    pub(super) async fn all_gone(&self) {
        loop {
            let freed = self.freed.notified();
            if self.table().is_empty() {
                return;
            }
            freed.await;
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Keeps the connection of `holder`, who has shown a valid token over it. Beyond the holder's share, or when too many
    /// are kept, another idle one ends for it. Whether there is room for it; where there is none, only what is urgent is
    /// answered over it, and it ends after that.
    pub(super) fn keep(&self, holder: Holder) -> bool {
        if self.visit.is_kept() {
            return true;
        }
        let limits = self.slots.limits;
        let mut table = self.slots.table();
        if !table.newcomers.contains_key(&self.id) {
            return true; // it is being closed, or is a stream
        }
        if table.held.get(&holder).is_some_and(|held| *held >= limits.share) && !table.end_idle(Some(holder)) {
            return false;
        }
        if table.kept.len() >= limits.kept && !table.end_idle(None) {
            return false;
        }
        table.newcomers.remove(&self.id);
        table.kept.insert(self.id, (holder, Arc::clone(&self.visit)));
        *table.held.entry(holder).or_default() += 1;
        self.visit.set_kept(true);
        true
    }

    /// Takes the connection out of the count: from now on it is an event stream.
    pub(super) fn become_stream(&self) {
        let mut table = self.slots.table();
        if table.remove(self.id) {
            table.streams.insert(self.id, Arc::clone(&self.visit));
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.table().remove(self.id);
        self.slots.freed.notify_waiters();
    }
}

impl Table {
    fn is_empty(&self) -> bool {
        self.newcomers.is_empty() && self.kept.is_empty() && self.streams.is_empty()
    }

    /// Closes the oldest newcomer that is not urgent. One that is being answered is no exception: it has shown no valid
    /// token, and if those were spared, whoever reads slowly would have the newest closed, of whom nothing was read yet.
    fn close_oldest(&mut self) -> bool {
        let oldest = self.newcomers.iter().find(|(_, visit)| !visit.is_urgent());
        let Some(id) = oldest.map(|(id, _)| *id) else { return false };
        if let Some(visit) = self.newcomers.remove(&id) {
            visit.tell(Order::Close);
        }
        true
    }

    /// Ends the connection of `holder` that has been idle for longest, or of whoever has most of those with an idle one. Until
    /// it has ended it counts as a newcomer, and as one of the oldest.
    fn end_idle(&mut self, holder: Option<Holder>) -> bool {
        let asked = |other: &Holder| holder.is_none_or(|holder| holder == *other);
        let idle = self.kept.iter().filter(|(_, (other, visit))| asked(other) && !visit.is_busy());
        let first = idle.min_by_key(|(_, (holder, visit))| (Reverse(self.held.get(holder)), visit.last_used()));
        let Some(id) = first.map(|(id, _)| *id) else { return false };
        if let Some(visit) = self.release(id) {
            visit.set_kept(false);
            visit.tell(Order::Finish);
            self.newcomers.insert(id, visit);
        }
        true
    }

    fn remove(&mut self, id: u64) -> bool {
        let stream = self.streams.remove(&id).is_some();
        let newcomer = self.newcomers.remove(&id).is_some();
        self.release(id).is_some() || newcomer || stream
    }

    fn release(&mut self, id: u64) -> Option<Arc<Visit>> {
        let (holder, visit) = self.kept.remove(&id)?;
        if let Some(held) = self.held.get_mut(&holder) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&holder);
            }
        }
        Some(visit)
    }
}

/// Which part of the connections that are kept one token may hold: a half.
const SHARE: usize = 2;
/// For the ledger and its readers, recordings, logs, listeners and all else that the process opens.
const FILES_RESERVED: usize = 128;

#[cfg(test)]
mod tests {
    use super::super::token::TokenHash;
    use super::*;

    const FEW: SlotLimits = SlotLimits { newcomers: 3, kept: 4, share: 2 };

    fn holder(number: u8) -> Holder {
        Holder::Token(TokenId::of(TokenHash::of(&[number])))
    }

    fn kept(slots: &Arc<Slots>, number: u8, used: u64) -> Slot {
        let slot = slots.admit().unwrap();
        slot.visit.touch(used);
        assert_eq!(slot.keep(holder(number)), slot.visit.is_kept());
        slot
    }

    /// What it was told, if anything.
    fn told(slot: &Slot) -> Option<Order> {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::pin!(slot.visit.ordered()).poll(&mut cx) {
            std::task::Poll::Ready(order) => Some(order),
            std::task::Poll::Pending => None,
        }
    }

    #[test]
    fn slots_fit_into_the_files_that_may_be_open() {
        let of = |files, kept, listeners| {
            let limits = SlotLimits::within(files, 1_024, kept, listeners);
            (limits.newcomers, limits.kept, limits.share)
        };
        assert_eq!(of(4_096, 256, 1), (1_024, 256, 128));
        assert_eq!(of(usize::MAX, 10_000, 1), (1_024, 10_000, 5_000));
        assert_eq!(of(1_024, 256, 1), (520, 256, 128));
        assert_eq!(of(1_024, 10_000, 1), (388, 388, 194));
        assert_eq!(of(1_024, 256, 2), (190, 190, 95));
        assert_eq!(of(0, 256, 1), (1, 1, 1));
    }

    #[test]
    fn the_oldest_without_a_token_makes_room() {
        let slots = Slots::new(FEW);
        let regular = kept(&slots, 1, 1);
        let newcomers: Vec<Slot> = (0..5).map(|_| slots.admit().unwrap()).collect();
        let orders: Vec<_> = newcomers.iter().map(told).collect();
        assert_eq!(orders, [Some(Order::Close), Some(Order::Close), None, None, None]);
        assert!(told(&regular).is_none() && regular.visit.is_kept());
    }

    #[test]
    fn the_oldest_goes_whether_it_is_being_answered_or_not_but_an_urgent_one_never() {
        let slots = Slots::new(FEW);
        let (busy, urgent, idle) = (slots.admit().unwrap(), slots.admit().unwrap(), slots.admit().unwrap());
        busy.visit.hand_on();
        urgent.visit.hand_on();
        let mark = urgent.visit.mark_urgent();
        let next = slots.admit().unwrap();
        assert_eq!((told(&busy), told(&urgent), told(&idle)), (Some(Order::Close), None, None));
        next.visit.hand_on();
        assert_eq!(slots.close_oldest(9), 2);
        assert_eq!((told(&idle), told(&urgent), told(&next)), (Some(Order::Close), None, Some(Order::Close)));
        drop(mark);
        assert_eq!(slots.close_oldest(9), 1);
    }

    #[test]
    fn nobody_is_let_in_while_every_newcomer_is_urgent() {
        let slots = Slots::new(SlotLimits { newcomers: 1, ..FEW });
        let slot = slots.admit().unwrap();
        slot.visit.hand_on();
        let _mark = slot.visit.mark_urgent();
        assert!(slots.admit().is_none());
    }

    #[test]
    fn a_token_that_has_its_share_ends_its_own_longest_idle_connection() {
        let slots = Slots::new(FEW);
        let (old, new, other) = (kept(&slots, 1, 7), kept(&slots, 1, 2), kept(&slots, 2, 1));
        let third = kept(&slots, 1, 8);
        assert_eq!((told(&old), told(&new), told(&other)), (None, Some(Order::Finish), None));
        assert!(third.visit.is_kept() && !new.visit.is_kept());
        // One that is being answered is not idle.
        old.visit.hand_on();
        third.visit.hand_on();
        let fourth = kept(&slots, 1, 9);
        assert!(!fourth.visit.is_kept(), "there is no room for it");
        assert_eq!((told(&old), told(&third)), (None, None));
        old.visit.answered();
        drop(third);
        assert!(kept(&slots, 1, 10).visit.is_kept());
    }

    #[test]
    fn where_too_many_are_kept_whoever_has_most_gives_one() {
        let slots = Slots::new(FEW);
        let others = (kept(&slots, 1, 1), kept(&slots, 2, 2));
        let greedy = (kept(&slots, 3, 4), kept(&slots, 3, 3));
        let newest = kept(&slots, 4, 5);
        assert!(newest.visit.is_kept());
        assert_eq!((told(&greedy.0), told(&greedy.1)), (None, Some(Order::Finish)));
        // Where whoever has most is being answered, the next gives one.
        drop(greedy.1);
        let again = kept(&slots, 3, 6);
        assert_eq!(told(&others.0), Some(Order::Finish));
        greedy.0.visit.hand_on();
        again.visit.hand_on();
        assert!(kept(&slots, 5, 7).visit.is_kept());
        assert_eq!((told(&greedy.0), told(&again), told(&others.1)), (None, None, Some(Order::Finish)));
    }

    #[test]
    fn a_stream_holds_no_slot_and_every_slot_comes_back() {
        let slots = Slots::new(FEW);
        let stream = kept(&slots, 1, 1);
        stream.become_stream();
        let (first, second) = (kept(&slots, 1, 2), kept(&slots, 1, 3));
        assert!(first.visit.is_kept() && second.visit.is_kept());
        assert_eq!((told(&first), told(&stream)), (None, None));
        slots.finish_all();
        assert_eq!((told(&first), told(&stream)), (Some(Order::Finish), Some(Order::Finish)));
        drop((stream, first, second));
        let table = slots.table();
        assert!(table.is_empty() && table.held.is_empty());
    }
}
