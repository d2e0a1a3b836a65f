//! A bot whose ledger is taken away, or cannot be written: it halts, says so until it is mended, and never ends as if all
//! were well.

use std::fs;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::Signal;
use serde_json::Value;
use tradingbot::clock::Mark;
use tradingbot::domain::Span;
use tradingbot::ledger;

use crate::daemon::{Bot, program};
use crate::handed;

/// What somebody does to the folder of state.
type Deed = fn(&Path);

#[test]
fn a_bot_whose_ledger_is_taken_away_halts_and_ends_as_failed() {
    let deeds: [(&str, Deed); 3] = [
        ("removed", |state| fs::remove_dir_all(state).unwrap()),
        ("renamed", |state| fs::rename(state, state.with_file_name("elsewhere")).unwrap()),
        ("file removed", |state| fs::remove_file(state.join("ledger.sqlite")).unwrap()),
    ];
    for (name, deed) in deeds {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let mut bot = Bot::start(&state, &[]);
        bot.until("filled");
        deed(&state);
        let said = bot.until("the ledger cannot be written");
        assert!(said.contains("put back what was there"), "{name}: {said}");
        bot.until("halted");
        bot.signal(Signal::TERM);
        let (log, code) = bot.end();
        assert_eq!(code, Some(74), "{name}: {log}");
        assert!(!log.contains("stopped in order") && log.contains("stopped, and not in order"), "{name}: {log}");
        if name == "file removed" {
            let text = fs::read_to_string(state.join("unsaved-00000001.jsonl")).unwrap();
            let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
            assert!(text.contains(r#""kind":"halted""#) && first["at"].is_string(), "{text}");
            assert!(log.contains("unsaved-00000001.jsonl"), "{log}");
        } else {
            assert!(log.contains("an entry that the ledger did not take") && log.contains("halted"), "{name}: {log}");
            assert!(log.contains("are in the log, a record each"), "{name}: {log}");
        }
    }
}

#[test]
fn a_folder_that_is_put_back_gets_what_happened_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let (state, elsewhere) = (folder.path().join("state"), folder.path().join("elsewhere"));
    let mut bot = Bot::start(&state, &[]);
    bot.until("ready");
    let (code, _) = bot.ask("POST", "/v1/halt", r#"{"reason":"a quiet ledger"}"#);
    assert_eq!(code, 200);
    // Nothing is written now, so nothing goes astray.
    let halted = Mark::now();
    while halted.elapsed() < Span::from_millis(50) {
        bot.ask("GET", "/v1/health", "");
    }
    fs::rename(&state, &elsewhere).unwrap();
    bot.socket = elsewhere.join("control.sock");
    let said = bot.until("the ledger cannot be written");
    assert!(said.contains("is gone"), "{said}");
    let (_, problem) =
        std::iter::repeat_with(|| bot.ask("GET", "/v1/ready", "")).find(|answer| answer.0 == 503).unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("is gone"), "{problem}");
    fs::rename(&elsewhere, &state).unwrap();
    bot.socket = state.join("control.sock");
    bot.until("the ledger can be written again");
    assert_eq!(bot.ask("POST", "/v1/resume", r#"{"reason":"it is back"}"#).0, 200);
    bot.until("filled");
    bot.signal(Signal::TERM);
    let (log, code) = bot.end();
    assert_eq!(code, Some(0), "{log}");
    ledger::verify(&state.join("ledger.sqlite"), None).unwrap();
}

/// Lets the bot write to no file, or to all again.
fn limit(bot: &Bot, bytes: &str) {
    let status =
        Command::new("prlimit").args([&format!("--pid={}", bot.child.id()), &format!("--fsize={bytes}:")]).status();
    assert!(status.unwrap().success(), "this test needs `prlimit` of util-linux");
}

/// A bot that hears a refusal of the system when it writes too much, and is not killed for it.
fn limitable(state: &Path) -> Bot {
    let mut command = Command::new("sh");
    command.args(["-c", r#"trap "" XFSZ; exec "$@""#, "sh", env!("CARGO_BIN_EXE_tradingbot"), "paper", "--state"]);
    Bot::spawn(command.arg(state), &state.join("control.sock"))
}

#[test]
fn a_halt_that_is_not_on_disk_says_so_until_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut bot = limitable(&state);
    bot.until("filled");
    limit(&bot, "0");
    for round in 0..3 {
        let (code, problem) = bot.ask("POST", "/v1/halt", r#"{"reason":"drill"}"#);
        assert_eq!(code, 409, "{round}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("in force, but cannot be written down"), "{problem}");
    }
    let (_, status) = bot.ask("GET", "/v1/status", "");
    assert_eq!((&status["trading"], &status["halt"]["written"]), (&Value::from(false), &Value::from(false)));
    let (code, problem) = bot.ask("POST", "/v1/resume", r#"{"reason":"now"}"#);
    assert_eq!(code, 409, "{problem}");
    let shown = program().args(["status", "--socket"]).arg(&bot.socket).output().unwrap();
    assert!(String::from_utf8_lossy(&shown.stdout).contains("not written down"), "{shown:?}");
    let halt = program().args(["halt", "--reason", "again", "--socket"]).arg(&bot.socket).output().unwrap();
    assert_eq!(halt.status.code(), Some(77), "{halt:?}");

    limit(&bot, "unlimited");
    let (code, body) = bot.ask("POST", "/v1/halt", r#"{"reason":"drill"}"#);
    assert_eq!((code, &body["verdict"]), (200, &Value::from("already")), "the first try after the disk took it");
    assert_eq!(bot.ask("GET", "/v1/status", "").1["halt"]["written"], Value::from(true));
}

#[test]
fn the_first_resume_after_the_disk_takes_entries_again_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut bot = limitable(&state);
    bot.until("filled");
    limit(&bot, "0");
    bot.until("halted");
    limit(&bot, "unlimited");
    let (code, problem) = bot.ask("POST", "/v1/resume", r#"{"reason":"there is room"}"#);
    assert_eq!(code, 200, "{problem}");
    bot.until("filled");
}

#[test]
fn a_halt_that_no_disk_took_halts_the_next_life_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut bot = limitable(&state);
    bot.until("filled");
    limit(&bot, "0");
    let said = bot.until("the halt could not be written down either");
    assert!(said.contains("the next start is halted too"), "{said}");
    bot.signal(Signal::KILL);
    drop(bot);
    let mut bot = Bot::start(&state, &[]);
    bot.until("ready");
    let (_, status) = bot.ask("GET", "/v1/status", "");
    assert_eq!((&status["trading"], &status["halt"]["written"]), (&Value::from(false), &Value::from(true)));
    assert!(!state.join("halt").exists(), "it is in the ledger now");
    assert_eq!(bot.ask("POST", "/v1/resume", r#"{"reason":"the disk is new"}"#).0, 200);
    bot.signal(Signal::TERM);
    assert_eq!(bot.end().1, Some(0));
    let mut bot = Bot::start(&state, &[]);
    bot.until("ready");
    assert_eq!(bot.ask("GET", "/v1/status", "").1["trading"], Value::from(true), "and is remembered nowhere else");
}

/// A service that the manager starts again by itself is handed what the one before left with it.
#[test]
fn the_service_manager_remembers_a_halt_that_no_disk_took() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let manager = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", r#"trap "" XFSZ; exec "$@""#, "sh", env!("CARGO_BIN_EXE_tradingbot"), "paper", "--state"]);
    command.arg(&state).env("NOTIFY_SOCKET", folder.path().join("notify")).env("XDG_RUNTIME_DIR", folder.path());
    let mut bot = Bot::spawn(&mut command, &state.join("control.sock"));
    bot.until("filled");
    limit(&bot, "0");
    bot.until("the halt could not be written down either");
    let kept = std::iter::repeat_with(|| receive(&manager))
        .find_map(|(text, kept)| text.contains("FDSTORE=1\nFDNAME=halt\nFDPOLL=0").then_some(kept))
        .unwrap()
        .unwrap();
    bot.signal(Signal::KILL);
    drop(bot);
    // As if no file system had taken anything.
    fs::remove_file(state.join("halt")).unwrap();
    let runtime = folder.path().join("runtime");
    fs::create_dir(&runtime).unwrap();

    let arguments = ["paper".as_ref(), "--state".as_ref(), state.as_os_str()];
    let mut command = handed::command(&[&kept], "halt", &arguments);
    command.env("NOTIFY_SOCKET", folder.path().join("notify")).env("XDG_RUNTIME_DIR", &runtime);
    let mut bot = Bot::with_listeners(&mut command, &state.join("control.sock"));
    bot.until("ready");
    let (_, status) = bot.ask("GET", "/v1/status", "");
    assert_eq!(status["trading"], Value::from(false));
    assert!(status["halt"]["reason"].as_str().unwrap().contains("the ledger cannot be written"), "{status}");
    assert!(std::iter::repeat_with(|| receive(&manager)).any(|(text, _)| text == "FDSTOREREMOVE=1\nFDNAME=halt\n"));
}

/// One message to the service manager, and the descriptor in it.
fn receive(manager: &UnixDatagram) -> (String, Option<OwnedFd>) {
    let mut text = [0; 1_024];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let got = recvmsg(manager, &mut [IoSliceMut::new(&mut text)], &mut control, RecvFlags::empty()).unwrap();
    let mut descriptor = None;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
            descriptor = descriptors.next();
        }
    }
    (String::from_utf8_lossy(&text[..got.bytes]).into_owned(), descriptor)
}

#[test]
fn a_replay_looks_at_the_recording_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/recordings/crossed.jsonl");
    let run = program().args(["paper", "--recording"]).arg(&recorded).arg("--state").arg(&state).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let replay = |recording: &Path| {
        let output =
            program().args(["replay", "--state"]).arg(&state).arg("--recording").arg(recording).output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
        )
    };
    let (code, text) = replay(&recorded);
    assert!(code == Some(0) && text.contains("every command the same"), "{text}");
    let lines = fs::read_to_string(&recorded).unwrap();
    let other = folder.path().join("other.jsonl");
    let kept: Vec<&str> = lines.lines().collect();
    fs::write(&other, kept[..kept.len() / 2].join("\n") + "\n").unwrap();
    let (code, text) = replay(&other);
    assert!(code == Some(10) && text.contains("is not the next one in the recording"), "{text}");
}
