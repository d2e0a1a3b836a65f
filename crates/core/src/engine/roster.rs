//! Who trades what, and by which rules: fixed for as long as an engine lives, and lent to its parts.

use crate::strategy::StrategySettings;
use tradingbot_domain::{Asset, EntryStyle, Instrument, InstrumentId, Market, Span, StrategyName};

use super::index::{DeskIdx, InstrumentIdx, StrategyIdx, Table};
use super::setup::Setup;

/// Instruments, strategies, and the desks at which the ones trade the others.
#[derive(Debug)]
pub struct Roster {
    instruments: Table<InstrumentIdx, Instrument>,
    strategies: Table<StrategyIdx, StrategySettings>,
    desks: Table<DeskIdx, Seat>,
    /// The desks of each instrument, in the order of their strategies.
    beside: Table<InstrumentIdx, Vec<DeskIdx>>,
}

/// What is traded at a desk, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// By whom.
    pub strategy: StrategyIdx,
    /// What.
    pub instrument: InstrumentIdx,
}

impl Roster {
    /// A desk for each instrument of each strategy. An instrument without rules has none.
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        let mut rules = setup.instruments.clone();
        rules.sort_by_key(|rules| rules.id);
        rules.dedup_by_key(|rules| rules.id);
        let instruments: Table<InstrumentIdx, Instrument> = rules.into_iter().collect();
        let strategies: Table<StrategyIdx, StrategySettings> = setup.strategies.iter().cloned().collect();
        let mut beside: Table<InstrumentIdx, Vec<DeskIdx>> = instruments.rows().map(|_| Vec::new()).collect();
        let mut desks: Table<DeskIdx, Seat> = std::iter::empty().collect();
        for (strategy, settings) in strategies.iter() {
            for symbol in &settings.symbols {
                if let Some((instrument, _)) = instruments.iter().find(|(_, rules)| rules.id == *symbol) {
                    beside[instrument].push(desks.push(Seat { strategy, instrument }));
                }
            }
        }
        Self { instruments, strategies, desks, beside }
    }

    /// Every instrument, by its name.
    pub fn instruments(&self) -> impl Iterator<Item = (InstrumentIdx, &Instrument)> {
        self.instruments.iter()
    }

    /// Every strategy, in the operator's order.
    pub fn strategies(&self) -> impl Iterator<Item = (StrategyIdx, &StrategySettings)> {
        self.strategies.iter()
    }

    /// Every desk, strategy by strategy.
    pub fn desks(&self) -> impl Iterator<Item = DeskIdx> + use<> {
        self.desks.places()
    }

    /// The exchange's rules for an instrument.
    #[must_use]
    pub fn rules(&self, instrument: InstrumentIdx) -> &Instrument {
        &self.instruments[instrument]
    }

    /// A strategy as the operator set it up.
    #[must_use]
    pub fn settings(&self, strategy: StrategyIdx) -> &StrategySettings {
        &self.strategies[strategy]
    }

    /// What is traded at `desk`, and by whom.
    #[must_use]
    pub fn seat(&self, desk: DeskIdx) -> Seat {
        self.desks[desk]
    }

    /// The strategy of `desk` as the operator set it up.
    #[must_use]
    pub fn settings_of(&self, desk: DeskIdx) -> &StrategySettings {
        self.settings(self.seat(desk).strategy)
    }

    /// The longest that an entry order of the strategy of that name may rest.
    #[must_use]
    pub fn rest_max(&self, name: StrategyName) -> Option<Span> {
        match self.settings(self.strategy_named(name)?).entry {
            EntryStyle::PostOnly { timeout } => Some(timeout),
            EntryStyle::Market => None,
        }
    }

    /// The exchange's rules for what is traded at `desk`.
    #[must_use]
    pub fn rules_of(&self, desk: DeskIdx) -> &Instrument {
        self.rules(self.seat(desk).instrument)
    }

    /// The desks that trade `instrument`, in the order of their strategies.
    #[must_use]
    pub fn desks_on(&self, instrument: InstrumentIdx) -> &[DeskIdx] {
        &self.beside[instrument]
    }

    /// The desk at which the strategy of that name trades `symbol`.
    #[must_use]
    pub fn desk_of(&self, name: StrategyName, symbol: InstrumentId) -> Option<DeskIdx> {
        self.desks().find(|desk| self.settings_of(*desk).name == name && self.rules_of(*desk).id == symbol)
    }

    /// The strategy of that name.
    #[must_use]
    pub fn strategy_named(&self, name: StrategyName) -> Option<StrategyIdx> {
        self.strategies.iter().find(|(_, settings)| settings.name == name).map(|(place, _)| place)
    }

    /// The place of `symbol`, if it is known.
    #[must_use]
    pub fn instrument_named(&self, symbol: InstrumentId) -> Option<InstrumentIdx> {
        self.instruments.iter().find(|(_, rules)| rules.id == symbol).map(|(place, _)| place)
    }

    /// What an operator means by a name: where no spot instrument has it, the perpetual of that symbol.
    #[must_use]
    pub fn meant_by(&self, name: InstrumentId) -> InstrumentId {
        let perpetual = name.read_in(Market::UsdM);
        let is_traded = |id| self.instrument_named(id).is_some();
        if !is_traded(name) && is_traded(perpetual) { perpetual } else { name }
    }

    /// The instrument that trades `base` for `quote`, if there is one.
    #[must_use]
    pub fn instrument_of(&self, base: Asset, quote: Asset) -> Option<InstrumentIdx> {
        self.instruments.iter().find(|(_, rules)| rules.base == base && rules.quote == quote).map(|(place, _)| place)
    }

    /// The lengths of candles that are looked at on `instrument`, each once.
    #[must_use]
    pub fn intervals(&self, instrument: InstrumentIdx) -> Vec<Span> {
        let mut intervals = Vec::new();
        for interval in self.beside[instrument].iter().map(|desk| self.settings_of(*desk).interval) {
            if !intervals.contains(&interval) {
                intervals.push(interval);
            }
        }
        intervals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Strict;
    use tradingbot_domain::{Limits, Rate, RunId};

    fn roster(names: &[&str]) -> Roster {
        let quote: Asset = "USDT".parse().unwrap();
        let rules = |name: &&str| Instrument::plain(name.parse().unwrap(), "BTC".parse().unwrap(), quote, Rate::ZERO);
        Roster::new(&Setup {
            run: RunId(1),
            quote,
            instruments: names.iter().map(rules).collect(),
            strategies: Vec::new(),
            limits: Limits::none(Vec::new()),
            interval_rule: &Strict,
            mark_every: Span::HOUR,
        })
    }

    #[test]
    fn a_name_means_the_perpetual_only_where_no_spot_instrument_has_it() {
        let meant = |names: &[&str], name: &str| roster(names).meant_by(name.parse().unwrap()).to_string();
        assert_eq!(meant(&["BTCUSDT-PERP"], "BTCUSDT"), "BTCUSDT-PERP");
        assert_eq!(meant(&["BTCUSDT", "BTCUSDT-PERP"], "BTCUSDT"), "BTCUSDT");
        assert_eq!(meant(&["BTCUSDT"], "BTCUSDT-PERP"), "BTCUSDT-PERP");
        assert_eq!(meant(&["BTCUSDT-PERP"], "ETHUSDT"), "ETHUSDT");
    }
}
