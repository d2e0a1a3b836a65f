//! The API beside the engine: a thread of its own, joined to the loop by a bounded queue and by the latest picture.

use std::io;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::io::Errno;
use serde::Serialize;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};

use crate::api::{self, Doors, Feed, Listener, OperatorCall, Readiness, Settings};
use crate::clock::{self, Mark};
use crate::config::{Config, Listen};
use crate::domain::{Snapshot, Span};
use crate::engine::Notice;
use crate::log::message;
use crate::private;
use crate::sandbox::Confined;
use crate::systemd::{self, Inherited};

use super::error::DaemonError;
use super::history::LedgerHistory;
use super::inbox::Mailbox;
use super::life::LEDGER_FILE;
use super::notification::Notification;
use super::shell::Shell;

/// The running API, and what the loop tells it.
pub struct Served {
    snapshot: watch::Sender<Arc<Snapshot>>,
    ready: watch::Sender<Readiness>,
    settings: watch::Sender<Settings>,
    config: watch::Sender<Arc<str>>,
    feed: Arc<Feed>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    looked: Option<Mark>,
}

impl Served {
    /// Starts the API's thread, in a process that is confined. It serves until [`Served::stop`], and passes signals on to the loop.
    ///
    /// # Errors
    ///
    /// The thread or its signals cannot be had.
    pub fn start(
        _confined: &Confined,
        config: &Config,
        settings: Settings,
        listeners: Vec<Listener>,
        shell: &Shell,
        mailbox: Mailbox,
    ) -> Result<Self, DaemonError> {
        let feed = Arc::new(Feed::new(shell.engine().run()));
        let (snapshot, snapshot_seen) = watch::channel(Arc::new(shell.snapshot()));
        let (ready, ready_seen) = watch::channel(Readiness::Starting { waits_for: "its market".to_owned() });
        let (settings, settings_seen) = watch::channel(settings);
        let (view, config_seen) = watch::channel(view(config, &Reloads::default()));
        let requests = mailbox.clone();
        let doors = Doors {
            snapshot: snapshot_seen,
            ready: ready_seen,
            operator: Arc::new(move |request: OperatorCall| requests.ask(request)),
            history: Arc::new(LedgerHistory::new(config.state.join(LEDGER_FILE))),
            feed: Arc::clone(&feed),
            config: config_seen,
            now: clock::now,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(READERS_MAX)
            .build()
            .map_err(DaemonError::Thread)?;
        let signals = {
            let _entered = runtime.enter();
            Signals::new().map_err(DaemonError::Thread)?
        };
        let thread = std::thread::Builder::new()
            .name("api".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    tokio::spawn(signals.pass_on(mailbox));
                    let until = async {
                        let _ = stopped.await;
                    };
                    if let Err(error) = api::serve(listeners, doors, settings_seen, until).await {
                        tracing::error!(message_id = message::API_STOPPED.id, cause = %error, "the API has stopped");
                    }
                });
                runtime.shutdown_background();
            })
            .map_err(DaemonError::Thread)?;
        Ok(Self { snapshot, ready, settings, config: view, feed, stop: Some(stop), thread: Some(thread), looked: None })
    }

    /// Follows a configuration of which only what may change without a restart has changed.
    pub fn reload(&self, config: &Config) {
        self.settings.send_replace(Settings::new(&config.api, config.state.clone()));
    }

    /// Shows the configuration in force, and what came of reading it again.
    pub fn show_config(&self, config: &Config, reloads: &Reloads) {
        self.config.send_replace(view(config, reloads));
    }

    /// Ends the API: what is being answered is answered first.
    pub fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(message_id = message::API_STOPPED.id, "the thread of the API has panicked");
        }
    }

    /// Shows whoever looks on what has happened: entries and notices at once, prices often enough for an eye, and what the
    /// market waits for while it opens. Whether there was anything to show.
    pub fn look(&mut self, shell: &mut Shell, waits_for: Option<&str>) -> bool {
        let told = shell.take_notifications();
        let readiness = match (shell.fault(), waits_for) {
            (Some(fault), _) => Readiness::Failing { fault },
            (None, Some(waits_for)) => Readiness::Starting { waits_for: waits_for.to_owned() },
            (None, None) => Readiness::Ready,
        };
        let turned = *self.ready.borrow() != readiness;
        let due = turned || !told.is_empty() || self.looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY);
        for told in told {
            match &*told {
                Notification::Entry(_, entry) => self.feed.publish(entry.kind(), entry),
                Notification::Notice(_, notice) => self.feed.publish(word(notice), &notice.to_string()),
            }
        }
        if !due {
            return false;
        }
        self.looked = Some(Mark::now());
        // In this order: whoever has seen the snapshot finds a readiness that is no older.
        if turned {
            self.ready.send_replace(readiness);
        }
        self.snapshot.send_replace(Arc::new(shell.snapshot()));
        true
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The listeners that the service manager hands over; without any, those that the configuration names: the API's own, and
/// the control socket in the state folder.
///
/// # Errors
///
/// An address is taken or must not be used, or a socket cannot be made.
pub fn listen(config: &Config, inherited: Inherited) -> Result<(Vec<Listener>, Addresses), DaemonError> {
    if !inherited.is_empty() {
        return take_over(inherited);
    }
    let failed = |what: String| {
        move |source: io::Error| match Errno::from_io_error(&source) {
            // What a unit with RestrictAddressFamilies= answers.
            Some(Errno::AFNOSUPPORT) => DaemonError::NoSocket { what, source },
            Some(_) | None => DaemonError::Listen { what, source },
        }
    };
    let mut listeners = Vec::new();
    let mut addresses = Addresses::default();
    match &config.api.listen {
        Listen::Loopback(address) => {
            let socket = TcpListener::bind(address).map_err(failed(address.to_string()))?;
            queue(&socket);
            let bound = socket.local_addr().map_err(failed(address.to_string()))?;
            listeners.push(Listener::tcp(socket)?);
            addresses.api.push(format!("http://{bound}"));
        }
        Listen::Unix(path) => {
            let socket = bind_unix(path, API_SOCKET_MODE).map_err(failed(path.display().to_string()))?;
            listeners.push(Listener::unix(socket)?);
            addresses.api.push(format!("unix:{}", path.display()));
        }
    }
    let control = config.state.join(CONTROL_SOCKET);
    let socket = bind_unix(&control, CONTROL_SOCKET_MODE).map_err(failed(control.display().to_string()))?;
    listeners.push(Listener::control(socket)?);
    addresses.control = Some(control);
    Ok((listeners, addresses))
}

fn take_over(inherited: Inherited) -> Result<(Vec<Listener>, Addresses), DaemonError> {
    let mut listeners = Vec::new();
    let mut addresses = Addresses::default();
    for socket in inherited.api {
        addresses.api.extend(socket.address().map(|address| format!("http://{address}")));
        addresses.api.extend(socket.path().map(|path| format!("unix:{}", path.display())));
        listeners.push(match socket {
            systemd::Listener::Tcp(socket) => Listener::tcp(socket)?,
            systemd::Listener::Unix(socket) => Listener::unix(socket)?,
        });
    }
    for socket in inherited.control {
        addresses.control = addresses.control.or(socket.path());
        match socket {
            systemd::Listener::Unix(socket) => listeners.push(Listener::control(socket)?),
            systemd::Listener::Tcp(_) => unreachable!("a control socket over TCP is refused when it is taken"),
        }
    }
    Ok((listeners, addresses))
}

/// Where the bot can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Addresses {
    /// With a token.
    pub api: Vec<String>,
    /// Without one, for whoever may open it.
    pub control: Option<PathBuf>,
}

/// Lets as many wait to be accepted as sockets of the service manager do; the standard library lets only 128.
fn queue(socket: &impl std::os::fd::AsFd) {
    // It listens already, so where this is refused it goes on with the shorter queue.
    let _ = rustix::net::listen(socket, BACKLOG);
}

/// Makes a unix socket in the place of one that an earlier life has left.
fn bind_unix(path: &Path, mode: u32) -> io::Result<UnixListener> {
    if private::check_socket_if_there(path).map_err(io::Error::other)? {
        std::fs::remove_file(path)?;
    }
    let socket = UnixListener::bind(path)?;
    queue(&socket);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(socket)
}

/// Signals, for the loop.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn pass_on(mut self, mailbox: Mailbox) {
        loop {
            tokio::select! {
                biased;
                _ = self.terminate.recv() => mailbox.stop(),
                _ = self.interrupt.recv() => mailbox.stop(),
                _ = self.hang_up.recv() => mailbox.reload(),
            }
        }
    }
}

/// How often the configuration was read again in this life, and why the last time was refused.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Reloads {
    /// How often.
    pub count: u64,
    /// Why the last one changed nothing; none when it was taken, or there was none.
    pub refused: Option<String>,
}

/// What `GET /v1/config` answers.
fn view(config: &Config, reloads: &Reloads) -> Arc<str> {
    let mut view = config.view();
    view["reload"] = json!(reloads);
    Arc::from(view.to_string())
}

const fn word(notice: &Notice) -> &'static str {
    match notice {
        Notice::Refused { .. } => "refused",
        Notice::EntryTooSmall(_) => "entry-too-small",
        Notice::FeedGap { .. } => "feed-gap",
        Notice::FeedDown => "feed-down",
        Notice::FeedUp => "feed-up",
        Notice::UnknownOrder { .. } => "unknown-order",
        Notice::BalanceDiffers { .. } => "balance-differs",
        Notice::Overflow => "overflow",
    }
}

/// Name of the control socket in the state folder.
pub const CONTROL_SOCKET: &str = "control.sock";
const CONTROL_SOCKET_MODE: u32 = 0o660;
const API_SOCKET_MODE: u32 = 0o660;
const BACKLOG: i32 = 4_096;
const LOOK_EVERY: Span = Span::from_millis(100);
/// Threads that read the ledger for the API at once.
const READERS_MAX: usize = 2;
