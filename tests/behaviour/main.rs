//! Behaviour through the public API: given, when, then.
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod engine;
mod support;
