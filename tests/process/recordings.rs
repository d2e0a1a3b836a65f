//! A recording against the configuration that plays it: what does not fit is refused, or said with numbers.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use tradingbot::domain::{
    ClientOrderId, Entry, Fee, Fill, Liquidity, NewOrder, Notional, OrderKind, Purpose, RunId, RunTag, Seq, Side,
    Timestamp, TradeId,
};
use tradingbot::ledger::Ledger;

use crate::daemon::Bot;

/// `count` messages from the message `from` on, ten a second, each made by `message` from its number and time.
fn recording(from: u64, count: u64, message: impl Fn(u64, u64) -> String) -> String {
    let mut text = String::new();
    for number in from..from + count {
        let millis = 1_723_161_254_000 + number * 100;
        let _ = writeln!(text, "{millis} {}", message(number, millis));
    }
    text
}

fn spot_trade(symbol: &'static str) -> impl Fn(u64, u64) -> String {
    move |number, at| {
        format!(
            r#"{{"e":"trade","E":{at},"s":"{symbol}","t":{},"p":"618.5","q":"0.02","T":{at},"m":true,"M":true}}"#,
            number + 1
        )
    }
}

fn futures_trade(symbol: &'static str) -> impl Fn(u64, u64) -> String {
    move |number, at| {
        format!(
            r#"{{"e":"trade","E":{at},"s":"{symbol}","t":{},"p":"618.5","q":"0.02","T":{at},"X":"MARKET","m":true}}"#,
            number + 1
        )
    }
}

fn futures_depth(symbol: &'static str) -> impl Fn(u64, u64) -> String {
    move |number, at| {
        let (first, before) = (number * 10, (number * 10).saturating_sub(1));
        format!(
            r#"{{"e":"depthUpdate","E":{at},"T":{at},"s":"{symbol}","U":{first},"u":{},"pu":{before},"b":[["618","1"]],"a":[]}}"#,
            first + 9
        )
    }
}

/// A configuration for a market and its symbols, and what paper trading on a recording under it says, with the exit code.
fn paper(market: &str, symbols: &str, texts: &[String]) -> (String, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    paper_in(folder.path(), market, symbols, texts)
}

/// The same in a folder that is there already, with or without a ledger.
fn paper_in(folder: &Path, market: &str, symbols: &str, texts: &[String]) -> (String, Option<i32>) {
    let config = folder.join("tradingbot.toml");
    let first = symbols.split(',').next().unwrap();
    fs::write(
        &config,
        format!(
            "mode = \"paper\"\nstart = \"trading\"\n[market]\nsource = \"practice\"\nmarket = \"{market}\"\nsymbols = [{symbols}]\n\
             [account]\nquote = \"USDT\"\n[api]\nlisten = \"127.0.0.1:0\"\n[[strategy]]\nname = \"ema\"\nrule = \"ema-cross\"\n\
             fast = 3\nslow = 8\nsymbols = [{first}]\ninterval = \"1s\"\nsizing = {{ by = \"fixed\", stake = \"100\" }}\n\
             stop-loss = \"0.01\"\n"
        ),
    )
    .unwrap();
    play(folder, &["--config", config.to_str().unwrap()], texts)
}

fn play(folder: &Path, arguments: &[&str], texts: &[String]) -> (String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
    command.arg("paper").args(arguments).arg("--state").arg(folder.join("state")).arg("--recording");
    for (at, text) in texts.iter().enumerate() {
        let path = folder.join(format!("{at}.jsonl"));
        fs::write(&path, text).unwrap();
        command.arg(path);
    }
    let output = command.env_remove("TRADINGBOT_API_TOKEN").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout) + &text(output.stderr), output.status.code())
}

#[test]
fn coin_margined_futures_are_refused() {
    for (symbols, text) in [
        ("\"BTCUSDT\"", recording(0, 60, futures_depth("BTCUSD_PERP"))),
        ("\"BTCUSDT\"", recording(0, 60, futures_trade("BTCUSD_240628"))),
        ("\"BTCUSDT\"", recording(0, 2_000, futures_trade("BTCUSD_PERP"))),
    ] {
        for market in ["spot", "usd-m"] {
            let (said, code) = paper(market, symbols, std::slice::from_ref(&text));
            assert!(
                said.contains(" is of coin-margined futures (COIN-M), whose quantities are contracts of a fixed"),
                "{said}"
            );
            assert_eq!(code, Some(65), "{said}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let (said, code) = play(folder.path(), &[], &[recording(0, 60, futures_depth("BTCUSD_PERP"))]);
    assert!(code == Some(65) && said.contains("BTCUSD_PERP is of coin-margined futures"), "{said}");
}

#[test]
fn a_recording_of_another_market_is_refused() {
    for (market, text, found, configured, key) in [
        ("usd-m", recording(0, 60, spot_trade("BTCUSDT")), "the spot market", "USD-M futures", "spot"),
        ("spot", recording(0, 60, futures_trade("BTCUSDT")), "USD-M futures", "the spot market", "usd-m"),
        ("spot", recording(0, 60, futures_depth("BTCUSDT")), "USD-M futures", "the spot market", "usd-m"),
    ] {
        let (said, code) = paper(market, "\"BTCUSDT\"", std::slice::from_ref(&text));
        let words = format!(
            "the recording is of {found}, and the configuration of {configured}; write market = \"{key}\" under [market]"
        );
        assert!(said.contains(&words), "{said}");
        assert_eq!(code, Some(65));
        let (said, code) = paper(key, "\"BTCUSDT\"", &[text]);
        assert_eq!(code, Some(0), "{said}");
    }
    let unsure = recording(0, 60, |number, at| {
        spot_trade("BTCUSDT")(number, at)
            .replace("\"trade\"", "\"aggTrade\"")
            .replace(",\"M\":true", "")
            .replace("\"t\":", "\"f\":1,\"l\":1,\"t\":")
    });
    let (said, code) = paper("spot", "\"BTCUSDT\"", &[unsure]);
    assert!(
        code == Some(0)
            && said.contains("looks like one of USD-M futures, and the configuration is of the spot market"),
        "{said}"
    );
    let folder = tempfile::tempdir().unwrap();
    let (said, code) = play(folder.path(), &[], &[recording(0, 60, futures_trade("BTCUSDT"))]);
    assert_eq!(code, Some(0), "without a configuration there is none to contradict: {said}");
}

/// A ledger in which BTCUSDT is held, by a run with that tag, and what a bot on USD-M futures makes of it.
fn perpetuals_on_a_ledger_of_spot_names(folder: &Path, tag: Option<RunTag>) -> String {
    let state = folder.join("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let mut ledger = Ledger::open(&state.join("ledger.sqlite")).unwrap();
    let at = Timestamp::from_exchange(1_723_161_200_000).unwrap();
    let (id, symbol) = (ClientOrderId::derive(RunId(1), Seq(1), 0), "BTCUSDT".parse().unwrap());
    let (strategy, qty) = ("ema".parse().unwrap(), "0.1".parse().unwrap());
    let (price, dollars) = ("650".parse().unwrap(), "USDT".parse().unwrap());
    let order =
        NewOrder { id, strategy, symbol, side: Side::Buy, qty, kind: OrderKind::Market, purpose: Purpose::Enter };
    let fee = Fee { asset: dollars, amount: Notional::ZERO };
    let (trade, liquidity) = (TradeId(1), Liquidity::Taker);
    let fill = Fill { order: id, trade, symbol, side: Side::Buy, price, qty, fee, liquidity, at };
    let entries = [
        Entry::Started { run: RunId(1), tag, version: "0.1.0".to_owned(), config: String::new() },
        Entry::Deposited { asset: dollars, amount: "10000".parse().unwrap() },
        Entry::Intended { order },
        Entry::Filled { fill },
        Entry::Stopped { run: RunId(1) },
    ];
    let _durable = ledger.commit(at, &entries).unwrap();
    drop(ledger);
    let (said, code) = paper_in(folder, "usd-m", "\"BTCUSDT\"", &[recording(0, 100, futures_trade("BTCUSDT"))]);
    assert_eq!(code, Some(0), "{said}");
    said
}

/// Ledgers of before spot and perpetuals had names of their own, which are those without tags.
#[test]
fn a_position_in_a_perpetual_that_its_ledger_names_as_spot_is_still_left() {
    let folder = tempfile::tempdir().unwrap();
    let said = perpetuals_on_a_ledger_of_spot_names(folder.path(), None);
    let sold = said.lines().find(|line| line.contains("position closed")).unwrap_or_else(|| panic!("{said}"));
    assert!(sold.contains("BTCUSDT-PERP"), "{sold}");
    let mut replay = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
    replay.arg("replay").arg("--config").arg(folder.path().join("tradingbot.toml"));
    replay.arg("--state").arg(folder.path().join("state")).arg("--recording").arg(folder.path().join("0.jsonl"));
    let replay = replay.output().unwrap();
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stderr));
}

#[test]
fn what_is_held_on_spot_is_not_sold_as_a_perpetual() {
    let folder = tempfile::tempdir().unwrap();
    let said = perpetuals_on_a_ledger_of_spot_names(folder.path(), Some(RunTag::from_bits(7)));
    assert!(!said.contains("side=sell") && !said.contains("position closed"), "{said}");
    assert!(said.contains("the ledger holds fills that no configured strategy accounts for"), "{said}");
}

#[test]
fn the_practice_market_of_perpetuals_is_that_of_their_symbols() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tradingbot.toml");
    let text = "mode = \"paper\"\nmarket = { source = \"practice\", market = \"usd-m\", symbols = [\"BTCUSDT\"] }\n";
    fs::write(&config, format!("{text}start = \"halted\"\n")).unwrap();
    let mut bot = Bot::start(&folder.path().join("state"), &["--config", config.to_str().unwrap()]);
    bot.until("ready");
    let market = std::iter::repeat_with(|| bot.ask("GET", "/v1/status", "").1["markets"][0].clone())
        .find(|market| market["last"].is_string())
        .unwrap();
    assert_eq!(market["symbol"], "BTCUSDT-PERP");
    let last: f64 = market["last"].as_str().unwrap().parse().unwrap();
    assert!((50_000.0..80_000.0).contains(&last), "{market}");
}

#[test]
fn what_the_recording_has_nothing_of_is_said_with_numbers_at_start_and_end() {
    let (said, code) = paper(
        "spot",
        "\"BTCUSDT\", \"ETHUSDT\"",
        &[recording(0, 60, spot_trade("BTCUSDT")) + &recording(60, 40, spot_trade("ADAUSDT"))],
    );
    assert_eq!(code, Some(0), "{said}");
    let start = said.find("the recording has nothing of ETHUSDT, in 100 events that were looked at").unwrap();
    let end = said.find("the recording had nothing of ETHUSDT in all of its 100 events").unwrap();
    assert!(start < end, "{said}");
    assert!(said.contains("the recording had events of symbols that are not configured: ADAUSDT (40)"), "{said}");
    let (said, code) = paper("spot", "\"BTCUSDT\"", &[recording(0, 60, spot_trade("ETHUSDT"))]);
    let words =
        "the recording has nothing of BTCUSDT; its events are of ETHUSDT (60): name another recording, or these under";
    assert!(code == Some(65) && said.contains(words), "{said}");
    assert!(!said.contains("paper trading"), "nothing began: {said}");
    // What comes late is waited for, and its absence told at the end.
    let (said, code) = paper("spot", "\"BTCUSDT\"", &[recording(0, 1_500, spot_trade("ETHUSDT"))]);
    assert!(
        said.contains("the recording begins with nothing of BTCUSDT, in 1000 events that were looked at"),
        "{said}"
    );
    let words = "the recording has nothing of BTCUSDT; its events are of ETHUSDT (1500): name another";
    assert!(code == Some(65) && said.contains(words), "{said}");
    let late = [recording(0, 1_500, spot_trade("ETHUSDT")), recording(1_500, 10, spot_trade("BTCUSDT"))];
    let (said, code) = paper("spot", "\"BTCUSDT\"", &late);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("begins with nothing of BTCUSDT") && said.contains("not configured: ETHUSDT (1500)"),
        "{said}"
    );
}
