//! One practice pair: makers who quote around a hidden value, takers who know it, and takers who do not.

use crate::market::Random;
use tradingbot_domain::event::BookSnapshot;
use tradingbot_domain::{Instrument, InstrumentId, Price, Rate, Side, Span, Timestamp};

use super::Queue;
use super::levels::Levels;
use super::telling::Telling;
use super::value::Value;

/// One pair, its hidden value, its book and its numbers.
#[derive(Debug)]
pub(super) struct Pair {
    value: Value,
    bids: Levels,
    asks: Levels,
    telling: Telling,
    random: Random,
    /// The side that takers without knowledge have taken to.
    mood: Side,
    /// Lots of a usual level and of a usual order.
    level_lots: i64,
    order_lots: i64,
    /// Ticks between two levels behind the best ones.
    gap_ticks: i64,
    next: Timestamp,
}

impl Pair {
    pub(super) fn new(
        rules: Instrument,
        price: Price,
        volatility: Rate,
        start: Timestamp,
        gap_every: Span,
        mut random: Random,
    ) -> Self {
        let tick = rules.tick.units().max(1);
        let value = Value::new(price.units() / tick, volatility, start, random.branch());
        let lots = |quote: i128| {
            let worth = i128::from(price.units().max(1)) * rules.lot.units().max(1);
            i64::try_from(quote * QUOTE_UNIT / worth).unwrap_or(LOTS_MAX).clamp(1, LOTS_MAX)
        };
        let mut pair = Self {
            level_lots: lots(LEVEL_WORTH),
            order_lots: lots(ORDER_WORTH),
            gap_ticks: (value.ticks_per_second() / 12).max(1),
            value,
            bids: Levels::new(Side::Buy),
            asks: Levels::new(Side::Sell),
            mood: Side::Buy,
            next: start,
            telling: Telling::new(rules, start, gap_every, &mut random),
            random,
        };
        pair.rebuild();
        pair.next = start.plus(pair.wait());
        pair
    }

    /// When something happens next.
    pub(super) const fn next(&self) -> Timestamp {
        self.next
    }

    pub(super) const fn symbol(&self) -> InstrumentId {
        self.telling.rules().id
    }

    pub(super) const fn jumps(&self) -> u64 {
        self.value.jumps()
    }

    /// The book as it is.
    pub(super) fn book(&self) -> BookSnapshot {
        self.telling.snapshot(&self.bids, &self.asks)
    }

    /// Tells the whole book, as a feed does that has just come up.
    pub(super) fn tell_book(&mut self, at: Timestamp, queue: &mut Queue) {
        self.telling.book(at, &self.bids, &self.asks, queue);
    }

    /// Lets the market go on unseen until then.
    pub(super) fn pass_unseen(&mut self, until: Timestamp) {
        self.telling.skip(self.random.below(UNSEEN_MAX));
        self.value.advance(until);
        self.rebuild();
        self.next = until.plus(self.wait());
    }

    /// The next thing that happens: somebody comes, the makers answer, the feed tells of it.
    pub(super) fn step(&mut self, queue: &mut Queue) {
        let at = self.next;
        self.value.advance(at);
        let knowing = self.knowing_takers(at, queue);
        if !knowing {
            match self.random.below(100) {
                0..30 => self.unknowing_taker(at, queue),
                30..65 => self.maker_adds(),
                _ => self.maker_cancels(),
            }
        }
        self.makers_quote();
        self.refill();
        self.telling.depth(at, (&mut self.bids, &mut self.asks), &mut self.random, queue);
        self.telling.quote(at, &self.bids, &self.asks, queue);
        self.next = at.plus(self.wait());
    }

    /// Those who know the value take, or frighten away, whatever is offered beyond it.
    fn knowing_takers(&mut self, at: Timestamp, queue: &mut Queue) -> bool {
        let fair = self.value.ticks();
        let mut came = false;
        while let Some((ticks, lots)) = self.asks.best().filter(|(ticks, _)| *ticks <= fair) {
            came = true;
            if self.random.odds(TAKEN, 100) {
                self.telling.trade(at, Side::Buy, (ticks, lots), queue);
            }
            self.asks.take(0, lots);
        }
        while let Some((ticks, lots)) = self.bids.best().filter(|(ticks, _)| *ticks > fair) {
            came = true;
            if self.random.odds(TAKEN, 100) {
                self.telling.trade(at, Side::Sell, (ticks, lots), queue);
            }
            self.bids.take(0, lots);
        }
        came
    }

    /// Somebody who knows nothing takes a few lots, more often than not the way the last one did.
    fn unknowing_taker(&mut self, at: Timestamp, queue: &mut Queue) {
        if self.random.odds(1, 8) {
            self.mood = self.mood.opposite();
        }
        let side = if self.random.odds(7, 10) { self.mood } else { self.mood.opposite() };
        let large = if self.random.odds(1, 20) { LARGE } else { 1 };
        let mut left = 1 + self.random.exponential(self.order_lots * large);
        for _ in 0..LEVELS_TAKEN_MAX {
            let resting = match side {
                Side::Buy => &mut self.asks,
                Side::Sell => &mut self.bids,
            };
            let Some((ticks, _)) = resting.best() else { return };
            let taken = resting.take(0, left);
            self.telling.trade(at, side, (ticks, taken), queue);
            left -= taken;
            if left == 0 {
                return;
            }
        }
    }

    /// A maker adds to a level, near the best more often than far from it, or opens one behind it.
    fn maker_adds(&mut self) {
        let side = self.any_side();
        let index = self.near_the_best();
        let lots = self.lots(index);
        let between = self.random.odds(1, 3);
        let gap = 1 + self.random.exponential(self.gap_ticks);
        let levels = self.levels(side);
        let Some((ticks, _)) = levels.at(index.min(levels.len().saturating_sub(1))) else { return };
        let ticks = match side {
            Side::Buy if between => ticks - gap,
            Side::Sell if between => ticks + gap,
            Side::Buy | Side::Sell => ticks,
        };
        levels.add(ticks, lots);
    }

    /// A maker takes back all or part of what rests at a level.
    fn maker_cancels(&mut self) {
        let side = self.any_side();
        let index = self.near_the_best();
        let whole = self.random.odds(1, 2);
        let part = i64::try_from(1 + self.random.below(3)).unwrap_or(1);
        let levels = self.levels(side);
        if let Some((_, lots)) = levels.at(index) {
            levels.take(index, if whole { lots } else { (lots * part / 4).max(1) });
        }
    }

    /// Makers who watch the value quote close to it, further away the wilder the market is.
    fn makers_quote(&mut self) {
        let fair = self.value.ticks();
        let width = (self.gap_ticks * self.value.intensity()) >> 17;
        for side in [Side::Buy, Side::Sell] {
            if !self.random.odds(3, 4) {
                continue;
            }
            let away = self.random.exponential(width.max(1));
            let lots = self.lots(0);
            let (ticks, worse) = match side {
                Side::Buy => (fair - away, self.bids.best().is_none_or(|(best, _)| best < fair - away)),
                Side::Sell => (fair + 1 + away, self.asks.best().is_none_or(|(best, _)| best > fair + 1 + away)),
            };
            if worse {
                self.levels(side).add(ticks, lots);
            }
        }
    }

    /// Neither side is ever left with fewer than ten levels.
    fn refill(&mut self) {
        let fair = self.value.ticks();
        let Self { bids, asks, random, gap_ticks, level_lots, .. } = self;
        let mut next = |index| (1 + random.exponential(*gap_ticks - 1), lots(random, *level_lots, index));
        bids.fill(fair, &mut next);
        asks.fill(fair + 1, &mut next);
    }

    /// A new book around the value, of which nothing has to be told as a change.
    fn rebuild(&mut self) {
        self.bids = Levels::new(Side::Buy);
        self.asks = Levels::new(Side::Sell);
        self.refill();
        self.bids.tell(|_, _| {});
        self.asks.tell(|_, _| {});
    }

    /// Time until somebody comes: shorter when the market is lively.
    fn wait(&mut self) -> Span {
        let lively = self.value.intensity().isqrt() << 8;
        let mean = (WAIT.nanos() << 16) / lively.clamp(LIVELY_MIN, LIVELY_MAX);
        Span::from_nanos(self.random.exponential(mean) + 1)
    }

    const fn any_side(&mut self) -> Side {
        if self.random.odds(1, 2) { Side::Buy } else { Side::Sell }
    }

    fn near_the_best(&mut self) -> usize {
        usize::try_from(self.random.exponential(3)).unwrap_or(0)
    }

    const fn levels(&mut self, side: Side) -> &mut Levels {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    fn lots(&mut self, index: usize) -> i64 {
        lots(&mut self.random, self.level_lots, index)
    }
}

/// Lots of a level by its place: the further from the best, the more.
fn lots(random: &mut Random, usual: i64, index: usize) -> i64 {
    let place = i64::try_from(index).unwrap_or(0).min(20);
    1 + random.exponential(usual * (4 + place) / 4)
}

/// Value of a usual level and of a usual order without knowledge, in the quote asset.
const LEVEL_WORTH: i128 = 15_000;
const ORDER_WORTH: i128 = 2_500;
/// One in twenty is larger by this.
const LARGE: i64 = 8;
const LEVELS_TAKEN_MAX: usize = 5;
/// One of the quote asset, as a count of 10^-16.
const QUOTE_UNIT: i128 = 10_i128.pow(16);
const LOTS_MAX: i64 = 1_000_000_000_000;
/// How many in a hundred of the levels beyond the value are traded; the others are cancelled in time.
const TAKEN: u64 = 60;
/// Somebody comes so often, in a market of average liveliness.
const WAIT: Span = Span::from_millis(55);
const LIVELY_MIN: i64 = 3 << 14;
const LIVELY_MAX: i64 = 7 << 14;
/// Trades that go unseen in one outage.
const UNSEEN_MAX: u64 = 200;
