//! What an operator asked for, judged like any other event.

use tradingbot_domain::snapshot::HaltView;
use tradingbot_domain::{
    AmountError, ClientOrderId, Entry, ExitReason, InstrumentId, OperatorEvent, OrderKind, Purpose, StrategyName,
    Timestamp,
};

use super::{Command, ENGINE, Engine};

impl Engine {
    pub(super) fn on_operator(&mut self, event: &OperatorEvent, out: &mut Vec<Command>) -> Result<(), AmountError> {
        match event {
            OperatorEvent::Halt { by, reason } => self.halt(by, reason, out),
            OperatorEvent::Resume { by, reason } => self.resume(by, reason, out),
            OperatorEvent::Cancel { by, id } => self.cancel(*id, by, out),
            OperatorEvent::Close { by, symbol } => {
                out.push(Command::Record(Entry::CloseAsked { by: by.clone(), symbol: Some(*symbol) }));
                return self.flatten(Some(*symbol), ExitReason::Operator, out);
            }
            OperatorEvent::Flatten { by, reason } => {
                out.push(Command::Record(Entry::CloseAsked { by: by.clone(), symbol: None }));
                return self.flatten(None, *reason, out);
            }
            OperatorEvent::Pause { by, strategy } => self.pause(by, *strategy, true, out),
            OperatorEvent::Unpause { by, strategy } => self.pause(by, *strategy, false, out),
        }
        Ok(())
    }

    /// Sends nothing more; entries that still rest are ended. The first reason stays.
    pub(super) fn halt(&mut self, by: &str, reason: &str, out: &mut Vec<Command>) {
        if self.halt.is_some() {
            return;
        }
        self.halt = Some(HaltView { by: by.to_owned(), reason: reason.to_owned(), since: self.now, written: true });
        out.push(Command::Record(Entry::Halted { by: by.to_owned(), reason: reason.to_owned() }));
        let resting = self.orders.live().filter(|order| order.new.purpose == Purpose::Enter);
        let resting: Vec<_> = resting.map(|order| order.new.id).collect();
        for id in resting {
            self.cancel(id, ENGINE, out);
        }
    }

    /// An entry that turns out to rest although trading is halted, or although its desk is to be left, is ended as those
    /// were that were known to.
    pub(super) fn end_if_unwanted(&mut self, id: ClientOrderId, out: &mut Vec<Command>) {
        let resting = self.orders.get(id).is_some_and(|order| {
            order.new.purpose == Purpose::Enter
                && matches!(order.new.kind, OrderKind::Limit { .. } | OrderKind::PostOnly { .. })
        });
        let parting = self.desks.iter().any(|desk| desk.entering == Some(id) && desk.parting.is_some());
        if resting && (self.halt.is_some() || parting) {
            self.cancel(id, ENGINE, out);
        }
    }

    fn resume(&mut self, by: &str, reason: &str, out: &mut Vec<Command>) {
        if self.halt.take().is_some() {
            out.push(Command::Record(Entry::Resumed { by: by.to_owned(), reason: reason.to_owned() }));
            self.desks.iter_mut().for_each(|desk| desk.exit_due = Timestamp::ZERO);
        }
    }

    fn pause(&mut self, by: &str, name: StrategyName, paused: bool, out: &mut Vec<Command>) {
        let Some(strategy) = self.running.iter_mut().find(|strategy| strategy.name() == name) else { return };
        if strategy.paused != paused {
            strategy.paused = paused;
            let by = by.to_owned();
            out.push(Command::Record(if paused {
                Entry::Paused { by, strategy: name }
            } else {
                Entry::Unpaused { by, strategy: name }
            }));
        }
    }

    fn flatten(
        &mut self,
        symbol: Option<InstrumentId>,
        reason: ExitReason,
        out: &mut Vec<Command>,
    ) -> Result<(), AmountError> {
        for desk in 0..self.desks.len() {
            let held = self.markets.at(self.desks[desk].market).rules.id;
            if symbol.is_none_or(|symbol| symbol == held) {
                self.part(desk, reason, out)?;
            }
        }
        Ok(())
    }
}
