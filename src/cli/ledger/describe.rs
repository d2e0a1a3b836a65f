//! Entries in words, safe to print on a terminal.

use crate::domain::{Entry, ExitReason, OrderKind, Outcome, Purpose, Side};

/// What an entry says, on one line.
pub fn describe(entry: &Entry) -> String {
    let text = match entry {
        Entry::Started { run, tag, version, config } => {
            let config: String = config.chars().take(CONFIG_DIGITS).collect();
            let tag = tag.map_or_else(String::new, |tag| format!(", orders tb{tag}…"));
            format!("run {}, version {version}, configuration {config}{tag}", run.0)
        }
        Entry::Stopped { run } => format!("run {}", run.0),
        Entry::Deposited { asset, amount } => format!("{amount} {asset}"),
        Entry::Intended { order } => {
            let purpose = match order.purpose {
                Purpose::Enter => "enter",
                Purpose::Exit(reason) => match reason {
                    ExitReason::ExitSignal => "leave, signal",
                    ExitReason::StopLoss => "leave, stop loss",
                    ExitReason::TrailingStopLoss => "leave, trailing stop",
                    ExitReason::Roi => "leave, profit reached",
                    ExitReason::Operator => "leave, operator",
                    ExitReason::ForceExit => "leave, end of data",
                },
            };
            let (side, price) = (side(order.side), price(&order.kind));
            format!("{}: {side} {} {} {price}, to {purpose}; {}", order.strategy, order.qty, order.symbol, order.id)
        }
        Entry::Accepted { id, exchange_id } => format!("{id} as {}", exchange_id.0),
        Entry::Filled { fill } => format!(
            "{} {} {} at {}, fee {} {}; {} trade {}",
            side(fill.side),
            fill.qty,
            fill.symbol,
            fill.price,
            fill.fee.amount,
            fill.fee.asset,
            fill.order,
            fill.trade.0
        ),
        Entry::CancelAsked { id, by } => format!("{id} by {by}"),
        Entry::Unanswered { id } => id.to_string(),
        Entry::Ended { id, outcome, reason } => {
            let outcome = match outcome {
                Outcome::Filled => "filled",
                Outcome::Cancelled => "cancelled",
                Outcome::Rejected => "rejected",
                Outcome::Expired => "expired",
                Outcome::NeverPlaced => "never placed",
            };
            with_reason(format!("{id} {outcome}"), reason)
        }
        Entry::Halted { by, reason } | Entry::Resumed { by, reason } => with_reason(format!("by {by}"), reason),
        Entry::Paused { by, strategy } | Entry::Unpaused { by, strategy } => format!("{strategy} by {by}"),
        Entry::Closed { trip } => format!(
            "{}: {} {} from {} to {}, profit {} ({})",
            trip.strategy, trip.qty, trip.symbol, trip.entry, trip.exit, trip.profit, trip.reason
        ),
        Entry::Guarded { strategy, symbol, stop, .. } => format!("{strategy}: {symbol} stop at {stop}"),
        Entry::Marked { equity } => format!("equity {equity}"),
        Entry::Migrated { from, to } => format!("from schema {from} to {to}"),
        Entry::CloseAsked { by, symbol } => {
            format!("{} by {by}", symbol.map_or_else(|| "everything".to_owned(), |symbol| symbol.to_string()))
        }
    };
    printable(&text)
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

fn price(kind: &OrderKind) -> String {
    match kind {
        OrderKind::Market => "at market".to_owned(),
        OrderKind::Limit { price, .. } => format!("at {price} or better"),
        OrderKind::PostOnly { price } => format!("at {price}, as maker"),
        OrderKind::Stop { trigger } => format!("once at {trigger}"),
    }
}

fn with_reason(text: String, reason: &str) -> String {
    if reason.is_empty() { text } else { format!("{text}: {reason}") }
}

/// Reasons come from outside: what would move a terminal's cursor or turn its text around is shown as its number.
fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|character| {
            let turns =
                matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            let shown = if character.is_control() || turns {
                character.escape_unicode().to_string()
            } else {
                character.to_string()
            };
            shown.chars().collect::<Vec<char>>()
        })
        .collect()
}

const CONFIG_DIGITS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_play_with_a_terminal_is_shown_as_numbers() {
        let entry = Entry::Halted { by: "engine".to_owned(), reason: "a\u{1b}[2Jb\u{202e}c\né".to_owned() };
        assert_eq!(describe(&entry), "by engine: a\\u{1b}[2Jb\\u{202e}c\\u{a}é");
    }
}
