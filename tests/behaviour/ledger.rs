//! The ledger: what goes in comes out, in pages and exports, and nothing that is not ours is touched.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rusqlite::Connection;
use tradingbot::domain::{Entry, Remedy, RunId};
use tradingbot::ledger::{
    BODY_BYTES_MAX, CommitError, Form, Format, Head, Ledger, OpenLedgerError, PAGE_ROWS_MAX, Period, Query, ReadError,
    Reader, Salt, SchemaFault, Start, VerifyError, export, verify,
};

use crate::entries::{at, entry, fill, order};

/// A ledger with the first `count` entries, one a commit.
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

fn all(path: &Path) -> Vec<Entry> {
    let mut entries = Vec::new();
    Ledger::open(path).unwrap().each(|stored| entries.push(stored.value)).unwrap();
    entries
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    let (_folder, path, head) = filled(40);
    let ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.head(), head);
    let mut found = Vec::new();
    ledger.each(|stored| found.push((stored.seq, stored.at, stored.value))).unwrap();
    let expected: Vec<_> = (0..40).map(|index| (index + 1, at(index), entry(index))).collect();
    assert_eq!(found, expected);
    assert_eq!(verify(&path, Some(head)).unwrap().head, head);
}

#[test]
fn every_kind_of_entry_is_kept_and_listed() {
    let kinds: Vec<&str> = (0..17).map(|index| entry(index).kind()).collect();
    // Only a migration writes the last one.
    assert_eq!((kinds.as_slice(), Entry::KINDS[17]), (&Entry::KINDS[..17], "migrated"));
}

#[test]
fn a_new_ledger_is_private_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/ledger.sqlite");
    let ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.head(), Head::EMPTY);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for found in fs::read_dir(path.parent().unwrap()).unwrap() {
        assert_eq!(mode(&found.unwrap().path()), 0o600);
    }
    drop(ledger);
    assert_eq!(verify(&path, Some(Head::EMPTY)).unwrap().entries, 0);
}

#[test]
fn a_second_writer_is_refused_until_the_first_has_gone() {
    let (_folder, path, _) = filled(1);
    let first = Ledger::open(&path).unwrap();
    let error = Ledger::open(&path).unwrap_err();
    assert!(matches!(error, OpenLedgerError::Busy { .. }), "{error}");
    drop(first);
    assert!(Ledger::open(&path).is_ok());
}

#[test]
fn an_empty_batch_writes_nothing() {
    let (_folder, path, head) = filled(2);
    let mut ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.commit(at(9), &[]).unwrap().head(), head);
    assert_eq!(all_after(ledger, &path).len(), 2);
}

fn all_after(ledger: Ledger, path: &Path) -> Vec<Entry> {
    drop(ledger);
    all(path)
}

#[test]
fn an_entry_that_is_too_long_takes_its_batch_with_it_and_nothing_else() {
    let (_folder, path, head) = filled(2);
    let mut ledger = Ledger::open(&path).unwrap();
    let long = Entry::Halted { by: "engine".to_owned(), reason: "x".repeat(BODY_BYTES_MAX) };
    let error = ledger.commit(at(2), &[entry(2), long]).unwrap_err();
    assert!(matches!(error, CommitError::TooLong { kind: "halted", .. }), "{error}");
    assert_eq!((error.remedy(), ledger.head()), (Remedy::Halt, head));
    let _durable = ledger.commit(at(2), &[entry(2)]).unwrap();
    assert_eq!(all_after(ledger, &path), [entry(0), entry(1), entry(2)]);
}

#[test]
fn sqlite_itself_refuses_to_delete_change_replace_or_insert_in_between() {
    let (_folder, path, head) = filled(3);
    let connection = Connection::open(&path).unwrap();
    for sql in [
        "DELETE FROM entry",
        "UPDATE entry SET at = 0 WHERE seq = 2",
        "INSERT OR REPLACE INTO entry SELECT seq, at, 'halted', body, previous, hash, salt, order_id FROM entry WHERE seq = 2",
        "INSERT INTO entry SELECT -1, at, kind, body, previous, hash, salt, order_id FROM entry WHERE seq = 2",
        "INSERT INTO entry SELECT 9, at, kind, body, previous, hash, salt, order_id FROM entry WHERE seq = 2",
        "INSERT INTO entry SELECT NULL, at, kind, body, previous, hash, salt, order_id FROM entry WHERE seq = 2",
    ] {
        assert!(connection.execute(sql, []).is_err(), "{sql}");
    }
    assert_eq!(verify(&path, Some(head)).unwrap().entries, 3);
}

#[test]
fn another_programs_database_is_refused_and_left_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.sqlite");
    let foreign = Connection::open(&path).unwrap();
    foreign.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t (a); INSERT INTO t VALUES (1)").unwrap();
    private(&path);
    let files = || ["", "-wal"].map(|suffix| fs::read(format!("{}{suffix}", path.display())).unwrap());
    let before = files();
    let error = Ledger::open(&path).unwrap_err();
    assert!(matches!(error, OpenLedgerError::Schema { fault: SchemaFault::Foreign, .. }), "{error}");
    assert!(matches!(Reader::open(&path), Err(ReadError::Schema { fault: SchemaFault::Foreign, .. })));
    assert!(matches!(verify(&path, None), Err(VerifyError::Read(ReadError::Schema { .. }))));
    assert!(files() == before);
}

#[test]
fn what_is_no_database_is_refused_and_left_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.sqlite");
    for text in ["", "garbage, and not a database at all", "SQLite format 3\0"] {
        fs::write(&path, text).unwrap();
        private(&path);
        assert!(Ledger::open(&path).is_err(), "{text}");
        assert!(Reader::open(&path).is_err(), "{text}");
        assert!(verify(&path, None).is_err(), "{text}");
        assert_eq!(fs::read(&path).unwrap(), text.as_bytes());
    }
    fs::create_dir(folder.path().join("folder")).unwrap();
    assert!(matches!(Ledger::open(&folder.path().join("folder")), Err(OpenLedgerError::NotAFile { .. })));
    // What lies in a shared temporary folder lies where others may put files.
    let shared = std::env::temp_dir().join("tradingbot-test-none.sqlite");
    assert!(matches!(Ledger::open(&shared), Err(OpenLedgerError::Exposed { mode: 0o1777, right: "700", .. })));
    assert!(matches!(Reader::open(&folder.path().join("none")), Err(ReadError::Open { .. })));
}

#[test]
fn a_ledger_of_a_newer_version_is_refused_and_left_whole() {
    let (_folder, path, _) = filled(3);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 3).unwrap();
    let before = fs::read(&path).unwrap();
    let error = Ledger::open(&path).unwrap_err();
    assert!(matches!(error, OpenLedgerError::Schema { fault: SchemaFault::Newer { version: 3 }, .. }), "{error}");
    assert!(error.to_string().ends_with("it was made by a newer tradingbot (schema 3); install that version again"));
    assert!(fs::read(&path).unwrap() == before);
}

#[test]
fn a_ledger_that_others_can_get_at_is_refused() {
    let (folder, path, _) = filled(1);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = Ledger::open(&path).unwrap_err().to_string();
    assert_eq!(error, format!("{0} has mode 0640, so that others can get at it; run `chmod 600 {0}`", path.display()));
    private(&path);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(Ledger::open(&path), Err(OpenLedgerError::Exposed { right: "700", .. })));
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(Ledger::open(&path).is_ok());
}

#[test]
fn a_link_in_the_folders_is_followed_and_one_in_place_of_the_ledger_is_not() {
    let (folder, path, head) = filled(1);
    let linked = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(folder.path(), linked.path().join("state")).unwrap();
    assert_eq!(Ledger::open(&linked.path().join("state/ledger.sqlite")).unwrap().head(), head);
    std::os::unix::fs::symlink(&path, linked.path().join("ledger.sqlite")).unwrap();
    let error = Ledger::open(&linked.path().join("ledger.sqlite")).unwrap_err();
    assert!(matches!(error, OpenLedgerError::NotAFile { .. }), "{error}");
}

#[test]
fn a_write_ahead_file_without_its_ledger_is_not_mixed_into_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    fs::write(folder.path().join("ledger.sqlite-wal"), "left").unwrap();
    let error = Ledger::open(&path).unwrap_err();
    assert!(matches!(error, OpenLedgerError::Torn { .. }), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_rollback_file_beside_the_ledger_undoes_nothing() {
    let (folder, path, head) = filled(3);
    fs::write(folder.path().join("ledger.sqlite-journal"), "planted").unwrap();
    let error = Ledger::open(&path).unwrap_err();
    assert!(matches!(error, OpenLedgerError::Stray { .. }), "{error}");
    assert_eq!(verify(&path, Some(head)).unwrap().head, head);
}

#[test]
fn odd_names_are_ledgers_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["file:x?mode=memory", "a b#c%20é.sqlite", ":memory:"] {
        let path = folder.path().join(name);
        let mut ledger = Ledger::open(&path).unwrap();
        let durable = ledger.commit(at(0), &[entry(0)]).unwrap();
        assert_eq!(verify(&path, Some(durable.head())).unwrap().entries, 1, "{name}");
        drop(ledger);
        assert_eq!(verify(&path, Some(durable.head())).unwrap().entries, 1, "{name}");
    }
}

#[test]
fn a_ledger_whose_end_was_changed_is_not_written_on() {
    for sql in [
        "UPDATE entry SET body = '{\"kind\":\"stopped\",\"run\":9}' WHERE seq = 3",
        "UPDATE entry SET previous = zeroblob(32) WHERE seq = 3",
        "UPDATE entry SET hash = zeroblob(32) WHERE seq = 3",
        "UPDATE entry SET hash = zeroblob(31) WHERE seq = 3",
    ] {
        let (_folder, path, _) = filled(3);
        let connection = Connection::open(&path).unwrap();
        let trigger: String = connection
            .query_row("SELECT sql FROM sqlite_schema WHERE name = 'entry_is_fixed'", [], |row| row.get(0))
            .unwrap();
        connection.execute_batch(&format!("DROP TRIGGER entry_is_fixed; {sql}; {trigger}")).unwrap();
        drop(connection);
        assert!(Ledger::open(&path).is_err(), "{sql}");
    }
}

#[test]
fn a_ledger_whose_guards_were_taken_away_is_not_written_on_but_can_be_read() {
    let (_folder, path, _) = filled(3);
    Connection::open(&path).unwrap().execute_batch("DROP TRIGGER entry_is_kept").unwrap();
    let error = Ledger::open(&path).unwrap_err();
    assert!(error.to_string().ends_with("the trigger entry_is_kept is missing: somebody has removed it"), "{error}");
    assert_eq!(Reader::open(&path).unwrap().head().unwrap().seq, 3);
}

#[test]
fn pages_go_through_everything_in_both_directions() {
    let (_folder, path, _) = filled(100);
    let mut reader = Reader::open(&path).unwrap();
    let mut forward = Vec::new();
    let mut query = Query::first(7);
    loop {
        let page = reader.entries(None, &query).unwrap();
        assert!(page.rows.len() <= 7);
        forward.extend(page.rows.into_iter().map(|row| (row.seq, row.value)));
        let Some(next) = page.next else { break };
        query.start = next;
    }
    assert_eq!(forward, (0..100).map(|index| (index + 1, entry(index))).collect::<Vec<_>>());
    let back = reader.entries(None, &Query::last(3)).unwrap();
    assert_eq!(back.rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [100, 99, 98]);
    assert_eq!(back.next, Some(Start::Before(98)));
}

#[test]
fn each_kind_has_its_pages() {
    let (_folder, path, head) = filled(17 * 6);
    let mut reader = Reader::open(&path).unwrap();
    let fills = reader.fills(&Query::first(4)).unwrap();
    assert_eq!(
        fills.rows.iter().map(|row| row.value.fill.clone()).collect::<Vec<_>>(),
        [fill(0), fill(1), fill(2), fill(3)]
    );
    let owners: Vec<_> = fills.rows.iter().map(|row| row.value.strategy.unwrap()).collect();
    assert_eq!(owners, [0, 1, 2, 3].map(|number| order(number).strategy));
    let rest = reader.fills(&Query { start: fills.next.unwrap(), ..Query::first(4) }).unwrap();
    assert_eq!((rest.rows.len(), rest.next), (2, None));
    assert_eq!(reader.round_trips(&Query::first(10)).unwrap().rows.len(), 6);
    assert_eq!(reader.marks(&Query::first(10)).unwrap().rows.len(), 6);
    for kind in &Entry::KINDS[..17] {
        let page = reader.entries(Some(kind), &Query::first(10)).unwrap();
        assert_eq!(page.rows.iter().filter(|row| row.value.kind() == *kind).count(), 6, "{kind}");
    }
    assert_eq!(reader.head().unwrap(), head);
}

#[test]
fn pages_show_only_what_was_asked_for() {
    let (_folder, path, _) = filled(17 * 6);
    let mut reader = Reader::open(&path).unwrap();
    let eth = Some("ETHUSDT".parse().unwrap());
    let by_symbol = reader.fills(&Query { symbol: eth, ..Query::first(9) }).unwrap();
    assert_eq!(by_symbol.rows.iter().map(|row| row.value.fill.trade.0).collect::<Vec<_>>(), [1_001, 1_003, 1_005]);
    let strategy = Some("ema-btc".parse().unwrap());
    let by_strategy = reader.fills(&Query { strategy, ..Query::last(9) }).unwrap();
    assert_eq!(by_strategy.rows.iter().map(|row| row.value.fill.trade.0).collect::<Vec<_>>(), [1_004, 1_002, 1_000]);
    let period = Query { from: Some(fill(2).at), to: Some(fill(4).at), ..Query::first(9) };
    let by_time = reader.fills(&period).unwrap();
    assert_eq!(by_time.rows.iter().map(|row| row.value.fill.trade.0).collect::<Vec<_>>(), [1_002, 1_003]);
    let trips = reader.round_trips(&Query { symbol: eth, ..Query::first(2) }).unwrap();
    assert_eq!((trips.rows.len(), trips.next.is_some()), (2, true));
    let marks = reader.marks(&Query { from: Some(at(17 * 5)), ..Query::first(9) }).unwrap();
    assert_eq!(marks.rows.len(), 1);
    let entries = reader.entries(None, &Query { strategy, ..Query::first(99) }).unwrap();
    assert!(entries.rows.iter().all(|row| row.value.strategy() == strategy) && entries.rows.len() > 6);
}

#[test]
fn a_page_without_a_match_ends_and_says_where_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let mut ledger = Ledger::open(&path).unwrap();
    let many: Vec<Entry> = (0..2_500).map(|number| Entry::Filled { fill: fill(number) }).collect();
    let _durable = ledger.commit(at(0), &many).unwrap();
    let mut reader = Reader::open(&path).unwrap();
    let nobody = Query { strategy: Some("nobody".parse().unwrap()), ..Query::first(10) };
    let first = reader.fills(&nobody).unwrap();
    assert_eq!((first.rows.len(), first.next), (0, Some(Start::After(2_000))));
    let second = reader.fills(&Query { start: first.next.unwrap(), ..nobody }).unwrap();
    assert_eq!((second.rows.len(), second.next), (0, None));
    let page = reader.fills(&Query::first(usize::MAX)).unwrap();
    assert_eq!(page.rows.len(), PAGE_ROWS_MAX);
    assert_eq!(page.rows[0].value.strategy, None);
}

#[test]
fn a_proof_lets_an_outsider_compute_the_chain() {
    let (_folder, path, head) = filled(30);
    let mut reader = Reader::open(&path).unwrap();
    let links = reader.proof(1, 30).unwrap();
    let mut last = Head::EMPTY;
    for link in &links {
        assert!(link.follows(&last));
        last = Head { seq: link.seq, hash: link.hash };
    }
    assert_eq!(last, head);
    let json = serde_json::to_string(&links[3]).unwrap();
    let mut link: tradingbot::ledger::Link = serde_json::from_str(&json).unwrap();
    assert_eq!(link, links[3]);
    link.body = link.body.replace("BTCUSDT", "ETHUSDT");
    assert!(!link.follows(&Head { seq: 3, hash: links[2].hash }));
    assert_eq!(reader.proof(5, 7).unwrap().iter().map(|link| link.seq).collect::<Vec<_>>(), [5, 6, 7]);
    assert!(reader.proof(31, u64::MAX).unwrap().is_empty());
}

#[test]
fn a_reader_that_came_before_the_writer_sees_what_it_writes() {
    let (_folder, path, _) = filled(3);
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.head().unwrap().seq, 3);
    let mut ledger = Ledger::open(&path).unwrap();
    let durable = ledger.commit(at(3), &[entry(3)]).unwrap();
    assert_eq!(reader.head().unwrap(), durable.head());
    drop(ledger);
    assert_eq!(reader.entries(None, &Query::first(9)).unwrap().rows.len(), 4);
}

#[test]
fn two_readers_see_whole_batches_while_the_writer_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let mut ledger = Ledger::open(&path).unwrap();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut reader = Reader::open(&path).unwrap();
                    let mut seen = 0;
                    while seen < 50 * 20 {
                        let head = reader.head().unwrap();
                        assert_eq!(head.seq % 20, 0, "half a batch");
                        assert!(head.seq >= seen);
                        seen = head.seq;
                        let page = reader.fills(&Query::last(50)).unwrap();
                        assert!(page.rows.windows(2).all(|pair| pair[0].seq > pair[1].seq));
                    }
                })
            })
            .collect();
        for batch in 0..50 {
            let entries: Vec<Entry> = (batch * 20..(batch + 1) * 20).map(entry).collect();
            let _durable = ledger.commit(at(batch), &entries).unwrap();
        }
        for reader in readers {
            reader.join().unwrap();
        }
    });
    assert_eq!(verify(&path, Some(ledger.head())).unwrap().entries, 1_000);
}

#[test]
fn looking_leaves_no_file_behind() {
    let (folder, path, head) = filled(3);
    let names = || {
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|found| found.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    verify(&path, Some(head)).unwrap();
    Reader::open(&path).unwrap().fills(&Query::first(1)).unwrap();
    assert_eq!(names(), before);
    assert_eq!(before, ["ledger.sqlite", "ledger.sqlite.lock", "ledger.sqlite.reserve"]);
}

#[test]
fn the_same_entries_have_the_same_head_in_memory_and_another_in_each_file() {
    let (_folder, path, head) = filled(20);
    let (_other_folder, other, other_head) = filled(20);
    assert_eq!(all(&path), all(&other));
    assert_ne!(head, other_head, "whoever guesses an entry cannot tell by its hash");
    let heads = [(), ()].map(|()| {
        let mut memory = Ledger::in_memory().unwrap();
        for index in 0..20 {
            let _durable = memory.commit(at(index), &[entry(index)]).unwrap();
        }
        memory.head()
    });
    assert_eq!(heads[0], heads[1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn however_entries_are_batched_they_are_the_same(sizes in prop::collection::vec(0_usize..9, 1..8)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        let total = sizes.iter().sum::<usize>();
        let entries: Vec<Entry> = (0..u64::try_from(total).unwrap()).map(entry).collect();
        let mut single = Ledger::in_memory().unwrap();
        for one in &entries {
            let _durable = single.commit(at(1), std::slice::from_ref(one)).unwrap();
        }
        let mut batched = Ledger::in_memory().unwrap();
        let mut rest = entries.as_slice();
        for size in sizes {
            let (batch, later) = rest.split_at(size);
            let _durable = batched.commit(at(1), batch).unwrap();
            let mut ledger = Ledger::open(&path).unwrap();
            let durable = ledger.commit(at(1), batch).unwrap();
            prop_assert_eq!(durable.head(), ledger.head());
            prop_assert_eq!(verify(&path, Some(durable.head())).unwrap().head, ledger.head());
            rest = later;
        }
        prop_assert_eq!(batched.head(), single.head());
        prop_assert_eq!(all(&path), entries);
    }
}

fn exported(path: &Path, format: Format, period: Period) -> (u64, String) {
    let mut out = Vec::new();
    let lines = export(&mut Reader::open(path).unwrap(), format, period, &mut out).unwrap();
    (lines, String::from_utf8(out).unwrap())
}

/// Two orders of one strategy, a deposit and a withdrawal, and reasons that a spreadsheet would compute.
fn small() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let mut ledger = Ledger::open(&path).unwrap();
    let deposit = |amount: &str| Entry::Deposited { asset: "USDT".parse().unwrap(), amount: amount.parse().unwrap() };
    let mut free = fill(3);
    free.fee.amount = "0".parse().unwrap();
    let entries = [
        Entry::Started { run: RunId(1), tag: None, version: "0.1.0".to_owned(), config: "00".to_owned() },
        deposit("10000"),
        Entry::Intended { order: order(1) },
        Entry::Filled { fill: fill(1) },
        Entry::Halted { by: "=cmd|' /C calc'!A0".to_owned(), reason: "a, \"b\"".to_owned() },
        Entry::Filled { fill: free },
        deposit("-0.5"),
    ];
    let _durable = ledger.commit("2024-01-31T12:00:00.5Z".parse().unwrap(), &entries).unwrap();
    (folder, path)
}

/// Salts and hashes, which differ from ledger to ledger, as so many times `x`.
fn without_what_was_drawn(text: &str) -> String {
    let mut parts = text.split_inclusive('"');
    let blank = |part: &str| match part.strip_suffix('"') {
        Some(digits) if [32, 64].contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            format!("{}\"", "x".repeat(digits.len()))
        }
        _ => part.to_owned(),
    };
    parts.by_ref().map(blank).collect()
}

#[test]
fn an_exported_line_has_all_that_its_hash_covers() {
    let (_folder, path) = small();
    let (_, text) = exported(&path, Format::Jsonl, Period::default());
    let mut last = Head::EMPTY;
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let at: tradingbot::domain::Timestamp = line["at"].as_str().unwrap().parse().unwrap();
        let body = line["entry"].to_string();
        let salt: Salt = serde_json::from_value(line["salt"].clone()).unwrap();
        let form = Form::Salted { salt, kind: line["entry"]["kind"].as_str().unwrap(), order: line["order"].as_str() };
        // `serde_json` sorts the keys, so the text is taken from the ledger.
        let link = &Reader::open(&path).unwrap().proof(last.seq + 1, last.seq + 1).unwrap()[0];
        assert_eq!(serde_json::from_str::<serde_json::Value>(&link.body).unwrap().to_string(), body);
        last = last.then(at, &link.body, form);
        assert_eq!(line["hash"].as_str().unwrap(), last.hash.to_string());
    }
    assert_eq!(last.seq, 7);
}

#[test]
fn exports_look_as_documented() {
    let (_folder, path) = small();
    for (format, name, lines) in
        [(Format::Csv, "fills.csv", 2), (Format::Tax, "tax.csv", 4), (Format::Jsonl, "entries.jsonl", 7)]
    {
        let golden = fs::read_to_string(crate::data::golden("ledger").join(name)).unwrap();
        let (count, text) = exported(&path, format, Period::default());
        let end = if format == Format::Jsonl { "\n" } else { "\r\n" };
        assert_eq!(without_what_was_drawn(&text.replace(end, "\n")), golden, "{name}");
        assert_eq!(count, lines, "{name}");
    }
}

#[test]
fn an_export_covers_the_period_asked_for_and_nothing_else() {
    let (_folder, path) = small();
    let period = Period { from: Some(fill(2).at), to: Some(fill(4).at) };
    assert_eq!(exported(&path, Format::Csv, period).0, 1);
    assert_eq!(exported(&path, Format::Tax, period).0, 1);
    assert_eq!(exported(&path, Format::Jsonl, period).0, 0);
    let later = Period { from: Some("2024-01-31T12:00:00.5Z".parse().unwrap()), to: None };
    assert_eq!(exported(&path, Format::Jsonl, later).0, 7);
    assert_eq!(exported(&path, Format::Tax, later).0, 2);
}

#[test]
fn a_long_export_misses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let mut ledger = Ledger::open(&path).unwrap();
    let many: Vec<Entry> = (0..2_500).map(|number| Entry::Filled { fill: fill(number) }).collect();
    let _durable = ledger.commit(at(0), &many).unwrap();
    for format in [Format::Csv, Format::Tax, Format::Jsonl] {
        let (count, text) = exported(&path, format, Period::default());
        assert_eq!(count, 2_500);
        assert_eq!(text.lines().count(), if format == Format::Jsonl { 2_500 } else { 2_501 });
    }
}

#[test]
fn a_fill_whose_assets_cannot_be_told_is_not_left_out_of_a_tax_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let mut ledger = Ledger::open(&path).unwrap();
    let mut odd = fill(0);
    odd.symbol = "ABCXYZ".parse().unwrap();
    let _durable = ledger.commit(at(0), &[Entry::Filled { fill: odd }]).unwrap();
    let error = export(&mut Reader::open(&path).unwrap(), Format::Tax, Period::default(), &mut Vec::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "entry 1: cannot tell which two assets ABCXYZ trades; export with `--format csv` instead"
    );
}

fn private(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
