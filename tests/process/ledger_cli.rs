//! `tradingbot ledger`: what an operator and a script see.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rusqlite::Connection;
use tradingbot::ledger::{Head, Ledger};

use crate::entries::{at, entry};

fn filled(count: u64) -> (tempfile::TempDir, PathBuf, Head) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let mut ledger = Ledger::open(&path).unwrap();
    let entries: Vec<_> = (0..count).map(entry).collect();
    let _durable = ledger.commit(at(0), &entries).unwrap();
    let head = ledger.head();
    (folder, path, head)
}

fn run(path: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
    command.arg("ledger").args(arguments).env("STATE_DIRECTORY", path.parent().unwrap()).output().unwrap()
}

fn succeed(path: &Path, arguments: &[&str]) -> String {
    let output = run(path, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn fail(path: &Path, arguments: &[&str], code: i32) -> (String, String) {
    let output = run(path, arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{error}");
    (String::from_utf8(output.stdout).unwrap(), error)
}

fn tamper(path: &Path) {
    let sql = "DROP TRIGGER entry_is_fixed; UPDATE entry SET at = 1 WHERE seq = 4";
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn verify_gives_the_head_and_takes_it_back() {
    let (_folder, path, head) = filled(40);
    let text = succeed(&path, &["verify"]);
    assert!(text.starts_with(&format!("{}: in order, 40 entries\nhead {head}\n", path.display())), "{text}");
    succeed(&path, &["verify", "--head", &head.to_string()]);
    let json: serde_json::Value = serde_json::from_str(&succeed(&path, &["verify", "--json"])).unwrap();
    assert_eq!(json["valid"], true);
    assert_eq!(json["entries"], 40);
    assert_eq!(json["head"]["hash"], head.hash.to_string());
}

#[test]
fn a_ledger_may_be_named_by_its_path_alone() {
    let (_folder, path, head) = filled(40);
    let (elsewhere, named) = (Path::new("/nonexistent/ledger.sqlite"), path.to_str().unwrap());
    assert!(succeed(elsewhere, &["verify", named]).contains(&head.to_string()));
    assert!(succeed(elsewhere, &["verify", named, "--ledger", named]).contains(&head.to_string()), "named twice alike");
    assert_eq!(succeed(elsewhere, &["show", named, "--limit", "3"]).lines().count(), 3);
    assert!(succeed(elsewhere, &["export", named, "--format", "csv"]).starts_with("seq,"));
    let (_, error) = fail(elsewhere, &["verify", named, "--ledger", "other"], 2);
    assert!(error.contains(&format!("two ledgers are named, {named} and other; name one")), "{error}");
}

#[test]
fn what_is_no_database_is_said_to_be_none_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    fs::write(&path, "garbage").unwrap();
    for act in ["verify", "show"] {
        let (_, error) = fail(&path, &[act], 74);
        assert_eq!(error.matches("file is not a database").count(), 1, "{error}");
    }
}

#[test]
fn verify_names_the_entry_that_was_changed() {
    let (_folder, path, _) = filled(40);
    tamper(&path);
    let (_, error) = fail(&path, &["verify"], 74);
    assert_eq!(error, "error: entry 4 was changed after it was written; entries 1 to 3 can be trusted\n");
    let (out, _) = fail(&path, &["verify", "--json"], 74);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["valid"], &json["seq"], &json["trusted"]["seq"]), (&false.into(), &4.into(), &3.into()));
}

#[test]
fn no_bot_starts_on_a_ledger_that_was_changed() {
    let (folder, path, _) = filled(40);
    let trigger = "SELECT sql FROM sqlite_schema WHERE name = 'entry_is_fixed'";
    let trigger: String = Connection::open(&path).unwrap().query_row(trigger, [], |row| row.get(0)).unwrap();
    tamper(&path);
    Connection::open(&path).unwrap().execute_batch(&trigger).unwrap();
    let before = fs::read(&path).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradingbot"));
    let output = command.args(["paper", "--for", "1s", "--state"]).arg(folder.path()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(74), "{error}");
    let said =
        format!("error: entry 4 of {} was changed after it was written; see `tradingbot ledger verify", path.display());
    assert!(error.contains(&said), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn verify_refuses_what_is_no_head_and_no_ledger() {
    let (folder, path, head) = filled(3);
    let (_, error) = fail(&path, &["verify", "--head", "3:abc"], 2);
    assert!(error.contains("write the entry's number, a colon and the 64 hexadecimal digits"), "{error}");
    let other = head.to_string().replace("3:", "9:");
    let (_, error) = fail(&path, &["verify", "--head", &other], 74);
    assert!(error.contains("ends with entry 3, but entry 9 was kept elsewhere"), "{error}");
    let none = folder.path().join("none");
    let (_, error) = fail(&path, &["verify", "--ledger", none.to_str().unwrap()], 74);
    assert!(error.contains(&format!("cannot open {}; name a ledger with --ledger", none.display())), "{error}");
    assert!(!none.exists());
}

#[test]
fn show_prints_the_last_entries_or_those_after_one() {
    let (_folder, path, _) = filled(40);
    let text = succeed(&path, &["show"]);
    assert_eq!(text.lines().count(), 20);
    assert!(text.lines().last().unwrap().trim_start().starts_with("40 "), "{text}");
    let text = succeed(&path, &["show", "--after", "0", "--limit", "6"]);
    let fill = text.lines().last().unwrap();
    assert!(
        fill.ends_with(
            "buy 0.00157851 BTCUSDT at 64250.1, fee 0.0000000000000001 USDT; tb-00000001-0000000000000000-00 trade 1000"
        ),
        "{fill}"
    );
    assert!(!succeed(&path, &["show", "--limit", "40"]).contains('\u{1}'));
    let json = succeed(&path, &["show", "--json", "--after", "30", "--limit", "3", "--kind", "accepted"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["entries"][0]["seq"], &json["next"]), (&39.into(), &serde_json::Value::Null));
    let json: serde_json::Value =
        serde_json::from_str(&succeed(&path, &["show", "--json", "--after", "0", "--limit", "3"])).unwrap();
    assert_eq!((&json["next"], &json["entries"][2]["entry"]["kind"]), (&3.into(), &"deposited".into()));
    let (_, error) = fail(&path, &["show", "--kind", "fill"], 2);
    assert!(error.contains("filled"), "{error}");
}

#[test]
fn export_makes_a_private_file_and_replaces_none() {
    let (folder, path, _) = filled(40);
    let to = folder.path().join("fills.csv");
    let arguments = ["export", "--format", "csv", "--out", to.to_str().unwrap()];
    assert_eq!(succeed(&path, &arguments), format!("{}: 3 lines\n", to.display()));
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    let written = fs::read_to_string(&to).unwrap();
    assert_eq!(written, succeed(&path, &["export", "--format", "csv"]));
    let (_, error) = fail(&path, &arguments, 1);
    assert!(error.contains("is there already; name another file, or add --force to replace it"), "{error}");
    fs::write(&to, "old").unwrap();
    let json = succeed(&path, &[arguments.as_slice(), &["--force", "--json"]].concat());
    assert_eq!(json, format!("{{\"format\":\"csv\",\"lines\":3,\"out\":\"{}\"}}\n", to.display()));
    assert_eq!(fs::read_to_string(&to).unwrap(), written);
}

#[test]
fn export_covers_the_period_asked_for() {
    let (_folder, path, _) = filled(40);
    let lines = |from: &str, to: &str| {
        succeed(&path, &["export", "--format", "tax", "--from", from, "--to", to]).lines().count()
    };
    assert_eq!(lines("2023-11-14", "2023-11-15"), 7);
    assert_eq!(lines("2023-11-15", "2024-01-01"), 1);
    let (_, error) = fail(&path, &["export", "--format", "tax", "--from", "yesterday"], 2);
    assert!(error.contains("is not a UTC time"), "{error}");
}

#[test]
fn a_running_bot_is_not_disturbed_by_looking() {
    let (_folder, path, head) = filled(40);
    let mut ledger = Ledger::open(&path).unwrap();
    let durable = ledger.commit(at(40), &[entry(40)]).unwrap();
    assert!(succeed(&path, &["verify", "--head", &head.to_string()]).contains("41 entries"));
    assert!(succeed(&path, &["show", "--limit", "1"]).trim_start().starts_with("41 "));
    let next = ledger.commit(at(41), &[entry(41)]).unwrap();
    assert_eq!(next.head().seq, durable.head().seq + 1);
}

#[test]
fn whoever_stops_reading_ends_the_export_without_a_complaint() {
    let (_folder, path, _) = filled(17_000);
    let script = r#""$1" ledger export --format jsonl --ledger "$2" | head -n 1; echo "${PIPESTATUS[0]}""#;
    let output = Command::new("bash")
        .args(["-c", script, "bash", env!("CARGO_BIN_EXE_tradingbot")])
        .arg(&path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.ends_with("\n0\n") || text.ends_with("\n141\n"), "{text}");
    assert!(output.stderr.is_empty(), "{:?}", output.stderr);
}
