//! Which market a message is of, by the fields that only one of them writes.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use tradingbot_domain::Market;

/// What a message tells about its market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToldMarket {
    /// Which one.
    pub market: Market,
    /// Whether that is sure; else a field is absent that the other one writes, and whoever recorded may have left it out.
    pub sure: bool,
}

/// The market of one frame, wrapped or raw; `None` when it tells none, or is no JSON.
#[must_use]
pub fn market_of(frame: &[u8]) -> Option<ToldMarket> {
    let outer: Marks<'_> = serde_json::from_slice(frame).ok()?;
    let marks = outer.data.as_deref().unwrap_or(&outer);
    let told = |market, sure| Some(ToldMarket { market, sure });
    match marks.kind.as_deref() {
        Some("depthUpdate") if marks.previous.is_some() => told(Market::UsdM, true),
        Some("depthUpdate") => told(Market::Spot, true),
        Some("trade" | "aggTrade") if marks.best_match.is_some() => told(Market::Spot, true),
        Some("trade") if marks.execution.is_some() => told(Market::UsdM, true),
        Some("aggTrade") => told(Market::UsdM, false),
        Some("bookTicker" | "markPriceUpdate" | "forceOrder") => told(Market::UsdM, true),
        Some(_) => None,
        None if marks.bid_qty.is_some() && marks.ask_qty.is_some() => told(Market::Spot, false),
        None => None,
    }
}

#[derive(Debug, Default, Deserialize)]
struct Marks<'a> {
    #[serde(rename = "e", borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(rename = "pu", default)]
    previous: Option<IgnoredAny>,
    #[serde(rename = "M", default)]
    best_match: Option<IgnoredAny>,
    #[serde(rename = "X", default)]
    execution: Option<IgnoredAny>,
    #[serde(rename = "B", default)]
    bid_qty: Option<IgnoredAny>,
    #[serde(rename = "A", default)]
    ask_qty: Option<IgnoredAny>,
    #[serde(borrow, default)]
    data: Option<Box<Marks<'a>>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_one_market_alone_tell_it() {
        let told = |frame: &str| market_of(frame.as_bytes()).map(|told| (told.market, told.sure));
        for (frame, expected) in [
            (r#"{"e":"depthUpdate","s":"A","U":1,"u":2,"pu":0,"b":[],"a":[]}"#, Some((Market::UsdM, true))),
            (
                r#"{"stream":"a@depth","data":{"e":"depthUpdate","U":1,"u":2,"b":[],"a":[]}}"#,
                Some((Market::Spot, true)),
            ),
            (r#"{"e":"trade","p":"1","m":true,"M":true}"#, Some((Market::Spot, true))),
            (r#"{"e":"trade","p":"1","X":"MARKET","m":true}"#, Some((Market::UsdM, true))),
            (r#"{"e":"trade","p":"1","m":true}"#, None),
            (r#"{"e":"aggTrade","p":"1","m":true,"M":true}"#, Some((Market::Spot, true))),
            (r#"{"e":"aggTrade","p":"1","m":true}"#, Some((Market::UsdM, false))),
            (r#"{"e":"bookTicker","u":1,"b":"1","B":"1","a":"1","A":"1"}"#, Some((Market::UsdM, true))),
            (r#"{"u":1,"s":"A","b":"1","B":"1","a":"1","A":"1"}"#, Some((Market::Spot, false))),
            (r#"{"stream":"!markPrice@arr","data":[{"e":"markPriceUpdate"}]}"#, None),
            (r#"{"lastUpdateId":1,"bids":[],"asks":[]}"#, None),
            ("no JSON", None),
        ] {
            assert_eq!(told(frame), expected, "{frame}");
        }
    }
}
