//! The house in order: what is shipped agrees with the code.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod configs;
