//! The market as it is, and the market as it is told: with outages and gaps, and at times late.

use std::collections::VecDeque;

use tradingbot::domain::{Event, LinkEvent, MarketEvent, Span, Timestamp};
use tradingbot::market::Random;
use tradingbot::market::practice::{PracticeMarket, PracticeSettings};

use super::tally::Tally;

/// Something that has happened, and when the bot hears of it.
#[derive(Debug)]
pub struct Told {
    pub due: Timestamp,
    pub made: Timestamp,
    pub event: Event,
}

/// A practice market whose clock goes slower, and a line from it that stalls.
pub struct Feed {
    market: PracticeMarket,
    start: Timestamp,
    slower: i64,
    next: (Timestamp, Event),
    line: VecDeque<Told>,
    stalled_until: Timestamp,
    stall_odds: u64,
    dice: Random,
}

impl Feed {
    pub fn new(settings: PracticeSettings, slower: i64, stall_odds: u64, dice: Random) -> Self {
        let start = settings.start;
        let mut market = PracticeMarket::new(settings);
        let next = market.next();
        let line = VecDeque::new();
        Self { market, start, slower, next, line, stalled_until: start, stall_odds, dice }
    }

    /// When something happens in the market next.
    pub const fn next_made(&self) -> Timestamp {
        self.next.0
    }

    /// When the bot hears of something next.
    pub fn next_told(&self) -> Option<Timestamp> {
        self.line.front().map(|told| told.due)
    }

    /// Lets the next thing happen; it sets out to the bot. What it is, if it happened in the market.
    pub fn make(&mut self, tally: &mut Tally) -> Option<(Timestamp, MarketEvent)> {
        let following = self.slowed();
        let (made, event) = std::mem::replace(&mut self.next, following);
        if made >= self.stalled_until && self.dice.odds(1, self.stall_odds) {
            tally.feed_stalls += 1;
            self.stalled_until = made.plus(self.dice.span(Span::SECOND, STALL_MAX));
        }
        let market = match &event {
            Event::Market(market) => Some((made, market.clone())),
            Event::Link(LinkEvent::Down) => {
                tally.feed_outages += 1;
                None
            }
            _ => None,
        };
        self.line.push_back(Told { due: made.max(self.stalled_until), made, event });
        market
    }

    /// The next thing that the bot hears of.
    pub fn tell(&mut self) -> Option<Told> {
        self.line.pop_front()
    }

    /// Nobody listens: what is on the way is lost.
    pub fn cut(&mut self) {
        self.line.clear();
        self.stalled_until = self.start;
    }

    fn slowed(&mut self) -> (Timestamp, Event) {
        let (at, mut event) = self.market.next();
        let slow =
            |at: Timestamp| self.start.plus(Span::from_nanos(at.since(self.start).nanos().saturating_mul(self.slower)));
        match &mut event {
            Event::Market(MarketEvent::Trade(trade)) => trade.at = slow(trade.at),
            Event::Market(MarketEvent::Depth(depth)) => depth.at = slow(depth.at),
            _ => {}
        }
        (slow(at), event)
    }
}

const STALL_MAX: Span = Span::from_secs(40);
