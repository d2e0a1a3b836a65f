//! Frames of the exchange's market streams: documented examples, odd ones, broken ones.

use std::error::Error;
use std::fs;

use serde_json::{Value, json};
use tradingbot::binance::decode::FRAME_BYTES_MAX;
use tradingbot::binance::{Decoded, decode};
use tradingbot::domain::{Market, MarketEvent, Price, Qty};

use crate::data::shared;

#[test]
fn every_documented_message_is_taken_for_what_it_is() {
    let Some(folder) = shared("exchange/binance") else { return };
    let expected = [
        ("ws-streams/spot-aggTrade", "trade BNBBTC 100..6 100 at 0.001"),
        ("ws-streams/spot-combined-wrapper", "trade BNBBTC 100..6 100 at 0.001"),
        ("ws-streams/spot-trade", "trade BNBBTC 12345..1 100 at 0.001"),
        ("ws-streams/spot-bookTicker", "quote BNBUSDT 400900217 31.21 at 25.3519, 40.66 at 25.3652"),
        ("ws-streams/spot-depthUpdate", "depth BNBBTC 157-160 after None, 1 and 1"),
        ("ws-streams/spot-partial-depth", "snapshot 160, 1 and 1"),
        ("ws-streams/spot-kline", "unused candle that is not over"),
        ("ws-streams/spot-avgPrice", "unused avgPrice"),
        ("ws-streams/spot-miniTicker", "unused 24hrMiniTicker"),
        ("ws-streams/spot-ticker", "unused 24hrTicker"),
        ("ws-streams/spot-serverShutdown-combined", "unused serverShutdown"),
        ("ws-streams/spot-serverShutdown-raw", "unused serverShutdown"),
        ("ws-streams/spot-subscribe-response", "unused answer"),
        ("ws-streams/spot-list-subscriptions-response", "unused answer"),
        ("ws-streams/usdm-aggTrade", "trade BNBUSDT 100..6 100 at 0.001"),
        ("ws-streams/usdm-bookTicker", "quote BNBUSDT 400900217 31.21 at 25.3519, 40.66 at 25.3652"),
        ("ws-streams/usdm-depthUpdate", "depth BNBUSDT 157-160 after Some(149), 1 and 1"),
        ("ws-streams/usdm-kline", "unused candle that is not over"),
        ("ws-streams/usdm-markPrice", "unused markPriceUpdate"),
        ("ws-streams/usdm-forceOrder", "unused forceOrder"),
        ("ws-streams/usdm-contractInfo", "unused contractInfo"),
        ("ws-streams/usdm-ticker", "unused 24hrTicker"),
        ("rest/spot-depth", "snapshot 1027024, 1 and 1"),
        ("rest/usdm-depth", "snapshot 1027024, 1 and 1"),
        ("user-data/usdm-ORDER_TRADE_UPDATE", "other ORDER_TRADE_UPDATE"),
    ];
    for (name, story) in expected {
        let frame = fs::read(folder.join(format!("{name}.json"))).unwrap();
        assert_eq!(tell(&frame), story, "{name}");
    }
}

#[test]
fn no_documented_message_of_any_kind_is_a_panic() {
    let Some(folder) = shared("exchange/binance") else { return };
    let mut frames = 0;
    for kind in ["rest", "ws-streams", "ws-api", "user-data"] {
        for entry in fs::read_dir(folder.join(kind)).unwrap() {
            let _ = decode(Market::Spot, &fs::read(entry.unwrap().path()).unwrap());
            frames += 1;
        }
    }
    assert!(frames > 100, "{frames}");
}

#[test]
fn a_candle_is_taken_once_it_is_over() {
    let mut frame = kline();
    assert_eq!(
        tell(frame.to_string().as_bytes()),
        "candle BNBBTC 1m 2022-12-31T23:23:00Z 0.001 0.0025 0.0005 0.002 1000 1 100 500 0.5, last 0.002"
    );
    frame["k"]["i"] = json!("1M");
    assert_eq!(tell(frame.to_string().as_bytes()), "unused candle of a calendar month");
    frame["k"]["i"] = json!("1w");
    frame["k"]["n"] = json!("100");
    frame["k"]["t"] = json!("1672515780000000");
    assert!(tell(frame.to_string().as_bytes()).starts_with("candle BNBBTC 1w 2022-12-31T19:43:00Z"));
    frame["k"]["h"] = json!("0.001");
    assert_eq!(tell(frame.to_string().as_bytes()), "error \"h\" of kline is 0.001; no market has that");
}

#[test]
fn numbers_may_be_text_and_times_may_have_any_unit() {
    let plain = r#"{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":7,"p":"1.50","q":"2","T":1723161255342,"m":true}"#;
    let as_text = plain.replace(":7,", ":\"7\",").replace("1723161255342", "\"1723161255342000\"");
    assert_eq!(decode(Market::Spot, plain.as_bytes()).unwrap(), decode(Market::Spot, as_text.as_bytes()).unwrap());
    let without_t = plain.replace("\"T\":1723161255342,", "").replace("1723161255343", "1723161255342");
    assert_eq!(decode(Market::Spot, plain.as_bytes()).unwrap(), decode(Market::Spot, without_t.as_bytes()).unwrap());
}

#[test]
fn what_a_newer_exchange_adds_does_no_harm() {
    for frame in [
        r#"{"stream":"btcusdt@trade","extra":[1,{"a":[]}],"data":{"st":1,"e":"trade","E":1723161255343,"s":"BTCUSDT","t":7,
            "p":"1.5","q":"2","T":1723161255342,"m":true,"M":true,"new":{"b":[[]]},"X":"MARKET"},"later":null}"#,
        r#"{"data":{"T":1723161255342,"q":"2","p":"1.5","m":true,"t":7,"s":"BTC\u0055SDT","e":"trade"},"stream":"x"}"#,
    ] {
        assert_eq!(tell(frame.as_bytes()), "trade BTCUSDT 7..1 2 at 1.5");
    }
    let level_of_old = r#"{"lastUpdateId":5,"bids":[["1","2",[]],["0.5","1",{"x":1},7]],"asks":[]}"#;
    assert_eq!(tell(level_of_old.as_bytes()), "snapshot 5, 2 and 0");
    let strange = r#"{"e":"newKind","a":[{"x":1}],"b":[1,2],"k":"text","p":1.5,"u":-1,"s":null}"#;
    assert_eq!(tell(strange.as_bytes()), "other newKind");
    let wrapped = r#"{"stream":"btcusdt@newStream","data":{"b":[[1,2]]}}"#;
    assert_eq!(tell(wrapped.as_bytes()), "other newStream");
    assert_eq!(tell(br#"{"stream":"!ticker@arr","data":[{"e":"24hrTicker"}]}"#), "other ticker");
    let long = format!(r#"{{"e":"{}"}}"#, "x".repeat(1_000));
    assert_eq!(tell(long.as_bytes()).len(), "other ".len() + 40);
}

#[test]
fn a_stream_of_the_best_levels_is_not_taken_for_changes() {
    let futures = r#"{"e":"depthUpdate","E":1,"T":1,"s":"BTCUSDT","U":157,"u":160,"pu":149,"b":[["1","2"]],"a":[]}"#;
    let wrapped = |stream: &str, data: &str| format!(r#"{{"stream":"{stream}","data":{data}}}"#);
    assert_eq!(tell(wrapped("btcusdt@depth5@100ms", futures).as_bytes()), "top BTCUSDT 160, 1 and 0");
    assert_eq!(tell(wrapped("btcusdt@rpiDepth@500ms", futures).as_bytes()), "unused rpiDepth");
    assert_eq!(
        tell(wrapped("btcusdt@depth@0ms", futures).as_bytes()),
        "depth BTCUSDT 157-160 after Some(149), 1 and 0"
    );
    let spot = r#"{"lastUpdateId":160,"bids":[["1","2"]],"asks":[]}"#;
    assert_eq!(tell(wrapped("btcusdt@depth20", spot).as_bytes()), "top BTCUSDT 160, 1 and 0");
}

#[test]
fn trades_outside_the_market_are_left_out() {
    let frame = r#"{"e":"trade","E":1,"T":1,"s":"BTCUSDT","t":7,"p":"0","q":"0","X":"NA","m":true}"#;
    assert_eq!(tell(frame.as_bytes()), "unused trade outside the market");
    assert_eq!(tell(frame.replace("NA", "INSURANCE_FUND").as_bytes()), "unused trade outside the market");
}

#[test]
fn each_fault_is_named_with_its_place() {
    let depth = r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["1","2"],["3","4"]],"a":[]}"#;
    let trade = r#"{"e":"trade","E":1,"s":"BTCUSDT","t":7,"p":"1.5","q":"2","T":1,"m":true}"#;
    let cases: [(String, &str); 22] = [
        (depth.replace("\"4\"", "\"1e4\""), "\"1e4\" is not a plain decimal number such as 12.5 at line 1 column 76"),
        (
            depth.replace("\"4\"", "4"),
            "invalid type: integer `4`, expected a quantity as decimal text, such as \"0.015\"",
        ),
        (depth.replace("\"4\"", "\"-4\""), "level 2 of \"bids\" is -4 at 3; no market has that"),
        (depth.replace("\"3\"", "\"0\""), "level 2 of \"bids\" is 4 at 0; no market has that"),
        (depth.replace("\"3\",", ""), "invalid length 1, expected level 2 of \"bids\" as [\"price\",\"quantity\"]"),
        (
            depth.replace("[[\"1\",\"2\"],[\"3\",\"4\"]]", "{}"),
            "\"b\" of depthUpdate is an object, not a list of levels",
        ),
        (depth.replace("\"U\":1", "\"U\":3"), "depthUpdate goes from 3 back to 2"),
        (depth.replace("\"u\":2", "\"u\":2.5"), "\"u\" of depthUpdate is a number with a fraction or an exponent"),
        (depth.replace("\"u\":2", "\"u\":-2"), "\"u\" of depthUpdate is a negative number, not a whole number"),
        (depth.replace("\"u\":2,", ""), "depthUpdate without \"u\""),
        (depth.replace("\"E\":1,", ""), "depthUpdate without \"E\""),
        (depth.replace(",\"a\":[]", ""), "depthUpdate without \"a\""),
        (
            depth.replace("BTCUSDT", "btcusdt"),
            "depthUpdate has a symbol that cannot be used: \"btcusdt\" is not a symbol",
        ),
        (
            trade.replace("\"1.5\"", "1.5"),
            "\"p\" of trade is a number with a fraction or an exponent, not decimal text",
        ),
        (trade.replace("\"1.5\"", "\"1,5\""), "\"p\" of trade cannot be used: \"1,5\" is not a plain decimal number"),
        (trade.replace("\"1.5\"", "\"0.00\""), "\"p\" of trade is 0; no market has that"),
        (trade.replace("\"2\"", "\"-2\""), "\"q\" of trade is -2; no market has that"),
        (trade.replace("true", "\"true\""), "\"m\" of trade is the text \"true\", not true or false"),
        (
            trade.replace("\"T\":1", "\"T\":99999999999999999999"),
            "\"T\" of trade is a number with a fraction or an exponent",
        ),
        (trade.replace('}', ""), "the JSON is cut off: EOF while parsing an object"),
        (format!("{trade} {trade}"), "not JSON: trailing characters"),
        ("{}".to_owned(), "neither an event nor a depth snapshot"),
    ];
    for (frame, fault) in cases {
        let told = tell(frame.as_bytes());
        assert!(told.starts_with("error ") && told.contains(fault), "{frame}\n  {told}\n  {fault}");
    }
    assert_eq!(tell(b"{\"e\":\"\xff\"}"), "error byte 7 is not text");
    let long = vec![b' '; FRAME_BYTES_MAX + 1];
    assert_eq!(tell(&long), "error 1048577 bytes are more than a frame can have (1048576)");
    let many = format!(r#"{{"lastUpdateId":1,"asks":[],"bids":[{}["1","1"]]}}"#, r#"["1","1"],"#.repeat(10_000));
    assert!(tell(many.as_bytes()).contains("\"bids\" has more than 10000 levels"));
    let deep = format!("{{\"x\":{}", "[".repeat(100_000));
    assert!(tell(deep.as_bytes()).starts_with("error the JSON is cut off"));
}

fn kline() -> Value {
    json!({ "e": "kline", "E": 1_672_515_782_136_u64, "s": "BNBBTC", "k": {
        "t": 1_672_528_980_000_u64, "T": 1_672_529_039_999_u64, "s": "BNBBTC", "i": "1m", "f": -1, "L": -1, "o": "0.0010",
        "c": "0.0020", "h": "0.0025", "l": "0.0005", "v": "1000", "n": 100, "x": true, "q": "1.0000", "V": "500",
        "Q": "0.500", "B": "123456" } })
}

/// What a frame was, in one line.
fn tell(frame: &[u8]) -> String {
    let decoded = match decode(Market::Spot, frame) {
        Ok(decoded) => decoded,
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            return format!("error {error}{cause}");
        }
    };
    match decoded {
        Decoded::Market(MarketEvent::Trade(trade)) => {
            format!("trade {} {}..{} {} at {}", trade.symbol, trade.id.0, trade.count, trade.qty, trade.price)
        }
        Decoded::Market(MarketEvent::Quote(quote)) => format!(
            "quote {} {} {} at {}, {} at {}",
            quote.symbol, quote.update, quote.bid_qty, quote.bid, quote.ask_qty, quote.ask
        ),
        Decoded::Market(MarketEvent::Depth(depth)) => format!(
            "depth {} {}-{} after {:?}, {} and {}",
            depth.symbol,
            depth.first,
            depth.last,
            depth.previous,
            depth.bids.len(),
            depth.asks.len()
        ),
        Decoded::Market(MarketEvent::Candle { symbol, interval, candle: c, last }) => format!(
            "candle {symbol} {interval} {} {} {} {} {} {} {} {} {} {}, last {last}",
            c.open_time,
            c.open,
            c.high,
            c.low,
            c.close,
            c.volume,
            c.quote_volume,
            c.trades,
            c.taker_buy_volume,
            c.taker_buy_quote_volume
        ),
        Decoded::Market(event) => format!("{event:?}"),
        Decoded::Top(top) => {
            format!("top {} {}, {} and {}", top.symbol, top.last_update, top.bids.len(), top.asks.len())
        }
        Decoded::Snapshot { last_update, bids, asks } => {
            assert!(bids.iter().chain(&asks).all(|(price, qty)| *price > Price::ZERO && *qty >= Qty::ZERO));
            format!("snapshot {last_update}, {} and {}", bids.len(), asks.len())
        }
        Decoded::Unused(kind) => format!("unused {kind}"),
        Decoded::Other(kind) => format!("other {kind}"),
    }
}
