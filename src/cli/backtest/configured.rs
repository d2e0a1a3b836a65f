//! A backtest of what a configuration file would trade.

use std::path::Path;

use crate::backtest::{Feed, Settings};
use crate::config::{self, Config};
use crate::domain::{EntryStyle, Instrument, InstrumentId, Span, Symbol};
use crate::strategy::StrategySettings;

use super::check::too_short;
use super::load::Loaded;
use super::{Backtest, Exit, Failure};

impl Backtest {
    /// What the file at `path` says: the candles under its rules, what runs on them, and what the files cannot show.
    ///
    /// # Errors
    ///
    /// The file is not a configuration, a symbol is not in it, or none of its strategies looks at such candles.
    pub(super) fn configured(&self, path: &Path) -> Result<(Loaded, Settings, Vec<String>), Failure> {
        let config = config::load(path).map_err(|faults| Failure::new(Exit::Config, &faults))?;
        let loaded = self.load(|symbol| rules(&config, path, symbol))?;
        let feeds = &loaded.feeds;
        let interval = Self::interval_of(feeds)?;
        let mut left_out = Vec::new();
        let strategies: Vec<StrategySettings> =
            config.strategies.iter().filter_map(|strategy| shown(strategy, interval, feeds, &mut left_out)).collect();
        if strategies.is_empty() {
            let why = if left_out.is_empty() { "it has none".to_owned() } else { left_out.join("; ") };
            let message = format!("{}: no strategy can be tested on these files: {why}", path.display());
            return Err(Failure::say(Exit::Usage, message));
        }
        for strategy in &strategies {
            let of_it = feeds.iter().filter(|feed| strategy.symbols.contains(&feed.rules.id));
            left_out.extend(of_it.filter_map(|feed| too_short(feed, &strategy.rule, strategy.warm_up)));
        }
        let (fill_rule, slippage) = self.fills();
        let settings = Settings {
            quote: config.account.quote,
            balance: config.account.balance,
            strategies,
            limits: config.limits,
            fill_rule,
            slippage,
            every_point: self.equity.is_some(),
        };
        Ok((loaded, settings, left_out))
    }
}

fn rules(config: &Config, path: &Path, symbol: Symbol) -> Result<Instrument, Failure> {
    config.instrument(InstrumentId::new(config.market.market, symbol)).ok_or_else(|| {
        let path = path.display();
        let message = format!("{path} does not trade {symbol}; add it to market.symbols, or leave its files out");
        Failure::say(Exit::Usage, message)
    })
}

/// A strategy with those of its symbols that there are candles of, if it looks at candles of that length.
fn shown(
    strategy: &StrategySettings,
    interval: Span,
    feeds: &[Feed],
    left_out: &mut Vec<String>,
) -> Option<StrategySettings> {
    let name = strategy.name;
    if let EntryStyle::PostOnly { .. } = strategy.entry {
        left_out.push(format!("{name} enters by orders that rest at the best bid, which candles do not tell"));
        return None;
    }
    if strategy.interval != interval {
        left_out.push(format!("{name} looks at candles of {}, and these are of {interval}", strategy.interval));
        return None;
    }
    let there = |symbol: &InstrumentId| feeds.iter().any(|feed| feed.rules.id == *symbol);
    let (symbols, absent): (Vec<InstrumentId>, Vec<InstrumentId>) =
        strategy.symbols.iter().partition(|symbol| there(symbol));
    left_out.extend(absent.iter().map(|symbol| format!("{name} trades {symbol}, of which there are no candles")));
    (!symbols.is_empty()).then(|| StrategySettings { symbols, ..strategy.clone() })
}
