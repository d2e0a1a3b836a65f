//! The file as written, and how it becomes a [`Config`] or does not.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use toml::Spanned;
use toml::de::DeValue;

use super::account::Account;
use super::api::Api;
use super::instrument::{InstrumentSettings, RawInstrument, base_of};
use super::key::keys;
use super::log::Log;
use super::market::{MarketSettings, RawMarket, Source};
use super::reader::Reader;
use super::risk::RawRisk;
use super::service::{Sandbox, Secrets};
use super::sizing::Surroundings;
use super::strategy::RawStrategy;
use super::value::Value;
use super::words::{word, words};
use super::{Config, Mode, Start};
use crate::domain::{Instrument, InstrumentId, Market, Rate, hex};
use crate::strategy::StrategySettings;

keys! {
    /// What stands above the first table.
    pub struct RawConfig {
        /// What trading means. `"paper"`: orders go to a simulated exchange, no account is touched. This version has no
        /// other.
        mode: Mode, required("\"paper\"");
        /// Whether it trades at once. `"halted"`: not before an operator resumes it. A bot that was halted when it
        /// stopped stays halted, whatever stands here.
        start: Start, default("'halted'");
        /// The folder for ledger and token hashes. The service manager's own (`$STATE_DIRECTORY`) takes its place.
        state: PathBuf, default("'/var/lib/tradingbot'");
        /// Which market is traded, and where its data comes from.
        market: RawMarket, required("{ source = \"practice\" }");
        /// The account that is traded on paper.
        account: Account, default("{}");
        /// The exchange's rules for one symbol, where they differ.
        instrument: Vec<RawInstrument>, default("[]");
        /// The limits that every order is judged by.
        risk: RawRisk, default("{}");
        /// The strategies that run.
        strategy: Vec<RawStrategy>, default("[]");
        /// Where the API listens, and how much it bears.
        api: Api, default("{}");
        /// What is logged, and where.
        log: Log, default("{}");
        /// What the process takes from itself before it starts.
        sandbox: Sandbox, default("{}");
        /// Where secrets come from.
        secrets: Secrets, default("{}");
    }
}

words!(Start { Halted = "halted", Trading = "trading" });

impl Value for Mode {
    fn kind() -> String {
        "\"paper\"".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, path: &str, reader: &mut Reader<'_>) -> Option<Self> {
        if value.get_ref().as_str() == Some("live") {
            reader.refuse(path, value.span(), "is not possible: this version trades on paper only; write \"paper\"");
            return None;
        }
        word(value, path, reader, &[("paper", Self::Paper)])
    }

    fn view(&self) -> Json {
        match self {
            Self::Paper => "paper".into(),
        }
    }
}

impl RawConfig {
    /// The configuration, if all of it makes sense together. `folder` is where relative paths start, `text` the whole file.
    pub(super) fn check(mut self, folder: &Path, text: &str, reader: &mut Reader<'_>) -> Option<Config> {
        let account = self.account.clone();
        account.check(reader);
        self.log.check(reader);
        let mut market = self.market.as_mut().and_then(|market| market.check(reader));
        let instruments = self.instruments(market.as_ref(), reader);
        let limits = self.risk.check(market.as_ref(), &account, reader);
        let around = market.as_ref().zip(limits.as_ref()).map(|(market, limits)| {
            let settings = instruments.as_deref().unwrap_or_default();
            let rules = |id: &InstrumentId| {
                let plain = plain(*id, &account);
                settings.iter().find(|settings| settings.id == *id).map_or(plain.clone(), |one| one.over(plain))
            };
            let instruments = market.symbols.iter().map(rules).collect();
            Surroundings { market: market.market, limits: limits.clone(), balance: account.balance, instruments }
        });
        let strategies = self.strategies(around.as_ref(), reader);
        if let Some(MarketSettings { source: Source::Recording { files, .. }, .. }) = &mut market {
            for file in files {
                *file = folder.join(&*file);
            }
        }
        let effective = self.view();
        Some(Config {
            mode: self.mode?,
            start: self.start,
            state: folder.join(self.state),
            market: market?,
            account,
            instruments: instruments?,
            limits: limits?,
            strategies: strategies?,
            api: self.api,
            log: Log { file: self.log.file.map(|file| folder.join(file)), ..self.log },
            sandbox: self.sandbox,
            secrets: Secrets { directory: self.secrets.directory.map(|directory| folder.join(directory)) },
            digest: hex::encode(&Sha256::digest(text.as_bytes())),
            borrowed: Vec::new(),
            effective,
        })
    }

    fn instruments(&self, market: Option<&MarketSettings>, reader: &mut Reader<'_>) -> Option<Vec<InstrumentSettings>> {
        let traded = market.map_or(Market::Spot, |market| market.market);
        for (at, instrument) in self.instrument.iter().enumerate() {
            if self.instrument.iter().take(at).any(|earlier| earlier.id(traded) == instrument.id(traded)) {
                let what = "has a table already; write both as one";
                reader.conflict(&[&format!("instrument[{at}].symbol")], what);
            }
        }
        for (at, id) in market.iter().flat_map(|market| &market.symbols).enumerate() {
            let told = self
                .instrument
                .iter()
                .any(|instrument| instrument.id(traded) == Some(*id) && instrument.base.is_some());
            if !told && base_of(*id, self.account.quote).is_none() {
                let what = format!(
                    "is not paid with the account's quote asset, {}; take it out, change account.quote, or write an \
                     [[instrument]] with its base",
                    self.account.quote
                );
                reader.conflict(&[&format!("market.symbols[{at}]"), "account.quote"], &what);
            }
        }
        let checked: Vec<Option<InstrumentSettings>> = self
            .instrument
            .iter()
            .enumerate()
            .map(|(at, instrument)| instrument.check(&format!("instrument[{at}]"), market, reader))
            .collect();
        checked.into_iter().collect()
    }

    fn strategies(&mut self, around: Option<&Surroundings>, reader: &mut Reader<'_>) -> Option<Vec<StrategySettings>> {
        for (at, strategy) in self.strategy.iter().enumerate() {
            let taken = self.strategy.iter().take(at).any(|earlier| earlier.name == strategy.name);
            if taken && strategy.name.is_some() {
                reader.conflict(&[&format!("strategy[{at}].name")], "is another strategy's name; write one of its own");
            }
        }
        let checked: Vec<Option<StrategySettings>> = self
            .strategy
            .iter_mut()
            .enumerate()
            .map(|(at, strategy)| strategy.check(&format!("strategy[{at}]"), around, reader))
            .collect();
        checked.into_iter().collect()
    }
}

/// Rules for an instrument without any of its own. A base that its name does not tell is in the file, which comes on top.
pub(super) fn plain(id: InstrumentId, account: &Account) -> Instrument {
    let base = base_of(id, account.quote).unwrap_or(account.quote);
    let mut plain = Instrument::plain(id, base, account.quote, Rate::ZERO);
    (plain.fee_maker, plain.fee_taker) = (account.fee_maker, account.fee_taker);
    plain
}
