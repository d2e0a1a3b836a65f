//! What an operator of one more bot types and reads, and what `doctor` finds where something is missing.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tradingbot::clock::Mark;
use tradingbot::domain::Span;

use crate::handed;

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
    command.args(arguments).env_remove("TRADINGBOT_ADDRESS").env_remove("STATE_DIRECTORY").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn fails(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(!output.status.success(), "{arguments:?}: {}", text(&output.stdout));
    text(&output.stderr)
}

#[test]
fn a_bot_that_is_named_is_looked_for_in_its_own_places() {
    let own = "nobody-has-this";
    for command in [&["status"][..], &["orders"], &["positions"], &["trades"], &["halt", "--reason", "x"]] {
        let said = fails(&[command, &["--bot", own]].concat());
        assert!(said.contains(&format!("unix:/run/tradingbot/{own}/control.sock")), "{said}");
        assert!(said.contains(&format!("systemctl start tradingbot-control@{own}.socket")), "{said}");
    }
    for command in [&["resume", "--reason", "x"][..], &["close", "BTCUSDT"]] {
        let said = fails(&[command, &["--bot", own]].concat());
        assert!(said.contains(&format!("/run/tradingbot/{own}/control.sock")), "{said}");
    }
    for command in [&["ledger", "verify"][..], &["ledger", "show"], &["ledger", "export", "--format", "csv"]] {
        let said = fails(&[command, &["--bot", own]].concat());
        assert!(said.contains(&format!("/var/lib/tradingbot@{own}/ledger.sqlite")), "{said}");
    }
    let said = fails(&["check-config", "--bot", own]);
    assert!(said.contains(&format!("/etc/tradingbot/{own}.toml")), "{said}");
    let said = fails(&["replay", "--bot", own]);
    assert!(said.contains(&format!("/etc/tradingbot/{own}.toml")), "{said}");
    let said = fails(&["run", "--bot", own]);
    assert!(said.contains(&format!("/etc/tradingbot/{own}.toml")), "{said}");
    let report = text(&run(&["doctor", "--bot", own]).stdout);
    assert!(report.contains(&format!("/etc/tradingbot/{own}.toml")), "{report}");
}

#[test]
fn a_name_that_leads_elsewhere_and_two_answers_to_one_question_are_refused() {
    for name in ["../x", "a/b", "", "two.service", "tradingbot"] {
        let output = run(&["status", &format!("--bot={name}")]);
        assert_eq!(output.status.code(), Some(2), "{name}");
    }
    for pair in [
        &["status", "--bot", "two", "--socket", "/x"][..],
        &["status", "--bot", "two", "--address", "http://127.0.0.1:8080"],
        &["token", "list", "--bot", "two", "--state", "/x"],
        &["ledger", "verify", "--bot", "two", "--ledger", "/x"],
        &["replay", "--bot", "two", "--state", "/x"],
        &["replay", "--bot", "two", "--config", "/x"],
    ] {
        let said = fails(pair);
        assert!(said.contains("'--bot <NAME>'") && said.contains("cannot be used with"), "{pair:?}: {said}");
    }
    let said = fails(&["ledger", "verify", "/x", "--bot", "two"]);
    assert!(said.contains("'--bot <NAME>' cannot be used with a ledger's file, /x"), "{said}");
}

#[test]
fn a_copied_configuration_is_right_for_one_more_bot_and_the_first_ones_places_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two.toml");
    let shipped = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/tradingbot.toml")).unwrap();
    fs::write(&file, &shipped).unwrap();
    let file = file.to_str().unwrap();
    let summary = text(&run(&["check-config", "--bot", "two", file]).stdout);
    assert!(summary.contains("  state     /var/lib/tradingbot@two\n"), "{summary}");
    assert!(summary.contains("  api       unix:/run/tradingbot/two/api.sock; "), "{summary}");
    let first = text(&run(&["check-config", file]).stdout);
    assert!(
        first.contains("  state     /var/lib/tradingbot\n") && first.contains("  api       127.0.0.1:8080; "),
        "{first}"
    );
    let borrowed = shipped.replace("mode =", "state = \"/var/lib/tradingbot\"\nmode =");
    fs::write(file, borrowed.replace("[api]\n", "[api]\nlisten = \"127.0.0.1:8080\"\n")).unwrap();
    let said = fails(&["check-config", "--bot", "two", file]);
    assert!(said.contains("state: \"/var/lib/tradingbot\" is the first bot's on this host"), "{said}");
    assert!(said.contains("api.listen: \"127.0.0.1:8080\" is the first bot's on this host"), "{said}");
}

#[test]
fn a_bot_that_only_its_control_socket_started_says_that_its_api_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let (state, socket) = (folder.path().join("tradingbot@two"), folder.path().join("control"));
    let config = folder.path().join("two.toml");
    let least =
        "mode = \"paper\"\nstart = \"halted\"\nstate = \"/var/lib/tradingbot\"\nmarket = { source = \"practice\" }\n";
    fs::write(&config, least).unwrap();
    let control: OwnedFd = UnixListener::bind(&socket).unwrap().into();
    let log = folder.path().join("log");
    let arguments = ["run".as_ref(), "--config".as_ref(), config.as_os_str()];
    let mut child = handed::command(&[&control], "control", &arguments)
        .env("STATE_DIRECTORY", &state)
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let socket = socket.to_str().unwrap().to_owned();
    let begun = Mark::now();
    let page = loop {
        let output = run(&["status", "--socket", &socket]);
        if output.status.success() || begun.elapsed() > Span::from_secs(30) {
            break text(&output.stdout);
        }
    };
    let json: Value = serde_json::from_slice(&run(&["status", "--socket", &socket, "--json"]).stdout).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let log = fs::read_to_string(&log).unwrap();
    let fault = "tradingbot@two.socket handed nothing over, because it is not started or its address is taken; see \
                 `systemctl status tradingbot@two.socket`, free the address, then: systemctl restart tradingbot@two.service";
    assert!(page.contains(&format!("API           CLOSED: {fault}\n")), "{page}");
    assert_eq!((&json["api"]["listening"], &json["api"]["fault"]), (&Value::Array(vec![]), &Value::from(fault)));
    assert!(log.contains(&format!("the API is closed: {fault}")), "{log}");
    assert!(
        log.contains("these keys name the first bot's places; this bot has its own all the same keys=state"),
        "{log}"
    );
    assert!(log.contains("tradingbot token new --bot two --name NAME"), "{log}");
}

#[test]
fn doctor_alone_looks_at_the_whole_bot_and_says_what_is_not_known() {
    let output = run(&["doctor", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let looked: Vec<&str> =
        report["layers"].as_array().unwrap().iter().map(|one| one["layer"].as_str().unwrap()).collect();
    for layer in
        ["configuration", "state", "tokens", "service", "API", "control", "clock", "disk", "open files", "landlock"]
    {
        assert!(looked.contains(&layer), "{layer} is not in {looked:?}");
    }
    for finding in report["layers"].as_array().unwrap() {
        let fine = ["in-order", "in-force"].contains(&finding["state"].as_str().unwrap());
        assert!(fine || finding["details"][0].as_str().is_some_and(|text| !text.is_empty()), "{finding}");
    }
    let page = run(&["doctor"]);
    assert!(text(&page.stdout).contains("what to do: "), "{}", text(&page.stdout));
}

/// What `doctor` says of landlock when a call of it fails with this error, as under a filter of system calls.
fn landlock_under(call: &str, error: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("strace");
    command.args(["-f", "-o"]).arg(folder.path().join("trace"));
    command.args(["-e", &format!("inject={call}:error={error}"), env!("CARGO_BIN_EXE_tradingbot"), "doctor"]);
    let output = command
        .args(["--sandbox", "--json"])
        .output()
        .unwrap_or_else(|error| panic!("this test needs `strace`: {error}"));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["layers"].as_array().unwrap().iter().find(|one| one["layer"] == "landlock").unwrap().clone()
}

#[test]
fn a_filter_that_refuses_landlock_is_told_from_a_kernel_without_it() {
    let plain: Value = serde_json::from_slice(&run(&["doctor", "--sandbox", "--json"]).stdout).unwrap();
    let layers = plain["layers"].as_array().unwrap();
    let plain = layers.iter().find(|one| one["layer"] == "landlock").unwrap().to_string();
    for error in ["EPERM", "ENOSYS"] {
        let found = landlock_under("landlock_restrict_self", error);
        assert_eq!(found["state"], "missing", "{found}");
        let said = found["details"][0].as_str().unwrap();
        // Where the kernel has none, the call is never made.
        if plain.contains("(landlock ") {
            assert!(said.contains("a filter of system calls refuses landlock, which the kernel has"), "{said}");
        }
    }
    let said = landlock_under("landlock_create_ruleset", "ENOSYS").to_string();
    assert!(
        said.contains("the kernel has no landlock") || said.contains("hides landlock, or the kernel has none"),
        "{said}"
    );
}

/// What `tests/run` says where `cargo` is this script, or is not there.
fn tests_run_with(cargo: Option<&str>) -> String {
    let folder = tempfile::tempdir().unwrap();
    for tool in ["bash", "cut", "dirname", "env", "sed", "sort"] {
        let found = ["/usr/bin", "/bin"].iter().map(|folder| Path::new(folder).join(tool)).find(|path| path.exists());
        std::os::unix::fs::symlink(found.unwrap(), folder.path().join(tool)).unwrap();
    }
    if let Some(script) = cargo {
        let path = folder.path().join("cargo");
        fs::write(&path, format!("#!/usr/bin/env bash\n{script}\n")).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run");
    let output = Command::new("/bin/bash").arg(tests).env_clear().env("PATH", folder.path()).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""));
    text(&output.stderr)
}

#[test]
fn without_cargo_or_with_an_old_one_the_tests_say_what_to_install() {
    let said = tests_run_with(None);
    assert!(said.starts_with("tests/run: cargo is missing; install Rust 1.95 or newer: curl "), "{said}");
    let said = tests_run_with(Some("echo 'cargo 1.63.0 (fd9c4297c 2022-07-01)'"));
    assert!(said.contains("is of Rust 1.63.0, and 1.95 or newer is needed: curl "), "{said}");
    assert!(said.contains("https://sh.rustup.rs"), "{said}");
}
