//! What the bot does, said to the log.

use tracing::{error, info, warn};

use crate::domain::{Entry, Fill, NewOrder, Outcome, Purpose, RoundTrip, Side};
use crate::engine::Notice;
use crate::ledger::journal::JournalError;
use crate::ledger::{CommitError, Migration};
use crate::log::message;

/// Says what was decided or has happened. Routine entries are said at a lower level.
pub fn entry(entry: &Entry) {
    match entry {
        Entry::Started { run, version, config, tag: _ } => {
            info!(
                message_id = message::STARTED.id,
                run = run.0,
                version = version.as_str(),
                config = config.as_str(),
                "started"
            );
        }
        Entry::Stopped { run } => info!(message_id = message::STOPPED.id, run = run.0, "stopped"),
        Entry::Deposited { asset, amount } => {
            info!(message_id = message::DEPOSITED.id, asset = asset.as_str(), amount = %amount, "deposited");
        }
        Entry::Intended { order } => intended(order),
        Entry::Filled { fill } => filled(fill),
        Entry::Ended { id, outcome, reason } => match outcome {
            Outcome::Filled | Outcome::Cancelled => {
                tracing::debug!(message_id = message::ORDER_OVER.id, order_id = %id, "order ended");
            }
            Outcome::Rejected | Outcome::Expired | Outcome::NeverPlaced => {
                let message_id = message::ORDER_ENDED.id;
                warn!(message_id, order_id = %id, outcome = ?outcome, reason = reason.as_str(), "order ended");
            }
        },
        Entry::Unanswered { id } => {
            let message_id = message::ORDER_UNANSWERED.id;
            warn!(message_id, order_id = %id, "no answer: the order may live or not; its symbol waits until that is known");
        }
        Entry::Halted { by, reason } => {
            warn!(message_id = message::HALTED.id, by = by.as_str(), reason = reason.as_str(), "halted");
        }
        Entry::Resumed { by, reason } => {
            warn!(message_id = message::RESUMED.id, by = by.as_str(), reason = reason.as_str(), "resumed");
        }
        Entry::Paused { by, strategy } => {
            warn!(message_id = message::PAUSED.id, by = by.as_str(), strategy = strategy.as_str(), "paused");
        }
        Entry::Unpaused { by, strategy } => {
            warn!(message_id = message::UNPAUSED.id, by = by.as_str(), strategy = strategy.as_str(), "unpaused");
        }
        Entry::CloseAsked { by, .. } => {
            warn!(message_id = message::CLOSE_ASKED.id, by = by.as_str(), "asked to close");
        }
        Entry::Closed { trip } => closed(trip),
        Entry::Marked { equity } => info!(message_id = message::MARKED.id, equity = %equity, "equity"),
        Entry::Accepted { .. } | Entry::CancelAsked { .. } | Entry::Guarded { .. } | Entry::Migrated { .. } => {}
    }
}

/// Says what the engine wanted said.
pub fn notice(notice: &Notice) {
    match notice {
        Notice::Refused { order, refusal } => {
            let (symbol, strategy) = (order.symbol, order.strategy.as_str());
            warn!(message_id = message::ORDER_REFUSED.id, %symbol, strategy, reason = %refusal, "order refused");
        }
        Notice::EntryTooSmall(entry) => {
            let (symbol, strategy) = (entry.symbol, entry.strategy.as_str());
            warn!(message_id = message::ENTRY_TOO_SMALL.id, %symbol, strategy, "{notice}");
        }
        Notice::FeedGap { symbol, missed } => {
            let missed = missed.map_or_else(|| "unknown".to_owned(), |missed| missed.to_string());
            warn!(message_id = message::FEED_LOST.id, %symbol, missed, "updates of the book were missed");
        }
        Notice::FeedUp => info!(message_id = message::FEED_BACK.id, "{notice}"),
        Notice::FeedDown => warn!(message_id = message::FEED_LOST.id, "{notice}"),
        Notice::UnknownOrder { .. } => warn!(message_id = message::ORDER_FOREIGN.id, "{notice}"),
        Notice::BalanceDiffers { .. } => warn!(message_id = message::BALANCE_DIFFERS.id, "{notice}"),
        Notice::Overflow => error!(message_id = message::OVERFLOWED.id, "{notice}"),
    }
}

/// Says that the ledger cannot be written.
pub fn ledger_fails(cause: &CommitError) {
    let source = std::error::Error::source(cause).map_or_else(String::new, ToString::to_string);
    let message_id = match cause {
        CommitError::Displaced(_) | CommitError::Astray { .. } => message::LEDGER_DISPLACED.id,
        CommitError::Full(_)
        | CommitError::Database(_)
        | CommitError::Random(_)
        | CommitError::Encode { .. }
        | CommitError::TooLong { .. } => message::LEDGER_FAILED.id,
    };
    error!(message_id, cause = source.as_str(), "{cause}: nothing is sent until it can be, and trading is halted");
}

/// Says what a recording has nothing of, or what it has besides.
pub fn recording_lacks(what: &str) {
    warn!(message_id = message::RECORDING_LACKS.id, "{what}");
}

/// Says that this run cannot be replayed, or not past here.
pub fn no_journal(cause: &JournalError) {
    let source = std::error::Error::source(cause).map_or_else(String::new, ToString::to_string);
    let message_id = message::REPLAY_LOST.id;
    warn!(message_id, cause = source.as_str(), "{cause}: this run cannot be replayed past here");
}

/// Says that the ledger was an earlier version's, and where it lies as it was.
pub fn migrated(migration: &Migration) {
    let Migration { from, to, before, copy } = migration;
    let message_id = message::LEDGER_MIGRATED.id;
    warn!(message_id, from, to, head = %before, copy = %copy.display(), "the ledger has a new schema; a copy was kept");
}

/// Says that not even the halt could be written down, and whether it is remembered elsewhere.
pub fn not_latched(cause: &CommitError, remembered: bool) {
    let message_id = message::HALT_NOT_KEPT.id;
    let outlook = if remembered {
        "it is remembered outside of the ledger, and the next start is halted too"
    } else {
        "a restart would not remember it"
    };
    error!(message_id, cause = %cause, "the halt could not be written down either; {outlook}");
}

/// Says that the ledger can be written again.
pub fn ledger_works() {
    let message_id = message::LEDGER_BACK.id;
    warn!(message_id, "the ledger can be written again; trading stays halted until it is resumed");
}

fn intended(order: &NewOrder) {
    info!(
        message_id = message::ORDER_SENT.id,
        symbol = %order.symbol,
        strategy = order.strategy.as_str(),
        order_id = %order.id,
        side = side(order.side),
        qty = %order.qty,
        reason = match order.purpose {
            Purpose::Enter => "enter",
            Purpose::Exit(reason) => reason.as_str(),
        },
        "order"
    );
}

fn filled(fill: &Fill) {
    info!(
        message_id = message::FILLED.id,
        symbol = %fill.symbol,
        order_id = %fill.order,
        side = side(fill.side),
        qty = %fill.qty,
        price = %fill.price,
        fee = %fill.fee.amount,
        "filled"
    );
}

fn closed(trip: &RoundTrip) {
    info!(
        message_id = message::POSITION_CLOSED.id,
        symbol = %trip.symbol,
        strategy = trip.strategy.as_str(),
        profit = %trip.profit,
        reason = trip.reason.as_str(),
        "position closed"
    );
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}
