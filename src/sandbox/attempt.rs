//! What shows only when it is tried: each attempt is harmless, and refused inside the layer that it is about.

use memmap2::MmapMut;
use rustix::fs::{MemfdFlags, memfd_create};
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
    let open: Vec<&str> = attempts.iter().filter(|(_, done)| done.is_ok()).map(|(name, _)| *name).collect();
    (!open.is_empty()).then(|| format!("its filter lets calls through that it does not need ({})", open.join(", ")))
}

fn sockets() -> Option<String> {
    let attempts = [
        ("IPv4", socket(AddressFamily::INET, SocketType::STREAM, None)),
        ("IPv6", socket(AddressFamily::INET6, SocketType::STREAM, None)),
        ("netlink", socket(AddressFamily::NETLINK, SocketType::RAW, None)),
    ];
    let open: Vec<&str> = attempts.iter().filter(|(_, done)| done.is_ok()).map(|(name, _)| *name).collect();
    (!open.is_empty()).then(|| format!("it may ask for other sockets than unix ones ({})", open.join(", ")))
}

fn memory() -> Option<String> {
    match MmapMut::map_anon(1).and_then(MmapMut::make_exec) {
        Ok(_) => Some("memory that was written can be run".to_owned()),
        Err(_) => None,
    }
}
