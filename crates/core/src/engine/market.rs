//! What is known of each market: rules, last price, best prices, and how old that is.

use crate::market::{BookSync, BuildCandleError, CandleBuilder, Interval, Places, Step};
use tradingbot_domain::event::Trade;
use tradingbot_domain::{AmountError, Asset, Candle, Instrument, InstrumentId, Price, Qty, Span, Timestamp};

/// One market.
#[derive(Debug)]
pub struct Market {
    /// The exchange's rules.
    pub rules: Instrument,
    /// Last trade price.
    pub last: Option<Price>,
    /// Highest price somebody pays, when known.
    pub bid: Option<Price>,
    /// Lowest price somebody sells at, when known.
    pub ask: Option<Price>,
    /// When what was heard of it last had happened, as far as that was said; `None` until something was heard in this life.
    pub heard: Option<Timestamp>,
    /// How late what comes is: how long before it came the last event that has a time of its own had happened.
    lag: Span,
    /// Whether the last price is of this life.
    pub priced: bool,
    /// What all desks hold of it together.
    pub held: Qty,
    /// Which desks trade it.
    pub desks: Vec<usize>,
    /// The book, as far as it is known.
    pub book: BookSync,
    /// Candles in the making, one for each interval that a desk looks at.
    pub forming: Vec<Forming>,
    /// Close of the past interval that was shown last, until what is held is valued at it.
    pub close: Option<Price>,
}

impl Market {
    /// Notes that something of it was heard of now. `made` is when it had happened, by the exchange's clock, if that was
    /// said; what comes without a time is taken to be as late as what last came with one.
    pub fn hear(&mut self, now: Timestamp, made: Option<Timestamp>) {
        if let Some(made) = made {
            self.lag = now.since(made).max(Span::ZERO);
        }
        self.heard = Some(now.minus(self.lag));
    }
}

/// A candle in the making.
#[derive(Debug)]
pub struct Forming {
    /// Its length.
    pub interval: Span,
    builder: Option<(CandleBuilder, Interval)>,
}

impl Forming {
    /// Nothing has traded yet. Lengths that are no exchange's are never formed from trades.
    #[must_use]
    pub fn new(interval: Span) -> Self {
        let builder = Interval::try_from(interval).ok().map(|interval| (CandleBuilder::new(interval), interval));
        Self { interval, builder }
    }

    /// Takes in a trade. Candles that it proves over go to `closed`, oldest first: the one in the making, then a flat one
    /// for each interval in which nothing traded. A trade older than the candle in the making is late and changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn take(&mut self, trade: &Trade, closed: &mut Vec<Candle>) -> Result<(), AmountError> {
        let Some((builder, interval)) = &mut self.builder else { return Ok(()) };
        let candle = match builder.take(trade) {
            Ok(Some(candle)) => candle,
            Ok(None) | Err(BuildCandleError::Late { .. }) => return Ok(()),
            Err(BuildCandleError::Amount(error)) => return Err(error),
        };
        closed.push(candle);
        let start = interval.start(trade.at);
        let mut empty = candle.open_time.plus(interval.span());
        while empty < start && closed.len() < EMPTY_MAX {
            closed.push(Candle::flat(empty, candle.close));
            empty = empty.plus(interval.span());
        }
        Ok(())
    }
}

/// Intervals without a trade that are told of at once; after a longer silence the rest is left out.
const EMPTY_MAX: usize = 1_024;

impl Market {
    /// Works off what waits for the book; how many updates were missed, if any were.
    pub fn work_off(&mut self) -> Option<u64> {
        let mut gap = None;
        while let Some(step) = self.book.step() {
            match step {
                Step::Applied | Step::Skipped => {}
                Step::Gap { missed, .. } => gap = Some(missed.unwrap_or(0)),
                Step::TooOld { .. } => gap = Some(0),
            }
        }
        let best = self.book.book().map(|book| (book.best_bid(), book.best_ask()));
        (self.bid, self.ask) = match best {
            Some((bid, ask)) => (bid.map(|(price, _)| price), ask.map(|(price, _)| price)),
            None => (None, None),
        };
        gap
    }

    /// The book is not known any more.
    pub fn lose_book(&mut self) {
        (self.book, self.bid, self.ask) = (BookSync::new(), None, None);
    }
}

/// All markets, found by symbol.
#[derive(Debug)]
pub struct Markets {
    markets: Vec<Market>,
    places: Places,
}

impl Markets {
    /// Markets under `rules`, one each.
    #[must_use]
    pub fn new(mut rules: Vec<Instrument>) -> Self {
        rules.sort_by_key(|rules| rules.id);
        rules.dedup_by_key(|rules| rules.id);
        let places = Places::new(rules.iter().map(|rules| rules.id));
        let markets = rules
            .into_iter()
            .map(|rules| Market {
                rules,
                last: None,
                bid: None,
                ask: None,
                heard: None,
                lag: Span::ZERO,
                priced: false,
                held: Qty::ZERO,
                desks: Vec::new(),
                book: BookSync::new(),
                forming: Vec::new(),
                close: None,
            })
            .collect();
        Self { markets, places }
    }

    /// The place of `symbol`, if it is known.
    pub fn find(&mut self, symbol: InstrumentId) -> Option<usize> {
        self.places.find(symbol)
    }

    /// The place of the market that trades `base` for `quote`, if there is one.
    #[must_use]
    pub fn of_pair(&self, base: Asset, quote: Asset) -> Option<usize> {
        self.markets.iter().position(|market| market.rules.base == base && market.rules.quote == quote)
    }

    /// The market at `place`.
    ///
    /// # Panics
    ///
    /// When `place` did not come from [`Markets::find`].
    #[must_use]
    pub fn at(&self, place: usize) -> &Market {
        self.markets.get(place).expect("places come from find")
    }

    /// The market at `place`, to change.
    ///
    /// # Panics
    ///
    /// When `place` did not come from [`Markets::find`].
    pub fn at_mut(&mut self, place: usize) -> &mut Market {
        self.markets.get_mut(place).expect("places come from find")
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.markets.len()
    }

    /// All of them, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Market> {
        self.markets.iter_mut()
    }

    /// All of them, by symbol.
    pub fn iter(&self) -> impl Iterator<Item = &Market> {
        self.markets.iter()
    }
}
