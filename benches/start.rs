//! From the start of the process until it tells its service manager that it is ready.

use std::fs;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;
use tradingbot::clock;
use tradingbot::config::{self, Speed};
use tradingbot::daemon::{Feed, Inbox, LEDGER_FILE, Life, Mailbox, Observer, Shell, drive};
use tradingbot::ledger::Ledger;

use super::bot::{PAPER, SHIPPED, configured, program, stop};
use super::figure::{Table, grouped};
use super::timing::{elapsed, median};

/// On an empty state folder and on a ledger of some age; on the disk, and in memory, which leaves what is our own part.
pub fn measure() -> Table {
    let mut table = Table::new(
        "Start",
        format!(
            "From before the process is made until `READY=1` arrives at a socket that stands in for the service manager's: \
             loading, configuration, ledger and engine, the first entry, the sandbox and the API included. Medians of {ROUNDS}, \
             by the clock. A start waits for the disk several times, so its state folder lies in memory for the second figure."
        ),
    );
    let bare = millis(|| {
        let status = Command::new(program()).arg("--version").stdout(Stdio::null()).status().unwrap();
        assert!(status.success());
    });
    let aged = aged();
    for (place, folder) in [("on the disk", std::env::temp_dir()), ("in memory", PathBuf::from("/dev/shm"))] {
        let beside = if place == "on the disk" {
            let file = tempfile::tempfile().unwrap();
            let sync = millis(|| {
                file.write_all_at(&[1; 4_096], 0).unwrap();
                file.sync_data().unwrap();
            });
            format!("{sync:.1} ms for one `fdatasync`")
        } else {
            format!("{bare:.1} ms for `--version`, from start to end")
        };
        let fresh = || tempfile::tempdir_in(&folder).unwrap();
        let copied = || {
            let state = tempfile::tempdir_in(&folder).unwrap();
            for file in fs::read_dir(aged.path()).unwrap().map(Result::unwrap) {
                if file.file_name().to_string_lossy().starts_with(LEDGER_FILE) {
                    fs::copy(file.path(), state.path().join(file.file_name())).unwrap();
                }
            }
            state
        };
        let time = millis_to_ready(SHIPPED, fresh);
        table.judge(format!("empty state folder, {place}"), format!("{time:.1} ms"), &beside, AIM, time <= AIM_MILLIS);
        let time = millis_to_ready(PAPER, copied);
        let what = format!("ledger of {} entries, {place}", grouped(ENTRIES as f64));
        table.judge(what, format!("{time:.1} ms"), beside, AIM, time <= AIM_MILLIS);
    }
    table
}

fn millis(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS).map(|_| elapsed(&mut work) * 1e3).collect();
    median(&mut times)
}

fn millis_to_ready(config: &str, state: impl Fn() -> TempDir) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS).map(|_| to_ready(config, state().path()) * 1e3).collect();
    median(&mut times)
}

fn to_ready(config: &str, state: &Path) -> f64 {
    let config = configured(config, state);
    let place = state.join("notify");
    let socket = UnixDatagram::bind(&place).unwrap();
    let mut command = Command::new(program());
    command.args(["run", "--config"]).arg(config).env("NOTIFY_SOCKET", place);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut said = [0; 4_096];
    let begun = Instant::now();
    let mut child = command.spawn().unwrap();
    let seconds = loop {
        let length = socket.recv(&mut said).unwrap();
        if said[..length].split(|byte| *byte == b'\n').any(|line| line == b"READY=1") {
            break begun.elapsed().as_secs_f64();
        }
    };
    stop(&mut child);
    seconds
}

/// A state folder in which the bot has traded on the practice market, as fast as it could.
fn aged() -> TempDir {
    let state = tempfile::tempdir().unwrap();
    // Days of trading pass by in seconds, so nothing may stop it on the way.
    let config =
        format!("{PAPER}\n[risk]\nloss-per-day-max = \"1000000\"\ndrawdown-max = \"0.99\"\norders-per-day = 200000\n");
    let config = config::load(&configured(&config, state.path())).unwrap();
    let Life { mut shell, mut feed } = Life::begin(&config, Some(Speed::Max), None).unwrap();
    let (stop, inbox) = Inbox::new();
    drive(&mut shell, feed.as_mut(), &inbox, &mut Until(stop), None).unwrap();
    shell.end().unwrap();
    backdated(&state.path().join(LEDGER_FILE))
}

/// A state folder with these entries in a ledger that ends now: no bot goes on from what has yet to come.
fn backdated(from: &Path) -> TempDir {
    let from = Ledger::open(from).unwrap();
    let state = tempfile::tempdir().unwrap();
    let mut to = Ledger::open(&state.path().join(LEDGER_FILE)).unwrap();
    let ahead = from.last_at().unwrap().unwrap().since(clock::now());
    from.each(|entry| {
        let _durable = to.commit(entry.at.minus(ahead), &[entry.value]).unwrap();
    })
    .unwrap();
    state
}

/// Stops the life once its ledger is long enough.
struct Until(Mailbox);

impl Observer for Until {
    fn opened(&mut self, _: &mut Shell) {}

    fn look(&mut self, shell: &mut Shell, _: &dyn Feed) {
        shell.take_notifications();
        if shell.head().seq >= ENTRIES {
            self.0.stop();
        }
    }

    fn alive(&mut self, _: &Shell, _: &dyn Feed) {}

    fn reload(&mut self, _: &mut Shell) {}
}

const ENTRIES: u64 = 10_000;
const ROUNDS: u32 = 21;
const AIM: &str = "<= 10 ms";
const AIM_MILLIS: f64 = 10.0;
