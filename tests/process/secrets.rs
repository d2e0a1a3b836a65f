//! Secrets that were read are nowhere else: not in the environment, the arguments, a core dump or another's sight.

use std::fs;
use std::path::Path;

use crate::probe;

#[test]
fn secrets_are_taken_out_of_the_environment_that_the_kernel_shows() {
    let value = "hunter".repeat(8);
    let mut command = probe::command("secrets");
    command.env("BINANCE_SECRET", &value).env("API_TOKEN", format!("{value}2")).env("OTHER", "kept");
    let text = probe::run(&mut command);
    assert!(!text.contains(&value), "{text}");
    for line in [
        "BINANCE_SECRET from the environment: 48 bytes",
        "API_TOKEN from the environment: 49 bytes",
        "environ OTHER=kept",
        "cmdline secrets",
        "comm probe",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("environ API_TOKEN") && !text.contains("environ BINANCE"), "{text}");
}

#[test]
fn a_process_without_secrets_in_its_environment_goes_straight_on() {
    let text = probe::run(&mut probe::command("secrets"));
    assert!(!text.contains("TRADINGBOT_SECRETS_PIPE"), "{text}");
}

#[test]
fn a_sealed_process_dumps_no_core() {
    let text = probe::run(probe::command("secrets").env("API_TOKEN", "hunter2").env("PROBE_SEAL", "first"));
    assert!(text.starts_with("API_TOKEN from the environment: 7 bytes"), "{text}");
    let limit = text.lines().find(|line| line.starts_with("limits Max core file size")).unwrap();
    assert_eq!(limit.split_whitespace().skip(5).take(2).collect::<Vec<_>>(), ["0", "0"]);
    assert!(text.contains("dumpable NotDumpable"), "{text}");
}

#[test]
fn a_variable_that_is_set_but_empty_is_refused() {
    let text = probe::run(probe::command("secrets").env("API_TOKEN", ""));
    assert_eq!(text.trim(), "refused: the environment variable API_TOKEN is empty; correct it, or unset it");
}

#[test]
fn a_pipe_meant_for_another_process_is_left_alone() {
    let text = probe::run(probe::command("secrets").env("TRADINGBOT_SECRETS_PIPE", "0:1"));
    assert!(!text.contains("refused") && !text.contains("from the environment"), "{text}");
}

#[test]
fn credentials_of_the_service_manager_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "binance-secret", "hunter2\n");
    put(folder.path(), "ledger-key", "not one of ours");
    let text = probe::run(probe::command("secrets").env("CREDENTIALS_DIRECTORY", folder.path()));
    let path = folder.path().join("binance-secret");
    let line = format!("BINANCE_SECRET from the credential {}: 7 bytes", path.display());
    assert_eq!(text.lines().next(), Some(line.as_str()));
}

#[test]
fn an_empty_credential_is_fatal() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "API_TOKEN", "");
    let text = probe::run(probe::command("secrets").env("CREDENTIALS_DIRECTORY", folder.path()));
    let path = folder.path().join("API_TOKEN");
    assert_eq!(
        text.lines().next(),
        Some(format!("refused: API_TOKEN in {} is refused: it is empty", path.display()).as_str())
    );
}

#[test]
fn credentials_that_are_named_but_not_there_are_fatal() {
    let text = probe::run(probe::command("secrets").env("CREDENTIALS_DIRECTORY", "/nowhere"));
    assert!(text.starts_with("refused: the folder of secrets /nowhere cannot be read"), "{text}");
}

#[test]
fn the_same_secret_in_any_two_places_is_refused_with_both_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(folder.path()).unwrap();
    for name in ["credentials", "files"] {
        fs::create_dir(root.join(name)).unwrap();
        put(&root.join(name), "api-token", "hunter2");
    }
    put(&root, ".env", "# mine\nAPI_TOKEN=hunter2\n");
    let places = [
        (
            "CREDENTIALS_DIRECTORY",
            root.join("credentials"),
            format!("the credential {}/credentials/api-token", root.display()),
        ),
        ("PROBE_FOLDER", root.join("files"), format!("the file {}/files/api-token", root.display())),
        ("API_TOKEN", "hunter2".into(), "the environment".to_owned()),
        ("PROBE_ENV_FILE", root.join(".env"), format!("line 2 of {}/.env", root.display())),
    ];
    for (at, (variable, value, first)) in places.iter().enumerate() {
        for (other_variable, other_value, second) in &places[at + 1..] {
            let mut command = probe::command("secrets");
            let text = probe::run(command.env(variable, value).env(other_variable, other_value));
            let expected =
                format!("refused: API_TOKEN is in two places, {first} and {second}; take it out of one of them");
            assert_eq!(text.lines().next(), Some(expected.as_str()));
            assert!(!text.lines().next().unwrap().contains("hunter2"));
        }
    }
}

#[test]
fn an_env_file_that_git_tracks_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(folder.path()).unwrap();
    put(&root, ".env", "API_TOKEN=hunter2\n");
    let run = || probe::run(probe::command("secrets").env("PROBE_ENV_FILE", root.join(".env")));
    fs::create_dir(root.join(".git")).unwrap();
    fs::write(root.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    assert!(run().starts_with("API_TOKEN from line 1 of "), "{}", run());
    // One entry: times and sizes, a hash, the length of the name, the name; then the hash of the whole.
    let index = [b"DIRC\0\0\0\x02\0\0\0\x01", &[0; 60][..], b"\0\x04.env\0\0\0\0\0\0", &[0; 20]].concat();
    fs::write(root.join(".git/index"), index).unwrap();
    let text = run();
    let expected =
        format!("refused: {0}/.env is refused: git tracks it in {0}; run `git rm --cached` on it", root.display());
    assert!(text.starts_with(&expected) && !text.contains("hunter2"), "{text}");
    fs::write(root.join(".git/index"), "garbage").unwrap();
    assert!(run().contains("whether git tracks it cannot be told, so it is not trusted"), "{}", run());
}

fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    rustix::fs::chmod(&path, rustix::fs::Mode::RUSR).unwrap();
}
