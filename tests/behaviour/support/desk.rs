//! An engine with one strategy, and short words to talk to it.

use tradingbot::domain::event::Trade;
use tradingbot::domain::{
    AccountEvent, Candle, ClientOrderId, Entry, EntryStyle, Event, ExchangeOrderId, Exits, Fee, Fill, Instrument,
    InstrumentId, Limits, Liquidity, MarketEvent, NewOrder, Notional, OperatorEvent, OperatorRequest, Price, Qty, Rate,
    RunId, Seq, Side, Sizing, Span, Stamped, Timestamp, TradeId, Verdict,
};
use tradingbot::engine::{Command, Engine, Setup, Strict};
use tradingbot::strategy::{Rule, StrategySettings};

/// An engine and the commands of its last event.
pub struct Desk {
    pub engine: Engine,
    pub commands: Vec<Command>,
    pub entries: Vec<(Timestamp, Entry)>,
    pub setup: Setup,
    seq: u64,
    at: i64,
    trade: u64,
}

impl Desk {
    /// One strategy over BTCUSDT with these exits; prices rise when [`Desk::rise`] is called.
    pub fn new(exits: Exits) -> Self {
        Self::with(|setup| setup.strategies[0].exits = exits)
    }

    pub fn with(change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = setup();
        change(&mut setup);
        let mut desk = Self {
            engine: Engine::new(setup.clone()),
            commands: Vec::new(),
            entries: Vec::new(),
            setup,
            seq: 0,
            at: 1_700_000_000,
            trade: 0,
        };
        desk.restore(Entry::Deposited { asset: "USDT".parse().unwrap(), amount: money("10000") });
        desk
    }

    pub fn restore(&mut self, entry: Entry) {
        let at = Timestamp::from_nanos(self.at * 1_000_000_000);
        self.engine.restore(at, &entry).unwrap();
        self.entries.push((at, entry));
    }

    /// A second engine that has seen the entries alone.
    pub fn reborn(&self) -> Engine {
        let mut engine = Engine::new(self.setup.clone());
        for (at, entry) in &self.entries {
            engine.restore(*at, entry).unwrap();
        }
        engine
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.at * 1_000_000_000)
    }

    pub fn wait(&mut self, seconds: i64) -> &mut Self {
        self.at += seconds;
        self
    }

    pub fn apply(&mut self, event: Event) -> &[Command] {
        self.seq += 1;
        self.commands.clear();
        let at = self.now();
        self.engine.apply(&Stamped { seq: Seq(self.seq), at, event }, &mut self.commands);
        for command in &self.commands {
            if let Command::Record(entry) = command {
                self.entries.push((at, entry.clone()));
            }
        }
        &self.commands
    }

    pub fn account(&mut self, event: AccountEvent) -> &[Command] {
        self.apply(Event::Account(event))
    }

    /// The operator "ann" asks for something.
    pub fn operator(&mut self, request: OperatorRequest) -> &[Command] {
        self.apply(Event::Operator(OperatorEvent { by: "ann".to_owned(), request }))
    }

    /// What the engine answers to that.
    pub fn verdict(&mut self, request: OperatorRequest) -> Verdict {
        let answer = |command: &Command| match command {
            Command::Answer(verdict) => Some(verdict.clone()),
            _ => None,
        };
        let answers: Vec<Verdict> = self.operator(request).iter().filter_map(answer).collect();
        let [verdict] = &answers[..] else { panic!("one answer to one request: {answers:?}") };
        verdict.clone()
    }

    pub fn trade(&mut self, at: &str) -> &[Command] {
        self.trade += 1;
        let trade = Trade {
            symbol: btc(),
            id: TradeId(self.trade),
            count: 1,
            price: price(at),
            qty: qty("1"),
            buyer_is_maker: false,
            at: self.now(),
        };
        self.apply(Event::Market(MarketEvent::Trade(trade)))
    }

    /// A closed one-minute candle.
    pub fn candle(&mut self, close: &str) -> &[Command] {
        self.at += 60;
        let mut candle = Candle::flat(self.now().minus(Span::MINUTE), price(close));
        candle.volume = qty("1");
        self.apply(Event::Market(MarketEvent::Candle {
            symbol: btc(),
            interval: Span::MINUTE,
            candle,
            last: price(close),
        }))
    }

    /// Candles that make the rule wish to enter; the order that comes of it, if one does.
    pub fn rise(&mut self) -> Option<NewOrder> {
        for close in ["100", "100", "100", "101"] {
            self.candle(close);
        }
        self.submitted()
    }

    /// A candle that makes the rule wish to leave.
    pub fn fall(&mut self) -> Option<NewOrder> {
        self.candle("90");
        self.submitted()
    }

    pub fn submitted(&self) -> Option<NewOrder> {
        self.commands.iter().find_map(|command| match command {
            Command::Submit(order) => Some(order.get().clone()),
            _ => None,
        })
    }

    pub fn accept(&mut self, id: ClientOrderId) -> &[Command] {
        self.account(AccountEvent::Accepted { id, exchange_id: ExchangeOrderId(1) })
    }

    pub fn fill(&mut self, order: &NewOrder, trade: u64, amount: &str, at: &str) -> &[Command] {
        let fill = fill(order, trade, amount, at, self.now());
        self.account(AccountEvent::Filled(fill))
    }

    /// Enters and is filled whole at 100.
    pub fn hold(&mut self) -> NewOrder {
        let order = self.rise().expect("the rule wishes to enter");
        self.accept(order.id);
        let amount = order.qty.to_string();
        self.fill(&order, 1_000, &amount, "100");
        order
    }
}

pub fn fill(order: &NewOrder, trade: u64, amount: &str, at: &str, when: Timestamp) -> Fill {
    let value: Notional = price(at).times(qty(amount)).unwrap();
    let amount_of_fee = Notional::from_units(value.units() / 1_000);
    Fill {
        order: order.id,
        trade: TradeId(trade),
        symbol: order.symbol,
        side: order.side,
        price: price(at),
        qty: qty(amount),
        fee: Fee { asset: "USDT".parse().unwrap(), amount: amount_of_fee },
        liquidity: Liquidity::Taker,
        at: when,
    }
}

pub fn setup() -> Setup {
    let mut rules = Instrument::plain(btc(), "BTC".parse().unwrap(), "USDT".parse().unwrap(), "0.001".parse().unwrap());
    rules.tick = price("0.01");
    rules.lot = qty("0.001");
    rules.notional_min = money("5");
    Setup {
        run: RunId(1),
        quote: "USDT".parse().unwrap(),
        instruments: vec![rules],
        strategies: vec![strategy("ema")],
        limits: Limits::careful(vec![btc()], money("10000")),
        interval_rule: &Strict,
        mark_every: Span::HOUR,
    }
}

pub fn strategy(name: &str) -> StrategySettings {
    StrategySettings {
        name: name.parse().unwrap(),
        rule: Rule::named("ema-cross", &[("fast", 1), ("slow", 3)]).unwrap(),
        symbols: vec![btc()],
        interval: Span::MINUTE,
        sizing: Sizing::Fixed { stake: money("500") },
        entry: EntryStyle::Market,
        exits: Exits::default(),
        positions_max: 1,
        warm_up: 0,
    }
}

pub fn btc() -> InstrumentId {
    "BTCUSDT".parse().unwrap()
}

pub fn price(text: &str) -> Price {
    text.parse().unwrap()
}

pub fn qty(text: &str) -> Qty {
    text.parse().unwrap()
}

pub fn money(text: &str) -> Notional {
    text.parse().unwrap()
}

pub fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

pub fn is_sell(order: &NewOrder) -> bool {
    order.side == Side::Sell
}
