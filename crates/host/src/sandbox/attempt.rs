//! What shows only when it is tried: each attempt is harmless, and refused inside the layer that it is about.

use std::os::fd::OwnedFd;

use memmap2::MmapMut;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, socket};
use rustix::process::{PidfdFlags, getpid, pidfd_open};

use super::Layer;

/// What shows that a layer is not around this process.
pub(super) fn fault(layer: Layer) -> Option<String> {
    match layer {
        Layer::SystemCalls => calls(),
        Layer::Sockets => sockets(),
        Layer::Memory => memory(),
        Layer::Programs | Layer::Privileges | Layer::Users | Layer::Network | Layer::Root => None,
    }
}

/// Calls that the program has no other use for, so that no list of what it needs has them: `PROBES` of
/// `packaging/syscalls`. Of each other one that a list has for nothing, only a comparison of the units can tell.
fn calls() -> Option<String> {
    let attempts = [
        ("memfd_create", memfd_create("probe", MemfdFlags::CLOEXEC)),
        ("pidfd_open", pidfd_open(getpid(), PidfdFlags::empty())),
    ];
    verdict(&attempts, "its filter lets calls through that it does not need")
}

fn sockets() -> Option<String> {
    let attempts = [
        ("IPv4", socket(AddressFamily::INET, SocketType::STREAM, None)),
        ("IPv6", socket(AddressFamily::INET6, SocketType::STREAM, None)),
        ("netlink", socket(AddressFamily::NETLINK, SocketType::RAW, None)),
    ];
    verdict(&attempts, "it may ask for other sockets than unix ones")
}

/// What the attempts show: one that was let through is a fault, and one that failed for want of a descriptor shows nothing.
fn verdict(attempts: &[(&str, Result<OwnedFd, Errno>)], fault: &str) -> Option<String> {
    let those = |wanted: fn(&Result<OwnedFd, Errno>) -> bool| -> Vec<&str> {
        attempts.iter().filter(|(_, done)| wanted(done)).map(|(name, _)| *name).collect()
    };
    let (open, untried) = (those(Result::is_ok), those(|done| matches!(done, Err(Errno::MFILE | Errno::NFILE))));
    if !open.is_empty() {
        return Some(format!("{fault} ({})", open.join(", ")));
    }
    (!untried.is_empty()).then(|| {
        format!("too few files may be open to try it ({}); raise LimitNOFILE= of the unit", untried.join(", "))
    })
}

fn memory() -> Option<String> {
    match MmapMut::map_anon(1).and_then(MmapMut::make_exec) {
        Ok(_) => Some("memory that was written can be run".to_owned()),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_is_a_refusal() {
        let said = |error| verdict(&[("x", Err(error)), ("y", Err(Errno::PERM))], "open");
        assert_eq!(said(Errno::PERM), None);
        assert_eq!(said(Errno::AFNOSUPPORT), None);
        for error in [Errno::MFILE, Errno::NFILE] {
            assert!(said(error).unwrap().starts_with("too few files may be open to try it (x)"));
        }
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(verdict(&[("x", Ok(file.into()))], "open"), Some("open (x)".to_owned()));
    }
}
