//! Files of trades: all of the developer set, both layouts, and what is refused.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use tradingbot::domain::event::Trade;
use tradingbot::domain::{Candle, Span, Timestamp};
use tradingbot::store::{ReadTradesError, TradeReader, read_klines};

use crate::data::shared;

#[test]
fn every_file_of_the_developer_set_is_read_as_its_manifest_says() {
    let Some(data) = shared("data") else { return };
    let manifest: Value = serde_json::from_str(&fs::read_to_string(data.join("manifest.json")).unwrap()).unwrap();
    let is_trades = |entry: &&Value| entry["kind"] == "trades" || entry["kind"] == "aggTrades";
    let mut rows = Vec::new();
    for entry in manifest.as_array().unwrap().iter().filter(is_trades) {
        let name = entry["file"].as_str().unwrap();
        let mut reader = TradeReader::open(&data.join(name), None).unwrap();
        let trades: Vec<Trade> = reader.by_ref().map(Result::unwrap).collect();
        assert_eq!(trades.len() as u64, entry["rows"].as_u64().unwrap(), "{name}");
        assert_eq!(trades[0].symbol.symbol().as_str(), entry["symbol"], "{name}");
        assert_eq!(trades[0].at, entry["first"].as_str().unwrap().parse().unwrap(), "{name}");
        assert_eq!(trades[trades.len() - 1].at, entry["last"].as_str().unwrap().parse().unwrap(), "{name}");
        assert_eq!(reader.skipped(), 0, "{name}");
        rows.push(trades.len());
    }
    println!("rows: {rows:?}");
    assert_eq!(rows.len(), 5);
}

#[test]
fn candles_made_of_trades_are_the_candles_of_the_exchange() {
    let Some(klines) = shared("data/klines/1m/XRPETH-1m-20191011-20191013.csv.zst") else { return };
    let Some(trades) = shared("data/trades/XRPETH-aggTrades-20191011-20191013.csv.zst") else { return };
    let mut minutes: BTreeMap<Timestamp, Candle> = BTreeMap::new();
    for trade in TradeReader::open(&trades, None).unwrap() {
        let trade = trade.unwrap();
        let minute = trade.at.floor(Span::MINUTE);
        let candle = minutes.entry(minute).or_insert_with(|| Candle::flat(minute, trade.price));
        candle.take(trade.price, trade.qty, trade.count, !trade.buyer_is_maker).unwrap();
    }
    let expected = read_klines(&klines).unwrap().candles;
    let seen = |candle: &Candle| (candle.open_time, candle.open, candle.high, candle.low, candle.close, candle.volume);
    assert!(minutes.values().map(seen).eq(expected.iter().map(seen)));
    assert_eq!(expected.len(), 2_469);
}

#[test]
fn all_four_layouts_are_told_apart() {
    let spot = "28,5.00,0.5,2.50,1704067200000,True,True\n29,5.01,1.5,7.515,1704067200001,False,True\n";
    let futures = "28,5.00,0.5,2.50,1704067200000,true\n29,5.01,1.5,7.515,1704067200001,false\n";
    let spot_aggregates = "7,5.00,0.5,28,28,1704067200000000,true,true\n8,5.01,1.5,29,29,1704067200001000,false,true\n";
    let futures_aggregates = "7,5.00,0.5,28,28,1704067200000,true\n8,5.01,1.5,29,29,1704067200001,false\n";
    let headers = [
        "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match\n",
        "id,price,qty,quote_qty,time,is_buyer_maker\n",
        "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker,is_best_match\n",
        "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n",
    ];
    let expected = read(spot).unwrap();
    assert_eq!(expected.iter().map(|trade| trade.id.0).collect::<Vec<_>>(), [28, 29]);
    assert_eq!(expected.iter().map(|trade| trade.buyer_is_maker).collect::<Vec<_>>(), [true, false]);
    for (rows, header) in [spot, futures, spot_aggregates, futures_aggregates].into_iter().zip(headers) {
        assert_eq!(read(rows).unwrap(), expected, "{header}");
        assert_eq!(read(&format!("{header}{rows}").replace('\n', "\r\n")).unwrap(), expected, "{header}");
    }
}

#[test]
fn an_aggregate_stands_for_all_its_trades() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("BTCUSDT-aggTrades-2024-01.csv");
    fs::write(&path, "7,5,1,10,14,1704067200000,true,true\n9,5,1,18,18,1704067200000,true,true\n").unwrap();
    let mut reader = TradeReader::open(&path, None).unwrap();
    let trades: Vec<Trade> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(trades.iter().map(|trade| (trade.id.0, trade.count)).collect::<Vec<_>>(), [(10, 5), (18, 1)]);
    assert_eq!(reader.skipped(), 3);
}

#[test]
fn broken_trades_are_refused_with_their_place_and_a_way_out() {
    let row = "28,5.00,0.5,2.50,1704067200000,true,true\n";
    let mend = "mend the row or fetch the file again";
    let cut = "are expected; the line may be cut off, or the file of another kind";
    for (text, said) in [
        ("", ": holds no rows; fetch it again".to_owned()),
        ("id,price,qty,quote_qty,time,is_buyer_maker\n", ": holds no rows; fetch it again".to_owned()),
        (&format!("{row}27,5,1,5,1704067199999,true,true\n"), ":2: trade 27 is not in order of id: it comes before 28, the first of the file; sort the rows by id".to_owned()),
        ("28,5.00,0.5,2.50,1704067200,true,true\n", format!(":1: time \"1704067200\" is not a time from 2009 to 2262 in milli-, micro- or nanoseconds since 1970; {mend}")),
        ("7,5,1,14,10,1704067200000,true,true\n", format!(":1: last_trade_id 10 is less than first_trade_id 14; {mend}")),
        ("28,0,0.5,2.50,1704067200000,true,true\n", format!(":1: price \"0\" is zero; {mend}")),
        ("28,5,0.0,2.50,1704067200000,true,true\n", format!(":1: qty \"0.0\" is zero; {mend}")),
        ("28,5,-1,2.50,1704067200000,true,true\n", format!(":1: qty \"-1\" is less than zero; {mend}")),
        ("28,5,1,2.50,1704067200000,yes,true\n", format!(":1: first_trade_id \"2.50\" is not a whole number of at most 19 digits; {mend}")),
        ("28,5,1,2.50,1704067200000,yes\n", format!(":1: is_buyer_maker \"yes\" is neither true nor false; {mend}")),
        ("28,5,1\n", format!(":1: 3 columns where 6 to 8 {cut}")),
        (&format!("{row}29,5,1,5,1704067200000,true\n"), format!(":2: 6 columns where 7 {cut}")),
        ("open_time,open,high,low,close,volume\n", ":1: the file is CSV of candles with other columns than the exchange's 12; fetch the exchange's own CSV (data.binance.vision), or write its 12 columns (docs/backtest.md says how)".to_owned()),
        ("id,price,quantity,quote_qty,time,is_buyer_maker\n", ":1: column 3 of the header is \"quantity\" where \"qty\" is expected; put the columns in the exchange's order".to_owned()),
        (&format!("{row}30,5,1,5,1704067200002,true,true\n29,5,1,5,1704067200001,true,true\n"), ":3: trade 29 is not in order of id: it comes after 30 and stands nowhere above; sort the rows by id".to_owned()),
        (&format!("{row}{}", row.replace("5.00", "5.01")), ":2: trade 28 stands above with other values; remove the wrong row or fetch the file again".to_owned()),
        (&format!("{row}id,price,qty,quote_qty,time,is_buyer_maker\n"), ":2: a header line among the rows, as when files are joined; remove it".to_owned()),
    ] {
        let found = read(text).unwrap_err().to_string();
        let found = found.rsplit_once("2024-01.csv").unwrap().1.to_owned();
        assert_eq!(found.replace(" holds", ": holds"), said, "{text}");
    }
}

#[test]
fn a_file_that_tells_no_symbol_needs_one_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.csv");
    fs::write(&path, "28,5.00,0.5,2.50,1704067200000,true,true\n").unwrap();
    assert!(matches!(TradeReader::open(&path, None), Err(ReadTradesError::NoSymbol { .. })));
    let symbol = "ETHUSDT".parse().unwrap();
    let trades: Vec<Trade> = TradeReader::open(&path, Some(symbol)).unwrap().map(Result::unwrap).collect();
    assert_eq!(trades[0].symbol.symbol(), symbol);
}

fn read(text: &str) -> Result<Vec<Trade>, ReadTradesError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("BTCUSDT-trades-2024-01.csv");
    fs::write(&path, text).unwrap();
    TradeReader::open(&path, None)?.collect()
}
