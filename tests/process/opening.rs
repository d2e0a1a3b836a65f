//! A recording that begins with very many messages that tell of no event: while it is looked for one, the bot is there.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::daemon::{Bot, program};
use crate::written;

/// A packed recording of `frames` times 100,000 answers of the exchange to something, and `end` behind them.
fn recording(folder: &Path, frames: usize, end: &str) -> PathBuf {
    let answers = "1723161254000 {\"result\":null,\"id\":1}\n".repeat(100_000);
    let frame = zstd::encode_all(answers.as_bytes(), 1).unwrap();
    let path = folder.join("long.jsonl.zst");
    let mut file = File::create(&path).unwrap();
    (0..frames).for_each(|_| file.write_all(&frame).unwrap());
    file.write_all(&zstd::encode_all(end.as_bytes(), 1).unwrap()).unwrap();
    path
}

/// Ten trades, a second apart.
fn trades() -> String {
    let trade = |id: u64| {
        let millis = 1_723_161_254_000 + id * 1_000;
        format!(
            "{millis} {{\"e\":\"trade\",\"E\":{millis},\"s\":\"BTCUSDT\",\"t\":{id},\"p\":\"61837.63\",\"q\":\"0.02\",\
             \"T\":{millis},\"m\":true,\"M\":true}}\n"
        )
    };
    (1..=10).map(trade).collect()
}

fn start(state: &Path, recording: &Path, notify: &Path) -> Bot {
    let mut command = program();
    command.arg("paper").arg("--state").arg(state).arg("--recording").arg(recording).env("NOTIFY_SOCKET", notify);
    Bot::spawn(&mut command, &state.join("control.sock"))
}

/// All that was said to the service manager so far.
fn said(socket: &UnixDatagram) -> Vec<String> {
    socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let mut text = [0; 4_096];
    std::iter::from_fn(|| socket.recv(&mut text).ok().map(|length| String::from_utf8_lossy(&text[..length]).into()))
        .collect()
}

fn kinds(state: &Path) -> Vec<&'static str> {
    written(&state.join("ledger.sqlite")).iter().map(|entry| entry.kind()).collect()
}

#[test]
fn while_a_recording_opens_the_bot_answers_and_halts_and_stops_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (state, notify) = (folder.path().join("state"), folder.path().join("notify"));
    let manager = UnixDatagram::bind(&notify).unwrap();
    // A billion lines: nobody waits for the end of them.
    let recording = recording(folder.path(), 10_000, &trades());
    let mut bot = start(&state, &recording, &notify);
    bot.until("the market opens; meanwhile the API answers");
    let (status, body) = bot.ask("GET", "/v1/ready", "");
    assert_eq!((status, &body["code"]), (503, &Value::from("not-ready")), "{body}");
    assert!(body["detail"].as_str().unwrap().contains("waits for the first events of the recording"), "{body}");
    let (status, body) = bot.ask("GET", "/v1/status", "");
    assert_eq!((status, &body["starting"]), (200, &Value::from("the first events of the recording")), "{body}");
    assert_eq!((&body["trading"], &body["run"]), (&Value::from(true), &Value::from(1)));
    assert_eq!(bot.ask("GET", "/v1/health", "").0, 200);
    let shown = program().args(["status", "--socket"]).arg(&bot.socket).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("not yet: it starts, and waits for the first events of the recording"), "{shown}");

    let (status, body) = bot.ask("POST", "/v1/halt", "{\"reason\":\"lunch\"}");
    assert_eq!((status, &body["verdict"]), (200, &Value::from("done")), "{body}");
    assert_eq!(kinds(&state)[..3], ["started", "deposited", "halted"], "it is an entry before it is answered");
    assert_eq!(bot.ask("GET", "/v1/status", "").1["trading"], Value::from(false));
    bot.signal(Signal::HUP);
    bot.until("asked to reload");
    let told = said(&manager);
    assert!(told.iter().any(|told| told.contains("STATUS=starting: waits for the first events")), "{told:?}");
    assert!(!told.iter().any(|told| told.contains("READY=1")), "{told:?}");

    bot.signal(Signal::TERM);
    let (log, code) = bot.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stopped in order"), "{log}");
    assert_eq!(kinds(&state).last(), Some(&"stopped"));
    let told = said(&manager);
    assert!(told.iter().any(|told| told.contains("STOPPING=1")) && !told.iter().any(|told| told.contains("READY=1")));

    // The next life is halted, and ready once there is an event.
    fs::remove_file(&recording).unwrap();
    let recording = self::recording(folder.path(), 3, &trades());
    let mut bot = start(&state, &recording, &notify);
    bot.until("ready");
    let told = said(&manager);
    let ready = told.iter().find(|told| told.contains("READY=1")).unwrap();
    assert!(ready.contains("halted by") && ready.contains("lunch"), "{told:?}");
    let (log, code) = bot.end();
    assert!(code == Some(0) && !log.contains("side=buy"), "{log}");
}

#[test]
fn a_recording_without_any_event_is_refused_after_its_last_line_and_the_run_ends_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (state, notify) = (folder.path().join("state"), folder.path().join("notify"));
    let manager = UnixDatagram::bind(&notify).unwrap();
    let recording = recording(folder.path(), 3, "1723161254000 {\"result\":null,\"id\":2}\n");
    let bot = start(&state, &recording, &notify);
    let (log, code) = bot.end();
    assert_eq!(code, Some(65), "{log}");
    assert!(log.contains("the recording has no market events in it; name another file"), "{log}");
    assert_eq!(kinds(&state), ["started", "deposited", "stopped"]);
    assert!(!said(&manager).iter().any(|told| told.contains("READY=1")));
}
