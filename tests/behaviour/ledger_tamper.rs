//! Whoever changes a ledger is found out, and nothing before the first bad entry is doubted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use tradingbot::ledger::{
    EntryFault, Hash, Head, Ledger, Link, PAGE_ROWS_MAX, Query, ReadError, Reader, SchemaFault, VerifyError, verify,
};

use crate::entries::{at, entry};

/// A ledger with the first `count` entries and nothing in its write-ahead file.
fn filled(count: u64) -> (tempfile::TempDir, PathBuf, Head) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let mut ledger = Ledger::open(&path).unwrap();
    for index in 0..count {
        let _durable = ledger.commit(at(index), &[entry(index)]).unwrap();
    }
    let head = ledger.head();
    (folder, path, head)
}

/// Does with the ledger what somebody with the `sqlite3` shell would, and puts the triggers back.
pub fn tamper(path: &Path, sql: &str) {
    let connection = Connection::open(path).unwrap();
    let mut find = connection.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").unwrap();
    let triggers: Vec<(String, String)> =
        find.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    for (name, _) in &triggers {
        connection.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    connection.execute_batch(sql).unwrap();
    for (_, trigger) in triggers {
        connection.execute_batch(&trigger).unwrap();
    }
}

/// What is found after `sql` in a ledger of 5 entries, and how many entries are trusted. Whoever rebuilds something from
/// its entries finds the same, unless it cannot even be opened.
fn found_after(sql: &str) -> (u64, EntryFault, u64) {
    let (_folder, path, _) = filled(5);
    tamper(&path, sql);
    let found = match verify(&path, None) {
        Err(VerifyError::Entry { seq, fault, trusted }) => (seq, fault, trusted.seq),
        other => panic!("{sql}: {other:?}"),
    };
    if let Ok(ledger) = Ledger::open(&path) {
        let mut shown = 0;
        match ledger.each(|_| shown += 1) {
            Err(ReadError::Chain { seq, fault, .. }) => assert_eq!((seq, &fault, shown), (found.0, &found.1, seq - 1)),
            other => panic!("{sql}: {other:?}"),
        }
    }
    found
}

/// The statement that gives entry `seq` of `path` another body and a hash that fits it.
fn forged(path: &Path, seq: i64, body: &str) -> String {
    let connection = Connection::open(path).unwrap();
    let (at, previous, salt, order): (i64, Vec<u8>, [u8; 16], Option<String>) = connection
        .query_row("SELECT at, previous, salt, order_id FROM entry WHERE seq = ?", [seq], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .unwrap();
    let (kind, order) = (body.split('"').nth(3).unwrap(), order.unwrap_or_default());
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(seq.to_be_bytes());
    hasher.update(at.to_be_bytes());
    hasher.update([2, u8::try_from(kind.len()).unwrap()]);
    hasher.update(kind);
    hasher.update([u8::try_from(order.len()).unwrap()]);
    hasher.update(order);
    hasher.update(Sha256::new().chain_update(salt).chain_update(body).finalize());
    let hash = Hash(hasher.finalize().into());
    format!("UPDATE entry SET body = '{body}', hash = x'{hash}' WHERE seq = {seq};")
}

const FORGED: &str = r#"{"kind":"deposited","asset":"USDT","amount":"1000000"}"#;

#[test]
fn a_changed_entry_is_named_whatever_was_changed_in_it() {
    for sql in [
        "UPDATE entry SET body = '{\"kind\":\"deposited\",\"asset\":\"USDT\",\"amount\":\"1000000\"}' WHERE seq = 3",
        "UPDATE entry SET at = at + 1 WHERE seq = 3",
        "UPDATE entry SET previous = zeroblob(32) WHERE seq = 3",
        "UPDATE entry SET hash = zeroblob(32) WHERE seq = 3",
        "UPDATE entry SET body = body || ' ' WHERE seq = 3",
        "UPDATE entry SET body = cast(x'00' AS TEXT) || body WHERE seq = 3",
    ] {
        assert_eq!(found_after(sql), (3, EntryFault::Changed, 2), "{sql}");
    }
    for kind in ["filled", "deposite", "deposited\"", ""] {
        let sql = format!("UPDATE entry SET kind = '{kind}' WHERE seq = 3");
        assert_eq!(found_after(&sql), (3, EntryFault::Changed, 2), "{sql}");
    }
    for sql in [
        "UPDATE entry SET salt = zeroblob(16) WHERE seq = 3",
        "UPDATE entry SET salt = NULL WHERE seq = 3",
        "UPDATE entry SET order_id = 'tb-00000001-0000000000000000-01' WHERE seq = 3",
    ] {
        assert_eq!(found_after(sql), (3, EntryFault::Changed, 2), "{sql}");
    }
    let order = "UPDATE entry SET order_id = NULL WHERE seq = 4";
    assert_eq!(found_after(order), (4, EntryFault::Changed, 3));
}

#[test]
fn a_column_of_the_wrong_type_is_named() {
    let (_folder, path, _) = filled(5);
    for (sql, column) in [
        ("UPDATE entry SET hash = zeroblob(31) WHERE seq = 3", "hash"),
        ("UPDATE entry SET previous = x'' WHERE seq = 3", "hash of its predecessor"),
        ("UPDATE entry SET body = cast(x'ff' AS TEXT) WHERE seq = 3", "body"),
        ("UPDATE entry SET salt = zeroblob(15) WHERE seq = 3", "salt"),
        ("UPDATE entry SET order_id = cast(x'ff' AS TEXT) WHERE seq = 3", "order"),
        ("UPDATE entry SET kind = cast(x'fe' AS TEXT) WHERE seq = 3", "kind"),
    ] {
        assert_eq!(found_after(sql), (3, EntryFault::WrongType { column }, 2), "{sql}");
    }
    // What a STRICT table refuses goes in while it is declared as one that does not.
    for (sql, column) in [
        ("UPDATE entry SET at = 9e999 WHERE seq = 3", "time"),
        ("UPDATE entry SET at = 'noon' WHERE seq = 3", "time"),
        ("UPDATE entry SET body = cast(body AS BLOB) WHERE seq = 3", "body"),
        ("UPDATE entry SET hash = hex(hash) WHERE seq = 3", "hash"),
        ("UPDATE entry SET kind = cast(kind AS BLOB) WHERE seq = 3", "kind"),
    ] {
        let copy = path.with_file_name("copy.sqlite");
        fs::copy(&path, &copy).unwrap();
        let loosened = "PRAGMA writable_schema = 1;
            UPDATE sqlite_schema SET sql = replace(sql, ') STRICT', ')') WHERE name = 'entry';";
        tamper(&copy, loosened);
        tamper(&copy, sql);
        tamper(
            &copy,
            "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = sql || ' STRICT' WHERE name = 'entry';",
        );
        match verify(&copy, None) {
            Err(VerifyError::Entry { seq: 3, fault, .. }) => assert_eq!(fault, EntryFault::WrongType { column }),
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[test]
fn a_body_of_a_megabyte_is_not_read_but_named() {
    let (seq, fault, trusted) = found_after("UPDATE entry SET body = body || hex(zeroblob(600000)) WHERE seq = 3");
    assert_eq!((seq, trusted), (3, 2));
    assert_eq!(fault, EntryFault::Unreadable { detail: "string or blob too big".to_owned() });
}

#[test]
fn a_removed_entry_is_named() {
    assert_eq!(found_after("DELETE FROM entry WHERE seq = 1"), (1, EntryFault::Missing { next: 2 }, 0));
    assert_eq!(found_after("DELETE FROM entry WHERE seq = 3"), (3, EntryFault::Missing { next: 4 }, 2));
    assert_eq!(
        found_after("DELETE FROM entry WHERE seq = 3; UPDATE entry SET seq = seq - 1 WHERE seq > 3"),
        (3, EntryFault::Changed, 2)
    );
}

#[test]
fn an_inserted_entry_is_named() {
    let copy = |seq: i64| {
        format!(
            "INSERT INTO entry SELECT {seq}, at, kind, body, previous, hash, salt, order_id FROM entry WHERE seq = 4"
        )
    };
    assert_eq!(found_after(&copy(0)), (1, EntryFault::Inserted { number: 0 }, 0));
    assert_eq!(found_after(&copy(-7)), (1, EntryFault::Inserted { number: -7 }, 0));
    assert_eq!(found_after(&copy(6)), (6, EntryFault::Changed, 5));
    assert_eq!(found_after(&copy(99)), (6, EntryFault::Missing { next: 99 }, 5));
    assert_eq!(found_after(&copy(i64::MAX)), (6, EntryFault::Missing { next: i64::MAX }, 5));
}

#[test]
fn swapped_entries_are_named() {
    let sql = "UPDATE entry SET seq = -1 WHERE seq = 2; UPDATE entry SET seq = 2 WHERE seq = 3;
        UPDATE entry SET seq = 3 WHERE seq = -1";
    assert_eq!(found_after(sql), (2, EntryFault::Changed, 1));
}

#[test]
fn an_entry_written_anew_with_its_hash_does_not_fit_the_next_and_is_not_trusted() {
    let (_folder, path, head) = filled(5);
    tamper(&path, &(forged(&path, 3, FORGED)));
    let error = verify(&path, None).unwrap_err();
    assert!(matches!(&error, VerifyError::Entry { seq: 4, fault: EntryFault::Unlinked, trusted } if trusted.seq == 2));
    assert_eq!(
        error.to_string(),
        "entry 4 does not follow the entry before it: one of the two was inserted, removed, moved or written anew; \
         entries 1 to 2 can be trusted"
    );
    // Written anew to the very end, only a head kept elsewhere tells.
    let mut last = Connection::open(&path)
        .unwrap()
        .query_row("SELECT hash FROM entry WHERE seq = 3", [], |row| row.get::<_, [u8; 32]>(0))
        .unwrap();
    for seq in [4, 5] {
        tamper(&path, &format!("UPDATE entry SET previous = x'{}' WHERE seq = {seq}", Hash(last)));
        let body: String = Connection::open(&path)
            .unwrap()
            .query_row("SELECT body FROM entry WHERE seq = ?", [seq], |row| row.get(0))
            .unwrap();
        tamper(&path, &forged(&path, seq, &body));
        last = Connection::open(&path)
            .unwrap()
            .query_row("SELECT hash FROM entry WHERE seq = ?", [seq], |row| row.get(0))
            .unwrap();
    }
    assert_eq!(verify(&path, None).unwrap().entries, 5);
    let error = verify(&path, Some(head)).unwrap_err();
    assert!(matches!(error, VerifyError::Rewritten { kept, found } if kept == head && found == Hash(last)), "{error}");
}

#[test]
fn a_cut_off_end_shows_against_a_head_kept_elsewhere() {
    let (_folder, path, head) = filled(5);
    tamper(&path, "DELETE FROM entry WHERE seq > 3");
    assert_eq!(verify(&path, None).unwrap().entries, 3);
    let error = verify(&path, Some(head)).unwrap_err();
    assert_eq!(error.to_string(), "the ledger ends with entry 3, but entry 5 was kept elsewhere: its end was cut off");
    tamper(&path, "DELETE FROM entry");
    assert_eq!(verify(&path, None).unwrap().head, Head::EMPTY);
    assert!(matches!(verify(&path, Some(head)), Err(VerifyError::Cut { .. })));
}

#[test]
fn a_head_kept_earlier_is_found_in_a_longer_ledger() {
    let (_folder, path, early) = filled(3);
    let mut ledger = Ledger::open(&path).unwrap();
    let _durable = ledger.commit(at(3), &[entry(3)]).unwrap();
    assert_eq!(verify(&path, Some(early)).unwrap().entries, 4);
    assert!(verify(&path, Some(Head { seq: 2, ..early })).is_err());
}

#[test]
fn what_was_added_to_the_file_or_taken_from_it_is_named() {
    for (sql, expected) in [
        ("CREATE TABLE more (a)", "the table more does not belong to it: somebody has added it"),
        ("CREATE INDEX more ON entry (at)", "the index more does not belong to it: somebody has added it"),
        ("CREATE VIEW more AS SELECT 1", "the view more does not belong to it: somebody has added it"),
        ("ANALYZE", "the table sqlite_stat1 does not belong to it: somebody has added it"),
        (
            "CREATE TRIGGER more AFTER INSERT ON entry BEGIN SELECT 1; END",
            "the trigger more does not belong to it: somebody has added it",
        ),
        ("DROP TRIGGER entry_is_last", "the trigger entry_is_last is missing: somebody has removed it"),
        ("DROP INDEX entry_by_kind", "the index entry_by_kind is missing: somebody has removed it"),
        (
            "DROP TRIGGER entry_is_kept;
             CREATE TRIGGER entry_is_kept BEFORE DELETE ON entry WHEN OLD.seq > 9 BEGIN SELECT 1; END",
            "the trigger entry_is_kept is not as tradingbot makes it: somebody has changed it",
        ),
        (
            "DROP INDEX entry_by_kind; CREATE INDEX entry_by_kind ON entry (kind) WHERE kind = 'filled' AND seq < 3",
            "the index entry_by_kind is not as tradingbot makes it: somebody has changed it",
        ),
    ] {
        let (_folder, path, _) = filled(5);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let error = verify(&path, None).unwrap_err();
        assert!(matches!(&error, VerifyError::Schema { trusted, .. } if trusted.seq == 5), "{sql}: {error}");
        assert_eq!(error.to_string(), format!("{expected}; entries 1 to 5 can be trusted"), "{sql}");
        assert!(Ledger::open(&path).is_err(), "{sql}");
    }
    let (_folder, path, _) = filled(5);
    Connection::open(&path).unwrap().execute_batch("ALTER TABLE entry RENAME TO old").unwrap();
    let error = verify(&path, None).unwrap_err();
    let missing = |fault: &SchemaFault| matches!(fault, SchemaFault::Missing { name, .. } if name == "entry");
    assert!(matches!(&error, VerifyError::Read(ReadError::Schema { fault, .. }) if missing(fault)), "{error}");
}

#[test]
fn a_bad_entry_is_named_before_the_triggers_that_were_dropped_for_it() {
    let (_folder, path, _) = filled(5);
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("DROP TRIGGER entry_is_kept; DELETE FROM entry WHERE seq = 2").unwrap();
    assert!(matches!(verify(&path, None), Err(VerifyError::Entry { seq: 2, .. })));
}

#[test]
fn an_index_that_hides_an_entry_is_found() {
    let (_folder, path, head) = filled(17 * 3);
    // The index is emptied of what it holds of one entry, while the entry stays.
    tamper(
        &path,
        "PRAGMA writable_schema = 1;
         UPDATE sqlite_schema SET sql = replace(sql, 'kind = ''filled''', 'kind = ''filled'' AND seq <> 23')
         WHERE name = 'entry_by_kind';",
    );
    tamper(&path, "REINDEX entry_by_kind");
    tamper(
        &path,
        "PRAGMA writable_schema = 1;
         UPDATE sqlite_schema SET sql = replace(sql, ' AND seq <> 23', '') WHERE name = 'entry_by_kind';",
    );
    assert_eq!(Reader::open(&path).unwrap().fills(&Query::first(9)).unwrap().rows.len(), 2, "the entry is hidden");
    let error = verify(&path, Some(head)).unwrap_err();
    assert!(matches!(&error, VerifyError::Damaged { trusted, .. } if *trusted == head), "{error}");
    assert!(error.to_string().contains("row 23 missing from index entry_by_kind"), "{error}");
}

#[test]
fn the_recipe_in_the_documentation_finds_the_same_head() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ledger.md")).unwrap();
    let recipe = text.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(recipe.lines().count() <= 20, "it should stay short enough to read");
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: python3 not found");
        return;
    }
    let (folder, path, head) = filled(60);
    let script = folder.path().join("recipe.py");
    fs::write(&script, recipe).unwrap();
    let run = || Command::new("python3").arg(&script).arg(&path).output().unwrap();
    let output = run();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{head}\n"), "{:?}", output.stderr);
    tamper(&path, "UPDATE entry SET body = replace(body, 'ETHUSDT', 'BTCUSDT') WHERE seq = 21");
    let output = run();
    assert!(!output.status.success());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "entry 21 is not as it was written\n");
}

/// Every row as it is, whatever is in it.
fn rows(path: &Path) -> Vec<Link> {
    Reader::open(path).unwrap().proof(0, u64::MAX).unwrap()
}

fn sql_for_column(column: usize, seq: u64, other: u64) -> String {
    let column = ["at", "kind", "body", "previous", "hash", "salt", "order_id"][column % 7];
    format!(
        "UPDATE entry SET {column} = (SELECT {column} FROM entry WHERE seq = {other}) WHERE seq = {seq};
         UPDATE entry SET body = body || ' ' WHERE seq = {seq} AND {other} = {seq}"
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_change_to_a_row_goes_unseen(act in 0_usize..5, column in 0_usize..7, seq in 1_u64..35, other in 1_u64..35) {
        let (_folder, path, head) = filled(34);
        let sql = match act {
            0 => sql_for_column(column, seq, other),
            1 => format!("DELETE FROM entry WHERE seq = {seq}"),
            2 => format!(
                "UPDATE entry SET seq = 100 WHERE seq = {seq}; UPDATE entry SET seq = {seq} WHERE seq = {other};
                 UPDATE entry SET seq = {other} WHERE seq = 100"
            ),
            3 => format!(
                "INSERT INTO entry SELECT {}, at, kind, body, previous, hash, salt, order_id FROM entry WHERE seq = {seq}",
                other + 34
            ),
            _ => format!(
                "UPDATE entry SET seq = -seq WHERE seq >= {seq}; UPDATE entry SET seq = {other} - seq WHERE seq < 0"
            ),
        };
        let before = rows(&path);
        tamper(&path, &sql);
        let kinds: i64 = Connection::open(&path).unwrap().query_row(
            "SELECT count(*) FROM entry WHERE kind <> body ->> '$.kind'", [], |row| row.get(0)).unwrap();
        if rows(&path) == before && kinds == 0 {
            prop_assert_eq!(verify(&path, Some(head)).unwrap().head, head);
        } else {
            prop_assert!(verify(&path, Some(head)).is_err(), "{}", sql);
        }
    }
}

#[test]
fn no_flipped_byte_of_the_file_changes_a_row_unseen() {
    let (_folder, path, head) = filled(34);
    let before = rows(&path);
    assert!(before.len() < PAGE_ROWS_MAX);
    let whole = fs::read(&path).unwrap();
    let copy = path.with_file_name("copy.sqlite");
    let mut random = 0x5eed_1ed9_u64;
    let (mut found, mut harmless) = (0, 0);
    // Every byte of the header, every 7th of the rest, a bit each.
    for place in (0..100).chain((100..whole.len()).step_by(7)) {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (random >> 61);
        fs::write(&copy, &bytes).unwrap();
        match verify(&copy, Some(head)) {
            Err(_) => found += 1,
            Ok(verified) => {
                assert_eq!(verified.head, head);
                assert!(rows(&copy) == before, "byte {place} changed a row unseen");
                harmless += 1;
            }
        }
    }
    println!("{found} flipped bytes found, {harmless} of no meaning");
    assert!(found > 1_000, "{found}");
}
