//! The desks: each strategy over each of its instruments, and what keeps it from entering or leaving.

mod desk;
mod signals;

use crate::market::Interval;
use tradingbot_domain::snapshot::{Snapshot, StrategyView, WarmUpView};
use tradingbot_domain::{
    Candle, ClientOrderId, Entry, ExitReason, InstrumentId, Purpose, Span, StrategyName, Timestamp, Verdict,
};

use super::execution::Submitted;
use super::index::{DeskIdx, InstrumentIdx, StrategyIdx, Table};
use super::portfolio::{Leave, Tally};
use super::roster::Roster;
use super::{Command, EntryTooSmall, IntervalRule, Notice};

use desk::Desk;

pub use desk::Action;

/// Every desk of an engine.
#[derive(Debug)]
pub struct Desks {
    desks: Table<DeskIdx, Desk>,
    /// Which strategies take no new positions.
    paused: Table<StrategyIdx, bool>,
    /// When the limits of pace let the next of the exits pass that wait for it.
    exits_due: Option<Timestamp>,
}

impl Desks {
    /// The desks of `roster`, with nothing on them.
    #[must_use]
    pub fn new(roster: &Roster, rule: &dyn IntervalRule) -> Self {
        let desk = |desk: DeskIdx| Desk::new(roster.settings_of(desk), rule.signals(), rule.exit_signal());
        Self {
            desks: roster.desks().map(desk).collect(),
            paused: roster.strategies().map(|_| false).collect(),
            exits_due: None,
        }
    }

    /// The desk in that place.
    #[must_use]
    pub fn at(&self, desk: DeskIdx) -> &Desk {
        &self.desks[desk]
    }

    /// The desk in that place, to change.
    #[must_use]
    pub fn at_mut(&mut self, desk: DeskIdx) -> &mut Desk {
        &mut self.desks[desk]
    }

    /// Shows the rules of an instrument what was before this life; nothing is wished for.
    pub fn warm_up(&mut self, roster: &Roster, instrument: InstrumentIdx, interval: Span, candle: &Candle) {
        for desk in roster.desks_on(instrument) {
            let _target = self.desks[*desk].signals_mut().on_candle(interval, candle);
        }
    }

    /// Lets the strategies of an instrument work ahead through candles; the places of those after which one of them may want
    /// something else are added to `wanted`, ascending.
    pub fn work_ahead(
        &mut self,
        roster: &Roster,
        instrument: InstrumentIdx,
        interval: Span,
        candles: &[Candle],
        wanted: &mut Vec<usize>,
    ) {
        let before = wanted.len();
        for desk in roster.desks_on(instrument) {
            self.desks[*desk].signals_mut().work_ahead(interval, candles, wanted);
        }
        if roster.desks_on(instrument).len() > 1 {
            wanted[before..].sort_unstable();
            wanted.dedup();
        }
    }

    /// Whether nothing stands against an entry of `desk`, prices and limits left out. `holds` tells which desks hold a
    /// position.
    pub fn may_enter(&self, roster: &Roster, now: Timestamp, desk: DeskIdx, holds: impl Fn(DeskIdx) -> bool) -> bool {
        let (strategy, settings) = (roster.seat(desk).strategy, roster.settings_of(desk));
        let own = &self.desks[desk];
        if holds(desk) || !own.is_idle() || self.paused[strategy] || own.is_cooling(now, settings.exits.cooldown) {
            return false;
        }
        let taken = |other: &DeskIdx| holds(*other) || self.desks[*other].entry_order().is_some();
        let open = roster.desks().filter(|other| roster.seat(*other).strategy == strategy).filter(taken).count();
        u32::try_from(open).is_ok_and(|open| open < settings.positions_max)
    }

    /// What became of an exit of `desk`.
    pub fn record_exit(&mut self, now: Timestamp, desk: DeskIdx, reason: ExitReason, submitted: Submitted) {
        if let Some(due) = self.desks[desk].record_exit(now, reason, submitted) {
            self.exits_due = Some(self.exits_due.map_or(due, |earliest| earliest.min(due)));
        }
    }

    /// When the limits of pace let the next of the exits pass that wait for it.
    #[must_use]
    pub const fn exits_due(&self) -> Option<Timestamp> {
        self.exits_due
    }

    /// Tries the exits that wait for a limit of pace with the next event.
    pub fn hasten_exits(&mut self, now: Timestamp) {
        self.exits_due = self.exits_due.map(|_| now);
    }

    /// Whether exits that were held back for pace are due; they come by [`Desks::next_waiting`].
    pub fn take_exits_due(&mut self, now: Timestamp) -> bool {
        let due = self.exits_due.is_some_and(|due| now >= due);
        if due {
            self.exits_due = None;
        }
        due
    }

    /// The next desk whose exit was held back for pace, and how it is left; none any more once one was held back again.
    pub fn next_waiting(&mut self) -> Option<(DeskIdx, Leave)> {
        if self.exits_due.is_some() {
            return None;
        }
        self.desks.places().find_map(|desk| {
            self.desks[desk].stop_waiting()?;
            Some((desk, self.desks[desk].pending_exit()?))
        })
    }

    /// Tries every exit again without waiting.
    pub fn forget_pauses(&mut self) {
        self.desks.rows_mut().for_each(Desk::forget_pause);
    }

    /// An order has ended.
    pub fn release(&mut self, id: ClientOrderId) {
        self.desks.rows_mut().for_each(|desk| desk.release(id));
    }

    /// Whether the desk of that entry is to be left.
    #[must_use]
    pub fn is_left(&self, entry: ClientOrderId) -> bool {
        self.desks.rows().any(|desk| desk.entry_order() == Some(entry) && desk.pending_exit().is_some())
    }

    /// An entry of `desk` came to less than the exchange takes; said once.
    pub fn note_too_small(&mut self, desk: DeskIdx, entry: EntryTooSmall, out: &mut Vec<Command>) {
        if self.desks[desk].note_too_small(&entry) {
            out.push(Command::Notice(Notice::EntryTooSmall(entry)));
        }
    }

    /// Lets a strategy take no new positions, or take them again.
    pub fn pause(
        &mut self,
        roster: &Roster,
        by: &str,
        name: StrategyName,
        paused: bool,
        out: &mut Vec<Command>,
    ) -> Verdict {
        let Some(strategy) = roster.strategy_named(name) else { return Verdict::UnknownStrategy };
        if std::mem::replace(&mut self.paused[strategy], paused) == paused {
            return Verdict::Already;
        }
        let by = by.to_owned();
        out.push(Command::Record(if paused {
            Entry::Paused { by, strategy: name }
        } else {
            Entry::Unpaused { by, strategy: name }
        }));
        Verdict::Done
    }

    /// Takes up one entry of an earlier life. `holds` tells which desks hold a position.
    pub fn restore(&mut self, roster: &Roster, entry: &Entry, holds: impl Fn(DeskIdx) -> bool) {
        match entry {
            Entry::Intended { order } => {
                if let Some(desk) = roster.desk_of(order.strategy, order.symbol) {
                    let (entry, exit) = match order.purpose {
                        Purpose::Enter => (Some(order.id), None),
                        Purpose::Exit(_) => (None, Some(order.id)),
                    };
                    self.desks[desk].resume_orders(entry, exit);
                }
            }
            Entry::Paused { strategy, .. } | Entry::Unpaused { strategy, .. } => {
                if let Some(strategy) = roster.strategy_named(*strategy) {
                    self.paused[strategy] = matches!(entry, Entry::Paused { .. });
                }
            }
            Entry::CloseAsked { symbol, .. } => self.resume_exits(roster, *symbol, holds),
            Entry::Started { .. }
            | Entry::Stopped { .. }
            | Entry::Deposited { .. }
            | Entry::Accepted { .. }
            | Entry::Filled { .. }
            | Entry::CancelAsked { .. }
            | Entry::Unanswered { .. }
            | Entry::Ended { .. }
            | Entry::Halted { .. }
            | Entry::Resumed { .. }
            | Entry::Closed { .. }
            | Entry::Guarded { .. }
            | Entry::Marked { .. }
            | Entry::Migrated { .. } => {}
        }
    }

    fn resume_exits(&mut self, roster: &Roster, symbol: Option<InstrumentId>, holds: impl Fn(DeskIdx) -> bool) {
        for desk in roster.desks().filter(|desk| symbol.is_none_or(|symbol| roster.rules_of(*desk).id == symbol)) {
            if holds(desk) || !self.desks[desk].is_idle() {
                self.desks[desk].resume_exit();
            }
        }
    }

    /// Shows the strategies. `is_heard` tells which markets anything was heard of, and `tally_of` what they have closed.
    pub fn show<'t>(
        &self,
        roster: &Roster,
        now: Timestamp,
        is_heard: impl Fn(InstrumentIdx) -> bool,
        tally_of: impl Fn(StrategyIdx) -> &'t Tally,
        view: &mut Snapshot,
    ) {
        view.entries_too_small = self.desks.rows().filter_map(Desk::too_small).map(ToString::to_string).collect();
        for (strategy, settings) in roster.strategies() {
            let Tally { profit, closed, won } = *tally_of(strategy);
            view.strategies.push(StrategyView {
                name: settings.name,
                kind: settings.rule.name().to_owned(),
                symbols: settings.symbols.clone(),
                interval: settings.interval,
                paused: self.paused[strategy],
                profit,
                closed,
                won,
                warming_up: self.warming_up(roster, strategy, now, &is_heard),
            });
        }
    }

    /// The instruments on which a strategy has not seen enough candles to enter.
    fn warming_up(
        &self,
        roster: &Roster,
        strategy: StrategyIdx,
        now: Timestamp,
        is_heard: impl Fn(InstrumentIdx) -> bool,
    ) -> Vec<WarmUpView> {
        let own = roster.desks().filter(|desk| roster.seat(*desk).strategy == strategy);
        let view = |desk: DeskIdx| {
            let (seen, left) = self.desks[desk].signals().warmed_up();
            let known = seen > 0 || is_heard(roster.seat(desk).instrument);
            (left > 0).then(|| WarmUpView {
                symbol: roster.rules_of(desk).id,
                seen,
                needed: seen.saturating_add(left),
                ready: self.candles_end(desk, left, now).filter(|_| known),
            })
        };
        own.filter_map(view).collect()
    }

    /// When `left` more candles of a desk are over: the one that is being traded now is the next.
    fn candles_end(&self, desk: DeskIdx, left: u32, now: Timestamp) -> Option<Timestamp> {
        let (interval, next) = self.desks[desk].signals().next_open();
        let interval = Interval::try_from(interval).ok()?;
        let open = next.map_or(now, |next| next.max(now));
        let rest = interval.span().nanos().checked_mul(i64::from(left))?;
        Some(interval.start(open).plus(Span::from_nanos(rest)))
    }
}
