//! Ledger entries of every kind, each different from all others.

use tradingbot::domain::{
    ClientOrderId, Entry, ExchangeOrderId, ExitReason, Fee, Fill, InstrumentId, Liquidity, NewOrder, Notional,
    OrderKind, Outcome, Price, Purpose, Qty, Rate, RoundTrip, RunId, RunTag, Seq, Side, StrategyName, TimeInForce,
    Timestamp, TradeId,
};

/// The entry number `index`: kinds follow each other in the order of `Entry::KINDS`, over two symbols and strategies.
pub fn entry(index: u64) -> Entry {
    let by = "operator \"é\"\n\u{1}".to_owned();
    let reason = format!("=reason, {index}");
    match index % 17 {
        0 => Entry::Started {
            run: RunId(1),
            tag: (index > 0).then(|| RunTag::from_bits(index)),
            version: "0.1.0".to_owned(),
            config: format!("{index:064x}"),
        },
        1 => Entry::Stopped { run: RunId(u32::try_from(index).unwrap()) },
        2 => Entry::Deposited { asset: "USDT".parse().unwrap(), amount: Notional::from_units(-i128::from(index)) },
        3 => Entry::Intended { order: order(index / 17) },
        4 => Entry::Accepted { id: id(index / 17), exchange_id: ExchangeOrderId(index) },
        5 => Entry::Filled { fill: fill(index / 17) },
        6 => Entry::CancelAsked { id: id(index / 17), by },
        7 => Entry::Unanswered { id: id(index / 17) },
        8 => Entry::Ended { id: id(index / 17), outcome: Outcome::Filled, reason },
        9 => Entry::Halted { by, reason },
        10 => Entry::Resumed { by, reason },
        11 => Entry::Paused { by: reason, strategy: strategy(index) },
        12 => Entry::Unpaused { by: reason, strategy: strategy(index) },
        13 => Entry::Closed { trip: trip(index / 17) },
        14 => Entry::Guarded {
            strategy: strategy(index),
            symbol: symbol(index),
            stop: price(index),
            highest: price(index + 1),
        },
        15 => Entry::Marked { equity: Notional::from_units(i128::from(index) * 1_000_000) },
        _ => Entry::CloseAsked { by: reason, symbol: index.is_multiple_of(2).then(|| symbol(index)) },
    }
}

/// When entry number `index` was made.
pub fn at(index: u64) -> Timestamp {
    Timestamp::from_nanos(1_700_000_000_000_000_000 + i64::try_from(index).unwrap() * 1_000_000_000)
}

/// The order number `number`.
pub fn order(number: u64) -> NewOrder {
    NewOrder {
        id: id(number),
        strategy: strategy(number),
        symbol: symbol(number),
        side: side(number),
        qty: qty(number),
        kind: OrderKind::Limit { price: price(number), time_in_force: TimeInForce::GoodTillCancelled },
        purpose: Purpose::Enter,
    }
}

/// The fill of order number `number`.
pub fn fill(number: u64) -> Fill {
    Fill {
        order: id(number),
        trade: TradeId(1_000 + number),
        symbol: symbol(number),
        side: side(number),
        price: price(number),
        qty: qty(number),
        fee: Fee { asset: "USDT".parse().unwrap(), amount: Notional::from_units(i128::from(number) + 1) },
        liquidity: Liquidity::Maker,
        at: at(number),
    }
}

fn trip(number: u64) -> RoundTrip {
    RoundTrip {
        strategy: strategy(number),
        symbol: symbol(number),
        opened: at(number),
        closed: at(number + 1),
        entry: price(number),
        exit: price(number + 1),
        qty: qty(number),
        fees: Notional::from_units(1),
        profit: Notional::from_units(-2),
        profit_ratio: Rate::from_units(-3),
        reason: ExitReason::StopLoss,
        lowest: price(number),
        highest: price(number + 1),
        stop_initial: None,
        stop_last: Some(price(number)),
    }
}

fn id(number: u64) -> ClientOrderId {
    ClientOrderId::derive(RunId(1), Seq(number), 0)
}

fn symbol(number: u64) -> InstrumentId {
    if number.is_multiple_of(2) { "BTCUSDT" } else { "ETHUSDT" }.parse().unwrap()
}

fn strategy(number: u64) -> StrategyName {
    if number.is_multiple_of(2) { "ema-btc" } else { "-eth" }.parse().unwrap()
}

fn side(number: u64) -> Side {
    if number % 4 < 2 { Side::Buy } else { Side::Sell }
}

fn price(number: u64) -> Price {
    Price::from_units(6_425_010_000_000 + i64::try_from(number).unwrap())
}

fn qty(number: u64) -> Qty {
    Qty::from_units(157_851 + i128::from(number))
}
