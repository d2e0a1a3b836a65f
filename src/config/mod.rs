//! BASE: the configuration file, typed: parsed whole or refused whole, every fault at once with its place and a way out.

mod account;
mod api;
mod fault;
mod instrument;
mod key;
mod leak;
mod log;
mod market;
mod reader;
mod reference;
mod risk;
mod service;
mod strategy;
mod suggest;
mod value;
mod view;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::domain::{Instrument, Limits, Rate, StrategySettings, Symbol};

pub use account::Account;
pub use api::{Api, Listen, ListenError, Network, NetworkError};
pub use fault::{ConfigFaults, Fault};
pub use instrument::InstrumentSettings;
pub use log::{Log, LogFormat, LogLevel, OrderDetails};
pub use market::{MarketSettings, Source, Speed, SpeedError};
pub use service::{Require, Sandbox, Secrets};
pub use view::Difference;

use instrument::{RawInstrument, base_of};
use key::keys;
use market::RawMarket;
use reader::Reader;
use risk::RawRisk;
use strategy::{RawStrategy, Surroundings};
use value::{Value, text, words};

/// Where the configuration is read from when no other file is named.
pub const PATH_DEFAULT: &str = "/etc/tradingbot/tradingbot.toml";

/// Everything the operator has set, all of it checked.
///
/// Relative paths have been taken from the folder of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What trading means.
    pub mode: Mode,
    /// Whether it trades at once.
    pub start: Start,
    /// The folder for ledger and token hashes.
    pub state: PathBuf,
    /// Which market, and where its data comes from.
    pub market: MarketSettings,
    /// The account.
    pub account: Account,
    /// The exchange's rules where they differ from what the source says.
    pub instruments: Vec<InstrumentSettings>,
    /// What every order is judged by.
    pub limits: Limits,
    /// What runs; names differ.
    pub strategies: Vec<StrategySettings>,
    /// The API.
    pub api: Api,
    /// The log.
    pub log: Log,
    /// The sandbox.
    pub sandbox: Sandbox,
    /// Where secrets come from.
    pub secrets: Secrets,
    /// SHA-256 of the file, in hexadecimal.
    pub digest: String,
    effective: Json,
}

/// What trading means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Orders go to a simulated exchange.
    Paper,
}

/// Whether it trades at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Not before an operator resumes it.
    Halted,
    /// At once, unless it was halted when it stopped.
    Trading,
}

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
        text(value, path, reader, ("a mode", "paper"), |text| (text == "paper").then_some(Self::Paper).ok_or(None))
    }

    fn view(&self) -> Json {
        match self {
            Self::Paper => "paper".into(),
        }
    }
}

impl Config {
    /// The rules for one of the market's symbols when its source says nothing: eight decimals, the account's fees, and
    /// what the file says beyond that. `None` when the market does not trade it.
    #[must_use]
    pub fn instrument(&self, symbol: Symbol) -> Option<Instrument> {
        if !self.market.symbols.contains(&symbol) {
            return None;
        }
        Some(self.instrument_over(plain(symbol, &self.market, &self.account)))
    }

    /// The configuration in force in the shape of the file, defaults included, without what is nobody's business.
    #[must_use]
    pub fn view(&self) -> Json {
        view::redacted(&self.effective)
    }

    /// The keys that changed, by whether they may change without a restart.
    #[must_use]
    pub fn reloadable_difference(old: &Self, new: &Self) -> Difference {
        view::difference(RawConfig::table().expect("it is one"), &old.effective, &new.effective)
    }

    /// The rules that the market's source gives, with what the file says in their place.
    #[must_use]
    pub fn instrument_over(&self, source: Instrument) -> Instrument {
        let settings = self.instruments.iter().find(|settings| settings.symbol == source.symbol);
        settings.map_or_else(|| source.clone(), |settings| settings.over(source.clone()))
    }
}

/// The reference of all keys, as Markdown.
#[must_use]
pub fn reference() -> String {
    reference::markdown(RawConfig::table().expect("it is one"))
}

/// Reads and checks the file at `path`.
///
/// # Errors
///
/// All that is wrong with it, or why it cannot be read.
pub fn load(path: &Path) -> Result<Config, ConfigFaults> {
    let unreadable = |message: String| ConfigFaults::of_file(path, message);
    let read =
        |error: std::io::Error| unreadable(format!("cannot be read: {error}; name another file, or mend this one"));
    let file = File::open(path).map_err(read)?;
    if !file.metadata().map_err(read)?.is_file() {
        return Err(unreadable("is not a file; name the configuration file itself".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(read)?;
    parse(path, &bytes)
}

/// Checks the bytes of a file that was read from `path`.
///
/// # Errors
///
/// All that is wrong with them.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Config, ConfigFaults> {
    let refused = |message: String| ConfigFaults::of_file(path, message);
    if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_BYTES_MAX) {
        return Err(refused(format!("is larger than {FILE_BYTES_MAX} bytes; a configuration is a few thousand")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
        refused(format!("is not UTF-8 text, first in line {line}; save it as UTF-8"))
    })?;
    let mut reader = Reader::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in errors {
            reader.syntax(error.span().unwrap_or_default(), error.message());
        }
        return Err(ConfigFaults::new(path, reader.into_faults()));
    }
    let span = document.span();
    let document = Spanned::new(span, DeValue::Table(document.into_inner()));
    reader.find_leaks(&document, "");
    let folder = path.parent().unwrap_or(Path::new(""));
    let config = RawConfig::read(&document, "", &mut reader).and_then(|raw| raw.check(folder, text, &mut reader));
    let faults = reader.into_faults();
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        Some(_) | None => Err(ConfigFaults::new(path, faults)),
    }
}

impl RawConfig {
    fn check(mut self, folder: &Path, text: &str, reader: &mut Reader<'_>) -> Option<Config> {
        let account = self.account.clone();
        account.check(reader);
        self.log.check(reader);
        let mut market = self.market.as_mut().and_then(|market| market.check(reader));
        let instruments = self.instruments(market.as_ref(), reader);
        let limits = self.risk.check(market.as_ref(), &account, reader);
        let around = market.as_ref().zip(limits.as_ref()).map(|(market, limits)| {
            let rules = |symbol: &Symbol| {
                let plain = plain(*symbol, market, &account);
                match instruments.iter().flatten().find(|settings| settings.symbol == *symbol) {
                    Some(settings) => settings.over(plain),
                    None => plain,
                }
            };
            (market.symbols.iter().map(rules).collect::<Vec<Instrument>>(), limits)
        });
        let around = around.as_ref().map(|(instruments, limits)| Surroundings {
            limits,
            balance: account.balance,
            instruments: instruments.as_slice(),
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
            digest: hex(&Sha256::digest(text.as_bytes())),
            effective,
        })
    }

    fn instruments(&self, market: Option<&MarketSettings>, reader: &mut Reader<'_>) -> Option<Vec<InstrumentSettings>> {
        for (at, instrument) in self.instrument.iter().enumerate() {
            if self.instrument.iter().take(at).any(|earlier| earlier.symbol == instrument.symbol) {
                let what = "has a table already; write both as one";
                reader.conflict(&[&format!("instrument[{at}].symbol")], what);
            }
        }
        for (at, symbol) in market.iter().flat_map(|market| &market.symbols).enumerate() {
            let told = self
                .instrument
                .iter()
                .any(|instrument| instrument.symbol == Some(*symbol) && instrument.base.is_some());
            if !told && base_of(*symbol, self.account.quote).is_none() {
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

    fn strategies(
        &mut self,
        around: Option<&Surroundings<'_>>,
        reader: &mut Reader<'_>,
    ) -> Option<Vec<StrategySettings>> {
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

/// Rules for a symbol without any of its own. A base that its name does not tell is in the file, which comes on top.
fn plain(symbol: Symbol, market: &MarketSettings, account: &Account) -> Instrument {
    let base = base_of(symbol, account.quote).unwrap_or(account.quote);
    let mut plain = Instrument::plain(symbol, base, account.quote, Rate::ZERO);
    (plain.market, plain.fee_maker, plain.fee_taker) = (market.market, account.fee_maker, account.fee_taker);
    plain
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const FILE_BYTES_MAX: u64 = 262_144;

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        parse(Path::new("/etc/tradingbot/t.toml"), text.as_bytes()).unwrap()
    }

    const LEAST: &str = "mode = 'paper'\nmarket = { source = 'practice' }\n";

    #[test]
    fn the_least_file_is_paper_and_halted() {
        let config = config(LEAST);
        assert_eq!((config.mode, config.start), (Mode::Paper, Start::Halted));
        assert_eq!(config.state, Path::new("/var/lib/tradingbot"));
        assert_eq!(config.api.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.limits, Limits::careful(config.market.symbols.clone(), config.account.balance));
        assert_eq!(config.strategies, []);
    }
}
