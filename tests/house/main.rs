//! The house in order: what is shipped agrees with the code.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says what it looked at")]

mod circles;
mod configs;
mod dead_files;
mod dependencies;
mod docs;
mod layers;
mod secrets;
mod tidy;
mod tree;
mod units;
