//! Takes the engine through past candles and carries out its commands on a simulated exchange.
//!
//! A strategy is a function of closed candles, so its answers are worked out ahead, a block of candles at a time. What
//! is left are the candles after which a strategy wants something and those in which something is held; and of these the
//! engine is shown, as events, the ones of which something comes.

use crate::domain::{
    AmountError, Entry, Event, ExitReason, Instrument, InstrumentId, MarketEvent, Notional, OperatorEvent,
    OperatorRequest, RunId, Seq, Span, Stamped, Timestamp,
};
use crate::engine::{Command, Engine, Notice, Setup};
use crate::sim::CandleSim;

use super::lane::Lane;
use super::run::{BacktestError, Feed, FillRule, Outcome, Settings};

/// An engine and its exchange on their way through past candles.
pub(super) struct Driver<'a> {
    lanes: Vec<Lane<'a>>,
    fill_rule: FillRule,
    engine: Engine,
    sim: CandleSim,
    seq: u64,
    commands: Vec<Command>,
    /// Shortest length of candles.
    interval: Span,
    /// The last time at which an order can trade.
    last: Timestamp,
    /// Lanes of which something is held, in the order in which it was bought.
    held: Vec<usize>,
    /// Lanes that are awake, in the order in which they are looked at: those held in front.
    order: Vec<usize>,
    reorder: bool,
    /// When the next lane wakes up.
    wakes_at: Option<Timestamp>,
    outcome: Outcome,
}

impl<'a> Driver<'a> {
    /// Everything is about to begin; what comes of it goes into `outcome`.
    pub(super) fn new(settings: &Settings, feeds: &'a [Feed], outcome: Outcome) -> Result<Self, BacktestError> {
        let fill_rule = settings.fill_rule;
        let instruments: Vec<Instrument> = feeds.iter().map(|feed| feed.rules.clone()).collect();
        let mut engine = Engine::new(Setup {
            run: RunId(1),
            quote: settings.quote,
            instruments: instruments.clone(),
            strategies: settings.strategies.clone(),
            limits: settings.limits.clone(),
            interval_rule: fill_rule.interval_rule(),
            mark_every: Span::DAY,
        });
        engine.let_exits_pass();
        let deposit = Entry::Deposited { asset: settings.quote, amount: settings.balance };
        engine.restore(Timestamp::ZERO, &deposit)?;
        let mut past = engine.past();
        let lane = |feed: &'a Feed| Some(Lane::new(feed, past.find(feed.rules.id)?, fill_rule));
        let lanes: Vec<Lane<'a>> = feeds.iter().filter_map(lane).collect();
        let traded = |feed: &Feed| {
            feed.candles.iter().rev().find(|candle| fill_rule.trades_in(candle)).map(|candle| candle.open_time)
        };
        Ok(Self {
            lanes,
            fill_rule,
            engine,
            sim: CandleSim::new(instruments, settings.slippage, fill_rule == FillRule::Strict),
            seq: 0,
            commands: Vec::new(),
            interval: feeds.iter().map(|feed| feed.interval).min().unwrap_or(Span::ZERO),
            last: feeds.iter().filter_map(traded).max().unwrap_or(outcome.to),
            held: Vec::new(),
            order: Vec::with_capacity(feeds.len()),
            reorder: false,
            wakes_at: None,
            outcome,
        })
    }

    /// Takes the engine through all candles, block by block.
    pub(super) fn run(mut self) -> Result<Outcome, BacktestError> {
        let (mut times, mut found) = (Vec::new(), Vec::new());
        while let Some(start) = self.lanes.iter().filter_map(Lane::unworked).min() {
            let end = start.plus(Span::from_nanos(self.interval.nanos().saturating_mul(BLOCK)));
            self.work_ahead(end, &mut times, &mut found);
            for now in &times {
                self.step(*now)?;
            }
        }
        Ok(self.outcome)
    }

    /// Lets strategies work ahead through the candles that begin before `end`. The times at which they begin.
    fn work_ahead(&mut self, end: Timestamp, times: &mut Vec<Timestamp>, found: &mut Vec<usize>) {
        times.clear();
        let mut past = self.engine.past();
        for lane in &mut self.lanes {
            let block = lane.work_ahead(end, &mut past, found);
            let begins = block.iter().map(|candle| candle.open_time);
            if !begins.clone().eq(times.iter().copied()) {
                times.extend(begins);
                times.sort_unstable();
                times.dedup();
            }
        }
        self.wakes_at = self.lanes.iter().filter_map(Lane::wakes_at).min();
    }

    /// The candles that begin now.
    fn step(&mut self, now: Timestamp) -> Result<(), BacktestError> {
        if now == self.last {
            self.pause_all(now)?;
        }
        if self.wakes_at.is_some_and(|at| at <= now) {
            for lane in &mut self.lanes {
                self.reorder |= lane.wake(now);
            }
            self.wakes_at = self.lanes.iter().filter_map(Lane::wakes_at).min();
        }
        if std::mem::take(&mut self.reorder) {
            self.order();
        }
        self.engine.past().tell_time(now);
        let open = self.show(now)?;
        if now == self.last {
            self.leave_all(now)?;
        }
        self.value(now, open)?;
        self.rest();
        Ok(())
    }

    /// Lanes of which something is held come first, what is held longest in front; the others keep their order.
    fn order(&mut self) {
        self.order.clear();
        self.order.extend(&self.held);
        let others = (0..self.lanes.len()).filter(|lane| self.lanes[*lane].is_awake && !self.held.contains(lane));
        self.order.extend(others);
    }

    /// Shows the candles that begin now. What the account is worth at their opens, when all of them are seen before the
    /// inside of any.
    fn show(&mut self, now: Timestamp) -> Result<Option<Notional>, BacktestError> {
        match self.fill_rule {
            FillRule::Freqtrade => {
                for place in 0..self.order.len() {
                    self.open_candle(now, self.order[place])?;
                    self.fill_candle(now, self.order[place])?;
                }
                Ok(None)
            }
            FillRule::Strict => {
                for place in 0..self.order.len() {
                    self.open_candle(now, self.order[place])?;
                }
                let open = self.engine.account().equity();
                for place in 0..self.order.len() {
                    self.fill_candle(now, self.order[place])?;
                }
                Ok(Some(open))
            }
        }
    }

    /// The candles before are over: the first trade after them proves that, as it does when trades are all that is heard. So
    /// what was wished for before candles without a trade acts at the open of the first one with some.
    fn open_candle(&mut self, now: Timestamp, place: usize) -> Result<(), BacktestError> {
        let Lane { feed, instrument, .. } = self.lanes[place];
        let Some(candle) = self.lanes[place].candle_at(now) else { return Ok(()) };
        let mut valued = false;
        while let Some(before) = self.lanes[place].next_wanted() {
            if self.engine.past().is_awaited(instrument, before) {
                let (symbol, interval) = (feed.rules.id, feed.interval);
                self.market(now, place, MarketEvent::Candle { symbol, interval, candle: *before, last: candle.open })?;
                valued = true;
            }
        }
        if !valued {
            self.engine.past().open(instrument, candle.open).map_err(|error| halted(now, error))?;
        }
        Ok(())
    }

    fn fill_candle(&mut self, now: Timestamp, place: usize) -> Result<(), BacktestError> {
        let Lane { feed, instrument, .. } = self.lanes[place];
        let candle = self.lanes[place].candle_at(now);
        self.lanes[place].pass(now);
        let Some(candle) = candle else { return Ok(()) };
        if self.engine.past().pass(instrument, candle).map_err(|error| halted(now, error))? {
            return Ok(());
        }
        self.market(now, place, MarketEvent::Range { symbol: feed.rules.id, candle: *candle })
    }

    /// Values the account at the closes of the candles that were shown. What is sold at the open of the last ones is not held
    /// inside them.
    fn value(&mut self, now: Timestamp, open: Option<Notional>) -> Result<(), BacktestError> {
        let dip = self.engine.past().close()?;
        let close = self.engine.account().equity();
        let open_and_low = match open {
            Some(open) if now == self.last => Some((open, open.min(close))),
            Some(open) => Some((open, open.plus(dip)?.min(close))),
            None => None,
        };
        self.outcome.equity_last = close;
        Ok(self.outcome.curve.add(now, self.interval, open_and_low, close)?)
    }

    /// Lanes of which nothing is held any more go to sleep.
    fn rest(&mut self) {
        let past = self.engine.past();
        for place in &self.order {
            let lane = &mut self.lanes[*place];
            if std::mem::take(&mut lane.is_doubtful) && !past.is_involved(lane.instrument) {
                lane.sleep();
                self.reorder = true;
                self.wakes_at = self.wakes_at.into_iter().chain(lane.wakes_at()).min();
            }
        }
    }

    fn market(&mut self, now: Timestamp, place: usize, event: MarketEvent) -> Result<(), BacktestError> {
        self.lanes[place].is_doubtful = true;
        self.sim.observe(now, &event)?;
        self.answers(now)?;
        self.apply(now, Event::Market(event))?;
        self.answers(now)
    }

    fn pause_all(&mut self, now: Timestamp) -> Result<(), BacktestError> {
        let names: Vec<_> = self.engine.snapshot().strategies.iter().map(|strategy| strategy.name).collect();
        for strategy in names {
            self.operate(now, OperatorRequest::Pause { strategy })?;
        }
        Ok(())
    }

    fn operate(&mut self, now: Timestamp, request: OperatorRequest) -> Result<(), BacktestError> {
        self.apply(now, Event::Operator(OperatorEvent { by: BACKTEST.to_owned(), request }))
    }

    fn answers(&mut self, now: Timestamp) -> Result<(), BacktestError> {
        while let Some(answer) = self.sim.answer() {
            self.apply(now, Event::Account(answer))?;
        }
        Ok(())
    }

    fn apply(&mut self, now: Timestamp, event: Event) -> Result<(), BacktestError> {
        self.seq += 1;
        let mut commands = std::mem::take(&mut self.commands);
        self.engine.apply(&Stamped { seq: Seq(self.seq), at: now, event }, &mut commands);
        for command in commands.drain(..) {
            match command {
                Command::Record(entry) => self.record(now, entry)?,
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
                Command::Ask { .. } | Command::WakeAt(_) | Command::Notice(_) | Command::Answer(_) => {}
            }
        }
        self.commands = commands;
        Ok(())
    }

    fn record(&mut self, now: Timestamp, entry: Entry) -> Result<(), BacktestError> {
        match entry {
            Entry::Filled { fill } => {
                let lane = self.lane_of(fill.symbol);
                if !self.held.contains(&lane) {
                    self.held.push(lane);
                    self.reorder = true;
                }
            }
            Entry::Closed { trip } => {
                if self.engine.held_since(trip.symbol).is_none() {
                    let lane = self.lane_of(trip.symbol);
                    self.held.retain(|held| *held != lane);
                    self.reorder = true;
                }
                self.outcome.trips.push(trip);
            }
            Entry::Halted { reason, .. } => return Err(BacktestError::Halted { at: now, reason }),
            Entry::Started { .. }
            | Entry::Stopped { .. }
            | Entry::Deposited { .. }
            | Entry::Intended { .. }
            | Entry::Accepted { .. }
            | Entry::CancelAsked { .. }
            | Entry::Unanswered { .. }
            | Entry::Ended { .. }
            | Entry::Resumed { .. }
            | Entry::Paused { .. }
            | Entry::Unpaused { .. }
            | Entry::Guarded { .. }
            | Entry::Marked { .. }
            | Entry::CloseAsked { .. }
            | Entry::Migrated { .. } => {}
        }
        Ok(())
    }

    fn lane_of(&self, symbol: InstrumentId) -> usize {
        self.lanes.iter().position(|lane| lane.feed.rules.id == symbol).expect("only instruments of feeds are traded")
    }

    /// Sells what is still open, where it was traded last.
    fn leave_all(&mut self, last: Timestamp) -> Result<(), BacktestError> {
        for lane in self.order.iter().map(|place| &self.lanes[*place]) {
            if let Some(candle) = lane.last_traded() {
                let event = MarketEvent::Range { symbol: lane.feed.rules.id, candle: *candle };
                self.sim.observe(candle.open_time, &event)?;
            }
        }
        let closed = self.outcome.trips.len();
        self.operate(last, OperatorRequest::Flatten { reason: ExitReason::ForceExit })?;
        self.answers(last)?;
        let begins = |symbol: InstrumentId| {
            let lane = self.lanes.iter().find(|lane| lane.feed.rules.id == symbol);
            lane.and_then(|lane| lane.feed.candles.first()).map(|candle| candle.open_time)
        };
        self.outcome.trips[closed..].sort_by_key(|trip| begins(trip.symbol));
        self.lanes.iter_mut().for_each(|lane| lane.is_doubtful = true);
        Ok(())
    }
}

/// As the engine halts when an event makes an amount too large.
fn halted(at: Timestamp, error: AmountError) -> BacktestError {
    match error {
        AmountError::Overflow | AmountError::DivisionByZero => {
            BacktestError::Halted { at, reason: "an amount is too large to compute with".to_owned() }
        }
    }
}

const BACKTEST: &str = "backtest";
/// Candles of each symbol that strategies work ahead through at once.
const BLOCK: i64 = 256;
