//! Why a recording was refused.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::LINE_BYTES_MAX;
use crate::binance::DecodeError;
use crate::domain::{Market, Span, Symbol, Timestamp};
use crate::store::{LineFault, Place};

/// A recording that was refused, from the line on that is named; what came before it was good.
#[derive(Debug, Error)]
pub enum ReadRecordingError {
    /// No file was given.
    #[error("no recording was named")]
    NoFile,
    /// The file cannot be opened.
    #[error("{} cannot be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file opens but cannot be read to its end.
    #[error("{place}: the file cannot be read further; if it is packed it may be cut off or damaged: fetch it again")]
    Read {
        /// Where reading stopped.
        place: Place,
        /// What the operating system or the unpacker says.
        source: io::Error,
    },
    /// There is not one line.
    #[error("{} is empty; record or fetch it again", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A line that no recording has.
    #[error("{place}: {fault}")]
    Line {
        /// Which line.
        place: Place,
        /// What is wrong with it.
        fault: LineFault,
    },
    /// A line without end.
    #[error("{place}: the line is longer than {LINE_BYTES_MAX} bytes; it is no message of the exchange: remove it")]
    TooLong {
        /// Which line.
        place: Place,
    },
    /// The last line stops in the middle.
    #[error("{place}: the last line is cut off, as when a recorder is stopped while it writes; remove the line")]
    CutOff {
        /// Which line.
        place: Place,
    },
    /// A line does not start with a time.
    #[error(
        "{place}: \"{text}\" is where the receive time belongs; a line is a time in ns, us or ms, a space, and the message"
    )]
    NoTime {
        /// Which line.
        place: Place,
        /// What stands there, shortened.
        text: String,
    },
    /// A line has nothing but a time.
    #[error("{place}: no message follows the receive time; remove the line")]
    NoMessage {
        /// Which line.
        place: Place,
    },
    /// Receive times go back by more than a clock is ever set.
    #[error("{place}: received at {at}, {by} before the line above; give files and lines in the order of time")]
    TimeBack {
        /// Which line.
        place: Place,
        /// Its time.
        at: Timestamp,
        /// How long before the latest time above it, in whole milliseconds.
        by: Span,
    },
    /// A message cannot be taken.
    #[error("{place}: the message cannot be used; mend or remove the line")]
    Message {
        /// Which line.
        place: Place,
        /// Why.
        source: DecodeError,
    },
    /// A message about another symbol.
    #[error(
        "{place}: the message is about {found}, the recording about {expected}; record each symbol to a file of its own"
    )]
    OtherSymbol {
        /// Which line.
        place: Place,
        /// Its symbol.
        found: Symbol,
        /// The symbol of the lines before, or the one that was asked for.
        expected: Symbol,
    },
    /// A message of another market.
    #[error("{place}: the message is of {}, the recording of {}; do not mix the two", name(*found), name(*expected))]
    OtherMarket {
        /// Which line.
        place: Place,
        /// Its market.
        found: Market,
        /// The market of the lines before, or the one that was asked for.
        expected: Market,
    },
    /// A depth snapshot does not say whose it is, and several symbols are there.
    #[error("{place}: the depth snapshot could be of {one} or {other}; record each symbol to a file of its own")]
    WhoseSnapshot {
        /// Which line.
        place: Place,
        /// A symbol.
        one: Symbol,
        /// Another.
        other: Symbol,
    },
    /// A depth snapshot does not say whose it is, and no line does.
    #[error("{place}: no line tells which symbol the depth snapshot is of; name the symbol")]
    NobodysSnapshot {
        /// Which line.
        place: Place,
    },
}

const fn name(market: Market) -> &'static str {
    match market {
        Market::Spot => "the spot market",
        Market::UsdM => "USD-M futures",
    }
}
