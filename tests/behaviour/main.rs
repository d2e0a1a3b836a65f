//! Behaviour through the public API: given, when, then.

mod engine;
mod support;
