//! The snapshot as clients see it, written out once for all who ask before it changes.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::doors::Readiness;
use super::reply::Tagged;
use super::settings::Access;
use super::shown::{AccountView, Listed, OrderView, StatusView, StrategyWarmUp};
use crate::domain::Snapshot;
use crate::domain::snapshot::StrategyView;

/// Which part of the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Status,
    Balance,
    Positions,
    Orders,
    Strategies,
}

/// The parts of one snapshot that somebody has asked for.
#[derive(Debug, Default)]
pub(super) struct Views {
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    snapshot: Option<Arc<Snapshot>>,
    views: [Option<Tagged>; 5],
}

impl Views {
    /// A part of `snapshot`, as told over an API that is reached by `api`, which never changes, of a bot that is as ready as
    /// it was when it was shown the snapshot, or more.
    pub(super) fn show(&self, snapshot: &Arc<Snapshot>, api: &Access, ready: &Readiness, view: View) -> Tagged {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if !written.snapshot.as_ref().is_some_and(|known| Arc::ptr_eq(known, snapshot)) {
            *written = Written { snapshot: Some(Arc::clone(snapshot)), ..Written::default() };
        }
        let slot = match view {
            View::Status => 0,
            View::Balance => 1,
            View::Positions => 2,
            View::Orders => 3,
            View::Strategies => 4,
        };
        let Some(slot) = written.views.get_mut(slot) else { return Tagged::new(write(snapshot, api, ready, view)) };
        slot.get_or_insert_with(|| Tagged::new(write(snapshot, api, ready, view))).clone()
    }
}

fn write(snapshot: &Snapshot, api: &Access, ready: &Readiness, view: View) -> Vec<u8> {
    match view {
        View::Status => json(&StatusView {
            version: Cow::Borrowed(env!("CARGO_PKG_VERSION")),
            run: snapshot.run,
            seq: snapshot.seq,
            at: snapshot.at,
            api: Cow::Borrowed(api),
            starting: match ready {
                Readiness::Starting { waits_for } => Some(Cow::Borrowed(waits_for)),
                Readiness::Ready | Readiness::Failing { .. } => None,
            },
            trading: snapshot.halt.is_none(),
            halt: snapshot.halt.as_ref().map(Cow::Borrowed),
            equity: snapshot.equity,
            equity_peak: snapshot.equity_peak,
            drawdown: snapshot.drawdown,
            profit_today: snapshot.profit_today,
            positions: count(snapshot.positions.len()),
            orders: count(snapshot.orders.len()),
            strategies: count(snapshot.strategies.len()),
            strategies_paused: count(snapshot.strategies.iter().filter(|strategy| strategy.paused).count()),
            warming_up: warming_up(snapshot),
            fills: snapshot.fills,
            refusals: snapshot.refusals,
            entries_too_small: Cow::Borrowed(&snapshot.entries_too_small),
            markets: Cow::Borrowed(&snapshot.markets),
        }),
        View::Balance => json(&AccountView {
            balances: &snapshot.balances,
            equity: snapshot.equity,
            equity_peak: snapshot.equity_peak,
            drawdown: snapshot.drawdown,
            profit_today: snapshot.profit_today,
        }),
        View::Positions => json(&Listed { items: &snapshot.positions, next: None }),
        View::Orders => {
            let items: Vec<OrderView<'_>> = snapshot.orders.iter().map(OrderView::of).collect();
            json(&Listed { items: &items, next: None })
        }
        View::Strategies => json(&Listed { items: &snapshot.strategies, next: None }),
    }
}

fn warming_up(snapshot: &Snapshot) -> Vec<StrategyWarmUp> {
    let of_strategy = |one: &StrategyView| {
        let strategy = one.name;
        one.warming_up.iter().map(move |warm_up| StrategyWarmUp { strategy, progress: *warm_up }).collect::<Vec<_>>()
    };
    snapshot.strategies.iter().flat_map(of_strategy).collect()
}

fn count(len: usize) -> u64 {
    u64::try_from(len).expect("a length fits 64 bits")
}

fn json(view: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(view).expect("what the API shows has a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_written_once_a_snapshot() {
        let views = Views::default();
        let api = Access::default();
        let show = |snapshot, view| views.show(snapshot, &api, &Readiness::Ready, view);
        let first = Arc::new(Snapshot::default());
        let body = show(&first, View::Orders).body;
        assert_eq!(body.as_ptr(), show(&first, View::Orders).body.as_ptr());
        assert_ne!(body.as_ptr(), show(&first, View::Positions).body.as_ptr());
        let second = Arc::new(Snapshot { fills: 1, ..Snapshot::default() });
        let tag = show(&first, View::Status).tag;
        assert_ne!(show(&second, View::Status).tag, tag);
        assert_eq!(show(&second, View::Orders).tag, show(&first, View::Orders).tag);
    }
}
