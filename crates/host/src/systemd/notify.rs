//! What the service manager is told: ready, how it goes, alive, stopping.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use sd_notify::NotifyState;
use thiserror::Error;

use tradingbot_domain::Span;

/// Speaks to the service manager; to nobody, and without fault, when none listens.
#[derive(Debug, Clone)]
pub struct Notifier {
    heard: bool,
    watchdog: Option<Span>,
}

impl Notifier {
    /// As the environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`.
    #[must_use]
    pub fn from_environment() -> Self {
        let heard = std::env::var_os("NOTIFY_SOCKET").is_some_and(|socket| !socket.is_empty());
        let watchdog = sd_notify::watchdog_enabled().filter(|_| heard);
        let span = |time: std::time::Duration| i64::try_from(time.as_nanos()).map_or(Span::DAY, Span::from_nanos);
        Self { heard, watchdog: watchdog.map(span).filter(|span| *span > Span::ZERO) }
    }

    /// Whether anybody listens.
    #[must_use]
    pub const fn is_heard(&self) -> bool {
        self.heard
    }

    /// How often to call [`Notifier::alive`]: half of the time after which the service manager would kill the process.
    #[must_use]
    pub fn alive_every(&self) -> Option<Span> {
        self.watchdog.map(|span| Span::from_nanos(span.nanos() / 2))
    }

    /// It serves, after start or reload.
    ///
    /// # Errors
    ///
    /// The service manager cannot be reached; it will take the process for failed.
    pub fn ready(&self, status: &str) -> Result<(), NotifyError> {
        self.tell("ready", &[NotifyState::Ready, NotifyState::Status(&line(status))])
    }

    /// How it goes, for people; shown by `systemctl status`.
    ///
    /// # Errors
    ///
    /// The service manager cannot be reached.
    pub fn status(&self, status: &str) -> Result<(), NotifyError> {
        self.tell("a status", &[NotifyState::Status(&line(status))])
    }

    /// It reads its configuration again; [`Notifier::ready`] must follow, whatever comes of it.
    ///
    /// # Errors
    ///
    /// The service manager cannot be reached.
    pub fn reloading(&self) -> Result<(), NotifyError> {
        // A service manager from version 253 on asks for the time, to tell this reload from the one before.
        let now = NotifyState::monotonic_usec_now().map_err(|source| NotifyError { what: "reloading", source })?;
        self.tell("reloading", &[NotifyState::Reloading, now])
    }

    /// It was asked to stop, and does.
    ///
    /// # Errors
    ///
    /// The service manager cannot be reached.
    pub fn stopping(&self, status: &str) -> Result<(), NotifyError> {
        self.tell("stopping", &[NotifyState::Stopping, NotifyState::Status(&line(status))])
    }

    /// Starting or stopping goes on, and takes no longer than this from now.
    ///
    /// # Errors
    ///
    /// The service manager cannot be reached.
    pub fn more_time(&self, span: Span) -> Result<(), NotifyError> {
        let micros = u32::try_from(span.nanos() / 1_000).unwrap_or(if span > Span::ZERO { u32::MAX } else { 0 });
        self.tell("more time", &[NotifyState::ExtendTimeoutUsec(micros)])
    }

    /// It makes progress. To be called by what makes the progress, or it says nothing.
    ///
    /// # Errors
    ///
    /// The service manager cannot be reached, and will kill the process.
    pub fn alive(&self) -> Result<(), NotifyError> {
        self.tell("alive", &[NotifyState::Watchdog])
    }

    /// Has the service manager keep a descriptor, which the next process of this service is handed under that name. A unit
    /// says with `FileDescriptorStoreMax=` that it may; the service manager does not answer.
    ///
    /// # Errors
    ///
    /// The service manager cannot be reached.
    pub fn store(&self, name: &str, descriptor: impl AsFd) -> Result<(), NotifyError> {
        // FDPOLL=0: it would drop a socket of which the other end is gone.
        let text = format!("FDSTORE=1\nFDNAME={name}\nFDPOLL=0\n");
        let sent = if self.heard { hand_over(&text, descriptor.as_fd()) } else { Ok(()) };
        sent.map_err(|source| NotifyError { what: "to keep a descriptor", source })
    }

    /// Has it drop the descriptor of that name.
    ///
    /// # Errors
    ///
    /// The service manager cannot be reached.
    pub fn forget(&self, name: &str) -> Result<(), NotifyError> {
        let text = format!("FDSTOREREMOVE=1\nFDNAME={name}");
        self.tell("to drop a descriptor", &[NotifyState::Custom(&text)])
    }

    fn tell(&self, what: &'static str, states: &[NotifyState<'_>]) -> Result<(), NotifyError> {
        if self.heard { sd_notify::notify(states).map_err(|source| NotifyError { what, source }) } else { Ok(()) }
    }
}

/// One message with a descriptor in it, to where the service manager listens.
fn hand_over(text: &str, descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let place = std::env::var_os("NOTIFY_SOCKET").ok_or(io::ErrorKind::NotFound)?;
    let socket = UnixDatagram::unbound()?;
    match place.as_bytes().strip_prefix(b"@") {
        Some(name) => socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
        None => socket.connect(&place)?,
    }
    let descriptors = [descriptor];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("no room for the descriptor"));
    }
    sendmsg(&socket, &[io::IoSlice::new(text.as_bytes())], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// The service manager was not told.
#[derive(Debug, Error)]
#[error("the service manager cannot be told \"{what}\" at NOTIFY_SOCKET")]
pub struct NotifyError {
    what: &'static str,
    source: io::Error,
}

/// One line: another would be another message, such as one that says it is ready.
fn line(status: &str) -> String {
    status.chars().take(STATUS_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

const STATUS_CHARS_MAX: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_line() {
        assert_eq!(line("one\nREADY=1\u{1b}"), "one READY=1 ");
        assert_eq!(line(&"x".repeat(1_000)).len(), STATUS_CHARS_MAX);
    }

    #[test]
    fn without_a_service_manager_nothing_is_said_and_nothing_fails() {
        let notifier = Notifier { heard: false, watchdog: None };
        assert!(notifier.ready("x").is_ok() && notifier.alive().is_ok() && notifier.reloading().is_ok());
        assert_eq!(notifier.alive_every(), None);
    }
}
