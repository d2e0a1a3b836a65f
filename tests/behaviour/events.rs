//! Server-sent events: told as they happen, resumed where somebody was, and never at the cost of memory.

use std::time::Duration;

use serde_json::json;
use tradingbot::clock;

use crate::support::api::{Bot, Client, Connection};

/// Reads a stream until `count` events have come; each as its lines but `retry`, joined with `|`.
fn read_events(connection: &mut Connection, count: usize) -> Vec<String> {
    let mut text = String::new();
    let mut events = Vec::new();
    while events.len() < count {
        let chunk = connection.read_chunk().unwrap().expect("the stream goes on");
        text.push_str(&String::from_utf8(chunk).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            if !event.starts_with(':') && !event.starts_with("retry") {
                events.push(event.replace('\n', "|"));
            }
            text = rest.to_owned();
        }
    }
    events
}

fn listen(client: &Client) -> Connection {
    let mut connection = client.connect();
    connection.send(client.request("GET", "/v1/events", None).as_bytes());
    let head = connection.read_head().unwrap();
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    // The greeting is sent once the listener has its place.
    connection.read_chunk().unwrap();
    connection
}

#[test]
fn listeners_hear_what_happens_from_then_on() {
    let bot = Bot::start();
    bot.feed.publish("started", &json!({"run": 7}));
    let mut first = listen(&bot.client(&bot.read));
    let mut second = listen(&bot.client(&bot.trade));
    bot.feed.publish("filled", &json!({"qty": "1"}));
    bot.feed.publish("halted", &json!({"by": "ops"}));
    let expected = ["id: 7-2|event: filled|data: {\"qty\":\"1\"}", "id: 7-3|event: halted|data: {\"by\":\"ops\"}"];
    assert_eq!(read_events(&mut first, 2), expected);
    assert_eq!(read_events(&mut second, 2), expected);
}

#[test]
fn a_listener_that_was_cut_off_misses_nothing() {
    let bot = Bot::start();
    for number in 1..=5 {
        bot.feed.publish("n", &number);
    }
    let client = bot.client(&bot.read).with("Last-Event-ID", "7-3");
    let events = read_events(&mut listen(&client), 2);
    assert_eq!(events, ["id: 7-4|event: n|data: 4", "id: 7-5|event: n|data: 5"]);
}

#[test]
fn what_is_gone_is_said_to_be_gone() {
    let bot = Bot::start();
    for number in 1..=2_000 {
        bot.feed.publish("n", &number);
    }
    let resumed = |id: &str| {
        let client = bot.client(&bot.read).with("Last-Event-ID", id);
        let mut connection = client.connect();
        connection.send(client.request("GET", "/v1/events", None).as_bytes());
        connection.read_head().unwrap();
        read_events(&mut connection, 2)[..2].to_vec()
    };
    assert_eq!(resumed("7-1"), ["event: gap|data: {\"missed\":975}", "id: 7-977|event: n|data: 977"]);
    assert_eq!(resumed("6-50"), ["event: gap|data: {\"missed\":null}", "id: 7-977|event: n|data: 977"]);
    assert_eq!(resumed("rubbish")[0], "event: gap|data: {\"missed\":null}");
}

#[test]
fn a_listener_whose_token_is_revoked_is_sent_away() {
    let bot = Bot::start();
    let mut connection = listen(&bot.client(&bot.read));
    bot.tokens.revoke(&"look".parse().unwrap(), clock::now()).unwrap();
    assert_eq!(read_events(&mut connection, 1), ["event: denied|data: {}"]);
    assert_eq!(connection.read_chunk().unwrap(), None);
}

#[test]
fn a_stream_says_that_it_is_alive_and_says_good_bye() {
    let mut bot = Bot::start_with(|settings| settings.stream_beat = Duration::from_millis(5));
    let mut connection = listen(&bot.client(&bot.read));
    assert_eq!(connection.read_chunk().unwrap().unwrap(), b": here\n\n");
    bot.stop();
    assert_eq!(read_events(&mut connection, 1), ["event: bye|data: {}"]);
    assert_eq!(connection.read_chunk().unwrap(), None);
    bot.join();
}

#[test]
fn streams_are_few_and_a_place_is_free_again_once_one_ends() {
    let bot = Bot::start_with(|settings| settings.streams_max = 1);
    let client = bot.client(&bot.read);
    let first = listen(&client);
    let second = client.get("/v1/events");
    assert_eq!(second.code(), "too-many-streams");
    drop(first);
    let status = |client: &Client| {
        let mut connection = client.connect();
        connection.send(client.request("GET", "/v1/events", None).as_bytes());
        connection.read_head().unwrap().status
    };
    assert!((0..10_000).any(|_| status(&client) == 200));
}

#[test]
fn a_listener_that_does_not_read_is_dropped() {
    let bot = Bot::start_with(|settings| {
        settings.streams_max = 1;
        settings.write_timeout = Duration::from_millis(50);
    });
    let client = bot.client(&bot.read);
    let mut slow = listen(&client);
    let large = "x".repeat(60_000);
    let other = || {
        let mut connection = client.connect();
        connection.send(client.request("GET", "/v1/events", None).as_bytes());
        connection.read_head().unwrap().status
    };
    // Its buffer fills, then its time is over, then its place is free.
    let freed = (0..10_000).any(|_| {
        bot.feed.publish("large", &large);
        other() == 200
    });
    assert!(freed);
    // What it gets to read in the end is cut off, or says that it was too slow.
    let mut rest = String::new();
    while let Ok(Some(chunk)) = slow.read_chunk() {
        rest.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(rest.len() < 20_000_000, "{}", rest.len());
}

#[test]
fn a_listener_that_falls_behind_is_told_so() {
    let bot = Bot::start();
    let mut slow = listen(&bot.client(&bot.read));
    let large = "x".repeat(60_000);
    // More than sockets and ring hold together, while nobody reads.
    for _ in 0..300 {
        bot.feed.publish("large", &large);
        bot.client(&bot.read).get("/v1/health");
    }
    let mut rest = String::new();
    while let Some(chunk) = slow.read_chunk().unwrap() {
        rest.push_str(&String::from_utf8(chunk).unwrap());
    }
    let last = rest.trim_end().rsplit("\n\n").next().unwrap();
    assert!(last.starts_with("event: lagged\ndata: {\"missed\":"), "{last}");
}
