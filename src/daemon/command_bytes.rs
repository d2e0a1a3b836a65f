//! Commands as the journal of inputs has them, so that a replay can be compared with a run.

use crate::engine::Command;

/// Commands as they are compared: nothing for none, else their full text.
#[must_use]
pub(super) fn command_bytes(commands: &[Command]) -> Vec<u8> {
    if commands.is_empty() { Vec::new() } else { format!("{commands:?}").into_bytes() }
}
