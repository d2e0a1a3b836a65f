//! What the ledger keeps for good.

use serde::{Deserialize, Serialize};

use super::amount::{Notional, Price};
use super::id::{ExchangeOrderId, RunId};
use super::instrument::{Asset, Market, StrategyName};
use super::instrument_id::InstrumentId;
use super::order::{Fill, NewOrder, Outcome};
use super::order_id::{ClientOrderId, RunTag};
use super::round_trip::RoundTrip;

/// One line of the ledger. Orders, positions, balances and halts are rebuilt from these alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Entry {
    /// A life began.
    Started {
        /// The number of that life, counted from the first one of its ledger.
        run: RunId,
        /// What sets its order ids apart; runs that began before there were tags have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tag: Option<RunTag>,
        /// The program's version.
        version: String,
        /// SHA-256 of the configuration in force, in hexadecimal.
        config: String,
    },
    /// A life ended in order.
    Stopped {
        /// The number of that life, counted from the first one of its ledger.
        run: RunId,
    },
    /// Money that was there at the start or came from outside; negative when it left.
    Deposited {
        /// The asset of the balance.
        asset: Asset,
        /// In that asset.
        amount: Notional,
    },
    /// An order is about to be sent.
    Intended {
        /// The order.
        order: NewOrder,
    },
    /// The exchange has it.
    Accepted {
        /// The id we gave the order.
        id: ClientOrderId,
        /// The exchange's number for it.
        exchange_id: ExchangeOrderId,
    },
    /// It traded.
    Filled {
        /// The trade.
        fill: Fill,
    },
    /// A cancel is about to be sent.
    CancelAsked {
        /// The id we gave the order.
        id: ClientOrderId,
        /// `engine`, or the name of the token or socket that carried the request.
        by: String,
    },
    /// What became of it is not known: no answer came, or not all of one, or its cancel was refused.
    Unanswered {
        /// The id we gave the order.
        id: ClientOrderId,
    },
    /// It has ended.
    Ended {
        /// The id we gave the order.
        id: ClientOrderId,
        /// Whether it was filled, cancelled, refused or has expired.
        outcome: Outcome,
        /// The exchange's words; empty when there were none.
        reason: String,
    },
    /// Nothing is sent from here on.
    Halted {
        /// `engine`, or the name of the token or socket that carried the request.
        by: String,
        /// In words, for people.
        reason: String,
    },
    /// Orders may be sent again.
    Resumed {
        /// Name of the token or socket that carried the request.
        by: String,
        /// In words, for people.
        reason: String,
    },
    /// A strategy takes no new positions from here on.
    Paused {
        /// Name of the token or socket that carried the request.
        by: String,
        /// As it is named in the configuration.
        strategy: StrategyName,
    },
    /// A strategy may take positions again.
    Unpaused {
        /// Name of the token or socket that carried the request.
        by: String,
        /// As it is named in the configuration.
        strategy: StrategyName,
    },
    /// A position was closed; its fills stand in the entries before.
    Closed {
        /// The position.
        trip: RoundTrip,
    },
    /// The stop of a position has moved; kept so that a restart does not lose it.
    Guarded {
        /// The strategy that holds it.
        strategy: StrategyName,
        /// The instrument of the position.
        symbol: InstrumentId,
        /// Leave at this price or under it.
        stop: Price,
        /// Highest price seen since the position was opened.
        highest: Price,
    },
    /// What the account is worth at the last prices; kept once a minute, so that peak and day survive a restart.
    Marked {
        /// In the quote asset.
        equity: Notional,
    },
    /// The entries from here on, this one included, have the form of a newer schema. It has the time of the entry before.
    Migrated {
        /// The schema of the entries before.
        from: u32,
        /// The schema from here on.
        to: u32,
    },
    /// An operator asked to leave a symbol, or all of them.
    CloseAsked {
        /// Name of the token or socket that carried the request.
        by: String,
        /// The instrument; every one when absent.
        symbol: Option<InstrumentId>,
    },
}

impl Entry {
    /// Every word an entry can be filed under.
    pub const KINDS: [&str; 18] = [
        "started",
        "stopped",
        "deposited",
        "intended",
        "accepted",
        "filled",
        "cancel-asked",
        "unanswered",
        "ended",
        "halted",
        "resumed",
        "paused",
        "unpaused",
        "closed",
        "guarded",
        "marked",
        "close-asked",
        "migrated",
    ];

    /// The symbol it names, if it does.
    #[must_use]
    pub const fn symbol(&self) -> Option<InstrumentId> {
        match self {
            Self::Intended { order } => Some(order.symbol),
            Self::Filled { fill } => Some(fill.symbol),
            Self::Closed { trip } => Some(trip.symbol),
            Self::Guarded { symbol, .. } => Some(*symbol),
            Self::CloseAsked { symbol, .. } => *symbol,
            Self::Started { .. }
            | Self::Stopped { .. }
            | Self::Deposited { .. }
            | Self::Accepted { .. }
            | Self::CancelAsked { .. }
            | Self::Unanswered { .. }
            | Self::Ended { .. }
            | Self::Halted { .. }
            | Self::Resumed { .. }
            | Self::Paused { .. }
            | Self::Unpaused { .. }
            | Self::Marked { .. }
            | Self::Migrated { .. } => None,
        }
    }

    /// The strategy it names, if it does.
    #[must_use]
    pub const fn strategy(&self) -> Option<StrategyName> {
        match self {
            Self::Intended { order } => Some(order.strategy),
            Self::Paused { strategy, .. } | Self::Unpaused { strategy, .. } | Self::Guarded { strategy, .. } => {
                Some(*strategy)
            }
            Self::Closed { trip } => Some(trip.strategy),
            Self::Started { .. }
            | Self::Stopped { .. }
            | Self::Deposited { .. }
            | Self::Accepted { .. }
            | Self::Filled { .. }
            | Self::CancelAsked { .. }
            | Self::Unanswered { .. }
            | Self::Ended { .. }
            | Self::Halted { .. }
            | Self::Resumed { .. }
            | Self::Marked { .. }
            | Self::Migrated { .. }
            | Self::CloseAsked { .. } => None,
        }
    }

    /// The same with its instrument read as one of `market` where no market is written: ledgers of before there were two
    /// name perpetuals as spot.
    #[must_use]
    pub fn read_in(mut self, market: Market) -> Self {
        match &mut self {
            Self::Intended { order } => order.symbol = order.symbol.read_in(market),
            Self::Filled { fill } => fill.symbol = fill.symbol.read_in(market),
            Self::Closed { trip } => trip.symbol = trip.symbol.read_in(market),
            Self::Guarded { symbol, .. } | Self::CloseAsked { symbol: Some(symbol), .. } => {
                *symbol = symbol.read_in(market);
            }
            Self::CloseAsked { symbol: None, .. }
            | Self::Started { .. }
            | Self::Stopped { .. }
            | Self::Deposited { .. }
            | Self::Accepted { .. }
            | Self::CancelAsked { .. }
            | Self::Unanswered { .. }
            | Self::Ended { .. }
            | Self::Halted { .. }
            | Self::Resumed { .. }
            | Self::Paused { .. }
            | Self::Unpaused { .. }
            | Self::Marked { .. }
            | Self::Migrated { .. } => {}
        }
        self
    }

    /// The order it is about, if it is about one.
    #[must_use]
    pub const fn order(&self) -> Option<ClientOrderId> {
        match self {
            Self::Intended { order } => Some(order.id),
            Self::Filled { fill } => Some(fill.order),
            Self::Accepted { id, .. }
            | Self::CancelAsked { id, .. }
            | Self::Unanswered { id }
            | Self::Ended { id, .. } => Some(*id),
            Self::Started { .. }
            | Self::Stopped { .. }
            | Self::Deposited { .. }
            | Self::Halted { .. }
            | Self::Resumed { .. }
            | Self::Paused { .. }
            | Self::Unpaused { .. }
            | Self::Closed { .. }
            | Self::Guarded { .. }
            | Self::Marked { .. }
            | Self::Migrated { .. }
            | Self::CloseAsked { .. } => None,
        }
    }

    /// The word it is filed under, the same as `kind` in its JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Stopped { .. } => "stopped",
            Self::Deposited { .. } => "deposited",
            Self::Intended { .. } => "intended",
            Self::Accepted { .. } => "accepted",
            Self::Filled { .. } => "filled",
            Self::CancelAsked { .. } => "cancel-asked",
            Self::Unanswered { .. } => "unanswered",
            Self::Ended { .. } => "ended",
            Self::Halted { .. } => "halted",
            Self::Resumed { .. } => "resumed",
            Self::Paused { .. } => "paused",
            Self::Unpaused { .. } => "unpaused",
            Self::Closed { .. } => "closed",
            Self::Guarded { .. } => "guarded",
            Self::Marked { .. } => "marked",
            Self::CloseAsked { .. } => "close-asked",
            Self::Migrated { .. } => "migrated",
        }
    }
}
