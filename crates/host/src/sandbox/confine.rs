//! Takes from this process what it does not need, for good: files, programs, ports, other processes.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use rustix::io::Errno;
use thiserror::Error;

/// What the process keeps. Everything else on the file system and in the network is refused, and so is running a program.
///
/// What is open already stays usable: listeners, the ledger, standard error. So does a unix socket with a path, such as
/// the service manager's and the journal's.
#[derive(Debug, Default)]
pub struct Grants {
    /// Files and folders it may read.
    pub read: Vec<PathBuf>,
    /// Folders in which it may also make, change, rename and remove files and folders.
    pub write: Vec<PathBuf>,
    /// TCP ports it may listen on.
    pub bind: Vec<u16>,
    /// TCP ports it may connect to, on any machine.
    pub connect: Vec<u16>,
}

/// Proof that the process is confined as far as the kernel can; only [`confine`] makes one.
#[derive(Debug)]
pub struct Confined {
    enforcement: Enforcement,
    abi: Option<u8>,
    missing: Vec<Missing>,
    reason: &'static str,
}

/// How much of what was asked for is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enforcement {
    /// All.
    Full,
    /// Some; [`Confined::missing`] has the rest.
    Partial,
    /// Nothing but that programs run from here gain no rights.
    Nothing,
}

/// One thing that the kernel cannot refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// What the process could still do.
    pub what: &'static str,
    /// The version of landlock's interface that can refuse it.
    pub abi: u8,
    /// The version of Linux that has it.
    pub linux: &'static str,
}

/// How much confinement there must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Require {
    /// All of it.
    Full,
    /// What the kernel has.
    Best,
}

/// Confines this process for good, and all that it ever starts.
///
/// It must be called while there is one thread: landlock binds the thread that asks and those it makes afterwards.
///
/// # Errors
///
/// There are other threads; a path is not there; the kernel refuses; or `require` is [`Require::Full`] and the kernel
/// can only do a part. The process may then be confined in part, and should end.
pub fn confine(grants: &Grants, require: Require) -> Result<Confined, ConfineError> {
    let threads = fs::read_dir("/proc/self/task").map_err(ConfineError::Threads)?.count();
    if threads != 1 {
        return Err(ConfineError::ManyThreads { threads });
    }
    rustix::thread::set_no_new_privs(true).map_err(|errno| ConfineError::Privileges(errno.into()))?;
    let status = ruleset(grants).and_then(|rules| rules.restrict_self().map_err(ConfineError::Kernel));
    let (enforcement, abi, reason) = match status {
        Ok(status) => {
            let (abi, reason) = match status.landlock {
                LandlockStatus::Available { effective_abi, .. } => (Some(effective_abi as u8), OLD_KERNEL),
                LandlockStatus::NotEnabled => (None, TURNED_OFF),
                LandlockStatus::NotImplemented => (None, if is_filtered() { HIDDEN } else { NO_LANDLOCK }),
            };
            let enforcement = match status.ruleset {
                RulesetStatus::FullyEnforced => Enforcement::Full,
                RulesetStatus::PartiallyEnforced => Enforcement::Partial,
                RulesetStatus::NotEnforced => Enforcement::Nothing,
            };
            (enforcement, abi, reason)
        }
        // Who may gain no privileges may confine itself, so it is not the kernel that refuses.
        Err(ConfineError::Kernel(error)) if is_refusal(&error) => (Enforcement::Nothing, None, FILTERED),
        Err(error) => return Err(error),
    };
    let missing = RIGHTS.iter().filter(|right| enforcement == Enforcement::Nothing || abi < Some(right.abi));
    let confined = Confined { enforcement, abi, missing: missing.copied().collect(), reason };
    match (require, enforcement) {
        (Require::Best, _) | (Require::Full, Enforcement::Full) => Ok(confined),
        (Require::Full, Enforcement::Partial | Enforcement::Nothing) => Err(ConfineError::NotFull { confined }),
    }
}

impl Confined {
    /// How much is in force.
    #[must_use]
    pub const fn enforcement(&self) -> Enforcement {
        self.enforcement
    }

    /// The version of landlock's interface in use; `None` when the kernel has none, or a filter of system calls hides it.
    #[must_use]
    pub const fn abi(&self) -> Option<u8> {
        self.abi
    }

    /// What is not in force.
    #[must_use]
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// Why something is missing, and what helps; `None` when nothing is.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        (!self.missing.is_empty()).then_some(self.reason)
    }
}

/// Whether a call was refused or hidden as a whole, as filters of system calls do it.
fn is_refusal(error: &RulesetError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(Errno::from_io_error(error), Some(Errno::PERM | Errno::NOSYS));
        }
        cause = error.source();
    }
    false
}

/// Whether a filter of system calls is around this process.
fn is_filtered() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter_map(|line| line.strip_prefix("Seccomp:")).any(|mode| mode.trim() == "2")
}

/// The rules, not yet in force.
fn ruleset(grants: &Grants) -> Result<RulesetCreated, ConfineError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let special =
        AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::MakeFifo | AccessFs::MakeSock | AccessFs::MakeSym;
    let write = AccessFs::from_all(ABI_WANTED) & !(special | AccessFs::Execute | AccessFs::IoctlDev);
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI_WANTED))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(ABI_WANTED)))
        .and_then(|rules| rules.scope(Scope::from_all(ABI_WANTED)))
        .and_then(Ruleset::create)
        .map_err(ConfineError::Kernel)?;
    for (paths, access) in [(&grants.read, read), (&grants.write, write)] {
        for path in paths {
            rules = rules.add_rule(rule(path, access)?).map_err(ConfineError::Kernel)?;
        }
    }
    for (ports, access) in [(&grants.bind, AccessNet::BindTcp), (&grants.connect, AccessNet::ConnectTcp)] {
        for port in ports {
            rules = rules.add_rule(NetPort::new(*port, access)).map_err(ConfineError::Kernel)?;
        }
    }
    Ok(rules)
}

/// The rule that grants `access` to a file or to all that is in a folder.
fn rule(path: &Path, access: BitFlags<AccessFs>) -> Result<PathBeneath<PathFd>, ConfineError> {
    let fault = |source| ConfineError::Path { path: path.to_owned(), source };
    let is_folder = fs::metadata(path).map_err(fault)?.is_dir();
    let descriptor = PathFd::new(path).map_err(|error| fault(io::Error::other(error)))?;
    // The kernel refuses rights that only a folder can have for a file.
    let access = if is_folder { access } else { access & AccessFs::from_file(ABI_WANTED) };
    Ok(PathBeneath::new(descriptor, access))
}

impl fmt::Display for Confined {
    /// What is in force and what is not, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.enforcement {
            Enforcement::Full => "confined in full",
            Enforcement::Partial => "confined in part",
            Enforcement::Nothing => "not confined",
        })?;
        if let Some(abi) = self.abi {
            write!(f, " (landlock {abi})")?;
        }
        for (at, missing) in self.missing.iter().enumerate() {
            write!(f, "{} {missing}", if at == 0 { "; not refused:" } else { "," })?;
        }
        self.reason().map_or(Ok(()), |reason| write!(f, "; {reason}"))
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (Linux {})", self.what, self.linux)
    }
}

/// Why the process is not confined.
#[derive(Debug, Error)]
pub enum ConfineError {
    /// The threads cannot be counted.
    #[error("threads of this process cannot be counted in /proc/self/task; is /proc mounted?")]
    Threads(#[source] io::Error),
    /// It is too late.
    #[error("the sandbox must come before threads, and there are {threads}")]
    ManyThreads {
        /// How many.
        threads: usize,
    },
    /// Rights to be gained cannot be given up.
    #[error("the right to gain privileges cannot be given up (prctl PR_SET_NO_NEW_PRIVS)")]
    Privileges(#[source] io::Error),
    /// A path that should be kept cannot be.
    #[error("{} is needed behind the sandbox and cannot be opened", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The kernel refuses a rule.
    #[error("the kernel refuses the sandbox")]
    Kernel(#[source] RulesetError),
    /// Less than all, and all was asked for.
    #[error("sandbox.require is \"full\", and the process is {confined}; mend that, or write require = \"best\"")]
    NotFull {
        /// What there is.
        confined: Confined,
    },
}

/// The interface whose rights are asked for: all that files, TCP, abstract sockets and signals need. Later ones add
/// rights over sockets with a path, which the service manager and the journal are reached by, and over UDP.
const ABI_WANTED: ABI = ABI::V6;
const OLD_KERNEL: &str = "a newer kernel can refuse that too";
const TURNED_OFF: &str = "landlock is turned off, start the kernel with lsm=landlock among the others";
const NO_LANDLOCK: &str = "the kernel has no landlock: start one from Linux 5.13 on that was built with it";
const HIDDEN: &str = "a filter of system calls hides landlock, or the kernel has none: let the filter of the container or the \
                      unit pass landlock_create_ruleset, landlock_add_rule and landlock_restrict_self";
const FILTERED: &str = "a filter of system calls refuses landlock, which the kernel has: let the filter of the container or the \
                        unit pass landlock_create_ruleset, landlock_add_rule and landlock_restrict_self";
/// What each version of the interface can refuse.
const RIGHTS: [Missing; 6] = [
    Missing { what: "files and programs", abi: 1, linux: "5.13" },
    Missing { what: "renaming into another folder", abi: 2, linux: "5.19" },
    Missing { what: "truncating files", abi: 3, linux: "6.2" },
    Missing { what: "TCP ports", abi: 4, linux: "6.7" },
    Missing { what: "control of devices", abi: 5, linux: "6.10" },
    Missing { what: "abstract unix sockets and signals", abi: 6, linux: "6.12" },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_counted_before_anything_is_taken() {
        let other = std::thread::spawn(std::thread::park);
        let error = confine(&Grants::default(), Require::Best).unwrap_err();
        assert!(matches!(error, ConfineError::ManyThreads { threads: 2.. }), "{error}");
        assert!(fs::metadata("/").is_ok());
        other.thread().unpark();
        other.join().unwrap();
    }

    #[test]
    fn a_path_that_is_not_there_is_named() {
        let grants = Grants { read: vec!["/nowhere/at/all".into()], ..Grants::default() };
        let error = ruleset(&grants).unwrap_err();
        assert_eq!(error.to_string(), "/nowhere/at/all is needed behind the sandbox and cannot be opened");
    }

    #[test]
    fn what_is_missing_is_said_in_words() {
        let missing = RIGHTS.iter().filter(|right| right.abi > 4).copied().collect();
        let confined = Confined { enforcement: Enforcement::Partial, abi: Some(4), missing, reason: OLD_KERNEL };
        assert_eq!(
            confined.to_string(),
            "confined in part (landlock 4); not refused: control of devices (Linux 6.10), abstract unix sockets and \
             signals (Linux 6.12); a newer kernel can refuse that too"
        );
        let confined =
            Confined { enforcement: Enforcement::Full, abi: Some(7), missing: Vec::new(), reason: OLD_KERNEL };
        assert_eq!(confined.to_string(), "confined in full (landlock 7)");
    }
}
