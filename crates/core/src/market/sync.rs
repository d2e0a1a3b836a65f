//! Builds a book from a snapshot and updates, and notices when one is missing.

use std::collections::VecDeque;

use super::book::Book;
use tradingbot_domain::event::{BookSnapshot, DepthUpdate};
use tradingbot_domain::{Price, Qty, Side};

/// A book that is kept in step with the exchange's.
///
/// Updates may come before the snapshot: they wait. [`BookSync::step`] tells what became of each, one at a time, so that
/// whoever drives it can look at the book after each. Spot updates follow on each other by their own ids (`U` at most one
/// past the `u` before), futures updates by the id of the message before (`pu`); which kind an update is shows by itself.
#[derive(Debug)]
pub struct BookSync {
    book: Book,
    state: State,
    judged: Option<Step>,
    waiting: VecDeque<DepthUpdate>,
    waiting_levels: usize,
    counts: SyncCounts,
}

/// What became of the updates so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SyncCounts {
    /// Taken into the book.
    pub applied: u64,
    /// Older than the book, or a repetition.
    pub skipped: u64,
    /// How often updates were missing.
    pub gaps: u64,
    /// Dropped because too many waited for a snapshot.
    pub dropped: u64,
}

/// What became of one update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is in the book.
    Applied,
    /// The book had it already.
    Skipped,
    /// Updates between the book and this one were missed; it waits, and so does the book, for a new snapshot.
    Gap {
        /// Last update of the book.
        after: u64,
        /// First update that came instead of the next one.
        before: u64,
        /// How many ids lie between, when that can be told.
        missed: Option<u64>,
    },
    /// The snapshot ends before the first update that was seen; both wait for a newer snapshot.
    TooOld {
        /// Last update of the snapshot.
        last_update: u64,
        /// First update that was seen.
        first: u64,
    },
}

impl BookSync {
    /// A book that waits for its snapshot.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            book: Book::new(),
            state: State::Waiting,
            judged: None,
            waiting: VecDeque::new(),
            waiting_levels: 0,
            counts: SyncCounts { applied: 0, skipped: 0, gaps: 0, dropped: 0 },
        }
    }

    /// Takes in a snapshot and says whether it was of use: it is not when the book is known and not older.
    pub fn on_snapshot(&mut self, snapshot: &BookSnapshot) -> bool {
        if self.state != State::Waiting && snapshot.last_update <= self.book.last_update() {
            return false;
        }
        self.book.load(snapshot);
        self.state = State::Loaded;
        true
    }

    /// Takes in an update; [`BookSync::step`] says what became of it. Of too many that wait the oldest are dropped: a
    /// snapshot that comes now is newer than they are.
    pub fn on_update(&mut self, update: &DepthUpdate) {
        if self.state == State::Waiting || self.judged.is_some() || !self.waiting.is_empty() {
            return self.wait(update.clone());
        }
        let step = self.judge(update);
        if self.state == State::Waiting {
            self.wait(update.clone());
        }
        self.judged = Some(step);
    }

    /// What became of the next update; `None` when none is left or all wait for a snapshot.
    pub fn step(&mut self) -> Option<Step> {
        if let Some(step) = self.judged.take() {
            return Some(step);
        }
        if self.state == State::Waiting {
            return None;
        }
        let update = self.next_waiting()?;
        let step = self.judge(&update);
        if self.state == State::Waiting {
            self.waiting_levels += levels(&update);
            self.waiting.push_front(update);
        }
        Some(step)
    }

    /// The book; `None` while it waits for a snapshot.
    #[must_use]
    pub fn book(&self) -> Option<&Book> {
        (self.state != State::Waiting).then_some(&self.book)
    }

    /// Takes `qty` away from a level of the book; see [`Book::take`].
    pub fn take(&mut self, side: Side, price: Price, qty: Qty) {
        self.book.take(side, price, qty);
    }

    /// Whether a snapshot is asked for.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        self.state == State::Waiting
    }

    /// Updates that wait for a snapshot.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What became of the updates so far.
    #[must_use]
    pub const fn counts(&self) -> SyncCounts {
        self.counts
    }

    /// Applies an update to a book that is known, or finds that it does not follow on it: then the book waits for a
    /// snapshot, and so must the update.
    fn judge(&mut self, update: &DepthUpdate) -> Step {
        let known = self.book.last_update();
        if self.is_known(update) {
            self.counts.skipped += 1;
            return Step::Skipped;
        }
        let chained = self.state == State::Chained;
        let follows = match update.previous {
            Some(previous) if chained => previous == known,
            Some(previous) => previous == known || update.first <= known,
            None => update.first <= known.saturating_add(1),
        };
        if follows {
            self.book.apply(update);
            self.state = State::Chained;
            self.counts.applied += 1;
            return Step::Applied;
        }
        self.state = State::Waiting;
        if !chained {
            return Step::TooOld { last_update: known, first: update.first };
        }
        self.counts.gaps += 1;
        let missed = match update.previous {
            Some(previous) => previous.checked_sub(known),
            None => update.first.checked_sub(known.saturating_add(1)),
        };
        Step::Gap { after: known, before: update.first, missed }
    }

    /// A futures snapshot may end inside an update, which then still counts as the first one.
    fn is_known(&self, update: &DepthUpdate) -> bool {
        let known = self.book.last_update();
        match (update.previous, self.state) {
            (Some(_), State::Waiting | State::Loaded) => update.last < known,
            (Some(_), State::Chained) | (None, _) => update.last <= known,
        }
    }

    fn wait(&mut self, update: DepthUpdate) {
        self.waiting_levels += levels(&update);
        self.waiting.push_back(update);
        while self.waiting.len() > WAITING_MAX || self.waiting_levels > WAITING_LEVELS_MAX {
            if self.next_waiting().is_none() {
                break;
            }
            self.counts.dropped += 1;
        }
    }

    fn next_waiting(&mut self) -> Option<DepthUpdate> {
        let update = self.waiting.pop_front()?;
        self.waiting_levels -= levels(&update);
        Some(update)
    }
}

impl Default for BookSync {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// For a snapshot.
    Waiting,
    /// With a snapshot, and for the update that goes on from it.
    Loaded,
    /// With updates that follow on each other.
    Chained,
}

fn levels(update: &DepthUpdate) -> usize {
    update.bids.len() + update.asks.len()
}

/// Updates that wait for a snapshot: more than a quarter of an hour of ten a second.
const WAITING_MAX: usize = 10_000;

/// Levels in all of them together: 32 MB.
const WAITING_LEVELS_MAX: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use tradingbot_domain::Timestamp;

    fn snapshot(last_update: u64) -> BookSnapshot {
        BookSnapshot { symbol: "BTCUSDT".parse().unwrap(), last_update, bids: vec![], asks: vec![] }
    }

    fn update(first: u64, last: u64, previous: Option<u64>) -> DepthUpdate {
        let (symbol, at) = ("BTCUSDT".parse().unwrap(), Timestamp::ZERO);
        DepthUpdate { symbol, first, last, previous, at, bids: vec![], asks: vec![] }
    }

    /// Offers everything and tells the story in short: a(pplied), s(kipped), g(ap), o(ld).
    fn story(updates_before: &[(u64, u64, Option<u64>)], last: u64, after: &[(u64, u64, Option<u64>)]) -> String {
        let mut sync = BookSync::new();
        for &(first, last, previous) in updates_before {
            sync.on_update(&update(first, last, previous));
        }
        assert_eq!(sync.step(), None);
        assert!(sync.on_snapshot(&snapshot(last)));
        for &(first, last, previous) in after {
            sync.on_update(&update(first, last, previous));
        }
        let mut story = String::new();
        while let Some(step) = sync.step() {
            story.push(match step {
                Step::Applied => 'a',
                Step::Skipped => 's',
                Step::Gap { .. } => 'g',
                Step::TooOld { .. } => 'o',
            });
        }
        assert_eq!(sync.wants_snapshot(), story.ends_with(['g', 'o']));
        story
    }

    #[test]
    fn spot_updates_up_to_the_snapshot_are_skipped_and_the_next_goes_on_from_it() {
        assert_eq!(story(&[(1, 10, None), (11, 20, None)], 20, &[(21, 25, None), (26, 26, None)]), "ssaa");
        assert_eq!(story(&[(1, 10, None), (11, 20, None)], 15, &[(21, 25, None)]), "saa");
        assert_eq!(story(&[(11, 20, None)], 9, &[]), "o");
        assert_eq!(story(&[(11, 20, None)], 10, &[(22, 25, None)]), "ag");
        assert_eq!(story(&[(11, 20, None)], 10, &[(11, 20, None), (21, 21, None)]), "asa");
        assert_eq!(story(&[(11, 20, None)], 10, &[(15, 25, None)]), "aa");
    }

    #[test]
    fn futures_updates_go_by_the_id_of_the_message_before() {
        let before = [(2, 10, Some(1)), (15, 20, Some(10)), (25, 30, Some(20))];
        assert_eq!(story(&before, 20, &[]), "saa");
        assert_eq!(story(&before, 17, &[]), "saa");
        assert_eq!(story(&before, 12, &[]), "so", "the snapshot ends between two updates");
        assert_eq!(story(&[(8, 9, Some(7))], 10, &[(12, 14, Some(9))]), "so");
        assert_eq!(story(&[], 20, &[(25, 30, Some(20))]), "a", "nothing lies between them");
        assert_eq!(story(&before, 30, &[(40, 41, Some(30)), (50, 51, Some(42))]), "ssaag");
        assert_eq!(story(&[(15, 20, Some(10))], 9, &[]), "o");
        assert_eq!(story(&[(15, 20, Some(10))], 20, &[(15, 20, Some(10)), (30, 31, Some(20))]), "asa");
    }

    #[test]
    fn a_gap_is_told_with_what_is_missing_and_mended_by_a_newer_snapshot() {
        let mut sync = BookSync::new();
        sync.on_snapshot(&snapshot(10));
        sync.on_update(&update(11, 12, None));
        sync.on_update(&update(15, 16, None));
        assert_eq!(sync.step(), Some(Step::Applied));
        assert!(!sync.on_snapshot(&snapshot(12)), "a snapshot that is not newer is of no use");
        assert_eq!(sync.step(), Some(Step::Gap { after: 12, before: 15, missed: Some(2) }));
        assert!(sync.book().is_none() && sync.step().is_none());
        assert!(sync.on_snapshot(&snapshot(13)));
        assert_eq!(sync.step(), Some(Step::TooOld { last_update: 13, first: 15 }));
        assert!(sync.on_snapshot(&snapshot(15)));
        assert_eq!(sync.step(), Some(Step::Applied));
        assert_eq!(sync.counts(), SyncCounts { applied: 2, skipped: 0, gaps: 1, dropped: 0 });
        assert_eq!(sync.book().unwrap().last_update(), 16);
    }

    #[test]
    fn a_snapshot_that_is_ahead_is_gone_on_from() {
        let mut sync = BookSync::new();
        sync.on_snapshot(&snapshot(10));
        sync.on_update(&update(11, 12, None));
        assert_eq!(sync.step(), Some(Step::Applied));
        assert!(sync.on_snapshot(&snapshot(20)), "as when a recording goes on after a pause");
        for (first, last) in [(13, 14), (19, 20), (21, 22)] {
            sync.on_update(&update(first, last, None));
        }
        assert_eq!(sync.step(), Some(Step::Skipped));
        assert_eq!(sync.step(), Some(Step::Skipped));
        assert_eq!(sync.step(), Some(Step::Applied));
        assert_eq!(sync.counts().gaps, 0);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut sync = BookSync::new();
        let most = u64::try_from(WAITING_MAX).unwrap();
        for id in 1..=most + 5 {
            sync.on_update(&update(id, id, None));
        }
        assert_eq!((sync.waiting(), sync.counts().dropped), (WAITING_MAX, 5));
        let level = (Price::from_units(1), Qty::from_units(1));
        sync.on_update(&DepthUpdate { bids: vec![level; WAITING_LEVELS_MAX + 1], ..update(1, 1, None) });
        assert_eq!((sync.waiting(), sync.waiting_levels), (0, 0));
    }
}
