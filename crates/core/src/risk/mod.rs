//! CORE: the risk gate, the only maker of an approved order.

mod circumstances;
mod pace;

use thiserror::Error;

use tradingbot_domain::{
    AmountError, Instrument, InstrumentId, Limits, NewOrder, Notional, OrderKind, Price, Purpose, Qty, Rate, Rounding,
    Side, Span, Timestamp,
};

pub use circumstances::Circumstances;
pub use pace::{Counts, Pace};

/// Proof that a value passed the gate; nobody else can make one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    /// What was approved.
    #[must_use]
    pub const fn get(&self) -> &T {
        &self.0
    }
}

/// Judges every order against every limit.
#[derive(Debug)]
pub struct Gate {
    limits: Limits,
    pace: Pace,
    exits_pass: bool,
}

/// An order that breaks a limit: which one, its value and the order's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Nothing may be sent.
    #[error("trading is halted; an admin can resume it")]
    Halted,
    /// The symbol is not on the list.
    #[error("{symbol} is not among the symbols that may be traded")]
    Symbol {
        /// Which.
        symbol: InstrumentId,
    },
    /// No price, or an old one.
    #[error("the last price is {age} old, more than staleness-max {max}")]
    Stale {
        /// How old.
        age: Span,
        /// The limit.
        max: Span,
    },
    /// No price has been heard of.
    #[error("no price is known yet")]
    NoPrice,
    /// The exchange would refuse the quantity.
    #[error("quantity {qty} does not fit the exchange's rules (lot {lot}, least {min})")]
    Quantity {
        /// The order's.
        qty: Qty,
        /// Step.
        lot: Qty,
        /// Least.
        min: Qty,
    },
    /// The exchange would refuse the price.
    #[error("price {price} is not a positive multiple of the tick {tick}")]
    Tick {
        /// The order's.
        price: Price,
        /// Step.
        tick: Price,
    },
    /// The exchange would refuse so small an order.
    #[error("value {value} is under the exchange's least {min}")]
    TooSmall {
        /// The order's.
        value: Notional,
        /// The exchange's.
        min: Notional,
    },
    /// An exit for more than is held.
    #[error("an exit of {qty} is more than the {held} that is held and not being sold yet")]
    ExitTooLarge {
        /// The order's.
        qty: Qty,
        /// What could be left.
        held: Qty,
    },
    /// The price is too far off.
    #[error("price {price} is {distance} from the last price, more than price-distance-max {max}")]
    Distance {
        /// The order's.
        price: Price,
        /// How far.
        distance: Rate,
        /// The limit.
        max: Rate,
    },
    /// An amount is over its limit.
    #[error("{limit} is {max}, and the order would make it {value}")]
    Value {
        /// Name of the limit.
        limit: &'static str,
        /// What it would be.
        value: Notional,
        /// The limit.
        max: Notional,
    },
    /// What would be held is too much for what the account is worth.
    #[error("leverage-max is {max} times equity, and the order would make it {leverage}")]
    Leverage {
        /// What it would be; the largest there is when nothing is left of equity.
        leverage: Rate,
        /// The limit.
        max: Rate,
    },
    /// Equity is too far under its peak.
    #[error("drawdown is {drawdown}, and drawdown-max is {max}")]
    Drawdown {
        /// How far.
        drawdown: Rate,
        /// The limit.
        max: Rate,
    },
    /// Too many orders.
    #[error("{limit} is {max}, and as many have gone out")]
    Pace {
        /// Name of the limit.
        limit: &'static str,
        /// The limit.
        max: u32,
    },
    /// Amounts too large to judge.
    #[error("the order's value cannot be computed: {0}")]
    Amount(#[from] AmountError),
}

impl Refusal {
    /// Whether it passes by itself within moments, so that the same order may be tried again.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self, Self::Pace { .. })
    }
}

impl Gate {
    /// A gate with these limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, pace: Pace::default(), exits_pass: false }
    }

    /// Holds no exit back for its pace or its least value: for a market of past candles, in which a moment's delay cannot be
    /// told, and a position that could never be left would never be counted.
    pub const fn let_exits_pass(&mut self) {
        self.exits_pass = true;
    }

    /// Judges by other limits from now on; what has been counted stays counted.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The limits it judges by.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Judges one order, cheapest limits first, and counts it when it passes. An exit is judged by the exchange's rules,
    /// by what is held, by its distance from the last price and by the pace of exits within seconds and minutes; limits on
    /// symbols, size and loss never keep a position open, and neither do entries that went before it.
    ///
    /// # Errors
    ///
    /// The first limit that the order breaks, with the value and the limit.
    pub fn judge(
        &mut self,
        now: Timestamp,
        order: NewOrder,
        instrument: &Instrument,
        known: &Circumstances,
    ) -> Result<Approved<NewOrder>, Refusal> {
        if known.halted {
            return Err(Refusal::Halted);
        }
        if order.purpose == Purpose::Enter && !self.limits.symbols.contains(&order.symbol) {
            return Err(Refusal::Symbol { symbol: order.symbol });
        }
        let last = known.last.ok_or(Refusal::NoPrice)?;
        let price = self.price_of(&order, instrument, last)?;
        let passes = self.exits_pass && order.purpose != Purpose::Enter;
        let value = filters(&order, instrument, price, if passes { Notional::ZERO } else { instrument.notional_min })?;
        match order.purpose {
            Purpose::Enter => self.judge_entry(now, value, known)?,
            Purpose::Exit(_) => {
                let held = known.position.abs().minus(known.leaving)?;
                if order.qty > held || (order.side == Side::Sell) != known.position.is_positive() {
                    return Err(Refusal::ExitTooLarge { qty: order.qty, held });
                }
            }
        }
        if !passes {
            self.judge_pace(now, order.purpose)?;
        }
        self.pace.note(now, order.purpose);
        Ok(Approved(order))
    }

    /// Counts an order of an earlier life.
    pub fn note(&mut self, at: Timestamp, purpose: Purpose) {
        self.pace.note(at, purpose);
    }

    fn price_of(&self, order: &NewOrder, instrument: &Instrument, last: Price) -> Result<Price, Refusal> {
        let price = match order.kind {
            OrderKind::Market => return Ok(last),
            OrderKind::Limit { price, .. } | OrderKind::PostOnly { price } | OrderKind::Stop { trigger: price } => {
                price
            }
        };
        if price <= Price::ZERO || price.to_tick(instrument.tick, Rounding::Down)? != price {
            return Err(Refusal::Tick { price, tick: instrument.tick });
        }
        let distance = price.distance(last)?;
        if distance > self.limits.price_distance_max {
            return Err(Refusal::Distance { price, distance, max: self.limits.price_distance_max });
        }
        Ok(price)
    }

    fn judge_entry(&self, now: Timestamp, value: Notional, known: &Circumstances) -> Result<(), Refusal> {
        let limits = &self.limits;
        let age = now.since(known.heard);
        if age > limits.staleness_max {
            return Err(Refusal::Stale { age, max: limits.staleness_max });
        }
        let sums = [
            ("order-notional-max", value, limits.order_notional_max),
            ("position-notional-max", known.position_notional.plus(value)?, limits.position_notional_max),
            ("exposure-max", known.exposure.plus(value)?, limits.exposure_max),
            ("loss-per-day-max", known.loss_today, limits.loss_per_day_max),
        ];
        for (limit, value, max) in sums {
            if value > max {
                return Err(Refusal::Value { limit, value, max });
            }
        }
        let leverage = match known.equity.is_positive() {
            true => known.exposure.plus(value)?.share_of(known.equity, Rounding::Up).unwrap_or(LEVERAGE_BOUNDLESS),
            false => LEVERAGE_BOUNDLESS,
        };
        if leverage > limits.leverage_max {
            return Err(Refusal::Leverage { leverage, max: limits.leverage_max });
        }
        if known.drawdown > limits.drawdown_max {
            return Err(Refusal::Drawdown { drawdown: known.drawdown, max: limits.drawdown_max });
        }
        Ok(())
    }

    /// From when on the limits of seconds and minutes let another exit pass, if none goes out until then.
    pub fn exit_free_at(&mut self, now: Timestamp) -> Timestamp {
        self.pace.exit_free_at(now, self.limits.orders_per_second, self.limits.orders_per_minute)
    }

    fn judge_pace(&mut self, now: Timestamp, purpose: Purpose) -> Result<(), Refusal> {
        let Counts { second, minute, day } = self.pace.counts(now, purpose);
        let limits = &self.limits;
        let counts = [
            ("orders-per-second", second, limits.orders_per_second),
            ("orders-per-minute", minute, limits.orders_per_minute),
            ("orders-per-day", day, limits.orders_per_day),
        ];
        match counts.into_iter().find(|(_, count, max)| count >= max) {
            Some((limit, _, max)) => Err(Refusal::Pace { limit, max }),
            None => Ok(()),
        }
    }
}

/// More than can be written, or than there is anything to measure it by.
const LEVERAGE_BOUNDLESS: Rate = Rate::from_units(i64::MAX);

fn filters(
    order: &NewOrder,
    instrument: &Instrument,
    price: Price,
    notional_min: Notional,
) -> Result<Notional, Refusal> {
    if !order.qty.is_positive() || instrument.fit_qty(order.qty)? != order.qty {
        return Err(Refusal::Quantity { qty: order.qty, lot: instrument.lot, min: instrument.qty_min });
    }
    let value = price.times(order.qty)?;
    if value < notional_min {
        return Err(Refusal::TooSmall { value, min: notional_min });
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradingbot_domain::{ClientOrderId, ExitReason, RunId, Seq};

    fn order(qty: &str, purpose: Purpose) -> NewOrder {
        NewOrder {
            id: ClientOrderId::derive(RunId(1), Seq(1), 0),
            strategy: "s".parse().unwrap(),
            symbol: "BTCUSDT".parse().unwrap(),
            side: if purpose == Purpose::Enter { Side::Buy } else { Side::Sell },
            qty: qty.parse().unwrap(),
            kind: OrderKind::Market,
            purpose,
        }
    }

    fn known() -> Circumstances {
        Circumstances {
            last: Some("100".parse().unwrap()),
            heard: Timestamp::from_nanos(0),
            halted: false,
            position: Qty::ZERO,
            leaving: Qty::ZERO,
            position_notional: Notional::ZERO,
            exposure: Notional::ZERO,
            equity: "10000".parse().unwrap(),
            loss_today: Notional::ZERO,
            drawdown: Rate::ZERO,
        }
    }

    fn judge(gate: &mut Gate, at: i64, order: NewOrder, known: &Circumstances) -> Result<Approved<NewOrder>, Refusal> {
        let (base, quote) = ("BTC".parse().unwrap(), "USDT".parse().unwrap());
        let mut rules = Instrument::plain(order.symbol, base, quote, Rate::ZERO);
        rules.lot = "0.01".parse().unwrap();
        rules.notional_min = "5".parse().unwrap();
        gate.judge(Timestamp::from_nanos(at), order, &rules, known)
    }

    fn gate() -> Gate {
        Gate::new(Limits::careful(vec!["BTCUSDT".parse().unwrap()], "10000".parse().unwrap()))
    }

    #[test]
    fn each_limit_refuses_by_its_name() {
        let mut gate = gate();
        let enter = |qty| order(qty, Purpose::Enter);
        assert!(judge(&mut gate, 0, enter("10"), &known()).is_ok());
        let cases: [(Circumstances, NewOrder, &str); 11] = [
            (Circumstances { halted: true, ..known() }, enter("1"), "halted"),
            (Circumstances { last: None, ..known() }, enter("1"), "no price"),
            (Circumstances { heard: Timestamp::from_nanos(-11_000_000_000), ..known() }, enter("1"), "staleness-max"),
            (known(), enter("0.015"), "lot 0.01"),
            (known(), enter("0.04"), "least 5"),
            (known(), enter("10.01"), "order-notional-max is 1000"),
            (
                Circumstances { position_notional: "1950".parse().unwrap(), ..known() },
                enter("1"),
                "position-notional-max",
            ),
            (Circumstances { exposure: "4950".parse().unwrap(), ..known() }, enter("1"), "exposure-max"),
            (Circumstances { equity: "99".parse().unwrap(), ..known() }, enter("1"), "leverage-max is 1 times"),
            (Circumstances { equity: Notional::ZERO, ..known() }, enter("1"), "leverage-max is 1 times"),
            (Circumstances { loss_today: "201".parse().unwrap(), ..known() }, enter("1"), "loss-per-day-max"),
        ];
        for (known, order, word) in cases {
            let refusal = judge(&mut gate, 0, order, &known).unwrap_err().to_string();
            assert!(refusal.contains(word), "{refusal}");
        }
    }

    #[test]
    fn an_exit_may_leave_a_loss_but_never_more_than_is_held() {
        let mut gate = gate();
        let held = Circumstances {
            position: "50".parse().unwrap(),
            leaving: "10".parse().unwrap(),
            drawdown: Rate::ONE,
            heard: Timestamp::from_nanos(-60_000_000_000),
            ..known()
        };
        let exit = |qty| order(qty, Purpose::Exit(ExitReason::StopLoss));
        assert!(judge(&mut gate, 0, exit("40"), &held).is_ok());
        assert!(matches!(judge(&mut gate, 0, exit("40.01"), &held), Err(Refusal::ExitTooLarge { .. })));
    }

    #[test]
    fn pace_counts_what_passed() {
        let mut gate = gate();
        for at in 0..5 {
            assert!(judge(&mut gate, at, order("1", Purpose::Enter), &known()).is_ok());
        }
        let refusal = judge(&mut gate, 6, order("1", Purpose::Enter), &known());
        assert_eq!(refusal, Err(Refusal::Pace { limit: "orders-per-second", max: 5 }));
        assert!(judge(&mut gate, 1_000_000_005, order("1", Purpose::Enter), &known()).is_ok());
    }
}
