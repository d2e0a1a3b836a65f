//! How many events of each symbol a recording has.

use crate::domain::InstrumentId;

use super::super::feed::FeedError;

/// How many events there were of each symbol, the configured ones in front.
#[derive(Debug)]
pub(super) struct SymbolCounts {
    counts: Vec<(InstrumentId, u64)>,
    configured: usize,
    last: usize,
    beyond: u64,
}

impl SymbolCounts {
    pub(super) fn new(configured: &[InstrumentId]) -> Self {
        let counts = configured.iter().map(|symbol| (*symbol, 0)).collect();
        Self { counts, configured: configured.len(), last: 0, beyond: 0 }
    }

    pub(super) fn note(&mut self, symbol: InstrumentId) {
        if let Some((known, count)) = self.counts.get_mut(self.last)
            && *known == symbol
        {
            *count += 1;
            return;
        }
        match self.counts.iter().position(|(known, _)| *known == symbol) {
            Some(place) => {
                self.last = place;
                self.counts[place].1 += 1;
            }
            None if self.counts.len() < self.configured + OTHERS_MAX => self.counts.push((symbol, 1)),
            None => self.beyond += 1,
        }
    }

    /// Every symbol that was counted, or is configured.
    pub(super) fn symbols(&self) -> impl Iterator<Item = &InstrumentId> {
        self.counts.iter().map(|(symbol, _)| symbol)
    }

    /// Configured symbols of which there was nothing.
    pub(super) fn absent(&self) -> Vec<InstrumentId> {
        self.counts.iter().take(self.configured).filter(|(_, count)| *count == 0).map(|(symbol, _)| *symbol).collect()
    }

    pub(super) fn events(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum::<u64>() + self.beyond
    }

    pub(super) fn has_any(&self) -> bool {
        self.absent().len() < self.configured
    }

    /// The symbols that are not configured, with how many events each had.
    pub(super) fn others(&self) -> String {
        let others = self.counts.iter().skip(self.configured);
        let mut shown: Vec<String> =
            others.clone().take(OTHERS_SHOWN).map(|(symbol, count)| format!("{symbol} ({count})")).collect();
        let rest: u64 = others.skip(OTHERS_SHOWN).map(|(_, count)| count).sum::<u64>() + self.beyond;
        if rest > 0 {
            shown.push(format!("more ({rest})"));
        }
        shown.join(", ")
    }

    pub(super) fn nothing(&self) -> FeedError {
        let absent = names(&self.absent());
        FeedError(format!(
            "the recording has nothing of {absent}; its events are of {}: name another recording, or these under market.symbols",
            self.others()
        ))
    }
}

pub(super) fn names(symbols: &[InstrumentId]) -> String {
    symbols.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// So many symbols that are not configured are counted each by itself.
const OTHERS_MAX: usize = 64;
/// So many of them are named in one record.
const OTHERS_SHOWN: usize = 5;
