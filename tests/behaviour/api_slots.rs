//! Who has a connection, a stream and a budget: whoever has a token, before all others; and whoever halts, always.

use std::time::Duration;

use tradingbot::clock::Mark;
use tradingbot::domain::Span;

use crate::support::api::{Bot, Client, Connection, Says, order_id};

const REASON: Option<&str> = Some(r#"{"reason":"lunch"}"#);

/// A connection over which one request was answered.
fn kept(client: &Client) -> Connection {
    let mut connection = client.connect();
    assert_eq!(asked(&mut connection, client), 200);
    connection
}

/// The status of one answer over a connection that is open.
fn asked(connection: &mut Connection, client: &Client) -> u16 {
    connection.send(client.request("GET", "/v1/health", None).as_bytes());
    connection.read_response(false).unwrap().status
}

fn listen(client: &Client) -> (Connection, u16) {
    let mut connection = client.connect();
    connection.send(client.request("GET", "/v1/events", None).as_bytes());
    let status = connection.read_head().unwrap().status;
    (connection, status)
}

#[test]
fn whoever_has_no_token_keeps_no_connection() {
    let bot = Bot::start_with(|settings| {
        settings.auth_failures_per_minute = 2;
        settings.rate_limit_burst = 3;
        settings.rate_limit_per_minute = 1;
    });
    let (stranger, reader) = (bot.client("tb_wrong"), bot.client(&bot.read));
    for (client, path, code) in [
        (&stranger, "/v1/status", "token-unknown"),
        (&Client::tcp(bot.address), "/v1/nowhere", "token-missing"),
        (&stranger, "/v1/status", "failures-limited"),
    ] {
        let mut connection = client.connect();
        connection.send(client.request("GET", path, None).as_bytes());
        let response = connection.read_response(false).unwrap();
        assert_eq!((response.code().as_str(), response.header("connection")), (code, Some("close")));
        assert!(connection.read_to_end().is_ok_and(|rest| rest.is_empty()), "{code}: in order");
    }
    // Nor whoever asks more than a token may.
    let mut connection = reader.connect();
    for (status, header) in [(200, None), (200, None), (200, None), (429, Some("close"))] {
        connection.send(reader.request("GET", "/v1/health", None).as_bytes());
        let response = connection.read_response(false).unwrap();
        assert_eq!((response.status, response.header("connection")), (status, header));
    }
    assert!(connection.is_closed());
}

#[test]
fn a_refusal_reaches_a_client_that_is_still_sending() {
    let bot = Bot::start();
    let length = 200_000;
    let trader = bot.client(&bot.trade);
    let body = "x".repeat(length);
    for (request, status) in [
        (trader.request("POST", "/v1/halt", Some(&body)), 413),
        (bot.client("tb_wrong").request("POST", "/v1/halt", Some(&body[..4_000])), 401),
        (bot.client("tb_wrong").request("GET", "/v1/status", None).repeat(30), 401),
    ] {
        let (first, rest) = request.as_bytes().split_at(1_000);
        let mut connection = bot.client("").connect();
        connection.send(first);
        assert_eq!(connection.read_response(false).unwrap().status, status);
        // The server sends no more, but lets the client send to its end.
        assert!(connection.read_to_end().is_ok_and(|rest| rest.is_empty()));
        for part in rest.chunks(rest.len() / 200 + 1) {
            connection.try_send(part).unwrap_or_else(|error| panic!("{status}: cut off while sending: {error}"));
            std::thread::yield_now();
        }
        assert!(connection.read_to_end().is_ok_and(|rest| rest.is_empty()), "{status}: it was reset");
    }
}

#[test]
fn the_oldest_who_has_shown_no_token_makes_room_and_nobody_else() {
    let bot = Bot::start_with(|settings| settings.newcomers_max = 4);
    let client = bot.client(&bot.read);
    let mut regular = kept(&client);
    let mut silent: Vec<Connection> = (0..40).map(|_| client.connect()).collect();
    // One with half a head is no better than one with none.
    silent[39].send(b"GET /v1/health HTTP/1.1\r\nHost: a\r\n");
    for _ in 0..20 {
        assert_eq!(client.get("/v1/health").status, 200);
    }
    for connection in &mut silent[..36] {
        assert!(connection.is_closed());
    }
    assert_eq!(asked(&mut regular, &client), 200);
}

#[test]
fn a_token_holds_its_share_and_its_own_idle_connections_make_room() {
    let bot = Bot::start_with(|settings| settings.connections_max = 4);
    let (reader, trader) = (bot.client(&bot.read), bot.client(&bot.trade));
    let mut operator = kept(&trader);
    let (mut first, mut second) = (kept(&reader), kept(&reader));
    assert_eq!(asked(&mut first, &reader), 200);
    let mut third = kept(&reader);
    assert!(second.is_closed(), "it was idle for longest");
    for connection in [&mut first, &mut third] {
        assert_eq!(asked(connection, &reader), 200);
    }
    for _ in 0..50 {
        let _ = kept(&reader);
    }
    assert_eq!(asked(&mut operator, &trader), 200, "it is somebody else's");
}

#[test]
fn one_token_cannot_have_every_stream() {
    let bot = Bot::start_with(|settings| settings.streams_max = 8);
    let (reader, trader) = (bot.client(&bot.read), bot.client(&bot.trade));
    let mut open = Vec::new();
    for (client, status) in
        [(&reader, 200), (&reader, 200), (&reader, 503), (&trader, 200), (&trader, 200), (&trader, 503)]
    {
        let (connection, answered) = listen(client);
        assert_eq!(answered, status);
        open.push(connection);
    }
    let control = Client::unix(&bot.control_socket);
    let streams: Vec<(Connection, u16)> = (0..9).map(|_| listen(&control)).collect();
    let opened = streams.iter().filter(|(_, status)| *status == 200).count();
    assert_eq!(opened, 8, "those of the control socket are counted apart");
    assert_eq!(control.post("/v1/halt", REASON).status, 200);
}

#[test]
fn a_stream_holds_no_slot_and_ends_its_connection() {
    let bot = Bot::start_with(|settings| {
        settings.connections_max = 2;
        settings.streams_max = 8;
    });
    let client = bot.client(&bot.read);
    let mut stream = client.connect();
    stream.send(client.request("GET", "/v1/events", None).as_bytes());
    let head = stream.read_head().unwrap();
    assert_eq!((head.header("connection"), head.header("x-accel-buffering")), (Some("close"), Some("no")));
    // A share of one, which the stream does not have.
    let mut regular = kept(&client);
    assert_eq!(asked(&mut regular, &client), 200);
    bot.feed.publish("filled", &1);
    assert!(stream.read_chunk().unwrap().is_some());
}

#[test]
fn what_one_token_asks_does_not_keep_another_from_halting() {
    let bot = Bot::start_with(|settings| {
        settings.rate_limit_per_minute = 1;
        settings.rate_limit_burst = 2;
    });
    let (reader, trader) = (bot.client(&bot.read), bot.client(&bot.trade));
    for _ in 0..2 {
        assert_eq!(reader.get("/v1/status").status, 200);
    }
    for _ in 0..20 {
        assert_eq!(reader.get("/v1/status").code(), "rate-limited");
        assert_eq!(reader.post("/v1/halt", REASON).code(), "rate-limited", "what it may not do is not urgent");
    }
    assert_eq!(trader.post("/v1/halt", REASON).status, 200);
    // Nor does what the same token asked before, not even to halt.
    for _ in 0..20 {
        let _ = trader.get("/v1/status");
    }
    assert_eq!(trader.get("/v1/status").code(), "rate-limited");
    for _ in 0..20 {
        assert_eq!(trader.post("/v1/halt", REASON).status, 200);
        assert_eq!(trader.post("/v1/positions/BTCUSDT/close", None).status, 202);
    }
    assert_eq!(trader.post("/v1/halt", REASON).code(), "rate-limited", "it has an end too");
    assert_eq!(trader.post("/v1/positions/BTCUSDT/close", None).code(), "rate-limited");
    assert_eq!(bot.client(&bot.admin).post("/v1/halt", REASON).status, 200);
}

#[test]
fn the_control_socket_lets_a_halt_through_whatever_is_open_over_it() {
    let bot = Bot::start();
    let control = Client::unix(&bot.control_socket);
    let mut dashboard = kept(&control);
    let streams: Vec<(Connection, u16)> = (0..16).map(|_| listen(&control)).collect();
    assert!(streams.iter().any(|(_, status)| *status == 200));
    let idle: Vec<Connection> = (0..50).map(|_| control.connect()).collect();
    let asked_once: Vec<Connection> = (0..50)
        .map(|_| {
            assert_eq!(asked(&mut dashboard, &control), 200);
            kept(&control)
        })
        .collect();
    assert_eq!(control.post("/v1/halt", REASON).status, 200);
    assert_eq!(asked(&mut dashboard, &control), 200, "whoever asks all the time is not idle");
    drop((idle, asked_once));

    // More requests than a minute has are refused, but for those to halt.
    while control.get("/v1/health").status == 200 {}
    assert_eq!(control.post("/v1/halt", REASON).status, 200);
}

#[test]
fn a_halt_that_is_being_done_is_not_cut_off() {
    let bot = Bot::start_with(|settings| settings.newcomers_max = 4);
    let control = Client::unix(&bot.control_socket);
    bot.engine.say(Says::Later);
    let mut halting = control.connect();
    halting.send(control.request("POST", "/v1/halt", REASON).as_bytes());
    while bot.engine.asked().is_empty() {
        std::thread::yield_now();
    }
    let others: Vec<Connection> = (0..100).map(|_| control.connect()).collect();
    for _ in 0..50 {
        let _ = kept(&control);
    }
    bot.engine.answer_held(&tradingbot::domain::Verdict::Done);
    assert_eq!(halting.read_response(false).unwrap().status, 200);
    drop(others);
}

#[test]
fn changes_that_wait_for_the_engine_leave_room_for_a_halt() {
    let bot = Bot::start();
    bot.engine.say(Says::Later);
    let client = bot.client(&bot.trade);
    let pause = client.request("POST", "/v1/strategies/ema-btc/pause", None);
    let mut waiting: Vec<Connection> = Vec::new();
    while bot.engine.asked().len() < 16 {
        let mut connection = client.connect();
        connection.send(pause.as_bytes());
        waiting.push(connection);
    }
    assert_eq!(client.post("/v1/strategies/ema-btc/pause", None).code(), "engine-busy");
    bot.engine.say(Says::At(tradingbot::domain::Verdict::Done));
    assert_eq!(client.post("/v1/halt", REASON).status, 200);
}

/// Whoever asks without end, with the token that halts too.
fn asks_without_end(client: &Client, path: &str, method: &str) {
    let refused = (0..100_000).map(|_| client.ask(method, path, None)).find(|answer| answer.status >= 300);
    assert_eq!(refused.unwrap().code(), "rate-limited", "{path}");
}

#[test]
fn a_loop_of_cancels_and_closes_never_takes_the_halt_of_the_same_token() {
    let bot = Bot::start_with(|settings| {
        settings.rate_limit_per_minute = 1;
        settings.rate_limit_burst = 5;
    });
    let cancel = format!("/v1/orders/{}", order_id());
    let close = "/v1/positions/BTCUSDT/close";
    let admin = bot.client(&bot.admin);
    let over_the_socket = Client::unix(&bot.api_socket).with_token(&bot.trade);
    let control = Client::unix(&bot.control_socket);
    for client in [&admin, &over_the_socket, &control] {
        asks_without_end(client, &cancel, "DELETE");
        for _ in 0..10 {
            assert_eq!(client.post("/v1/halt", REASON).status, 200);
        }
        assert_eq!(client.post(close, None).status, 202, "what cancels use up closes have still");
        asks_without_end(client, close, "POST");
        for _ in 0..10 {
            assert_eq!(client.post("/v1/halt", REASON).status, 200);
        }
    }
}

#[test]
fn cancels_and_closes_that_wait_for_the_engine_leave_places_for_a_halt() {
    let bot = Bot::start_with(|settings| settings.connections_max = 256);
    bot.engine.say(Says::Later);
    let client = bot.client(&bot.admin);
    let cancel = format!("/v1/orders/{}", order_id());
    let mut waiting: Vec<Connection> = Vec::new();
    for (method, path) in [("DELETE", cancel.as_str()), ("POST", "/v1/positions/BTCUSDT/close")] {
        let before = bot.engine.asked().len();
        while bot.engine.asked().len() < before + 16 {
            let mut connection = client.connect();
            connection.send(client.request(method, path, None).as_bytes());
            waiting.push(connection);
        }
        assert_eq!(client.ask(method, path, None).code(), "engine-busy");
    }
    bot.engine.say(Says::At(tradingbot::domain::Verdict::Done));
    assert_eq!(client.post("/v1/halt", REASON).status, 200);
    assert_eq!(client.post("/v1/strategies/ema-btc/pause", None).status, 200);
}

#[test]
fn a_head_and_an_idle_connection_have_times_of_their_own() {
    let long = Duration::from_secs(20);
    let bot = Bot::start_with(|settings| {
        settings.header_timeout = Duration::from_millis(50);
        settings.idle_timeout = long;
    });
    let client = bot.client(&bot.read);
    let mut regular = kept(&client);
    let mut silent = client.connect();
    assert!(silent.is_closed(), "nothing was ever asked");
    let mut slow = client.connect();
    slow.send(b"GET /v1/health HTTP/1.1\r\n");
    assert_eq!(slow.read_response(false).unwrap().code(), "head-timeout");
    assert_eq!(asked(&mut regular, &client), 200, "a connection that was of use may rest for longer");
    drop(bot);

    let bot = Bot::start_with(|settings| {
        settings.header_timeout = long;
        settings.idle_timeout = Duration::from_millis(50);
    });
    let client = bot.client(&bot.read);
    let mut slow = client.connect();
    let request = client.request("GET", "/v1/health", None);
    slow.send(&request.as_bytes()[..20]);
    assert!(kept(&client).is_closed(), "nothing more was asked");
    slow.send(&request.as_bytes()[20..]);
    assert_eq!(slow.read_response(false).unwrap().status, 200, "a head may take its time");
}

#[test]
fn a_connection_that_never_asks_anything_is_closed_in_time() {
    let bot = Bot::start_with(|settings| settings.header_timeout = Duration::from_millis(20));
    let began = Mark::now();
    assert!(bot.client(&bot.read).connect().is_closed());
    assert!(began.elapsed() >= Span::from_millis(20));
}
