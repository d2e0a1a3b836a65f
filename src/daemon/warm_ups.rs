//! Says in the log from when on each strategy may enter, while it has not seen enough candles, and when it has.

use tracing::info;

use crate::clock::Mark;
use crate::domain::snapshot::WarmUpView;
use crate::domain::{InstrumentId, Span, StrategyName};
use crate::log::message;

use super::shell::Shell;

/// What was said of strategies that warm up.
#[derive(Debug)]
pub struct WarmUps {
    said: Vec<(StrategyName, InstrumentId)>,
    looked: Mark,
    is_over: bool,
}

impl WarmUps {
    /// Nothing was said yet.
    #[must_use]
    pub fn new() -> Self {
        Self { said: Vec::new(), looked: Mark::now(), is_over: false }
    }

    /// Has all that still warm up said again, for an operator who has just let the bot trade.
    pub fn say_again(&mut self) {
        self.said.clear();
    }

    /// Says what is new, at most once a second, so that a market has been heard of when it is asked about.
    pub fn look(&mut self, shell: &Shell) {
        if self.is_over || self.looked.elapsed() < Span::SECOND {
            return;
        }
        self.looked = Mark::now();
        let mut left = Vec::new();
        for strategy in shell.snapshot().strategies {
            for progress in strategy.warming_up {
                left.push((strategy.name, progress.symbol));
                if !self.said.contains(&(strategy.name, progress.symbol)) {
                    warms_up(strategy.name, &progress);
                }
            }
        }
        for (strategy, symbol) in self.said.iter().filter(|one| !left.contains(one)) {
            let (message_id, strategy) = (message::WARMED_UP.id, strategy.as_str());
            info!(message_id, strategy, %symbol, "warmed up: it may enter from now on");
        }
        self.is_over = left.is_empty();
        self.said = left;
    }
}

fn warms_up(strategy: StrategyName, progress: &WarmUpView) {
    let (message_id, symbol) = (message::WARMING_UP.id, progress.symbol);
    let (seen, needed) = (progress.seen, progress.needed);
    let ready = progress.ready.map_or_else(|| "not known before it trades".to_owned(), |ready| ready.to_string());
    info!(message_id, strategy = strategy.as_str(), %symbol, seen, needed, ready, "warming up");
}
