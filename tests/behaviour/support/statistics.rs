//! What a practice market did over some time, counted for one of its symbols.
#![expect(clippy::float_arithmetic, reason = "statistics of a report")]

use std::collections::BTreeMap;

use tradingbot::domain::{Event, InstrumentId, LinkEvent, MarketEvent, Price, Span, Timestamp};
use tradingbot::market::practice::{PracticeMarket, default_settings};

/// Counts and prices of one symbol.
#[derive(Default)]
pub struct Seen {
    pub seconds: u64,
    pub events: u64,
    pub trades: u64,
    pub depths: u64,
    pub quotes: u64,
    pub downs: u64,
    pub gaps: u64,
    /// Time that the feed was down.
    pub down: i64,
    /// Middle of the best prices at the end of each second, in half ticks.
    pub middles: Vec<f64>,
    /// How often the spread was so many ticks wide.
    pub spreads: BTreeMap<i64, u64>,
    /// Sum of what rests at each place of the book, best first, in units, and how often it was looked at.
    pub shape: Vec<f64>,
    pub looks: u64,
    pub levels_min: usize,
    pub levels_max: usize,
}

impl Seen {
    /// Lets the default market of this seed run for so long.
    pub fn watch(seed: u64, length: Span, symbol: &str) -> Self {
        let symbol: InstrumentId = symbol.parse().unwrap();
        let start = Timestamp::from_millis(1_700_000_000_000).unwrap();
        let settings = default_settings(seed, start);
        let tick = settings.pairs.iter().find(|pair| pair.instrument.id == symbol).unwrap().instrument.tick;
        let end = start.plus(length);
        let mut market = PracticeMarket::new(settings);
        let mut seen = Self { levels_min: usize::MAX, shape: vec![0.0; 20], ..Self::default() };
        let (mut second, mut best, mut down_since) = (start.plus(Span::SECOND), None, start);
        loop {
            let (at, event) = market.next();
            if at >= end {
                return seen;
            }
            while at >= second {
                seen.end_second(best, tick);
                if seen.seconds.is_multiple_of(10) {
                    seen.look(&market, symbol);
                }
                second = second.plus(Span::SECOND);
            }
            match event {
                Event::Market(event) if event.symbol() == symbol => {
                    seen.events += 1;
                    match event {
                        MarketEvent::Trade(_) => seen.trades += 1,
                        MarketEvent::Depth(_) => seen.depths += 1,
                        MarketEvent::Quote(quote) => {
                            seen.quotes += 1;
                            best = Some((quote.bid, quote.ask));
                        }
                        _ => {}
                    }
                }
                Event::Link(LinkEvent::Down) => {
                    seen.downs += 1;
                    down_since = at;
                }
                Event::Link(LinkEvent::Up) => seen.down += at.since(down_since).nanos(),
                Event::Link(LinkEvent::Gap { symbol: of, .. }) if of == symbol => seen.gaps += 1,
                _ => {}
            }
        }
    }

    /// Natural logarithms of the change of the middle over `seconds`, one after the other.
    pub fn returns(&self, seconds: usize) -> Vec<f64> {
        let ends: Vec<f64> = self.middles.iter().step_by(seconds).map(|middle| middle.ln()).collect();
        ends.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    pub fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.seconds as f64
    }

    pub fn spread_share(&self, ticks: std::ops::RangeInclusive<i64>) -> f64 {
        let all: u64 = self.spreads.values().sum();
        self.spreads.range(ticks).map(|(_, count)| count).sum::<u64>() as f64 / all as f64
    }

    fn end_second(&mut self, best: Option<(Price, Price)>, tick: Price) {
        self.seconds += 1;
        let Some((bid, ask)) = best else { return };
        self.middles.push((bid.units() + ask.units()) as f64);
        *self.spreads.entry((ask.units() - bid.units()) / tick.units()).or_default() += 1;
    }

    fn look(&mut self, market: &PracticeMarket, symbol: InstrumentId) {
        let book = market.book(symbol).unwrap();
        self.looks += 1;
        for side in [&book.bids, &book.asks] {
            self.levels_min = self.levels_min.min(side.len());
            self.levels_max = self.levels_max.max(side.len());
            for (sum, (_, qty)) in self.shape.iter_mut().zip(side) {
                *sum += qty.units() as f64;
            }
        }
    }
}

/// Mean, standard deviation and kurtosis.
pub fn moments(values: &[f64]) -> (f64, f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let power = |exponent| values.iter().map(|value| (value - mean).powi(exponent)).sum::<f64>() / count;
    (mean, power(2).sqrt(), power(4) / power(2).powi(2))
}

/// How much a value says about the one `lag` later: 1 everything, 0 nothing.
pub fn autocorrelation(values: &[f64], lag: usize) -> f64 {
    let (mean, deviation, _) = moments(values);
    let pairs = values.iter().zip(values.iter().skip(lag));
    let sum: f64 = pairs.map(|(one, other)| (one - mean) * (other - mean)).sum();
    sum / (values.len() - lag) as f64 / (deviation * deviation)
}
