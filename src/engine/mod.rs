//! CORE: the engine; takes one event at a time and says what must be done, and does nothing itself.

mod command;

pub use command::{Command, Notice};
