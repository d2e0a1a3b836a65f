//! Where orders go and answers come from.

use crate::domain::{AccountEvent, ClientOrderId, InstrumentId, MarketEvent, NewOrder, Timestamp};
use crate::risk::Approved;
use crate::sim::Sim;

/// An exchange as the shell sees it: it takes what was approved, and answers in its own time.
pub trait Venue {
    /// Sends an order.
    fn submit(&mut self, now: Timestamp, order: &Approved<NewOrder>);

    /// Asks for the end of an order.
    fn cancel(&mut self, now: Timestamp, id: ClientOrderId, symbol: InstrumentId);

    /// Asks what became of an order.
    fn ask(&mut self, now: Timestamp, id: ClientOrderId, symbol: InstrumentId);

    /// Shows what happened in the market, for one that has no market of its own.
    fn observe(&mut self, now: Timestamp, event: &MarketEvent);

    /// The next answer that has come back by `now`, in the order of time.
    fn next(&mut self, now: Timestamp) -> Option<AccountEvent>;

    /// When something happens without further input.
    fn deadline(&self) -> Option<Timestamp>;
}

/// Something that may leave once what stands before it is on disk.
#[derive(Debug)]
pub(super) enum Send {
    Submit(Approved<NewOrder>),
    Cancel(ClientOrderId, InstrumentId),
    Ask(ClientOrderId, InstrumentId),
}

impl Venue for Sim {
    fn submit(&mut self, now: Timestamp, order: &Approved<NewOrder>) {
        Self::submit(self, now, order.get());
    }

    fn cancel(&mut self, now: Timestamp, id: ClientOrderId, symbol: InstrumentId) {
        Self::cancel(self, now, id, symbol);
    }

    fn ask(&mut self, now: Timestamp, id: ClientOrderId, symbol: InstrumentId) {
        Self::ask(self, now, id, symbol);
    }

    fn observe(&mut self, now: Timestamp, event: &MarketEvent) {
        Self::observe(self, now, event);
    }

    fn next(&mut self, now: Timestamp) -> Option<AccountEvent> {
        Self::next(self, now)
    }

    fn deadline(&self) -> Option<Timestamp> {
        Self::deadline(self)
    }
}
