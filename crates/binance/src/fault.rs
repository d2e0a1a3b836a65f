//! What can be wrong with a frame.

use thiserror::Error;

use super::decode::FRAME_BYTES_MAX;
use tradingbot_domain::decimal::DecimalError;
use tradingbot_domain::instrument::NameError;

/// A frame that cannot be taken; nothing of it was used.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Longer than any frame the exchange sends.
    #[error("{bytes} bytes are more than a frame can have ({FRAME_BYTES_MAX})")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not UTF-8.
    #[error("byte {at} is not text")]
    NotText {
        /// Place of the first such byte, counted from 1.
        at: usize,
    },
    /// The text stops in the middle.
    #[error("the JSON is cut off")]
    Cut(#[source] serde_json::Error),
    /// Not JSON.
    #[error("not JSON")]
    NotJson(#[source] serde_json::Error),
    /// JSON, but not as this kind of event is written.
    #[error("not as the exchange writes it")]
    Shape(#[source] serde_json::Error),
    /// JSON that is neither an event, nor a snapshot, nor an answer.
    #[error("neither an event nor a depth snapshot: it has no \"e\" and no \"lastUpdateId\"")]
    Nameless,
    /// A field that has to be there is not.
    #[error("{kind} without \"{field}\"")]
    Missing {
        /// Kind of event.
        kind: &'static str,
        /// Name of the field.
        field: &'static str,
    },
    /// A field of another type.
    #[error("\"{field}\" of {kind} is {found}, not {expected}")]
    Type {
        /// Kind of event.
        kind: &'static str,
        /// Name of the field.
        field: &'static str,
        /// What it is.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A price or quantity that cannot be taken exactly.
    #[error("\"{field}\" of {kind} cannot be used")]
    Amount {
        /// Kind of event.
        kind: &'static str,
        /// Name of the field.
        field: &'static str,
        /// Why.
        #[source]
        source: DecimalError,
    },
    /// A price or quantity that no market has.
    #[error("\"{field}\" of {kind} is {found}; no market has that")]
    Impossible {
        /// Kind of event.
        kind: &'static str,
        /// Name of the field.
        field: &'static str,
        /// The value.
        found: String,
    },
    /// Numbers that should ascend and do not.
    #[error("{kind} goes from {first} back to {last}")]
    Backwards {
        /// Kind of event.
        kind: &'static str,
        /// First number.
        first: u64,
        /// Last number.
        last: u64,
    },
    /// Text that is no symbol.
    #[error("{kind} has a symbol that cannot be used")]
    Symbol {
        /// Kind of event.
        kind: &'static str,
        /// Why.
        #[source]
        source: NameError,
    },
}
