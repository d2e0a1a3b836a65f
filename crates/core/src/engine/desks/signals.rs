//! What a strategy makes of the candles of one instrument.

use std::collections::VecDeque;

use crate::strategy::{RangeShare, SignalRule, Strategy, StrategySettings, Target};
use tradingbot_domain::{Candle, Rate, Sizing, Span, Timestamp};

/// A strategy's answers to the candles of one instrument. An answer depends on that candle and those before it alone, so where
/// candles are known beforehand it may be worked out ahead; it counts once its candle is over.
pub struct Signals {
    interval: Span,
    warm_up: u32,
    rule: Box<dyn Strategy>,
    range: Option<RangeShare>,
    range_share: Option<Rate>,
    seen: u32,
    last_open: Option<Timestamp>,
    /// Answers to candles that are not over, but for those to hold what is held.
    ahead: VecDeque<Answer>,
    found: Vec<(usize, Target)>,
}

/// What a strategy wants to hold after a candle.
#[derive(Debug, Clone, Copy)]
struct Answer {
    /// When the candle opened.
    open_time: Timestamp,
    target: Target,
    range_share: Option<Rate>,
}

impl Signals {
    /// A strategy that has seen nothing.
    #[must_use]
    pub fn new(settings: &StrategySettings, signals: SignalRule) -> Self {
        let range = match settings.sizing {
            Sizing::VolatilityTarget { period, .. } => Some(RangeShare::new(period)),
            Sizing::Fixed { .. } | Sizing::EquityShare { .. } => None,
        };
        Self {
            interval: settings.interval,
            warm_up: settings.warm_up,
            rule: settings.rule.build(signals),
            range,
            range_share: None,
            seen: 0,
            last_open: None,
            ahead: VecDeque::new(),
            found: Vec::new(),
        }
    }

    /// What it wants to hold now that a candle is over; `None` while it warms up, or when the candle is none of its own or not
    /// newer than the last.
    pub fn on_candle(&mut self, interval: Span, candle: &Candle) -> Option<Target> {
        if interval != self.interval {
            return None;
        }
        if self.answer_to(candle.open_time).is_some()
            && let Some(answer) = self.ahead.pop_front()
        {
            self.range_share = answer.range_share;
            return Some(answer.target);
        }
        if self.last_open.is_some_and(|last| candle.open_time <= last) {
            return None;
        }
        self.last_open = Some(candle.open_time);
        let target = self.rule.update(candle);
        if let Some(range) = &mut self.range {
            range.update(candle);
            self.range_share = range.share();
        }
        self.seen = self.seen.saturating_add(1);
        (self.seen > self.warm_up).then_some(target)
    }

    /// Works its answers to candles out before they are over; they follow those that were seen and each other. Those to which
    /// it does not answer to hold what is held are added to `wanted`.
    pub fn work_ahead(&mut self, interval: Span, candles: &[Candle], wanted: &mut Vec<usize>) {
        let Some(last) = candles.last().filter(|_| interval == self.interval) else { return };
        self.found.clear();
        self.rule.update_all(candles, &mut self.found);
        let first = usize::try_from(self.warm_up.saturating_sub(self.seen)).unwrap_or(usize::MAX);
        let mut shown = 0;
        for (at, target) in self.found.iter().copied().filter(|(at, _)| *at >= first) {
            if let Some(range) = &mut self.range {
                candles[shown..=at].iter().for_each(|candle| range.update(candle));
                shown = at + 1;
            }
            let range_share = self.range.as_ref().and_then(RangeShare::share);
            self.ahead.push_back(Answer { open_time: candles[at].open_time, target, range_share });
            wanted.push(at);
        }
        if let Some(range) = &mut self.range {
            candles[shown..].iter().for_each(|candle| range.update(candle));
        }
        self.seen = self.seen.saturating_add(u32::try_from(candles.len()).unwrap_or(u32::MAX));
        self.last_open = Some(last.open_time);
    }

    /// The answer to a candle that was worked out ahead, if it is not to hold what is held; those to candles before it are
    /// forgotten.
    pub fn answer_to(&mut self, candle: Timestamp) -> Option<Target> {
        while self.ahead.pop_front_if(|answer| answer.open_time < candle).is_some() {}
        self.ahead.front().filter(|answer| answer.open_time == candle).map(|answer| answer.target)
    }

    /// The average true range as a share of the price, once known; for sizing by volatility.
    #[must_use]
    pub const fn range_share(&self) -> Option<Rate> {
        self.range_share
    }

    /// How many candles it has seen, and how many are left until it may enter.
    #[must_use]
    pub const fn warmed_up(&self) -> (u32, u32) {
        (self.seen, self.warm_up.saturating_add(1).saturating_sub(self.seen))
    }

    /// Length of its candles, and when the one after the last opens; `None` before the first.
    #[must_use]
    pub fn next_open(&self) -> (Span, Option<Timestamp>) {
        (self.interval, self.last_open.map(|open| open.plus(self.interval)))
    }
}
