//! Recorded streams as a feed.

mod preview;
mod reading;
mod symbol_counts;

use std::path::PathBuf;

use crate::config::MarketSettings;
use crate::domain::{Event, Timestamp};
use crate::store::{Piece, RecordingReader};

use super::feed::{Feed, FeedError, Poll};
use super::logging;
use preview::Preview;
use reading::{LINES_PER_POLL, in_words};
use symbol_counts::{SymbolCounts, names};

/// Recorded streams, in the order of their files, in their own time.
///
/// It opens while it is polled, piece by piece: the first events are looked at, whether they are of the market and the
/// symbols that are configured, and then it is played from its beginning.
pub struct Recording {
    files: Vec<PathBuf>,
    market: MarketSettings,
    start: Timestamp,
    state: State,
    counts: SymbolCounts,
}

enum State {
    Opening(Box<Preview>),
    Playing(Box<RecordingReader>),
    Over,
}

impl Recording {
    /// Opens the files and reads the first line.
    ///
    /// # Errors
    ///
    /// A file that cannot be opened, or whose first line is none of a recording.
    pub fn open(files: &[PathBuf], market: &MarketSettings) -> Result<Self, FeedError> {
        let mut preview = Preview::open(files, market)?;
        let start = preview.begins_at()?;
        let (files, counts) = (files.to_vec(), SymbolCounts::new(&market.symbols));
        Ok(Self { files, market: market.clone(), start, state: State::Opening(Box::new(preview)), counts })
    }

    /// When its first line was received.
    #[must_use]
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// Opens it to the end of what is looked at, however long that takes.
    ///
    /// # Errors
    ///
    /// It cannot be played; see [`Feed::poll`].
    pub fn open_whole(&mut self) -> Result<(), FeedError> {
        while matches!(self.state, State::Opening(_)) {
            self.poll(self.start)?;
        }
        Ok(())
    }

    /// The next event with its time, however many lines tell nothing before it; `None` when there are no more.
    ///
    /// # Errors
    ///
    /// See [`Feed::poll`].
    pub fn next_event(&mut self) -> Result<Option<(Timestamp, Event)>, FeedError> {
        loop {
            match self.poll(self.start)? {
                Poll::Event(at, event) => return Ok(Some((at, event))),
                Poll::Over => return Ok(None),
                // Nothing in a file has to be waited for.
                Poll::Again | Poll::WaitUntil(_) | Poll::Idle => {}
            }
        }
    }

    /// At its end: what of the configured symbols was not there, and what else was.
    fn end(&self) -> Result<Poll, FeedError> {
        if !self.counts.has_any() {
            return Err(self.counts.nothing());
        }
        let absent = self.counts.absent();
        if !absent.is_empty() {
            let (events, absent) = (self.counts.events(), names(&absent));
            logging::recording_lacks(&format!("the recording had nothing of {absent} in all of its {events} events"));
        }
        let others = self.counts.others();
        if !others.is_empty() {
            logging::recording_lacks(&format!("the recording had events of symbols that are not configured: {others}"));
        }
        Ok(Poll::Over)
    }
}

impl Feed for Recording {
    /// # Errors
    ///
    /// While it opens: no event at all, another market, coin-margined futures, or nothing of what is configured. Later: a
    /// line that cannot be taken, a file that cannot be read, or at its end nothing of what is configured.
    fn poll(&mut self, _: Timestamp) -> Result<Poll, FeedError> {
        match &mut self.state {
            State::Playing(reader) => match reader.read_within(LINES_PER_POLL).map_err(in_words)? {
                Piece::Event(recorded) => {
                    self.counts.note(recorded.event.symbol());
                    Ok(Poll::Event(recorded.at, Event::Market(recorded.event)))
                }
                Piece::Lines => Ok(Poll::Again),
                Piece::End => {
                    self.state = State::Over;
                    self.end()
                }
            },
            State::Opening(preview) => {
                if preview.read_on()? {
                    preview.judge(&self.market)?.iter().for_each(|doubt| logging::recording_lacks(doubt));
                    self.state = State::Playing(Box::new(reading::open(&self.files, self.market.market)?));
                }
                Ok(Poll::Again)
            }
            State::Over => Ok(Poll::Over),
        }
    }

    fn waits_for(&self) -> Option<&str> {
        matches!(self.state, State::Opening(_)).then_some("the first events of the recording")
    }

    fn position(&self) -> Option<(u64, u64)> {
        match &self.state {
            State::Playing(reader) => RecordingReader::position(reader),
            State::Opening(_) | State::Over => None,
        }
    }
}
