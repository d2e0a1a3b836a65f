//! Around the engine: stamps events, writes what must be kept, and only then sends.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::domain::{
    AccountEvent, Entry, Event, Limits, LinkEvent, OrderSeries, RunId, Seq, Snapshot, Span, Stamped, Timestamp, Verdict,
};
use crate::engine::{Command, Engine, Setup};
use crate::ledger::journal::Journal;
use crate::ledger::{CommitError, Durable, Head};

use super::command_bytes::command_bytes;
use super::error::DaemonError;
use super::genesis::{Genesis, Unwritten};
use super::keeper::Keeper;
use super::latch::{Latch, Latched};
use super::logging;
use super::notification::Notification;
use super::old_names::OldNames;
use super::redact::Redactor;
use super::venue::{Send, Venue};

/// The engine with everything it needs to live: its ledger, its exchange and its place in time.
pub struct Shell {
    engine: Engine,
    venue: Box<dyn Venue>,
    keeper: Box<dyn Keeper>,
    seq: u64,
    now: Timestamp,
    wake_at: Option<Timestamp>,
    unwritten: Vec<Entry>,
    unwritten_at: Timestamp,
    retry_at: Timestamp,
    unsent: Vec<Send>,
    failing: bool,
    /// What the ledger said when it last refused.
    fault: String,
    /// Whether the halt went to the room kept for it while nothing else could be written.
    halt_latched: bool,
    /// When to see whether the ledger is still there, if there is nothing to write until then.
    check_at: Timestamp,
    commands: Vec<Command>,
    follow: VecDeque<Event>,
    told: Vec<Arc<Notification>>,
    /// How many of those are out; the others wait for the disk.
    said: usize,
    /// The engine's answer to the last operator's event, until it is taken.
    verdict: Option<Verdict>,
    inputs: Option<Journal>,
    latch: Option<Latch>,
    redactor: Option<Redactor>,
}

impl Shell {
    /// Rebuilds the engine of `setup` from what `keeper` holds and begins a new life on it: the run of `setup`, or the one
    /// after the last that there was. Entries are taken up as they are read, so a long past needs no more memory.
    ///
    /// # Errors
    ///
    /// A ledger that cannot be read, continued or written, or whose last entry is of a time that has yet to come.
    pub fn begin<V: Venue + 'static>(
        mut keeper: impl Keeper + 'static,
        setup: Setup,
        venue: impl FnOnce(&Engine) -> V,
        genesis: &Genesis,
        now: Timestamp,
    ) -> Result<Self, DaemonError> {
        let mut run = setup.run;
        let mut latest = now;
        let mut names = OldNames::of(&setup.instruments);
        let mut engine = Engine::new(setup);
        let (mut fresh, mut restored) = (true, Ok(()));
        keeper
            .each(&mut |at, entry| {
                fresh = false;
                latest = latest.max(at);
                if let Entry::Started { run: earlier, .. } = &entry {
                    run = RunId(run.0.max(earlier.0.saturating_add(1)));
                }
                let entry = names.read(entry);
                if restored.is_ok() {
                    restored = engine.restore(at, &entry);
                }
            })
            .map_err(DaemonError::Read)?;
        restored.map_err(DaemonError::Restore)?;
        // Until that time came, nothing would happen: no order, no stop, no fresh price.
        let ahead = latest.since(genesis.time.first());
        if ahead > AHEAD_MAX {
            return Err(DaemonError::Ahead { last: latest, ahead, time: genesis.time });
        }
        engine.begin(run, OrderSeries::Tag(genesis.tag));
        let mut first = vec![Entry::Started {
            run,
            tag: Some(genesis.tag),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            config: genesis.config.clone(),
        }];
        if fresh {
            let (asset, amount) = genesis.deposit;
            first.push(Entry::Deposited { asset, amount });
            first.extend(
                genesis
                    .halt
                    .iter()
                    .map(|reason| Entry::Halted { by: "configuration".to_owned(), reason: reason.clone() }),
            );
        }
        if engine.halted().is_none() && first.iter().all(|entry| !matches!(entry, Entry::Halted { .. })) {
            let halted = |halt: Latched| Entry::Halted { by: halt.by, reason: halt.reason };
            first.extend(genesis.latched.clone().map(halted));
        }
        for entry in &first {
            engine.restore(latest, entry).map_err(DaemonError::Restore)?;
        }
        let _durable: Durable = keeper.commit(latest, &first).map_err(DaemonError::Commit)?;
        first.iter().for_each(logging::entry);
        let venue = venue(&engine);
        let mut shell = Self {
            engine,
            venue: Box::new(venue),
            keeper: Box::new(keeper),
            seq: 0,
            now: latest,
            wake_at: None,
            unwritten: Vec::new(),
            unwritten_at: latest,
            retry_at: latest,
            unsent: Vec::new(),
            failing: false,
            fault: String::new(),
            halt_latched: false,
            check_at: latest,
            commands: Vec::new(),
            follow: VecDeque::new(),
            said: first.len(),
            told: first.into_iter().map(|entry| Arc::new(Notification::Entry(latest, entry))).collect(),
            verdict: None,
            inputs: None,
            latch: None,
            redactor: None,
        };
        let mut commands = Vec::new();
        shell.engine.recover(latest, &mut commands);
        shell.take_commands(&mut commands);
        Ok(shell)
    }

    /// Keeps every event from here on, so that this life can be replayed.
    pub fn keep_inputs(&mut self, inputs: Journal) {
        self.inputs = Some(inputs);
    }

    /// Where a halt is remembered that the ledger does not take; what is remembered there is in the ledger now.
    pub fn keep_halts(&mut self, mut latch: Latch) {
        latch.clear();
        self.latch = Some(latch);
    }

    /// Takes secrets out of every event from here on.
    pub fn keep_secrets(&mut self, redactor: Redactor) {
        self.redactor = Some(redactor);
    }

    /// The engine, to look at.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// One consistent picture.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = self.engine.snapshot();
        if let Some(halt) = &mut snapshot.halt {
            halt.written = self.is_halt_written();
        }
        snapshot
    }

    /// The last entry on disk.
    #[must_use]
    pub fn head(&self) -> Head {
        self.keeper.head()
    }

    /// The time of the last event.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// How many events the engine has taken in.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.seq
    }

    /// When something is due even if nothing happens.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        [self.wake_at, self.venue.deadline()].into_iter().flatten().min()
    }

    /// Whether the ledger cannot be written at the moment.
    #[must_use]
    pub const fn is_failing(&self) -> bool {
        self.failing
    }

    /// What keeps the ledger from being written, and how much waits for it; `None` when nothing does.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let waiting = self.unwritten.len();
        self.failing.then(|| match waiting {
            0 => self.fault.clone(),
            1 => format!("{}; 1 entry is in memory only", self.fault),
            _ => format!("{}; {waiting} entries are in memory only", self.fault),
        })
    }

    /// Whether a halt that is in force is on disk.
    pub(super) fn is_halt_written(&self) -> bool {
        self.halt_latched || !self.unwritten.iter().any(|entry| matches!(entry, Entry::Halted { .. }))
    }

    /// The engine's answer to the last operator's event, once.
    pub(super) const fn take_verdict(&mut self) -> Option<Verdict> {
        self.verdict.take()
    }

    /// Judges by other limits from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.engine.set_limits(limits);
    }

    /// What has been said since this was last asked.
    pub fn take_notifications(&mut self) -> Vec<Arc<Notification>> {
        self.told.drain(..std::mem::take(&mut self.said)).collect()
    }

    /// Shows engine and exchange what the market did before this life; nothing follows from it.
    pub fn warm_up(&mut self, at: Timestamp, event: Event) {
        if let Event::Market(market) = &event {
            self.venue.observe(at, market);
        }
        self.seq += 1;
        let stamped = Stamped { seq: Seq(self.seq), at, event };
        let mut commands = Vec::new();
        self.engine.apply(&stamped, &mut commands);
        self.note(&stamped, &commands);
    }

    /// Takes in one event from outside and everything that follows from it.
    pub fn receive(&mut self, at: Timestamp, event: Event) {
        self.now = self.now.max(at);
        self.advance();
        if let Event::Market(market) = &event {
            self.venue.observe(self.now, market);
        }
        self.apply(event);
        self.advance();
    }

    /// Lets time pass until `at`: answers that are due, and what the engine wished to be woken for.
    pub fn tick(&mut self, at: Timestamp) {
        self.now = self.now.max(at);
        self.advance();
        if self.wake_at.is_some_and(|due| due <= self.now) {
            self.apply(Event::Timer);
            self.advance();
        }
    }

    /// Writes down what waits to be written; called before every wait, so that nothing waits long.
    pub fn settle(&mut self) {
        if !self.unwritten.is_empty() || !self.unsent.is_empty() || self.failing {
            self.flush();
            self.run_follow();
            self.advance();
        } else if self.now >= self.check_at {
            self.check_at = self.now.plus(Span::SECOND);
            if let Err(error) = self.keeper.check() {
                self.refuse(&error);
                self.run_follow();
                self.advance();
            }
        }
    }

    /// Tries once more to write what the disk refused, without waiting for the time to do so.
    pub(super) fn try_again(&mut self) {
        self.retry_at = self.now;
        self.settle();
    }

    /// Ends this life in order.
    ///
    /// # Errors
    ///
    /// The ledger cannot be written; what it did not take is given back.
    pub fn end(mut self) -> Result<Head, Unwritten> {
        self.settle();
        if let Some(Err(error)) = self.inputs.as_mut().map(Journal::flush) {
            logging::no_journal(&error);
        }
        let run = self.engine.run();
        self.unwritten.push(Entry::Stopped { run });
        let mut entries = std::mem::take(&mut self.unwritten);
        match self.keeper.commit(self.now, &entries) {
            Ok(durable) => Ok(durable.head()),
            Err(cause) => {
                // Whoever reads what is left must not take it for the end of a life in order.
                entries.pop();
                Err(Unwritten { at: self.now, entries, cause })
            }
        }
    }

    /// Gives the engine every answer that is due.
    pub(super) fn advance(&mut self) {
        while let Some(answer) = self.venue.next(self.now) {
            self.apply(Event::Account(answer));
        }
    }

    /// One event through the engine, and what follows from failing to write it down.
    pub(super) fn apply(&mut self, mut event: Event) {
        if let Some(redactor) = &self.redactor {
            redactor.clean(&mut event);
        }
        self.follow.push_back(event);
        self.run_follow();
    }

    fn run_follow(&mut self) {
        while let Some(event) = self.follow.pop_front() {
            if self.unwritten_at != self.now && !self.unwritten.is_empty() {
                let waiting = self.follow.len();
                self.flush();
                if self.follow.len() > waiting {
                    // What the disk has just refused, or takes again, the engine learns before this event.
                    let news = self.follow.split_off(waiting);
                    self.follow.push_front(event);
                    news.into_iter().rev().for_each(|event| self.follow.push_front(event));
                    continue;
                }
            }
            self.seq += 1;
            let stamped = Stamped { seq: Seq(self.seq), at: self.now, event };
            self.unwritten_at = self.now;
            // Every event wakes the engine as well as a timer does; what it wishes for from here on is new.
            self.wake_at = self.wake_at.filter(|due| *due > self.now);
            let mut commands = std::mem::take(&mut self.commands);
            self.engine.apply(&stamped, &mut commands);
            self.note(&stamped, &commands);
            self.take_commands(&mut commands);
            self.commands = commands;
            if !self.unsent.is_empty() {
                self.flush();
            }
        }
    }

    /// Keeps an event and what it led to. A journal that cannot be kept ends; trading does not.
    fn note(&mut self, stamped: &Stamped, commands: &[Command]) {
        let Some(inputs) = self.inputs.as_mut() else { return };
        if let Err(error) = inputs.append(stamped, &command_bytes(commands)) {
            logging::no_journal(&error);
            self.inputs = None;
        }
    }

    fn take_commands(&mut self, commands: &mut Vec<Command>) {
        for command in commands.drain(..) {
            match command {
                Command::Record(entry) => {
                    self.told.push(Arc::new(Notification::Entry(self.now, entry.clone())));
                    self.unwritten.push(entry);
                }
                Command::Submit(order) => self.unsent.push(Send::Submit(order)),
                Command::Cancel { id, symbol } => self.unsent.push(Send::Cancel(id, symbol)),
                Command::Ask { id, symbol } => self.unsent.push(Send::Ask(id, symbol)),
                Command::WakeAt(at) => self.wake_at = Some(self.wake_at.map_or(at, |due| due.min(at))),
                Command::Notice(notice) => self.told.push(Arc::new(Notification::Notice(self.now, notice))),
                Command::Answer(verdict) => self.verdict = Some(verdict),
            }
        }
        if self.unwritten.is_empty() || self.failing {
            self.say();
        }
    }

    /// Says what has happened, in its order, to the log and to whoever listens.
    fn say(&mut self) {
        for told in self.told.iter().skip(self.said) {
            match &**told {
                Notification::Entry(_, entry) => logging::entry(entry),
                Notification::Notice(_, notice) => logging::notice(notice),
            }
        }
        self.told.drain(..self.told.len().saturating_sub(TOLD_MAX));
        self.said = self.told.len();
    }

    /// Group commit: everything that waits goes down in one transaction, then everything that waited for it leaves. A
    /// disk that refused is tried again once a second.
    fn flush(&mut self) {
        if self.failing && self.now < self.retry_at && self.unsent.is_empty() {
            return;
        }
        match self.keeper.commit(self.unwritten_at, &self.unwritten) {
            Ok(durable) => {
                self.unwritten.clear();
                self.halt_latched = false;
                // One that has just failed to be written is on its way to the engine, and not among these.
                if self.engine.halted().is_some() {
                    self.latch.iter_mut().for_each(Latch::clear);
                }
                if self.failing && self.keeper.is_short() {
                    self.retry_at = self.now.plus(Span::SECOND);
                } else if std::mem::take(&mut self.failing) {
                    logging::ledger_works();
                    self.follow.push_back(Event::Link(LinkEvent::LedgerRestored));
                }
                self.say();
                self.release(&durable);
            }
            Err(error) => self.refuse(&error),
        }
    }

    /// Sends what waits. Only a [`Durable`] opens this door.
    fn release(&mut self, _written: &Durable) {
        for send in self.unsent.drain(..) {
            match send {
                Send::Submit(order) => self.venue.submit(self.now, &order),
                Send::Cancel(id, symbol) => self.venue.cancel(self.now, id, symbol),
                Send::Ask(id, symbol) => self.venue.ask(self.now, id, symbol),
            }
        }
    }

    /// What cannot be written is not done: no order leaves, the engine halts, and the entries wait for a better disk. To
    /// end an order, or to ask for one, adds no risk and does not wait.
    fn refuse(&mut self, error: &CommitError) {
        let first = !std::mem::replace(&mut self.failing, true);
        self.fault = error.to_string();
        self.retry_at = self.now.plus(Span::SECOND);
        if first {
            logging::ledger_fails(error);
        }
        self.say();
        for send in self.unsent.drain(..) {
            match send {
                Send::Submit(order) => self.follow.push_back(Event::Account(AccountEvent::Rejected {
                    id: order.get().id,
                    reason: "not sent: the ledger cannot be written".to_owned(),
                })),
                Send::Cancel(id, symbol) => self.venue.cancel(self.now, id, symbol),
                Send::Ask(id, symbol) => self.venue.ask(self.now, id, symbol),
            }
        }
        if first {
            let reason = error.to_string();
            // The first reason stays, and what halted before may not be on disk yet.
            let halt = match self.engine.halted() {
                Some(halt) => Latched { by: halt.by.clone(), reason: halt.reason.clone() },
                None => Latched { by: "engine".to_owned(), reason: reason.clone() },
            };
            let entry = Entry::Halted { by: halt.by.clone(), reason: halt.reason.clone() };
            match self.keeper.latch(self.now, entry) {
                Ok(_durable) => self.halt_latched = true,
                Err(error) => {
                    let remembered = self.latch.as_mut().is_some_and(|latch| latch.set(&halt));
                    logging::not_latched(&error, remembered);
                }
            }
            self.follow.push_back(Event::Link(LinkEvent::LedgerFailed { reason }));
        }
    }
}

impl std::fmt::Debug for Shell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shell").field("seq", &self.seq).field("now", &self.now).finish_non_exhaustive()
    }
}

/// How far a ledger may be ahead of the time: as much as a clock is put back when it is put right.
const AHEAD_MAX: Span = Span::from_secs(5);
/// Things told that wait for somebody to listen.
const TOLD_MAX: usize = 4_096;
