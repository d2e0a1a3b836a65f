//! Hostile requests, byte by byte, from golden files: one clear refusal each, and the server goes on as if nothing was.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use tradingbot::api::Scope;
use tradingbot::clock;
use tradingbot::domain::Span;

use crate::data::golden;
use crate::support::api::Bot;

/// A golden file: lines of `key: value`, a line of dashes, and the bytes, whose line ends are not part of them.
struct Case {
    name: String,
    /// Status and code of each answer; the code is empty when it is no refusal.
    expect: Vec<(u16, String)>,
    /// How often the engine is asked for something.
    asked: usize,
    /// Whether the server closes the connection after the last answer.
    closes: bool,
    bytes: String,
}

impl Case {
    /// Whether it is refused because time runs out.
    fn is_slow(&self) -> bool {
        self.expect.iter().any(|(_, code)| code.ends_with("-timeout"))
    }
}

#[test]
fn hostile_requests_are_refused_and_change_nothing() {
    let (slow, prompt): (Vec<Case>, Vec<Case>) = cases().into_iter().partition(Case::is_slow);
    assert!(slow.len() >= 5 && prompt.len() >= 40, "{} slow cases and {} others", slow.len(), prompt.len());
    // Only where running out of time is what is tried: a busy machine lets others wait.
    check(&slow, Duration::from_millis(200));
    check(&prompt, Duration::from_secs(20));
}

/// Sends each of `cases` to a bot that waits for `patience` for a head or a body.
fn check(cases: &[Case], patience: Duration) {
    let bot = Bot::start_with(|settings| {
        settings.header_timeout = patience;
        settings.body_timeout = patience;
        settings.body_bytes_max = 1_024;
    });
    let now = clock::now();
    let past = now.minus(Span::DAY);
    bot.make_token("gone", Scope::Admin, now, None);
    bot.tokens.revoke(&"gone".parse().unwrap(), now).unwrap();
    let words = BTreeMap::from([
        ("read", bot.read.clone()),
        ("trade", bot.trade.clone()),
        ("admin", bot.admin.clone()),
        ("expired", bot.make_token("old", Scope::Admin, past, Some(past.plus(Span::HOUR)))),
        ("revoked", {
            let token = bot.make_token("taken-back", Scope::Admin, now, None);
            bot.tokens.revoke(&"taken-back".parse().unwrap(), now).unwrap();
            token
        }),
    ]);
    for case in cases {
        let before = bot.engine.asked().len();
        let client = bot.client(&bot.read);
        let mut connection = client.connect();
        connection.send(&unescape(&case.bytes, &words));
        for (status, code) in &case.expect {
            let response = connection.read_response(false).unwrap_or_else(|error| panic!("{}: {error}", case.name));
            assert_eq!((response.status, &response.code()), (*status, code), "{}: {response:?}", case.name);
            assert!(response.header("x-request-id").is_some() || response.status == 100, "{}", case.name);
        }
        if case.closes {
            assert!(connection.is_closed(), "{}: the connection stays open", case.name);
        } else {
            connection.send(client.request("GET", "/v1/health", None).as_bytes());
            let response = connection.read_response(false);
            assert!(
                response.is_ok_and(|response| response.status == 200),
                "{}: the connection is of no use",
                case.name
            );
        }
        assert_eq!(bot.engine.asked().len() - before, case.asked, "{}", case.name);
        assert_eq!(client.get("/v1/status").status, 200, "{}: the server is of no use", case.name);
    }
}

fn cases() -> Vec<Case> {
    let mut paths: Vec<_> = fs::read_dir(golden("hostile")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| read(path.file_name().unwrap().to_str().unwrap(), &fs::read_to_string(path).unwrap()))
        .collect()
}

fn read(name: &str, text: &str) -> Case {
    let (head, bytes) = text.split_once("\n---\n").unwrap_or_else(|| panic!("{name} has no line of dashes"));
    let mut case =
        Case { name: name.to_owned(), expect: Vec::new(), asked: 0, closes: false, bytes: bytes.replace('\n', "") };
    for line in head.lines() {
        let (key, value) = line.split_once(": ").unwrap_or_else(|| panic!("{name}: {line}"));
        match key {
            "about" => {}
            "expect" => {
                let (status, code) = value.split_once(' ').unwrap_or((value, ""));
                case.expect.push((status.parse().unwrap(), code.to_owned()));
            }
            "asked" => case.asked = value.parse().unwrap(),
            "closes" => case.closes = value == "yes",
            other => panic!("{name}: {other}"),
        }
    }
    case
}

/// `\r`, `\n`, `\t`, `\\`, `\xNN`; `{word}` for a token; `{1000*text}` for a repeated text.
fn unescape(text: &str, words: &BTreeMap<&str, String>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let escape = rest.chars().next().unwrap();
                rest = &rest[1..];
                match escape {
                    'r' => bytes.push(b'\r'),
                    'n' => bytes.push(b'\n'),
                    't' => bytes.push(b'\t'),
                    '\\' => bytes.push(b'\\'),
                    'x' => {
                        bytes.push(u8::from_str_radix(&rest[..2], 16).unwrap());
                        rest = &rest[2..];
                    }
                    other => panic!("\\{other} is no escape"),
                }
            }
            '{' => {
                let end = rest.find('}').unwrap_or(0);
                let inner = &rest[..end];
                if let Some(token) = words.get(inner) {
                    bytes.extend(token.as_bytes());
                    rest = &rest[end + 1..];
                } else if let Some((count, repeated)) = inner.split_once('*')
                    && let Ok(count) = count.parse::<usize>()
                {
                    bytes.extend(unescape(repeated, words).repeat(count));
                    rest = &rest[end + 1..];
                } else {
                    bytes.push(b'{');
                }
            }
            other => bytes.extend(other.to_string().as_bytes()),
        }
    }
    bytes
}
