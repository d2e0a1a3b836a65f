//! All that is outside the shell: the exchange, which lives on, and the disk. Bugs are planted on the way there.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::fmt::Debug;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};
use tradingbot::daemon::{Keeper, Venue};
use tradingbot::domain::{
    AccountEvent, ClientOrderId, Entry, InstrumentId, MarketEvent, NewOrder, Outcome, Purpose, Qty, Timestamp, TradeId,
};
use tradingbot::ledger::{CommitError, Durable, Head, ReadError};
use tradingbot::market::Random;
use tradingbot::risk::Approved;
use tradingbot::sim::Sim;

use super::auditor::Auditor;
use super::bug::Bug;
use super::disk::Disk;
use super::plan::Plan;
use super::say;
use super::tally::{Point, Tally};

/// What unwinds when a life is cut off.
pub struct Crash;

/// The exchange, the disk and whoever looks on.
pub struct World {
    pub sim: Sim,
    pub disk: Disk,
    pub auditor: Auditor,
    pub tally: Tally,
    /// So many points of the shell's way until it is cut off.
    pub fuse: Option<u64>,
    dice: Random,
    /// Whether to say all that is written, sent and heard.
    aloud: bool,
    wire: Sha256,
    bug: Option<Bug>,
    unwritten: Vec<(Timestamp, Vec<Entry>)>,
    forged: VecDeque<AccountEvent>,
    waiting: VecDeque<AccountEvent>,
    orders: Vec<NewOrder>,
    cancelled: BTreeSet<ClientOrderId>,
}

impl World {
    pub fn new(plan: &Plan, dice: Random, bug: Option<Bug>, only: Option<&'static str>) -> Self {
        Self {
            sim: Sim::new(plan.sim.clone()),
            disk: Disk::new(plan.on_file),
            auditor: Auditor::new(&plan.setup, only),
            tally: Tally::default(),
            fuse: None,
            dice,
            aloud: std::env::var_os("TRADINGBOT_TRACE").is_some(),
            wire: Sha256::new(),
            bug,
            unwritten: Vec::new(),
            forged: VecDeque::new(),
            waiting: VecDeque::new(),
            orders: Vec::new(),
            cancelled: BTreeSet::new(),
        }
    }

    /// Everything that was written and sent, in 64 bytes.
    pub fn bytes(&self) -> ([u8; 32], [u8; 32]) {
        // Not the chain's own hash: in a file every entry has a salt that is drawn.
        let mut kept = Sha256::new();
        for (at, entry) in self.disk.entries() {
            kept.update(at.nanos().to_be_bytes());
            kept.update(serde_json::to_vec(&entry).unwrap());
        }
        (kept.finalize().into(), self.wire.clone().finalize().into())
    }

    /// Cuts the life off here.
    pub fn crash(&mut self, point: Point) -> ! {
        self.tally.crash(point);
        self.tell("crashed", Timestamp::ZERO, &point);
        self.fuse = None;
        resume_unwind(Box::new(Crash))
    }

    /// The life that was has ended: the driver's own memory is gone.
    pub fn forget(&mut self) {
        self.unwritten.clear();
        self.forged.clear();
        self.waiting.clear();
    }

    /// Whether the exchange has nothing on its way, there or back.
    pub fn is_quiet(&self) -> bool {
        self.sim.deadline().is_none() && self.forged.is_empty() && self.waiting.is_empty()
    }

    fn tell(&self, what: &str, at: Timestamp, value: &dyn Debug) {
        if self.aloud {
            say(&format!("{what} {}: {value:?}", at.nanos()));
        }
    }

    fn is(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// One more point has been passed. Whether the life ends here.
    fn burns(&mut self) -> bool {
        match &mut self.fuse {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    fn cut(&mut self, point: Point) {
        if self.burns() {
            self.crash(point);
        }
    }

    fn commit(&mut self, at: Timestamp, entries: &[Entry]) -> Result<Durable, CommitError> {
        let burns = self.burns();
        if burns {
            match self.dice.below(3) {
                0 => self.crash(Point::BeforeCommit),
                1 if !self.disk.full => {
                    self.disk.tear(at, entries, &mut self.dice);
                    self.crash(Point::TornCommit);
                }
                _ => {}
            }
        }
        if self.is(Bug::SendBeforeWrite) {
            for (at, entries) in std::mem::take(&mut self.unwritten) {
                let _durable = self.write(at, &entries)?;
            }
            self.unwritten.push((at, entries.to_vec()));
            return Ok(self.disk.pretend(at));
        }
        let durable = match self.write(at, entries) {
            Err(_) if self.is(Bug::DiskErrorSwallowed) => self.disk.pretend(at),
            result => result?,
        };
        if burns {
            self.crash(Point::AfterCommit);
        }
        Ok(durable)
    }

    fn write(&mut self, at: Timestamp, entries: &[Entry]) -> Result<Durable, CommitError> {
        let result = self.disk.commit(at, entries, &mut self.dice);
        match &result {
            Ok(_) => self.wrote(at, entries),
            Err(_) => self.tally.commits_failed += 1,
        }
        result
    }

    /// Entries are on disk.
    fn wrote(&mut self, at: Timestamp, entries: &[Entry]) {
        self.tell("wrote", at, &entries);
        self.auditor.wrote(entries);
        for entry in entries {
            self.tally.entries += 1;
            match entry {
                Entry::Filled { .. } => self.tally.fills += 1,
                Entry::Closed { .. } => self.tally.trips += 1,
                Entry::Halted { .. } => self.tally.halts += 1,
                _ => {}
            }
        }
    }

    fn submit(&mut self, now: Timestamp, order: &NewOrder) {
        let mut order = order.clone();
        if self.is(Bug::ExitTooLarge) && order.purpose != Purpose::Enter {
            order.qty = order.qty.plus(order.qty).unwrap();
        }
        if self.is(Bug::OpenOrdersIgnored) {
            let (outcome, reason) = (Outcome::Cancelled, String::new());
            self.forged.push_back(AccountEvent::Ended { id: order.id, outcome, filled: Qty::ZERO, reason });
        }
        if self.is(Bug::DoubleSend) {
            self.orders.push(order.clone());
        }
        self.send(now, &order);
        self.cut(Point::AfterSend);
    }

    fn send(&mut self, now: Timestamp, order: &NewOrder) {
        self.tell("sent", now, order);
        self.tally.orders += 1;
        self.wire.update(format!("{now:?} {order:?}\n"));
        self.auditor.sends(now, order);
        self.sim.submit(now, order);
    }

    fn cancel(&mut self, now: Timestamp, id: ClientOrderId, symbol: InstrumentId) {
        self.tell("asked to cancel", now, &id);
        self.wire.update(format!("{now:?} cancel {id}\n"));
        self.cancelled.insert(id);
        self.sim.cancel(now, id, symbol);
        self.cut(Point::AfterSend);
    }

    fn ask(&mut self, now: Timestamp, id: ClientOrderId, symbol: InstrumentId) {
        self.tell("asked for", now, &id);
        self.wire.update(format!("{now:?} ask {id}\n"));
        self.sim.ask(now, id, symbol);
        self.cut(Point::AfterSend);
    }

    fn next(&mut self, now: Timestamp) -> Option<AccountEvent> {
        if let Some(forged) = self.forged.pop_front() {
            return Some(forged);
        }
        loop {
            let event = self.answer(now)?;
            self.cut(Point::BeforeAnswer);
            self.tell("heard", now, &event);
            self.auditor.hears(now, &event);
            if let Some(event) = self.bent(now, event) {
                return Some(event);
            }
        }
    }

    /// The next answer that has come; of several at once the first, unless chance decides.
    fn answer(&mut self, now: Timestamp) -> Option<AccountEvent> {
        if !self.is(Bug::Unordered) {
            return self.sim.next(now);
        }
        while let Some(event) = self.sim.next(now) {
            self.waiting.push_back(event);
        }
        if self.waiting.len() > 1 && CHANCE.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) {
            self.waiting.swap(0, 1);
        }
        self.waiting.pop_front()
    }

    /// An answer as a driver with a bug would hand it on.
    fn bent(&mut self, now: Timestamp, event: AccountEvent) -> Option<AccountEvent> {
        let Some(bug) = self.bug else { return Some(event) };
        match (bug, event) {
            (Bug::DoubleSend, AccountEvent::Unanswered { id }) => {
                if let Some(order) = self.orders.iter().find(|order| order.id == id).cloned() {
                    self.send(now, &order);
                }
                Some(AccountEvent::Unanswered { id })
            }
            (Bug::FillTwice, AccountEvent::Filled(fill)) => {
                let mut again = fill.clone();
                again.trade = TradeId(fill.trade.0 + (1 << 40));
                self.forged.push_back(AccountEvent::Filled(again));
                Some(AccountEvent::Filled(fill))
            }
            (Bug::FillLostOnCancel, AccountEvent::Filled(fill)) if self.cancelled.contains(&fill.order) => None,
            (Bug::UnknownAsRejected, AccountEvent::Unanswered { id }) => {
                Some(AccountEvent::Rejected { id, reason: "timed out".to_owned() })
            }
            (Bug::DenialBelieved, AccountEvent::NotFound { id }) => {
                let (outcome, reason) = (Outcome::NeverPlaced, String::new());
                Some(AccountEvent::Ended { id, outcome, filled: Qty::ZERO, reason })
            }
            (_, event) => Some(event),
        }
    }
}

/// The world as the shell holds it.
#[derive(Clone)]
pub struct Handle(pub Rc<RefCell<World>>);

impl Keeper for Handle {
    fn each(&self, visit: &mut dyn FnMut(Timestamp, Entry)) -> Result<(), ReadError> {
        let world = self.0.borrow();
        for (at, entry) in world.disk.entries() {
            if !(world.is(Bug::HaltForgotten) && matches!(entry, Entry::Halted { .. })) {
                visit(at, entry);
            }
        }
        Ok(())
    }

    fn commit(&mut self, at: Timestamp, entries: &[Entry]) -> Result<Durable, CommitError> {
        self.0.borrow_mut().commit(at, entries)
    }

    fn is_short(&self) -> bool {
        !self.0.borrow().disk.room
    }

    fn head(&self) -> Head {
        self.0.borrow().disk.head()
    }
}

impl Venue for Handle {
    fn submit(&mut self, now: Timestamp, order: &Approved<NewOrder>) {
        self.0.borrow_mut().submit(now, order.get());
    }

    fn cancel(&mut self, now: Timestamp, id: ClientOrderId, symbol: InstrumentId) {
        self.0.borrow_mut().cancel(now, id, symbol);
    }

    fn ask(&mut self, now: Timestamp, id: ClientOrderId, symbol: InstrumentId) {
        self.0.borrow_mut().ask(now, id, symbol);
    }

    /// This exchange has a market of its own.
    fn observe(&mut self, _now: Timestamp, _event: &MarketEvent) {}

    fn next(&mut self, now: Timestamp) -> Option<AccountEvent> {
        self.0.borrow_mut().next(now)
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.0.borrow().sim.deadline()
    }
}

static CHANCE: AtomicU64 = AtomicU64::new(0);
