//! What happened before this life began: candles that warm the rules up, and how far they have.

use crate::market::Interval;
use tradingbot_domain::snapshot::WarmUpView;
use tradingbot_domain::{Candle, Event, LinkEvent, MarketEvent, Span, Timestamp};

use super::Engine;
use super::desk::Desk;

impl Engine {
    /// Takes in what the market did before this life: rules see its candles and the book is followed, but no price counts,
    /// nothing is decided and nothing is said.
    pub(super) fn warm_up(&mut self, event: &Event) {
        match event {
            Event::Market(event) => self.warm_up_on(event),
            Event::Link(LinkEvent::Gap { symbol, .. }) => {
                if let Some(market) = self.markets.find(*symbol) {
                    self.markets.at_mut(market).lose_book();
                }
            }
            Event::Link(LinkEvent::Down) => self.markets.iter_mut().for_each(super::market::Market::lose_book),
            Event::Link(LinkEvent::Up | LinkEvent::LedgerFailed { .. })
            | Event::Account(_)
            | Event::Operator(_)
            | Event::Timer => {}
        }
    }

    fn warm_up_on(&mut self, event: &MarketEvent) {
        let Some(market) = self.markets.find(event.symbol()) else { return };
        match event {
            MarketEvent::Trade(trade) => {
                for at in 0..self.markets.at(market).forming.len() {
                    let forming = &mut self.markets.at_mut(market).forming[at];
                    let (interval, mut closed) = (forming.interval, Vec::new());
                    // A candle that cannot be summed up is left out here as it is later, where that halts.
                    if forming.take(trade, &mut closed).is_ok() {
                        closed.iter().for_each(|candle| self.show_candle(market, interval, candle));
                    }
                }
            }
            MarketEvent::Candle { interval, candle, .. } => self.show_candle(market, *interval, candle),
            MarketEvent::Quote(quote) => {
                let known = self.markets.at_mut(market);
                (known.bid, known.ask) = (Some(quote.bid), Some(quote.ask));
            }
            MarketEvent::Book(snapshot) => {
                let known = self.markets.at_mut(market);
                known.book.on_snapshot(snapshot);
                let _missed = known.work_off();
            }
            MarketEvent::Depth(update) => {
                let known = self.markets.at_mut(market);
                known.book.on_update(update);
                let _missed = known.work_off();
            }
            MarketEvent::Range { .. } => {}
        }
    }

    /// Shows a closed candle to every rule that looks at such candles, and asks for no wish.
    fn show_candle(&mut self, market: usize, interval: Span, candle: &Candle) {
        for at in 0..self.markets.at(market).desks.len() {
            let desk = self.desk_of(market, at);
            if let Some(watched) = self.desks.get_mut(desk).filter(|desk| desk.interval == interval) {
                let _wish = watched.update(candle, u32::MAX);
            }
        }
    }

    /// The symbols on which a strategy has not seen enough candles to enter.
    pub(super) fn warming_up(&self, strategy: usize) -> Vec<WarmUpView> {
        let desks = self.desks.iter().filter(|desk| desk.strategy == strategy);
        desks.filter_map(|desk| self.warm_up_of(desk)).collect()
    }

    /// How far a desk has warmed up; `None` once it has.
    fn warm_up_of(&self, desk: &Desk) -> Option<WarmUpView> {
        let needed = self.running.get(desk.strategy)?.settings.warm_up.saturating_add(1);
        let left = needed.checked_sub(desk.seen()).filter(|left| *left > 0)?;
        let market = self.markets.at(desk.market);
        Some(WarmUpView {
            symbol: market.rules.id,
            seen: desk.seen(),
            needed,
            ready: self.candles_end(desk, left).filter(|_| market.heard.is_some() || desk.seen() > 0),
        })
    }

    /// When `left` more candles of a desk are over: the one that is being traded now is the next.
    fn candles_end(&self, desk: &Desk, left: u32) -> Option<Timestamp> {
        let interval = Interval::try_from(desk.interval).ok()?;
        let open = desk.next_open().map_or(self.now, |next| next.max(self.now));
        let rest = interval.span().nanos().checked_mul(i64::from(left))?;
        Some(interval.start(open).plus(Span::from_nanos(rest)))
    }
}
