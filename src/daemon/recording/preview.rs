//! The first events of a recording, looked at before it is played: whether it can be.

use std::path::PathBuf;

use crate::config::MarketSettings;
use crate::domain::instrument::is_coin_margined;
use crate::domain::{Market, Timestamp};
use crate::store::{Piece, RecordingReader, ToldMarket};

use super::super::feed::FeedError;
use super::reading::{self, LINES_PER_POLL, in_words};
use super::symbol_counts::{SymbolCounts, names};

/// What the first events of a recording show.
pub(super) struct Preview {
    reader: RecordingReader,
    counts: SymbolCounts,
    whole: bool,
    told: Option<ToldMarket>,
}

impl Preview {
    /// Opens the files.
    pub(super) fn open(files: &[PathBuf], market: &MarketSettings) -> Result<Self, FeedError> {
        let reader = reading::open(files, market.market)?;
        Ok(Self { reader, counts: SymbolCounts::new(&market.symbols), whole: false, told: None })
    }

    /// When the first line was received.
    pub(super) fn begins_at(&mut self) -> Result<Timestamp, FeedError> {
        self.reader.begins_at().map_err(in_words)
    }

    /// Reads on, a bounded piece, and says whether enough has been seen.
    pub(super) fn read_on(&mut self) -> Result<bool, FeedError> {
        for _ in 0..LINES_PER_POLL {
            if self.read_line()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read_line(&mut self) -> Result<bool, FeedError> {
        match self.reader.read_within(1) {
            Ok(Piece::Event(recorded)) => self.counts.note(recorded.event.symbol()),
            Ok(Piece::Lines) => return Ok(false),
            Ok(Piece::End) if self.counts.events() == 0 => {
                return Err(FeedError("the recording has no market events in it; name another file".to_owned()));
            }
            Ok(Piece::End) => self.whole = true,
            Err(error) if self.counts.events() == 0 => return Err(in_words(error)),
            // It is met again when the recording is played.
            Err(_) => return Ok(true),
        }
        self.told = self.reader.told();
        Ok(self.whole || self.counts.events() >= EVENTS_LOOKED_AT)
    }

    /// What there is to say about it, when it can be played.
    pub(super) fn judge(&self, market: &MarketSettings) -> Result<Vec<String>, FeedError> {
        let refuse = |words: String| Err(FeedError(words));
        let configured = market.symbols.iter();
        let found = self.counts.symbols().filter(|_| !self.counts.has_any());
        if let Some(symbol) = configured.chain(found).find(|symbol| is_coin_margined(&symbol.symbol())) {
            return refuse(format!(
                "{symbol} is of coin-margined futures (COIN-M), whose quantities are contracts of a fixed value in dollars and \
                 whose profit is paid in the coin, which is not computed here; name a recording of the spot market or of \
                 USD-M futures"
            ));
        }
        let mut doubts = Vec::new();
        if let Some(told) = self.told.filter(|told| told.market != market.market) {
            let (found, configured) = (name(told.market), name(market.market));
            if told.sure {
                return refuse(format!(
                    "the recording is of {found}, and the configuration of {configured}; write market = \"{}\" under \
                     [market], or name another recording",
                    key(told.market)
                ));
            }
            doubts.push(format!("the recording looks like one of {found}, and the configuration is of {configured}"));
        }
        if self.whole && !self.counts.has_any() {
            return Err(self.counts.nothing());
        }
        let absent = self.counts.absent();
        if !absent.is_empty() {
            let of = if self.whole { "has nothing" } else { "begins with nothing" };
            let (events, absent) = (self.counts.events(), names(&absent));
            doubts.push(format!("the recording {of} of {absent}, in {events} events that were looked at"));
        }
        Ok(doubts)
    }
}

const fn name(market: Market) -> &'static str {
    match market {
        Market::Spot => "the spot market",
        Market::UsdM => "USD-M futures",
    }
}

const fn key(market: Market) -> &'static str {
    match market {
        Market::Spot => "spot",
        Market::UsdM => "usd-m",
    }
}

/// So many events are looked at before a recording is played.
const EVENTS_LOOKED_AT: u64 = 1_000;
