//! How far a recording has been played, on one line of a terminal.

use std::io::{self, IsTerminal, Write};

use crate::clock::Mark;
use crate::config::{Config, Source};
use crate::domain::Span;

use super::shell::Shell;

/// A line that is written over again and again; nothing when nobody is there to see it.
#[derive(Debug)]
pub struct Progress {
    shown: Option<Mark>,
    visible: bool,
}

impl Progress {
    /// A line for recordings, when standard error is a terminal.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let recorded = matches!(config.market.source, Source::Recording { .. });
        Self { shown: None, visible: recorded && io::stderr().is_terminal() }
    }

    /// Shows the market's time and the count of events, often enough for an eye.
    pub fn show(&mut self, shell: &Shell) {
        if !self.visible || self.shown.is_some_and(|shown| shown.elapsed() < SHOW_EVERY) {
            return;
        }
        self.shown = Some(Mark::now());
        let equity = shell.engine().account().equity();
        let _ = write!(io::stderr(), "{CLEAR}{}  {} events  equity {equity}", shell.now(), shell.events());
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if self.visible && self.shown.take().is_some() {
            let _ = write!(io::stderr(), "{CLEAR}");
        }
    }
}

/// Back to the start of the line, and nothing on it.
const CLEAR: &str = "\r\x1b[K";
const SHOW_EVERY: Span = Span::from_millis(200);
