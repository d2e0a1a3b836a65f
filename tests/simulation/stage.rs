//! One seed's run: lives that follow one another over one exchange, and the checks between any two events.

use std::cell::{RefCell, RefMut};
use std::fmt::Debug;
use std::rc::Rc;

use tradingbot::daemon::{DaemonError, Genesis, Shell, TimeOf};
use tradingbot::domain::snapshot::{PositionView, StrategyView};
use tradingbot::domain::{
    Asset, Event, ExitReason, InstrumentId, MarketEvent, NewOrder, Notional, OperatorEvent, OperatorRequest, Price,
    Qty, Rate, RunId, RunTag, Snapshot, Span, StrategyName, Timestamp, Verdict,
};
use tradingbot::engine::{Engine, Setup};
use tradingbot::market::Random;

use super::bug::Bug;
use super::feed::Feed;
use super::plan::{self, Plan};
use super::tally::Point;
use super::world::{Handle, World};

/// How a life ended, unless it was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The run is over.
    Over,
    /// The disk was full, and it could not begin.
    Stillborn,
}

/// Everything that outlives a life.
pub struct Stage {
    pub world: Rc<RefCell<World>>,
    plan: Plan,
    bug: Option<Bug>,
    feed: Feed,
    dice: Random,
    now: Timestamp,
    steps: u64,
    full_until: Timestamp,
}

impl Stage {
    pub fn new(mut plan: Plan, bug: Option<Bug>, only: Option<&'static str>) -> Self {
        let mut dice = plan.dice.branch();
        let world = Rc::new(RefCell::new(World::new(&plan, dice.branch(), bug, only)));
        let feed = Feed::new(plan.market.clone(), plan.slower, plan.stall_odds, dice.branch());
        let now = plan.market.start;
        Self { world, plan, bug, feed, dice, now, steps: 0, full_until: now }
    }

    /// One life, from the ledger to the end of the run, a crash, or something that must not be.
    pub fn live(&mut self) -> End {
        let (fuse_max, entries) = (self.plan.fuse_max, self.world().disk.kept().clone());
        let fuse = (fuse_max > 0).then(|| self.dice.below(fuse_max));
        self.world().fuse = fuse;
        self.world().auditor.begins(&entries);
        let mut shell = match self.begin() {
            Ok(shell) => shell,
            Err(DaemonError::Commit(_)) => return End::Stillborn,
            Err(error) => {
                self.expect(false, "every ledger can be continued", || error.to_string());
                return End::Over;
            }
        };
        self.world().tally.lives += 1;
        shell.settle();
        self.check(&shell);
        while self.steps < self.plan.steps && self.world().auditor.found.is_none() {
            self.steps += 1;
            self.step(&mut shell);
            self.check(&shell);
        }
        if self.world().auditor.found.is_none() {
            self.finish(shell);
        }
        End::Over
    }

    /// The life was cut off: time passes, the exchange goes on, and nobody hears it.
    pub fn fall(&mut self) {
        let recovered = {
            let mut world = self.world();
            world.forget();
            world.disk.recover()
        };
        match recovered {
            Ok(phantoms) => self.world().tally.phantoms += phantoms,
            Err(violation) => self.expect(false, violation.rule, || violation.detail),
        }
        self.reread();
        if self.dice.odds(1, 2) {
            self.world().disk.full = false;
        }
        let away_max = if self.dice.odds(1, 3) { AWAY_MAX } else { Span::SECOND };
        let away = self.dice.span(Span::ZERO, away_max);
        self.pass_unseen(away);
    }

    /// No life could begin; the disk will have room again.
    pub fn wait(&mut self) {
        self.world().tally.stillborn += 1;
        self.fall();
        let pause = self.dice.span(Span::SECOND, AWAY_MAX);
        self.pass_unseen(pause);
        if self.dice.odds(1, 2) {
            self.world().disk.full = false;
        }
    }

    pub const fn steps(&self) -> u64 {
        self.steps
    }

    fn begin(&self) -> Result<Shell, DaemonError> {
        let mut setup = self.plan.setup.clone();
        if self.bug == Some(Bug::LimitsMisread) {
            let limits = &mut setup.limits;
            for limit in [&mut limits.order_notional_max, &mut limits.position_notional_max, &mut limits.exposure_max] {
                *limit = Notional::from_units(limit.units() * 10);
            }
        }
        if self.bug == Some(Bug::LeverageMisread) {
            setup.limits.leverage_max = Rate::from_units(setup.limits.leverage_max.units() * 10);
        }
        let time = TimeOf::Clock(self.now);
        let deposit = (plan::usdt(), plan::deposit());
        let tag = RunTag::from_bits(u64::try_from(self.world().disk.entries().len()).unwrap());
        let genesis = Genesis { tag, config: String::new(), deposit, halt: None, latched: None, time };
        let handle = Handle(Rc::clone(&self.world));
        Shell::begin(handle.clone(), setup, |_: &Engine| handle, &genesis, self.now)
    }

    fn step(&mut self, shell: &mut Shell) {
        self.trouble();
        let halted = self.world().auditor.is_halted();
        if self.dice.odds(1, if halted { RESUME_ODDS } else { self.plan.operator_odds }) {
            self.operate(shell);
        }
        self.go_on(shell);
        if self.dice.odds(1, RECOVERIES) {
            self.compare_recovery(shell);
        }
    }

    /// The next thing happens: in the market, to the bot, or because its time has come.
    fn go_on(&mut self, shell: &mut Shell) {
        let told = self.feed.next_told();
        let due = shell.deadline();
        let made = self.feed.next_made();
        let first = told.into_iter().chain(due).fold(made, Timestamp::min);
        self.now = self.now.max(first);
        if made == first {
            let mut world = self.world.borrow_mut();
            if let Some((at, event)) = self.feed.make(&mut world.tally) {
                world.sim.observe(at, &event);
            }
        } else if told.is_some_and(|told| told == first) {
            self.tell(shell);
        } else {
            shell.tick(self.now);
        }
        if self.plan.paced || self.dice.odds(1, 20) {
            shell.settle();
        }
    }

    fn tell(&mut self, shell: &mut Shell) {
        let Some(mut told) = self.feed.tell() else { return };
        if let Event::Market(event) = &mut told.event {
            self.world().auditor.sees(told.made, event);
            if let (Some(Bug::StaleRestamped), MarketEvent::Trade(trade)) = (self.bug, event) {
                trade.at = told.due;
            }
        }
        shell.receive(self.now, told.event);
    }

    /// Disks fill up and are emptied, and lives are cut off.
    fn trouble(&mut self) {
        let now = self.now;
        if self.world().disk.full {
            let over = now >= self.full_until;
            self.world().disk.full = !over;
        } else if self.dice.odds(1, self.plan.full_odds) {
            self.full_until = now.plus(self.dice.span(Span::from_millis(100), FULL_MAX));
            let mut world = self.world();
            world.disk.full = true;
            world.tally.disk_full += 1;
        }
        if self.dice.odds(1, self.plan.crash_odds) {
            self.world().crash(Point::BetweenEvents);
        }
    }

    fn operate(&mut self, shell: &mut Shell) {
        let snapshot = shell.snapshot();
        let request = self.request(&snapshot);
        self.world().tally.requests += 1;
        self.ask_for(shell, request);
    }

    fn ask_for(&mut self, shell: &mut Shell, request: OperatorRequest) {
        let event = OperatorEvent { by: "operator".to_owned(), request: request.clone() };
        if shell.operate(self.now, event) == Ok(Verdict::Done) {
            self.world().auditor.acknowledged(&request);
        }
    }

    fn request(&mut self, snapshot: &Snapshot) -> OperatorRequest {
        let reason = "a dice said so".to_owned();
        if snapshot.halt.is_some() && self.dice.odds(4, 5) {
            return OperatorRequest::Resume { reason };
        }
        let rules = &self.plan.setup.instruments;
        let symbol = rules[self.dice.below(u64::try_from(rules.len()).unwrap()) as usize].id;
        let strategies = &self.plan.setup.strategies;
        let strategy = strategies[self.dice.below(u64::try_from(strategies.len()).unwrap()) as usize].name;
        match self.dice.below(10) {
            0 => OperatorRequest::Halt { reason },
            1 => OperatorRequest::Resume { reason },
            2 | 3 => OperatorRequest::Close { instrument: symbol },
            4 => OperatorRequest::Flatten { reason: ExitReason::Operator },
            5 => OperatorRequest::Pause { strategy },
            6 => OperatorRequest::Unpause { strategy },
            _ => match snapshot.orders.first() {
                Some(order) => OperatorRequest::Cancel { id: order.new.id },
                None => OperatorRequest::Unpause { strategy },
            },
        }
    }

    /// Checks what must hold between any two events.
    fn check(&self, shell: &Shell) {
        let mut world = self.world();
        if !world.auditor.moved && !self.steps.is_multiple_of(64) {
            return;
        }
        let snapshot = shell.snapshot();
        world.auditor.compare(&snapshot);
        if snapshot.orders.is_empty() && world.is_quiet() {
            compare_with_exchange(&mut world, &snapshot);
        }
    }

    /// A crash here and a recovery must give what goes on here.
    fn compare_recovery(&self, shell: &mut Shell) {
        shell.settle();
        if shell.is_failing() {
            return;
        }
        let mut reborn = Engine::new(Setup { run: RunId(u32::MAX), ..self.plan.setup.clone() });
        for (at, entry) in self.world().disk.entries() {
            if let Err(error) = reborn.restore(at, &entry) {
                return self.expect(false, "every ledger can be continued", || error.to_string());
            }
        }
        self.world().tally.recoveries_compared += 1;
        let (here, there) = (shell.snapshot(), reborn.snapshot());
        let differing = |what: &str, same: bool, here: &dyn Debug, there: &dyn Debug| {
            self.expect(same, "a crash here and a recovery give the same", || {
                format!("{what}: {there:?} instead of {here:?}")
            });
        };
        macro_rules! same {
            ($($what:literal: $of:expr),+ $(,)?) => {
                $(differing($what, $of(&here) == $of(&there), &$of(&here), &$of(&there));)+
            };
        }
        same! {
            "halt": halted,
            "balances": |one: &Snapshot| one.balances.clone(),
            "orders": standing,
            "positions": holding,
            "strategies": earned,
            "fills": |one: &Snapshot| one.fills,
        }
        differing("stops", stops_agree(&here, &there), &here.positions, &there.positions);
        differing("peak", there.equity_peak <= here.equity_peak, &here.equity_peak, &there.equity_peak);
    }

    /// Leaves everything, halts, lets all come to rest, and compares for the last time.
    fn finish(&mut self, mut shell: Shell) {
        {
            let mut world = self.world();
            world.fuse = None;
            world.disk.full = false;
        }
        self.now = self.now.plus(Span::from_secs(2));
        shell.tick(self.now);
        shell.settle();
        self.leave_all(&mut shell);
        let reason = "the run is over".to_owned();
        self.ask_for(&mut shell, OperatorRequest::Halt { reason });
        let end = self.now.plus(REST);
        while self.now < end && !(shell.snapshot().orders.is_empty() && self.world().is_quiet()) {
            let Some(due) = shell.deadline() else { break };
            self.now = self.now.max(due);
            shell.tick(self.now);
            shell.settle();
            self.check(&shell);
        }
        let left = shell.snapshot().orders;
        self.expect(left.is_empty(), "no order stays unknown for ever", || format!("{left:?}"));
        self.compare_recovery(&mut shell);
        let snapshot = shell.snapshot();
        compare_with_exchange(&mut self.world(), &snapshot);
        self.world().tally.refusals += snapshot.refusals;
        let ended = shell.end().is_ok();
        self.expect(ended && self.world().disk.verify(), "the chain of the ledger holds", String::new);
    }

    /// An operator who asks to leave everything gets that, however often the exchange loses or refuses an order.
    fn leave_all(&mut self, shell: &mut Shell) {
        let reason = || "the run is over".to_owned();
        for strategy in self.plan.setup.strategies.iter().map(|strategy| strategy.name).collect::<Vec<_>>() {
            self.ask_for(shell, OperatorRequest::Pause { strategy });
        }
        self.ask_for(shell, OperatorRequest::Resume { reason: reason() });
        self.ask_for(shell, OperatorRequest::Flatten { reason: ExitReason::Operator });
        let end = self.now.plus(LEAVING_MAX);
        while self.now < end && self.world().auditor.found.is_none() {
            let snapshot = shell.snapshot();
            if snapshot.positions.is_empty() && snapshot.orders.is_empty() {
                return;
            }
            if snapshot.halt.is_some() {
                self.ask_for(shell, OperatorRequest::Resume { reason: reason() });
            }
            for _ in 0..64 {
                self.go_on(shell);
                self.check(shell);
            }
        }
        let left = shell.snapshot().positions;
        let (rules, least) = (&self.plan.setup.instruments, |held: &PositionView| {
            held.last.or(held.entry).unwrap().times(held.qty).unwrap()
        });
        let stuck = left
            .iter()
            .find(|held| rules.iter().any(|rules| rules.id == held.symbol && least(held) >= rules.notional_min));
        self.expect(stuck.is_none(), "what is asked to be left is left", || format!("{stuck:?}"));
    }

    /// Lets the market and the exchange go on without the bot; what is said to it meanwhile is not heard.
    fn pass_unseen(&mut self, away: Span) {
        let until = self.now.plus(away);
        let mut world = self.world.borrow_mut();
        while self.feed.next_made() <= until {
            if let Some((at, event)) = self.feed.make(&mut world.tally) {
                world.sim.observe(at, &event);
            }
        }
        self.feed.cut();
        self.now = until;
        while world.sim.next(until).is_some() {
            world.tally.answers_unheard += 1;
        }
    }

    /// What a torn write or a refused one has left is on disk.
    fn reread(&self) {
        let mut world = self.world();
        let entries: Vec<_> = world.disk.kept().iter().map(|(_, entry)| entry.clone()).collect();
        world.auditor.wrote(&entries);
    }

    fn expect(&self, holds: bool, rule: &'static str, detail: impl FnOnce() -> String) {
        self.world().auditor.expect(holds, rule, detail);
    }

    fn world(&self) -> RefMut<'_, World> {
        self.world.borrow_mut()
    }
}

/// With nothing on its way, both sides hold the same.
fn compare_with_exchange(world: &mut World, snapshot: &Snapshot) {
    world.tally.quiet_moments += 1;
    let undeclared = |asset: Asset| {
        let started = plan::balances().into_iter().find(|(held, _)| *held == asset && asset != plan::usdt());
        started.map_or(Notional::ZERO, |(_, amount)| amount)
    };
    let shown = |asset: Asset| snapshot.balances.iter().find(|held| held.asset == asset).map(|held| held.total);
    let differs: Vec<_> = world
        .sim
        .balances()
        .map(|(asset, total)| (asset, total, shown(asset).unwrap_or_default().plus(undeclared(asset)).unwrap()))
        .filter(|(_, total, shown)| total != shown)
        .collect();
    world
        .auditor
        .expect(differs.is_empty(), "balances are the exchange's when all is quiet", || format!("{differs:?}"));
}

fn halted(snapshot: &Snapshot) -> Option<(String, String)> {
    snapshot.halt.as_ref().map(|halt| (halt.by.clone(), halt.reason.clone()))
}

/// Orders without what only the life that sent them knows.
fn standing(snapshot: &Snapshot) -> Vec<(NewOrder, Qty, Notional)> {
    snapshot.orders.iter().map(|order| (order.new.clone(), order.filled, order.value)).collect()
}

/// Strategies without how far they have warmed up, which each life does anew.
fn earned(snapshot: &Snapshot) -> Vec<StrategyView> {
    let cold = |one: &StrategyView| StrategyView { warming_up: Vec::new(), ..one.clone() };
    snapshot.strategies.iter().map(cold).collect()
}

fn holding(snapshot: &Snapshot) -> Vec<(StrategyName, InstrumentId, Qty, Option<Price>, Timestamp)> {
    let positions = snapshot.positions.iter();
    positions.map(|held| (held.strategy, held.symbol, held.qty, held.entry, held.since)).collect()
}

/// A stop that has hardly moved since it was kept may come back where it was kept.
fn stops_agree(here: &Snapshot, there: &Snapshot) -> bool {
    here.positions.iter().zip(&there.positions).all(|(here, there)| match (here.stop, there.stop) {
        (Some(here), Some(there)) => {
            let near = here.units() - there.units();
            near >= 0 && near <= here.units() / 1_000 + 1
        }
        (here, there) => here == there,
    })
}

/// While halted, an operator does something at one in so many events.
const RESUME_ODDS: u64 = 20;
/// One in so many events is compared with a recovery.
const RECOVERIES: u64 = 250;
const AWAY_MAX: Span = Span::from_secs(90);
const FULL_MAX: Span = Span::from_secs(20);
/// How long leaving everything may take.
const LEAVING_MAX: Span = Span::from_secs(600);
/// How long everything may take to come to rest.
const REST: Span = Span::from_secs(4 * 3_600);
