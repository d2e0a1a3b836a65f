//! Recorded streams as a source.

use std::path::PathBuf;

use crate::config::MarketSettings;
use crate::domain::instrument::is_coin_margined;
use crate::domain::{Event, InstrumentId, Market, Timestamp};
use crate::store::{ReadRecordingError, Recorded, RecordingReader, ToldMarket};

use super::logging;
use super::source::{Source, SourceError};

/// Recorded streams, in the order of their files.
pub struct Recording {
    reader: RecordingReader,
    first: Option<Recorded>,
    seen: Seen,
    over: bool,
}

impl Recording {
    /// Opens the files and looks at the first events: whether they are of the market and the symbols that are configured.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, none with an event in it, one of another market, or of coin-margined futures, or a
    /// recording that has nothing of what is configured.
    pub fn open(files: &[PathBuf], market: &MarketSettings) -> Result<Self, SourceError> {
        let mut reader = RecordingReader::open(files).map_err(said)?.taken_as(market.market);
        let first = reader.next().transpose().map_err(said)?;
        if first.is_none() {
            return Err(SourceError("the recording has no market events in it; name another file".to_owned()));
        }
        for doubt in Look::at(files, market)?.judge(market)? {
            logging::recording_lacks(&doubt);
        }
        Ok(Self { reader, first, seen: Seen::new(&market.symbols), over: false })
    }

    /// The time of the first event.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.first.as_ref().map_or(Timestamp::ZERO, |recorded| recorded.at)
    }

    /// At its end: what of the configured symbols was not there, and what else was.
    fn end(&mut self) -> Option<SourceError> {
        if std::mem::replace(&mut self.over, true) {
            return None;
        }
        if !self.seen.has_any() {
            return Some(self.seen.nothing());
        }
        let absent = self.seen.absent();
        if !absent.is_empty() {
            let (events, absent) = (self.seen.events(), names(&absent));
            logging::recording_lacks(&format!("the recording had nothing of {absent} in all of its {events} events"));
        }
        let others = self.seen.others();
        if !others.is_empty() {
            logging::recording_lacks(&format!("the recording had events of symbols that are not configured: {others}"));
        }
        None
    }
}

impl Source for Recording {
    fn next(&mut self) -> Option<Result<(Timestamp, Event), SourceError>> {
        let recorded = match self.first.take().map(Ok).or_else(|| self.reader.next()) {
            Some(Ok(recorded)) => recorded,
            Some(Err(error)) => return Some(Err(said(error))),
            None => return self.end().map(Err),
        };
        self.seen.note(recorded.event.symbol());
        Some(Ok((recorded.at, Event::Market(recorded.event))))
    }

    fn position(&self) -> Option<(u64, u64)> {
        self.reader.position()
    }
}

/// How many events there were of each symbol, the configured ones in front.
#[derive(Debug)]
struct Seen {
    counts: Vec<(InstrumentId, u64)>,
    configured: usize,
    last: usize,
    beyond: u64,
}

impl Seen {
    fn new(configured: &[InstrumentId]) -> Self {
        let counts = configured.iter().map(|symbol| (*symbol, 0)).collect();
        Self { counts, configured: configured.len(), last: 0, beyond: 0 }
    }

    fn note(&mut self, symbol: InstrumentId) {
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

    /// Configured symbols of which there was nothing.
    fn absent(&self) -> Vec<InstrumentId> {
        self.counts.iter().take(self.configured).filter(|(_, count)| *count == 0).map(|(symbol, _)| *symbol).collect()
    }

    fn events(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum::<u64>() + self.beyond
    }

    fn has_any(&self) -> bool {
        self.absent().len() < self.configured
    }

    /// The symbols that are not configured, with how many events each had.
    fn others(&self) -> String {
        let others = self.counts.iter().skip(self.configured);
        let mut shown: Vec<String> =
            others.clone().take(OTHERS_SHOWN).map(|(symbol, count)| format!("{symbol} ({count})")).collect();
        let rest: u64 = others.skip(OTHERS_SHOWN).map(|(_, count)| count).sum::<u64>() + self.beyond;
        if rest > 0 {
            shown.push(format!("more ({rest})"));
        }
        shown.join(", ")
    }

    fn nothing(&self) -> SourceError {
        let absent = names(&self.absent());
        SourceError(format!(
            "the recording has nothing of {absent}; its events are of {}: name another recording, or these under market.symbols",
            self.others()
        ))
    }
}

/// What the first events of a recording show.
struct Look {
    seen: Seen,
    whole: bool,
    told: Option<ToldMarket>,
}

impl Look {
    fn at(files: &[PathBuf], market: &MarketSettings) -> Result<Self, SourceError> {
        let mut reader = RecordingReader::open(files).map_err(said)?.taken_as(market.market);
        let mut look = Self { seen: Seen::new(&market.symbols), whole: false, told: None };
        for _ in 0..EVENTS_LOOKED_AT {
            match reader.next() {
                Some(Ok(recorded)) => look.seen.note(recorded.event.symbol()),
                // It is met again when the recording is played.
                Some(Err(_)) => break,
                None => {
                    look.whole = true;
                    break;
                }
            }
        }
        look.told = reader.told();
        Ok(look)
    }

    /// What there is to say about it, when it can be played.
    fn judge(self, market: &MarketSettings) -> Result<Vec<String>, SourceError> {
        let refuse = |words: String| Err(SourceError(words));
        let configured = market.symbols.iter();
        let found = self.seen.counts.iter().map(|(symbol, _)| symbol).filter(|_| !self.seen.has_any());
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
        if self.whole && !self.seen.has_any() {
            return Err(self.seen.nothing());
        }
        let absent = self.seen.absent();
        if !absent.is_empty() {
            let of = if self.whole { "has nothing" } else { "begins with nothing" };
            let (events, absent) = (self.seen.events(), names(&absent));
            doubts.push(format!("the recording {of} of {absent}, in {events} events that were looked at"));
        }
        Ok(doubts)
    }
}

fn names(symbols: &[InstrumentId]) -> String {
    symbols.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
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

fn said(error: ReadRecordingError) -> SourceError {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    SourceError(words)
}

/// So many events are looked at before a recording is played.
const EVENTS_LOOKED_AT: u64 = 1_000;
/// So many symbols that are not configured are counted each by itself.
const OTHERS_MAX: usize = 64;
/// So many of them are named in one record.
const OTHERS_SHOWN: usize = 5;
