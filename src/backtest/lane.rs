//! The candles of one symbol on their way through a backtest.

use std::collections::VecDeque;

use crate::domain::{Candle, Timestamp};
use crate::engine::{InstrumentIdx, Past};

use super::run::{Feed, FillRule};

/// The candles of one symbol. It sleeps while nothing of it is held and no strategy wants any: then none of its candles
/// changes anything.
pub(super) struct Lane<'a> {
    /// What they are of.
    pub(super) feed: &'a Feed,
    /// Its place in the engine.
    pub(super) instrument: InstrumentIdx,
    /// Whether its candles are looked at as they begin.
    pub(super) is_awake: bool,
    /// Whether it may be put to sleep.
    pub(super) is_doubtful: bool,
    fill_rule: FillRule,
    /// Which candle begins next, while it is awake.
    next: usize,
    /// How many candles strategies have worked ahead through.
    worked: usize,
    /// Those of them after which a strategy may want something else, as far as they are not over.
    wanted: VecDeque<usize>,
    /// When it wakes up, while it sleeps.
    wakes_at: Option<Timestamp>,
}

impl<'a> Lane<'a> {
    /// Candles that nobody has looked at.
    pub(super) const fn new(feed: &'a Feed, instrument: InstrumentIdx, fill_rule: FillRule) -> Self {
        Self {
            feed,
            instrument,
            is_awake: false,
            is_doubtful: false,
            fill_rule,
            next: 0,
            worked: 0,
            wanted: VecDeque::new(),
            wakes_at: None,
        }
    }

    /// When the first candle begins that strategies have not worked ahead through.
    pub(super) fn unworked(&self) -> Option<Timestamp> {
        self.feed.candles.get(self.worked).map(|candle| candle.open_time)
    }

    /// Lets strategies work ahead through the candles that begin before `end`; these are handed out.
    pub(super) fn work_ahead(&mut self, end: Timestamp, past: &mut Past<'_>, found: &mut Vec<usize>) -> &'a [Candle] {
        let feed = self.feed;
        let rest = feed.candles.get(self.worked..).unwrap_or_default();
        let begins = rest.iter().position(|candle| candle.open_time >= end);
        let (block, _) = rest.split_at(begins.unwrap_or(rest.len()));
        found.clear();
        past.work_ahead(self.instrument, feed.interval, block, found);
        self.wanted.extend(found.iter().map(|place| self.worked + place));
        self.worked += block.len();
        if !self.is_awake && self.wakes_at.is_none() {
            self.plan_waking();
        }
        block
    }

    /// When it wakes up, if it sleeps and will.
    pub(super) const fn wakes_at(&self) -> Option<Timestamp> {
        self.wakes_at
    }

    /// Wakes up when it is time to.
    pub(super) fn wake(&mut self, now: Timestamp) -> bool {
        let wakes = self.wakes_at.is_some_and(|at| at <= now);
        if wakes {
            (self.is_awake, self.is_doubtful, self.wakes_at) = (true, true, None);
        }
        wakes
    }

    /// Goes to sleep until a strategy wants something.
    pub(super) fn sleep(&mut self) {
        self.is_awake = false;
        self.plan_waking();
    }

    /// The candle that begins now, if orders trade in it.
    pub(super) fn candle_at(&self, now: Timestamp) -> Option<&'a Candle> {
        let candle = self.feed.candles.get(self.next).filter(|candle| candle.open_time == now)?;
        self.fill_rule.trades_in(candle).then_some(candle)
    }

    /// The next candle that is over and after which a strategy may want something else; each once.
    pub(super) fn next_wanted(&mut self) -> Option<&'a Candle> {
        let next = self.next;
        let place = self.wanted.pop_front_if(|place| *place < next)?;
        self.feed.candles.get(place)
    }

    /// The candle that begins now is over.
    pub(super) fn pass(&mut self, now: Timestamp) {
        if self.feed.candles.get(self.next).is_some_and(|candle| candle.open_time == now) {
            self.next += 1;
        }
    }

    /// The last candle that has begun and in which orders trade.
    pub(super) fn last_traded(&self) -> Option<&'a Candle> {
        let begun = self.feed.candles.get(..self.next)?;
        begun.iter().rev().find(|candle| self.fill_rule.trades_in(candle))
    }

    /// The first answer that counts does so at the open of the first candle after it in which orders trade: the first trade
    /// proves that those before are over.
    fn plan_waking(&mut self) {
        let candles = &self.feed.candles;
        let acts = self.wanted.front().and_then(|wanted| {
            let after = candles.get(wanted + 1..)?;
            Some(wanted + 1 + after.iter().position(|candle| self.fill_rule.trades_in(candle))?)
        });
        if let Some(acts) = acts {
            self.next = acts;
        }
        self.wakes_at = acts.and_then(|acts| candles.get(acts)).map(|candle| candle.open_time);
    }
}
