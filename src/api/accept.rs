//! Lets connections in, whoever comes, and attends to each until it is over.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use rustix::io::Errno;
use tokio::net::{TcpListener, UnixListener};
use tokio::time::sleep;

use super::answer::answer;
use super::client::Origin;
use super::guard::{Guard, GuardLimits};
use super::head::{HEAD_BYTES_MAX, HEADERS_MAX};
use super::listener::{Listener, ListenerError, Socket};
use super::quota::SharedQuota;
use super::server::Server;
use super::slots::{Slot, Slots};
use super::stream::Stream;
use super::visit::Order;
use crate::log::message;

/// A listener that connections are taken from.
pub(super) enum Ready {
    /// At the loopback address.
    Tcp(TcpListener),
    /// At a unix socket.
    Unix(UnixListener, Origin),
}

impl Ready {
    /// Gets a listener ready.
    pub(super) fn of(listener: Listener) -> Result<Self, ListenerError> {
        let origin = if listener.is_control() { Origin::Control } else { Origin::Unix };
        match listener.into_socket() {
            Socket::Tcp(socket) => TcpListener::from_std(socket).map(Self::Tcp),
            Socket::Unix(socket) => UnixListener::from_std(socket).map(|socket| Self::Unix(socket, origin)),
        }
        .map_err(ListenerError::Unusable)
    }

    async fn accept(&self) -> io::Result<(Stream, Origin)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // What is sent is sent whole; waiting for more would only delay it.
                let _ = stream.set_nodelay(true);
                Ok((Stream::Tcp(stream), Origin::Tcp(peer.ip())))
            }
            Self::Unix(listener, origin) => Ok((Stream::Unix(listener.accept().await?.0), *origin)),
        }
    }
}

/// Accepts for ever. Nobody waits for a slot: whoever comes last takes that of the oldest who has shown no token.
pub(super) async fn accept(server: Arc<Server>, listener: Ready, slots: Arc<Slots>) {
    let complaints = SharedQuota::new(COMPLAINTS_PER_MINUTE, 1);
    loop {
        for _ in 0..ACCEPTED_AT_ONCE {
            match listener.accept().await {
                Ok((stream, origin)) => {
                    if let Some(slot) = slots.admit() {
                        tokio::spawn(attend(Arc::clone(&server), stream, origin, Arc::new(slot)));
                    }
                }
                Err(error) => {
                    if complaints.try_acquire().is_ok() {
                        tracing::warn!(message_id = message::CONNECTION_LOST.id, %error, "cannot accept a connection");
                    }
                    // A connection that was given up while it waited is none of ours; anything else may last.
                    let gone = error.kind() == io::ErrorKind::ConnectionAborted;
                    let relieved = is_exhausted(&error) && slots.close_oldest(ACCEPTED_AT_ONCE) > 0;
                    if !gone && !relieved {
                        sleep(ACCEPT_PAUSE).await;
                    }
                    break;
                }
            }
        }
        // What has arrived over the connections that are open is read before any of them makes room for the next, and those
        // that were told to close give their descriptors back.
        tokio::task::yield_now().await;
    }
}

/// Whether the system has no room for another connection.
fn is_exhausted(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

/// Attends to one connection until it is over. Before its first head is whole it costs little more than its socket.
async fn attend(server: Arc<Server>, stream: Stream, origin: Origin, slot: Arc<Slot>) {
    let settings = &server.settings;
    let limits = GuardLimits {
        body_bytes_max: settings.body_bytes_max,
        header_timeout: settings.header_timeout,
        idle_timeout: settings.idle_timeout,
        write_timeout: settings.write_timeout,
    };
    let mut guard = Guard::new(stream, limits, Arc::clone(&slot.visit));
    tokio::select! {
        biased;
        head = guard.first_head() => {
            if !matches!(head, Ok(true)) {
                return;
            }
        }
        order = slot.visit.ordered() => {
            if order == Order::Finish {
                let _ = guard.finish().await;
            }
            return;
        }
    }
    let visit = Arc::clone(&slot.visit);
    let service = service_fn(move |request| {
        let (server, slot, refusal) = (Arc::clone(&server), Arc::clone(&slot), slot.visit.arrive());
        async move { Ok::<_, Infallible>(answer(&server, &slot, origin, refusal, request).await) }
    });
    let connection = http1::Builder::new()
        .max_headers(HEADERS_MAX)
        // Head and body of an answer in one piece: answers are small, and so it costs less.
        .writev(false)
        .max_buf_size(HEAD_BYTES_MAX * 2)
        .serve_connection(guard, service);
    let mut connection = Box::pin(connection);
    loop {
        tokio::select! {
            biased;
            // How a connection ends is the client's affair.
            _ = connection.as_mut() => return,
            order = visit.ordered() => match order {
                Order::Finish => connection.as_mut().graceful_shutdown(),
                Order::Close => return,
            },
        }
    }
}

/// Connections that are accepted before those that are open have their turn; fewer than there are slots for newcomers.
pub(super) const ACCEPTED_AT_ONCE: usize = 16;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const COMPLAINTS_PER_MINUTE: u32 = 1;
