//! The layers that a service manager puts around a process, as the kernel shows them.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::config::Require;

/// A layer that a process cannot put around itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// A filter of system calls.
    SystemCalls,
    /// No privileges, and none to be gained.
    Privileges,
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
    /// What is around the process with the folder `process` in `/proc`; another user's can only be looked at by root.
    ///
    /// # Errors
    ///
    /// The kernel does not show it: there is no such process, or nothing is mounted on `/proc`, or it is another user's.
    pub fn of(process: &Path) -> Result<Self, SurroundingsError> {
        let read = |name: &str| {
            let path = process.join(name);
            fs::read_to_string(&path).map_err(|source| SurroundingsError { path, source })
        };
        let (status, interfaces) = (read("status")?, read("net/dev")?);
        let root = process.join("root");
        let looked = fs::metadata(&root);
        looked.map_err(|source| SurroundingsError { path: root.clone(), source })?;
        let verdicts = vec![
            Verdict { layer: Layer::SystemCalls, fault: unfiltered(&status) },
            Verdict { layer: Layer::Privileges, fault: privileged(&status) },
            Verdict { layer: Layer::Network, fault: connected(&interfaces) },
            Verdict { layer: Layer::Root, fault: seeing(&root) },
        ];
        Ok(Self { verdicts })
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

fn connected(interfaces: &str) -> Option<String> {
    let names = interfaces.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim());
    let others: Vec<&str> = names.filter(|name| *name != "lo").take(NAMED_MAX).collect();
    (!others.is_empty()).then(|| format!("it sees the network ({})", others.join(", ")))
}

fn seeing(root: &Path) -> Option<String> {
    let seen = OF_A_HOST.into_iter().find(|name| fs::symlink_metadata(root.join(name)).is_ok())?;
    Some(format!("it sees files of the host (/{seen})"))
}

impl Layer {
    /// What it is called.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SystemCalls => "system calls",
            Self::Privileges => "privileges",
            Self::Network => "network",
            Self::Root => "own root",
        }
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
/// Interfaces that are named before it is enough.
const NAMED_MAX: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const GUARDED: &str = "Name:\tx\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n\
                           CapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n\
                           Seccomp_filters:\t9\n";
    const LOOPBACK: &str = "Inter-|   Receive\n face |bytes\n    lo:  0  0\n";

    fn process(status: &str, interfaces: &str, files: &[&str]) -> tempfile::TempDir {
        let process = tempfile::tempdir().unwrap();
        fs::create_dir_all(process.path().join("net")).unwrap();
        fs::create_dir_all(process.path().join("root/etc")).unwrap();
        fs::write(process.path().join("status"), status).unwrap();
        fs::write(process.path().join("net/dev"), interfaces).unwrap();
        for file in files {
            fs::write(process.path().join("root").join(file), "").unwrap();
        }
        process
    }

    #[test]
    fn a_process_in_all_layers_is_guarded_in_full() {
        let process = process(GUARDED, LOOPBACK, &["etc/tradingbot.toml"]);
        let surroundings = Surroundings::of(process.path()).unwrap();
        assert_eq!(
            surroundings.to_string(),
            "guarded from outside in full: system calls, privileges, network, own root"
        );
        assert!(surroundings.satisfy(Require::Full).is_ok());
    }

    #[test]
    fn each_layer_that_is_missing_is_named_with_what_shows_it() {
        let ethernet = format!("{LOOPBACK}  eth0: 1 2\n");
        for (status, interfaces, file, expected) in [
            (GUARDED.replace("Seccomp:\t2", "Seccomp:\t0"), LOOPBACK, "etc/x", "system calls (there is no filter"),
            (GUARDED.replace("NoNewPrivs:\t1", "NoNewPrivs:\t0"), LOOPBACK, "etc/x", "privileges (it may gain"),
            (
                GUARDED.replace("CapBnd:\t00", "CapBnd:\t01"),
                LOOPBACK,
                "etc/x",
                "privileges (it may have capabilities (CapBnd))",
            ),
            (GUARDED.to_owned(), ethernet.as_str(), "etc/x", "network (it sees the network (eth0))"),
            (GUARDED.to_owned(), LOOPBACK, "etc/passwd", "own root (it sees files of the host (/etc/passwd))"),
        ] {
            let process = process(&status, interfaces, &[file]);
            let surroundings = Surroundings::of(process.path()).unwrap();
            assert_eq!(surroundings.verdicts().iter().filter(|verdict| verdict.fault.is_some()).count(), 1);
            let missing = surroundings.satisfy(Require::Full).unwrap_err().to_string();
            assert!(missing.contains(&format!("missing: {expected}")), "{missing}");
        }
    }

    #[test]
    fn less_is_enough_where_the_best_is_asked_for() {
        let process = process("", "", &["etc/passwd"]);
        let surroundings = Surroundings::of(process.path()).unwrap();
        assert!(surroundings.to_string().starts_with("guarded from outside in part: network; missing: system calls"));
        assert!(surroundings.satisfy(Require::Best).is_ok());
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error_that_names_it() {
        let error = Surroundings::of(Path::new("/proc/none")).unwrap_err();
        assert_eq!(error.to_string(), "cannot see what is around the process: /proc/none/status");
    }
}
