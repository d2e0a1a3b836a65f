//! Which market is traded, and where its data comes from.

use std::fmt;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::DeValue;

use super::key::keys;
use super::reader::Reader;
use super::value::{Value, text};
use super::words::words;
use crate::domain::{InstrumentId, Market};

/// Which market is traded, and where its data comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketSettings {
    /// Where the data comes from.
    pub source: Source,
    /// Which of the exchange's markets it is.
    pub market: Market,
    /// What is traded there, each symbol once; at least one.
    pub symbols: Vec<InstrumentId>,
}

/// Where market data comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A market that is made up as it goes.
    Practice {
        /// What it is made from; the same seed makes the same market.
        seed: u64,
    },
    /// Recorded streams of the exchange.
    Recording {
        /// Files of recorded frames, in the order of their time; at least one.
        files: Vec<PathBuf>,
        /// How fast they are played.
        speed: Speed,
    },
}

/// How fast a recording is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    /// This many times the pace at which it was recorded.
    Times(u32),
    /// Without waiting.
    Max,
}

/// The kind of source, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// Made up.
    Practice,
    /// Recorded.
    Recording,
}

keys! {
    /// Which market is traded, and where its data comes from.
    pub struct RawMarket {
        /// `"practice"` makes a market up as it goes, from a seed; `"recording"` plays recorded streams of the exchange.
        source: SourceKind, required("\"practice\"");
        /// Which of the exchange's markets it is.
        market: Market, default("'spot'");
        /// What is traded. Every other list of symbols may hold only these. On USD-M futures `"BTCUSDT"` and
        /// `"BTCUSDT-PERP"` are the same.
        symbols: Vec<InstrumentId>, default("['BTCUSDT', 'ETHUSDT']");
        /// Only for the practice market: what it is made from. The same seed makes the same market.
        seed: u64, absent("`1` for practice");
        /// Only for recordings: files of recorded frames, plain or compressed (`.zst`), in the order of their time.
        files: Vec<PathBuf>, absent("must be written for recordings");
        /// Only for recordings: how fast they are played. `"1x"` is the pace at which they were recorded, `"10x"` ten
        /// times that, `"max"` does not wait at all.
        speed: Speed, absent("`\"1x\"` for recordings");
    }
}

words!(SourceKind { Practice = "practice", Recording = "recording" });

impl RawMarket {
    /// The settings, if they make sense together. What was left open is written into `self`.
    pub(super) fn check(&mut self, reader: &mut Reader<'_>) -> Option<MarketSettings> {
        for (at, written) in self.symbols.iter().enumerate() {
            if written.market() != self.market && written.market() == Market::UsdM {
                let what = "is of USD-M futures, and market.market is \"spot\"; change the one or the other";
                reader.conflict(&[&format!("market.symbols[{at}]"), "market.market"], what);
            }
        }
        let symbols = of_market(&self.symbols, self.market);
        no_repeats(&symbols, "market.symbols", reader);
        let source = match self.source? {
            SourceKind::Practice => {
                for key in ["market.files", "market.speed"] {
                    if reader.has(key) {
                        reader.conflict(&[key], "is for source = \"recording\"; take it out, or change the source");
                    }
                }
                Source::Practice { seed: *self.seed.get_or_insert(1) }
            }
            SourceKind::Recording => {
                if reader.has("market.seed") {
                    reader
                        .conflict(&["market.seed"], "is for source = \"practice\"; take it out, or change the source");
                }
                if self.files.as_ref().is_none_or(Vec::is_empty) {
                    reader.conflict(
                        &["market.files", "market.source"],
                        "needs at least one recording; write for example files = [\"BTCUSDT.jsonl.zst\"]",
                    );
                }
                Source::Recording { files: self.files.clone()?, speed: *self.speed.get_or_insert(Speed::Times(1)) }
            }
        };
        Some(MarketSettings { source, market: self.market, symbols })
    }
}

/// What names in the file stand for: one without a suffix is of the market that the file trades.
pub(super) fn of_market(written: &[InstrumentId], market: Market) -> Vec<InstrumentId> {
    written.iter().map(|written| written.read_in(market)).collect()
}

/// Notes a fault when a list is empty or holds a symbol twice.
pub(super) fn no_repeats(symbols: &[InstrumentId], path: &str, reader: &mut Reader<'_>) {
    if symbols.is_empty() {
        reader.conflict(&[path], "holds no symbol; write for example [\"BTCUSDT\"]");
    }
    for (at, symbol) in symbols.iter().enumerate() {
        if symbols.iter().take(at).any(|earlier| earlier == symbol) {
            reader.conflict(&[&format!("{path}[{at}]")], "is there twice; take one out");
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) => write!(f, "{times}x"),
            Self::Max => f.write_str("max"),
        }
    }
}

impl std::str::FromStr for Speed {
    type Err = SpeedError;

    fn from_str(text: &str) -> Result<Self, SpeedError> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let times = text.strip_suffix('x').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        match times.and_then(|digits| digits.parse().ok()) {
            Some(times @ 1..=SPEED_TIMES_MAX) => Ok(Self::Times(times)),
            Some(_) | None => Err(SpeedError),
        }
    }
}

/// Text that is not a speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a speed; write 1x, any whole number of times up to 10000x, or max")]
pub struct SpeedError;

impl Value for Speed {
    fn kind() -> String {
        "speed".to_owned()
    }

    fn read(value: &Spanned<DeValue<'_>>, path: &str, reader: &mut Reader<'_>) -> Option<Self> {
        text(value, path, reader, ("a speed such as \"1x\", \"10x\" or \"max\"", "1x"), |text| {
            text.parse().map_err(|_| None)
        })
    }

    fn view(&self) -> serde_json::Value {
        self.to_string().into()
    }
}

const SPEED_TIMES_MAX: u32 = 10_000;
