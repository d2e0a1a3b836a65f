//! The rules of the simulated exchange, one by one.

use tradingbot::domain::{
    AccountEvent, ExchangeOrderId, Instrument, MarketEvent, Notional, OrderKind, Price, Rate, Rounding, Side, Span,
    TimeInForce, Timestamp, TradeId,
};
use tradingbot::sim::{FeeSettings, Latency, SimSettings, ThirdAsset};

use crate::support::exchange::{
    Desk, asset, at, bitcoin, book, bought, depth, id, limit, limit_for, order, post_only, quote, settings, sold, stop,
    symbol,
};

#[test]
fn a_market_order_walks_the_book_level_by_level() {
    let mut desk = Desk::with_book();
    let heard = desk.submit(&order(1, Side::Buy, "2.5", OrderKind::Market));
    assert_eq!(
        heard,
        [
            "1 accepted",
            "1 Buy 1 at 101 as Taker, fee 0.202 USDT",
            "1 Buy 1.5 at 102 as Taker, fee 0.306 USDT",
            "BTC 12.5",
            "USDT 9745.492",
        ]
    );
    let heard = desk.submit(&order(2, Side::Buy, "1", OrderKind::Market));
    assert_eq!(heard[1..3], ["2 Buy 0.5 at 102 as Taker, fee 0.102 USDT", "2 Buy 0.5 at 104 as Taker, fee 0.104 USDT"]);
    let heard = desk.submit(&order(3, Side::Sell, "11", OrderKind::Market));
    assert_eq!(heard[1..3], ["3 Sell 10 at 100 as Taker, fee 2 USDT", "3 Sell 1 at 99 as Taker, fee 0.198 USDT"]);
}

#[test]
fn a_market_order_larger_than_the_book_waits_for_its_next_state_and_then_expires() {
    let mut desk = Desk::with_book();
    let heard = desk.submit(&order(1, Side::Buy, "7", OrderKind::Market));
    assert_eq!(heard.iter().filter(|line| line.contains("Taker")).count(), 3);
    desk.wait(1_000);
    assert_eq!(desk.see(&depth(2, &[], &[("105", "0.4")]))[0], "1 Buy 0.4 at 105 as Taker, fee 0.084 USDT");
    assert_eq!(desk.sim.deadline(), Some(at(3_000)));
    assert!(desk.wait(1_999).is_empty());
    assert_eq!(desk.wait(1), ["1 Expired INSUFFICIENT_LIQUIDITY"]);
    assert_eq!(desk.sim.deadline(), None);
}

#[test]
fn a_market_order_meets_an_empty_side_and_expires_at_once() {
    let mut desk = Desk::new(settings());
    desk.see(&book(1, &[("100", "1")], &[]));
    let heard = desk.submit(&order(1, Side::Buy, "1", OrderKind::Market));
    assert_eq!(heard, ["1 accepted", "1 Expired INSUFFICIENT_LIQUIDITY"]);
}

#[test]
fn a_limit_order_takes_what_crosses_and_rests_with_the_rest() {
    let mut desk = Desk::with_book();
    let heard = desk.submit(&order(1, Side::Buy, "5", limit("102")));
    assert_eq!(
        heard[..3],
        ["1 accepted", "1 Buy 1 at 101 as Taker, fee 0.202 USDT", "1 Buy 2 at 102 as Taker, fee 0.408 USDT"]
    );
    let heard = desk.see(&sold("102", "5"));
    assert_eq!(heard[0], "1 Buy 2 at 102 as Maker, fee 0.204 USDT");
}

#[test]
fn a_resting_order_waits_behind_what_rested_before_it() {
    let mut desk = Desk::with_book();
    assert_eq!(desk.submit(&order(1, Side::Buy, "1", limit("100"))), ["1 accepted"]);
    assert!(desk.see(&sold("100", "9.5")).is_empty());
    assert!(desk.see(&bought("100", "9.5")).is_empty(), "a buyer who takes does not feed a buyer who rests");
    assert_eq!(desk.see(&sold("100", "0.7"))[0], "1 Buy 0.2 at 100 as Maker, fee 0.02 USDT");
    assert_eq!(desk.see(&sold("100", "3"))[0], "1 Buy 0.8 at 100 as Maker, fee 0.08 USDT");
}

#[test]
fn a_queue_does_not_shrink_with_cancels_unless_the_level_falls_below_it() {
    let mut desk = Desk::with_book();
    desk.submit(&order(1, Side::Buy, "1", limit("100")));
    desk.see(&depth(2, &[("100", "15")], &[]));
    desk.see(&depth(3, &[("100", "12")], &[]));
    assert!(desk.see(&sold("100", "10")).is_empty(), "ten were ahead, and ten have gone");
    desk.submit(&order(2, Side::Buy, "1", limit("99")));
    desk.see(&depth(4, &[("99", "3")], &[]));
    desk.cancel(1);
    assert_eq!(desk.see(&sold("99", "3.5"))[0], "2 Buy 0.5 at 99 as Maker, fee 0.0495 USDT");
}

#[test]
fn a_trade_through_a_resting_order_fills_it_but_no_more_than_was_traded() {
    let mut desk = Desk::with_book();
    desk.submit(&order(1, Side::Buy, "1", limit("100")));
    desk.submit(&order(2, Side::Buy, "1", limit("100")));
    let heard = desk.see(&sold("99.9", "1.5"));
    assert_eq!(heard[..2], ["1 Buy 1 at 100 as Maker, fee 0.1 USDT", "2 Buy 0.5 at 100 as Maker, fee 0.05 USDT"]);
}

#[test]
fn the_better_price_goes_first_and_the_earlier_order_of_one_price() {
    let mut desk = Desk::with_book();
    desk.submit(&order(1, Side::Sell, "1", limit("103")));
    desk.submit(&order(2, Side::Sell, "1", limit("101.5")));
    desk.submit(&order(3, Side::Sell, "1", limit("103")));
    let heard = desk.see(&bought("103", "2.5"));
    let fills: Vec<&str> = heard.iter().filter(|line| line.contains("Sell")).map(|line| &line[..13]).collect();
    assert_eq!(fills, ["2 Sell 1 at 1", "1 Sell 1 at 1", "3 Sell 0.5 at"]);
}

#[test]
fn resting_orders_do_not_fill_from_the_book_alone() {
    let mut desk = Desk::with_book();
    desk.submit(&order(1, Side::Buy, "1", limit("100")));
    assert!(desk.see(&depth(2, &[("100", "0")], &[("99.5", "4")])).is_empty());
}

#[test]
fn immediate_or_cancel_takes_what_there_is_and_expires() {
    let mut desk = Desk::with_book();
    let heard = desk.submit(&order(1, Side::Buy, "2", limit_for("101", TimeInForce::ImmediateOrCancel)));
    assert_eq!(
        heard[..3],
        ["1 accepted", "1 Buy 1 at 101 as Taker, fee 0.202 USDT", "1 Expired UNFILLED_IOC_QUANTITY_EXPIRED"]
    );
}

#[test]
fn fill_or_kill_is_all_or_nothing() {
    let mut desk = Desk::with_book();
    let kind = limit_for("102", TimeInForce::FillOrKill);
    let heard = desk.submit(&order(1, Side::Buy, "3.001", kind));
    assert_eq!(heard, ["1 accepted", "1 Expired UNFILLED_FOK_ORDER_EXPIRED"]);
    assert_eq!(desk.total("USDT"), "10000");
    let heard = desk.submit(&order(2, Side::Buy, "3", kind));
    assert_eq!(heard.iter().filter(|line| line.contains("Taker")).count(), 2);
}

#[test]
fn post_only_is_rejected_when_it_would_take_and_rests_otherwise() {
    let mut desk = Desk::with_book();
    assert_eq!(
        desk.submit(&order(1, Side::Buy, "1", post_only("101"))),
        ["1 rejected: Order would immediately match and take."]
    );
    assert_eq!(desk.submit(&order(2, Side::Buy, "1", post_only("100.9"))), ["2 accepted"]);
    assert_eq!(desk.see(&sold("100.9", "1"))[0], "2 Buy 1 at 100.9 as Maker, fee 0.1009 USDT");
}

#[test]
fn a_stop_waits_for_the_last_price_and_then_takes() {
    let mut desk = Desk::with_book();
    assert_eq!(desk.submit(&order(1, Side::Sell, "1", stop("99.5"))), ["1 accepted"]);
    assert!(desk.see(&sold("99.6", "1")).is_empty());
    assert_eq!(desk.see(&sold("99.5", "1"))[0], "1 Sell 1 at 100 as Taker, fee 0.2 USDT");
    assert_eq!(desk.submit(&order(2, Side::Sell, "1", stop("99.5"))), ["2 rejected: Order would trigger immediately."]);
    assert_eq!(desk.submit(&order(3, Side::Buy, "1", stop("101"))), ["3 accepted"]);
    assert_eq!(desk.see(&bought("101", "1"))[0], "3 Buy 1 at 101 as Taker, fee 0.202 USDT");
}

#[test]
fn with_quotes_alone_a_crossing_limit_goes_on_with_the_next_quote() {
    let mut desk = Desk::new(settings());
    desk.see(&quote(("100", "1"), ("101", "1")));
    let heard = desk.submit(&order(1, Side::Buy, "3", limit("102")));
    assert_eq!(heard[..2], ["1 accepted", "1 Buy 1 at 101 as Taker, fee 0.202 USDT"]);
    assert_eq!(desk.see(&quote(("100", "1"), ("102", "1.5")))[0], "1 Buy 1.5 at 102 as Taker, fee 0.306 USDT");
    assert!(desk.see(&quote(("100", "1"), ("103", "5"))).is_empty());
    assert_eq!(desk.see(&sold("102", "9"))[0], "1 Buy 0.5 at 102 as Maker, fee 0.051 USDT");
}

#[test]
fn with_trades_alone_orders_cost_half_a_spread_and_rest_until_traded_through() {
    let mut desk = Desk::new(settings());
    desk.see(&bought("100", "1"));
    let heard = desk.submit(&order(1, Side::Buy, "5", OrderKind::Market));
    assert_eq!(heard[1], "1 Buy 5 at 100.1 as Taker, fee 1.001 USDT");
    desk.submit(&order(2, Side::Buy, "1", limit("99")));
    assert!(desk.see(&sold("99", "50")).is_empty(), "the queue is not known");
    assert_eq!(desk.see(&sold("98.9", "50"))[0], "2 Buy 1 at 99 as Maker, fee 0.099 USDT");
}

#[test]
fn open_orders_lock_what_they_may_need_and_give_it_back() {
    let mut desk = Desk::with_book();
    assert_eq!(desk.submit(&order(1, Side::Buy, "99", limit("100"))), ["1 accepted"]);
    let broke = "rejected: Account has insufficient balance for requested action.";
    assert_eq!(desk.submit(&order(2, Side::Buy, "1", limit("90"))), [format!("2 {broke}")]);
    assert_eq!(desk.submit(&order(3, Side::Buy, "1", OrderKind::Market)), [format!("3 {broke}")]);
    assert_eq!(desk.submit(&order(4, Side::Sell, "10.001", limit("200"))).len(), 1);
    assert_eq!(desk.submit(&order(5, Side::Sell, "10", limit("150"))), ["5 accepted"]);
    assert_eq!(desk.submit(&order(6, Side::Sell, "0.1", stop("90"))), [format!("6 {broke}")]);
    assert_eq!(desk.cancel(1), ["1 Cancelled"]);
    assert_eq!(desk.submit(&order(2, Side::Buy, "1", limit("90"))), ["2 accepted"]);
}

#[test]
fn an_account_that_is_spent_to_the_last_digit_still_pays_every_part_of_its_fee() {
    let rules = Instrument {
        fee_maker: "0.00077777".parse().unwrap(),
        fee_taker: "0.00077777".parse().unwrap(),
        ..Instrument::plain(symbol(), asset("BTC"), asset("USDT"), Rate::ZERO)
    };
    let whole: Notional = "1.23456789".parse::<Price>().unwrap().times("0.00000777".parse().unwrap()).unwrap();
    let all = whole.plus(whole.scaled(rules.fee_taker, Rounding::Down).unwrap()).unwrap();
    let mut desk = Desk::new(SimSettings::plain(vec![rules], vec![(asset("USDT"), all)]));
    desk.see(&book(1, &[("1", "1")], &[("2", "1")]));
    assert_eq!(desk.submit(&order(1, Side::Buy, "0.00000777", limit("1.23456789"))), ["1 accepted"]);
    for _ in 0..777 {
        let heard = desk.see(&sold("1", "0.00000001"));
        assert!(heard[0].starts_with("1 Buy 0.00000001 at 1.23456789 as Maker"), "{heard:?}");
    }
    assert_eq!(desk.total("BTC"), "0.00000777");
    assert_eq!(desk.total("USDT"), "0.0000000000000766", "what the fee's parts were rounded down by");
    assert_eq!(desk.cancel(1), ["1 cancel refused: Unknown order sent."]);
}

#[test]
fn all_of_an_account_can_be_spent_at_once() {
    let fee: Rate = "0.00077777".parse().unwrap();
    let rules = Instrument::plain(symbol(), asset("BTC"), asset("USDT"), fee);
    let whole: Notional = "1.23456789".parse::<Price>().unwrap().times("0.00000777".parse().unwrap()).unwrap();
    let all = whole.plus(whole.scaled(fee, Rounding::Down).unwrap()).unwrap();
    for kind in [OrderKind::Market, limit("1.23456789")] {
        let mut desk = Desk::new(SimSettings::plain(vec![rules.clone()], vec![(asset("USDT"), all)]));
        desk.see(&book(1, &[("1", "1")], &[("1.23456789", "1")]));
        let heard = desk.submit(&order(1, Side::Buy, "0.00000777", kind));
        assert_eq!(heard.len(), 4, "{heard:?}");
        assert_eq!((desk.total("BTC").as_str(), desk.total("USDT").as_str()), ("0.00000777", "0"));
    }
}

#[test]
fn a_market_order_that_outruns_its_money_expires_with_what_it_got() {
    let mut desk = Desk::new(SimSettings { balances: vec![(asset("USDT"), "210".parse().unwrap())], ..settings() });
    desk.see(&book(1, &[], &[("100", "1")]));
    desk.submit(&order(1, Side::Buy, "2", OrderKind::Market));
    let heard = desk.see(&depth(2, &[], &[("200", "5")]));
    assert_eq!(
        heard[..2],
        [
            "1 Buy 0.547 at 200 as Taker, fee 0.2188 USDT",
            "1 Expired Account has insufficient balance for requested action."
        ]
    );
}

#[test]
fn filters_speak_the_exchanges_words() {
    let mut desk = Desk::with_book();
    let mut refused = |number, qty, kind| desk.submit(&order(number, Side::Buy, qty, kind)).concat();
    assert_eq!(refused(1, "1", limit("100.05")), "1 rejected: Filter failure: PRICE_FILTER");
    assert_eq!(refused(2, "0.0005", limit("100")), "2 rejected: Filter failure: LOT_SIZE");
    assert_eq!(refused(3, "0.01", limit("100")), "3 rejected: Filter failure: NOTIONAL");
    assert_eq!(refused(4, "1", limit("10")), "4 rejected: Filter failure: PERCENT_PRICE_BY_SIDE");
    let mut foreign = order(5, Side::Buy, "1", OrderKind::Market);
    foreign.symbol = "ETHUSDT".parse().unwrap();
    assert_eq!(desk.submit(&foreign), ["5 rejected: Invalid symbol."]);
}

#[test]
fn there_is_a_bound_on_open_orders() {
    let mut desk = Desk::with_book();
    for number in 0..200 {
        assert_eq!(desk.submit(&order(number, Side::Buy, "0.1", limit("60"))).len(), 1);
    }
    let heard = desk.submit(&order(200, Side::Buy, "0.1", limit("60")));
    assert_eq!(heard, ["200 rejected: Filter failure: MAX_NUM_ORDERS"]);
}

#[test]
fn an_order_id_is_refused_while_its_order_lives_and_taken_again_afterwards() {
    let mut desk = Desk::with_book();
    let resting = order(1, Side::Buy, "1", limit("100"));
    desk.submit(&resting);
    assert_eq!(desk.submit(&resting), ["1 rejected: Duplicate order sent."]);
    desk.cancel(1);
    assert_eq!(desk.submit(&resting), ["1 accepted"], "a blind retry after the end trades twice");
}

#[test]
fn a_cancel_is_refused_when_nothing_is_left_to_cancel() {
    let mut desk = Desk::with_book();
    assert_eq!(desk.cancel(1), ["1 cancel refused: Unknown order sent."]);
    desk.submit(&order(1, Side::Buy, "1", OrderKind::Market));
    assert_eq!(desk.cancel(1), ["1 cancel refused: Unknown order sent."]);
}

#[test]
fn asking_repeats_what_became_of_an_order() {
    let mut desk = Desk::with_book();
    assert_eq!(desk.ask(1), ["1 not found"]);
    desk.submit(&order(1, Side::Buy, "2", limit("101")));
    let told = ["1 accepted", "1 Buy 1 at 101 as Taker, fee 0.202 USDT"];
    assert_eq!(desk.ask(1), told);
    desk.cancel(1);
    assert_eq!(desk.ask(1), [told[0], told[1], "1 Cancelled"]);
    desk.sim.ask(desk.now, id(1), "ETHUSDT".parse().unwrap());
    assert_eq!(desk.heard(), ["1 not found"]);
}

#[test]
fn numbers_are_unique_and_rise_from_where_they_are_told() {
    let mut desk = Desk::new(SimSettings { numbers_from: 1_000, ..settings() });
    desk.see(&book(1, &[], &[("100", "1"), ("101", "1"), ("102", "1")]));
    let mut numbers = Vec::new();
    for number in 1..4 {
        desk.sim.submit(desk.now, &order(number, Side::Buy, "0.75", OrderKind::Market));
        while let Some(event) = desk.sim.next(desk.now) {
            match event {
                AccountEvent::Accepted { exchange_id: ExchangeOrderId(number), .. } => numbers.push(("order", number)),
                AccountEvent::Filled(fill) => {
                    let TradeId(number) = fill.trade;
                    numbers.push(("trade", number));
                }
                AccountEvent::Balance { .. } => {}
                AccountEvent::Rejected { .. }
                | AccountEvent::Ended { .. }
                | AccountEvent::CancelRefused { .. }
                | AccountEvent::Unanswered { .. }
                | AccountEvent::NotFound { .. } => unreachable!("{event:?}"),
            }
        }
    }
    let orders: Vec<u64> = numbers.iter().filter(|(what, _)| *what == "order").map(|(_, number)| *number).collect();
    let trades: Vec<u64> = numbers.iter().filter(|(what, _)| *what == "trade").map(|(_, number)| *number).collect();
    assert_eq!(orders, [1_000, 1_001, 1_002]);
    assert_eq!(trades, [1_000, 1_001, 1_002, 1_003, 1_004]);
}

#[test]
fn a_third_asset_pays_the_fee_while_it_lasts_and_never_out_of_what_an_order_sells() {
    let third = ThirdAsset { asset: asset("BTC"), symbol: symbol(), discount: "0.25".parse().unwrap() };
    let fees = FeeSettings { third: Some(third), ..FeeSettings::default() };
    let mut desk = Desk::new(SimSettings { fees, ..settings() });
    desk.see(&book(1, &[("100", "6"), ("99", "10")], &[("101", "5")]));
    desk.see(&sold("100", "1"));
    let heard = desk.submit(&order(1, Side::Buy, "1", OrderKind::Market));
    assert_eq!(heard[1..], ["1 Buy 1 at 101 as Taker, fee 0.001515 BTC", "BTC 10.998485", "USDT 9899"]);
    let heard = desk.submit(&order(2, Side::Sell, "10.998", OrderKind::Market));
    assert_eq!(
        heard[1..3],
        ["2 Sell 6 at 100 as Taker, fee 1.2 USDT", "2 Sell 4.998 at 99 as Taker, fee 0.989604 USDT"]
    );
}

#[test]
fn requests_and_answers_take_their_time_and_stay_in_order() {
    let latency = Latency { min: Span::from_millis(20), max: Span::from_millis(20) };
    let mut desk = Desk::new(SimSettings { latency, ..settings() });
    desk.see(&book(1, &[], &[("101", "5")]));
    assert!(desk.submit(&order(1, Side::Buy, "1", OrderKind::Market)).is_empty());
    assert_eq!(desk.sim.deadline(), Some(at(20)));
    desk.now = at(10);
    desk.see(&depth(2, &[], &[("101", "0"), ("103", "5")]));
    assert!(desk.wait(29).is_empty());
    let heard = desk.wait(1);
    assert_eq!(heard[..2], ["1 accepted", "1 Buy 1 at 103 as Taker, fee 0.206 USDT"], "it met the later book");
}

#[test]
fn a_request_that_arrives_with_an_event_meets_the_market_before_it() {
    let latency = Latency { min: Span::from_millis(10), max: Span::from_millis(10) };
    let mut desk = Desk::new(SimSettings { latency, ..settings() });
    desk.see(&book(1, &[], &[("101", "5")]));
    desk.submit(&order(1, Side::Buy, "1", OrderKind::Market));
    desk.now = at(10);
    desk.see(&depth(2, &[], &[("101", "0")]));
    assert!(desk.wait(10)[1].starts_with("1 Buy 1 at 101"));
}

#[test]
fn balances_are_told_when_asked_for() {
    let mut desk = Desk::new(settings());
    desk.sim.ask_balances(desk.now);
    assert_eq!(desk.heard(), ["BTC 10", "USDT 10000"]);
}

#[test]
fn candles_and_foreign_symbols_change_nothing() {
    let mut desk = Desk::with_book();
    let candle = tradingbot::domain::Candle::flat(Timestamp::ZERO, "1".parse().unwrap());
    assert!(desk.see(&MarketEvent::Range { symbol: symbol(), candle }).is_empty());
    let mut foreign = sold("1", "1");
    if let MarketEvent::Trade(trade) = &mut foreign {
        trade.symbol = "ETHUSDT".parse().unwrap();
    }
    desk.submit(&order(1, Side::Buy, "1", limit("100")));
    assert!(desk.see(&foreign).is_empty());
    assert_eq!(bitcoin().fee_maker, Rate::from_units(100_000));
}
