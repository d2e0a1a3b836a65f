//! The simulated exchange against a few lines of bookkeeping: nothing is lost, doubled or made up.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tradingbot::domain::{
    AccountEvent, Asset, ClientOrderId, Event, Fill, InstrumentId, Liquidity, NewOrder, Notional, OrderKind, Outcome,
    Price, Purpose, Qty, Rate, Rounding, RunId, Seq, Side, Span, TimeInForce, Timestamp, TradeId,
};
use tradingbot::market::practice::{PracticeMarket, PracticeSettings, default_settings};
use tradingbot::sim::{FaultCounts, Faults, FeeSettings, Latency, Sim, SimSettings, ThirdAsset};

/// What one of us does next.
#[derive(Debug, Clone)]
enum Act {
    /// Sends an order: how far its price is from the last one, in ticks, how many lots, and of which kind.
    Submit { buy: bool, away: i64, lots: i64, kind: u8, pair: usize },
    /// Asks for the end of an order that was sent.
    Cancel { which: usize },
    /// Asks what became of one.
    Ask { which: usize },
    /// Sends an order again, under the same id.
    Repeat { which: usize },
    /// Lets the market go on.
    Wait { events: usize },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let submit = (any::<bool>(), -60..60_i64, 0..60_000_i64, 0..8_u8, 0..2_usize)
        .prop_map(|(buy, away, lots, kind, pair)| Act::Submit { buy, away, lots, kind, pair });
    let act = prop_oneof![
        4 => submit,
        2 => (0..50_usize).prop_map(|which| Act::Cancel { which }),
        1 => (0..50_usize).prop_map(|which| Act::Ask { which }),
        1 => (0..50_usize).prop_map(|which| Act::Repeat { which }),
        5 => (1..60_usize).prop_map(|events| Act::Wait { events }),
    ];
    proptest::collection::vec(act, 1..80)
}

/// Both sides of a run: the exchange, and what a reader of its events makes of them.
struct Run {
    sim: Sim,
    market: PracticeMarket,
    now: Timestamp,
    last: BTreeMap<InstrumentId, Price>,
    sent: Vec<NewOrder>,
    read: Read,
    faulty: bool,
    log: Vec<String>,
}

/// What the events say.
#[derive(Default)]
struct Read {
    fills: BTreeMap<(InstrumentId, TradeId), Fill>,
    ends: BTreeMap<ClientOrderId, Outcome>,
    accepted: BTreeSet<ClientOrderId>,
    unanswered: BTreeSet<ClientOrderId>,
    repeated: BTreeSet<ClientOrderId>,
    balances: BTreeMap<Asset, Notional>,
}

const START: [(&str, &str); 4] = [("BTC", "0.5"), ("ETH", "3"), ("USDT", "30000"), ("BNB", "0")];

impl Run {
    fn new(seed: u64, faults: Faults) -> Self {
        let start = Timestamp::from_millis(1_700_000_000_000).unwrap();
        let settings = PracticeSettings {
            outage_every: Span::from_secs(60),
            gap_every: Span::from_secs(20),
            ..default_settings(seed, start)
        };
        let instruments: Vec<_> = settings.pairs.iter().map(|pair| pair.instrument.clone()).collect();
        let last = settings.pairs.iter().map(|pair| (pair.instrument.id, pair.price)).collect();
        let balances = START.map(|(asset, amount)| (asset.parse().unwrap(), amount.parse().unwrap()));
        // Every second seed pays its fees in the very asset that it trades.
        let third = ThirdAsset {
            asset: "ETH".parse().unwrap(),
            symbol: "ETHUSDT".parse().unwrap(),
            discount: "0.25".parse().unwrap(),
        };
        let third = seed.is_multiple_of(2).then_some(third);
        let sim = Sim::new(SimSettings {
            latency: Latency { min: Span::from_millis(1), max: Span::from_millis(80) },
            seed,
            faults,
            fees: FeeSettings { third, ..FeeSettings::default() },
            ..SimSettings::plain(instruments, balances.to_vec())
        });
        let faulty = faults != Faults::none();
        Self {
            sim,
            market: PracticeMarket::new(settings),
            now: start,
            last,
            sent: Vec::new(),
            read: Read::default(),
            faulty,
            log: Vec::new(),
        }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Submit { buy, away, lots, kind, pair } => {
                let order = self.order(*buy, *away, *lots, *kind, *pair);
                self.sim.submit(self.now, &order);
                self.sent.push(order);
            }
            Act::Cancel { which } => {
                if let Some(order) = self.sent.get(*which) {
                    self.sim.cancel(self.now, order.id, order.symbol);
                }
            }
            Act::Ask { which } => {
                if let Some(order) = self.sent.get(*which) {
                    self.sim.ask(self.now, order.id, order.symbol);
                }
            }
            Act::Repeat { which } => {
                // A repeat is only harmless while the order lives, so what has ended is left alone.
                if let Some(order) = self.sent.get(*which)
                    && !self.faulty
                    && self.read.accepted.contains(&order.id)
                    && self.filled(order.id) < order.qty
                    && !self.read.ends.contains_key(&order.id)
                    && matches!(order.kind, OrderKind::Stop { .. })
                {
                    self.sim.submit(self.now, order);
                    self.read.repeated.insert(order.id);
                }
            }
            Act::Wait { events } => (0..*events).for_each(|_| self.go_on()),
        }
        self.drain();
    }

    fn order(&self, buy: bool, away: i64, lots: i64, kind: u8, pair: usize) -> NewOrder {
        let (symbol, tick, lot) = [("BTCUSDT", 10_000_000, 1_000), ("ETHUSDT", 1_000_000, 10_000)][pair];
        let symbol: InstrumentId = symbol.parse().unwrap();
        let tick = Price::from_units(tick);
        let last = self.last[&symbol].to_tick(tick, Rounding::Down).unwrap();
        let price = Price::from_units(last.units() + away * tick.units());
        let limit = |time_in_force| OrderKind::Limit { price, time_in_force };
        let kind = match kind {
            0 | 1 => OrderKind::Market,
            2 | 3 => limit(TimeInForce::GoodTillCancelled),
            4 => limit(TimeInForce::ImmediateOrCancel),
            5 => limit(TimeInForce::FillOrKill),
            6 => OrderKind::PostOnly { price },
            _ => OrderKind::Stop { trigger: price },
        };
        NewOrder {
            id: ClientOrderId::derive(RunId(1), Seq(self.sent.len() as u64), 0),
            strategy: "model".parse().unwrap(),
            symbol,
            side: if buy { Side::Buy } else { Side::Sell },
            qty: Qty::from_units(i128::from(lots * lot)),
            kind,
            purpose: Purpose::Enter,
        }
    }

    fn go_on(&mut self) {
        let (at, event) = self.market.next();
        self.now = at;
        if let Event::Market(event) = event {
            if let tradingbot::domain::MarketEvent::Trade(trade) = &event {
                self.last.insert(trade.symbol, trade.price);
            }
            self.sim.observe(at, &event);
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(event) = self.sim.next(self.now) {
            self.log.push(format!("{} {event:?}", self.now));
            self.take_in(event);
        }
    }

    fn take_in(&mut self, event: AccountEvent) {
        let read = &mut self.read;
        match event {
            AccountEvent::Accepted { id, .. } => {
                read.accepted.insert(id);
                read.unanswered.remove(&id);
            }
            AccountEvent::Rejected { id, ref reason } => {
                // A repeat may arrive when its order has ended in the meantime: then it is judged as a new one.
                let of_repeat = read.repeated.contains(&id) && read.accepted.contains(&id);
                if !reason.starts_with("Duplicate") && !of_repeat {
                    assert!(!read.accepted.contains(&id), "rejected after it was accepted");
                    read.ends.insert(id, Outcome::Rejected);
                }
            }
            AccountEvent::Filled(fill) => {
                assert!(self.faulty || read.accepted.contains(&fill.order), "filled before it was accepted");
                let key = (fill.symbol, fill.trade);
                if let Some(known) = read.fills.get(&key) {
                    assert_eq!(known, &fill, "a repeat that differs");
                    return;
                }
                let newest = read.fills.range((fill.symbol, TradeId(0))..).take_while(|(key, _)| key.0 == fill.symbol);
                let newest = newest.last().map(|((_, trade), _)| *trade);
                assert!(self.faulty || newest < Some(fill.trade), "trade ids rise");
                self.check(&fill);
                self.read.fills.insert(key, fill);
            }
            AccountEvent::Ended { id, outcome, ref reason, .. } => {
                assert_ne!(reason, "EXCHANGE_CANCELED", "a fill that could not be booked");
                let before = read.ends.insert(id, outcome);
                assert!(before.is_none_or(|before| before == outcome));
            }
            AccountEvent::Unanswered { id } => {
                assert!(self.faulty);
                read.unanswered.insert(id);
            }
            AccountEvent::CancelRefused { .. } | AccountEvent::NotFound { .. } => {}
            AccountEvent::Balance { asset, total } => {
                assert!(!total.is_negative(), "{asset} {total}");
                read.balances.insert(asset, total);
            }
        }
    }

    /// A fill is within its order: price, side, quantity, lot.
    fn check(&self, fill: &Fill) {
        let order = self.sent.iter().find(|order| order.id == fill.order).expect("a fill of an order that was sent");
        assert_eq!((order.symbol, order.side), (fill.symbol, fill.side));
        assert!(fill.qty.is_positive() && fill.price > Price::ZERO && !fill.fee.amount.is_negative());
        let filled = self.filled(order.id).plus(fill.qty).unwrap();
        assert!(filled <= order.qty, "{} of {}", filled, order.qty);
        match order.kind {
            OrderKind::Limit { price, .. } | OrderKind::PostOnly { price } => match order.side {
                Side::Buy => assert!(fill.price <= price),
                Side::Sell => assert!(fill.price >= price),
            },
            OrderKind::Market | OrderKind::Stop { .. } => assert_eq!(fill.liquidity, Liquidity::Taker),
        }
        if matches!(order.kind, OrderKind::PostOnly { .. }) {
            assert_eq!(fill.liquidity, Liquidity::Maker);
        }
    }

    fn filled(&self, id: ClientOrderId) -> Qty {
        let fills = self.read.fills.values().filter(|fill| fill.order == id);
        fills.fold(Qty::ZERO, |sum, fill| sum.plus(fill.qty).unwrap())
    }

    /// Waits until nothing is on its way, then asks for every order until there is an answer.
    fn settle(&mut self) {
        for _ in 0..30 {
            while let Some(at) = self.sim.deadline() {
                self.now = self.now.max(at);
                self.drain();
            }
            let open: Vec<NewOrder> = self.sent.clone();
            for order in &open {
                self.sim.ask(self.now, order.id, order.symbol);
            }
            self.drain();
            if !self.faulty {
                break;
            }
        }
        while let Some(at) = self.sim.deadline() {
            self.now = self.now.max(at);
            self.drain();
        }
    }

    /// What was held at the start, plus what the fills changed, is what is held now: to the last digit.
    fn add_up(&self) {
        let mut held: BTreeMap<Asset, Notional> = BTreeMap::new();
        let mut change = |asset: Asset, amount: Notional| {
            let sum = held.entry(asset).or_default();
            *sum = sum.plus(amount).unwrap();
        };
        for (asset, amount) in START {
            change(asset.parse().unwrap(), amount.parse().unwrap());
        }
        for fill in self.read.fills.values() {
            let (base, quote) = tradingbot::domain::instrument::split_symbol(&fill.symbol.symbol()).unwrap();
            let value = fill.value().unwrap();
            change(base, Notional::of_asset(fill.side.signed(fill.qty)).unwrap());
            change(quote, if fill.side == Side::Buy { value.negated() } else { value });
            change(fill.fee.asset, fill.fee.amount.negated());
        }
        let now: BTreeMap<Asset, Notional> = self.sim.balances().collect();
        assert_eq!(held, now);
        for (asset, total) in &self.read.balances {
            assert_eq!(&now[asset], total, "the last balance that was told");
        }
    }
}

fn run(seed: u64, faults: Faults, acts: &[Act]) -> (Run, FaultCounts) {
    let mut run = Run::new(seed, faults);
    (0..40).for_each(|_| run.go_on());
    acts.iter().for_each(|act| run.act(act));
    run.settle();
    run.add_up();
    let counts = run.sim.fault_counts();
    (run, counts)
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn fills_and_balances_agree_to_the_last_digit(seed in 0..1_000_u64, acts in acts()) {
        let (run, counts) = run(seed, Faults::none(), &acts);
        assert_eq!(counts.total(), 0);
        for order in &run.sent {
            let taken = run.read.accepted.contains(&order.id);
            assert_ne!(taken, run.read.ends.get(&order.id) == Some(&Outcome::Rejected), "accepted or rejected");
        }
    }

    #[test]
    fn whatever_goes_wrong_asking_brings_the_truth(seed in 0..1_000_u64, share in 1..30_i64, acts in acts()) {
        run(seed, Faults::all(Rate::from_units(share * 1_000_000)), &acts);
    }

    #[test]
    fn the_same_seed_and_the_same_input_give_the_same_answers(seed in 0..1_000_u64, acts in acts()) {
        let faults = Faults::all("0.1".parse().unwrap());
        assert_eq!(run(seed, faults, &acts).0.log, run(seed, faults, &acts).0.log);
    }
}
