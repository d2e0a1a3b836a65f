//! Tests that need a process of their own: what a program does to itself, seen from inside and outside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test says what it measured, or could not try")]

mod command_line;
mod daemon;
#[path = "../support/entries.rs"]
mod entries;
mod handed;
mod harassed;
mod indicator;
mod keep_alive;
mod kept_secrets;
mod killed;
mod ledger_cli;
mod ledger_crash;
mod ledger_disk;
mod ledger_migrated;
mod ledger_moved;
mod ledger_refused;
mod ledger_trouble;
mod loaded;
mod log;
mod opening;
mod operator;
mod probe;
mod progress;
#[path = "../support/random.rs"]
mod random;
mod recordings;
mod reload;
mod sandbox;
#[path = "../support/schema_1.rs"]
mod schema_1;
mod secrets;
mod state_folder;
mod systemd;

use tradingbot::domain::Entry;
use tradingbot::ledger::{Query, Reader};

/// Makes a file as private as a ledger has to be.
fn private(path: &std::path::Path) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// All entries of a ledger.
fn written(ledger: &std::path::Path) -> Vec<Entry> {
    let mut reader = Reader::open(ledger).unwrap();
    let mut query = Query::first(1_000);
    let mut entries = Vec::new();
    loop {
        let page = reader.entries(None, &query).unwrap();
        entries.extend(page.rows.into_iter().map(|row| row.value));
        match page.next {
            Some(next) => query.start = next,
            None => return entries,
        }
    }
}
