//! BASE: the configuration file, typed: parsed whole or refused whole, every fault at once with its place and a way out.

mod account;
mod api;
mod fault;
mod instrument;
mod key;
mod leak;
mod log;
mod market;
mod number;
mod own;
mod raw;
mod reader;
mod reference;
mod risk;
mod rule;
mod service;
mod sizing;
mod strategy;
mod suggest;
mod value;
mod view;
mod words;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::domain::{Instrument, InstrumentId, Limits};
use crate::strategy::StrategySettings;

pub use account::Account;
pub use api::{Api, Listen, ListenError, Network, NetworkError};
pub use fault::{ConfigFaults, Fault};
pub use instrument::InstrumentSettings;
pub use log::Log;
pub use market::{MarketSettings, Source, Speed, SpeedError};
pub use own::{Borrowed, Own};
pub use service::{Sandbox, Secrets};
pub use view::Difference;

use raw::{RawConfig, plain};
use reader::Reader;
use value::Value;

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
    /// Keys that name places of the host's first bot, and for which this bot's own hold.
    pub borrowed: Vec<&'static str>,
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

impl Config {
    /// The rules for one of the market's instruments when its source says nothing: eight decimals, the account's fees, and
    /// what the file says beyond that. `None` when the market does not trade it.
    #[must_use]
    pub fn instrument(&self, id: InstrumentId) -> Option<Instrument> {
        if !self.market.symbols.contains(&id) {
            return None;
        }
        Some(self.instrument_over(plain(id, &self.account)))
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
        let settings = self.instruments.iter().find(|settings| settings.id == source.id);
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
    load_as(path, None)
}

/// Reads and checks the file at `path` as that of one more bot of the host, which has places of its `own`.
///
/// # Errors
///
/// All that is wrong with it, or why it cannot be read.
pub fn load_as(path: &Path, own: Option<&Own>) -> Result<Config, ConfigFaults> {
    let unreadable = |message: String| ConfigFaults::of_file(path, message);
    let read =
        |error: std::io::Error| unreadable(format!("cannot be read: {error}; name another file, or mend this one"));
    if !std::fs::metadata(path).map_err(read)?.is_file() {
        return Err(unreadable("is not a file; name the configuration file itself".to_owned()));
    }
    let file = File::open(path).map_err(read)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(read)?;
    parse_as(path, &bytes, own)
}

/// Checks the bytes of a file that was read from `path`.
///
/// # Errors
///
/// All that is wrong with them.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Config, ConfigFaults> {
    parse_as(path, bytes, None)
}

/// Checks the bytes of a file that was read from `path`, as that of one more bot of the host when it has places of its
/// `own`.
///
/// # Errors
///
/// All that is wrong with them.
pub fn parse_as(path: &Path, bytes: &[u8], own: Option<&Own>) -> Result<Config, ConfigFaults> {
    let refused = |message: String| ConfigFaults::of_file(path, message);
    if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_BYTES_MAX) {
        return Err(refused(format!("is larger than {FILE_BYTES_MAX} bytes; a configuration is a few thousand")));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid =
                bytes.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or_default();
            let mut reader = Reader::new(valid);
            reader.fault(valid.len(), "", "this byte is not UTF-8 text; save the file as UTF-8");
            return Err(ConfigFaults::new(path, reader.into_faults()));
        }
    };
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
    let config = RawConfig::read(&document, "", &mut reader).and_then(|mut raw| {
        let borrowed = own.map(|own| raw.keep_apart(own, &mut reader)).unwrap_or_default();
        Some(Config { borrowed, ..raw.check(folder, text, &mut reader)? })
    });
    let faults = reader.into_faults();
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        Some(_) | None => Err(ConfigFaults::new(path, faults)),
    }
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
