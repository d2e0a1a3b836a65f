//! The shape of a frame: every field that any stream uses, borrowed from the text and not yet judged.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::value::{Any, Value};
use tradingbot_domain::{Notional, Price, Qty};

/// One frame's fields. The same letter means different things in different streams, so most are kept as they came.
#[derive(Debug, Default)]
pub(super) struct Frame<'a> {
    /// Name of the stream, when the frame came wrapped in it.
    pub(super) stream: Value<'a>,
    /// `e`.
    pub(super) kind: Value<'a>,
    /// `s`.
    pub(super) symbol: Value<'a>,
    /// `E`.
    pub(super) sent: Value<'a>,
    /// `T`.
    pub(super) happened: Value<'a>,
    /// `U`.
    pub(super) first_update: Value<'a>,
    /// `u`.
    pub(super) last_update: Value<'a>,
    /// `pu`.
    pub(super) previous_update: Value<'a>,
    /// `lastUpdateId`.
    pub(super) snapshot_update: Value<'a>,
    /// `b` or `bids`.
    pub(super) bid: Value<'a>,
    /// `B`.
    pub(super) bid_qty: Value<'a>,
    /// `a` or `asks`.
    pub(super) ask: Value<'a>,
    /// `A`.
    pub(super) ask_qty: Value<'a>,
    /// `p`.
    pub(super) price: Value<'a>,
    /// `q`.
    pub(super) qty: Value<'a>,
    /// `t`.
    pub(super) trade: Value<'a>,
    /// `f`.
    pub(super) first_trade: Value<'a>,
    /// `l`.
    pub(super) last_trade: Value<'a>,
    /// `m`.
    pub(super) buyer_is_maker: Value<'a>,
    /// `X`.
    pub(super) execution: Value<'a>,
    /// `k`.
    pub(super) kline: Option<Kline<'a>>,
    /// Whether it answers a request: `result` or `error`.
    pub(super) answer: bool,
    /// Whether it is a list of events, as streams of all symbols send.
    pub(super) list: bool,
}

/// `k` of a `kline` event.
#[derive(Debug, Deserialize)]
pub(super) struct Kline<'a> {
    #[serde(rename = "t", borrow, default)]
    pub(super) open_time: Value<'a>,
    #[serde(rename = "i", borrow)]
    pub(super) interval: Cow<'a, str>,
    #[serde(rename = "o")]
    pub(super) open: Price,
    #[serde(rename = "h")]
    pub(super) high: Price,
    #[serde(rename = "l")]
    pub(super) low: Price,
    #[serde(rename = "c")]
    pub(super) close: Price,
    #[serde(rename = "v")]
    pub(super) volume: Qty,
    #[serde(rename = "q")]
    pub(super) quote_volume: Notional,
    #[serde(rename = "n", borrow, default)]
    pub(super) trades: Value<'a>,
    #[serde(rename = "V")]
    pub(super) taker_buy_volume: Qty,
    #[serde(rename = "Q")]
    pub(super) taker_buy_quote_volume: Notional,
    #[serde(rename = "x")]
    pub(super) is_over: bool,
}

/// Only what names a frame; whatever else it holds does not matter.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Label<'a> {
    #[serde(rename = "e", borrow, default)]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) stream: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) data: Option<Box<Label<'a>>>,
}

impl<'a> Frame<'a> {
    /// Takes in the fields of `text`.
    pub(super) fn fill(&mut self, text: &'a str) -> Result<(), serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        Fill { frame: self, wrapped: false }.deserialize(&mut deserializer)?;
        deserializer.end()
    }
}

/// Fills a frame from an object, or notes that it is a list.
struct Fill<'f, 'de> {
    frame: &'f mut Frame<'de>,
    wrapped: bool,
}

impl<'de> DeserializeSeed<'de> for Fill<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Fill<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { frame, wrapped } = self;
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Data if !wrapped => map.next_value_seed(Fill { frame, wrapped: true })?,
                Key::Kline => frame.kline = map.next_value()?,
                Key::Answer => {
                    map.next_value::<IgnoredAny>()?;
                    frame.answer = true;
                }
                Key::Bid => frame.bid = map.next_value_seed(Any { levels: Some("bids") })?,
                Key::Ask => frame.ask = map.next_value_seed(Any { levels: Some("asks") })?,
                Key::Plain(field) => *field(frame) = map.next_value_seed(Any { levels: None })?,
                Key::Data | Key::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        while array.next_element::<IgnoredAny>()?.is_some() {}
        self.frame.list = true;
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A field's name.
enum Key {
    Data,
    Kline,
    Answer,
    Bid,
    Ask,
    Plain(for<'f, 'de> fn(&'f mut Frame<'de>) -> &'f mut Value<'de>),
    Unknown,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
                Ok(match name {
                    "e" => Key::Plain(|frame| &mut frame.kind),
                    "s" => Key::Plain(|frame| &mut frame.symbol),
                    "E" => Key::Plain(|frame| &mut frame.sent),
                    "T" => Key::Plain(|frame| &mut frame.happened),
                    "U" => Key::Plain(|frame| &mut frame.first_update),
                    "u" => Key::Plain(|frame| &mut frame.last_update),
                    "pu" => Key::Plain(|frame| &mut frame.previous_update),
                    "lastUpdateId" => Key::Plain(|frame| &mut frame.snapshot_update),
                    "b" | "bids" => Key::Bid,
                    "a" | "asks" => Key::Ask,
                    "B" => Key::Plain(|frame| &mut frame.bid_qty),
                    "A" => Key::Plain(|frame| &mut frame.ask_qty),
                    "p" => Key::Plain(|frame| &mut frame.price),
                    "q" => Key::Plain(|frame| &mut frame.qty),
                    "t" => Key::Plain(|frame| &mut frame.trade),
                    "f" => Key::Plain(|frame| &mut frame.first_trade),
                    "l" => Key::Plain(|frame| &mut frame.last_trade),
                    "m" => Key::Plain(|frame| &mut frame.buyer_is_maker),
                    "X" => Key::Plain(|frame| &mut frame.execution),
                    "k" => Key::Kline,
                    "stream" => Key::Plain(|frame| &mut frame.stream),
                    "data" => Key::Data,
                    "result" | "error" => Key::Answer,
                    _ => Key::Unknown,
                })
            }
        }
        deserializer.deserialize_identifier(Name)
    }
}
