//! Where requests come in: sockets that somebody else has opened, and what may be done over each.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;

use thiserror::Error;

/// A socket that listens, and what it opens.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    control: bool,
}

/// A listening socket.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Serves whoever shows a token, in plain text: only at an address that nobody else can reach.
    ///
    /// # Errors
    ///
    /// Others can reach it, or it cannot be used.
    pub fn tcp(socket: TcpListener) -> Result<Self, ListenerError> {
        let address = socket.local_addr().map_err(ListenerError::Unusable)?;
        if !address.ip().to_canonical().is_loopback() {
            return Err(ListenerError::Exposed { address });
        }
        socket.set_nonblocking(true).map_err(ListenerError::Unusable)?;
        Ok(Self { socket: Socket::Tcp(socket), control: false })
    }

    /// Serves whoever shows a token, over a unix socket such as a proxy talks to.
    ///
    /// # Errors
    ///
    /// It cannot be used.
    pub fn unix(socket: UnixListener) -> Result<Self, ListenerError> {
        socket.set_nonblocking(true).map_err(ListenerError::Unusable)?;
        Ok(Self { socket: Socket::Unix(socket), control: false })
    }

    /// Serves whoever may open the socket, as admin and without a token: its file mode is the only lock.
    ///
    /// # Errors
    ///
    /// It cannot be used.
    pub fn control(socket: UnixListener) -> Result<Self, ListenerError> {
        Ok(Self { control: true, ..Self::unix(socket)? })
    }

    pub(super) const fn is_control(&self) -> bool {
        self.control
    }

    pub(super) fn into_socket(self) -> Socket {
        self.socket
    }
}

/// A listener that cannot be used.
#[derive(Debug, Error)]
pub enum ListenerError {
    /// Plain text where others listen in.
    #[error(
        "{address} can be reached from other machines, and what travels there is not encrypted; listen on 127.0.0.1 or a \
         unix socket and put a proxy with TLS in front"
    )]
    Exposed {
        /// Where it listens.
        address: SocketAddr,
    },
    /// The system refuses.
    #[error("a listening socket cannot be used")]
    Unusable(#[source] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_served_where_nobody_else_listens() {
        assert!(Listener::tcp(TcpListener::bind("127.0.0.1:0").unwrap()).is_ok());
        let exposed = Listener::tcp(TcpListener::bind("0.0.0.0:0").unwrap());
        assert!(matches!(exposed, Err(ListenerError::Exposed { .. })));
    }
}
