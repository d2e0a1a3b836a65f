//! No secret leaves through the log, whatever shape it has and whatever way it takes; ordinary words do.

use std::error::Error;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::{Layer, registry as new_registry};
use tradingbot::log::{LineFormat, Lines, LogFormat, LogLevel, LogSettings, OrderDetails, Output, Redacting, Rules};
use tradingbot::redact::{KnownSecrets, REDACTED};

/// Every sink there is. What the journal gets is shown by a layer in its place that keeps all it is given.
#[derive(Debug, Clone, Copy)]
enum Sink {
    Plain,
    Json,
    Journal,
}

const SINKS: [Sink; 3] = [Sink::Plain, Sink::Json, Sink::Journal];

#[test]
fn no_secret_leaves_through_any_level_field_span_error_or_panic() {
    tradingbot::log::catch_panics();
    for sink in SINKS {
        for (what, secret) in guarded().into_iter().chain(recognized()) {
            let written = written(sink, OrderDetails::Full, || every_way(&secret));
            assert_hidden(&written, &secret, &format!("{what} to {sink:?}"));
            let ways = written.matches(REDACTED).count();
            assert!(ways >= WAYS, "{what} to {sink:?}: only {ways} records came\n{written}");
        }
    }
    let _ = std::panic::take_hook();
}

#[test]
fn a_secret_that_is_known_is_hidden_in_every_form() {
    for (what, secret) in guarded().into_iter().filter(|(_, secret)| secret.len() >= CHUNK) {
        let bytes = secret.as_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let url: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
        let forms = [
            ("as it is", secret.clone()),
            ("in capitals", secret.to_uppercase()),
            ("its first half", secret[..secret.len() / 2].to_owned()),
            ("its second half", secret[secret.len() / 2..].to_owned()),
            ("in hexadecimal", hex.clone()),
            ("in hexadecimal capitals", hex.to_uppercase()),
            ("in base 64", base64(bytes)),
            ("in base 64 behind a name", base64(format!("user:{secret}").as_bytes())),
            ("in base 64 between others", base64(format!("ab{secret}:cd").as_bytes())),
            ("as bytes", format!("{bytes:?}")),
            ("as bytes on lines", format!("{bytes:#?}")),
            ("as bytes in hexadecimal", format!("{bytes:x?}")),
            ("as bytes of a longer text", format!("{:?}", format!("x={secret}&y").as_bytes())),
            ("as a quoted text", format!("{secret:?}")),
            ("as JSON in JSON", format!("{:?}", format!("{secret:?}"))),
            ("in a URL", url),
        ];
        for sink in SINKS {
            // A piece of fewer than eight characters gives little away, and would hide half of every text.
            for (form, text) in forms.iter().filter(|(_, text)| text.len() >= CHUNK) {
                let text = text.clone();
                let written = written(sink, OrderDetails::Full, || {
                    tracing::info!(target: "tradingbot", value = %text, "shown <{text}> to all");
                });
                assert!(written.contains(REDACTED), "{what} {form} to {sink:?}: {written}");
                assert!(
                    written.contains("shown <") && written.contains("> to all"),
                    "{what} {form} to {sink:?}: {written}"
                );
                if text.len() >= 2 * CHUNK && !form.starts_with("as bytes") && !form.contains("base 64") {
                    assert_hidden(&written, &text, &format!("{what} {form} to {sink:?}"));
                }
                assert_hidden(&written, &secret, &format!("{what} {form} to {sink:?}"));
            }
        }
    }
}

#[test]
fn the_handbooks_pattern_is_hidden_whatever_the_value() {
    for (text, value) in [
        ("api_key=abc", "abc"),
        ("api-key: abc", "abc"),
        ("APIKEY = \"abc\"", "abc"),
        ("secret: abc", "abc"),
        ("\"token\": \"abc\"", "abc"),
        ("token abc123", "abc123"),
        ("Authorization: Bearer abc", "abc"),
        ("X-MBX-APIKEY: abc", "abc"),
        ("/api/v3/order?symbol=BTCUSDT&signature=abc", "abc"),
        ("password=abc", "abc"),
    ] {
        for sink in SINKS {
            let written = written(sink, OrderDetails::Full, || {
                tracing::warn!(target: "tradingbot", reason = text, "{text}");
            });
            assert!(!written.contains(value), "{text} to {sink:?}: {written}");
        }
    }
}

#[test]
fn fields_named_for_secrets_are_hidden_whatever_they_hold() {
    for sink in SINKS {
        let written = written(sink, OrderDetails::Full, || {
            let span = tracing::info_span!(target: "tradingbot", "request", authorization = "abc", password = 777_u64);
            let _entered = span.enter();
            tracing::info!(target: "tradingbot", api_key = "abc", secret = 777, signature = ?Some("abc"), "sent");
            tracing::info!(target: "tradingbot", x_mbx_apikey = %"abc", apiToken = 7.77, listen_key = "abc", cookie = true);
        });
        for hidden in ["abc", "777", "7.77", "true"] {
            assert!(!written.contains(hidden), "{hidden} to {sink:?}: {written}");
        }
        assert!(written.contains("sent"), "{written}");
    }
}

#[test]
fn order_details_are_written_or_not_as_the_operator_wants() {
    #[derive(Debug)]
    #[expect(dead_code, reason = "shown by Debug alone")]
    struct NewOrder {
        symbol: &'static str,
        qty: Option<(u64, u64)>,
        limit_price: &'static str,
    }
    let order = NewOrder { symbol: "BTCUSDT", qty: Some((555_001, 555_002)), limit_price: "555.003" };
    for sink in SINKS {
        for (details, shown) in [(OrderDetails::Full, true), (OrderDetails::Redacted, false)] {
            let written = written(sink, details, || {
                let span = tracing::info_span!(target: "tradingbot", "order", entry_price = %"555.004", side = "buy");
                let _entered = span.enter();
                tracing::info!(target: "tradingbot", qty = 555_005, notional = %"555.006", balances = ?[555_007], "filled");
                tracing::info!(target: "tradingbot", ?order, "sent");
                tracing::info!(target: "tradingbot", "reply {}", "{\"origQty\":\"555.008\",\"avgPrice\":\"555.009\"}");
                tracing::info!(target: "tradingbot", "rejected: price=555.010, amount: 555.011");
            });
            for number in 1..=11 {
                let digits = format!("{number:03}");
                let found = written.contains(&format!("555.{digits}")) || written.contains(&format!("555{digits}"));
                assert_eq!(found, shown, "{number} to {sink:?}: {written}");
            }
            for kept in ["BTCUSDT", "buy", "filled", "sent", "rejected"] {
                assert!(written.contains(kept), "{kept} to {sink:?}: {written}");
            }
        }
    }
}

#[test]
fn ordinary_records_stay_readable() {
    let head = &"9f86d081".repeat(8);
    for text in [
        "ledger head is 17 with hash",
        "API_TOKEN is needed and was not found; looked at credentials (none given), environment",
        "BINANCE_SECRET was taken from the credential /run/credentials/tradingbot.service/binance-secret",
        "make one with `tradingbot token new --name phone --scope read`",
        "the token \"phone\" expired 3 days ago",
        "order tb-00000007-0000000000000002-00 filled at 64000.10 for 0.001 BTC",
        "https://api.binance.com/api/v3/exchangeInfo?symbol=BTCUSDT answered 200 in 12 ms",
        "config /etc/tradingbot/tradingbot.toml:14:22: risk.order-notional-max is too large",
        "panicked at crates/core/src/engine/mod.rs:10:5 in thread main",
        "connection reset by peer (os error 104)",
        "2026-01-01T00:00:00Z to 2026-02-01T00:00:00Z: 44640 candles, 0 gaps",
        "señor Müller 東京 🚀",
    ] {
        for sink in SINKS {
            let written = written(sink, OrderDetails::Full, || {
                tracing::info!(target: "tradingbot", hash = head, symbol = "BTCUSDT", "{text}");
            });
            let expected = if matches!(sink, Sink::Json) { text.replace('"', "\\\"") } else { text.to_owned() };
            assert!(written.contains(&expected), "{sink:?}: {written}");
            assert!(written.contains(head) && written.contains("BTCUSDT"), "{sink:?}: {written}");
            assert!(!written.contains(REDACTED), "{sink:?}: {written}");
        }
    }
}

#[test]
fn a_text_from_outside_can_neither_end_a_line_nor_steer_a_terminal() {
    let hostile = "x\n2026-01-01T00:00:00.000Z INFO  forged\r\u{1b}[2J\u{202e}\u{7}\u{85}";
    for sink in [Sink::Plain, Sink::Json] {
        let written = written(sink, OrderDetails::Full, || {
            tracing::error!(target: "tradingbot", reason = hostile, "refused: {hostile}");
        });
        assert_eq!(written.lines().count(), 1, "{written:?}");
        let body = written.trim_end_matches('\n');
        assert!(!body.contains(|c: char| c.is_control()), "{body:?}");
        assert!(matches!(sink, Sink::Json) || !body.contains('\u{202e}'), "{body:?}");
    }
}

#[test]
fn lines_are_as_documented() {
    let body = || {
        let span = tracing::info_span!(target: "tradingbot", "request", request_id = 7, role = tracing::field::Empty);
        span.record("role", "admin");
        let _entered = span.enter();
        tracing::warn!(target: "tradingbot::api", message_id = "x", status = 401, path = "/a b", empty = "", "denied");
    };
    let plain = written(Sink::Plain, OrderDetails::Full, body);
    let (time, rest) = plain.split_at(24);
    assert!(time.parse::<tradingbot::domain::Timestamp>().is_ok() && time.as_bytes()[19] == b'.', "{time}");
    assert_eq!(rest, " WARN  denied status=401 path=\"/a b\" empty=\"\" request_id=7 role=admin\n");
    let json: serde_json::Value = serde_json::from_str(&written(Sink::Json, OrderDetails::Full, body)).unwrap();
    assert_eq!(json["level"], "warn");
    assert_eq!(json["target"], "tradingbot::api");
    assert_eq!(json["message"], "denied");
    assert_eq!(json["fields"]["status"], 401);
    assert_eq!(json["fields"]["message_id"], "x");
    assert_eq!(json["spans"][0]["name"], "request");
    assert_eq!(json["spans"][0]["fields"]["role"], "admin");
}

#[test]
fn other_libraries_are_heard_from_warnings_on() {
    let written = written(Sink::Plain, OrderDetails::Full, || {
        tracing::info!(target: "hyper::proto", "chatter");
        tracing::info!(target: "tradingbot_other", "chatter");
        tracing::warn!(target: "hyper::proto", "trouble");
        tracing::trace!(target: "tradingbot::engine", "detail");
    });
    assert!(!written.contains("chatter"), "{written}");
    assert!(written.contains("hyper::proto: trouble") && written.contains("detail"), "{written}");
}

/// One record for each way that a text can take into the log. Each holds the secret once or more.
fn every_way(secret: &str) {
    #[derive(Debug)]
    struct Nested(#[expect(dead_code, reason = "shown by Debug alone")] Vec<Option<String>>);
    let failure = Failure { text: "outer".to_owned(), cause: Some(Box::new(Failure::new(secret))) };
    let failure: &(dyn Error + 'static) = &failure;
    tracing::error!(target: "tradingbot", "message {secret}");
    tracing::warn!(target: "tradingbot", "message {secret:?}");
    tracing::info!(target: "tradingbot", text = secret, "field");
    tracing::debug!(target: "tradingbot", text = %secret, "display");
    tracing::trace!(target: "tradingbot", text = ?secret, "debug");
    tracing::event!(target: "tradingbot", Level::INFO, text = ?Nested(vec![None, Some(secret.to_owned())]), "nested");
    tracing::info!(target: "tradingbot", error = failure, "error");
    tracing::info!(target: "tradingbot", error = ?failure, "error in debug");
    tracing::info!(target: "tradingbot", error = %Failure::new(secret), "error in words");
    tracing::info!(target: "tradingbot", boxed = String::from(secret), "boxed");
    tracing::info!(target: "tradingbot", url = %format!("https://x/{secret}/send?a={secret}&b=1"), "in a URL");
    tracing::info!(target: "tradingbot", body = %format!("{{\"a\":{secret:?},\"b\":[{secret:?}]}}"), "in JSON");
    tracing::warn!(target: "hyper::client", header = %secret, "another library");
    let span = tracing::info_span!(target: "tradingbot", "span", made = secret, later = tracing::field::Empty);
    span.record("later", tracing::field::debug(secret));
    span.in_scope(|| tracing::info!(target: "tradingbot", "inside"));
    tracing::info!(target: "tradingbot", parent: &span, "child by name");
    let child = tracing::info_span!(target: "tradingbot", parent: &span, "child", text = %secret);
    child.in_scope(|| tracing::info!(target: "tradingbot", parent: None, text = secret, "root"));
    child.in_scope(|| tracing::info!(target: "tradingbot", "inside both"));
    let panic = std::panic::catch_unwind(|| panic!("broke on {secret}"));
    assert!(panic.is_err());
    let panic = std::panic::catch_unwind(|| failing(secret).unwrap());
    assert!(panic.is_err());
}

fn failing(text: &str) -> Result<(), Failure> {
    Err(Failure::new(text))
}

const WAYS: usize = 19;

#[derive(Debug)]
struct Failure {
    text: String,
    cause: Option<Box<Failure>>,
}

impl Failure {
    fn new(text: &str) -> Self {
        Self { text: format!("cannot use {text} here"), cause: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &dyn Error)
    }
}

/// Secrets that the log is told of; nothing about them can be recognized.
fn guarded() -> Vec<(&'static str, String)> {
    vec![
        ("an exchange key", random(ANY, 64, 1)),
        ("a password of words", "correct horse battery staple".to_owned()),
        ("a password of signs", "p\"a's\\s/w+o=r%d&e{x}".to_owned()),
        ("a number", random("0123456789", 40, 2)),
        ("a short one", "hunter27".to_owned()),
        ("a very short one", "hun7".to_owned()),
    ]
}

/// Secrets that the log was never told of, such as someone else's.
fn recognized() -> Vec<(&'static str, String)> {
    let key = "PRIVATE KEY";
    vec![
        ("an unknown exchange key", random(ANY, 64, 3)),
        ("a Telegram token", format!("{}:{}", random("0123456789", 10, 4), random(URL, 35, 5))),
        ("a token of the API", format!("tb_{}", random(ANY, 43, 6))),
        ("an access key of AWS", format!("AKIA{}", random("ABCDEFGHIJ234567", 16, 7))),
        ("a JSON web token", format!("eyJ{0}.eyJ{0}.{0}", random(URL, 30, 8))),
        ("a private key", format!("-----BEGIN {key}-----\\n{}\\n-----END {key}-----", random(ANY, 64, 9))),
    ]
}

/// Random characters; no file holds anything that looks like a secret.
fn random(alphabet: &str, length: usize, seed: u64) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state = seed;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            letters[usize::try_from(state >> 33).unwrap() % letters.len()]
        })
        .collect()
}

const ANY: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const URL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// No eight characters of the secret are there, in any case of letters.
fn assert_hidden(written: &str, secret: &str, what: &str) {
    let (written, secret) = (written.to_lowercase(), secret.to_lowercase());
    let length = secret.len().min(CHUNK);
    for at in 0..=secret.len() - length {
        let chunk = &secret[at..at + length];
        let fixed = chunk.contains("private") || chunk.contains("begin") || chunk.contains("-----");
        assert!(fixed || !written.contains(chunk), "{what}: {chunk} of {secret} is in\n{written}");
    }
}

const CHUNK: usize = 8;

fn base64(bytes: &[u8]) -> String {
    bytes
        .chunks(3)
        .flat_map(|three| {
            let number = three.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
            let number = number << (8 * (3 - three.len()));
            (0..=three.len()).map(move |at| BASE64.as_bytes()[number >> (18 - 6 * at) & 63] as char)
        })
        .collect()
}

const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What comes out of the sink while `body` runs. The log has been told of all [`guarded`] secrets, and of no other.
fn written(sink: Sink, order_details: OrderDetails, body: impl FnOnce()) -> String {
    let settings = LogSettings { format: LogFormat::Plain, level: LogLevel::Trace, order_details, file: None };
    let known = Box::leak(Box::new(KnownSecrets::new()));
    for (_, secret) in guarded() {
        known.add(secret.as_bytes());
    }
    let rules = Arc::new(Rules::with(&settings, known));
    let buffer = Buffer::default();
    let lines = |format| Lines::new(format, Arc::new(Output::to(buffer.clone())));
    let layer = match sink {
        Sink::Plain => Redacting::new(rules.clone(), lines(LineFormat::Plain)),
        Sink::Json => Redacting::new(rules.clone(), lines(LineFormat::Json)),
        Sink::Journal => Redacting::new(rules.clone(), Keeper(buffer.clone())),
    };
    tracing::subscriber::with_default(new_registry().with(layer), body);
    let bytes = buffer.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Stands where the layer for the journal stands, and keeps everything it is given: names, values and spans.
struct Keeper(Buffer);

impl Visit for &mut Buffer {
    fn record_str(&mut self, field: &Field, value: &str) {
        writeln!(self, "{}={value}", field.name()).unwrap();
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        writeln!(self, "{}={value:?}", field.name()).unwrap();
    }
}

impl Layer<Registry> for Keeper {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, Registry>) {
        attributes.record(&mut &mut self.0.clone());
    }

    fn on_record(&self, _: &Id, record: &Record<'_>, _: Context<'_, Registry>) {
        record.record(&mut &mut self.0.clone());
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, Registry>) {
        event.record(&mut &mut self.0.clone());
    }
}
