//! Behaviour through the public API: given, when, then.
#![expect(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test looks for one thing, and may panic")]

mod engine;
mod sim;
mod support;
