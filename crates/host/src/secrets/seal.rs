//! Keeps the memory of this process from being dumped or read.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use thiserror::Error;

/// Turns core dumps off, and keeps other processes of the same user from reading this one's memory.
///
/// Both are needed: a limit of zero does not keep a dump from a pipe handler, and a process that cannot be dumped loses
/// that at the next `exec`. To be called first in `main`, and again by whatever image follows.
///
/// # Errors
///
/// The kernel refuses; a filter of system calls may be in the way.
pub fn seal_process() -> Result<(), SealProcessError> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
        .map_err(|errno| SealProcessError::CoreLimit(errno.into()))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|errno| SealProcessError::Dumpable(errno.into()))
}

/// Why core dumps could not be turned off.
#[derive(Debug, Error)]
pub enum SealProcessError {
    /// The limit.
    #[error("cannot set the size limit of core dumps to zero")]
    CoreLimit(#[source] std::io::Error),
    /// The flag.
    #[error("cannot keep this process from being dumped (prctl PR_SET_DUMPABLE)")]
    Dumpable(#[source] std::io::Error),
}
