//! What the API logs: one event for each change and each refusal, and never what opens it.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;
use tradingbot::clock::Mark;
use tradingbot::log::{LineFormat, Lines, Output};

use crate::support::api::{Bot, Client};

/// A log in memory, with nothing in front of it that would hide anything.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn dispatch(&self) -> Dispatch {
        Dispatch::new(registry().with(Lines::new(LineFormat::Plain, Arc::new(Output::to(self.clone())))))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Lines about requests.
    fn requests(&self) -> Vec<String> {
        self.text().lines().filter(|line| line.contains("request_id=")).map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn looking_is_not_logged_and_changing_is() {
    let log = Log::default();
    let bot = Bot::start_logging(|_| {}, log.dispatch());
    for path in ["/v1/status", "/v1/health", "/v1/fills"] {
        assert_eq!(bot.client(&bot.read).get(path).status, 200);
    }
    assert_eq!(log.requests(), Vec::<String>::new());
    let client = bot.client(&bot.trade).with("X-Request-Id", "lunch-1");
    assert_eq!(client.post("/v1/halt", Some(r#"{"reason":"lunch"}"#)).status, 200);
    let lines = log.requests();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let words = [
        "changed",
        "request_id=lunch-1",
        "by=ops",
        "scope=trade",
        "method=POST",
        "path=/v1/halt",
        "status=200",
        "micros=",
    ];
    for word in words {
        assert!(lines[0].contains(word), "{word} in {}", lines[0]);
    }
}

#[test]
fn refusals_are_logged_without_what_was_shown() {
    let log = Log::default();
    let bot = Bot::start_logging(|_| {}, log.dispatch());
    let wrong = format!("tb_{}", "5".repeat(64));
    let read = bot.client(&bot.read);
    bot.client(&wrong).get("/v1/status");
    read.post("/v1/halt", Some(r#"{"reason":"lunch"}"#));
    read.get(&format!("/v1/{wrong}"));
    read.get(&format!("/v1/fills?token={wrong}"));
    read.with("X-Request-Id", &wrong).get("/v1/nowhere");
    let mut connection = Client::tcp(bot.address).connect();
    connection.send(format!("GET /v1/status HTTP/1.1\r\nAuthorization : Bearer {wrong}\r\n\r\n").as_bytes());
    connection.read_response(false).unwrap();
    let codes = ["token-unknown", "scope-too-small", "not-found", "bad-query", "not-found", "malformed-request"];
    let lines = log.requests();
    assert_eq!(lines.len(), codes.len(), "{lines:?}");
    for (line, code) in lines.iter().zip(codes) {
        assert!(line.contains("refused") && line.contains(code), "{code}: {line}");
    }
    assert!(lines[1].contains("by=look") && lines[1].contains("client=127.0.0.1"), "{}", lines[1]);
    let text = log.text();
    for secret in [&wrong, &bot.read, &bot.trade, &bot.admin] {
        assert!(!text.contains(secret.as_str()), "{text}");
    }
}

#[test]
fn a_flood_of_refusals_does_not_flood_the_log() {
    let log = Log::default();
    let bot = Bot::start_logging(|_| {}, log.dispatch());
    let client = bot.client(&bot.read);
    let mut connection = client.connect();
    let began = Mark::now();
    for _ in 0..500 {
        connection.send(client.request("GET", "/v1/nowhere", None).as_bytes());
        assert_eq!(connection.read_response(false).unwrap().status, 404);
    }
    let lines = log.requests().len();
    // Sixty at once and one a second, however slow the machine is.
    let most = 60 + began.elapsed().nanos() / 1_000_000_000 + 1;
    assert!((1..=most).contains(&i64::try_from(lines).unwrap()), "{lines} of at most {most}");
}

#[test]
fn tokens_that_cannot_be_read_are_reported_once_for_each_time_that_begins() {
    let log = Log::default();
    let bot = Bot::start_logging(|_| {}, log.dispatch());
    let (client, control) = (bot.client(&bot.read), Client::unix(&bot.control_socket));
    let mode = |mode| std::fs::set_permissions(bot.tokens.path(), PermissionsExt::from_mode(mode)).unwrap();
    let reported = || log.text().lines().filter(|line| line.contains("the tokens cannot be read")).count();
    for times in 1..=3 {
        mode(0o644);
        while client.get("/v1/status").status == 200 {}
        // The file is looked at every five milliseconds.
        let began = Mark::now();
        while began.elapsed().nanos() < 100_000_000 {
            assert_eq!(client.get("/v1/status").code(), "tokens-unreadable");
        }
        assert_eq!(control.get("/v1/health").status, 200);
        assert_eq!(reported(), times, "{}", log.text());
        mode(0o600);
        while client.get("/v1/status").status != 200 {}
        assert_eq!(reported(), times, "{}", log.text());
    }
}

#[test]
fn a_server_without_tokens_says_how_to_make_one() {
    let log = Log::default();
    let bot = Bot::start_logging(|settings| settings.state = settings.state.join("other"), log.dispatch());
    // Whoever is answered knows that the server has started.
    assert_eq!(bot.client(&bot.read).get("/v1/health").code(), "tokens-unreadable");
    assert!(log.text().contains("cannot use the state folder"), "{}", log.text());
    drop(bot);
    let (log, empty) = (Log::default(), tempfile::tempdir().unwrap());
    let bot = Bot::start_logging(|settings| settings.state = empty.path().to_owned(), log.dispatch());
    assert_eq!(Client::tcp(bot.address).get("/v1/health").code(), "token-missing");
    assert!(log.text().contains("tradingbot token new --name NAME"), "{}", log.text());
}
