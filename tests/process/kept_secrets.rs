//! What the bot keeps for good has none of its secrets in it, by whatever field somebody tries to bring one in.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::process::Signal;
use serde_json::json;

use crate::daemon::{Bot, program};

/// Values of the kinds that the environment may have; but for the last, none looks like what it is.
fn held() -> [(&'static str, String); 4] {
    [
        ("BINANCE_API_KEY", "correct-horse-battery-staple".to_owned()),
        ("BINANCE_SECRET", "wrong-horse-battery-staple-two".to_owned()),
        ("TELEGRAM_BOT_TOKEN", "a-word-without-any-digit-in-it".to_owned()),
        ("API_TOKEN", format!("tb_{}", "0a1b2c3d".repeat(8))),
    ]
}

#[test]
fn no_field_brings_a_secret_into_what_is_kept() {
    let held = held();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let new = ["token", "new", "--name", "correct-horse-battery-staple", "--scope", "admin", "--state"];
    let token = program().args(new).arg(&state).output().unwrap();
    let token = String::from_utf8(token.stdout).unwrap().split_whitespace().next().unwrap().to_owned();
    assert!(token.starts_with("tb_"), "{token}");
    let mut command = program();
    command.arg("paper").arg("--state").arg(&state).envs(held.clone());
    let mut bot = Bot::spawn(&mut command, &state.join("control.sock"));
    // Which of the two threads is the first to say that it is ready is left to chance.
    let api = bot.until("the API is open");
    assert!(api.contains("live=1"), "{api}");

    let digits = token.strip_prefix("tb_").unwrap();
    let mut secrets: Vec<&str> = held.iter().map(|(_, value)| value.as_str()).collect();
    secrets.extend([held[3].1.strip_prefix("tb_").unwrap(), &token, digits]);
    for (number, secret) in secrets.iter().enumerate() {
        for act in ["halt", "resume"] {
            let body = json!({ "reason": format!("see {secret} there") }).to_string();
            let path = format!("POST /v1/{act}");
            let answer = ask(&bot.socket, &path, "plain", &body);
            assert!(answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 409"), "{answer}");
            let answer = ask(&bot.socket, &path, secret, &body);
            assert!(answer.starts_with("HTTP/1.1 400") && !answer.contains(secret), "{answer}");
        }
        let path = format!("POST /v1/strategies/{secret}/pause");
        ask(&bot.socket, &path, secret, "");
        let answer = ask(&bot.socket, &path, &format!("pause-{number}"), "");
        assert!(answer.starts_with("HTTP/1.1 404") || answer.starts_with("HTTP/1.1 400"), "{answer}");
        ask(&bot.socket, &format!("DELETE /v1/orders/{secret}"), secret, "");
    }
    // Whether a guess at a part of a secret was right does not show: it could be found piece by piece, and by anybody.
    for secret in &secrets {
        for guess in [&secret[..8], &secret[3..19], "nothing-of-it"] {
            let answer = ask(&bot.socket, "GET /v1/status", guess, "");
            assert!(answer.contains(&format!("x-request-id: {guess}\r\n")), "{answer}");
        }
    }
    bot.signal(Signal::TERM);
    let (log, code) = bot.end();
    assert_eq!(code, Some(0), "{log}");
    let mut kept = log + &api;
    kept.push_str(&everything(&state));
    assert!(kept.contains("[redacted]"), "something was taken out");
    for secret in secrets {
        assert!(!kept.contains(secret), "{secret} was kept");
    }
}

#[test]
fn a_strategy_named_after_a_secret_does_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bot.toml");
    let paper = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/paper.toml")).unwrap();
    let named = paper.replacen("name = \"", "name = \"hidden-word-here-", 1);
    assert_ne!(named, paper);
    fs::write(&config, named).unwrap();
    let mut command = program();
    command.args(["paper", "--for", "1s", "--config"]).arg(&config).arg("--state").arg(folder.path().join("state"));
    let output = command.env("BINANCE_SECRET", "hidden-word-here").output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(8), "{error}");
    assert!(error.contains("the name of strategy ") && !error.contains("hidden-word-here"), "{error}");
    assert!(!folder.path().join("state/ledger.sqlite").exists());
}

/// One request over the control socket with an id of the client's; all that came back.
fn ask(socket: &Path, what: &str, id: &str, body: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    let head = format!("{what} HTTP/1.1\r\nHost: bot\r\nConnection: close\r\nX-Request-Id: {id}\r\n");
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    write!(stream, "{head}{kind}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// Every file of the folder as text, packed ones unpacked.
fn everything(state: &Path) -> String {
    let mut text = String::new();
    for found in fs::read_dir(state).unwrap() {
        let path = found.unwrap().path();
        // The tokens' names are another command's, which had none of these secrets.
        if !path.is_file() || path.ends_with("tokens.json") {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let bytes = if path.extension().is_some_and(|end| end == "zst") {
            zstd::decode_all(&bytes[..]).unwrap()
        } else {
            bytes
        };
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
    text
}
