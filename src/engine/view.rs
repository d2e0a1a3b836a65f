//! One consistent picture of the engine for whoever looks on.

use crate::domain::snapshot::{BalanceView, MarketView, PositionView, Snapshot, StrategyView};
use crate::domain::{Notional, Price, Rate};

use super::Engine;

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
            equity: self.account.equity(),
            equity_peak: self.account.peak(),
            drawdown: self.account.drawdown().unwrap_or(Rate::ONE),
            profit_today: self.account.profit_today().unwrap_or(Notional::ZERO),
            positions: self.positions(),
            orders: self.orders.live().cloned().collect(),
            strategies: self
                .running
                .iter()
                .map(|running| StrategyView {
                    name: running.name(),
                    kind: running.settings.rule.as_str().to_owned(),
                    symbols: running.settings.symbols.clone(),
                    interval: running.settings.interval,
                    paused: running.paused,
                    profit: running.profit,
                    closed: running.closed,
                    won: running.won,
                })
                .collect(),
            markets: self
                .markets
                .iter()
                .map(|market| MarketView {
                    symbol: market.rules.symbol,
                    last: market.last.unwrap_or(Price::ZERO),
                    bid: market.bid,
                    ask: market.ask,
                    heard: market.heard,
                    stale: self.now.since(market.heard) > self.gate.limits().staleness_max,
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

    fn positions(&self) -> Vec<PositionView> {
        let mut views = Vec::new();
        for desk in &self.desks {
            let Some(position) = &desk.position else { continue };
            let market = self.markets.at(desk.market);
            let entry = position.entry().unwrap_or(Price::ZERO);
            let last = market.last.unwrap_or(entry);
            views.push(PositionView {
                strategy: self.running[desk.strategy].name(),
                symbol: market.rules.symbol,
                qty: position.qty,
                entry,
                last,
                stop: position.guard.stop(),
                profit: position.profit(last).unwrap_or(Notional::ZERO),
                since: position.opened,
            });
        }
        views
    }
}
