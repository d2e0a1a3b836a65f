//! Feeds past candles to the engine and carries out its commands on a simulated exchange.

use thiserror::Error;

use crate::domain::{
    AmountError, Asset, Candle, Entry, Event, ExitReason, Instrument, Limits, MarketEvent, Notional, OperatorEvent,
    Rate, RoundTrip, RunId, Seq, Span, Stamped, StrategySettings, Symbol, Timestamp,
};
use crate::engine::{Command, Engine, Notice, RangeRule, RestoreError, Setup};
use crate::sim::CandleSim;

/// What is assumed about the inside of a candle, and in which order things happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FillRule {
    /// Pessimistic: see `docs/backtest.md`.
    #[default]
    Strict,
    /// As the freqtrade backtester does it, so that results can be compared.
    Freqtrade,
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
    /// How often the equity curve gets a point.
    pub mark_every: Span,
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
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Closed positions in the order in which they were closed.
    pub trips: Vec<RoundTrip>,
    /// Equity over time.
    pub equity: Vec<(Timestamp, Notional)>,
    /// What is there at the start.
    pub balance: Notional,
    /// What is there at the end.
    pub equity_last: Notional,
    /// The farthest that equity was under an earlier peak, looked at with every price.
    pub drawdown_max: Rate,
    /// Candles that were shown to the engine.
    pub candles: u64,
    /// Orders that were sent.
    pub orders: u64,
    /// Orders that the risk gate refused, and the last reason.
    pub refusals: u64,
    /// Why the last of them was refused.
    pub refusal_last: Option<String>,
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
    let (Some(mut now), Some(last)) = (starts.min(), ends.max()) else { return Ok(driver.outcome) };
    (driver.outcome.from, driver.outcome.to) = (now, last);
    let mut cursors = vec![0_usize; feeds.len()];
    let mut order = Vec::with_capacity(feeds.len());
    loop {
        if now == last {
            driver.pause_all(now)?;
        }
        if std::mem::take(&mut driver.reorder) {
            driver.order_of(feeds.len(), &mut order);
        }
        match settings.fill_rule {
            FillRule::Freqtrade => {
                for &feed in &order {
                    driver.open_candle(now, feed, &cursors)?;
                    driver.fill_candle(now, feed, &mut cursors)?;
                }
            }
            FillRule::Strict => {
                for &feed in &order {
                    driver.open_candle(now, feed, &cursors)?;
                }
                for &feed in &order {
                    driver.fill_candle(now, feed, &mut cursors)?;
                }
            }
        }
        if now == last {
            break;
        }
        let next = |(feed, cursor): (&Feed, &usize)| feed.candles.get(*cursor).map(|candle| candle.open_time);
        now = feeds.iter().zip(&cursors).filter_map(next).min().unwrap_or(last);
    }
    driver.finish(last)
}

struct Driver<'a> {
    feeds: &'a [Feed],
    engine: Engine,
    sim: CandleSim,
    seq: u64,
    commands: Vec<Command>,
    open: Vec<Symbol>,
    reorder: bool,
    outcome: Outcome,
}

impl<'a> Driver<'a> {
    fn new(settings: &Settings, feeds: &'a [Feed]) -> Result<Self, BacktestError> {
        let instruments: Vec<Instrument> = feeds.iter().map(|feed| feed.rules.clone()).collect();
        let range_rule = match settings.fill_rule {
            FillRule::Strict => RangeRule::Strict,
            FillRule::Freqtrade => RangeRule::Freqtrade,
        };
        let mut engine = Engine::new(Setup {
            run: RunId(1),
            quote: settings.quote,
            instruments: instruments.clone(),
            strategies: settings.strategies.clone(),
            limits: settings.limits.clone(),
            range_rule,
            mark_every: settings.mark_every,
        });
        let deposit = Entry::Deposited { asset: settings.quote, amount: settings.balance };
        engine.restore(Timestamp::ZERO, &deposit)?;
        let through = settings.fill_rule == FillRule::Strict;
        let sim = CandleSim::new(instruments, settings.slippage, through);
        let outcome = Outcome { balance: settings.balance, ..Outcome::default() };
        Ok(Self { feeds, engine, sim, seq: 0, commands: Vec::new(), open: Vec::new(), reorder: true, outcome })
    }

    /// Feeds whose symbol is held come first, the one held longest in front; the others keep their order.
    fn order_of(&self, feeds: usize, order: &mut Vec<usize>) {
        order.clear();
        let held = |symbol: &Symbol| self.feeds.iter().position(|feed| feed.rules.symbol == *symbol);
        order.extend(self.open.iter().filter_map(held));
        for feed in 0..feeds {
            if !order.contains(&feed) {
                order.push(feed);
            }
        }
    }

    /// The candle before is over: its successor's open proves that.
    fn open_candle(&mut self, now: Timestamp, feed: usize, cursors: &[usize]) -> Result<(), BacktestError> {
        let source = &self.feeds[feed];
        let cursor = cursors[feed];
        let Some(candle) = source.candles.get(cursor).filter(|candle| candle.open_time == now) else { return Ok(()) };
        let Some(before) = cursor.checked_sub(1).and_then(|before| source.candles.get(before)) else { return Ok(()) };
        self.market(
            now,
            MarketEvent::Candle {
                symbol: source.rules.symbol,
                interval: source.interval,
                candle: *before,
                last: candle.open,
            },
        )
    }

    fn fill_candle(&mut self, now: Timestamp, feed: usize, cursors: &mut [usize]) -> Result<(), BacktestError> {
        let source = &self.feeds[feed];
        let Some(candle) = source.candles.get(cursors[feed]).filter(|candle| candle.open_time == now) else {
            return Ok(());
        };
        cursors[feed] += 1;
        self.outcome.candles += 1;
        self.market(now, MarketEvent::Range { symbol: source.rules.symbol, candle: *candle })
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
            self.apply(now, Event::Operator(OperatorEvent::Pause { by: BACKTEST.to_owned(), strategy }))?;
        }
        Ok(())
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
                Command::Ask { .. } | Command::WakeAt(_) | Command::Notice(_) => {}
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
            Entry::Marked { equity } => self.outcome.equity.push((now, equity)),
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
            | Entry::CloseAsked { .. } => {}
        }
        Ok(())
    }

    fn finish(mut self, last: Timestamp) -> Result<Outcome, BacktestError> {
        let closed = self.outcome.trips.len();
        let leave = OperatorEvent::Flatten { by: BACKTEST.to_owned(), reason: ExitReason::ForceExit };
        self.apply(last, Event::Operator(leave))?;
        self.answers(last)?;
        let begins = |symbol: Symbol| {
            let feed = self.feeds.iter().find(|feed| feed.rules.symbol == symbol);
            feed.and_then(|feed| feed.candles.first()).map(|candle| candle.open_time)
        };
        self.outcome.trips[closed..].sort_by_key(|trip| begins(trip.symbol));
        self.outcome.equity_last = self.engine.account().equity();
        self.outcome.drawdown_max = self.engine.account().drawdown_max();
        self.outcome.equity.push((last, self.outcome.equity_last));
        Ok(self.outcome)
    }
}

const BACKTEST: &str = "backtest";
