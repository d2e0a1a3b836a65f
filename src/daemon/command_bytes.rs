//! Commands as bytes, for the digests of the input journal: the same commands are the same bytes in every build.
//!
//! What is kept or sent is written as the ledger writes it, in JSON; the rest as words and numbers, without the sentences
//! that people read. Whoever changes any of it raises the journal's `JOURNAL_VERSION`, so that a journal of the form before
//! is refused and not said to differ.

use std::fmt::{Display, Write};

use serde::Serialize;

use crate::domain::{AmountError, Objection, Verdict};
use crate::engine::{Command, EntryTooSmall, Notice};
use crate::risk::Refusal;

/// Commands as they are compared: a line for each; nothing for none.
#[must_use]
pub(super) fn command_bytes(commands: &[Command]) -> Vec<u8> {
    let mut text = String::new();
    for command in commands {
        put(&mut text, command);
        text.push('\n');
    }
    text.into_bytes()
}

fn put(text: &mut String, command: &Command) {
    match command {
        Command::Record(entry) => put_json(text, "record", entry),
        Command::Submit(order) => put_json(text, "submit", order.get()),
        Command::Cancel { id, symbol } => put_words(text, "cancel", &[id, symbol]),
        Command::Ask { id, symbol } => put_words(text, "ask", &[id, symbol]),
        Command::WakeAt(at) => put_words(text, "wake-at", &[&at.nanos()]),
        Command::Notice(notice) => put_notice(text, notice),
        Command::Answer(verdict) => put_words(text, "answer", &[&word(verdict)]),
    }
}

const fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Done => "done",
        Verdict::Already => "already",
        Verdict::UnknownOrder => "unknown-order",
        Verdict::UnknownStrategy => "unknown-strategy",
        Verdict::NoPosition => "no-position",
        Verdict::Refused(Objection::Halted) => "halted",
        Verdict::Refused(Objection::LedgerFails) => "ledger-fails",
        Verdict::Refused(Objection::OutcomeUnknown) => "outcome-unknown",
        Verdict::Refused(Objection::Gate(_)) => "gate",
        Verdict::Refused(Objection::Overflow) => "overflow",
    }
}

fn put_notice(text: &mut String, notice: &Notice) {
    match notice {
        Notice::Refused { order, refusal } => {
            put_json(text, "refused", order);
            text.push(' ');
            put_refusal(text, refusal);
        }
        Notice::EntryTooSmall(EntryTooSmall { strategy, symbol, stake, free, price, lot, qty_min, notional_min }) => {
            let words: [&dyn Display; 8] = [strategy, symbol, stake, free, price, lot, qty_min, notional_min];
            put_words(text, "entry-too-small", &words);
        }
        Notice::FeedGap { symbol, missed: Some(missed) } => put_words(text, "feed-gap", &[symbol, missed]),
        Notice::FeedGap { symbol, missed: None } => put_words(text, "feed-gap", &[symbol, &"unknown"]),
        Notice::FeedDown => put_words(text, "feed-down", &[]),
        Notice::FeedUp => put_words(text, "feed-up", &[]),
        Notice::UnknownOrder { id, event } => put_words(text, "unknown-order", &[id, event]),
        Notice::BalanceDiffers { asset, reported, expected } => {
            put_words(text, "balance-differs", &[asset, reported, expected]);
        }
        Notice::Overflow => put_words(text, "overflow", &[]),
    }
}

fn put_refusal(text: &mut String, refusal: &Refusal) {
    match refusal {
        Refusal::Halted => put_words(text, "halted", &[]),
        Refusal::Symbol { symbol } => put_words(text, "symbol", &[symbol]),
        Refusal::Stale { age, max } => put_words(text, "stale", &[&age.nanos(), &max.nanos()]),
        Refusal::NoPrice => put_words(text, "no-price", &[]),
        Refusal::Quantity { qty, lot, min } => put_words(text, "quantity", &[qty, lot, min]),
        Refusal::Tick { price, tick } => put_words(text, "tick", &[price, tick]),
        Refusal::TooSmall { value, min } => put_words(text, "too-small", &[value, min]),
        Refusal::ExitTooLarge { qty, held } => put_words(text, "exit-too-large", &[qty, held]),
        Refusal::Distance { price, distance, max } => put_words(text, "distance", &[price, distance, max]),
        Refusal::Value { limit, value, max } => put_words(text, "value", &[limit, value, max]),
        Refusal::Leverage { leverage, max } => put_words(text, "leverage", &[leverage, max]),
        Refusal::Drawdown { drawdown, max } => put_words(text, "drawdown", &[drawdown, max]),
        Refusal::Pace { limit, max } => put_words(text, "pace", &[limit, max]),
        Refusal::Amount(AmountError::Overflow) => put_words(text, "amount", &[&"overflow"]),
        Refusal::Amount(AmountError::DivisionByZero) => put_words(text, "amount", &[&"division-by-zero"]),
    }
}

fn put_json(text: &mut String, what: &str, value: &impl Serialize) {
    let json = serde_json::to_string(value).expect("entries and orders have texts for keys");
    put_words(text, what, &[&json]);
}

fn put_words(text: &mut String, what: &str, words: &[&dyn Display]) {
    text.push_str(what);
    for word in words {
        write!(text, " {word}").expect("a text grows");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ClientOrderId, Entry, NewOrder, OrderKind, Purpose, RunId, Seq, Side, Timestamp};
    use crate::ledger::journal::JOURNAL_VERSION;

    fn id() -> ClientOrderId {
        ClientOrderId::derive(RunId(7), Seq(2), 0)
    }

    fn order() -> NewOrder {
        NewOrder {
            id: id(),
            strategy: "trend".parse().unwrap(),
            symbol: "BTCUSDT".parse().unwrap(),
            side: Side::Buy,
            qty: "0.5".parse().unwrap(),
            kind: OrderKind::Market,
            purpose: Purpose::Enter,
        }
    }

    /// Each kind with what it looked like when the journal's form got its number. A test that fails here asks for the next
    /// number, not for other bytes.
    #[test]
    fn the_bytes_are_those_of_the_form_that_the_journal_names() {
        assert_eq!(JOURNAL_VERSION, 3);
        let symbol = order().symbol;
        let refused = |refusal| Command::Notice(Notice::Refused { order: order(), refusal });
        let commands = [
            Command::Record(Entry::Marked { equity: "9999.5".parse().unwrap() }),
            Command::Cancel { id: id(), symbol },
            Command::Ask { id: id(), symbol },
            Command::WakeAt(Timestamp::from_nanos(1_700_000_000_000_000_001)),
            refused(Refusal::Pace { limit: "orders-per-day", max: 3 }),
            refused(Refusal::Halted),
            Command::Notice(Notice::FeedGap { symbol, missed: Some(3) }),
            Command::Notice(Notice::FeedGap { symbol, missed: None }),
            Command::Notice(Notice::FeedDown),
            Command::Notice(Notice::UnknownOrder { id: id(), event: "filled" }),
            Command::Notice(Notice::BalanceDiffers {
                asset: "USDT".parse().unwrap(),
                reported: "1".parse().unwrap(),
                expected: "2".parse().unwrap(),
            }),
            Command::Notice(Notice::Overflow),
            Command::Answer(Verdict::Done),
            Command::Answer(Verdict::Refused(Objection::Gate("words".to_owned()))),
        ];
        let written = String::from_utf8(command_bytes(&commands)).unwrap();
        let expected = FORM_3.map(|line| line.replace("ORDER", ORDER).replace("ID", &id().to_string()));
        assert_eq!(written.lines().collect::<Vec<_>>(), expected);
        assert!(command_bytes(&[]).is_empty());
    }

    const FORM_3: [&str; 14] = [
        r#"record {"kind":"marked","equity":"9999.5"}"#,
        "cancel ID BTCUSDT",
        "ask ID BTCUSDT",
        "wake-at 1700000000000000001",
        "refused ORDER pace orders-per-day 3",
        "refused ORDER halted",
        "feed-gap BTCUSDT 3",
        "feed-gap BTCUSDT unknown",
        "feed-down",
        "unknown-order ID filled",
        "balance-differs USDT 1 2",
        "overflow",
        "answer done",
        "answer gate",
    ];
    const ORDER: &str = r#"{"id":"ID","strategy":"trend","symbol":"BTCUSDT","side":"buy","qty":"0.5","kind":"market","purpose":"enter"}"#;
}
