//! A market to practise on: a seeded generator of the very events that a real feed brings, outages and gaps included.
//!
//! Its statistics are written down in `docs/practice-market.md` and tested.

mod levels;
mod pair;
mod telling;
mod value;

use std::collections::VecDeque;

use tradingbot_domain::event::BookSnapshot;
use tradingbot_domain::{
    Asset, Event, Instrument, InstrumentId, LinkEvent, Market, Notional, Price, Qty, Rate, Span, Timestamp,
};

use super::Random;
use pair::Pair;

/// What is traded on the practice market, and how it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PracticeSettings {
    /// What is traded.
    pub pairs: Vec<PracticePair>,
    /// Everything follows from this.
    pub seed: u64,
    /// When it begins.
    pub start: Timestamp,
    /// Mean time between two outages of the whole feed; never when zero.
    pub outage_every: Span,
    /// Mean time between two gaps in the book of one pair; never when zero.
    pub gap_every: Span,
}

/// One pair of the practice market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PracticePair {
    /// What it is, and its rules.
    pub instrument: Instrument,
    /// What it costs at the start; between a thousand and four thousand million ticks.
    pub price: Price,
    /// Share of its price that it moves in one second, up to 0.1 %.
    pub volatility: Rate,
}

/// `BTCUSDT` and `ETHUSDT` on a lively day: outages every quarter of an hour, gaps every five minutes.
#[must_use]
pub fn default_settings(seed: u64, start: Timestamp) -> PracticeSettings {
    PracticeSettings {
        pairs: vec![
            pair(["BTCUSDT", "BTC", "USDT"], ["0.1", "0.00001", "64000"], 12_000),
            pair(["ETHUSDT", "ETH", "USDT"], ["0.01", "0.0001", "3200"], 15_000),
        ],
        seed,
        start,
        outage_every: Span::from_secs(900),
        gap_every: Span::from_secs(300),
    }
}

/// Events and when they happen, oldest first.
type Queue = VecDeque<(Timestamp, Event)>;

/// The practice market. It never ends, keeps a bounded book, and draws on nothing but its seed.
#[derive(Debug)]
pub struct PracticeMarket {
    pairs: Vec<Pair>,
    queue: Queue,
    outages: Random,
    outage_every: Span,
    next_outage: Timestamp,
    outage_count: u64,
}

impl PracticeMarket {
    /// A market at its start: the first events are the feed coming up and the book of each pair.
    #[must_use]
    pub fn new(settings: PracticeSettings) -> Self {
        let PracticeSettings { pairs, seed, start, outage_every, gap_every } = settings;
        let mut random = Random::seeded(seed);
        let mut outages = random.branch();
        let next_outage = outages.after(start, outage_every);
        let pairs = pairs
            .into_iter()
            .map(|pair| Pair::new(pair.instrument, pair.price, pair.volatility, start, gap_every, random.branch()));
        let mut market =
            Self { pairs: pairs.collect(), queue: Queue::new(), outages, outage_every, next_outage, outage_count: 0 };
        market.come_up(start);
        market
    }

    /// What happens next, and when; time never goes back.
    #[expect(clippy::should_implement_trait, reason = "it never ends, so there is no option to hand out")]
    pub fn next(&mut self) -> (Timestamp, Event) {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return event;
            }
            match self.pairs.iter_mut().min_by_key(|pair| pair.next()) {
                Some(pair) if pair.next() < self.next_outage => pair.step(&mut self.queue),
                Some(_) => self.go_down(),
                // Without pairs there is nothing but outages.
                None => self.go_down(),
            }
        }
    }

    /// The book of one pair as the market knows it, whatever the feed has told.
    #[must_use]
    pub fn book(&self, symbol: InstrumentId) -> Option<BookSnapshot> {
        self.pairs.iter().find(|pair| pair.symbol() == symbol).map(Pair::book)
    }

    /// How often prices have jumped, all pairs together.
    #[must_use]
    pub fn jumps(&self) -> u64 {
        self.pairs.iter().map(Pair::jumps).sum()
    }

    /// How often the feed has gone down.
    #[must_use]
    pub const fn outages(&self) -> u64 {
        self.outage_count
    }

    /// The feed goes down; the market goes on unseen until it is up again.
    fn go_down(&mut self) {
        let down = self.next_outage;
        self.outage_count += 1;
        self.queue.push_back((down, Event::Link(LinkEvent::Down)));
        let up = down.plus(self.outages.span(OUTAGE_MIN, OUTAGE_MAX));
        for pair in &mut self.pairs {
            pair.pass_unseen(up);
        }
        self.come_up(up);
        self.next_outage = self.outages.after(up, self.outage_every);
    }

    fn come_up(&mut self, at: Timestamp) {
        self.queue.push_back((at, Event::Link(LinkEvent::Up)));
        for pair in &mut self.pairs {
            pair.tell_book(at, &mut self.queue);
        }
    }
}

fn pair([symbol, base, quote]: [&str; 3], [tick, lot, price]: [&str; 3], volatility: i64) -> PracticePair {
    let asset = |name: &str| -> Asset { name.parse().expect("a name written here is one") };
    let lot: Qty = lot.parse().expect("a quantity written here is one");
    let fee = Rate::from_units(100_000);
    let instrument = Instrument {
        id: InstrumentId::new(Market::Spot, symbol.parse().expect("a symbol written here is one")),
        base: asset(base),
        quote: asset(quote),
        tick: tick.parse().expect("a tick written here is one"),
        lot,
        qty_min: lot,
        qty_max: Qty::from_units(9_000 * 100_000_000),
        notional_min: Notional::from_units(5 * 10_i128.pow(Notional::SCALE)),
        fee_maker: fee,
        fee_taker: fee,
    };
    let price = price.parse().expect("a price written here is one");
    PracticePair { instrument, price, volatility: Rate::from_units(volatility) }
}

/// How long an outage lasts.
const OUTAGE_MIN: Span = Span::from_secs(2);
const OUTAGE_MAX: Span = Span::from_secs(15);
