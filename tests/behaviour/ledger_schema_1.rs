//! A ledger that the first version made: two runs, the first killed with an order in flight and a position open.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tradingbot::config;
use tradingbot::daemon::{ReplayError, replay};
use tradingbot::domain::{Entry, OrderSeries, RunId};
use tradingbot::ledger::journal::ReadJournalError;
use tradingbot::ledger::{Head, Query, Reader, verify};

/// The head that the program named when it stopped.
const HEAD: &str = "26:5ac056495a4f162b55d528cc783b448aaca59aa715f4353b1a8df715661d8a74";

/// A copy of its state folder.
fn state() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["schema-1/ledger.sqlite", "schema-1/inputs-00000002-000.jsonl.zst", "schema-1/bot.toml"] {
        let from = crate::data::golden("ledger").join(name);
        let to = folder.path().join(from.file_name().unwrap());
        fs::copy(from, &to).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let path = folder.path().join("ledger.sqlite");
    (folder, path)
}

fn head() -> Head {
    HEAD.parse().unwrap()
}

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
