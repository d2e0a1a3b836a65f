//! Nanoseconds an event of the practice market costs: made, and shown to the simulated exchange, idle and busy.
//! The baseline is cloning the same events, in the same run.

use std::hint::black_box;

use tradingbot::domain::{
    ClientOrderId, Event, Instrument, MarketEvent, NewOrder, OrderKind, Purpose, Rounding, RunId, Seq, Side,
    TimeInForce, Timestamp,
};
use tradingbot::market::practice::{PracticeMarket, default_settings};
use tradingbot::sim::{Sim, SimSettings};

use super::figure::Table;
use super::timing::best;

/// What the market costs, and what the simulated exchange adds to it.
pub fn measure() -> Table {
    let mut table = Table::new(
        "Practice market",
        format!("Seed 1, {EVENTS} events a round; processor time, fastest of {ROUNDS}. It has no aim."),
    );
    let mut market = PracticeMarket::new(default_settings(1, start()));
    let kept: Vec<(Timestamp, Event)> = (0..EVENTS).map(|_| market.next()).collect();
    let copying = each(|| kept.iter().for_each(|event| drop(black_box(event.clone()))));
    let beside = format!("{copying} to copy it");
    table.add("made", each(|| run(|_, _| {})), &beside);
    table.add("made, and observed by the simulated exchange", each(idle), &beside);
    table.add("made, observed, an order and a cancel every tenth event", each(busy), &beside);
    table
}

fn idle() {
    let mut sim = exchange();
    run(|at, event| {
        sim.observe(at, event);
        while let Some(answer) = sim.next(at) {
            black_box(answer);
        }
    });
}

fn busy() {
    let mut sim = exchange();
    let rules = rules().swap_remove(0);
    let (mut last, mut seen) = (default_settings(1, start()).pairs[0].price, 0_u64);
    let id = |number| ClientOrderId::derive(RunId(1), Seq(number), 0);
    run(|at, event| {
        if let MarketEvent::Trade(trade) = event
            && trade.symbol == rules.id
        {
            last = trade.price;
        }
        sim.observe(at, event);
        seen += 1;
        if seen.is_multiple_of(10) {
            let number = seen / 10;
            let price = last.to_tick(rules.tick, Rounding::Down).unwrap();
            let resting = OrderKind::Limit { price, time_in_force: TimeInForce::GoodTillCancelled };
            sim.submit(
                at,
                &NewOrder {
                    id: id(number),
                    strategy: "bench".parse().unwrap(),
                    symbol: rules.id,
                    side: if number.is_multiple_of(2) { Side::Buy } else { Side::Sell },
                    qty: "0.001".parse().unwrap(),
                    kind: if number.is_multiple_of(3) { OrderKind::Market } else { resting },
                    purpose: Purpose::Enter,
                },
            );
            sim.cancel(at, id(number.saturating_sub(20)), rules.id);
        }
        while let Some(answer) = sim.next(at) {
            black_box(answer);
        }
    });
}

fn run(mut see: impl FnMut(Timestamp, &MarketEvent)) {
    let mut market = PracticeMarket::new(default_settings(1, start()));
    for _ in 0..EVENTS {
        let (at, event) = market.next();
        if let Event::Market(event) = &event {
            see(at, event);
        }
        black_box(event);
    }
}

fn exchange() -> Sim {
    let balances = [("USDT", "100000000"), ("BTC", "1000")];
    let balances = balances.map(|(asset, amount)| (asset.parse().unwrap(), amount.parse().unwrap()));
    Sim::new(SimSettings::plain(rules(), balances.to_vec()))
}

fn rules() -> Vec<Instrument> {
    default_settings(1, start()).pairs.into_iter().map(|pair| pair.instrument).collect()
}

fn start() -> Timestamp {
    "2024-01-31T12:00:00Z".parse().unwrap()
}

fn each(work: impl FnMut()) -> String {
    format!("{:.0} ns an event", best(ROUNDS, work) * 1e9 / f64::from(EVENTS))
}

/// Short rounds and many of them: one of them is not disturbed even on a busy machine.
const ROUNDS: u32 = 100;
const EVENTS: u32 = 20_000;
