//! The input journal: what went in comes out, in a ring of files, whatever became of the last line.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tradingbot::domain::{Event, LinkEvent, OperatorEvent, OperatorRequest, RunId, Seq, Stamped};
use tradingbot::ledger::journal::{CommandDigest, Input, Inputs, Journal, JournalError, ReadJournalError, Ring, Torn};

use crate::data::golden;
use crate::entries::at;

fn stamped(number: u64) -> Stamped {
    let event = match number % 3 {
        0 => Event::Timer,
        1 => Event::Link(LinkEvent::Gap { symbol: "BTCUSDT".parse().unwrap(), missed: Some(number) }),
        _ => {
            let request = OperatorRequest::Halt { reason: format!("line\n{number}") };
            Event::Operator(OperatorEvent { by: "é".to_owned(), request })
        }
    };
    Stamped { seq: Seq(number), at: at(number), event }
}

fn input(number: u64) -> Input {
    Input { stamped: stamped(number), commands: CommandDigest::of(&number.to_be_bytes()) }
}

/// A journal of run `run` with events `1..=count`.
fn written(folder: &Path, run: u32, count: u64, ring: Ring) {
    let mut journal = Journal::create(folder, "0.1.0", RunId(run), "c0ffee", ring).unwrap();
    for number in 1..=count {
        journal.append(&stamped(number), &number.to_be_bytes()).unwrap();
    }
    journal.flush().unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|found| found.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn read(folder: &Path) -> (Vec<Input>, Option<Torn>) {
    let mut inputs = Inputs::open(folder, None).unwrap();
    let read = inputs.by_ref().collect::<Result<Vec<Input>, ReadJournalError>>().unwrap();
    (read, inputs.torn().cloned())
}

fn error(folder: &Path) -> String {
    match Inputs::open(folder, None) {
        Ok(inputs) => inputs.collect::<Result<Vec<Input>, ReadJournalError>>().unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

fn first_of(folder: &Path, run: u32) -> PathBuf {
    folder.join(format!("inputs-{run:08}-000.jsonl"))
}

#[test]
fn what_was_appended_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    written(&journal, 7, 100, Ring::default());
    let (read, torn) = read(&journal);
    assert_eq!(read, (1..=100).map(input).collect::<Vec<_>>());
    assert_eq!(torn, None);
    let header = Inputs::open(&journal, Some(RunId(7))).unwrap().header().clone();
    assert_eq!(
        (header.run, header.part, header.version.as_str(), header.config.as_str()),
        (RunId(7), 0, "0.1.0", "c0ffee")
    );
    assert_eq!(names(&journal), ["inputs-00000007-000.jsonl"]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&journal), mode(&first_of(&journal, 7))), (0o700, 0o600));
}

#[test]
fn nothing_is_on_disk_before_it_is_flushed_and_all_of_it_after() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(folder.path(), "0.1.0", RunId(1), "c0ffee", Ring::default()).unwrap();
    journal.append(&stamped(1), b"a").unwrap();
    assert!(read(folder.path()).0.is_empty());
    journal.flush().unwrap();
    assert_eq!(read(folder.path()).0.len(), 1);
    journal.append(&stamped(2), b"b").unwrap();
    drop(journal);
    assert_eq!(read(folder.path()).0.len(), 2);
}

#[test]
fn a_run_goes_on_in_the_next_file_and_the_oldest_files_go() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), 1, 5, Ring::default());
    written(folder.path(), 2, 40, Ring { files: 100, bytes: 1_000 });
    assert!(names(folder.path()).len() > 4);
    assert_eq!(read(folder.path()).0.len(), 40);
    assert!(names(folder.path()).iter().all(|name| fs::metadata(folder.path().join(name)).unwrap().len() <= 1_000));
    written(folder.path(), 3, 400, Ring { files: 3, bytes: 1_000 });
    let kept = names(folder.path());
    assert_eq!(kept.len(), 3);
    assert!(kept.iter().all(|name| name.starts_with("inputs-00000003-")), "{kept:?}");
    let inputs = Inputs::open(folder.path(), None).unwrap();
    assert!(inputs.header().part > 0, "its beginning was given up");
    let last: Vec<Input> = inputs.map(Result::unwrap).collect();
    assert_eq!(last.last(), Some(&input(400)));
    assert!(Inputs::open(folder.path(), Some(RunId(2))).is_err());
}

#[test]
fn an_event_longer_than_a_file_has_a_file_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), 1, 4, Ring { files: 9, bytes: 10 });
    assert_eq!(names(folder.path()).len(), 4);
    assert_eq!(read(folder.path()).0.len(), 4);
}

#[test]
fn a_journal_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), 1, 5, Ring::default());
    let again = Journal::create(folder.path(), "0.1.0", RunId(1), "c0ffee", Ring::default());
    assert!(matches!(again, Err(JournalError::Create { .. })));
    assert_eq!(read(folder.path()).0.len(), 5);
}

#[test]
fn a_torn_last_line_is_reported_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), 1, 5, Ring::default());
    let path = first_of(folder.path(), 1);
    let whole = fs::read(&path).unwrap();
    for cut in 1..60 {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let (read, torn) = read(folder.path());
        assert_eq!(read.len(), 4, "{cut}");
        let torn = torn.unwrap();
        assert_eq!((torn.path.as_path(), torn.line), (path.as_path(), 6));
    }
}

#[test]
fn a_last_file_without_a_whole_header_is_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), 1, 5, Ring::default());
    let next = folder.path().join("inputs-00000001-001.jsonl");
    for text in ["", "{\"journal\":3,\"vers"] {
        fs::write(&next, text).unwrap();
        let (read, torn) = read(folder.path());
        assert_eq!((read.len(), torn.unwrap().line), (5, 1));
    }
}

#[test]
fn the_first_bad_line_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = first_of(folder.path(), 1);
    written(folder.path(), 1, 5, Ring::default());
    let whole = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let shown = path.display();
    for (text, expected) in [
        ([lines[0], lines[1], "garbage", lines[3]].join("\n") + "\n", format!("{shown}:3: not an event of a journal")),
        (
            [lines[0], lines[1], lines[3]].join("\n") + "\n",
            format!("{shown}:3: event 3 where event 2 should be: lines are missing or were moved"),
        ),
        (
            [lines[0], lines[1], lines[1]].join("\n") + "\n",
            format!("{shown}:3: event 1 where event 2 should be: lines are missing or were moved"),
        ),
        (
            lines[1..].join("\n") + "\n",
            format!("{shown}:1: not an input journal: its first line names no version, run and configuration"),
        ),
        (
            whole.replace("\"journal\":3", "\"journal\":1"),
            format!(
                "{shown}:1: written in form 1, and this version reads form 3; replay it with the version that wrote it"
            ),
        ),
        (
            whole.replace("\"run\":1", "\"run\":3"),
            format!("{shown}:1: does not follow the file before it: it is part 0 of run 3, unlike its name"),
        ),
    ] {
        fs::write(&path, text).unwrap();
        assert_eq!(error(folder.path()), expected);
    }
    fs::write(&path, lines[0].to_owned() + "\n" + &"x".repeat(5 << 20)).unwrap();
    assert_eq!(error(folder.path()), format!("{shown}:2: longer than the 4194304 bytes that an event may have"));
}

/// Written by a version whose operator's events named who asked in each request, and whose commands held no verdict.
#[test]
fn a_journal_of_an_earlier_form_is_refused_with_the_reason() {
    let kept = golden("journal").join("inputs-00000001-000.jsonl");
    let folder = tempfile::tempdir().unwrap();
    let path = first_of(folder.path(), 1);
    fs::copy(kept, &path).unwrap();
    let expected = format!(
        "{}:1: written in form 1, and this version reads form 3; replay it with the version that wrote it",
        path.display()
    );
    assert_eq!(error(folder.path()), expected);
}

#[test]
fn a_file_that_is_missing_in_the_middle_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), 1, 40, Ring { files: 100, bytes: 1_000 });
    fs::remove_file(folder.path().join("inputs-00000001-002.jsonl")).unwrap();
    let shown = folder.path().join("inputs-00000001-003.jsonl");
    let expected = format!("{}:1: does not follow the file before it: it is part 3 and not part 2", shown.display());
    assert_eq!(error(folder.path()), expected);
}

#[test]
fn a_folder_without_a_journal_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let shown = folder.path().display();
    assert_eq!(error(folder.path()), format!("{shown} holds no input journal"));
    let of_run = Inputs::open(folder.path(), Some(RunId(7))).unwrap_err().to_string();
    assert_eq!(of_run, format!("{shown} holds no input journal of run 7"));
}

#[test]
fn foreign_files_in_the_folder_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["inputs-notes.txt", "inputs-1-2.jsonl.zst", "ledger.sqlite"] {
        OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(folder.path().join(name))
            .unwrap()
            .write_all(b"x")
            .unwrap();
    }
    written(folder.path(), 1, 100, Ring { files: 2, bytes: 500 });
    assert_eq!(names(folder.path()).len(), 5);
}

#[test]
fn files_that_are_whole_are_packed_and_read_alike() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), 1, 4_000, Ring { files: 100, bytes: 100_000 });
    let packed = || names(folder.path()).into_iter().filter(|name| name.ends_with(".jsonl.zst")).count();
    // The thread that packs may still be at it, and what it leaves the next life takes up.
    let mut run = 1;
    while packed() < 2 {
        run += 1;
        written(folder.path(), run, 1, Ring { files: 10_000, bytes: 100_000 });
    }
    let inputs = Inputs::open(folder.path(), Some(RunId(1))).unwrap();
    assert_eq!(inputs.map(Result::unwrap).count(), 4_000);
    let first = folder.path().join("inputs-00000001-000.jsonl.zst");
    assert!(fs::metadata(&first).unwrap().len() < 30_000, "a third, and less of longer files");
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&first).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let whole = fs::read(&first).unwrap();
    fs::write(&first, &whole[..whole.len() / 2]).unwrap();
    let cut = Inputs::open(folder.path(), Some(RunId(1))).unwrap_err();
    assert!(matches!(cut, ReadJournalError::Read { .. }), "a packed file is whole or damaged: {cut}");
}
