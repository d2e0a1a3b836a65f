//! A backtest in which the engine is shown every candle as two events, as the live bot is shown every trade.

use tradingbot::backtest::{BacktestError, Curve, Feed, FillRule, Freqtrade, Outcome, Settings};
use tradingbot::domain::{
    Candle, Entry, Event, ExitReason, Instrument, InstrumentId, MarketEvent, Notional, OperatorEvent, OperatorRequest,
    RunId, Seq, Span, Stamped, Timestamp,
};
use tradingbot::engine::{Command, Engine, IntervalRule, Notice, Setup, Strict};
use tradingbot::sim::CandleSim;

/// Shows the engine the whole of `feeds`, event by event.
pub fn run(settings: &Settings, feeds: &[Feed]) -> Result<Outcome, BacktestError> {
    Driver::new(settings, feeds)?.run(settings)
}

struct Driver<'a> {
    feeds: &'a [Feed],
    is_strict: bool,
    engine: Engine,
    sim: CandleSim,
    seq: u64,
    /// What is held, in the order in which it was bought.
    held: Vec<InstrumentId>,
    /// Of each feed, how many candles have begun, and how many of them the strategies have seen.
    begun: Vec<usize>,
    seen: Vec<usize>,
    outcome: Outcome,
}

impl<'a> Driver<'a> {
    fn new(settings: &Settings, feeds: &'a [Feed]) -> Result<Self, BacktestError> {
        let instruments: Vec<Instrument> = feeds.iter().map(|feed| feed.rules.clone()).collect();
        let is_strict = settings.fill_rule == FillRule::Strict;
        let interval_rule: &'static dyn IntervalRule = if is_strict { &Strict } else { &Freqtrade };
        let mut engine = Engine::new(Setup {
            run: RunId(1),
            quote: settings.quote,
            instruments: instruments.clone(),
            strategies: settings.strategies.clone(),
            limits: settings.limits.clone(),
            interval_rule,
            mark_every: Span::DAY,
        });
        engine.let_exits_pass();
        engine.restore(Timestamp::ZERO, &Entry::Deposited { asset: settings.quote, amount: settings.balance })?;
        let outcome = Outcome { balance: settings.balance, equity_last: settings.balance, ..Outcome::default() };
        Ok(Self {
            feeds,
            is_strict,
            engine,
            sim: CandleSim::new(instruments, settings.slippage, is_strict),
            seq: 0,
            held: Vec::new(),
            begun: vec![0; feeds.len()],
            seen: vec![0; feeds.len()],
            outcome,
        })
    }

    fn run(mut self, settings: &Settings) -> Result<Outcome, BacktestError> {
        let starts = self.feeds.iter().filter_map(|feed| feed.candles.first()).map(|candle| candle.open_time);
        let ends = self.feeds.iter().filter_map(|feed| feed.candles.last()).map(|candle| candle.open_time);
        let (Some(mut now), Some(end)) = (starts.min(), ends.max()) else { return Ok(self.outcome) };
        (self.outcome.from, self.outcome.to) = (now, end);
        self.outcome.candles_made_up = self.feeds.iter().map(|feed| feed.made_up).sum();
        self.outcome.curve = Curve::new(now, settings.balance, settings.every_point);
        let traded =
            |feed: &Feed| feed.candles.iter().rev().find(|candle| self.trades_in(candle)).map(|it| it.open_time);
        let last = self.feeds.iter().filter_map(traded).max().unwrap_or(end);
        let interval = self.feeds.iter().map(|feed| feed.interval).min().unwrap_or(Span::ZERO);
        loop {
            if now == last {
                for strategy in settings.strategies.iter().map(|strategy| strategy.name) {
                    self.operate(now, OperatorRequest::Pause { strategy })?;
                }
            }
            let open = self.show(now)?;
            if now == last {
                self.leave_all(now)?;
            }
            let dip = self.engine.past().close()?;
            let close = self.engine.account().equity();
            let open_and_low = match open {
                Some(open) if now == last => Some((open, open.min(close))),
                Some(open) => Some((open, open.plus(dip)?.min(close))),
                None => None,
            };
            self.outcome.equity_last = close;
            self.outcome.curve.add(now, interval, open_and_low, close)?;
            let next = |(feed, begun): (&Feed, &usize)| feed.candles.get(*begun).map(|candle| candle.open_time);
            match self.feeds.iter().zip(&self.begun).filter_map(next).min() {
                Some(next) => now = next,
                None => return Ok(self.outcome),
            }
        }
    }

    fn trades_in(&self, candle: &Candle) -> bool {
        !self.is_strict || candle.is_traded()
    }

    fn show(&mut self, now: Timestamp) -> Result<Option<Notional>, BacktestError> {
        let place = |held: &InstrumentId| self.feeds.iter().position(|feed| feed.rules.id == *held).unwrap();
        let mut order: Vec<usize> = self.held.iter().map(place).collect();
        order.extend((0..self.feeds.len()).filter(|feed| !self.held.contains(&self.feeds[*feed].rules.id)));
        if !self.is_strict {
            for feed in order {
                self.open(now, feed)?;
                self.fill(now, feed)?;
            }
            return Ok(None);
        }
        for feed in &order {
            self.open(now, *feed)?;
        }
        let open = self.engine.account().equity();
        for feed in order {
            self.fill(now, feed)?;
        }
        Ok(Some(open))
    }

    fn open(&mut self, now: Timestamp, feed: usize) -> Result<(), BacktestError> {
        let Feed { rules, interval, candles, .. } = &self.feeds[feed];
        let begun = self.begun[feed];
        let Some(candle) = candles.get(begun).filter(|candle| candle.open_time == now && self.trades_in(candle)) else {
            return Ok(());
        };
        for before in &candles[self.seen[feed]..begun] {
            let (instrument, last) = (rules.id, candle.open);
            self.market(now, MarketEvent::Candle { symbol: instrument, interval: *interval, candle: *before, last })?;
        }
        self.seen[feed] = begun;
        Ok(())
    }

    fn fill(&mut self, now: Timestamp, feed: usize) -> Result<(), BacktestError> {
        let Feed { rules, candles, .. } = &self.feeds[feed];
        let Some(candle) = candles.get(self.begun[feed]).filter(|candle| candle.open_time == now) else {
            return Ok(());
        };
        self.begun[feed] += 1;
        self.outcome.candles += 1;
        if !self.trades_in(candle) {
            return Ok(());
        }
        self.market(now, MarketEvent::Range { symbol: rules.id, candle: *candle })
    }

    fn leave_all(&mut self, now: Timestamp) -> Result<(), BacktestError> {
        let closed = self.outcome.trips.len();
        self.operate(now, OperatorRequest::Flatten { reason: ExitReason::ForceExit })?;
        self.answers(now)?;
        let begins = |instrument: InstrumentId| {
            let feed = self.feeds.iter().find(|feed| feed.rules.id == instrument);
            feed.and_then(|feed| feed.candles.first()).map(|candle| candle.open_time)
        };
        self.outcome.trips[closed..].sort_by_key(|trip| begins(trip.symbol));
        Ok(())
    }

    fn market(&mut self, now: Timestamp, event: MarketEvent) -> Result<(), BacktestError> {
        self.sim.observe(now, &event)?;
        self.answers(now)?;
        self.apply(now, Event::Market(event))?;
        self.answers(now)
    }

    fn operate(&mut self, now: Timestamp, request: OperatorRequest) -> Result<(), BacktestError> {
        self.apply(now, Event::Operator(OperatorEvent { by: "test".to_owned(), request }))
    }

    fn answers(&mut self, now: Timestamp) -> Result<(), BacktestError> {
        while let Some(answer) = self.sim.answer() {
            self.apply(now, Event::Account(answer))?;
        }
        Ok(())
    }

    fn apply(&mut self, now: Timestamp, event: Event) -> Result<(), BacktestError> {
        self.seq += 1;
        let mut commands = Vec::new();
        self.engine.apply(&Stamped { seq: Seq(self.seq), at: now, event }, &mut commands);
        for command in commands {
            match command {
                Command::Submit(order) => {
                    self.outcome.orders += 1;
                    self.sim.submit(order.get())?;
                }
                Command::Cancel { id, symbol } => self.sim.cancel(id, symbol),
                Command::Notice(Notice::Refused { refusal, .. }) => {
                    self.outcome.refusals += 1;
                    self.outcome.refusal_last = Some(refusal.to_string());
                }
                Command::Notice(Notice::EntryTooSmall(entry)) => self.outcome.entries_too_small.push(entry),
                Command::Record(Entry::Filled { fill }) if !self.held.contains(&fill.symbol) => {
                    self.held.push(fill.symbol);
                }
                Command::Record(Entry::Closed { trip }) => {
                    if self.engine.held_since(trip.symbol).is_none() {
                        self.held.retain(|held| *held != trip.symbol);
                    }
                    self.outcome.trips.push(trip);
                }
                Command::Record(Entry::Halted { reason, .. }) => {
                    return Err(BacktestError::Halted { at: now, reason });
                }
                Command::Record(_)
                | Command::Ask { .. }
                | Command::WakeAt(_)
                | Command::Notice(_)
                | Command::Answer(_) => {}
            }
        }
        Ok(())
    }
}
