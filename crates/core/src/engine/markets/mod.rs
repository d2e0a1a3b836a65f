//! The markets as they are heard: prices, books, candles in the making, and how old all that is.

mod forming;
mod market;

use std::collections::VecDeque;

use crate::market::Places;
use tradingbot_domain::event::Trade;
use tradingbot_domain::snapshot::MarketView;
use tradingbot_domain::{AmountError, Candle, InstrumentId, LinkEvent, MarketEvent, Price, Span, Timestamp};

use super::index::{Idx as _, InstrumentIdx, Table};
use super::roster::Roster;

pub use market::{Gap, Market};

/// Every market of an engine.
#[derive(Debug)]
pub struct Markets {
    places: Places,
    markets: Table<InstrumentIdx, Market>,
    /// Candles that the last trade has closed and nobody has seen yet.
    closed: VecDeque<(Span, Candle)>,
}

impl Markets {
    /// The markets of `roster`, of which nothing has been heard.
    #[must_use]
    pub fn new(roster: &Roster) -> Self {
        Self {
            places: Places::new(roster.instruments().map(|(_, rules)| rules.id)),
            markets: roster.instruments().map(|(instrument, _)| Market::new(roster.intervals(instrument))).collect(),
            closed: VecDeque::new(),
        }
    }

    /// The place of `symbol`, if it is known.
    pub fn find(&mut self, symbol: InstrumentId) -> Option<InstrumentIdx> {
        self.places.find(symbol).map(InstrumentIdx::new)
    }

    /// What is heard of `instrument`.
    #[must_use]
    pub fn at(&self, instrument: InstrumentIdx) -> &Market {
        &self.markets[instrument]
    }

    /// Notes that `event` was heard now.
    pub fn hear(&mut self, now: Timestamp, instrument: InstrumentIdx, event: &MarketEvent) {
        self.markets[instrument].hear(now, event);
    }

    /// Takes in a last price.
    pub fn record_price(&mut self, instrument: InstrumentIdx, price: Price) {
        self.markets[instrument].last = Some(price);
    }

    /// Takes in best prices or changes of the book. What of the book was missed, if anything was.
    pub fn update_book(&mut self, instrument: InstrumentIdx, event: &MarketEvent) -> Option<Gap> {
        self.markets[instrument].update_book(event)
    }

    /// Takes a trade into the candles in the making; those that it closes wait for [`Markets::next_closed`].
    ///
    /// # Errors
    ///
    /// [`AmountError`]; the other candles are formed, and wait, all the same.
    pub fn form_candles(&mut self, instrument: InstrumentIdx, trade: &Trade) -> Result<(), AmountError> {
        self.closed.clear();
        let mut formed = Ok(());
        for forming in &mut self.markets[instrument].forming {
            formed = formed.and(forming.add_trade(trade, &mut self.closed));
        }
        formed
    }

    /// Takes in what was before this life: the book and candles in the making, and no price.
    pub fn warm_up(&mut self, instrument: InstrumentIdx, event: &MarketEvent) {
        let _missed = self.update_book(instrument, event);
        if let MarketEvent::Trade(trade) = event {
            // A candle that cannot be summed up is left out here as it is later, where that halts.
            let _formed = self.form_candles(instrument, trade);
        }
    }

    /// The next candle that the last trade has closed, and its length.
    pub fn next_closed(&mut self) -> Option<(Span, Candle)> {
        self.closed.pop_front()
    }

    /// What happens to a connection: books of which anything was missed are not known any more.
    pub fn on_link(&mut self, event: &LinkEvent) {
        match event {
            LinkEvent::Down => self.markets.rows_mut().for_each(Market::lose_book),
            LinkEvent::Gap { symbol, .. } => {
                if let Some(instrument) = self.find(*symbol) {
                    self.markets[instrument].lose_book();
                }
            }
            LinkEvent::Up | LinkEvent::LedgerFailed { .. } | LinkEvent::LedgerRestored => {}
        }
    }

    /// The markets for whoever looks on. Data older than `staleness_max` is too old to trade on.
    #[must_use]
    pub fn views(&self, roster: &Roster, now: Timestamp, staleness_max: Span) -> Vec<MarketView> {
        let view = |(instrument, market): (InstrumentIdx, &Market)| MarketView {
            symbol: roster.rules(instrument).id,
            last: market.last(),
            bid: market.bid(),
            ask: market.ask(),
            heard: market.heard(),
            stale: market.heard().is_none_or(|at| now.since(at) > staleness_max),
        };
        self.markets.iter().map(view).collect()
    }
}
