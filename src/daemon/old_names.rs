//! Names of instruments in ledgers of before spot and perpetuals had different ones.

use crate::domain::{Entry, Instrument, Market};

/// Reads the entries of a ledger, oldest first, with the names they would have today.
///
/// Runs that drew no tag for their order ids wrote a perpetual by its symbol alone. A bot that trades nothing but perpetuals
/// takes such names for its own; what a later run wrote means what it says.
#[derive(Debug)]
pub(super) struct OldNames {
    are_perpetuals: bool,
}

impl OldNames {
    /// As a bot that trades these reads them.
    pub(super) fn of(instruments: &[Instrument]) -> Self {
        Self { are_perpetuals: instruments.iter().all(|rules| rules.id.market() == Market::UsdM) }
    }

    /// The next entry.
    pub(super) fn read(&mut self, entry: Entry) -> Entry {
        if matches!(entry, Entry::Started { tag: Some(_), .. }) {
            self.are_perpetuals = false;
        }
        if self.are_perpetuals { entry.read_in(Market::UsdM) } else { entry }
    }
}
