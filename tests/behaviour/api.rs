//! The API over real connections: every endpoint, who may, how much, and how it ends.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tradingbot::api::{Readiness, Scope};
use tradingbot::clock;
use tradingbot::domain::{Objection, OperatorRequest, Snapshot, Span, Verdict};

use crate::support::api::{Bot, Client, Document, Response, Says, asked, order_id, picture};

const REASON: Option<&str> = Some(r#"{"reason":"lunch"}"#);

fn document(bot: &Bot) -> Document {
    Document::new(bot.client(&bot.read).get("/v1/openapi.json").json())
}

/// A request that fits an operation of the document.
fn fitting(method: &str, path: &str) -> (String, Option<&'static str>) {
    let real =
        path.replace("{id}", &order_id().to_string()).replace("{symbol}", "BTCUSDT").replace("{name}", "ema-btc");
    let takes_reason = ["/v1/halt", "/v1/resume"].contains(&path) && method == "POST";
    (real, if takes_reason { REASON } else { None })
}

fn is_live(response: &Response) -> bool {
    response.status != 401
}

#[test]
fn every_operation_answers_as_the_document_says() {
    let bot = Bot::start();
    let document = document(&bot);
    let client = bot.client(&bot.admin);
    for (method, path, _) in document.operations() {
        if path == "/v1/events" {
            continue;
        }
        let (real, body) = fitting(&method, &path);
        let response = client.ask(&method, &real, body);
        assert!(response.status < 300, "{method} {path}: {response:?}");
        document.check(&method, &path, &response);
        if let Some(tag) = response.header("etag") {
            let again = client.with("If-None-Match", tag).ask(&method, &real, body);
            assert_eq!((again.status, again.body.len()), (304, 0));
            document.check(&method, &path, &again);
        }
    }
    let mut events = client.connect();
    events.send(client.request("GET", "/v1/events", None).as_bytes());
    document.check("GET", "/v1/events", &events.read_head().unwrap());
    assert_eq!(document.unseen(), Vec::<String>::new());
}

#[test]
fn the_document_is_the_one_in_the_repository() {
    let bot = Bot::start();
    let served = bot.client(&bot.read).get("/v1/openapi.json").body;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    if std::env::var_os("TRADINGBOT_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &served).unwrap();
    }
    let kept = fs::read(&path).unwrap_or_default();
    assert!(kept == served, "docs/openapi.json is not what is served; run this test with TRADINGBOT_BLESS=1");
}

#[test]
fn every_operation_asks_for_a_token_of_its_scope() {
    let bot = Bot::start();
    let document = document(&bot);
    let rank = |scope: &str| ["read", "trade", "admin"].iter().position(|other| *other == scope).unwrap();
    let (nobody, read, trade) = (Client::tcp(bot.address), bot.client(&bot.read), bot.client(&bot.trade));
    for (method, path, scope) in document.operations() {
        let (real, body) = fitting(&method, &path);
        let response = nobody.ask(&method, &real, body);
        assert_eq!(response.code(), "token-missing", "{method} {path}");
        document.check(&method, &path, &response);
        for (client, has) in [(&read, "read"), (&trade, "trade")] {
            if rank(has) < rank(&scope) {
                let response = client.ask(&method, &real, body);
                assert_eq!(response.code(), "scope-too-small", "{method} {path} with {has}");
                document.check(&method, &path, &response);
            }
        }
    }
    assert_eq!(*bot.engine.asked(), []);
    assert_eq!(trade.post("/v1/halt", REASON).status, 200);
    assert_eq!(bot.client(&bot.admin).post("/v1/resume", REASON).status, 200);
}

#[test]
fn what_is_asked_reaches_the_engine_with_the_name_of_the_token() {
    let bot = Bot::start();
    let (trade, admin) = (bot.client(&bot.trade), bot.client(&bot.admin));
    assert_eq!(trade.post("/v1/halt", REASON).json(), json!({"verdict": "done"}));
    assert_eq!(admin.post("/v1/resume", REASON).status, 200);
    assert_eq!(trade.post("/v1/strategies/ema-btc/pause", None).status, 200);
    assert_eq!(trade.post("/v1/strategies/ema-btc/resume", None).status, 200);
    assert_eq!(trade.ask("DELETE", &format!("/v1/orders/{}", order_id()), None).status, 202);
    assert_eq!(trade.post("/v1/positions/BTCUSDT/close", None).status, 202);
    let reason = || "lunch".to_owned();
    let (strategy, symbol) = ("ema-btc".parse().unwrap(), "BTCUSDT".parse().unwrap());
    let expected = [
        asked("ops", OperatorRequest::Halt { reason: reason() }),
        asked("boss", OperatorRequest::Resume { reason: reason() }),
        asked("ops", OperatorRequest::Pause { strategy }),
        asked("ops", OperatorRequest::Unpause { strategy }),
        asked("ops", OperatorRequest::Cancel { id: order_id() }),
        asked("ops", OperatorRequest::Close { instrument: symbol }),
    ];
    assert_eq!(*bot.engine.asked(), expected);
}

#[test]
fn what_the_engine_says_is_what_the_operator_hears() {
    let bot = Bot::start_with(|settings| settings.answer_timeout = Duration::from_millis(50));
    let document = document(&bot);
    let client = bot.client(&bot.trade);
    let refused = Verdict::Refused(Objection::Halted);
    for (says, status, code) in [
        (Says::At(Verdict::Already), 200, ""),
        (Says::At(refused), 409, "refused"),
        (Says::Unwritten, 409, "refused"),
        (Says::Full, 503, "engine-busy"),
        (Says::Closed, 503, "engine-gone"),
        (Says::Later, 504, "unanswered"),
    ] {
        bot.engine.say(says.clone());
        let response = client.post("/v1/halt", REASON);
        assert_eq!((response.status, response.code().as_str()), (status, code), "{says:?}");
        document.check("POST", "/v1/halt", &response);
    }
    for (path, method, verdict, code) in [
        ("/v1/strategies/{name}/pause", "POST", Verdict::UnknownStrategy, "unknown-strategy"),
        ("/v1/orders/{id}", "DELETE", Verdict::UnknownOrder, "unknown-order"),
        ("/v1/positions/{symbol}/close", "POST", Verdict::NoPosition, "no-position"),
    ] {
        bot.engine.say(Says::At(verdict));
        let (real, body) = fitting(method, path);
        let response = client.ask(method, &real, body);
        assert_eq!((response.status, response.code().as_str()), (404, code));
        document.check(method, path, &response);
    }
}

#[test]
fn the_engine_alone_judges_what_is_asked() {
    let bot = Bot::start();
    let client = bot.client(&bot.trade);
    // Nothing of the sort is in the picture that the API shows.
    let nothing = Snapshot { orders: vec![], positions: vec![], strategies: vec![], ..picture() };
    bot.snapshot.send_replace(Arc::new(nothing));
    for (method, path) in [
        ("POST", "/v1/strategies/other/pause"),
        ("DELETE", "/v1/orders/tb-00000007-00000000000000ff-00"),
        ("POST", "/v1/positions/ETHUSDT/close"),
    ] {
        assert!(client.ask(method, path, None).status < 300, "{path}");
    }
    assert_eq!(bot.engine.asked().len(), 3);
}

#[test]
fn what_names_nothing_does_not_reach_the_engine() {
    let bot = Bot::start();
    let client = bot.client(&bot.trade);
    for (method, path) in
        [("POST", "/v1/strategies/Other/pause"), ("DELETE", "/v1/orders/1"), ("POST", "/v1/positions/%ff/close")]
    {
        assert_eq!(client.ask(method, path, None).code(), "bad-path", "{path}");
    }
    assert_eq!(*bot.engine.asked(), []);
}

#[test]
fn a_change_that_is_repeated_is_done_once() {
    let bot = Bot::start_with(|settings| settings.answer_timeout = Duration::from_millis(50));
    let client = bot.client(&bot.trade).with("X-Request-Id", "lunch-1");
    let first = client.post("/v1/halt", REASON);
    assert_eq!((first.status, first.header("x-request-id"), first.header("x-replayed")), (200, Some("lunch-1"), None));
    bot.engine.say(Says::Closed);
    let again = client.post("/v1/halt", REASON);
    assert_eq!((again.status, again.header("x-replayed")), (200, Some("true")));
    assert_eq!(first.json(), json!({"verdict": "done"}));
    assert_eq!(again.json(), json!({"verdict": "done", "replayed": true, "trading": true, "halt": null}));
    document(&bot).check("POST", "/v1/halt", &again);
    let halt = json!({"by": "ops", "reason": "lunch", "since": "2023-11-14T22:13:20Z", "written": true});
    let halted = Snapshot { halt: serde_json::from_value(halt.clone()).unwrap(), ..picture() };
    bot.snapshot.send_replace(Arc::new(halted));
    let again = client.post("/v1/halt", REASON);
    assert_eq!(again.json(), json!({"verdict": "done", "replayed": true, "trading": false, "halt": halt}));
    document(&bot).check("POST", "/v1/halt", &again);
    assert_eq!(client.post("/v1/halt", Some(r#"{"reason":"dinner"}"#)).code(), "request-id-reused");
    assert_eq!(client.post("/v1/positions/BTCUSDT/close", None).code(), "request-id-reused");
    assert_eq!(bot.engine.asked().len(), 1);

    // Somebody else may use the same id.
    bot.engine.say(Says::At(Verdict::Done));
    let other = bot.client(&bot.admin).with("X-Request-Id", "lunch-1");
    assert_eq!(other.post("/v1/halt", REASON).header("x-replayed"), None);
    assert_eq!(bot.engine.asked().len(), 2);
}

#[test]
fn a_change_whose_id_cannot_be_used_is_not_done() {
    let bot = Bot::start();
    let document = document(&bot);
    for id in ["", "a b", "lunch/1", "\u{e4}", "\"x\"", &"x".repeat(65)] {
        let client = bot.client(&bot.trade).with("X-Request-Id", id);
        for (method, path) in
            [("POST", "/v1/halt"), ("POST", "/v1/positions/{symbol}/close"), ("DELETE", "/v1/orders/{id}")]
        {
            let (real, body) = fitting(method, path);
            let response = client.ask(method, &real, body);
            assert_eq!(response.code(), "bad-request-id", "{id}: {path}");
            document.check(method, path, &response);
        }
        assert_eq!(client.get("/v1/status").status, 200, "where nothing changes, another id does as well");
    }
    assert_eq!(*bot.engine.asked(), []);
}

#[test]
fn what_was_not_answered_in_time_is_learnt_by_asking_again() {
    let bot = Bot::start_with(|settings| settings.answer_timeout = Duration::from_millis(50));
    let client = bot.client(&bot.trade).with("X-Request-Id", "slow");
    bot.engine.say(Says::Later);
    assert_eq!(client.post("/v1/halt", REASON).code(), "unanswered");
    assert_eq!(client.post("/v1/halt", REASON).code(), "unanswered");
    bot.engine.answer_held(&Verdict::Done);
    assert_eq!(client.post("/v1/halt", REASON).json()["verdict"], "done");
    assert_eq!(bot.engine.asked().len(), 1);

    // What never reached the engine may be asked again under the same id.
    bot.engine.say(Says::Full);
    let client = bot.client(&bot.trade).with("X-Request-Id", "busy");
    assert_eq!(client.post("/v1/halt", REASON).code(), "engine-busy");
    bot.engine.say(Says::At(Verdict::Done));
    assert_eq!(client.post("/v1/halt", REASON).status, 200);
    assert_eq!(bot.engine.asked().len(), 2);
}

#[test]
fn a_token_is_worth_nothing_after_its_time_or_once_revoked() {
    let bot = Bot::start();
    let now = clock::now();
    let (yesterday, hour_ago) = (now.minus(Span::DAY), now.minus(Span::HOUR));
    let expired = bot.make_token("old", Scope::Admin, yesterday, Some(hour_ago));
    let fresh = bot.make_token("new", Scope::Read, now, Some(now.plus(Span::HOUR)));
    // A token that was made while the server runs is good at once.
    assert_eq!(bot.client(&fresh).get("/v1/status").status, 200);
    assert_eq!(bot.client(&expired).get("/v1/status").code(), "token-expired");
    assert_eq!(bot.client(&bot.read).get("/v1/status").status, 200, "both are good while one replaces the other");
    bot.tokens.revoke(&"look".parse().unwrap(), now).unwrap();
    let client = bot.client(&bot.read);
    let refused = (0..10_000).map(|_| client.get("/v1/status")).find(|response| !is_live(response)).unwrap();
    assert_eq!(refused.code(), "token-revoked");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"tradingbot\", error=\"invalid_token\""));
    assert_eq!(bot.client(&fresh).get("/v1/status").status, 200);
    let unknown = bot.client(&format!("tb_{}", "0".repeat(64)));
    assert_eq!(unknown.get("/v1/status").code(), "token-unknown");
    assert_eq!(unknown.get("/v1/nowhere").code(), "token-unknown", "strangers learn nothing about paths");
}

#[test]
fn nobody_is_let_in_while_the_tokens_cannot_be_read() {
    let bot = Bot::start();
    let client = bot.client(&bot.read);
    assert_eq!(client.get("/v1/status").status, 200);
    fs::write(bot.tokens.path(), "{").unwrap();
    let refused = (0..10_000).map(|_| client.get("/v1/status")).find(|response| response.status != 200).unwrap();
    assert_eq!(refused.code(), "tokens-unreadable");
    document_of_control(&bot).check("GET", "/v1/status", &refused);
}

fn document_of_control(bot: &Bot) -> Document {
    Document::new(Client::unix(&bot.control_socket).get("/v1/openapi.json").json())
}

#[test]
fn the_control_socket_needs_no_token_and_the_other_one_does() {
    let bot = Bot::start();
    let control = Client::unix(&bot.control_socket);
    assert_eq!(control.get("/v1/health").json(), json!({"status": "alive"}));
    assert_eq!(control.post("/v1/resume", REASON).status, 200);
    let by = "control".to_owned();
    assert_eq!(*bot.engine.asked(), [asked(&by, OperatorRequest::Resume { reason: "lunch".to_owned() })]);
    let api = Client::unix(&bot.api_socket);
    assert_eq!(api.get("/v1/health").code(), "token-missing");
    assert_eq!(api.with_token(&bot.read).get("/v1/health").status, 200);
}

#[test]
fn a_client_may_make_a_burst_and_then_waits() {
    let bot = Bot::start_with(|settings| {
        settings.rate_limit_per_minute = 6;
        settings.rate_limit_burst = 5;
    });
    let client = bot.client(&bot.read);
    let answers: Vec<Response> = (0..6).map(|_| client.get("/v1/status")).collect();
    assert!(answers[..5].iter().all(|answer| answer.status == 200));
    assert_eq!(answers[5].code(), "rate-limited");
    let wait: u64 = answers[5].header("retry-after").unwrap().parse().unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
    // Another way in has limits of its own: the operator can always halt.
    assert_eq!(Client::unix(&bot.control_socket).post("/v1/halt", REASON).status, 200);
}

#[test]
fn the_limits_of_the_operator_are_followed_while_it_runs() {
    let bot = Bot::start_with(|settings| {
        settings.rate_limit_per_minute = 1;
        settings.rate_limit_burst = 1;
    });
    let client = bot.client(&bot.read);
    assert_eq!(client.get("/v1/status").status, 200);
    assert_eq!(client.get("/v1/status").status, 429);
    bot.settings.send_modify(|settings| {
        settings.rate_limit_per_minute = 60_000;
        settings.rate_limit_burst = 10_000;
    });
    assert!((0..10_000).any(|_| client.get("/v1/status").status == 200));
}

#[test]
fn failures_have_a_limit_of_their_own_that_never_locks_out_a_valid_token() {
    let bot = Bot::start_with(|settings| settings.auth_failures_per_minute = 3);
    let stranger = bot.client("tb_wrong");
    let codes: Vec<String> = (0..4).map(|_| stranger.get("/v1/status").code()).collect();
    assert_eq!(codes, ["token-unknown", "token-unknown", "token-unknown", "failures-limited"]);
    assert_eq!(bot.client(&bot.read).get("/v1/status").status, 200);
}

#[test]
fn a_flood_without_a_token_does_not_keep_an_operator_of_the_same_address_from_halting() {
    let bot = Bot::start_with(|settings| {
        settings.rate_limit_per_minute = 1;
        settings.rate_limit_burst = 2;
        settings.auth_failures_per_minute = 3;
    });
    let stranger = bot.client("tb_wrong");
    assert!((0..40).map(|_| stranger.get("/v1/status").status).all(|status| [401, 429].contains(&status)));
    let malformed = "GET http://elsewhere/v1/status HTTP/1.1\r\nHost: bot\r\n\r\n";
    let codes: Vec<String> = (0..3)
        .map(|_| {
            let mut connection = stranger.connect();
            connection.send(malformed.as_bytes());
            connection.read_response(false).unwrap().code()
        })
        .collect();
    assert_eq!(codes, ["bad-host", "bad-host", "rate-limited"]);
    let operator = bot.client(&bot.trade);
    assert_eq!(operator.post("/v1/halt", REASON).status, 200);
    assert_eq!(operator.get("/v1/status").status, 200);
    assert_eq!(operator.get("/v1/status").code(), "rate-limited", "a limit of its own");
}

#[test]
fn strangers_behind_a_listed_proxy_are_counted_one_by_one() {
    let bot = Bot::start_with(|settings| {
        settings.auth_failures_per_minute = 2;
        settings.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    });
    let status = |address: &str| bot.client("tb_wrong").with("X-Forwarded-For", address).get("/v1/status").status;
    assert_eq!([status("192.0.2.1"), status("192.0.2.1"), status("192.0.2.1")], [401, 401, 429]);
    assert_eq!(status("192.0.2.2"), 401);
    assert_eq!(status("6.6.6.6, 192.0.2.1"), 429, "what stands in front of the last hop is hearsay");
    assert_eq!([status("2001:db8::1"), status("2001:db8::2"), status("2001:db8::3")], [401, 401, 429]);
    let unix = Client::unix(&bot.api_socket).with_token("tb_wrong").with("X-Forwarded-For", "192.0.2.1");
    assert_eq!(unix.get("/v1/status").status, 429);
}

#[test]
fn nobody_else_is_believed_about_addresses() {
    let bot = Bot::start_with(|settings| settings.auth_failures_per_minute = 2);
    let status = |address: &str| bot.client("tb_wrong").with("X-Forwarded-For", address).get("/v1/status").status;
    assert_eq!([status("192.0.2.1"), status("192.0.2.2"), status("192.0.2.3")], [401, 401, 429]);
}

#[test]
fn a_list_is_read_part_by_part_in_both_directions() {
    let bot = Bot::start();
    let client = bot.client(&bot.read);
    for (path, order) in [("/v1/fills", "newest"), ("/v1/trades", "oldest"), ("/v1/ledger/entries", "oldest")] {
        let (mut seqs, mut cursor) = (Vec::new(), String::new());
        loop {
            let part = client.get(&format!("{path}?limit=300&order={order}{cursor}")).json();
            let items = part["items"].as_array().unwrap();
            assert!(items.len() <= 300);
            seqs.extend(items.iter().map(|item| item["seq"].as_u64().unwrap()));
            match part["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        if order == "newest" {
            seqs.reverse();
        }
        assert!(seqs.iter().copied().eq(1..=1_000), "{path}");
    }
    assert_eq!(client.get("/v1/fills").json()["items"][0]["seq"], 1_000);
    assert_eq!(client.get("/v1/ledger/entries").json()["items"][0]["seq"], 1);
    let empty = client.get("/v1/fills?order=oldest&cursor=1000").json();
    assert_eq!(empty, json!({"items": [], "next": null}));
    for query in ["limit=0", "limit=501", "limit=x", "cursor=-1", "order=up", "page=1", "limit=1&limit=2"] {
        assert_eq!(client.get(&format!("/v1/fills?{query}")).code(), "bad-query", "{query}");
    }
    assert_eq!(client.get("/v1/status?x=1").code(), "bad-query");
}

#[test]
fn a_ledger_that_cannot_be_read_is_said_without_its_secrets() {
    let bot = Bot::start();
    *bot.history.fails.lock().unwrap() = true;
    let client = bot.client(&bot.read);
    for path in ["/v1/fills", "/v1/trades", "/v1/equity", "/v1/ledger/head", "/v1/ledger/entries"] {
        let response = client.get(path);
        assert_eq!((response.status, response.code().as_str()), (503, "history-unavailable"), "{path}");
        assert!(!String::from_utf8(response.body).unwrap().contains("sda1"));
    }
    assert_eq!(client.get("/v1/status").status, 200);
}

#[test]
fn whoever_has_the_latest_is_told_so_until_it_changes() {
    let bot = Bot::start();
    let client = bot.client(&bot.read);
    let first = client.get("/v1/positions");
    let tag = first.header("etag").unwrap().to_owned();
    let knows = client.with("If-None-Match", &tag);
    assert_eq!(knows.get("/v1/positions").status, 304);
    // Another event, but nothing about positions.
    let other = Snapshot { fills: 18, ..picture() };
    bot.snapshot.send_replace(Arc::new(other));
    assert_eq!(knows.get("/v1/positions").status, 304);
    assert_eq!(client.get("/v1/status").json()["fills"], 18);
    bot.snapshot.send_replace(Arc::new(Snapshot { positions: vec![], ..picture() }));
    assert_eq!(knows.get("/v1/positions").json(), json!({"items": [], "next": null}));
}

#[test]
fn amounts_are_exact_text_and_a_halt_shows_who_and_why() {
    let bot = Bot::start();
    let client = bot.client(&bot.read);
    let status = client.get("/v1/status").json();
    assert_eq!(
        (&status["equity"], &status["trading"], &status["halt"]),
        (&json!("1000.25"), &json!(true), &json!(null))
    );
    let mut snapshot = picture();
    let halt = json!({"by": "ops", "reason": "lunch", "since": "2023-11-14T22:13:20Z", "written": true});
    snapshot.halt = serde_json::from_value(halt.clone()).unwrap();
    bot.snapshot.send_replace(Arc::new(snapshot));
    let halted = client.get("/v1/status");
    assert_eq!((&halted.json()["trading"], &halted.json()["halt"]), (&json!(false), &halt));
    document(&bot).check("GET", "/v1/status", &halted);
}

#[test]
fn being_ready_is_more_than_being_there() {
    let bot = Bot::start();
    let client = bot.client(&bot.read);
    assert_eq!(client.get("/v1/ready").json(), json!({"status": "ready"}));
    bot.ready.send_replace(Readiness::Starting { waits_for: "the books".to_owned() });
    let response = client.get("/v1/ready");
    assert_eq!((response.status, response.code().as_str()), (503, "not-ready"));
    assert_eq!(response.json()["detail"], "the bot is not ready yet: it waits for the books");
    document(&bot).check("GET", "/v1/ready", &response);
    assert_eq!(client.get("/v1/health").status, 200);
    bot.ready.send_replace(Readiness::Failing { fault: "the disk is full".to_owned() });
    assert_eq!(client.get("/v1/ready").json()["detail"], "the bot does not work any more: the disk is full");
}

#[test]
fn the_wrong_method_is_told_the_right_one() {
    let bot = Bot::start();
    let client = bot.client(&bot.admin);
    for (method, path, allow) in [
        ("POST", "/v1/status", "GET, HEAD"),
        ("GET", "/v1/halt", "POST"),
        ("OPTIONS", "/v1/orders", "GET, HEAD"),
        ("PATCH", "/v1/orders/x", "DELETE"),
        ("BREW", "/v1/status", "GET, HEAD"),
    ] {
        let response = client.ask(method, path, None);
        assert_eq!((response.code().as_str(), response.header("allow")), ("method-not-allowed", Some(allow)), "{path}");
    }
    assert_eq!(client.get("/v1/nowhere").code(), "not-found");
}

#[test]
fn a_head_is_a_get_without_its_body() {
    let bot = Bot::start();
    let client = bot.client(&bot.read);
    for path in ["/v1/status", "/v1/fills", "/v1/health"] {
        let (head, get) = (client.ask("HEAD", path, None), client.get(path));
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), get.header("content-length"));
        assert_eq!(head.header("etag"), get.header("etag"));
    }
    let events = client.ask("HEAD", "/v1/events", None);
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
}

#[test]
fn every_answer_has_an_id_and_asks_not_to_be_kept() {
    let bot = Bot::start();
    let client = bot.client(&bot.read);
    for (given, kept) in [("abc-1._X", true), ("", false), ("a b", false), (&"x".repeat(65), false), ("\u{e4}", false)]
    {
        let response = client.with("X-Request-Id", given).get("/v1/status");
        assert_eq!(response.status, 200);
        assert_eq!(response.header("x-request-id") == Some(given), kept, "{given}");
        assert!(response.header("x-request-id").is_some_and(|id| !id.is_empty()));
    }
    for path in ["/v1/status", "/v1/nowhere"] {
        let response = client.get(path);
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    }
    let refused = client.with("X-Request-Id", "mine").get("/v1/nowhere");
    assert_eq!(refused.json()["request-id"], "mine");
}

#[test]
fn a_reason_is_asked_for_as_json_and_nothing_else() {
    let bot = Bot::start();
    let client = bot.client(&bot.trade);
    let document = document(&bot);
    let long = format!("{{\"reason\":\"{}\"}}", "x".repeat(201));
    for body in [
        "",
        "{",
        "null",
        "[]",
        "{}",
        r#"{"reason":1}"#,
        r#"{"reason":""}"#,
        r#"{"reason":"  "}"#,
        r#"{"reason":"a\nb"}"#,
        r#"{"reason":"\u2028"}"#,
        r#"{"reason":"a\u2029b"}"#,
        r#"{"reason":"\u200b\u3164 "}"#,
        r#"{"reason":"a\u202eb"}"#,
        r#"{"reason":"\u001b[31mred"}"#,
        r#"["x"]"#,
        r#"{"reason":"a","by":"boss"}"#,
        r#"{"reason":"a","reason":"b"}"#,
        r#"{"reason":"a"} x"#,
        "\u{0}",
        &long,
    ] {
        let response = client.post("/v1/halt", Some(body));
        assert_eq!(response.code(), "bad-body", "{body}");
        document.check("POST", "/v1/halt", &response);
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        let mut connection = client.connect();
        let request = client.request("POST", "/v1/halt", REASON).replace("application/json", kind);
        connection.send(request.as_bytes());
        assert_eq!(connection.read_response(false).unwrap().code(), "not-json");
    }
    assert_eq!(client.post("/v1/positions/BTCUSDT/close", Some("{}")).code(), "unexpected-body");
    assert_eq!(*bot.engine.asked(), []);
    let umlauts = client.post("/v1/halt", Some("{\"reason\":\"  Mittagspause: \u{e4}\u{df} \"}"));
    assert_eq!(umlauts.status, 200);
    let reason = "Mittagspause: \u{e4}\u{df}".to_owned();
    assert_eq!(*bot.engine.asked(), [asked("ops", OperatorRequest::Halt { reason })]);
}

#[test]
fn a_connection_carries_many_requests() {
    let bot = Bot::start();
    let client = bot.client(&bot.read);
    let mut connection = client.connect();
    for _ in 0..50 {
        connection.send(client.request("GET", "/v1/status", None).as_bytes());
        assert_eq!(connection.read_response(false).unwrap().status, 200);
    }
    let trade = bot.client(&bot.trade);
    let mut connection = trade.connect();
    let mut all = String::new();
    for round in 0..20 {
        all.push_str(&trade.request("POST", "/v1/halt", Some(&format!("{{\"reason\":\"{round}\"}}"))));
        all.push_str(&trade.request("GET", "/v1/orders", None));
    }
    connection.send(all.as_bytes());
    for _ in 0..40 {
        assert_eq!(connection.read_response(false).unwrap().status, 200);
    }
    let reasons: Vec<_> =
        (0..20).map(|round| asked("ops", OperatorRequest::Halt { reason: round.to_string() })).collect();
    assert_eq!(*bot.engine.asked(), reasons);
}

#[test]
fn a_body_may_be_announced_before_it_is_sent() {
    let bot = Bot::start();
    let client = bot.client(&bot.trade).with("Expect", "100-continue");
    let mut connection = client.connect();
    let request = client.request("POST", "/v1/halt", REASON);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    connection.send(format!("{head}\r\n\r\n").as_bytes());
    assert_eq!(connection.read_response(false).unwrap().status, 100);
    connection.send(body.as_bytes());
    assert_eq!(connection.read_response(false).unwrap().status, 200);
}

#[test]
fn leaving_answers_everybody_and_then_closes() {
    let mut bot = Bot::start_with(|settings| settings.linger = Duration::from_secs(20));
    let client = bot.client(&bot.read);
    let mut connection = client.connect();
    connection.send(client.request("GET", "/v1/status", None).as_bytes());
    assert_eq!(connection.read_response(false).unwrap().header("connection"), None);
    bot.stop();
    // Whatever is asked on an open connection is answered, until an answer says that it was the last.
    let last = (0..100_000)
        .map(|_| {
            connection.send(client.request("GET", "/v1/status", None).as_bytes());
            connection.read_response(false).unwrap()
        })
        .find(|response| response.header("connection") == Some("close"));
    assert_eq!(last.unwrap().status, 200);
    assert!(connection.is_closed());
    bot.join();
}

#[test]
fn leaving_does_not_wait_for_those_who_ask_nothing() {
    let mut bot = Bot::start_with(|settings| settings.linger = Duration::from_millis(10));
    let client = bot.client(&bot.read);
    let (mut idle, mut silent) = (client.connect(), client.connect());
    idle.send(client.request("GET", "/v1/status", None).as_bytes());
    assert_eq!(idle.read_response(false).unwrap().status, 200);
    bot.stop();
    assert!(idle.is_closed() && silent.is_closed());
    bot.join();
}

#[test]
fn leaving_waits_for_what_is_being_answered() {
    let mut bot = Bot::start_with(|settings| settings.linger = Duration::from_millis(10));
    bot.engine.say(Says::Later);
    let client = bot.client(&bot.trade);
    let mut connection = client.connect();
    connection.send(client.request("POST", "/v1/halt", REASON).as_bytes());
    while bot.engine.asked().is_empty() {
        std::thread::yield_now();
    }
    bot.stop();
    bot.engine.answer_held(&Verdict::Done);
    let response = connection.read_response(false).unwrap();
    assert_eq!(response.json(), json!({"verdict": "done"}));
    bot.join();
}

#[test]
fn a_secret_in_a_reason_is_not_kept_and_no_ground_to_refuse_a_halt() {
    let bot = Bot::start();
    let (token, head) = (format!("tb_{}", "5".repeat(64)), format!("6:{}", "a1".repeat(32)));
    let body = format!("{{\"reason\":\"{token} leaked at {head}\"}}");
    assert_eq!(bot.client(&bot.trade).post("/v1/halt", Some(&body)).status, 200);
    let reason = format!("[redacted] leaked at {head}");
    assert_eq!(*bot.engine.asked(), [asked("ops", OperatorRequest::Halt { reason })]);
}
