//! A desk: one strategy over one symbol, with a book of its own.

use crate::strategy::{self, RangeShare, SignalRule, Strategy, Target};
use tradingbot_domain::{
    Candle, ClientOrderId, EntryStyle, ExitReason, Exits, Notional, Rate, Sizing, Span, StrategyName, StrategySettings,
    Timestamp,
};

use super::command::EntryTooSmall;
use super::positions::Position;

/// One strategy over one symbol.
pub struct Desk {
    /// Which of the running strategies.
    pub strategy: usize,
    /// Which market.
    pub market: usize,
    /// Length of its candles.
    pub interval: Span,
    /// What it holds.
    pub position: Option<Position>,
    /// Its entry order that may still trade.
    pub entering: Option<ClientOrderId>,
    /// Its exit order that may still trade.
    pub leaving: Option<ClientOrderId>,
    /// Why it is to be left: a wish that holds until nothing is held, however often an exit fails.
    pub parting: Option<ExitReason>,
    /// No exit is tried before then.
    pub exit_due: Timestamp,
    /// Whether its exit waits for a limit of pace to let it pass.
    pub awaits_pace: bool,
    /// The first of its entries that was too small for the exchange, once there was one.
    pub too_small: Option<EntryTooSmall>,
    /// When it last closed a position.
    pub closed: Option<Timestamp>,
    /// Whether the rule wished to leave at the open of the interval that comes next.
    pub exit_signalled: bool,
    rule: Box<dyn Strategy>,
    range: Option<RangeShare>,
    seen: u32,
    last_open: Option<Timestamp>,
}

/// One running strategy.
#[derive(Debug)]
pub struct Running {
    /// As the operator set it up.
    pub settings: StrategySettings,
    /// Whether it takes no new positions.
    pub paused: bool,
    /// Gains and losses of what it has closed, fees included.
    pub profit: Notional,
    /// Positions it has closed.
    pub closed: u64,
    /// Positions it has closed with a gain.
    pub won: u64,
}

impl Running {
    /// A strategy that has done nothing yet.
    #[must_use]
    pub const fn new(settings: StrategySettings) -> Self {
        Self { settings, paused: false, profit: Notional::ZERO, closed: 0, won: 0 }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> StrategyName {
        self.settings.name
    }

    /// When it leaves.
    #[must_use]
    pub const fn exits(&self) -> &Exits {
        &self.settings.exits
    }

    /// What its entries are.
    #[must_use]
    pub const fn entry(&self) -> EntryStyle {
        self.settings.entry
    }
}

impl Desk {
    /// A desk with nothing on it.
    #[must_use]
    pub fn new(strategy: usize, market: usize, settings: &StrategySettings, signals: SignalRule) -> Self {
        let range = match settings.sizing {
            Sizing::VolatilityTarget { period, .. } => Some(RangeShare::new(period)),
            Sizing::Fixed { .. } | Sizing::EquityShare { .. } => None,
        };
        Self {
            strategy,
            market,
            interval: settings.interval,
            position: None,
            entering: None,
            leaving: None,
            parting: None,
            exit_due: Timestamp::ZERO,
            awaits_pace: false,
            too_small: None,
            closed: None,
            exit_signalled: false,
            rule: strategy::build(settings.rule, signals),
            range,
            seen: 0,
            last_open: None,
        }
    }

    /// Shows the rule a closed candle; `None` while it warms up, or when the candle is not newer than the last.
    pub fn update(&mut self, candle: &Candle, warm_up: u32) -> Option<Target> {
        if self.last_open.is_some_and(|last| candle.open_time <= last) {
            return None;
        }
        self.last_open = Some(candle.open_time);
        let target = self.rule.update(candle);
        if let Some(range) = &mut self.range {
            range.update(candle);
        }
        self.seen = self.seen.saturating_add(1);
        (self.seen > warm_up).then_some(target)
    }

    /// How many candles the rule has seen.
    #[must_use]
    pub const fn seen(&self) -> u32 {
        self.seen
    }

    /// When the candle after the last one opens; `None` before the first.
    #[must_use]
    pub fn next_open(&self) -> Option<Timestamp> {
        self.last_open.map(|open| open.plus(self.interval))
    }

    /// Whether there is nothing on it and nothing on its way to it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.position.is_none() && self.entering.is_none() && self.leaving.is_none()
    }

    /// The average true range as a share of the price, once known; for sizing by volatility.
    #[must_use]
    pub fn range_share(&self) -> Option<Rate> {
        self.range.as_ref().and_then(RangeShare::share)
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("strategy", &self.strategy).field("market", &self.market).finish_non_exhaustive()
    }
}
