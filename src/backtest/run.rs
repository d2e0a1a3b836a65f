//! Feeds past candles to the engine and carries out its commands on a simulated exchange.

use thiserror::Error;

use crate::domain::{
    AmountError, Asset, Candle, Entry, Event, ExitReason, Instrument, InstrumentId, Limits, MarketEvent, Notional,
    OperatorEvent, OperatorRequest, Rate, RoundTrip, RunId, Seq, Span, Stamped, Timestamp,
};
use crate::engine::{Command, Engine, EntryTooSmall, IntervalRule, Notice, RestoreError, Setup, Strict};
use crate::sim::CandleSim;
use crate::strategy::StrategySettings;

use super::curve::Curve;
use super::freqtrade::Freqtrade;

/// What is assumed about the inside of a candle, and in which order things happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FillRule {
    /// Pessimistic: see `docs/backtest.md`.
    #[default]
    Strict,
    /// As the freqtrade backtester does it, so that results can be compared.
    Freqtrade,
}

impl FillRule {
    const fn interval_rule(self) -> &'static dyn IntervalRule {
        match self {
            Self::Strict => &Strict,
            Self::Freqtrade => &Freqtrade,
        }
    }
}

/// What a backtest is made from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The asset that everything is counted in.
    pub quote: Asset,
    /// What is there at the start, in that asset.
    pub balance: Notional,
    /// One strategy or several.
    pub strategies: Vec<StrategySettings>,
    /// What every order is judged by.
    pub limits: Limits,
    /// What is assumed about fills.
    pub fill_rule: FillRule,
    /// How much worse market and stop orders trade, as a share of the price.
    pub slippage: Rate,
    /// Whether every point of the equity curve is kept.
    pub every_point: bool,
}

/// The candles of one symbol, ascending and without gaps.
#[derive(Debug, Clone)]
pub struct Feed {
    /// The exchange's rules for it.
    pub rules: Instrument,
    /// Length of its candles.
    pub interval: Span,
    /// The candles.
    pub candles: Vec<Candle>,
    /// How many of them were made up, flat and without volume, where the files have none.
    pub made_up: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Closed positions in the order in which they were closed.
    pub trips: Vec<RoundTrip>,
    /// What the account was worth over time.
    pub curve: Curve,
    /// What is there at the start.
    pub balance: Notional,
    /// What is there at the end.
    pub equity_last: Notional,
    /// Candles that were shown to the engine.
    pub candles: u64,
    /// Those of them that were made up where the files have none.
    pub candles_made_up: u64,
    /// Orders that were sent.
    pub orders: u64,
    /// Orders that the risk gate refused, and the last reason.
    pub refusals: u64,
    /// Why the last of them was refused.
    pub refusal_last: Option<String>,
    /// Entries that came to less than the exchange takes; the first of each strategy and symbol.
    pub entries_too_small: Vec<EntryTooSmall>,
    /// First candle.
    pub from: Timestamp,
    /// Last candle.
    pub to: Timestamp,
}

/// A backtest that cannot be run to its end.
#[derive(Debug, Error)]
pub enum BacktestError {
    /// An amount does not fit.
    #[error("an amount became too large to compute with")]
    Amount(#[from] AmountError),
    /// The first deposit was refused.
    #[error("the starting balance was refused")]
    Balance(#[from] RestoreError),
    /// The engine has halted.
    #[error("trading was halted at {at}: {reason}")]
    Halted {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

/// Runs the whole of `feeds` through the engine.
///
/// # Errors
///
/// Amounts that do not fit, or an engine that halts.
pub fn run(settings: &Settings, feeds: &[Feed]) -> Result<Outcome, BacktestError> {
    let mut driver = Driver::new(settings, feeds)?;
    let starts = feeds.iter().filter_map(|feed| feed.candles.first()).map(|candle| candle.open_time);
    let ends = feeds.iter().filter_map(|feed| feed.candles.last()).map(|candle| candle.open_time);
    let (Some(mut now), Some(end)) = (starts.min(), ends.max()) else { return Ok(driver.outcome) };
    (driver.outcome.from, driver.outcome.to) = (now, end);
    driver.outcome.candles_made_up = feeds.iter().map(|feed| feed.made_up).sum();
    driver.outcome.curve = Curve::new(now, settings.balance, settings.every_point);
    let last = driver.last().unwrap_or(end);
    let interval = feeds.iter().map(|feed| feed.interval).min().unwrap_or(Span::ZERO);
    let mut order = Vec::with_capacity(feeds.len());
    loop {
        if now == last {
            driver.pause_all(now)?;
        }
        if std::mem::take(&mut driver.reorder) {
            driver.order_of(feeds.len(), &mut order);
        }
        let open = driver.show(now, &order)?;
        if now == last {
            driver.leave_all(now)?;
        }
        driver.value(now, interval, open, now == last)?;
        match driver.next() {
            Some(next) => now = next,
            None => return Ok(driver.outcome),
        }
    }
}

struct Driver<'a> {
    feeds: &'a [Feed],
    fill_rule: FillRule,
    engine: Engine,
    sim: CandleSim,
    seq: u64,
    commands: Vec<Command>,
    open: Vec<InstrumentId>,
    reorder: bool,
    /// Of each feed, how many candles have begun.
    begun: Vec<usize>,
    /// Of each feed, how many candles were shown whole.
    shown: Vec<usize>,
    outcome: Outcome,
}

impl<'a> Driver<'a> {
    fn new(settings: &Settings, feeds: &'a [Feed]) -> Result<Self, BacktestError> {
        let instruments: Vec<Instrument> = feeds.iter().map(|feed| feed.rules.clone()).collect();
        let mut engine = Engine::new(Setup {
            run: RunId(1),
            quote: settings.quote,
            instruments: instruments.clone(),
            strategies: settings.strategies.clone(),
            limits: settings.limits.clone(),
            interval_rule: settings.fill_rule.interval_rule(),
            mark_every: Span::DAY,
        });
        engine.let_exits_pass();
        let deposit = Entry::Deposited { asset: settings.quote, amount: settings.balance };
        engine.restore(Timestamp::ZERO, &deposit)?;
        let through = settings.fill_rule == FillRule::Strict;
        let sim = CandleSim::new(instruments, settings.slippage, through);
        let outcome = Outcome { balance: settings.balance, equity_last: settings.balance, ..Outcome::default() };
        Ok(Self {
            feeds,
            fill_rule: settings.fill_rule,
            engine,
            sim,
            seq: 0,
            commands: Vec::new(),
            open: Vec::new(),
            reorder: true,
            begun: vec![0; feeds.len()],
            shown: vec![0; feeds.len()],
            outcome,
        })
    }

    /// Whether an order can trade in `candle`. The freqtrade backtester fills orders where nothing was traded, too.
    const fn trades_in(&self, candle: &Candle) -> bool {
        matches!(self.fill_rule, FillRule::Freqtrade) || candle.is_traded()
    }

    /// The last time at which an order can trade.
    fn last(&self) -> Option<Timestamp> {
        let last = |feed: &Feed| feed.candles.iter().rev().find(|candle| self.trades_in(candle)).map(|it| it.open_time);
        self.feeds.iter().filter_map(last).max()
    }

    /// When the next candle begins.
    fn next(&self) -> Option<Timestamp> {
        let next = |(feed, begun): (&Feed, &usize)| feed.candles.get(*begun).map(|candle| candle.open_time);
        self.feeds.iter().zip(&self.begun).filter_map(next).min()
    }

    /// Shows the candles that begin now, feeds in `order`. What the account is worth at their opens, when all of them are seen
    /// before the inside of any.
    fn show(&mut self, now: Timestamp, order: &[usize]) -> Result<Option<Notional>, BacktestError> {
        match self.fill_rule {
            FillRule::Freqtrade => {
                for &feed in order {
                    self.open_candle(now, feed)?;
                    self.fill_candle(now, feed)?;
                }
                Ok(None)
            }
            FillRule::Strict => {
                for &feed in order {
                    self.open_candle(now, feed)?;
                }
                let open = self.engine.account().equity();
                for &feed in order {
                    self.fill_candle(now, feed)?;
                }
                Ok(Some(open))
            }
        }
    }

    /// Values the account at the closes of the candles that were shown. What is sold at the open of the last ones is not held
    /// inside them.
    fn value(
        &mut self,
        now: Timestamp,
        interval: Span,
        open: Option<Notional>,
        last: bool,
    ) -> Result<(), BacktestError> {
        let dip = self.engine.close_ranges()?;
        let close = self.engine.account().equity();
        let open_and_low = match open {
            Some(open) if last => Some((open, open.min(close))),
            Some(open) => Some((open, open.plus(dip)?.min(close))),
            None => None,
        };
        self.outcome.equity_last = close;
        Ok(self.outcome.curve.add(now, interval, open_and_low, close)?)
    }

    /// Feeds whose symbol is held come first, the one held longest in front; the others keep their order.
    fn order_of(&self, feeds: usize, order: &mut Vec<usize>) {
        order.clear();
        let held = |symbol: &InstrumentId| self.feeds.iter().position(|feed| feed.rules.id == *symbol);
        order.extend(self.open.iter().filter_map(held));
        for feed in 0..feeds {
            if !order.contains(&feed) {
                order.push(feed);
            }
        }
    }

    /// The candles before are over: the first trade after them proves that, as it does when trades are all that is heard. So
    /// what was wished for before candles without a trade acts at the open of the first one with some.
    fn open_candle(&mut self, now: Timestamp, feed: usize) -> Result<(), BacktestError> {
        let Feed { rules, interval, candles, .. } = &self.feeds[feed];
        let begun = self.begun[feed];
        let Some(candle) = candles.get(begun).filter(|candle| candle.open_time == now) else { return Ok(()) };
        if !self.trades_in(candle) {
            return Ok(());
        }
        for before in &candles[self.shown[feed]..begun] {
            let (symbol, last) = (rules.id, candle.open);
            self.market(now, MarketEvent::Candle { symbol, interval: *interval, candle: *before, last })?;
        }
        self.shown[feed] = begun;
        Ok(())
    }

    fn fill_candle(&mut self, now: Timestamp, feed: usize) -> Result<(), BacktestError> {
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

    fn market(&mut self, now: Timestamp, event: MarketEvent) -> Result<(), BacktestError> {
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
            Entry::Filled { fill } if !self.open.contains(&fill.symbol) => {
                self.open.push(fill.symbol);
                self.reorder = true;
            }
            Entry::Closed { trip } => {
                if self.engine.held_since(trip.symbol).is_none() {
                    self.open.retain(|symbol| *symbol != trip.symbol);
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
            | Entry::Filled { .. }
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

    /// Sells what is still open, where it was traded last.
    fn leave_all(&mut self, last: Timestamp) -> Result<(), BacktestError> {
        let closed = self.outcome.trips.len();
        self.operate(last, OperatorRequest::Flatten { reason: ExitReason::ForceExit })?;
        self.answers(last)?;
        let begins = |symbol: InstrumentId| {
            let feed = self.feeds.iter().find(|feed| feed.rules.id == symbol);
            feed.and_then(|feed| feed.candles.first()).map(|candle| candle.open_time)
        };
        self.outcome.trips[closed..].sort_by_key(|trip| begins(trip.symbol));
        Ok(())
    }
}

const BACKTEST: &str = "backtest";
