//! What a bot needs of its host besides its sandbox: configuration, state, tokens, units, clock, disk and descriptors.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;

use super::{Finding, main_process, property};
use crate::api::{Standing, TokenFile};
use crate::cli::bot_unit::BotUnit;
use crate::cli::show::count;
use crate::cli::tool::{SYSTEMCTL, TIMEDATECTL};
use crate::cli::{Exit, Failure};
use crate::clock;
use crate::config::{self, Borrowed, Config};
use crate::daemon::LEDGER_FILE;
use crate::ledger::Reader;
use crate::systemd::{Instance, open_files_max};

/// Looks at all of it. Nothing is started, opened for good or changed.
pub fn findings(unit: &BotUnit) -> Vec<Finding> {
    let bot = unit.instance();
    let (configuration, config) = configuration(unit, &bot);
    let state = unit.state();
    let process = main_process(&bot.service());
    let mut findings = vec![configuration];
    findings.extend(state_folder(&state));
    findings.push(tokens(&state, &bot));
    findings.push(service(&bot));
    findings.push(socket(&bot.control_unit(), "control", "operators", process.is_some(), &bot));
    findings.push(socket(&bot.socket(), "API", "programs", process.is_some(), &bot));
    findings.push(the_clock());
    findings.push(disk(&state));
    let connections = config.map_or(CONNECTIONS_DEFAULT, |config| config.api.connections_max);
    findings.push(descriptors(process, connections, &bot));
    findings
}

fn configuration(unit: &BotUnit, bot: &Instance) -> (Finding, Option<Config>) {
    let file = bot.config();
    let shown = file.display();
    match config::load_as(&file, unit.own(Borrowed::Refused).as_ref()) {
        Ok(config) => (Finding::in_order(CONFIGURATION, format!("{shown}, digest {}", config.digest)), Some(config)),
        Err(faults) => {
            let finding = match fs::metadata(&file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let why = format!("{shown} is not there");
                    Finding::not_known(
                        CONFIGURATION,
                        why,
                        "install the package: docs/install.md; --bot NAME is another bot",
                    )
                }
                _ if fs::read(&file).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied) => {
                    Finding::not_known(CONFIGURATION, format!("{shown} may not be read"), "run this as root")
                }
                _ => {
                    let remedy = format!("mend the file; tradingbot check-config{} says when it is right", bot.flag());
                    Finding::wrong(CONFIGURATION, Exit::Config, faults.to_string(), remedy)
                }
            };
            (finding, None)
        }
    }
}

/// The folder and the ledger in it.
fn state_folder(state: &Path) -> Vec<Finding> {
    let shown = state.display();
    match fs::read_dir(state) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return vec![Finding::in_order(STATE, format!("{shown} is not there yet; the first start makes it"))];
        }
        Err(error) => return vec![Finding::not_known(STATE, format!("{shown}: {error}"), "run this as root")],
    }
    vec![Finding::in_order(STATE, shown.to_string()), ledger(&state.join(LEDGER_FILE))]
}

/// Whether the ledger opens and has a head; that no entry was changed is for `ledger verify` to find.
fn ledger(file: &Path) -> Finding {
    let shown = file.display();
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Finding::in_order(LEDGER, "there is none yet; the first start makes it".to_owned());
        }
        Err(error) => return Finding::not_known(LEDGER, format!("{shown}: {error}"), "run this as root"),
        Ok(_) => {}
    }
    match Reader::open(file).and_then(|mut reader| reader.head()) {
        Ok(head) => {
            let entries = count(head.seq);
            Finding::in_order(LEDGER, format!("{entries} entries, head {head}; `tradingbot ledger verify` checks each"))
        }
        Err(error) => {
            let remedy = format!("tradingbot ledger verify --ledger {shown}; see docs/ledger.md");
            Finding::wrong(LEDGER, Exit::Ledger, Failure::new(Exit::Ledger, &error).to_string(), remedy)
        }
    }
}

fn tokens(state: &Path, bot: &Instance) -> Finding {
    let file = TokenFile::of(state);
    let new = format!("runuser -u tradingbot -- tradingbot token new{} --name NAME --scope read", bot.flag());
    match fs::metadata(file.path()) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let why = format!("{}: {error}", file.path().display());
            return Finding::not_known(TOKENS, why, "run this as root");
        }
        Ok(_) | Err(_) => {}
    }
    match file.read() {
        Ok(records) => {
            let now = clock::now();
            match records.iter().filter(|record| record.standing(now) == Standing::Live).count() {
                0 => Finding::advice(TOKENS, "no token opens the API; the control socket needs none".to_owned(), new),
                live => Finding::in_order(TOKENS, format!("{live} of {} open the API", records.len())),
            }
        }
        Err(error) => {
            let what = Failure::new(Exit::Secret, &error).to_string();
            Finding::wrong(TOKENS, Exit::Secret, what, "mend what is named; nobody is let in meanwhile".to_owned())
        }
    }
}

fn service(bot: &Instance) -> Finding {
    let service = bot.service();
    let Some(state) = property(&service, "ActiveState") else {
        return Finding::not_known(SERVICE, no_manager(), "start the bot with systemd: docs/install.md");
    };
    let log = format!("journalctl -u {} -x -n 50", bot.stem());
    match (state.as_str(), property(&service, "Result").unwrap_or_default()) {
        ("active", _) => Finding::in_order(SERVICE, format!("{service} runs")),
        ("failed" | "activating", result) if result != "success" => {
            let code = property(&service, "ExecMainStatus").unwrap_or_default();
            let what = format!("{service} cannot start: {result}, it ended with {code}");
            Finding::wrong(SERVICE, Exit::Failure, what, format!("{log} says why"))
        }
        ("inactive", _) => {
            Finding::in_order(SERVICE, format!("{service} does not run; a connection to a socket starts it"))
        }
        (other, _) => Finding::in_order(SERVICE, format!("{service} is {other}")),
    }
}

/// The unit that listens. One that is not open while the bot runs is not opened by the bot: its service manager does that.
fn socket(unit: &str, name: &'static str, whom: &str, runs: bool, bot: &Instance) -> Finding {
    let Some(state) = property(unit, "ActiveState") else {
        return Finding::not_known(name, no_manager(), "start the bot with systemd: docs/install.md");
    };
    let open = property(unit, "Listen").unwrap_or_default();
    match (state.as_str(), runs) {
        ("active", _) => Finding::in_order(name, format!("{unit} listens for {whom}: {open}")),
        ("failed", _) => {
            let result = property(unit, "Result").unwrap_or_default();
            let what = format!("{unit} cannot listen ({result}), so {whom} do not reach the bot: {open}");
            let remedy = format!(
                "ss -lntxp shows who has the address; free it, or give the unit another (systemctl edit {unit}); then: \
                 {}",
                reopen(bot)
            );
            Finding::wrong(name, Exit::Failure, what, remedy)
        }
        (_, true) => {
            let what = format!("the bot runs, but {unit} is not open, so {whom} do not reach it");
            Finding::wrong(name, Exit::Failure, what, reopen(bot))
        }
        (_, false) => {
            let what = format!("{unit} is not open");
            Finding::advice(name, what, format!("systemctl enable --now {}", bot.socket()))
        }
    }
}

/// The one command that opens all sockets of a bot, whether it runs or not.
fn reopen(bot: &Instance) -> String {
    format!("systemctl restart {}", bot.service())
}

fn no_manager() -> String {
    match SYSTEMCTL.ask(&["--version"]) {
        Ok(_) => "systemd does not run here".to_owned(),
        Err(failure) => failure.to_string(),
    }
}

fn the_clock() -> Finding {
    let answer = TIMEDATECTL.ask(&["show", "--property=NTPSynchronized", "--value"]);
    let now = clock::now();
    match answer.as_ref().map(|answer| (answer.done, answer.text())) {
        Ok((true, text)) if text.trim() == "yes" => Finding::in_order(CLOCK, format!("{now}, synchronized")),
        Ok((true, _)) => {
            let remedy =
                "apt install systemd-timesyncd, or another time service; an exchange refuses a clock that is off";
            Finding::advice(CLOCK, format!("{now}, not synchronized with any server"), remedy.to_owned())
        }
        Ok((false, _)) | Err(_) => {
            let remedy = "compare it with another clock; timedatectl says whether it is synchronized".to_owned();
            Finding::advice(CLOCK, format!("{now}; whether it is synchronized is not known"), remedy)
        }
    }
}

fn disk(state: &Path) -> Finding {
    // The folder may not be there yet; the disk that it would be on is.
    let Some(folder) = state.ancestors().find(|folder| folder.exists()).map(PathBuf::from) else {
        return Finding::unknown(DISK, format!("{} has no folder above it", state.display()));
    };
    match statvfs(&folder) {
        Ok(disk) => {
            let (free, files) = (disk.f_bavail.saturating_mul(disk.f_frsize) / MEBIBYTE, disk.f_favail);
            let what =
                format!("{} MiB and {} files are free on the disk of {}", count(free), count(files), folder.display());
            let remedy = "make room; when it is full, trading halts and stays halted until it is resumed".to_owned();
            // Some file systems count no files and say 0 of 0.
            let few_files = disk.f_files > 0 && files < FILES_MIN;
            if free < FREE_MIB_MIN || few_files {
                Finding::wrong(DISK, Exit::Failure, what, remedy)
            } else if free < FREE_MIB_ADVISED {
                Finding::advice(DISK, what, remedy)
            } else {
                Finding::in_order(DISK, what)
            }
        }
        Err(error) => Finding::unknown(DISK, format!("{}: {error}", folder.display())),
    }
}

/// Whether the bot may open as many files as its connections need: each is one.
fn descriptors(process: Option<u32>, connections: u32, bot: &Instance) -> Finding {
    let (whose, limit) = match process {
        Some(pid) => ("the running bot", open_files_max(Path::new(&format!("/proc/{pid}")))),
        None => {
            ("a bot started from its unit", property(&bot.service(), "LimitNOFILE").and_then(|text| text.parse().ok()))
        }
    };
    let needed = u64::from(connections) + DESCRIPTORS_BESIDE;
    let Some(limit) = limit else {
        return Finding::unknown(
            DESCRIPTORS,
            "how many files the bot may open is not known: run this as root".to_owned(),
        );
    };
    let what = format!("{whose} may open {limit} files; {connections} connections and the rest need {needed}");
    if limit >= needed {
        return Finding::in_order(DESCRIPTORS, what);
    }
    let most = limit.saturating_sub(DESCRIPTORS_BESIDE);
    let remedy = format!(
        "take LimitNOFILE= out of the drop-in that lowers it (systemctl cat {0}; 4096 are shipped), or write \
         connections-max = {most} under [api]; then: systemctl restart {0}",
        bot.service()
    );
    Finding::wrong(DESCRIPTORS, Exit::Failure, what, remedy)
}

const CONFIGURATION: &str = "configuration";
const STATE: &str = "state";
const LEDGER: &str = "ledger";
const TOKENS: &str = "tokens";
const SERVICE: &str = "service";
const CLOCK: &str = "clock";
const DISK: &str = "disk";
const DESCRIPTORS: &str = "open files";
const MEBIBYTE: u64 = 1_048_576;
/// A ledger keeps a few MiB back for a halt; under this, that room itself is in danger.
const FREE_MIB_MIN: u64 = 64;
const FREE_MIB_ADVISED: u64 = 1_024;
const FILES_MIN: u64 = 64;
/// Those of the control socket, the ledger and its readers, the log and the runtime.
const DESCRIPTORS_BESIDE: u64 = 64;
/// Of a configuration that cannot be read.
const CONNECTIONS_DEFAULT: u32 = 256;

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_small_limit_of_open_files_is_known_for_what_it_is() {
        let own = u64::from(std::process::id());
        let pid = u32::try_from(own).unwrap();
        let limit = open_files_max(Path::new("/proc/self")).unwrap();
        let enough = descriptors(Some(pid), 10, &Instance::default());
        assert_eq!(enough.state, State::InOrder, "{enough:?}");
        let most = u32::try_from(limit).unwrap();
        let short = descriptors(Some(pid), most, &Instance::default());
        assert_eq!(short.state, State::Wrong);
        let remedy = short.remedy.unwrap();
        assert!(
            remedy.contains("LimitNOFILE=") && remedy.contains(&format!("connections-max = {}", most - 64)),
            "{remedy}"
        );
    }

    #[test]
    fn a_state_folder_is_looked_at_with_its_ledger_and_its_tokens() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        assert_eq!(state_folder(&gone).iter().map(|one| one.state).collect::<Vec<_>>(), [State::InOrder]);
        assert_eq!(state_folder(folder.path()).iter().map(|one| one.state).collect::<Vec<_>>(), [State::InOrder; 2]);
        assert_eq!(tokens(folder.path(), &Instance::default()).state, State::Advice);
        fs::write(folder.path().join(LEDGER_FILE), "no ledger").unwrap();
        let found = state_folder(folder.path());
        assert_eq!((found[1].state, found[1].exit), (State::Wrong, Exit::Ledger));
        assert_eq!(disk(folder.path()).layer, DISK);
    }
}
