//! Where the simulated exchange books what happens to orders: numbers, fills, fees, balances, and what became of each.

use std::collections::{BTreeMap, VecDeque};

use tradingbot_domain::{
    AccountEvent, AmountError, ClientOrderId, ExchangeOrderId, Fee, Fill, Instrument, InstrumentId, Liquidity,
    NewOrder, Notional, Outcome, Price, Qty, Side, Span, Timestamp, TradeId,
};

use super::account::Account;
use super::fees::Fees;
use super::rules;

/// The exchange's memory of our orders and what they changed.
#[derive(Debug)]
pub(super) struct Clearing {
    pub(super) account: Account,
    pub(super) fees: Fees,
    records: BTreeMap<ClientOrderId, Record>,
    /// Orders of an exchange that ended with its process.
    gone: BTreeMap<ClientOrderId, InstrumentId>,
    /// Orders that have ended, oldest first; beyond the bound they are forgotten.
    ended: VecDeque<(ClientOrderId, ExchangeOrderId)>,
    next_order: u64,
    next_trade: BTreeMap<InstrumentId, u64>,
    trades_from: u64,
    events: Vec<AccountEvent>,
}

/// What the exchange remembers of one order.
#[derive(Debug)]
struct Record {
    symbol: InstrumentId,
    exchange_id: ExchangeOrderId,
    accepted: Timestamp,
    fills: Vec<Fill>,
    fate: Fate,
    denied: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Live,
    Filled,
    Ended { outcome: Outcome, reason: &'static str },
}

impl Record {
    fn filled(&self) -> Qty {
        let add = |sum: Qty, fill: &Fill| sum.plus(fill.qty).expect("no more is filled than was ordered");
        self.fills.iter().fold(Qty::ZERO, add)
    }
}

impl Clearing {
    pub(super) fn new(account: Account, fees: Fees, numbers_from: u64) -> Self {
        Self {
            account,
            fees,
            records: BTreeMap::new(),
            gone: BTreeMap::new(),
            ended: VecDeque::new(),
            next_order: numbers_from,
            next_trade: BTreeMap::new(),
            trades_from: numbers_from,
            events: Vec::new(),
        }
    }

    pub(super) fn is_live(&self, id: ClientOrderId) -> bool {
        self.records.get(&id).is_some_and(|record| record.fate == Fate::Live)
    }

    pub(super) fn accept(&mut self, at: Timestamp, order: &NewOrder) -> ExchangeOrderId {
        let exchange_id = ExchangeOrderId(self.next_order);
        self.next_order += 1;
        let (symbol, fills) = (order.symbol, Vec::new());
        let record = Record { symbol, exchange_id, accepted: at, fills, fate: Fate::Live, denied: false };
        self.records.insert(order.id, record);
        self.events.push(AccountEvent::Accepted { id: order.id, exchange_id });
        exchange_id
    }

    pub(super) fn reject(&mut self, id: ClientOrderId, reason: &str) {
        self.events.push(AccountEvent::Rejected { id, reason: reason.to_owned() });
    }

    pub(super) fn refuse_cancel(&mut self, id: ClientOrderId, reason: &str) {
        self.events.push(AccountEvent::CancelRefused { id, reason: reason.to_owned() });
    }

    /// Books one trade of an order, all of it or nothing.
    pub(super) fn fill(
        &mut self,
        at: Timestamp,
        rules: &Instrument,
        order: &NewOrder,
        (price, qty, liquidity): (Price, Qty, Liquidity),
    ) -> Result<(), AmountError> {
        let value = price.times(qty)?;
        let (in_quote, in_third) = self.fees.charges(rules, liquidity, value)?;
        let base = Notional::of_asset(order.side.signed(qty))?;
        let quote = match order.side {
            Side::Buy => value.negated(),
            Side::Sell => value,
        };
        let mut settle = |fee: Fee| {
            let changes = [(rules.base, base), (rules.quote, quote), (fee.asset, fee.amount.negated())];
            self.account.settle(&changes).map(|()| fee)
        };
        // Where there is not enough of the third asset the quote asset pays.
        let fee = match in_third.map(&mut settle) {
            Some(Ok(fee)) => fee,
            Some(Err(_)) | None => settle(in_quote)?,
        };
        self.fees.note_trade(at, value);
        let number = self.next_trade.entry(rules.id).or_insert(self.trades_from);
        let trade = TradeId(*number);
        *number += 1;
        let (symbol, side) = (rules.id, order.side);
        let fill = Fill { order: order.id, trade, symbol, side, price, qty, fee, liquidity, at };
        if let Some(record) = self.records.get_mut(&order.id) {
            record.fills.push(fill.clone());
        }
        self.events.push(AccountEvent::Filled(fill));
        Ok(())
    }

    /// Books that an order is filled whole.
    pub(super) fn complete(&mut self, id: ClientOrderId) {
        self.finish(id, Fate::Filled);
    }

    /// Books the end of an order that is not filled whole.
    pub(super) fn end(&mut self, id: ClientOrderId, outcome: Outcome, reason: &'static str) {
        self.finish(id, Fate::Ended { outcome, reason });
        let filled = self.records.get(&id).map_or(Qty::ZERO, Record::filled);
        self.events.push(AccountEvent::Ended { id, outcome, filled, reason: reason.to_owned() });
    }

    /// Whether this order is known, but not to all of the exchange yet, and has never been denied.
    pub(super) fn is_deniable(&self, at: Timestamp, id: ClientOrderId) -> bool {
        let fresh = |record: &Record| at.since(record.accepted) < HIDDEN_MAX;
        self.records.get(&id).is_some_and(|record| !record.denied && fresh(record))
    }

    /// Says, this once, that a known order is not.
    pub(super) fn deny(&mut self, id: ClientOrderId) {
        if let Some(record) = self.records.get_mut(&id) {
            record.denied = true;
        }
        self.events.push(AccountEvent::NotFound { id });
    }

    /// Notes an order that ended with an earlier exchange.
    pub(super) fn inherit(&mut self, id: ClientOrderId, symbol: InstrumentId) {
        self.gone.insert(id, symbol);
    }

    /// Says again all that happened to an order.
    pub(super) fn tell(&mut self, id: ClientOrderId, symbol: InstrumentId) {
        if self.gone.get(&id) == Some(&symbol) {
            let (outcome, reason) = (Outcome::Expired, rules::RESTARTED.to_owned());
            return self.events.push(AccountEvent::Ended { id, outcome, filled: Qty::ZERO, reason });
        }
        let Some(record) = self.records.get(&id).filter(|record| record.symbol == symbol) else {
            return self.events.push(AccountEvent::NotFound { id });
        };
        self.events.push(AccountEvent::Accepted { id, exchange_id: record.exchange_id });
        self.events.extend(record.fills.iter().cloned().map(AccountEvent::Filled));
        if let Fate::Ended { outcome, reason } = record.fate {
            let filled = record.filled();
            self.events.push(AccountEvent::Ended { id, outcome, filled, reason: reason.to_owned() });
        }
    }

    pub(super) fn tell_balances(&mut self) {
        let all = self.account.totals().map(|(asset, total)| AccountEvent::Balance { asset, total });
        self.events.extend(all);
    }

    /// What has happened since this was asked last, balances that changed last.
    pub(super) fn take_events(&mut self) -> Vec<AccountEvent> {
        for asset in self.account.take_changed() {
            self.events.push(AccountEvent::Balance { asset, total: self.account.total(asset) });
        }
        std::mem::take(&mut self.events)
    }

    fn finish(&mut self, id: ClientOrderId, fate: Fate) {
        let Some(record) = self.records.get_mut(&id) else { return };
        record.fate = fate;
        self.ended.push_back((id, record.exchange_id));
        if self.ended.len() > REMEMBERED_MAX
            && let Some((oldest, exchange_id)) = self.ended.pop_front()
            && self.records.get(&oldest).is_some_and(|record| record.exchange_id == exchange_id)
        {
            self.records.remove(&oldest);
        }
    }
}

/// How long the part of the exchange that is asked may lag behind the part that trades.
const HIDDEN_MAX: Span = Span::from_secs(10);
/// Ended orders that can still be asked for.
const REMEMBERED_MAX: usize = 10_000;
