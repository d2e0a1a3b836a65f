//! One strategy over one instrument: what its rule has seen, and which of its orders are on their way.

use crate::strategy::{SignalRule, StrategySettings, Target};
use tradingbot_domain::{Candle, ClientOrderId, ExitReason, OrderKind, Span, Timestamp};

use crate::engine::execution::Submitted;
use crate::engine::portfolio::Leave;
use crate::engine::{EntryTooSmall, ExitSignal};

use super::signals::Signals;

/// What is to be done at a desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Open a position, if nothing stands against it.
    Enter,
    /// Leave what is held, and go on trying until nothing is.
    Exit,
}

/// One strategy over one instrument.
pub struct Desk {
    signals: Signals,
    /// When its rule's wish to leave is carried out.
    exit_signal: ExitSignal,
    entry_order: Option<ClientOrderId>,
    exit_order: Option<ClientOrderId>,
    /// Why it is to be left: a wish that holds until nothing is held, however often an exit fails.
    pending_exit: Option<ExitReason>,
    /// No exit is tried before then.
    exit_due: Timestamp,
    /// Whether its exit waits for a limit of pace to let it pass.
    awaits_pace: bool,
    /// Whether the rule wished to leave at the open of the interval that comes next.
    exit_signalled: bool,
    /// When it last closed a position.
    closed: Option<Timestamp>,
    /// The first of its entries that was too small for the exchange, once there was one.
    too_small: Option<EntryTooSmall>,
}

impl Desk {
    /// A desk with nothing on it.
    #[must_use]
    pub fn new(settings: &StrategySettings, signals: SignalRule, exit_signal: ExitSignal) -> Self {
        Self {
            signals: Signals::new(settings, signals),
            exit_signal,
            entry_order: None,
            exit_order: None,
            pending_exit: None,
            exit_due: Timestamp::ZERO,
            awaits_pace: false,
            exit_signalled: false,
            closed: None,
            too_small: None,
        }
    }

    /// What its strategy makes of candles.
    #[must_use]
    pub const fn signals(&self) -> &Signals {
        &self.signals
    }

    /// The same, to show it candles.
    #[must_use]
    pub const fn signals_mut(&mut self) -> &mut Signals {
        &mut self.signals
    }

    /// Shows the rule a closed candle. What is to be done for it to hold what it wants, if anything is; `holds` tells whether
    /// it holds a position.
    pub fn on_candle(&mut self, interval: Span, candle: &Candle, holds: impl FnOnce() -> bool) -> Option<Action> {
        match self.signals.on_candle(interval, candle)? {
            Target::Long => {
                // What the rule wished for before, it does not wish for any more.
                if self.pending_exit == Some(ExitReason::ExitSignal) {
                    self.pending_exit = None;
                }
                Some(Action::Enter)
            }
            Target::Flat if !holds() => None,
            Target::Flat if self.exit_signal == ExitSignal::WithInterval => {
                self.exit_signalled = true;
                None
            }
            Target::Flat => Some(Action::Exit),
            Target::Hold => None,
        }
    }

    /// Whether anything is to be done now that a candle is over that its strategy has worked ahead through.
    pub fn is_awaited(&mut self, candle: Timestamp, holds: bool) -> bool {
        match self.signals.answer_to(candle) {
            Some(Target::Long) => !holds || self.pending_exit.is_some(),
            Some(Target::Flat) => holds,
            Some(Target::Hold) | None => false,
        }
    }

    /// Whether an interval may change what is on its way, or how it is judged.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        !self.is_idle() || self.exit_signalled
    }

    /// Whether nothing is on its way to or from it.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.entry_order.is_none() && self.exit_order.is_none()
    }

    /// Its entry that may still trade.
    #[must_use]
    pub const fn entry_order(&self) -> Option<ClientOrderId> {
        self.entry_order
    }

    /// How it is to be left, if it is.
    #[must_use]
    pub fn pending_exit(&self) -> Option<Leave> {
        self.pending_exit.map(|reason| Leave { kind: OrderKind::Market, reason })
    }

    /// Whether its exit is on its way, and its position is to be left for that reason until nothing is held.
    #[must_use]
    pub fn is_being_left(&self, reason: ExitReason) -> bool {
        self.exit_order.is_some() && self.pending_exit == Some(reason)
    }

    /// Whether an exit may be tried now.
    #[must_use]
    pub fn may_exit(&self, now: Timestamp) -> bool {
        self.exit_order.is_none() && now >= self.exit_due
    }

    /// Whether its position was closed less than `cooldown` ago.
    #[must_use]
    pub fn is_cooling(&self, now: Timestamp, cooldown: Span) -> bool {
        self.closed.is_some_and(|closed| now < closed.plus(cooldown))
    }

    /// Whether the rule wished to leave at the open of the interval that is shown now; asked once.
    pub const fn take_exit_signal(&mut self) -> bool {
        std::mem::replace(&mut self.exit_signalled, false)
    }

    /// Takes up the wish to leave; it is tried at once.
    pub const fn plan_exit(&mut self, reason: ExitReason) {
        (self.pending_exit, self.exit_due) = (Some(reason), Timestamp::ZERO);
    }

    /// Takes up the wish to leave from an earlier life.
    pub const fn resume_exit(&mut self) {
        self.pending_exit = Some(ExitReason::Operator);
    }

    /// An entry is on its way.
    pub const fn record_entry(&mut self, id: ClientOrderId) {
        self.entry_order = Some(id);
    }

    /// What became of an exit. What fails is not tried again at once: an exchange bans who keeps asking for what it refuses.
    /// When there is room for it, if it was held back by a limit of pace.
    pub fn record_exit(&mut self, now: Timestamp, reason: ExitReason, submitted: Submitted) -> Option<Timestamp> {
        (self.exit_order, self.exit_due) = match submitted {
            Submitted::Sent(id) => (Some(id), now.plus(EXIT_PAUSE)),
            Submitted::Frozen => (None, now.plus(EXIT_PAUSE)),
            Submitted::Refused => (None, now.plus(REFUSED_EXIT_PAUSE)),
            Submitted::Paced { free_at } => {
                self.awaits_pace = true;
                self.pending_exit.get_or_insert(reason);
                self.exit_order = None;
                self.exit_due = free_at;
                return Some(free_at);
            }
        };
        None
    }

    /// Tries its exit, if one waits for a limit of pace, without waiting longer.
    pub const fn stop_waiting(&mut self) -> Option<ExitReason> {
        if !std::mem::replace(&mut self.awaits_pace, false) {
            return None;
        }
        if self.pending_exit.is_some() {
            self.exit_due = Timestamp::ZERO;
        }
        self.pending_exit
    }

    /// Tries its exit again without waiting.
    pub const fn forget_pause(&mut self) {
        self.exit_due = Timestamp::ZERO;
    }

    /// Takes up an order of an earlier life.
    pub const fn resume_orders(&mut self, entry: Option<ClientOrderId>, exit: Option<ClientOrderId>) {
        if entry.is_some() {
            self.entry_order = entry;
        }
        if exit.is_some() {
            self.exit_order = exit;
        }
    }

    /// An order has ended.
    pub fn release(&mut self, id: ClientOrderId) {
        for slot in [&mut self.entry_order, &mut self.exit_order] {
            *slot = slot.filter(|own| *own != id);
        }
    }

    /// Nothing is held any more; `closed`: when a round trip was closed, if one was.
    pub const fn record_flat(&mut self, closed: Option<Timestamp>) {
        self.pending_exit = None;
        if closed.is_some() {
            (self.exit_signalled, self.closed) = (false, closed);
        }
    }

    /// An entry came to less than the exchange takes. Whether that is the first one.
    pub fn note_too_small(&mut self, entry: &EntryTooSmall) -> bool {
        let first = self.too_small.is_none();
        self.too_small.get_or_insert_with(|| entry.clone());
        first
    }

    /// The first of its entries that was too small.
    #[must_use]
    pub const fn too_small(&self) -> Option<&EntryTooSmall> {
        self.too_small.as_ref()
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("entry_order", &self.entry_order).finish_non_exhaustive()
    }
}

/// Least time between two exits of a desk, and after one that the gate refuses for what will not pass by itself soon.
const EXIT_PAUSE: Span = Span::SECOND;
const REFUSED_EXIT_PAUSE: Span = Span::MINUTE;
