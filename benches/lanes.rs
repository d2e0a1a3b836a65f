//! How long an event takes from another thread to the engine, through the lanes to the loop.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tradingbot::clock;
use tradingbot::daemon::{
    Ending, Feed, Genesis, Inbox, LEDGER_FILE, LaneSender, Lanes, Observer, Shell, TimeOf, Venue, drive,
};
use tradingbot::domain::event::{Quote, Trade};
use tradingbot::domain::{
    AccountEvent, ClientOrderId, Event, InstrumentId, MarketEvent, NewOrder, RunTag, Timestamp, TradeId,
};
use tradingbot::ledger::Ledger;
use tradingbot::risk::Approved;

use super::feed;
use super::figure::{Table, grouped};
use super::timing::quantile;

/// Trades and best prices while nothing else comes, and trades among many best prices.
pub fn measure() -> Table {
    let mut table = Table::new(
        "From lane to engine",
        format!(
            "A thread sends an event each millisecond, {COUNT} of them, by the clock from before it is sent until the engine has \
             taken it in and the loop has looked for what came of it; the loop sleeps when there is nothing. Among many: two \
             more threads send {PER_TICK} best prices a millisecond each, of which the lane lets newer ones replace older ones. \
             The baseline is a bare channel between two threads that sends a number each millisecond, in the same run."
        ),
    );
    let mut bare = channel();
    let beside = in_micros(&mut bare);
    let cases: [(&str, Make, bool); 3] =
        [("a trade", trade, false), ("a best price", quote, false), ("a trade among many best prices", trade, true)];
    for (what, make, is_busy) in cases {
        let (mut times, replaced) = through_lanes(make, is_busy);
        let p99 = quantile(&mut times, 0.99);
        let what = if is_busy { format!("{what}, {} replaced", grouped(replaced as f64)) } else { what.to_owned() };
        table.judge(what, in_micros(&mut times), &beside, "p99 <= 1 ms", p99 <= 1e-3);
    }
    table
}

type Make = fn(u64) -> Event;

fn in_micros(times: &mut [f64]) -> String {
    let micros = |times: &mut [f64], share| quantile(times, share) * 1e6;
    format!("p50 {:.0}, p99 {:.0}, longest {:.0} us", micros(times, 0.5), micros(times, 0.99), micros(times, 1.0))
}

/// Seconds that each event took, and how many best prices were replaced by newer ones.
fn through_lanes(make: Make, is_busy: bool) -> (Vec<f64>, u64) {
    let state = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&state.path().join(LEDGER_FILE)).unwrap();
    let setup = feed::setup();
    let genesis = Genesis {
        config: String::new(),
        deposit: (setup.quote, "1000".parse().unwrap()),
        halt: None,
        latched: None,
        tag: RunTag::from_bits(1),
        time: TimeOf::Clock(clock::now()),
    };
    let arrived = Rc::new(RefCell::new(Vec::new()));
    let watch = Watch { arrived: Rc::clone(&arrived), next: None };
    let mut shell = Shell::begin(ledger, setup, |_| watch, &genesis, clock::now()).unwrap();
    let (mailbox, inbox) = Inbox::new();
    let (sender, mut lanes) = Lanes::new(inbox.waker());
    let is_over = Arc::new(AtomicBool::new(false));
    let crowd: Vec<_> = (0..if is_busy { 2 } else { 0 })
        .map(|_| {
            let (sender, is_over) = (sender.clone(), Arc::clone(&is_over));
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    crowd(&sender)
                }
            })
        })
        .collect();
    let sending = thread::spawn(move || {
        let mut sent = Vec::new();
        for number in 1..=COUNT {
            thread::sleep(TICK);
            sent.push(Instant::now());
            sender.send(make(number)).unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        sent
    });
    let ending = drive(&mut shell, &mut lanes, &inbox, &mut Nobody, None).unwrap();
    assert_eq!(ending, Ending::Exhausted);
    crowd.into_iter().for_each(|thread| thread.join().unwrap());
    let sent = sending.join().unwrap();
    let replaced = lanes.counts().replaced;
    drop(mailbox);
    shell.end().unwrap();
    let arrived = arrived.borrow();
    // A best price for which the loop was given no time within a millisecond has been replaced by the next one.
    assert_eq!(arrived.len() as u64, if is_busy { COUNT } else { COUNT - replaced }, "nothing else is missing");
    let took = |(number, at): &(u64, Instant)| (*at - sent[(*number - 1) as usize]).as_secs_f64();
    (arrived.iter().map(took).collect(), replaced)
}

fn crowd(sender: &LaneSender) {
    thread::sleep(TICK);
    for number in 0..PER_TICK {
        sender.send(other_quote(number)).unwrap();
    }
}

fn channel() -> Vec<f64> {
    let (sender, receiver) = mpsc::channel::<Instant>();
    let sending = thread::spawn(move || {
        for _ in 0..COUNT {
            thread::sleep(TICK);
            sender.send(Instant::now()).unwrap();
        }
    });
    let times = receiver.iter().map(|sent| sent.elapsed().as_secs_f64()).collect();
    sending.join().unwrap();
    times
}

/// An exchange that notes when the engine has taken in an event that is one of those waited for.
struct Watch {
    arrived: Rc<RefCell<Vec<(u64, Instant)>>>,
    next: Option<u64>,
}

impl Venue for Watch {
    fn submit(&mut self, _: Timestamp, _: &Approved<NewOrder>) {}

    fn cancel(&mut self, _: Timestamp, _: ClientOrderId, _: InstrumentId) {}

    fn ask(&mut self, _: Timestamp, _: ClientOrderId, _: InstrumentId) {}

    fn observe(&mut self, _: Timestamp, event: &MarketEvent) {
        self.next = match event {
            MarketEvent::Trade(trade) => Some(trade.id.0),
            MarketEvent::Quote(quote) => (quote.symbol == symbol()).then_some(quote.update),
            MarketEvent::Book(_) | MarketEvent::Depth(_) | MarketEvent::Candle { .. } | MarketEvent::Range { .. } => {
                None
            }
        };
    }

    fn next(&mut self, _: Timestamp) -> Option<AccountEvent> {
        if let Some(number) = self.next.take() {
            self.arrived.borrow_mut().push((number, Instant::now()));
        }
        None
    }

    fn deadline(&self) -> Option<Timestamp> {
        None
    }
}

struct Nobody;

impl Observer for Nobody {
    fn opened(&mut self, _: &mut Shell) {}

    fn look(&mut self, shell: &mut Shell, _: &dyn Feed) {
        shell.take_notifications();
    }

    fn alive(&mut self, _: &Shell, _: &dyn Feed) {}

    fn reload(&mut self, _: &mut Shell) {}
}

fn trade(number: u64) -> Event {
    Event::Market(MarketEvent::Trade(Trade {
        symbol: symbol(),
        id: TradeId(number),
        count: 1,
        price: "64000".parse().unwrap(),
        qty: "0.01".parse().unwrap(),
        buyer_is_maker: true,
        at: clock::now(),
    }))
}

fn quote(number: u64) -> Event {
    best_price(symbol(), number)
}

/// Of another instrument, one of twenty.
fn other_quote(number: u64) -> Event {
    best_price(format!("OTHER{}USDT", number % 20).parse().unwrap(), number)
}

fn best_price(symbol: InstrumentId, update: u64) -> Event {
    let qty = "1".parse().unwrap();
    let (bid, ask) = ("63999".parse().unwrap(), "64001".parse().unwrap());
    Event::Market(MarketEvent::Quote(Quote { symbol, update, bid, bid_qty: qty, ask, ask_qty: qty }))
}

fn symbol() -> InstrumentId {
    "BTCUSDT".parse().unwrap()
}

const COUNT: u64 = 3_000;
const TICK: Duration = Duration::from_millis(1);
const PER_TICK: u64 = 100;
