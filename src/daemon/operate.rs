//! An operator's request on its way through the engine and onto the disk.

use crate::api::UnwrittenError;
use crate::domain::{Event, OperatorEvent, OperatorRequest, Timestamp, Verdict};

use super::shell::Shell;

impl Shell {
    /// Takes in what an operator asks for, and returns the engine's verdict once what came of it is on disk.
    ///
    /// # Errors
    ///
    /// It is in force, but the ledger cannot be written.
    pub fn operate(&mut self, at: Timestamp, event: OperatorEvent) -> Result<Verdict, UnwrittenError> {
        // What comes of answers that are due is not the operator's doing.
        self.tick(at);
        let halts = matches!(event.request, OperatorRequest::Halt { .. });
        if halts || matches!(event.request, OperatorRequest::Resume { .. }) {
            // The disk may have room again, or be back: that shows only when it is tried.
            self.try_again();
        }
        self.apply(Event::Operator(event));
        let verdict = self.take_verdict().expect("the engine answers every operator's event");
        self.settle();
        self.advance();
        let is_written = match verdict {
            Verdict::Done if self.is_failing() => false,
            // A halt that was asked for before counts for nothing as long as a restart would not remember it.
            Verdict::Done | Verdict::Already => !halts || self.is_halt_written(),
            Verdict::UnknownOrder | Verdict::UnknownStrategy | Verdict::NoPosition | Verdict::Refused(_) => true,
        };
        if is_written { Ok(verdict) } else { Err(UnwrittenError) }
    }
}
