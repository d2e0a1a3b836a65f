//! Listeners that the service manager has opened, taken by the names it gave them.

use std::env;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::PathBuf;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use rustix::net::{RecvFlags, recv};
use thiserror::Error;

/// What a listener is for; `FileDescriptorName=` in its socket unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SocketName {
    /// `api`: the API, where every request brings a token.
    Api,
    /// `control`: the operators' own, kept from others by its mode and group.
    Control,
}

/// A listener that does not block, and that no program started from here inherits.
#[derive(Debug)]
pub enum Listener {
    /// TCP, over version 4 or 6.
    Tcp(TcpListener),
    /// A unix socket.
    Unix(UnixListener),
}

/// The listeners that were handed over; without socket activation there are none.
#[derive(Debug, Default)]
pub struct Inherited {
    /// For the API.
    pub api: Vec<Listener>,
    /// For operators.
    pub control: Vec<Listener>,
    /// What an earlier process of this service left with [`Notifier::store`](super::Notifier::store) under the name `halt`.
    pub halt: Option<Stored>,
}

/// A descriptor that the service manager has kept; that it is there says most.
#[derive(Debug)]
pub struct Stored(Option<UnixDatagram>);

impl Stored {
    /// What was put into it, at most 4 KiB; it stays there for the next process.
    #[must_use]
    pub fn content(&self) -> Vec<u8> {
        let mut content = vec![0; STORED_BYTES_MAX];
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let length = self.0.as_ref().and_then(|socket| recv(socket, &mut content[..], flags).ok());
        content.truncate(length.map_or(0, |(length, _)| length));
        content
    }
}

impl Inherited {
    /// Takes them all. To be called once, before threads: it removes variables from the environment.
    ///
    /// # Errors
    ///
    /// One has a name that nobody here answers to, is no listening stream socket, or `control` is reachable over TCP.
    pub fn take() -> Result<Self, TakeSocketsError> {
        let Some(names) = names()? else { return Ok(Self::default()) };
        let mut handed = ListenFd::from_env();
        if handed.len() != names.len() {
            return Err(TakeSocketsError::Names { names: names.len(), sockets: handed.len() });
        }
        let mut inherited = Self::default();
        for (at, name) in names.into_iter().enumerate() {
            if name == STORED_HALT {
                inherited.halt = Some(Stored(handed.take_unix_datagram(at).ok().flatten()));
                continue;
            }
            let socket = name.parse()?;
            let fault = |source| TakeSocketsError::Socket { name: name.clone(), source };
            let listener = take(&mut handed, at).map_err(fault)?;
            match (socket, &listener) {
                (SocketName::Api, Listener::Tcp(_) | Listener::Unix(_)) => inherited.api.push(listener),
                (SocketName::Control, Listener::Unix(_)) => inherited.control.push(listener),
                (SocketName::Control, Listener::Tcp(_)) => return Err(TakeSocketsError::ControlOverTcp),
            }
        }
        Ok(inherited)
    }

    /// Whether there are no listeners.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.api.is_empty() && self.control.is_empty()
    }
}

impl Listener {
    /// Whether only this machine can reach it: a unix socket, or a loopback address.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(listener) => listener.local_addr().is_ok_and(|address| address.ip().to_canonical().is_loopback()),
            Self::Unix(_) => true,
        }
    }

    /// The TCP address it listens on.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    /// The path it listens on.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(listener) => listener.local_addr().ok()?.as_pathname().map(PathBuf::from),
        }
    }
}

/// The names in `LISTEN_FDNAMES`; `None` when nothing was handed to this process.
fn names() -> Result<Option<Vec<String>>, TakeSocketsError> {
    let variable = |name| env::var(name).ok().filter(|text| !text.is_empty());
    // Meant for another process, as when a program in between started this one: not ours to take.
    if variable("LISTEN_PID").as_deref() != Some(&std::process::id().to_string()) {
        return Ok(None);
    }
    let Some(count) = variable("LISTEN_FDS") else { return Ok(None) };
    let count: usize = count.parse().map_err(|_| TakeSocketsError::Count { text: count.chars().take(20).collect() })?;
    if count > SOCKETS_MAX {
        return Err(TakeSocketsError::Many { sockets: count });
    }
    let names: Vec<String> =
        variable("LISTEN_FDNAMES").map_or_else(Vec::new, |names| names.split(':').map(str::to_owned).collect());
    if names.len() == count {
        Ok(Some(names))
    } else {
        Err(TakeSocketsError::Names { names: names.len(), sockets: count })
    }
}

/// Takes one as what it is.
fn take(handed: &mut ListenFd, at: usize) -> io::Result<Listener> {
    let gone = || io::Error::from(io::ErrorKind::NotFound);
    let listener = match handed.take_unix_listener(at) {
        Ok(unix) => Listener::Unix(unix.ok_or_else(gone)?),
        Err(_) => Listener::Tcp(handed.take_tcp_listener(at)?.ok_or_else(gone)?),
    };
    let listens = match &listener {
        Listener::Tcp(tcp) => tcp.set_nonblocking(true).and_then(|()| Ok(socket_acceptconn(tcp.as_fd())?))?,
        Listener::Unix(unix) => unix.set_nonblocking(true).and_then(|()| Ok(socket_acceptconn(unix.as_fd())?))?,
    };
    if listens { Ok(listener) } else { Err(io::Error::other("it does not listen; write Accept=no in its unit")) }
}

impl std::str::FromStr for SocketName {
    type Err = TakeSocketsError;

    fn from_str(name: &str) -> Result<Self, TakeSocketsError> {
        match name {
            "api" => Ok(Self::Api),
            "control" => Ok(Self::Control),
            _ => Err(TakeSocketsError::UnknownName { name: name.chars().take(SHOWN_CHARS_MAX).collect() }),
        }
    }
}

impl fmt::Display for SocketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Api => "api",
            Self::Control => "control",
        })
    }
}

impl fmt::Display for Listener {
    /// Its address or path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address(), self.path()) {
            (Some(address), _) => write!(f, "{address}"),
            (None, Some(path)) => write!(f, "unix:{}", path.display()),
            (None, None) => f.write_str("a socket without a name"),
        }
    }
}

/// Why the listeners were not taken.
#[derive(Debug, Error)]
pub enum TakeSocketsError {
    /// `LISTEN_FDS` makes no sense.
    #[error("LISTEN_FDS is \"{text}\", which is no number of sockets")]
    Count {
        /// What it is, shortened.
        text: String,
    },
    /// More than anyone needs.
    #[error("{sockets} sockets were handed over, at most {SOCKETS_MAX} are taken")]
    Many {
        /// How many.
        sockets: usize,
    },
    /// Sockets without names.
    #[error(
        "{sockets} sockets were handed over with {names} names in LISTEN_FDNAMES; write FileDescriptorName=api or control in \
         each socket unit"
    )]
    Names {
        /// How many names.
        names: usize,
        /// How many sockets.
        sockets: usize,
    },
    /// Nobody answers to that name.
    #[error("a socket is named \"{name}\"; write FileDescriptorName=api or FileDescriptorName=control in its unit")]
    UnknownName {
        /// The name, shortened.
        name: String,
    },
    /// It is no socket to accept from.
    #[error("the socket \"{name}\" is no listening stream socket")]
    Socket {
        /// The name.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The operators' socket asks for no token, so a port would be open to everybody.
    #[error("the socket \"control\" must be a unix socket; name one over TCP api")]
    ControlOverTcp,
}

/// What a halt is stored under.
const STORED_HALT: &str = "halt";
const STORED_BYTES_MAX: usize = 4_096;
/// The most listeners that are taken.
const SOCKETS_MAX: usize = 16;
const SHOWN_CHARS_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_service_manager_there_are_no_sockets() {
        assert!(Inherited::take().unwrap().is_empty());
    }

    #[test]
    fn a_listener_knows_who_can_reach_it() {
        let local = Listener::Tcp(TcpListener::bind("127.0.0.1:0").unwrap());
        assert!(local.is_local());
        assert_eq!(local.to_string(), local.address().unwrap().to_string());
        assert!(!Listener::Tcp(TcpListener::bind("0.0.0.0:0").unwrap()).is_local());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let unix = Listener::Unix(UnixListener::bind(&path).unwrap());
        assert!(unix.is_local());
        assert_eq!(unix.to_string(), format!("unix:{}", path.display()));
    }
}
