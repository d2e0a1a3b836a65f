//! The layers that a service manager puts around a process, as the kernel shows them.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Require;
use super::attempt;
use super::mounts;

/// A layer that a process cannot put around itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// A filter of system calls, with a list of those that are let through.
    SystemCalls,
    /// No sockets but unix ones.
    Sockets,
    /// No memory that is written and then run.
    Memory,
    /// No files that are written and then run.
    Programs,
    /// No privileges, and none to be gained.
    Privileges,
    /// Users of its own, none of which is another of the host.
    Users,
    /// A network of its own with nothing in it.
    Network,
    /// A file system of its own with little in it.
    Root,
}

/// Whether a layer is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Which.
    pub layer: Layer,
    /// What shows that it is not; `None` when it is.
    pub fault: Option<String>,
}

/// What is around a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    verdicts: Vec<Verdict>,
}

impl Surroundings {
    /// What is around this process: what the kernel shows, and what it refuses when it is tried. A filter that ends a process
    /// instead of answering ends this one.
    ///
    /// # Errors
    ///
    /// The kernel does not show it.
    pub fn own() -> Result<Self, SurroundingsError> {
        let mut own = Self::of(Path::new("/proc/self"))?;
        for verdict in own.verdicts.iter_mut().filter(|verdict| verdict.fault.is_none()) {
            verdict.fault = attempt::fault(verdict.layer);
        }
        Ok(own)
    }

    /// What the kernel shows of the process with the folder `process` in `/proc`; of another user's it does to root alone.
    /// Layers that have to be [tried from inside](Layer::is_tried) have no fault unless it shows here already.
    ///
    /// # Errors
    ///
    /// The kernel does not show it: there is no such process, or nothing is mounted on `/proc`, or it is another user's.
    pub fn of(process: &Path) -> Result<Self, SurroundingsError> {
        let read = |name: &str| {
            let path = process.join(name);
            fs::read_to_string(&path).map_err(|source| SurroundingsError { path, source })
        };
        let (status, users, mounts) = (read("status")?, read("uid_map")?, read("mountinfo")?);
        let (interfaces, sockets) = (read("net/dev")?, read("net/unix")?);
        let root = process.join("root");
        let looked = fs::metadata(&root);
        looked.map_err(|source| SurroundingsError { path: root.clone(), source })?;
        let fault = |layer| match layer {
            Layer::SystemCalls => unfiltered(&status),
            Layer::Sockets | Layer::Memory => None,
            Layer::Programs => mounts::running(&mounts),
            Layer::Privileges => privileged(&status),
            Layer::Users => sharing(&users),
            Layer::Network => connected(&interfaces, &sockets),
            Layer::Root => seeing(&root).or_else(|| mounts::showing(&mounts)),
        };
        let verdicts = Layer::ALL.into_iter().map(|layer| Verdict { layer, fault: fault(layer) });
        Ok(Self { verdicts: verdicts.collect() })
    }

    /// Each layer.
    #[must_use]
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// Whether every layer is in force.
    #[must_use]
    pub fn are_whole(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.fault.is_none())
    }

    /// Goes on only with what was asked for.
    ///
    /// # Errors
    ///
    /// `require` is [`Require::Full`] and a layer is missing; hands itself back.
    pub fn satisfy(self, require: Require) -> Result<Self, Self> {
        match require {
            Require::Full if !self.are_whole() => Err(self),
            Require::Full | Require::Best => Ok(self),
        }
    }
}

/// `NAME:` of a process's status.
fn field<'t>(status: &'t str, name: &str) -> Option<&'t str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

fn unfiltered(status: &str) -> Option<String> {
    match field(status, "Seccomp") {
        Some(SECCOMP_FILTER) => None,
        Some(_) => Some("there is no filter of system calls".to_owned()),
        None => Some("the kernel filters no system calls".to_owned()),
    }
}

fn privileged(status: &str) -> Option<String> {
    if field(status, "NoNewPrivs") != Some("1") {
        return Some("it may gain privileges from programs (NoNewPrivs)".to_owned());
    }
    let has = |name: &&str| field(status, name).is_none_or(|set| set.bytes().any(|digit| digit != b'0'));
    let held: Vec<&str> = CAPABILITY_SETS.into_iter().filter(has).collect();
    (!held.is_empty()).then(|| format!("it may have capabilities ({})", held.join(", ")))
}

/// A namespace of users maps root and the process's own user, the host's maps every one.
fn sharing(map: &str) -> Option<String> {
    let counts = map.lines().map(|line| line.split_whitespace().nth(2).and_then(|count| count.parse::<u64>().ok()));
    match counts.sum::<Option<u64>>() {
        Some(1..=OWN_USERS_MAX) => None,
        Some(count) => Some(format!("it shares users with the host ({count} of them)")),
        None => Some("the kernel does not say whose users it has".to_owned()),
    }
}

/// A host may itself have the loopback interface only, but then the sockets of its service manager are in its network.
fn connected(interfaces: &str, sockets: &str) -> Option<String> {
    let names = interfaces.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim());
    let others: Vec<&str> = names.filter(|name| *name != "lo").take(NAMED_MAX).collect();
    if !others.is_empty() {
        return Some(format!("it sees the network ({})", others.join(", ")));
    }
    let managers = sockets.split_whitespace().find(|word| word.starts_with(MANAGER))?;
    Some(format!("it is in the host's network ({managers})"))
}

fn seeing(root: &Path) -> Option<String> {
    let there = |name: &&str| fs::symlink_metadata(root.join(name)).is_ok();
    if let Some(seen) = OF_A_HOST.into_iter().find(there) {
        return Some(format!("it sees files of the host (/{seen})"));
    }
    let first = |folder: &&str| Some(fs::read_dir(root.join(folder)).ok()?.next()?.ok()?.file_name());
    let seen = EMPTY.iter().find_map(|folder| Some((folder, first(folder)?)));
    seen.map(|(folder, file)| format!("it sees files of the host (/{folder}/{})", file.display()))
}

impl Layer {
    /// Each.
    pub const ALL: [Self; 8] = [
        Self::SystemCalls,
        Self::Sockets,
        Self::Memory,
        Self::Programs,
        Self::Privileges,
        Self::Users,
        Self::Network,
        Self::Root,
    ];

    /// What it is called.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SystemCalls => "system calls",
            Self::Sockets => "sockets",
            Self::Memory => "memory",
            Self::Programs => "programs",
            Self::Privileges => "privileges",
            Self::Users => "own users",
            Self::Network => "network",
            Self::Root => "own root",
        }
    }

    /// Whether only the process itself can find out, by trying.
    #[must_use]
    pub const fn is_tried(self) -> bool {
        matches!(self, Self::SystemCalls | Self::Sockets | Self::Memory)
    }
}

impl fmt::Display for Surroundings {
    /// What is in force and what is not, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |missing: bool| {
            let of_kind = self.verdicts.iter().filter(move |verdict| verdict.fault.is_some() == missing);
            of_kind.map(|verdict| match &verdict.fault {
                Some(fault) => format!("{} ({fault})", verdict.layer.as_str()),
                None => verdict.layer.as_str().to_owned(),
            })
        };
        let (held, missing) = (names(false).collect::<Vec<_>>(), names(true).collect::<Vec<_>>());
        match (held.is_empty(), missing.is_empty()) {
            (false, true) => write!(f, "guarded from outside in full: {}", held.join(", ")),
            (false, false) => {
                write!(f, "guarded from outside in part: {}; missing: {}", held.join(", "), missing.join(", "))
            }
            (true, _) => write!(f, "not guarded from outside; missing: {}", missing.join(", ")),
        }
    }
}

/// What the kernel does not show.
#[derive(Debug, Error)]
#[error("cannot see what is around the process: {}", path.display())]
pub struct SurroundingsError {
    path: PathBuf,
    source: io::Error,
}

/// `SECCOMP_MODE_FILTER` of Linux.
const SECCOMP_FILTER: &str = "2";
const CAPABILITY_SETS: [&str; 5] = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
/// What every host has, and a root made for one program has not.
const OF_A_HOST: [&str; 4] = ["etc/passwd", "bin/sh", "usr/bin/env", "etc/os-release"];
/// Folders that such a root may have, with nothing in them that can be seen.
const EMPTY: [&str; 8] = ["home", "root", "srv", "opt", "mnt", "media", "boot", "var/log"];
/// Where a service manager has its sockets.
const MANAGER: &str = "/run/systemd/";
/// Root and the process's own.
const OWN_USERS_MAX: u64 = 2;
/// Interfaces that are named before it is enough.
const NAMED_MAX: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const GUARDED: &str = "Name:\tx\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n\
                           CapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n\
                           Seccomp_filters:\t9\n";
    const LOOPBACK: &str = "Inter-|   Receive\n face |bytes\n    lo:  0  0\n";
    const USERS: &str = "         0          0          1\n       997        997          1\n";
    const MOUNTS: &str = "1 0 0:63 /x / ro,noexec shared:1 - tmpfs tmpfs rw\n\
                          2 1 0:84 / /proc rw,noexec - proc proc rw,hidepid=invisible,subset=pid\n\
                          3 1 0:47 /s /var/lib/tradingbot rw,noexec - ext4 /dev/x rw\n";
    const SOCKETS: &str = "Num       RefCount Protocol Flags    Type St Inode Path\n0: 2 0 0 2 01 687355\n";

    /// A guarded process, but that one file says something else, and that there is one more file.
    fn process(name: &str, text: &str, file: &str) -> tempfile::TempDir {
        let process = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = process.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for (name, text) in [
            ("status", GUARDED),
            ("uid_map", USERS),
            ("mountinfo", MOUNTS),
            ("net/dev", LOOPBACK),
            ("net/unix", SOCKETS),
            (name, text),
            (file, ""),
        ] {
            put(name, text);
        }
        process
    }

    #[test]
    fn a_process_in_all_layers_is_guarded_in_full() {
        let process = process("status", GUARDED, "root/etc/tradingbot.toml");
        let surroundings = Surroundings::of(process.path()).unwrap();
        assert_eq!(
            surroundings.to_string(),
            "guarded from outside in full: system calls, sockets, memory, programs, privileges, own users, network, own root"
        );
        assert!(surroundings.satisfy(Require::Full).is_ok());
    }

    #[test]
    fn each_layer_that_is_missing_is_named_with_what_shows_it() {
        let ethernet = format!("{LOOPBACK}  eth0: 1 2\n");
        let hosts = format!("{SOCKETS}1: 2 0 10000 1 01 685777 /run/systemd/private\n");
        let (plain, with) = ("root/etc/x", |from: &str, to: &str| GUARDED.replace(from, to));
        for (name, text, file, expected) in [
            ("status", with("Seccomp:\t2", "Seccomp:\t0"), plain, "system calls (there is no filter of system calls)"),
            ("status", with("NoNewPrivs:\t1", "NoNewPrivs:\t0"), plain, "privileges (it may gain"),
            ("status", with("CapBnd:\t00", "CapBnd:\t01"), plain, "privileges (it may have capabilities (CapBnd))"),
            (
                "uid_map",
                "0 0 4294967295\n".to_owned(),
                plain,
                "own users (it shares users with the host (4294967295 of",
            ),
            ("uid_map", String::new(), plain, "own users (it shares users with the host (0 of"),
            (
                "mountinfo",
                MOUNTS.replace("rw,noexec - ext4", "rw - ext4"),
                plain,
                "programs (what it writes can be run",
            ),
            ("mountinfo", MOUNTS.replace(",subset=pid", ""), plain, "own root (it sees what the kernel says of itself"),
            ("net/dev", ethernet, plain, "network (it sees the network (eth0))"),
            ("net/unix", hosts, plain, "network (it is in the host's network (/run/systemd/private))"),
            ("status", GUARDED.to_owned(), "root/etc/passwd", "own root (it sees files of the host (/etc/passwd))"),
            ("status", GUARDED.to_owned(), "root/home/u/x", "own root (it sees files of the host (/home/u))"),
        ] {
            let process = process(name, &text, file);
            let surroundings = Surroundings::of(process.path()).unwrap();
            let missing = surroundings.satisfy(Require::Full).unwrap_err();
            assert_eq!(missing.verdicts().iter().filter(|verdict| verdict.fault.is_some()).count(), 1);
            assert!(missing.to_string().contains(&format!("missing: {expected}")), "{missing}");
        }
    }

    #[test]
    fn less_is_enough_where_the_best_is_asked_for() {
        let process = process("status", "", "root/etc/passwd");
        let surroundings = Surroundings::of(process.path()).unwrap();
        let said = surroundings.to_string();
        assert!(
            said.starts_with("guarded from outside in part: sockets, memory, programs, own users, network;"),
            "{said}"
        );
        assert!(surroundings.satisfy(Require::Best).is_ok());
    }

    #[test]
    fn what_is_tried_is_added_to_what_is_shown() {
        let (shown, tried) = (Surroundings::of(Path::new("/proc/self")).unwrap(), Surroundings::own().unwrap());
        for (shown, tried) in shown.verdicts().iter().zip(tried.verdicts()) {
            assert_eq!(shown.layer, tried.layer);
            assert!(tried.fault == shown.fault || shown.layer.is_tried(), "{tried:?}");
        }
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error_that_names_it() {
        let error = Surroundings::of(Path::new("/proc/none")).unwrap_err();
        assert_eq!(error.to_string(), "cannot see what is around the process: /proc/none/status");
    }
}
