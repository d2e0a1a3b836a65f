//! Tests that need a process of their own: what a program does to itself, seen from inside and outside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test says what it measured, or could not try")]

mod daemon;
#[path = "../support/entries.rs"]
mod entries;
mod indicator;
mod killed;
mod ledger_cli;
mod ledger_crash;
mod ledger_disk;
mod log;
mod probe;
#[path = "../support/random.rs"]
mod random;
mod sandbox;
mod secrets;
mod systemd;

/// Makes a file as private as a ledger has to be.
fn private(path: &std::path::Path) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}
