//! An exchange of which only candles are known: orders trade at the open, or at their own price within the range.

use std::collections::VecDeque;

use crate::market::Places;
use tradingbot_domain::{
    AccountEvent, AmountError, Candle, ClientOrderId, ExchangeOrderId, Fee, Fill, Instrument, InstrumentId, Liquidity,
    MarketEvent, NewOrder, OrderKind, Outcome, Price, Qty, Rate, Rounding, Side, Timestamp, TradeId,
};

/// An exchange that answers at once, for backtests over candles. Every order pays the taker's fee.
#[derive(Debug)]
pub struct CandleSim {
    places: Places,
    markets: Vec<Known>,
    slippage: Rate,
    through: bool,
    answers: VecDeque<AccountEvent>,
    orders: u64,
    trades: u64,
}

#[derive(Debug)]
struct Known {
    rules: Instrument,
    at: Timestamp,
    open: Option<Price>,
    range: Option<Candle>,
    resting: Vec<NewOrder>,
}

impl CandleSim {
    /// An exchange for these instruments. Market and stop orders trade worse by `slippage`, a share of the price. When
    /// `through` is set, a resting limit order trades only once the price has gone beyond it.
    #[must_use]
    pub fn new(mut instruments: Vec<Instrument>, slippage: Rate, through: bool) -> Self {
        instruments.sort_by_key(|rules| rules.id);
        instruments.dedup_by_key(|rules| rules.id);
        let places = Places::new(instruments.iter().map(|rules| rules.id));
        let known = |rules| Known { rules, at: Timestamp::ZERO, open: None, range: None, resting: Vec::new() };
        let markets = instruments.into_iter().map(known).collect();
        Self { places, markets, slippage, through, answers: VecDeque::new(), orders: 0, trades: 0 }
    }

    /// Takes in what happened in the market.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn observe(&mut self, now: Timestamp, event: &MarketEvent) -> Result<(), AmountError> {
        let Some(place) = self.places.find(event.symbol()) else { return Ok(()) };
        let known = &mut self.markets[place];
        match event {
            MarketEvent::Candle { last, .. } => {
                (known.at, known.open, known.range) = (now, Some(*last), None);
            }
            MarketEvent::Range { candle, .. } => {
                (known.at, known.open, known.range) = (now, Some(candle.open), Some(*candle));
                let mut at = 0;
                while let Some(order) = self.markets[place].resting.get(at).cloned() {
                    match self.price_in_range(place, &order, true) {
                        Some(price) => {
                            self.markets[place].resting.remove(at);
                            self.fill(place, &order, price)?;
                        }
                        None => at += 1,
                    }
                }
            }
            MarketEvent::Trade(_) | MarketEvent::Quote(_) | MarketEvent::Book(_) | MarketEvent::Depth(_) => {}
        }
        Ok(())
    }

    /// Takes an order.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn submit(&mut self, order: &NewOrder) -> Result<(), AmountError> {
        let open = self.places.find(order.symbol).and_then(|place| Some((place, self.markets[place].open?)));
        let Some((place, open)) = open else {
            let reason = "no price is known yet".to_owned();
            self.answers.push_back(AccountEvent::Rejected { id: order.id, reason });
            return Ok(());
        };
        self.orders += 1;
        let exchange_id = ExchangeOrderId(self.orders);
        self.answers.push_back(AccountEvent::Accepted { id: order.id, exchange_id });
        let price = match order.kind {
            OrderKind::Market => Some(self.slipped(place, open, order.side)?),
            OrderKind::Limit { .. } | OrderKind::PostOnly { .. } | OrderKind::Stop { .. } => {
                self.price_in_range(place, order, false)
            }
        };
        match price {
            Some(price) => self.fill(place, order, price),
            None => {
                self.markets[place].resting.push(order.clone());
                Ok(())
            }
        }
    }

    /// Ends a resting order.
    pub fn cancel(&mut self, id: ClientOrderId, symbol: InstrumentId) {
        let place = self.places.find(symbol);
        let found = place.and_then(|place| {
            let resting = &mut self.markets[place].resting;
            resting.iter().position(|order| order.id == id).map(|at| resting.remove(at))
        });
        self.answers.push_back(match found {
            Some(_) => {
                AccountEvent::Ended { id, outcome: Outcome::Cancelled, filled: Qty::ZERO, reason: String::new() }
            }
            None => AccountEvent::CancelRefused { id, reason: "unknown order".to_owned() },
        });
    }

    /// The next answer, oldest first.
    pub fn answer(&mut self) -> Option<AccountEvent> {
        self.answers.pop_front()
    }

    /// The price at which `order` trades within the range that is known, if it does.
    fn price_in_range(&self, place: usize, order: &NewOrder, rested: bool) -> Option<Price> {
        let range = self.markets[place].range.as_ref()?;
        let through = self.through && rested;
        match order.kind {
            OrderKind::Market => Some(range.open),
            OrderKind::Limit { price, .. } | OrderKind::PostOnly { price } => {
                let reached = match order.side {
                    Side::Buy if through => range.low < price,
                    Side::Buy => range.low <= price,
                    Side::Sell if through => range.high > price,
                    Side::Sell => range.high >= price,
                };
                reached.then_some(price)
            }
            OrderKind::Stop { trigger } => {
                let reached = match order.side {
                    Side::Sell => range.low <= trigger,
                    Side::Buy => range.high >= trigger,
                };
                let price = match order.side {
                    Side::Sell => trigger.min(range.high),
                    Side::Buy => trigger.max(range.low),
                };
                reached.then(|| self.slipped(place, price, order.side).ok()).flatten()
            }
        }
    }

    fn slipped(&self, place: usize, price: Price, side: Side) -> Result<Price, AmountError> {
        if self.slippage == Rate::ZERO {
            return Ok(price);
        }
        let tick = self.markets[place].rules.tick;
        match side {
            Side::Buy => price.scaled(Rate::ONE.plus(self.slippage)?, Rounding::Up)?.to_tick(tick, Rounding::Up),
            Side::Sell => price.scaled(Rate::ONE.minus(self.slippage)?, Rounding::Down)?.to_tick(tick, Rounding::Down),
        }
    }

    fn fill(&mut self, place: usize, order: &NewOrder, price: Price) -> Result<(), AmountError> {
        self.trades += 1;
        let known = &self.markets[place];
        let amount = price.times(order.qty)?.scaled(known.rules.fee_taker, Rounding::Up)?;
        self.answers.push_back(AccountEvent::Filled(Fill {
            order: order.id,
            trade: TradeId(self.trades),
            symbol: order.symbol,
            side: order.side,
            price,
            qty: order.qty,
            fee: Fee { asset: known.rules.quote, amount },
            liquidity: Liquidity::Taker,
            at: known.at,
        }));
        Ok(())
    }
}
