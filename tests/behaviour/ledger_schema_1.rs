//! A ledger that the first version made: two runs, the first killed with an order in flight and a position open.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use tradingbot::config;
use tradingbot::daemon::{ReplayError, replay};
use tradingbot::domain::{Entry, OrderSeries, RunId};
use tradingbot::ledger::journal::ReadJournalError;
use tradingbot::ledger::{
    EntryFault, Format, Ledger, Migration, OpenLedgerError, Period, Query, ReadError, Reader, VerifyError, export,
    verify,
};

use crate::entries::{fill, order};
use crate::ledger_tamper::tamper;
use crate::schema_1::{HEAD, close, grow, head, state};

#[test]
fn it_verifies_with_the_head_that_was_kept() {
    let (_folder, path) = state();
    assert_eq!(verify(&path, Some(head())).unwrap().head, head());
}

#[test]
fn its_last_run_is_replayed_or_refused_for_its_form() {
    let (folder, _) = state();
    let mut config = config::load(&folder.path().join("bot.toml")).unwrap();
    config.state = folder.path().to_owned();
    match replay(&config, None) {
        Ok(replayed) => assert_eq!((replayed.run, replayed.events, replayed.torn), (RunId(2), 3_354, false)),
        Err(ReplayError::Journal(ReadJournalError::Form { .. })) => {}
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn orders_of_runs_without_a_tag_are_found_by_their_ids() {
    let (_folder, path) = state();
    let mut reader = Reader::open(&path).unwrap();
    let entries = reader.entries(None, &Query::first(100)).unwrap();
    let started = |entry: &Entry| if let Entry::Started { run, tag, .. } = entry { Some((*run, *tag)) } else { None };
    let tags: Vec<_> = entries.rows.iter().filter_map(|row| started(&row.value)).collect();
    assert_eq!(tags, [(RunId(1), None), (RunId(2), None)]);
    let fills = reader.fills(&Query::first(100)).unwrap();
    assert_eq!(fills.rows.len(), 5);
    for row in fills.rows {
        assert!(row.value.strategy.is_some(), "entry {} has an owner", row.seq);
        assert!(matches!(row.value.fill.order.series(), OrderSeries::Run(RunId(1 | 2))), "{:?}", row.value.fill.order);
    }
}

#[test]
fn it_is_migrated_after_a_copy_and_keeps_its_entries_and_their_hashes() {
    let (folder, path) = state();
    let before = Reader::open(&path).unwrap().proof(1, 100).unwrap();
    let mut ledger = Ledger::open(&path).unwrap();
    let migration = ledger.migration().unwrap().clone();
    let copy = folder.path().join("ledger.sqlite.schema-1-26-5ac05649");
    assert_eq!(migration, Migration { from: 1, to: 2, before: head(), copy: copy.clone() });
    assert_eq!(ledger.head().seq, 27);
    let durable = ledger.commit(ledger.last_at().unwrap().unwrap(), &[Entry::Stopped { run: RunId(2) }]).unwrap();
    drop(ledger);

    assert_eq!(verify(&copy, Some(head())).unwrap().head, head(), "the copy is whole");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(verify(&path, Some(head())).unwrap().head, durable.head(), "the head that was kept is good for both");
    let after = Reader::open(&path).unwrap().proof(1, 100).unwrap();
    assert_eq!(after[..26], before);
    assert_eq!((after[26].kind.as_str(), after[26].at_nanos), ("migrated", before[25].at_nanos));
    assert_eq!(after[26].body, r#"{"kind":"migrated","from":1,"to":2}"#);
    assert!(after[26..].iter().all(|link| link.salt.is_some()) && after[..26].iter().all(|link| link.salt.is_none()));
    let names: BTreeSet<_> = fs::read_dir(folder.path()).unwrap().map(|found| found.unwrap().file_name()).collect();
    let ours = ["ledger.sqlite", "ledger.sqlite.lock", "ledger.sqlite.reserve", "ledger.sqlite.schema-1-26-5ac05649"];
    assert_eq!(
        names,
        ours.into_iter().chain(["bot.toml", "inputs-00000002-000.jsonl.zst"]).map(OsString::from).collect()
    );

    let again = Ledger::open(&path).unwrap();
    assert_eq!((again.migration(), again.head()), (None, durable.head()), "once is enough");
}

#[test]
fn what_only_its_write_ahead_file_holds_is_in_the_copy_too() {
    let (folder, path) = state();
    let crashed = folder.path().join("crashed.sqlite");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0").unwrap();
    let grown = grow(&connection, 3);
    for suffix in ["", "-wal"] {
        let to = format!("{}{suffix}", crashed.display());
        fs::copy(format!("{}{suffix}", path.display()), &to).unwrap();
        close(Path::new(&to), 0o600);
    }
    assert_eq!(grown.seq, 29);
    let ledger = Ledger::open(&crashed).unwrap();
    let migration = ledger.migration().unwrap();
    assert_eq!((migration.before, ledger.head().seq), (grown, 30));
    assert_eq!(verify(&migration.copy, Some(grown)).unwrap().head, grown);
}

#[test]
fn it_finds_old_and_new_orders_once_it_is_migrated() {
    let (_folder, path) = state();
    let mut ledger = Ledger::open(&path).unwrap();
    let later = [Entry::Intended { order: order(1) }, Entry::Filled { fill: fill(1) }];
    let _durable = ledger.commit(ledger.last_at().unwrap().unwrap(), &later).unwrap();
    let fills = Reader::open(&path).unwrap().fills(&Query::first(100)).unwrap();
    assert_eq!(fills.rows.len(), 6);
    assert!(fills.rows.iter().all(|row| row.value.strategy.is_some()), "{fills:?}");
}

#[test]
fn it_is_left_as_it_is_when_an_entry_does_not_hold() {
    let (folder, path) = state();
    tamper(&path, "UPDATE entry SET body = replace(body, '10000', '99999') WHERE seq = 2");
    let before = fs::read(&path).unwrap();
    let error = Ledger::open(&path).unwrap_err();
    assert!(
        matches!(&error, OpenLedgerError::Inspect(ReadError::Chain { seq: 2, fault: EntryFault::Changed, .. })),
        "{error}"
    );
    assert!(fs::read(&path).unwrap() == before);
    assert!(
        fs::read_dir(folder.path())
            .unwrap()
            .all(|found| { !found.unwrap().file_name().to_string_lossy().contains("schema-1") })
    );
}

#[test]
fn an_entry_filed_under_another_kind_is_found_in_the_part_that_was_not_salted() {
    let (_folder, path) = state();
    drop(Ledger::open(&path).unwrap());
    tamper(&path, "UPDATE entry SET kind = 'deposited' WHERE seq = 6");
    let error = verify(&path, Some(head())).unwrap_err();
    assert!(matches!(error, VerifyError::Entry { seq: 6, fault: EntryFault::Misfiled, .. }), "{error}");
}

#[test]
fn no_entry_falls_back_to_the_form_of_schema_1() {
    let (_folder, path) = state();
    let mut ledger = Ledger::open(&path).unwrap();
    let head = ledger.commit(ledger.last_at().unwrap().unwrap(), &[Entry::Stopped { run: RunId(2) }]).unwrap().head();
    drop(ledger);
    let connection = Connection::open(&path).unwrap();
    assert_eq!(grow(&connection, 1).seq, head.seq + 1);
    drop(connection);
    let error = verify(&path, Some(head)).unwrap_err();
    let misplaced =
        matches!(&error, VerifyError::Entry { seq: 29, fault: EntryFault::Misplaced, trusted } if *trusted == head);
    assert!(misplaced, "{error}");
    // Nor does the new form begin without an entry that says so.
    let (_folder, path) = state();
    drop(Ledger::open(&path).unwrap());
    tamper(&path, "DELETE FROM entry WHERE seq > 26");
    let copy = path.with_file_name("unsaid.sqlite");
    fs::copy(&path, &copy).unwrap();
    close(&copy, 0o600);
    let mut ledger = Ledger::open(&copy).unwrap();
    let _durable = ledger.commit(ledger.last_at().unwrap().unwrap(), &[Entry::Stopped { run: RunId(2) }]).unwrap();
    drop(ledger);
    let error = verify(&copy, None).unwrap_err();
    assert!(matches!(error, VerifyError::Entry { seq: 27, fault: EntryFault::Misplaced, .. }), "{error}");
}

#[test]
fn an_export_of_it_is_the_same_before_and_after() {
    let (_folder, path) = state();
    let exported = |format: Format| {
        let mut out = Vec::new();
        export(&mut Reader::open(&path).unwrap(), format, Period::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let before = [Format::Csv, Format::Tax, Format::Jsonl].map(exported);
    drop(Ledger::open(&path).unwrap());
    let after = [Format::Csv, Format::Tax, Format::Jsonl].map(exported);
    assert_eq!(after[..2], before[..2]);
    let more = after[2].strip_prefix(before[2].as_str()).unwrap();
    assert!(more.starts_with(r#"{"seq":27,"#) && more.lines().count() == 1, "{more}");
}

#[test]
fn the_recipe_in_the_documentation_finds_both_heads() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: python3 not found");
        return;
    }
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ledger.md")).unwrap();
    let recipe = text.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let (folder, path) = state();
    let script = folder.path().join("recipe.py");
    fs::write(&script, recipe).unwrap();
    let run = || {
        let output = Command::new("python3").arg(&script).arg(&path).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(run(), (format!("{HEAD}\n"), String::new()));
    let mut ledger = Ledger::open(&path).unwrap();
    let later = [Entry::Intended { order: order(1) }, Entry::Stopped { run: RunId(2) }];
    let durable = ledger.commit(ledger.last_at().unwrap().unwrap(), &later).unwrap();
    drop(ledger);
    assert_eq!(run(), (format!("{}\n", durable.head()), String::new()));
    tamper(&path, "UPDATE entry SET order_id = NULL WHERE seq = 28");
    assert_eq!(run().1, "entry 28 is not as it was written\n");
}
