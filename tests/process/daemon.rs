//! The real program on the practice market: started, asked, killed, started again.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tradingbot::domain::{ClientOrderId, Entry};
use tradingbot::ledger;

use crate::{handed, written};

/// A bot in a process of its own.
pub struct Bot {
    pub child: Child,
    lines: BufReader<std::process::ChildStderr>,
    pub socket: PathBuf,
}

impl Bot {
    pub fn start(state: &Path, arguments: &[&str]) -> Self {
        Self::spawn(program().arg("paper").arg("--state").arg(state).args(arguments), &state.join("control.sock"))
    }

    pub fn spawn(command: &mut Command, socket: &Path) -> Self {
        Self::with_listeners(command.stdin(Stdio::null()).stdout(Stdio::null()), socket)
    }

    /// A bot to which the command hands listeners, as [`crate::handed`] does.
    pub fn with_listeners(command: &mut Command, socket: &Path) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        Self { child, lines, socket: socket.to_owned() }
    }

    /// Reads the log until a line holds `word`.
    pub fn until(&mut self, word: &str) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                panic!("it ended without saying {word:?}: {:?}\n{seen}", self.child.wait());
            }
            if line.contains(word) {
                return line;
            }
            seen.push_str(&line);
        }
    }

    /// Asks over the control socket; status and JSON.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: bot\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// The rest of the log, and the exit code.
    pub fn end(mut self) -> (String, Option<i32>) {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap().code())
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_tradingbot"))
}

#[test]
fn it_trades_within_seconds_and_stops_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut bot = Bot::start(&state, &[]);
    bot.until("confined");
    bot.until("filled");
    let (status, body) = bot.ask("GET", "/v1/status", "");
    assert_eq!((status, &body["run"]), (200, &Value::from(1)));
    bot.signal(Signal::INT);
    let (log, code) = bot.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stopped in order"), "{log}");
    assert_eq!(written(&state.join("ledger.sqlite")).last().unwrap().kind(), "stopped");
    ledger::verify(&state.join("ledger.sqlite"), None).unwrap();
    let replay = program().args(["replay", "--state"]).arg(&state).output().unwrap();
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stderr));
    assert!(String::from_utf8_lossy(&replay.stdout).contains("every command the same"));
}

#[test]
fn killed_at_any_moment_it_goes_on_without_losing_or_doubling_an_order() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut known = 0;
    for (round, word) in ["side=buy", "filled", "position closed", "side=sell", "confined", "filled"].iter().enumerate()
    {
        let mut bot = Bot::start(&state, &["--seed", &round.to_string()]);
        bot.until("confined");
        if *word != "confined" {
            bot.until(word);
        }
        bot.signal(Signal::KILL);
        drop(bot);
        let head = ledger::verify(&state.join("ledger.sqlite"), None).unwrap();
        assert!(head.entries > known, "the chain only grows");
        known = head.entries;
    }
    let entries = written(&state.join("ledger.sqlite"));
    let mut intended: Vec<ClientOrderId> = Vec::new();
    for entry in &entries {
        if let Entry::Intended { order } = entry {
            assert!(!intended.contains(&order.id), "{} was meant twice", order.id);
            intended.push(order.id);
        }
    }
    let started = entries.iter().filter(|entry| entry.kind() == "started").count();
    assert_eq!(started, 6);
    assert!(!intended.is_empty());
}

#[test]
fn a_halt_outlives_a_kill_and_only_resume_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut bot = Bot::start(&state, &[]);
    bot.until("confined");
    let (status, body) = bot.ask("POST", "/v1/halt", r#"{"reason":"drill"}"#);
    assert_eq!((status, &body["verdict"]), (200, &Value::from("done")));
    bot.signal(Signal::KILL);
    drop(bot);
    let mut bot = Bot::start(&state, &[]);
    bot.until("confined");
    let (_, body) = bot.ask("GET", "/v1/status", "");
    assert_eq!((&body["trading"], &body["halt"]["reason"]), (&Value::from(false), &Value::from("drill")));
    let (status, _) = bot.ask("POST", "/v1/resume", r#"{"reason":"drill is over"}"#);
    assert_eq!(status, 200);
    bot.until("filled");
}

#[test]
fn two_bots_cannot_write_one_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut bot = Bot::start(&state, &[]);
    bot.until("confined");
    let second = program().arg("paper").arg("--state").arg(&state).output().unwrap();
    assert_eq!(second.status.code(), Some(74));
    let error = String::from_utf8_lossy(&second.stderr);
    assert!(error.contains("another tradingbot"), "{error}");
    assert_eq!(bot.ask("GET", "/v1/health", "").0, 200, "the first does not notice");
}

#[test]
fn the_service_manager_hands_over_listeners_and_hears_how_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let (state, socket) = (folder.path().join("state"), folder.path().join("control"));
    let heard = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    let config = folder.path().join("bot.toml");
    let shipped = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/tradingbot.toml")).unwrap();
    fs::write(&config, shipped).unwrap();
    let api = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = api.local_addr().unwrap();
    let listeners: [OwnedFd; 2] = [api.into(), UnixListener::bind(&socket).unwrap().into()];
    let arguments = ["run".as_ref(), "--config".as_ref(), config.as_os_str()];
    let mut command = handed::command(&listeners.each_ref(), "api:control", &arguments);
    command.env("STATE_DIRECTORY", &state);
    command.env("NOTIFY_SOCKET", folder.path().join("notify")).env("WATCHDOG_USEC", "400000");
    let mut bot = Bot::with_listeners(&mut command, &socket);
    bot.until("confined");
    let mut told = Vec::new();
    let mut hear = || {
        let mut buffer = [0; 1_024];
        let length = heard.recv(&mut buffer).unwrap();
        told.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        told.last().unwrap().clone()
    };
    let ready = std::iter::repeat_with(&mut hear).find(|text| text.contains("READY=1")).unwrap();
    assert!(ready.contains("STATUS=halted"), "the shipped configuration starts halted: {ready}");
    assert_eq!(bot.ask("GET", "/v1/health", "").0, 200);
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET /v1/health HTTP/1.1\r\nHost: bot\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 401 "), "over TCP a token is asked for: {text}");
    assert!(std::iter::repeat_with(&mut hear).any(|text| text.contains("WATCHDOG=1")));

    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("level = \"info\"", "level = \"debug\"")).unwrap();
    bot.signal(Signal::HUP);
    assert!(std::iter::repeat_with(&mut hear).any(|text| text.contains("RELOADING=1")));
    bot.until("reloaded");
    assert!(std::iter::repeat_with(&mut hear).any(|text| text.contains("READY=1")));
    fs::write(&config, "mode = \"live\"\n").unwrap();
    bot.signal(Signal::HUP);
    bot.until("the one in force stays");
    assert_eq!(bot.ask("GET", "/v1/health", "").0, 200);

    bot.signal(Signal::TERM);
    assert!(std::iter::repeat_with(&mut hear).any(|text| text.contains("STOPPING=1")));
    let (log, code) = bot.end();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn a_configuration_that_is_refused_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bot.toml");
    fs::write(&config, "mode = \"paper\"\nmarkt = 1\n").unwrap();
    let output = program().arg("run").arg("--config").arg(&config).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("bot.toml:2:1") && error.contains("market"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// On a disk of its own, in a mount namespace of its own; where that is not allowed, the test fails and says so.
#[test]
fn a_full_disk_halts_trading_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().display();
    let script = format!(
        "mount -t tmpfs -o size=8m none {disk} && exec {} paper --state {disk}/state",
        env!("CARGO_BIN_EXE_tradingbot")
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "bash", "-c", &script]);
    let mut bot = Bot::spawn(&mut command, Path::new(""));
    bot.until("filled");
    let inside = PathBuf::from(format!("/proc/{}/root", bot.child.id())).join(folder.path().strip_prefix("/").unwrap());
    bot.socket = inside.join("state/control.sock");

    let ballast = inside.join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[0; 4_096]).is_ok() {}
    drop(file);
    bot.until("the ledger cannot be written");
    while bot.ask("GET", "/v1/status", "").1["trading"].as_bool() != Some(false) {}
    // Asking over and over may have used up the client's budget.
    let patiently = |method, path, body| {
        let mut answers = std::iter::repeat_with(|| bot.ask(method, path, body));
        answers.find(|(code, _)| *code != 429).unwrap()
    };
    let (ready, problem) = patiently("GET", "/v1/ready", "");
    assert_eq!(ready, 503, "{problem}");
    let (code, problem) = patiently("POST", "/v1/resume", r#"{"reason":"now"}"#);
    assert_ne!(code, 200, "{problem}");

    fs::remove_file(&ballast).unwrap();
    bot.until("the ledger can be written again");
    let (code, problem) = bot.ask("POST", "/v1/resume", r#"{"reason":"there is room again"}"#);
    assert_eq!(code, 200, "{problem}");
    bot.until("filled");
    let (_, head) = bot.ask("GET", "/v1/ledger/head", "");
    let verified = ledger::verify(&inside.join("state/ledger.sqlite"), None).unwrap();
    assert!(verified.entries >= head["seq"].as_u64().unwrap());
    bot.signal(Signal::INT);
    let (log, code) = bot.end();
    assert_eq!(code, Some(0), "{log}");
}
