//! CORE: an exchange in memory, to trade on paper and to test against.

mod account;
mod candle;
mod clearing;
mod faults;
mod fees;
mod funds;
mod latency;
mod link;
mod live;
mod matcher;
mod rules;
mod view;

use std::collections::BTreeMap;

use crate::market::Random;
use tradingbot_domain::{
    AccountEvent, Asset, ClientOrderId, Instrument, InstrumentId, MarketEvent, NewOrder, Notional, Rate, Timestamp,
};

use account::Account;
use clearing::Clearing;
use fees::Fees;
use link::{Link, Request, Sent};
use matcher::Matcher;

pub use candle::CandleSim;
pub use faults::{FaultCounts, Faults};
pub use fees::{FeeSettings, FeeTier, ThirdAsset};
pub use latency::Latency;

/// What a simulated exchange trades, holds and gets wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimSettings {
    /// What can be traded. Every pair settles as a spot pair: assets change hands, nothing is borrowed.
    pub instruments: Vec<Instrument>,
    /// What is held at the start.
    pub balances: Vec<(Asset, Notional)>,
    /// Time that a request takes there, and an event back.
    pub latency: Latency,
    /// Seed of latencies and faults.
    pub seed: u64,
    /// What goes wrong.
    pub faults: Faults,
    /// What trading costs.
    pub fees: FeeSettings,
    /// Distance of the assumed best prices from the last trade, as a share of it, while neither depth nor a quote is known.
    pub half_spread: Rate,
    /// Farthest that a price may be from the last trade, as a share of it.
    pub distance_max: Rate,
    /// First number given to orders and trades. A driver that goes on with an older ledger starts beyond its numbers.
    pub numbers_from: u64,
}

impl SimSettings {
    /// An exchange without latency or faults, with each instrument's own fees, half a spread of 0.05 % where only trades
    /// are known, and prices up to 80 % from the last one.
    #[must_use]
    pub fn plain(instruments: Vec<Instrument>, balances: Vec<(Asset, Notional)>) -> Self {
        Self {
            instruments,
            balances,
            latency: Latency::default(),
            seed: 0,
            faults: Faults::none(),
            fees: FeeSettings::default(),
            half_spread: Rate::from_units(50_000),
            distance_max: Rate::from_units(80_000_000),
            numbers_from: 1,
        }
    }
}

/// A simulated exchange. Orders trade against the market that is observed; that market does not notice them.
///
/// Input methods take the time, which never goes back; [`Sim::next`] hands out what has come back by now, and
/// [`Sim::deadline`] says when there will be more without further input. The same settings and the same input give the
/// same answers.
#[derive(Debug)]
pub struct Sim {
    now: Timestamp,
    link: Link,
    clearing: Clearing,
    matchers: BTreeMap<InstrumentId, Matcher>,
}

impl Sim {
    /// An exchange that knows no market yet.
    #[must_use]
    pub fn new(settings: SimSettings) -> Self {
        let SimSettings { half_spread, distance_max, .. } = settings;
        let matcher = |rules: Instrument| (rules.id, Matcher::new(rules, half_spread, distance_max));
        let (account, fees) = (Account::new(&settings.balances), Fees::new(settings.fees));
        Self {
            now: Timestamp::ZERO,
            link: Link::new(settings.latency, settings.faults, Random::seeded(settings.seed)),
            clearing: Clearing::new(account, fees, settings.numbers_from),
            matchers: settings.instruments.into_iter().map(matcher).collect(),
        }
    }

    /// Takes over an order of an exchange that ended with its process: nothing more can come of it, and whoever asks is
    /// told so.
    pub fn inherit(&mut self, id: ClientOrderId, symbol: InstrumentId) {
        self.clearing.inherit(id, symbol);
    }

    /// Sends an order; it reaches the exchange after the latency.
    pub fn submit(&mut self, now: Timestamp, order: &NewOrder) {
        self.send(now, Request::Submit(order.clone()));
    }

    /// Asks for the end of an order.
    pub fn cancel(&mut self, now: Timestamp, id: ClientOrderId, symbol: InstrumentId) {
        self.send(now, Request::Cancel { id, symbol });
    }

    /// Asks what became of an order. The answer repeats what happened to it (accepted, its fills, its end), or is that it
    /// is not found.
    pub fn ask(&mut self, now: Timestamp, id: ClientOrderId, symbol: InstrumentId) {
        self.send(now, Request::Ask { id, symbol });
    }

    /// Asks for all balances. This request and its answer are never lost.
    pub fn ask_balances(&mut self, now: Timestamp) {
        self.send(now, Request::Balances);
    }

    /// Takes in what happened in the market. Requests that arrive by `now` are carried out first.
    pub fn observe(&mut self, now: Timestamp, event: &MarketEvent) {
        self.advance(now);
        if let Some(matcher) = self.matchers.get_mut(&event.symbol()) {
            matcher.observe(self.now, event, &mut self.clearing);
            self.answer(self.now, nothing);
        }
    }

    /// When something happens by itself: a request arrives, an order's patience ends, an event comes back.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.link.next_delivery().into_iter().chain(self.next_step()).min()
    }

    /// The next event that has come back by `now`, in the order of time. Call until there is none.
    pub fn next(&mut self, now: Timestamp) -> Option<AccountEvent> {
        self.advance(now);
        self.link.delivered(self.now)
    }

    /// What is held of each asset, free and locked together.
    pub fn balances(&self) -> impl Iterator<Item = (Asset, Notional)> + '_ {
        self.clearing.account.totals()
    }

    /// How often each fault has happened.
    #[must_use]
    pub const fn fault_counts(&self) -> FaultCounts {
        self.link.counts()
    }

    fn send(&mut self, now: Timestamp, request: Request) {
        self.advance(now);
        self.link.send(self.now, request);
    }

    /// Carries out everything that is due by `now`, in the order of time.
    fn advance(&mut self, now: Timestamp) {
        while let Some(at) = self.next_step().filter(|at| *at <= now) {
            match self.link.arrived(at) {
                Some((at, sent)) => self.carry_out(at, sent),
                None => {
                    for matcher in self.matchers.values_mut() {
                        matcher.expire(at, &mut self.clearing);
                    }
                    self.answer(at, nothing);
                }
            }
        }
        self.now = self.now.max(now);
    }

    fn next_step(&self) -> Option<Timestamp> {
        self.matchers.values().filter_map(Matcher::deadline).chain(self.link.next_arrival()).min()
    }

    fn carry_out(&mut self, at: Timestamp, sent: Sent) {
        let lost = if sent.muted { sent.request.own_answer() } else { nothing };
        match sent.request {
            Request::Submit(order) => self.take_order(at, &order),
            Request::Cancel { id, symbol } => self.take_cancel(at, id, symbol),
            Request::Ask { id, symbol } => {
                let denied = self.clearing.is_deniable(at, id)
                    && self.link.mishap(|faults| faults.hidden, |counts| &mut counts.hidden);
                if denied {
                    self.clearing.deny(id);
                } else {
                    self.clearing.tell(id, symbol);
                }
            }
            Request::Balances => self.clearing.tell_balances(),
        }
        self.answer(at, lost);
    }

    fn take_order(&mut self, at: Timestamp, order: &NewOrder) {
        let Some(matcher) = self.matchers.get_mut(&order.symbol) else {
            return self.clearing.reject(order.id, rules::BAD_SYMBOL);
        };
        if self.clearing.is_live(order.id) {
            self.clearing.reject(order.id, rules::DUPLICATE);
        } else if self.link.mishap(|faults| faults.reject, |counts| &mut counts.rejected) {
            self.clearing.reject(order.id, rules::OVERLOADED);
        } else {
            matcher.submit(at, order, &mut self.clearing);
        }
    }

    fn take_cancel(&mut self, at: Timestamp, id: ClientOrderId, symbol: InstrumentId) {
        let raced = self.matchers.get(&symbol).is_some_and(|matcher| matcher.holds_limit(id))
            && self.link.mishap(|faults| faults.cancel_race, |counts| &mut counts.cancels_raced);
        let matcher = self.matchers.get_mut(&symbol);
        let cancelled = matcher.is_some_and(|matcher| {
            if raced {
                matcher.complete(at, id, &mut self.clearing);
            }
            matcher.cancel(id, &mut self.clearing)
        });
        if !cancelled {
            self.clearing.refuse_cancel(id, rules::UNKNOWN_ORDER);
        }
    }

    /// Sends back what has happened, but for what is lost.
    fn answer(&mut self, at: Timestamp, lost: fn(&AccountEvent) -> bool) {
        for event in self.clearing.take_events().into_iter().filter(|event| !lost(event)) {
            self.link.answer(at, event);
        }
    }
}

const fn nothing(_: &AccountEvent) -> bool {
    false
}
