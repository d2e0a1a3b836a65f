//! What an operator asks for, and what came of it.

use crate::api::Verdict;
use crate::domain::{Event, OperatorEvent, Timestamp};
use crate::engine::Notice;

use super::notification::Notification;
use super::shell::Shell;

impl Shell {
    /// Takes in what an operator asked for, and returns once what came of it is on disk.
    pub fn operate(&mut self, at: Timestamp, event: OperatorEvent) -> Verdict {
        // What comes of answers that are due is not the operator's doing.
        self.tick(at);
        match event {
            // The disk may have room again, or be back: that shows only when it is tried.
            OperatorEvent::Halt { .. } | OperatorEvent::Resume { .. } => self.try_again(),
            OperatorEvent::Cancel { .. }
            | OperatorEvent::Close { .. }
            | OperatorEvent::Flatten { .. }
            | OperatorEvent::Pause { .. }
            | OperatorEvent::Unpause { .. } => {}
        }
        let halts = matches!(event, OperatorEvent::Halt { .. });
        if let Some(verdict) = self.foresee(&event) {
            return verdict;
        }
        let before = self.told_count();
        self.apply(Event::Operator(event));
        let refused = self.notifications_since(before).find_map(|told| match told {
            // What only has to wait is tried again.
            Notification::Notice(_, Notice::Refused { refusal, .. }) if !refusal.passes() => Some(refusal.to_string()),
            Notification::Notice(..) | Notification::Entry(..) => None,
        });
        let changed = self.told_count() != before;
        self.settle();
        self.advance();
        match refused {
            Some(reason) => Verdict::Refused { reason },
            // A halt that was asked for before is not done either as long as a restart would not remember it.
            None if (changed && self.is_failing()) || (halts && !self.is_halt_written()) => Verdict::Refused {
                reason: "it is in force, but cannot be written down: the ledger cannot be written".to_owned(),
            },
            None if changed => Verdict::Done,
            None => Verdict::Already,
        }
    }

    /// The answer where there is nothing to do.
    fn foresee(&self, event: &OperatorEvent) -> Option<Verdict> {
        let known = self.snapshot();
        let refused = |reason: &str| Some(Verdict::Refused { reason: reason.to_owned() });
        match event {
            OperatorEvent::Halt { .. } => None,
            OperatorEvent::Resume { .. } if self.is_failing() => {
                refused("the ledger cannot be written; make room on its disk first")
            }
            OperatorEvent::Resume { .. } => None,
            OperatorEvent::Cancel { id, .. } => {
                known.orders.iter().all(|order| order.new.id != *id).then_some(Verdict::Absent)
            }
            OperatorEvent::Close { symbol, .. } => {
                let held = known.positions.iter().any(|position| position.symbol == *symbol);
                match (held, known.halt.is_some()) {
                    (false, _) => Some(Verdict::Absent),
                    (true, true) => refused("trading is halted, and nothing leaves until it is resumed"),
                    (true, false) => None,
                }
            }
            OperatorEvent::Flatten { .. } if known.halt.is_some() => {
                refused("trading is halted, and nothing leaves until it is resumed")
            }
            OperatorEvent::Flatten { .. } => None,
            OperatorEvent::Pause { strategy, .. } | OperatorEvent::Unpause { strategy, .. } => {
                known.strategies.iter().all(|running| running.name != *strategy).then_some(Verdict::Absent)
            }
        }
    }
}
