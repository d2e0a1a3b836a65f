//! The commands that ask a running bot: the real program against a real server.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use tradingbot::domain::{Objection, OperatorEvent, OperatorRequest, Snapshot, Verdict};

use crate::support::api::{Bot, Says, order_id, picture};

/// The program, in an empty folder and with nothing in its environment.
struct Operator {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Operator {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// One who knows where the bot is and has a token in the environment.
    fn of(bot: &Bot, token: &str) -> Self {
        Self::new().with("TRADINGBOT_ADDRESS", &format!("http://{}", bot.address)).with("API_TOKEN", token)
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.output().unwrap()
    }

    /// What it prints when all is well.
    fn prints(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        String::from_utf8(output.stdout).unwrap()
    }

    /// How it fails: the exit code and what it says.
    fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{arguments:?}");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

fn socket(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_status_is_a_page_and_a_halt_stands_on_top_of_it() {
    let bot = Bot::start();
    let operator = Operator::of(&bot, &bot.read);
    let page = operator.prints(&["status"]);
    assert!(page.starts_with("trading       yes\nequity        1000.25, 0.97 % under its peak of 1010.00\n"), "{page}");
    assert!(page.contains("BTCUSDT  64250.1  64250.1    -  2023-11-14T22:13:20Z"), "{page}");
    let halt = json!({"by": "ops", "reason": "lunch", "since": "2023-11-14T22:13:20Z", "written": true});
    let halt = serde_json::from_value(halt).unwrap();
    bot.snapshot.send_replace(std::sync::Arc::new(Snapshot { halt, ..picture() }));
    let page = operator.prints(&["status"]);
    assert!(page.starts_with("trading       no, halted by ops at 2023-11-14T22:13:20Z: lunch\n"), "{page}");
    let json: Value = serde_json::from_str(&operator.prints(&["status", "--json"])).unwrap();
    assert_eq!(json["halt"]["reason"], "lunch");
}

#[test]
fn lists_are_tables_for_people_and_json_for_programs() {
    let bot = Bot::start();
    let operator = Operator::of(&bot, &bot.read);
    let orders = operator.prints(&["orders"]);
    assert!(orders.contains("tb-00000007-0000000000000002-00"), "{orders}");
    assert_eq!(orders.lines().count(), 5);
    assert!(operator.prints(&["positions"]).contains("ema-btc"));
    let trades = operator.prints(&["trades", "--limit", "3"]);
    assert_eq!(trades.lines().count(), 4, "{trades}");
    let all: Value = serde_json::from_str(&operator.prints(&["--json", "trades", "--limit", "700"])).unwrap();
    let seqs: Vec<u64> = all.as_array().unwrap().iter().map(|trade| trade["seq"].as_u64().unwrap()).collect();
    assert!(seqs.iter().copied().eq((301..=1_000).rev()), "more than the API gives at once");
    bot.snapshot.send_replace(std::sync::Arc::new(Snapshot { orders: vec![], ..picture() }));
    assert_eq!(operator.prints(&["orders"]), "no order may still trade\n");
}

#[test]
fn what_the_operator_asks_reaches_the_engine_once() {
    let bot = Bot::start_with(|settings| settings.answer_timeout = Duration::from_millis(50));
    let operator = Operator::of(&bot, &bot.admin);
    assert!(operator.prints(&["halt", "--reason", "lunch"]).starts_with("halted"));
    assert!(operator.prints(&["resume", "--reason", "done"]).starts_with("resumed"));
    assert!(operator.prints(&["cancel", &order_id().to_string()]).starts_with("its end is asked for"));
    assert_eq!(operator.prints(&["close", "BTCUSDT", "--json"]), "{\"verdict\":\"done\"}\n");
    let by = || "boss".to_owned();
    let expected = [
        OperatorEvent { by: by(), request: OperatorRequest::Halt { reason: "lunch".to_owned() } },
        OperatorEvent { by: by(), request: OperatorRequest::Resume { reason: "done".to_owned() } },
        OperatorEvent { by: by(), request: OperatorRequest::Cancel { id: order_id() } },
        OperatorEvent { by: by(), request: OperatorRequest::Close { instrument: "BTCUSDT".parse().unwrap() } },
    ];
    assert_eq!(*bot.engine.asked(), expected);
    bot.engine.say(Says::At(Verdict::Already));
    assert!(operator.prints(&["halt", "--reason", "again"]).starts_with("it was halted before"));
    // A reason that nobody could read is refused before anybody is asked.
    for (reason, word) in [(" ", "can be seen"), ("a\u{2028}b", "U+2028, the end of a line"), ("\u{1b}[31m", "U+001B")]
    {
        let (code, words) = operator.fails(&["halt", "--reason", reason]);
        assert!(code == 2 && words.contains(word), "{code}: {words}");
    }
    // An engine that does not answer is asked again under the same id, which it sees once.
    bot.engine.asked().clear();
    bot.engine.say(Says::Later);
    let (code, words) = operator.fails(&["halt", "--reason", "slow"]);
    assert_eq!((code, bot.engine.asked().len()), (69, 1), "{words}");
    assert!(words.contains("may have done it"), "{words}");
}

#[test]
fn a_refusal_says_why_and_what_to_do() {
    let bot = Bot::start();
    let reader = Operator::of(&bot, &bot.read);
    let (code, words) = reader.fails(&["halt", "--reason", "lunch"]);
    assert_eq!(code, 77);
    assert!(
        words.starts_with("error: the token's scope is read; this needs trade (scope-too-small, request "),
        "{words}"
    );
    let operator = Operator::of(&bot, &bot.trade);
    bot.engine.say(Says::At(Verdict::NoPosition));
    let (code, words) = operator.fails(&["close", "ETHUSDT"]);
    assert!(code == 77 && words.contains("nothing is held of that symbol"), "{words}");
    bot.engine.say(Says::At(Verdict::Refused(Objection::Gate("the books do not agree yet".to_owned()))));
    let (code, words) = operator.fails(&["halt", "--reason", "lunch"]);
    assert!(code == 77 && words.contains("the books do not agree yet"), "{words}");
    bot.engine.say(Says::Closed);
    let (code, words) = operator.fails(&["halt", "--reason", "lunch"]);
    assert!(code == 1 && words.contains("the engine has stopped; nothing was changed"), "{words}");
    let stranger = Operator::of(&bot, &format!("tb_{}", "0".repeat(64)));
    let (code, words) = stranger.fails(&["status"]);
    assert!(code == 77 && words.contains("tradingbot token new"), "{words}");
}

#[test]
fn a_token_comes_from_one_private_place_and_is_never_shown() {
    let bot = Bot::start();
    let address = format!("http://{}", bot.address);
    let operator = Operator::new();
    let private = operator.file("token", &format!("{}\n", bot.read), 0o600);
    let open = operator.file("open", &bot.read, 0o644);
    let at =
        |rest: &[&str]| [&["status", "--address", &address], rest].concat().iter().map(|s| (*s).to_owned()).collect();
    let prints = |arguments: Vec<String>| operator.prints(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let fails = |arguments: Vec<String>| operator.fails(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(prints(at(&["--token-file", &socket(&private)])).starts_with("trading"));
    let (code, words) = fails(at(&["--token-file", &socket(&open)]));
    assert!(code == 8 && words.contains("others may read"), "{words}");
    assert!(!words.contains(&bot.read));
    let (code, words) = fails(at(&["--token-file", "/nowhere/token"]));
    assert!(code == 8 && words.contains("/nowhere/token"), "{words}");
    let (code, words) = fails(at(&[]));
    assert!(code == 8 && words.contains("API_TOKEN") && words.contains("tradingbot token new"), "{words}");
    operator.file(".env", &format!("API_TOKEN={}\n", bot.read), 0o600);
    assert!(prints(at(&[])).starts_with("trading"));
    operator.file(".env", &format!("API_TOKEN={}\n", bot.read), 0o644);
    let (code, words) = fails(at(&[]));
    assert!(code == 8 && words.contains(".env"), "{words}");
}

#[test]
fn the_control_socket_needs_no_token() {
    let bot = Bot::start();
    let operator = Operator::new();
    assert!(
        operator.prints(&["halt", "--reason", "x", "--socket", &socket(&bot.control_socket)]).starts_with("halted")
    );
    let (code, words) = operator.fails(&["status", "--socket", &socket(&bot.api_socket)]);
    assert!(code == 77 && words.contains("token-missing"), "{words}");
    let token = operator.file("token", &bot.read, 0o400);
    let (api, token) = (format!("unix:{}", bot.api_socket.display()), socket(&token));
    assert!(operator.prints(&["status", "--address", &api, "--token-file", &token]).starts_with("trading"));
}

#[test]
fn a_bot_that_is_not_there_is_said_to_be_not_there() {
    let operator = Operator::new().with("API_TOKEN", &format!("tb_{}", "0".repeat(64)));
    // Bound, so that nobody else gets it, but nobody accepts and the backlog is nobody's.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, words) = operator.fails(&["status", "--address", &format!("http://{closed}")]);
    assert_eq!(code, 69);
    assert!(
        words.contains("cannot reach the bot at http://127.0.0.1:") && words.contains("is the bot running?"),
        "{words}"
    );
    let (code, words) = operator.fails(&["status", "--socket", "/nowhere/control.sock"]);
    assert!(code == 69 && words.contains("unix:/nowhere/control.sock"), "{words}");
    let (code, words) = operator.fails(&["status", "--address", "http://bot.example.org"]);
    assert!(code == 2 && words.contains("write https://bot.example.org"), "{words}");
}

#[test]
fn somebody_else_who_answers_is_not_believed() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answers = [
        "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ];
    let server = std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4_096];
            let _ = std::io::Read::read(&mut stream, &mut request).unwrap();
            std::io::Write::write_all(&mut stream, answer.as_bytes()).unwrap();
        }
    });
    let operator = Operator::new().with("API_TOKEN", &format!("tb_{}", "0".repeat(64)));
    let (code, words) = operator.fails(&["status", "--address", &address]);
    assert!(code == 69 && words.contains("is not this bot"), "{words}");
    let (code, words) = operator.fails(&["status", "--address", &address]);
    assert!(code == 1 && words.contains("not understood"), "{words}");
    server.join().unwrap();
}

#[test]
fn a_halt_that_was_lifted_between_two_tries_is_no_success() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let body = r#"{"verdict":"done","replayed":true,"trading":true,"halt":null}"#;
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = std::io::Read::read(&mut stream, &mut [0; 4_096]).unwrap();
        std::io::Write::write_all(
            &mut stream,
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes(),
        )
        .unwrap();
    });
    let operator = Operator::new().with("API_TOKEN", &format!("tb_{}", "0".repeat(64)));
    let (code, words) = operator.fails(&["halt", "--reason", "lunch", "--address", &address]);
    assert!(code == 1 && words.contains("somebody has resumed it since"), "{words}");
    server.join().unwrap();
}

#[test]
fn tokens_are_made_listed_and_taken_back_while_the_bot_runs() {
    let bot = Bot::start();
    let operator = Operator::new();
    let state = socket(bot.tokens.path().parent().unwrap());
    let made =
        operator.prints(&["token", "new", "--name", "fresh", "--scope", "read", "--expires", "1h", "--state", &state]);
    let token = made.lines().next().unwrap();
    assert_eq!(bot.client(token).get("/v1/status").status, 200);
    assert!(!operator.prints(&["token", "list", "--state", &state]).contains(token));
    let made: Value = serde_json::from_str(&operator.prints(&[
        "token",
        "new",
        "--name",
        "for-ever",
        "--scope",
        "admin",
        "--expires",
        "never",
        "--state",
        &state,
        "--json",
    ]))
    .unwrap();
    assert_eq!((&made["scope"], &made["expires"]), (&json!("admin"), &Value::Null));
    let list: Value = serde_json::from_str(&operator.prints(&["token", "list", "--state", &state, "--json"])).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 5);
    operator.prints(&["token", "revoke", "fresh", "--state", &state]);
    let client = bot.client(token);
    let refused = (0..10_000).map(|_| client.get("/v1/status")).find(|response| response.status != 200).unwrap();
    assert_eq!(refused.code(), "token-revoked");
    let (code, words) = operator.fails(&["token", "new", "--name", "fresh", "--scope", "read", "--state", &state]);
    assert!(code == 1 && words.contains("choose another name"), "{words}");
    let (code, words) = operator.fails(&["token", "revoke", "nobody", "--state", &state]);
    assert!(code == 1 && words.contains("tradingbot token list"), "{words}");
    let (code, words) = operator.fails(&["token", "list", "--state", "/nowhere"]);
    assert!(code == 8 && words.contains("--state"), "{words}");
}
