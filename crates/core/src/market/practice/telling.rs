//! What a practice pair's feed tells of its trades and its book, and what it loses on the way.

use crate::market::Random;
use tradingbot_domain::event::{BookSnapshot, DepthUpdate, Level, Quote, Trade};
use tradingbot_domain::{Event, Instrument, LinkEvent, MarketEvent, Price, Qty, Side, Span, Timestamp, TradeId};

use super::Queue;
use super::levels::Levels;

/// The feed of one pair: its numbers, and what it has told.
#[derive(Debug)]
pub(super) struct Telling {
    rules: Instrument,
    update: u64,
    trade: u64,
    /// The best levels that were told last, in ticks and lots.
    best: Option<((i64, i64), (i64, i64))>,
    state: State,
    gap_every: Span,
    next_gap: Timestamp,
}

/// What becomes of the updates of the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Every update arrives.
    Whole,
    /// So many more updates are lost without a word; so many ids have been.
    Losing { left: u64, missed: u64 },
    /// The loss is known; a new snapshot comes then.
    Waiting { until: Timestamp },
}

impl Telling {
    pub(super) fn new(rules: Instrument, start: Timestamp, gap_every: Span, random: &mut Random) -> Self {
        let (update, trade) = (random.below(1 << 32), random.below(1 << 32));
        let next_gap = random.after(start, gap_every);
        Self { rules, update, trade, best: None, state: State::Whole, gap_every, next_gap }
    }

    pub(super) const fn rules(&self) -> &Instrument {
        &self.rules
    }

    /// Counts trades, and the updates they caused, that nobody is told of.
    pub(super) const fn skip(&mut self, trades: u64) {
        self.trade += trades;
        self.update += trades * 4;
    }

    /// The book as it is.
    pub(super) fn snapshot(&self, bids: &Levels, asks: &Levels) -> BookSnapshot {
        let levels = |levels: &Levels| levels.iter().map(|level| self.level(level)).collect();
        BookSnapshot { symbol: self.rules.id, last_update: self.update, bids: levels(bids), asks: levels(asks) }
    }

    /// Tells the whole book, as a feed does that has just come up.
    pub(super) fn book(&mut self, at: Timestamp, bids: &Levels, asks: &Levels, queue: &mut Queue) {
        self.state = State::Whole;
        queue.push_back((at, Event::Market(MarketEvent::Book(self.snapshot(bids, asks)))));
        self.quote(at, bids, asks, queue);
    }

    /// Tells a trade, by its ticks and lots.
    pub(super) fn trade(&mut self, at: Timestamp, taker: Side, level: (i64, i64), queue: &mut Queue) {
        self.trade += 1;
        let (price, qty) = self.level(level);
        let trade = Trade {
            symbol: self.rules.id,
            id: TradeId(self.trade),
            count: 1,
            price,
            qty,
            buyer_is_maker: taker == Side::Sell,
            at,
        };
        queue.push_back((at, Event::Market(MarketEvent::Trade(trade))));
    }

    /// Tells the levels that have changed, or loses them.
    pub(super) fn depth(
        &mut self,
        at: Timestamp,
        (bids, asks): (&mut Levels, &mut Levels),
        random: &mut Random,
        queue: &mut Queue,
    ) {
        if !bids.has_changed() && !asks.has_changed() {
            return;
        }
        let (changed_bids, changed_asks) = (self.changed(bids), self.changed(asks));
        let count = u64::try_from(changed_bids.len() + changed_asks.len()).unwrap_or(1);
        let first = self.update + 1;
        self.update += count;
        let symbol = self.rules.id;
        if self.state == State::Whole && at >= self.next_gap {
            self.next_gap = random.after(at, self.gap_every);
            self.state = State::Losing { left: 1 + random.below(LOST_MAX), missed: 0 };
        }
        match self.state {
            State::Whole => {
                let (bids, asks) = (changed_bids, changed_asks);
                let update = DepthUpdate { symbol, first, last: self.update, previous: None, at, bids, asks };
                queue.push_back((at, Event::Market(MarketEvent::Depth(update))));
            }
            State::Losing { left: 0, missed } => {
                queue.push_back((at, Event::Link(LinkEvent::Gap { symbol, missed: Some(missed) })));
                let resync = random.span(RESYNC_MIN, RESYNC_MAX);
                self.state = State::Waiting { until: at.plus(resync) };
            }
            State::Losing { left, missed } => {
                self.state = State::Losing { left: left - 1, missed: missed + count };
            }
            State::Waiting { until } if at >= until => self.book(at, bids, asks, queue),
            State::Waiting { .. } => {}
        }
    }

    /// Tells the best levels, if they are not those that were told last.
    pub(super) fn quote(&mut self, at: Timestamp, bids: &Levels, asks: &Levels, queue: &mut Queue) {
        let best = bids.best().zip(asks.best());
        if best == self.best {
            return;
        }
        self.best = best;
        let Some((bid, ask)) = best else { return };
        let ((bid, bid_qty), (ask, ask_qty)) = (self.level(bid), self.level(ask));
        let quote = Quote { symbol: self.rules.id, update: self.update, bid, bid_qty, ask, ask_qty };
        queue.push_back((at, Event::Market(MarketEvent::Quote(quote))));
    }

    fn changed(&self, levels: &mut Levels) -> Vec<Level> {
        let mut changed = Vec::with_capacity(4);
        levels.tell(|ticks, lots| changed.push(self.level((ticks, lots))));
        changed
    }

    const fn level(&self, (ticks, lots): (i64, i64)) -> Level {
        let (tick, lot) = (self.rules.tick.units(), self.rules.lot.units());
        (Price::from_units(ticks * tick), Qty::from_units(lots as i128 * lot))
    }
}

/// Updates that get lost in one gap, and how long the new snapshot takes.
const LOST_MAX: u64 = 5;
const RESYNC_MIN: Span = Span::from_millis(100);
const RESYNC_MAX: Span = Span::from_millis(600);
