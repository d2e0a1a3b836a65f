//! Best prices of a book against those that the exchange announced.

use std::collections::VecDeque;

use crate::domain::event::{Level, Quote};
use crate::market::Book;

/// The best levels of a book after an update; an empty side is nothing at a price of zero, as the exchange writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Top {
    update: u64,
    bid: Level,
    ask: Level,
}

impl Top {
    /// Those of `book`.
    pub fn of(book: &Book) -> Self {
        Self {
            update: book.last_update(),
            bid: book.best_bid().unwrap_or_default(),
            ask: book.best_ask().unwrap_or_default(),
        }
    }

    fn is(&self, quote: &Quote) -> bool {
        (quote.bid, quote.bid_qty) == self.bid && (quote.ask, quote.ask_qty) == self.ask
    }
}

/// Tops that wait until a quote with a later id shows that no other of theirs will come, each with what it is for.
#[derive(Debug)]
pub struct Checks<T> {
    quotes: VecDeque<Quote>,
    tops: VecDeque<(Top, T)>,
}

impl<T> Checks<T> {
    /// Nothing to check yet.
    pub const fn new() -> Self {
        Self { quotes: VecDeque::new(), tops: VecDeque::new() }
    }

    /// Takes in best prices. Ids ascend; what comes late is left out.
    pub fn on_quote(&mut self, quote: Quote) {
        if self.quotes.back().is_some_and(|last| quote.update < last.update) {
            return;
        }
        if self.quotes.len() == QUOTES_MAX {
            self.quotes.pop_front();
        }
        self.quotes.push_back(quote);
    }

    /// Takes in what a book looked like after an update.
    pub fn on_top(&mut self, top: Top, what_for: T) {
        self.tops.push_back((top, what_for));
    }

    /// The next top that can be decided, in their order: what it is for, and whether it is as announced.
    pub fn next(&mut self) -> Option<(T, bool)> {
        let (top, _) = self.tops.front()?;
        let decided = self.quotes.back().is_some_and(|last| last.update > top.update);
        if decided || self.tops.len() > TOPS_MAX { self.rest() } else { None }
    }

    /// The next top, decided by the quotes there are.
    pub fn rest(&mut self) -> Option<(T, bool)> {
        let (top, what_for) = self.tops.pop_front()?;
        while self.quotes.get(1).is_some_and(|next| next.update <= top.update) {
            self.quotes.pop_front();
        }
        let last = self.quotes.front().filter(|quote| quote.update <= top.update);
        Some((what_for, last.is_some_and(|quote| top.is(quote))))
    }

    /// Whether the exchange has announced anything.
    pub fn any_quote(&self) -> bool {
        !self.quotes.is_empty()
    }
}

/// Quotes that are kept until the updates they belong to have come.
const QUOTES_MAX: usize = 100_000;

/// Tops that wait for a later quote; where there is none for so long there are none at all.
const TOPS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Price, Qty};

    fn quote(update: u64, bid: i64) -> Quote {
        let (ask, bid_qty, ask_qty) = (Price::from_units(100), Qty::from_units(1), Qty::from_units(2));
        Quote { symbol: "BTCUSDT".parse().unwrap(), update, bid: Price::from_units(bid), bid_qty, ask, ask_qty }
    }

    fn top(update: u64, bid: i64) -> Top {
        let level = |price, qty| (Price::from_units(price), Qty::from_units(qty));
        Top { update, bid: level(bid, 1), ask: level(100, 2) }
    }

    #[test]
    fn the_last_quote_up_to_the_update_decides_whenever_it_comes() {
        let mut checks = Checks::new();
        checks.on_quote(quote(3, 90));
        checks.on_top(top(5, 91), "before its quote");
        assert_eq!(checks.next(), None);
        checks.on_quote(quote(5, 91));
        assert_eq!(checks.next(), None);
        checks.on_quote(quote(7, 92));
        checks.on_quote(quote(9, 93));
        assert_eq!(checks.next(), Some(("before its quote", true)));
        checks.on_top(top(8, 92), "after its quote");
        checks.on_top(top(8, 93), "not as announced");
        assert_eq!(checks.next(), Some(("after its quote", true)));
        assert_eq!(checks.next(), Some(("not as announced", false)));
        checks.on_top(top(9, 93), "at the end");
        assert_eq!(checks.next(), None);
        assert_eq!(checks.rest(), Some(("at the end", true)));
    }

    #[test]
    fn a_top_without_any_quote_is_not_confirmed() {
        let mut checks = Checks::new();
        checks.on_top(top(5, 91), ());
        assert_eq!((checks.next(), checks.rest(), checks.rest()), (None, Some(((), false)), None));
        checks.on_top(top(5, 91), ());
        checks.on_quote(quote(6, 91));
        assert_eq!(checks.next(), Some(((), false)));
    }
}
