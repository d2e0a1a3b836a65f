//! One consistent picture of the engine for whoever looks on.

use super::Engine;
use tradingbot_domain::snapshot::{BalanceView, MarketView, PositionView, Snapshot, StrategyView};

impl Engine {
    /// The picture after the last event.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            run: self.run,
            seq: self.seq,
            at: self.now,
            halt: self.halt.clone(),
            balances: self
                .account
                .balances()
                .iter()
                .map(|(asset, total)| BalanceView { asset: *asset, total: *total })
                .collect(),
            equity: self.is_valued().then(|| self.account.equity()),
            equity_peak: self.account.peak(),
            drawdown: self.account.drawdown().ok().filter(|_| !self.repricing),
            profit_today: self.account.profit_today().ok().filter(|_| !self.repricing),
            positions: self.positions(),
            orders: self.orders.live().cloned().collect(),
            strategies: self
                .running
                .iter()
                .enumerate()
                .map(|(place, running)| StrategyView {
                    name: running.name(),
                    kind: running.settings.rule.as_str().to_owned(),
                    symbols: running.settings.symbols.clone(),
                    interval: running.settings.interval,
                    paused: running.paused,
                    profit: running.profit,
                    closed: running.closed,
                    won: running.won,
                    warming_up: self.warming_up(place),
                })
                .collect(),
            markets: self
                .markets
                .iter()
                .map(|market| MarketView {
                    symbol: market.rules.id,
                    last: market.last.filter(|_| market.priced),
                    bid: market.bid,
                    ask: market.ask,
                    heard: market.heard,
                    stale: market.heard.is_none_or(|at| self.now.since(at) > self.gate.limits().staleness_max),
                })
                .collect(),
            fills: self.fills,
            refusals: self.refusals,
            entries_too_small: self
                .desks
                .iter()
                .filter_map(|desk| desk.too_small.as_ref())
                .map(ToString::to_string)
                .collect(),
        }
    }

    /// Whether everything that is held has had a price in this life.
    fn is_valued(&self) -> bool {
        !self.repricing || self.markets.iter().all(|market| market.priced || market.held.is_zero())
    }

    fn positions(&self) -> Vec<PositionView> {
        let mut views = Vec::new();
        for desk in &self.desks {
            let Some(position) = &desk.position else { continue };
            let market = self.markets.at(desk.market);
            let last = market.last.filter(|_| market.priced);
            views.push(PositionView {
                strategy: self.running[desk.strategy].name(),
                symbol: market.rules.id,
                qty: position.qty,
                entry: position.entry().ok(),
                last,
                stop: position.stops.stop(),
                profit: last.and_then(|last| position.profit(last).ok()),
                since: position.opened,
            });
        }
        views
    }
}
