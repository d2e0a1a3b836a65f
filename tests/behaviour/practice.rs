//! The practice market: the same for the same seed, a feed that adds up, and statistics that look like a market's.

use std::collections::BTreeMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};
use tradingbot::domain::event::{BookSnapshot, Level};
use tradingbot::domain::{Event, InstrumentId, LinkEvent, MarketEvent, Price, Qty, Span, Timestamp};
use tradingbot::market::practice::{PracticeMarket, PracticeSettings, default_settings};

use crate::support::statistics::{Seen, autocorrelation, moments};

fn start() -> Timestamp {
    "2024-01-31T12:00:00Z".parse().unwrap()
}

fn digest(settings: PracticeSettings, events: usize) -> String {
    let mut market = PracticeMarket::new(settings);
    let mut hash = Sha256::new();
    for _ in 0..events {
        hash.update(serde_json::to_vec(&market.next()).unwrap());
    }
    hash.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_gives_others() {
    let events = 20_000;
    assert_eq!(
        digest(default_settings(1, start()), events),
        "d5e441abc6123a69",
        "the bytes of seed 1, on every machine"
    );
    assert_eq!(digest(default_settings(2, start()), events), digest(default_settings(2, start()), events));
    assert_ne!(digest(default_settings(1, start()), events), digest(default_settings(2, start()), events));
}

#[test]
fn the_feed_adds_up_to_the_markets_own_book_and_is_never_crossed() {
    for seed in 1..=5 {
        // Often down and often incomplete, so that every kind of resync is met.
        let settings = PracticeSettings {
            outage_every: Span::from_secs(60),
            gap_every: Span::from_secs(20),
            ..default_settings(seed, start())
        };
        let mut market = PracticeMarket::new(settings);
        let mut feeds: BTreeMap<InstrumentId, Follower> = BTreeMap::new();
        let mut last = start();
        let (mut up, mut compared, mut downs) = (false, 0, 0);
        for _ in 0..60_000 {
            let (at, event) = market.next();
            assert!(at >= last, "seed {seed}: time went back");
            last = at;
            match event {
                Event::Link(LinkEvent::Up) => {
                    assert!(!up);
                    up = true;
                    feeds.values_mut().for_each(|feed| feed.book = None);
                }
                Event::Link(LinkEvent::Down) => {
                    assert!(up);
                    (up, downs) = (false, downs + 1);
                }
                Event::Link(LinkEvent::Gap { symbol, missed }) => {
                    assert!(up && missed > Some(0));
                    let feed = feeds.get_mut(&symbol).unwrap();
                    (feed.book, feed.gaps) = (None, feed.gaps + 1);
                }
                Event::Market(event) => {
                    assert!(up, "seed {seed}: the feed is down");
                    let feed = feeds.entry(event.symbol()).or_default();
                    feed.follow(&event, at, &market);
                    compared += usize::from(feed.book.is_some());
                }
                _ => panic!("{event:?}"),
            }
        }
        assert!(compared > 50_000, "seed {seed}: {compared}");
        assert!(downs > 3 && feeds.values().all(|feed| feed.gaps > 10), "seed {seed}: {downs}");
    }
}

/// Keeps a book as a reader of the feed does.
#[derive(Default)]
struct Follower {
    book: Option<Sides>,
    trade: u64,
    gaps: u32,
}

#[derive(PartialEq, Eq, Debug)]
struct Sides {
    last_update: u64,
    bids: BTreeMap<Price, Qty>,
    asks: BTreeMap<Price, Qty>,
}

impl Sides {
    fn new(book: &BookSnapshot) -> Self {
        let side = |levels: &[Level]| levels.iter().copied().collect();
        Self { last_update: book.last_update, bids: side(&book.bids), asks: side(&book.asks) }
    }

    fn best(&self) -> (Level, Level) {
        let level = |(price, qty): (&Price, &Qty)| (*price, *qty);
        (self.bids.last_key_value().map(level).unwrap(), self.asks.first_key_value().map(level).unwrap())
    }
}

impl Follower {
    fn follow(&mut self, event: &MarketEvent, at: Timestamp, market: &PracticeMarket) {
        match event {
            MarketEvent::Book(book) => self.book = Some(Sides::new(book)),
            MarketEvent::Depth(update) => {
                let book = self.book.as_mut().expect("no update comes between a gap and the next book");
                assert_eq!((update.at, update.first), (at, book.last_update + 1));
                assert_eq!(
                    usize::try_from(update.last - update.first).unwrap() + 1,
                    update.bids.len() + update.asks.len()
                );
                book.last_update = update.last;
                for (side, levels) in [(&mut book.bids, &update.bids), (&mut book.asks, &update.asks)] {
                    for (price, qty) in levels {
                        side.insert(*price, *qty);
                    }
                    side.retain(|_, qty| qty.is_positive());
                }
            }
            MarketEvent::Trade(trade) => {
                assert!(trade.at == at && trade.id.0 > self.trade && trade.qty.is_positive() && trade.count == 1);
                self.trade = trade.id.0;
                return;
            }
            MarketEvent::Quote(quote) => {
                let told = ((quote.bid, quote.bid_qty), (quote.ask, quote.ask_qty));
                if let Some(book) = self.book.as_ref().filter(|book| book.last_update == quote.update) {
                    assert_eq!(book.best(), told);
                }
                assert!(quote.bid < quote.ask);
                return;
            }
            _ => panic!("{event:?}"),
        }
        let Some(book) = &self.book else { return };
        let ((bid, _), (ask, _)) = book.best();
        assert!(bid < ask, "crossed: {bid} {ask}");
        assert!((10..=20).contains(&book.bids.len()) && (10..=20).contains(&book.asks.len()));
        let own = market.book(event.symbol()).unwrap();
        if own.last_update == book.last_update {
            assert_eq!(&Sides::new(&own), book);
        }
    }
}

#[test]
fn its_statistics_look_like_a_markets() {
    for (seed, symbol) in [(1, "BTCUSDT"), (1, "ETHUSDT"), (2, "ETHUSDT"), (3, "BTCUSDT")] {
        let seen = Seen::watch(seed, Span::from_secs(7_200), symbol);
        println!("seed {seed}, {symbol}, two hours from 22:13 UTC");
        let within = |what: &str, value: f64, low: f64, high: f64| {
            println!("  {what}: {value:.3}");
            assert!(
                (low..=high).contains(&value),
                "seed {seed}, {symbol}: {what} is {value}, not from {low} to {high}"
            );
        };
        within("events a second", seen.per_second(seen.events), 20.0, 60.0);
        within("trades a second", seen.per_second(seen.trades), 8.0, 20.0);
        within("updates of the book a second", seen.per_second(seen.depths), 10.0, 22.0);
        within("quotes a second", seen.per_second(seen.quotes), 8.0, 22.0);
        within("outages", seen.downs as f64, 2.0, 18.0);
        within("seconds down for each outage", seen.down as f64 / 1e9 / seen.downs as f64, 4.0, 13.0);
        within("gaps", seen.gaps as f64, 10.0, 42.0);

        let returns = seen.returns(1);
        let sizes: Vec<f64> = returns.iter().map(|change| change.abs()).collect();
        let (_, deviation, kurtosis) = moments(&returns);
        within("deviation of returns over 1 s, in 0.01 %", deviation * 1e4, 0.6, 2.2);
        within("kurtosis of returns over 1 s", kurtosis, 5.0, 80.0);
        within("deviation of returns over 60 s, in 0.01 %", moments(&seen.returns(60)).1 * 1e4, 5.0, 20.0);
        for lag in [1, 5, 30] {
            within(&format!("autocorrelation of returns, {lag} s"), autocorrelation(&returns, lag), -0.08, 0.10);
        }
        within("autocorrelation of their sizes, 1 s", autocorrelation(&sizes, 1), 0.06, 0.4);
        within("autocorrelation of their sizes, 10 s", autocorrelation(&sizes, 10), 0.04, 0.4);
        within("autocorrelation of their sizes, 60 s", autocorrelation(&sizes, 60), 0.01, 0.3);

        for (ticks, low, high) in [(1..=1, 0.1, 0.4), (2..=5, 0.3, 0.6), (6..=20, 0.12, 0.4), (21..=2_000, 0.01, 0.16)]
        {
            let what = format!("share of spreads from {} to {} ticks", ticks.start(), ticks.end());
            within(&what, seen.spread_share(ticks), low, high);
        }
        within("levels of a side, least", seen.levels_min as f64, 10.0, 10.0);
        within("levels of a side, most", seen.levels_max as f64, 18.0, 20.0);
        let unit = 2e8 * seen.looks as f64;
        within("first level", seen.shape[0] / unit, 0.0, 20.0);
        within("tenth level over the first", seen.shape[9] / seen.shape[0], 1.4, 3.0);
        within("twentieth level over the first", seen.shape[19] / seen.shape[0], 0.05, 0.8);
    }
}

#[test]
fn prices_jump_as_often_as_they_should() {
    let mut market = PracticeMarket::new(PracticeSettings { outage_every: Span::ZERO, ..default_settings(1, start()) });
    let end = start().plus(Span::from_secs(2 * 3_600));
    while market.next().0 < end {}
    let expected = 2 * 2 * 3_600 / 600;
    assert!((expected / 2..expected * 2).contains(&market.jumps()), "{}", market.jumps());
    assert_eq!(market.outages(), 0);
}

#[test]
fn a_fast_average_crosses_a_slow_one_within_a_minute_of_five_second_candles() {
    let mut crossings = Vec::new();
    for seed in 1..=6 {
        let seen = Seen::watch(seed, Span::from_secs(1_200), "BTCUSDT");
        let closes: Vec<f64> = seen.middles.iter().copied().step_by(5).collect();
        let (mut fast, mut slow) = (closes[0], closes[0]);
        let (mut above, mut count) = (None, 0);
        for close in closes {
            fast += (close - fast) * 2.0 / (3.0 + 1.0);
            slow += (close - slow) * 2.0 / (8.0 + 1.0);
            if above.replace(fast > slow).is_some_and(|before| before != (fast > slow)) {
                count += 1;
            }
        }
        crossings.push(count);
    }
    assert!(crossings.iter().all(|count| *count > 20), "twenty minutes each: {crossings:?}");
}
