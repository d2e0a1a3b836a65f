//! CORE: the engine; takes one event at a time and says what must be done, and does nothing itself.

mod command;
mod desks;
mod entry;
mod execution;
mod index;
mod interval;
mod markets;
mod moment;
mod operate;
mod past;
mod portfolio;
mod roster;
mod setup;
mod trader;

use tradingbot_domain::snapshot::{HaltView, Snapshot};
use tradingbot_domain::{
    AmountError, Entry, Event, InstrumentId, Limits, LinkEvent, MarketEvent, OrderSeries, Price, RunId, Stamped,
    Timestamp,
};

pub use command::{Command, EntryTooSmall, Notice};
pub use index::InstrumentIdx;
pub use interval::{ExitSignal, IntervalRule, Judged, PastInterval, Strict};
pub use past::Past;
pub use portfolio::{Account, Leave, Position, StopTracker};
pub use setup::{RestoreError, Setup};

use markets::{Gap, Markets};
use moment::Moment;
use operate::operate;
use roster::Roster;
use trader::Trader;

/// Turns events into commands. Reads no clock, draws no random number, opens nothing.
#[derive(Debug)]
pub struct Engine {
    roster: Roster,
    markets: Markets,
    trader: Trader,
    now: Timestamp,
    /// When this life began; what the market did before only warms the rules up.
    began: Timestamp,
    /// When the driver was asked to call back.
    wake_at: Option<Timestamp>,
}

impl Engine {
    /// An engine that knows nothing yet; a ledger's entries may be shown to it with [`Engine::restore`].
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let roster = Roster::new(&setup);
        Self {
            markets: Markets::new(&roster),
            trader: Trader::new(&roster, &setup),
            roster,
            now: Timestamp::ZERO,
            began: Timestamp::ZERO,
            wake_at: None,
        }
    }

    /// Takes one event in and appends what must be done. A market's event from before this life warms the rules up, and
    /// nothing is done for it.
    pub fn apply(&mut self, stamped: &Stamped, out: &mut Vec<Command>) {
        if stamped.at < self.began && matches!(stamped.event, Event::Market(_) | Event::Link(_)) {
            return self.warm_up(&stamped.event);
        }
        self.now = self.now.max(stamped.at);
        self.trader.on_event(stamped.seq, self.now, out);
        // In front of what the event may enter: whoever waits to leave is served first.
        let retried = match &stamped.event {
            Event::Market(_) | Event::Timer => self.with_moment(|trader, at| trader.retry_exits(at, out)),
            Event::Account(_) | Event::Operator(_) | Event::Link(_) => Ok(()),
        };
        let applied = match &stamped.event {
            Event::Market(event) => self.on_market(event, out),
            Event::Account(event) => self.with_moment(|trader, at| trader.on_account(at, event, out)),
            Event::Operator(event) => self.with_moment(|trader, at| operate(trader, at, event, out)),
            Event::Link(event) => {
                self.on_link(event, out);
                Ok(())
            }
            Event::Timer => Ok(()),
        };
        if let Err(AmountError::Overflow | AmountError::DivisionByZero) = retried.and(applied) {
            out.push(Command::Notice(Notice::Overflow));
            self.trader.halt(self.now, "an amount is too large to compute with", out);
        }
        self.trader.mark(self.now, out);
        if self.wake_at.is_some_and(|at| self.now >= at) {
            self.trader.execution_mut().wake(self.now, out);
        }
        self.ask_to_be_woken(out);
    }

    /// Why nothing is sent; `None` while trading.
    #[must_use]
    pub const fn halted(&self) -> Option<&HaltView> {
        self.trader.execution().halted()
    }

    /// Whether an order of `symbol` waits for its outcome.
    #[must_use]
    pub fn is_frozen(&self, symbol: InstrumentId) -> bool {
        self.trader.execution().orders().is_frozen(symbol)
    }

    /// Judges by other limits from now on; what has been counted stays counted.
    pub fn set_limits(&mut self, limits: Limits) {
        self.trader.execution_mut().gate_mut().set_limits(limits);
        self.trader.hasten_exits(self.now);
    }

    /// Holds no exit back for its pace or its least value: for drivers with past candles alone.
    pub const fn let_exits_pass(&mut self) {
        self.trader.execution_mut().gate_mut().let_exits_pass();
    }

    /// Says which life this is, once its ledger has told of the earlier ones, and what its order ids have in common.
    pub const fn begin(&mut self, run: RunId, series: OrderSeries) {
        self.trader.execution_mut().begin(run, series);
    }

    /// When this life began; what the market did before only warms the rules up.
    #[must_use]
    pub const fn began(&self) -> Timestamp {
        self.began
    }

    /// Which life this is.
    #[must_use]
    pub const fn run(&self) -> RunId {
        self.trader.execution().run()
    }

    /// What is held and what it is worth.
    #[must_use]
    pub const fn account(&self) -> &Account {
        self.trader.portfolio().account()
    }

    /// Whether any strategy holds anything.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.trader.portfolio().is_holding()
    }

    /// Whether any strategy holds `symbol` and, if so, since when the oldest of its positions.
    #[must_use]
    pub fn held_since(&self, symbol: InstrumentId) -> Option<Timestamp> {
        self.trader.portfolio().held_since(&self.roster, symbol)
    }

    /// For a driver that knows the candles to come.
    pub const fn past(&mut self) -> Past<'_> {
        Past::new(&self.roster, &mut self.markets, self.trader.past())
    }

    /// Takes up one entry of an earlier life.
    ///
    /// # Errors
    ///
    /// [`RestoreError`].
    pub fn restore(&mut self, at: Timestamp, entry: &Entry) -> Result<(), RestoreError> {
        self.now = self.now.max(at);
        Ok(self.trader.restore(&self.roster, at, entry)?)
    }

    /// Ends the restoring, and begins this life at `now`: whether orders of the earlier life still live is unknown until the
    /// exchange is asked.
    pub fn recover(&mut self, now: Timestamp, out: &mut Vec<Command>) {
        self.now = self.now.max(now);
        self.began = self.now;
        self.trader.recover(self.now, out);
        self.ask_to_be_woken(out);
    }

    /// One consistent picture for whoever looks on, after the last event.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut view = Snapshot { at: self.now, ..Snapshot::default() };
        self.trader.show(self.moment(), &mut view);
        let staleness_max = self.trader.execution().gate().limits().staleness_max;
        view.markets = self.markets.views(&self.roster, self.now, staleness_max);
        view
    }

    fn on_market(&mut self, event: &MarketEvent, out: &mut Vec<Command>) -> Result<(), AmountError> {
        let Some(instrument) = self.markets.find(event.symbol()) else { return Ok(()) };
        if !matches!(event, MarketEvent::Range { .. }) {
            self.markets.hear(self.now, instrument, event);
        }
        match event {
            MarketEvent::Trade(trade) => {
                self.on_price(instrument, trade.price)?;
                let formed = self.markets.form_candles(instrument, trade);
                while let Some((interval, candle)) = self.markets.next_closed() {
                    self.with_moment(|trader, at| trader.on_candle(at, instrument, interval, &candle, out))?;
                }
                formed?;
                self.with_moment(|trader, at| trader.watch(at, instrument, trade.price, out))
            }
            MarketEvent::Quote(_) | MarketEvent::Book(_) | MarketEvent::Depth(_) => {
                if let Some(Gap { missed }) = self.markets.update_book(instrument, event) {
                    out.push(Command::Notice(Notice::FeedGap { symbol: event.symbol(), missed }));
                }
                Ok(())
            }
            MarketEvent::Candle { interval, candle, last, .. } => {
                self.on_price(instrument, *last)?;
                self.with_moment(|trader, at| trader.on_candle(at, instrument, *interval, candle, out))
            }
            MarketEvent::Range { candle, .. } => {
                self.with_moment(|trader, at| trader.on_interval(at, instrument, candle, out))
            }
        }
    }

    fn on_price(&mut self, instrument: InstrumentIdx, price: Price) -> Result<(), AmountError> {
        self.markets.record_price(instrument, price);
        self.trader.revalue(instrument, price)
    }

    fn on_link(&mut self, event: &LinkEvent, out: &mut Vec<Command>) {
        self.markets.on_link(event);
        out.push(Command::Notice(match event {
            LinkEvent::Up => Notice::FeedUp,
            LinkEvent::Down => Notice::FeedDown,
            LinkEvent::Gap { symbol, missed } => Notice::FeedGap { symbol: *symbol, missed: *missed },
            LinkEvent::LedgerFailed { reason } => {
                return self.trader.execution_mut().on_ledger_failed(self.now, reason, out);
            }
            LinkEvent::LedgerRestored => return self.trader.execution_mut().on_ledger_restored(),
        }));
    }

    /// Takes in what the market did before this life: rules see its candles and the book is followed, but no price counts,
    /// nothing is decided and nothing is said.
    fn warm_up(&mut self, event: &Event) {
        match event {
            Event::Market(event) => {
                let Some(instrument) = self.markets.find(event.symbol()) else { return };
                if let MarketEvent::Candle { interval, candle, .. } = event {
                    self.trader.warm_up(&self.roster, instrument, *interval, candle);
                }
                self.markets.warm_up(instrument, event);
                while let Some((interval, candle)) = self.markets.next_closed() {
                    self.trader.warm_up(&self.roster, instrument, interval, &candle);
                }
            }
            Event::Link(event) => self.markets.on_link(event),
            Event::Account(_) | Event::Operator(_) | Event::Timer => {}
        }
    }

    /// Asks to be called back when something is due, unless that was asked for.
    fn ask_to_be_woken(&mut self, out: &mut Vec<Command>) {
        self.wake_at = self.wake_at.filter(|at| *at > self.now);
        if let Some(due) = self.trader.due().filter(|due| self.wake_at.is_none_or(|at| *due < at)) {
            self.wake_at = Some(due);
            out.push(Command::WakeAt(due));
        }
    }

    const fn moment(&self) -> Moment<'_> {
        Moment { now: self.now, roster: &self.roster, markets: &self.markets }
    }

    fn with_moment<T>(&mut self, act: impl FnOnce(&mut Trader, Moment<'_>) -> T) -> T {
        act(&mut self.trader, Moment { now: self.now, roster: &self.roster, markets: &self.markets })
    }
}

/// Who asked, when nobody but the engine did.
const ENGINE: &str = "engine";
