//! What is heard of one market.

use crate::market::{BookSync, Step};
use tradingbot_domain::{MarketEvent, Price, Span, Timestamp};

use super::forming::Forming;

/// What is heard of one market, in this life.
#[derive(Debug)]
pub struct Market {
    pub(super) last: Option<Price>,
    bid: Option<Price>,
    ask: Option<Price>,
    heard: Option<Timestamp>,
    /// How late what comes is: how long before it came the last event that has a time of its own had happened.
    lag: Span,
    book: BookSync,
    pub(super) forming: Vec<Forming>,
}

/// Updates of a book that never came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// How many; `None` when that cannot be told.
    pub missed: Option<u64>,
}

impl Market {
    /// A market of which nothing has been heard, with candles of these lengths.
    #[must_use]
    pub fn new(intervals: Vec<Span>) -> Self {
        Self {
            last: None,
            bid: None,
            ask: None,
            heard: None,
            lag: Span::ZERO,
            book: BookSync::new(),
            forming: intervals.into_iter().map(Forming::new).collect(),
        }
    }

    /// Last trade price.
    #[must_use]
    pub const fn last(&self) -> Option<Price> {
        self.last
    }

    /// Highest price somebody pays, when known.
    #[must_use]
    pub const fn bid(&self) -> Option<Price> {
        self.bid
    }

    /// Lowest price somebody sells at, when known.
    #[must_use]
    pub const fn ask(&self) -> Option<Price> {
        self.ask
    }

    /// When what was heard of it last had happened, as far as that was said.
    #[must_use]
    pub const fn heard(&self) -> Option<Timestamp> {
        self.heard
    }

    /// Notes that `event` was heard now. What comes without a time of its own is taken to be as late as what last came with
    /// one.
    pub(super) fn hear(&mut self, now: Timestamp, event: &MarketEvent) {
        let made = match event {
            MarketEvent::Trade(trade) => Some(trade.at),
            MarketEvent::Depth(update) => Some(update.at),
            MarketEvent::Quote(_) | MarketEvent::Book(_) | MarketEvent::Candle { .. } | MarketEvent::Range { .. } => {
                None
            }
        };
        if let Some(made) = made {
            self.lag = now.since(made).max(Span::ZERO);
        }
        self.heard = Some(now.minus(self.lag));
    }

    /// Takes in best prices or changes of the book. What of the book was missed, if anything was.
    pub(super) fn update_book(&mut self, event: &MarketEvent) -> Option<Gap> {
        match event {
            MarketEvent::Quote(quote) => {
                (self.bid, self.ask) = (Some(quote.bid), Some(quote.ask));
                return None;
            }
            MarketEvent::Book(snapshot) => {
                self.book.on_snapshot(snapshot);
            }
            MarketEvent::Depth(update) => self.book.on_update(update),
            MarketEvent::Trade(_) | MarketEvent::Candle { .. } | MarketEvent::Range { .. } => return None,
        }
        self.work_off()
    }

    /// The book is not known any more.
    pub(super) fn lose_book(&mut self) {
        (self.book, self.bid, self.ask) = (BookSync::new(), None, None);
    }

    fn work_off(&mut self) -> Option<Gap> {
        let mut gap = None;
        while let Some(step) = self.book.step() {
            match step {
                Step::Applied | Step::Skipped => {}
                Step::Gap { missed, .. } => gap = Some(Gap { missed }),
                Step::TooOld { .. } => gap = Some(Gap { missed: None }),
            }
        }
        let best = self.book.book().map(|book| (book.best_bid(), book.best_ask()));
        (self.bid, self.ask) = match best {
            Some((bid, ask)) => (bid.map(|(price, _)| price), ask.map(|(price, _)| price)),
            None => (None, None),
        };
        gap
    }
}
