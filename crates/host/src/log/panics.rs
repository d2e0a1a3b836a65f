//! A panic is a record like any other: what it says goes through the rules, and nothing prints it as it is.

use std::io::{self, Write};
use std::panic::{self, PanicHookInfo};

use tracing::dispatcher;
use tracing::subscriber::NoSubscriber;

use super::rules::Rules;
use super::standing;
use super::{drained, message};

/// Makes panics go to the log, and before there is one, to standard error; through the rules in both cases.
pub(super) fn catch() {
    panic::set_hook(Box::new(report));
}

fn report(info: &PanicHookInfo<'_>) {
    standing::clear();
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let payload = info.payload_as_str().unwrap_or("of a kind that has no words");
    if dispatcher::get_default(|log| !log.is::<NoSubscriber>()) {
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        tracing::error!(target: "tradingbot::panic", message_id = message::PANICKED.id, location, thread, "panicked: {payload}");
        drained::by_the_journal();
    } else {
        let line = format!("panicked at {location}: {payload}");
        let _ = writeln!(io::stderr(), "{}", Rules::strict().text(&line));
    }
}
