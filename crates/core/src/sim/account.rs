//! What the simulated account holds: free and locked, asset by asset, never less than nothing.

use std::collections::{BTreeMap, BTreeSet};

use tradingbot_domain::{AmountError, Asset, Notional};

/// Balances of the simulated account.
#[derive(Debug, Default)]
pub(super) struct Account {
    balances: BTreeMap<Asset, Balance>,
    changed: BTreeSet<Asset>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Balance {
    free: Notional,
    locked: Notional,
}

impl Account {
    pub(super) fn new(balances: &[(Asset, Notional)]) -> Self {
        let balances = balances.iter().map(|(asset, free)| (*asset, Balance { free: *free, locked: Notional::ZERO }));
        Self { balances: balances.collect(), changed: BTreeSet::new() }
    }

    pub(super) fn free(&self, asset: Asset) -> Notional {
        self.balances.get(&asset).map_or(Notional::ZERO, |balance| balance.free)
    }

    pub(super) fn total(&self, asset: Asset) -> Notional {
        self.balances.get(&asset).map_or(Notional::ZERO, |balance| plus(balance.free, balance.locked))
    }

    pub(super) fn totals(&self) -> impl Iterator<Item = (Asset, Notional)> + '_ {
        self.balances.iter().map(|(asset, balance)| (*asset, plus(balance.free, balance.locked)))
    }

    /// Takes as much of `amount` out of what is free as there is, and says how much that was.
    pub(super) fn lock(&mut self, asset: Asset, amount: Notional) -> Notional {
        let balance = self.balances.entry(asset).or_default();
        let locked = amount.min(balance.free);
        balance.free = minus(balance.free, locked);
        balance.locked = plus(balance.locked, locked);
        locked
    }

    pub(super) fn unlock(&mut self, asset: Asset, amount: Notional) {
        let balance = self.balances.entry(asset).or_default();
        balance.locked = minus(balance.locked, amount);
        balance.free = plus(balance.free, amount);
    }

    /// Adds every change to what is free, or none of them.
    pub(super) fn settle(&mut self, changes: &[(Asset, Notional)]) -> Result<(), AmountError> {
        let mut after: BTreeMap<Asset, Notional> = BTreeMap::new();
        for (asset, change) in changes {
            let free = after.entry(*asset).or_insert_with(|| self.free(*asset));
            *free = free.plus(*change)?;
        }
        for (asset, free) in &after {
            // The total has to fit as well.
            let locked = self.balances.get(asset).map_or(Notional::ZERO, |balance| balance.locked);
            if free.plus(locked)?.is_negative() || free.is_negative() {
                return Err(AmountError::Overflow);
            }
        }
        for (asset, free) in after {
            self.balances.entry(asset).or_default().free = free;
            self.changed.insert(asset);
        }
        Ok(())
    }

    /// Assets whose total has changed since this was asked last.
    pub(super) fn take_changed(&mut self) -> BTreeSet<Asset> {
        std::mem::take(&mut self.changed)
    }
}

fn plus(one: Notional, other: Notional) -> Notional {
    one.plus(other).expect("free and locked together were checked to fit when they were settled")
}

fn minus(one: Notional, other: Notional) -> Notional {
    one.minus(other).expect("what is taken away was part of it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usdt() -> Asset {
        "USDT".parse().unwrap()
    }

    fn money(text: &str) -> Notional {
        text.parse().unwrap()
    }

    #[test]
    fn locking_takes_no_more_than_is_free_and_leaves_the_total_alone() {
        let mut account = Account::new(&[(usdt(), money("10"))]);
        assert_eq!(account.lock(usdt(), money("7")), money("7"));
        assert_eq!(account.lock(usdt(), money("7")), money("3"));
        assert_eq!((account.free(usdt()), account.total(usdt())), (Notional::ZERO, money("10")));
        account.unlock(usdt(), money("4"));
        assert_eq!((account.free(usdt()), account.total(usdt())), (money("4"), money("10")));
    }

    #[test]
    fn a_settlement_that_would_go_below_nothing_changes_nothing() {
        let btc: Asset = "BTC".parse().unwrap();
        let mut account = Account::new(&[(usdt(), money("10"))]);
        assert!(account.settle(&[(btc, money("1")), (usdt(), money("-11"))]).is_err());
        assert_eq!((account.total(btc), account.total(usdt())), (Notional::ZERO, money("10")));
        assert!(account.take_changed().is_empty());
        account.settle(&[(btc, money("1")), (usdt(), money("-9")), (usdt(), money("-1"))]).unwrap();
        assert_eq!((account.total(btc), account.total(usdt())), (money("1"), Notional::ZERO));
        assert_eq!(account.take_changed().len(), 2);
    }
}
