//! What somebody who hears all that the engine hears must believe: orders, holdings and money, summed up anew.

use std::collections::{BTreeMap, BTreeSet};

use tradingbot::domain::{
    Asset, ClientOrderId, Entry, Fill, Instrument, InstrumentId, NewOrder, Notional, OrderKind, Price, Purpose, Qty,
    Rounding, Side, StrategyName, TradeId,
};

/// An order that the book knows.
#[derive(Debug, Clone)]
pub struct Known {
    pub order: NewOrder,
    pub filled: Qty,
    pub open: bool,
    /// Nobody has answered for it.
    pub unknown: bool,
}

/// Orders, holdings and money.
#[derive(Debug, Clone, Default)]
pub struct Book {
    pub rules: BTreeMap<InstrumentId, Instrument>,
    pub orders: BTreeMap<ClientOrderId, Known>,
    pub positions: BTreeMap<(StrategyName, InstrumentId), Qty>,
    pub held: BTreeMap<InstrumentId, Qty>,
    pub balances: BTreeMap<Asset, Notional>,
    pub last: BTreeMap<InstrumentId, Price>,
    /// What came from outside, in the quote asset.
    pub deposited: Notional,
    trades: BTreeSet<(InstrumentId, TradeId)>,
    /// What was bought for each position, and for how much.
    bought: BTreeMap<(StrategyName, InstrumentId), (Qty, Notional)>,
}

impl Book {
    pub fn new(rules: &[Instrument]) -> Self {
        Self { rules: rules.iter().map(|rules| (rules.id, rules.clone())).collect(), ..Self::default() }
    }

    /// The book that a ledger's entries make.
    pub fn of<'a>(rules: &[Instrument], entries: impl Iterator<Item = &'a Entry>) -> Self {
        let mut book = Self::new(rules);
        for entry in entries {
            match entry {
                Entry::Deposited { asset, amount } => book.deposit(*asset, *amount),
                Entry::Intended { order } => book.intend(order),
                Entry::Filled { fill } => {
                    book.last.insert(fill.symbol, fill.price);
                    book.fill(fill);
                }
                Entry::Ended { id, .. } => book.end(*id),
                _ => {}
            }
        }
        book
    }

    pub fn open(&self) -> impl Iterator<Item = (&ClientOrderId, &Known)> {
        self.orders.iter().filter(|(_, known)| known.open)
    }

    pub fn deposit(&mut self, asset: Asset, amount: Notional) {
        self.deposited = self.deposited.plus(amount).unwrap();
        self.add(asset, amount);
    }

    /// Whether not all that an order has traded is known.
    pub fn lacks(&self, id: ClientOrderId, filled: Qty) -> bool {
        self.orders.get(&id).is_some_and(|known| known.open && known.filled < filled)
    }

    pub fn intend(&mut self, order: &NewOrder) {
        let known = Known { order: order.clone(), filled: Qty::ZERO, open: true, unknown: false };
        self.orders.insert(order.id, known);
    }

    pub fn end(&mut self, id: ClientOrderId) {
        if let Some(known) = self.orders.get_mut(&id) {
            known.open = false;
            let desk = (known.order.strategy, known.order.symbol);
            self.drop_dust(desk);
        }
    }

    /// Counts a fill, once. Whether it was news.
    pub fn fill(&mut self, fill: &Fill) -> bool {
        if !self.trades.insert((fill.symbol, fill.trade)) {
            return false;
        }
        let Some(known) = self.orders.get_mut(&fill.order) else { return true };
        known.filled = known.filled.plus(fill.qty).unwrap();
        if known.filled >= known.order.qty {
            known.open = false;
        }
        let desk = (known.order.strategy, known.order.symbol);
        let rules = &self.rules[&fill.symbol];
        let (base, quote) = (rules.base, rules.quote);
        let mut moved = fill.side.signed(fill.qty);
        let mut entered = moved;
        let value = fill.value().unwrap();
        let mut paid = if fill.side == Side::Buy { value.negated() } else { value };
        let fee = fill.fee;
        if fee.asset == quote {
            paid = paid.minus(fee.amount).unwrap();
        } else if fee.asset == base {
            moved = moved.minus(fee.amount.as_asset(Rounding::Up).unwrap()).unwrap();
            // What a sale costs is not sold with it: the account pays, not the position.
            if fill.side == Side::Buy {
                entered = moved;
            }
        } else {
            self.add(fee.asset, fee.amount.negated());
            let market = self.rules.values().find(|rules| rules.base == fee.asset).map(|rules| rules.id);
            if let Some(market) = market {
                let held = self.held.entry(market).or_default();
                *held = held.minus(fee.amount.as_asset(Rounding::Up).unwrap()).unwrap();
            }
        }
        self.add(quote, paid);
        self.add(base, Notional::of_asset(moved).unwrap());
        self.last.entry(fill.symbol).or_insert(fill.price);
        let held = self.held.entry(fill.symbol).or_default();
        *held = held.plus(moved).unwrap();
        if fill.side == Side::Buy {
            let (qty, paid) = self.bought.entry(desk).or_default();
            (*qty, *paid) = (qty.plus(fill.qty).unwrap(), paid.plus(value).unwrap());
        }
        let position = self.positions.entry(desk).or_default();
        *position = position.plus(entered).unwrap();
        self.drop_dust(desk);
        true
    }

    pub fn position(&self, strategy: StrategyName, symbol: InstrumentId) -> Qty {
        self.positions.get(&(strategy, symbol)).copied().unwrap_or(Qty::ZERO)
    }

    pub fn balance(&self, asset: Asset) -> Notional {
        self.balances.get(&asset).copied().unwrap_or(Notional::ZERO)
    }

    /// What open exits of a desk may still sell.
    pub fn leaving(&self, strategy: StrategyName, symbol: InstrumentId) -> Qty {
        let own = |known: &&Known| known.order.strategy == strategy && known.order.symbol == symbol;
        let exits =
            self.open().map(|(_, known)| known).filter(own).filter(|known| known.order.purpose != Purpose::Enter);
        exits.fold(Qty::ZERO, |sum, known| sum.plus(known.order.qty.minus(known.filled).unwrap()).unwrap())
    }

    /// Value of a desk's position, or of all holdings, with what open entries may still add.
    pub fn exposure(&self, desk: Option<(StrategyName, InstrumentId)>) -> Notional {
        let held = |symbol: &InstrumentId, qty: Qty| match self.last.get(symbol) {
            Some(last) => last.times(qty.abs()).unwrap(),
            None => Notional::ZERO,
        };
        let holdings = match desk {
            Some((strategy, symbol)) => held(&symbol, self.position(strategy, symbol)),
            None => self.held.iter().fold(Notional::ZERO, |sum, (symbol, qty)| sum.plus(held(symbol, *qty)).unwrap()),
        };
        let own = |known: &&Known| desk.is_none_or(|desk| desk == (known.order.strategy, known.order.symbol));
        let entries =
            self.open().map(|(_, known)| known).filter(own).filter(|known| known.order.purpose == Purpose::Enter);
        entries.fold(holdings, |sum, known| {
            sum.plus(self.value(&known.order, known.order.qty.minus(known.filled).unwrap())).unwrap()
        })
    }

    /// What `qty` of an order is worth: at its own price, or at the last one.
    pub fn value(&self, order: &NewOrder, qty: Qty) -> Notional {
        let price = match order.kind {
            OrderKind::Market => self.last.get(&order.symbol).copied().unwrap_or(Price::ZERO),
            OrderKind::Limit { price, .. } | OrderKind::PostOnly { price } | OrderKind::Stop { trigger: price } => {
                price
            }
        };
        price.times(qty).unwrap()
    }

    /// Cash and holdings at the last prices.
    pub fn equity(&self, quote: Asset) -> Notional {
        self.held.iter().fold(self.balance(quote), |sum, (symbol, qty)| match self.last.get(symbol) {
            Some(last) => sum.plus(last.times(*qty).unwrap()).unwrap(),
            None => sum,
        })
    }

    /// What is too little to sell is no position once nothing is on its way to or from it.
    fn drop_dust(&mut self, desk: (StrategyName, InstrumentId)) {
        let (strategy, symbol) = desk;
        let busy = self.open().any(|(_, known)| known.order.strategy == strategy && known.order.symbol == symbol);
        let Some(position) = self.positions.get_mut(&desk).filter(|_| !busy) else { return };
        let rules = &self.rules[&symbol];
        let qty = rules.fit_qty(position.abs()).unwrap();
        let (bought, paid) = self.bought.get(&desk).copied().unwrap_or_default();
        let value = paid.per(bought, Rounding::Nearest).map_or(Notional::ZERO, |price| price.times(qty).unwrap());
        if !qty.is_positive() || value < rules.notional_min {
            *position = Qty::ZERO;
            self.bought.remove(&desk);
        }
    }

    fn add(&mut self, asset: Asset, amount: Notional) {
        let balance = self.balances.entry(asset).or_default();
        *balance = balance.plus(amount).unwrap();
    }
}
