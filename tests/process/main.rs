//! Tests that need a process of their own: what a program does to itself, seen from inside and outside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test says what it could not try")]

mod indicator;
mod log;
mod probe;
mod sandbox;
mod secrets;
mod systemd;
