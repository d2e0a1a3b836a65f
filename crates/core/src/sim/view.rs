//! What the simulated exchange knows of one symbol's market: depth, else the best prices, else the last trade.

use crate::market::{Book, BookSync};
use tradingbot_domain::event::{BookSnapshot, DepthUpdate, Level, Quote};
use tradingbot_domain::{Price, Qty, Rate, Rounding, Side};

/// One symbol's market as far as it is known. What our own orders took is gone until the feed speaks of it again.
#[derive(Debug)]
pub(super) struct View {
    half_spread: Rate,
    tick: Price,
    depth: BookSync,
    quote: Option<Quote>,
    last: Option<Price>,
}

impl View {
    pub(super) const fn new(half_spread: Rate, tick: Price) -> Self {
        Self { half_spread, tick, depth: BookSync::new(), quote: None, last: None }
    }

    pub(super) const fn last(&self) -> Option<Price> {
        self.last
    }

    pub(super) const fn set_last(&mut self, price: Price) {
        self.last = Some(price);
    }

    pub(super) const fn set_quote(&mut self, quote: &Quote) {
        self.quote = Some(*quote);
    }

    pub(super) fn set_book(&mut self, snapshot: &BookSnapshot) {
        self.depth.on_snapshot(snapshot);
        self.work_off();
    }

    /// Takes in an update. Until there is a snapshot that it follows on it waits; one that does not follow on what is known
    /// makes the book unknown until the next snapshot.
    pub(super) fn update_book(&mut self, update: &DepthUpdate) {
        self.depth.on_update(update);
        self.work_off();
    }

    fn work_off(&mut self) {
        while self.depth.step().is_some() {}
    }

    fn book(&self) -> Option<&Book> {
        self.depth.book()
    }

    /// Whether only the best prices are known, and not what lies behind them.
    pub(super) fn is_partial(&self) -> bool {
        self.book().is_none() && self.quote.is_some()
    }

    /// The best that an order of this side can take, and how much of it.
    pub(super) fn offer(&self, side: Side) -> Option<Level> {
        self.offers(side).next()
    }

    /// All that an order of this side can take, best first.
    pub(super) fn offers(&self, side: Side) -> Box<dyn Iterator<Item = Level> + '_> {
        if let Some(book) = self.book() {
            return match side {
                Side::Buy => Box::new(book.asks()),
                Side::Sell => Box::new(book.bids()),
            };
        }
        let level = match (self.quote, side) {
            (Some(quote), Side::Buy) => Some((quote.ask, quote.ask_qty)),
            (Some(quote), Side::Sell) => Some((quote.bid, quote.bid_qty)),
            (None, _) => self.last.and_then(|last| self.beside(last, side)).map(|price| (price, ENDLESS)),
        };
        Box::new(level.into_iter().filter(|(price, qty)| *price > Price::ZERO && qty.is_positive()))
    }

    /// Takes `qty` away from the level at `price` that an order of this side has met.
    pub(super) fn take(&mut self, side: Side, price: Price, qty: Qty) {
        if self.book().is_some() {
            self.depth.take(side.opposite(), price, qty);
        } else if let Some(quote) = &mut self.quote {
            let offered = match side {
                Side::Buy => &mut quote.ask_qty,
                Side::Sell => &mut quote.bid_qty,
            };
            *offered = offered.minus(qty).unwrap_or(Qty::ZERO);
        }
    }

    /// How much rests at `price` on this side; `None` when that lies beyond what is known.
    pub(super) fn queue(&self, side: Side, price: Price) -> Option<Qty> {
        if let Some(book) = self.book() {
            let beyond = book.worst(side).is_none_or(|(worst, _)| match side {
                Side::Buy => price < worst,
                Side::Sell => price > worst,
            });
            return if beyond { None } else { Some(book.at(side, price)) };
        }
        let quote = self.quote?;
        let (best, qty, better) = match side {
            Side::Buy => (quote.bid, quote.bid_qty, price > quote.bid),
            Side::Sell => (quote.ask, quote.ask_qty, price < quote.ask),
        };
        if better {
            Some(Qty::ZERO)
        } else if price == best {
            Some(qty)
        } else {
            None
        }
    }

    /// Half a spread away from the last price, to the tick that is worse for an order of this side.
    fn beside(&self, last: Price, side: Side) -> Option<Price> {
        let half = last.scaled(self.half_spread, Rounding::Up).ok()?;
        match side {
            Side::Buy => last.plus(half).ok()?.to_tick(self.tick, Rounding::Up).ok(),
            Side::Sell => last.minus(half).ok()?.to_tick(self.tick, Rounding::Down).ok(),
        }
    }
}

/// What a market of which only trades are known offers: more than any order asks for.
const ENDLESS: Qty = Qty::from_units(i64::MAX as i128);

#[cfg(test)]
mod tests {
    use super::*;
    use tradingbot_domain::Timestamp;

    fn levels(text: &[(&str, &str)]) -> Vec<Level> {
        text.iter().map(|(price, qty)| (price.parse().unwrap(), qty.parse().unwrap())).collect()
    }

    fn view() -> View {
        View::new("0.0005".parse().unwrap(), "0.1".parse().unwrap())
    }

    fn booked() -> View {
        let mut view = view();
        view.set_book(&BookSnapshot {
            symbol: "BTCUSDT".parse().unwrap(),
            last_update: 10,
            bids: levels(&[("100", "1"), ("99", "2")]),
            asks: levels(&[("101", "3"), ("103", "4")]),
        });
        view
    }

    fn update(first: u64, last: u64, asks: &[(&str, &str)]) -> DepthUpdate {
        let (symbol, at) = ("BTCUSDT".parse().unwrap(), Timestamp::ZERO);
        DepthUpdate { symbol, first, last, previous: None, at, bids: vec![], asks: levels(asks) }
    }

    #[test]
    fn depth_is_taken_level_by_level_and_comes_back_with_the_next_update() {
        let mut view = booked();
        let price = |text: &str| text.parse::<Price>().unwrap();
        view.take(Side::Buy, price("101"), "2".parse().unwrap());
        assert_eq!(view.offers(Side::Buy).collect::<Vec<_>>(), levels(&[("101", "1"), ("103", "4")]));
        view.take(Side::Buy, price("101"), "1".parse().unwrap());
        assert_eq!(view.offer(Side::Buy), Some(levels(&[("103", "4")])[0]));
        view.update_book(&update(11, 12, &[("101", "5"), ("103", "0")]));
        assert_eq!(view.offers(Side::Buy).collect::<Vec<_>>(), levels(&[("101", "5")]));
        assert_eq!(view.offers(Side::Sell).collect::<Vec<_>>(), levels(&[("100", "1"), ("99", "2")]));
    }

    #[test]
    fn an_update_that_does_not_follow_makes_the_book_unknown() {
        let mut view = booked();
        view.update_book(&update(5, 10, &[("101", "0")]));
        assert_eq!(view.offer(Side::Buy), Some(levels(&[("101", "3")])[0]), "an old update changes nothing");
        view.update_book(&update(12, 13, &[]));
        assert!(view.book().is_none());
        assert_eq!(view.offer(Side::Buy), None);
    }

    #[test]
    fn a_queue_is_known_within_the_book_and_nowhere_else() {
        let queue = |side, price: &str| booked().queue(side, price.parse().unwrap()).map(|qty| qty.to_string());
        assert_eq!(queue(Side::Buy, "100").as_deref(), Some("1"));
        assert_eq!(queue(Side::Buy, "99.5").as_deref(), Some("0"));
        assert_eq!(queue(Side::Buy, "100.5").as_deref(), Some("0"));
        assert_eq!(queue(Side::Buy, "98"), None);
        assert_eq!(queue(Side::Sell, "103").as_deref(), Some("4"));
        assert_eq!(queue(Side::Sell, "104"), None);
    }

    #[test]
    fn with_trades_alone_the_market_lies_half_a_spread_away_at_the_worse_tick() {
        let mut view = view();
        assert_eq!(view.offer(Side::Buy), None);
        view.set_last("100.1".parse().unwrap());
        assert_eq!(view.offer(Side::Buy).unwrap().0.to_string(), "100.2");
        assert_eq!(view.offer(Side::Sell).unwrap().0.to_string(), "100");
        assert_eq!(view.queue(Side::Buy, "99".parse().unwrap()), None);
    }

    #[test]
    fn a_quote_is_one_level_until_the_next_quote() {
        let mut view = view();
        let [bid, ask] = ["100", "101"].map(|text| text.parse().unwrap());
        let [bid_qty, ask_qty] = ["1", "2"].map(|text| text.parse().unwrap());
        let quote = Quote { symbol: "BTCUSDT".parse().unwrap(), update: 1, bid, bid_qty, ask, ask_qty };
        view.set_quote(&quote);
        view.take(Side::Buy, ask, ask_qty);
        assert_eq!(view.offer(Side::Buy), None);
        view.set_quote(&quote);
        assert_eq!(view.offer(Side::Buy), Some((ask, ask_qty)));
        assert_eq!(view.queue(Side::Buy, bid), Some(bid_qty));
        assert_eq!(view.queue(Side::Buy, "100.5".parse().unwrap()), Some(Qty::ZERO));
        assert_eq!(view.queue(Side::Buy, "99".parse().unwrap()), None);
    }
}
