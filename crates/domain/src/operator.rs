//! What an operator asks of the engine, and what the engine answers.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::instrument::StrategyName;
use super::instrument_id::InstrumentId;
use super::order::ExitReason;
use super::order_id::ClientOrderId;

/// An operator asked for something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OperatorEvent {
    /// The token or listener that carried the request.
    pub by: String,
    /// What was asked for.
    pub request: OperatorRequest,
}

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum OperatorRequest {
    /// Send nothing more, until resumed.
    Halt {
        /// In the operator's words.
        reason: String,
    },
    /// Trade again.
    Resume {
        /// In the operator's words.
        reason: String,
    },
    /// End one order.
    Cancel {
        /// Our id of it.
        id: ClientOrderId,
    },
    /// Leave what every strategy holds of an instrument, at market.
    Close {
        /// What is held.
        #[serde(rename = "symbol")]
        instrument: InstrumentId,
    },
    /// Leave everything that every strategy holds, at market.
    Flatten {
        /// What goes down as the reason of each exit.
        reason: ExitReason,
    },
    /// Take no new positions for one strategy.
    Pause {
        /// The operator's name for it.
        strategy: StrategyName,
    },
    /// Let one strategy take positions again.
    Unpause {
        /// The operator's name for it.
        strategy: StrategyName,
    },
}

/// The engine's answer to an operator's request. Nobody else judges one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is done, or on its way to the exchange.
    Done,
    /// It was so before; nothing has changed.
    Already,
    /// No order of that id may still trade.
    UnknownOrder,
    /// No strategy of that name runs.
    UnknownStrategy,
    /// No strategy holds anything of the instrument, or has an entry of it on its way.
    NoPosition,
    /// The engine does not do it.
    Refused(Objection),
}

/// Why the engine does not do what an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objection {
    /// Trading is halted, and an exit would have to be sent.
    Halted,
    /// The ledger cannot be written, so trading cannot go on.
    LedgerFails,
    /// No answer has come for the order, so whether it can be cancelled is not known.
    OutcomeUnknown,
    /// The risk gate refused the exit, in its words.
    Gate(String),
    /// An amount is too large to compute with, which has halted trading.
    Overflow,
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Halted => f.write_str("trading is halted, and nothing leaves until it is resumed"),
            Self::LedgerFails => f.write_str("the ledger cannot be written; make room on its disk first"),
            Self::OutcomeUnknown => f.write_str(
                "no answer has come for this order, and it is being asked for; try again once its state is known",
            ),
            Self::Gate(refusal) => f.write_str(refusal),
            Self::Overflow => f.write_str("an amount is too large to compute with, and trading is halted for that"),
        }
    }
}
