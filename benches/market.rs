//! Nanoseconds an event of the practice market costs: made, and shown to the simulated exchange, idle and busy.
//! The baseline is cloning the same events, in the same run.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark measures time and prints it"
)]

use std::hint::black_box;
use std::time::Instant;

use tradingbot::domain::{
    ClientOrderId, Event, Instrument, MarketEvent, NewOrder, OrderKind, Purpose, Rounding, RunId, Seq, Side,
    TimeInForce, Timestamp,
};
use tradingbot::market::practice::{PracticeMarket, default_settings};
use tradingbot::sim::{Sim, SimSettings};

fn main() {
    println!("events of the practice market, seed 1, best of {ROUNDS}");
    let mut market = PracticeMarket::new(default_settings(1, start()));
    let kept: Vec<(Timestamp, Event)> = (0..KEPT).map(|_| market.next()).collect();
    say("cloned (baseline)", best(KEPT, || kept.iter().for_each(|event| drop(black_box(event.clone())))));
    say("made", best(EVENTS, || run(EVENTS, |_, _| {})));
    say(
        "made, and observed by the simulated exchange",
        best(EVENTS, || {
            let mut sim = exchange();
            run(EVENTS, |at, event| {
                sim.observe(at, event);
                while let Some(answer) = sim.next(at) {
                    black_box(answer);
                }
            });
        }),
    );
    say("made, observed, an order and a cancel every tenth event", best(EVENTS, || busy(EVENTS)));
}

fn busy(events: u32) {
    let mut sim = exchange();
    let rules = rules().swap_remove(0);
    let (mut last, mut seen) = (default_settings(1, start()).pairs[0].price, 0_u64);
    let id = |number| ClientOrderId::derive(RunId(1), Seq(number), 0);
    run(events, |at, event| {
        if let MarketEvent::Trade(trade) = event
            && trade.symbol == rules.symbol
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
                    symbol: rules.symbol,
                    side: if number.is_multiple_of(2) { Side::Buy } else { Side::Sell },
                    qty: "0.001".parse().unwrap(),
                    kind: if number.is_multiple_of(3) { OrderKind::Market } else { resting },
                    purpose: Purpose::Enter,
                },
            );
            sim.cancel(at, id(number.saturating_sub(20)), rules.symbol);
        }
        while let Some(answer) = sim.next(at) {
            black_box(answer);
        }
    });
}

fn run(events: u32, mut see: impl FnMut(Timestamp, &MarketEvent)) {
    let mut market = PracticeMarket::new(default_settings(1, start()));
    for _ in 0..events {
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

/// Nanoseconds an event takes in the fastest of all rounds.
fn best(events: u32, mut work: impl FnMut()) -> u128 {
    let round = |_| {
        let begun = Instant::now();
        work();
        begun.elapsed().as_nanos() / u128::from(events)
    };
    (0..ROUNDS).map(round).min().unwrap()
}

fn say(what: &str, nanos: u128) {
    println!("{what}: {nanos} ns an event");
}

/// Short rounds and many of them: one of them is not interrupted even on a busy machine.
const ROUNDS: u32 = 200;
const EVENTS: u32 = 20_000;
const KEPT: u32 = 20_000;
