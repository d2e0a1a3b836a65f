//! The server: accepts, answers, follows the tokens, and leaves without losing a request.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::answer::{RequestIds, answer};
use super::client::Origin;
use super::doors::Doors;
use super::guard::{Guard, GuardLimits, Visit};
use super::head::{HEAD_BYTES_MAX, HEADERS_MAX};
use super::listener::{Listener, ListenerError, Socket};
use super::quota::{ClientQuota, SharedQuota};
use super::replays::Replays;
use super::reply::Tagged;
use super::settings::Settings;
use super::stream::Stream;
use super::token::{TokenFile, TokenId, Tokens};
use super::views::Views;
use crate::log::message;

/// What all connections share.
pub(super) struct Server {
    pub(super) doors: Doors,
    pub(super) settings: Settings,
    pub(super) tokens: RwLock<Tokens>,
    pub(super) quotas: RwLock<Quotas>,
    pub(super) control_quota: SharedQuota,
    pub(super) log_quota: SharedQuota,
    pub(super) unlogged: AtomicU64,
    pub(super) views: Views,
    pub(super) openapi: OnceLock<Tagged>,
    pub(super) ids: RequestIds,
    pub(super) streams: Arc<Semaphore>,
    pub(super) readers: Arc<Semaphore>,
    pub(super) leaving: watch::Sender<bool>,
    replays: Mutex<Replays>,
    left: AtomicBool,
}

/// The limits for each client; made anew when the operator changes them.
#[derive(Debug)]
pub(super) struct Quotas {
    /// Requests with a valid token.
    pub(super) requests: ClientQuota,
    /// Requests that are refused before anybody looks at whose they are.
    pub(super) unknown: ClientQuota,
    /// Requests without a valid token.
    pub(super) failures: ClientQuota,
}

/// Serves the API on `listeners` until `shutdown` is over, and returns once every connection is closed or the time for
/// that has passed.
///
/// Runs on the caller's runtime, for which one thread is enough; the ledger is read on its blocking threads. Of `settings`
/// the rates are followed while it runs.
///
/// On the way out it stops accepting, so that a service manager that holds the sockets keeps newcomers waiting for the
/// successor; answers whatever is asked over open connections, each with `Connection: close`, until all are gone or
/// `linger` is over; and then lets what is being answered finish, for `drain` at most.
///
/// # Errors
///
/// A listener cannot be used.
pub async fn serve(
    listeners: Vec<Listener>,
    doors: Doors,
    settings: watch::Receiver<Settings>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ListenerError> {
    let server = Arc::new(Server::new(doors, settings.borrow().clone()));
    server.greet();
    let graceful = Arc::new(GracefulShutdown::new());
    let mut places = Vec::new();
    let mut accepting = tokio::task::JoinSet::new();
    for listener in listeners {
        let most = if listener.is_control() { CONTROL_CONNECTIONS_MAX } else { server.settings.connections_max };
        let slots = Arc::new(Semaphore::new(most));
        let ready = listener.ready()?;
        accepting.spawn(accept(Arc::clone(&server), ready, Arc::clone(&slots), Arc::clone(&graceful)));
        places.push((slots, most));
    }
    accepting.spawn(keep_house(Arc::clone(&server), settings));
    let mut shutdown = pin!(shutdown);
    tokio::select! {
        biased;
        () = &mut shutdown => {}
        Some(ended) = accepting.join_next() => {
            // Neither task ever returns; one that panicked takes the server down instead of leaving half of it.
            ended.expect("accepting and housekeeping do not panic");
        }
    }
    accepting.shutdown().await;
    server.left.store(true, Ordering::Relaxed);
    server.leaving.send_replace(true);
    let settings = &server.settings;
    let _ = timeout(settings.linger, all_free(&places)).await;
    let Some(graceful) = Arc::into_inner(graceful) else { return Ok(()) };
    let _ = timeout(settings.drain, graceful.shutdown()).await;
    Ok(())
}

impl Server {
    fn new(doors: Doors, settings: Settings) -> Self {
        Self {
            tokens: RwLock::new(Tokens::open(TokenFile::of(&settings.state), settings.admin, (doors.now)())),
            quotas: RwLock::new(Quotas::new(&settings)),
            control_quota: SharedQuota::new(CONTROL_PER_MINUTE, CONTROL_BURST),
            log_quota: SharedQuota::new(LOGGED_PER_MINUTE, LOGGED_BURST),
            unlogged: AtomicU64::new(0),
            views: Views::default(),
            openapi: OnceLock::new(),
            ids: RequestIds::new(),
            streams: Arc::new(Semaphore::new(settings.streams_max)),
            readers: Arc::new(Semaphore::new(READERS_MAX)),
            leaving: watch::Sender::new(false),
            replays: Mutex::default(),
            left: AtomicBool::new(false),
            doors,
            settings,
        }
    }

    /// Whether it is on its way out.
    pub(super) fn is_leaving(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    /// Whether a token that was recognised before is worth something still.
    pub(super) fn still_knows(&self, token: TokenId) -> bool {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        tokens.still(token, (self.doors.now)())
    }

    /// The changes that were asked before.
    pub(super) fn replays(&self) -> MutexGuard<'_, Replays> {
        self.replays.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the file of tokens again if it has changed.
    pub(super) fn follow_tokens(&self) -> bool {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        let changed = tokens.follow();
        if changed {
            match tokens.fault() {
                Some(fault) => {
                    let message_id = message::TOKENS_UNREADABLE.id;
                    tracing::error!(message_id, %fault, "the tokens cannot be read; nobody is let in but over the control socket")
                }
                None => {
                    let (message_id, live) = (message::TOKENS_CHANGED.id, tokens.live((self.doors.now)()));
                    tracing::info!(message_id, live, "the tokens have changed")
                }
            }
        }
        changed
    }

    fn greet(&self) {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        match (tokens.fault(), tokens.live((self.doors.now)())) {
            (Some(fault), _) => {
                let message_id = message::TOKENS_UNREADABLE.id;
                tracing::error!(message_id, %fault, "the tokens cannot be read; nobody is let in but over the control socket")
            }
            (None, 0) => tracing::warn!(
                message_id = message::TOKEN_NEEDED.id,
                file = %tokens.file().path().display(),
                "there is no token yet, so the API refuses everybody; make one with `tradingbot token new --name NAME --scope read`"
            ),
            (None, live) => {
                tracing::info!(message_id = message::API_OPEN.id, live, "the API is open to those with a token");
            }
        }
    }
}

impl Quotas {
    fn new(settings: &Settings) -> Self {
        let failures = settings.auth_failures_per_minute;
        Self {
            requests: ClientQuota::new(settings.rate_limit_per_minute, settings.rate_limit_burst),
            unknown: ClientQuota::new(settings.rate_limit_per_minute, settings.rate_limit_burst),
            failures: ClientQuota::new(failures, failures),
        }
    }
}

/// Follows tokens and settings, and forgets what is over.
async fn keep_house(server: Arc<Server>, mut settings: watch::Receiver<Settings>) {
    let mut tick = interval(server.settings.housekeeping);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        server.follow_tokens();
        // An error means that nobody will ever change them.
        if settings.has_changed().unwrap_or(false) {
            let fresh = Quotas::new(&settings.borrow_and_update());
            *server.quotas.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
        let quotas = server.quotas.read().unwrap_or_else(PoisonError::into_inner);
        quotas.requests.sweep();
        quotas.unknown.sweep();
        quotas.failures.sweep();
    }
}

enum Ready {
    Tcp(TcpListener),
    Unix(UnixListener, Origin),
}

impl Listener {
    fn ready(self) -> Result<Ready, ListenerError> {
        let origin = if self.is_control() { Origin::Control } else { Origin::Unix };
        match self.into_socket() {
            Socket::Tcp(socket) => TcpListener::from_std(socket).map(Ready::Tcp),
            Socket::Unix(socket) => UnixListener::from_std(socket).map(|socket| Ready::Unix(socket, origin)),
        }
        .map_err(ListenerError::Unusable)
    }
}

impl Ready {
    async fn accept(&self) -> std::io::Result<(Stream, Origin)> {
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

/// Accepts for ever; whoever comes while there is no slot waits in the listener's backlog.
async fn accept(server: Arc<Server>, listener: Ready, slots: Arc<Semaphore>, graceful: Arc<GracefulShutdown>) {
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, origin)) => {
                tokio::spawn(attend(Arc::clone(&server), stream, origin, slot, &graceful));
            }
            Err(error) => {
                // Out of descriptors, most likely; they come back when connections end.
                tracing::warn!(message_id = message::CONNECTION_LOST.id, %error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Attends to one connection until it is over.
fn attend(
    server: Arc<Server>,
    stream: Stream,
    origin: Origin,
    slot: OwnedSemaphorePermit,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + use<> {
    let visit = Arc::new(Visit::default());
    let settings = &server.settings;
    let limits = GuardLimits {
        body_bytes_max: settings.body_bytes_max,
        header_timeout: settings.header_timeout,
        idle_timeout: settings.idle_timeout,
        write_timeout: settings.write_timeout,
    };
    let guard = Guard::new(stream, limits, Arc::clone(&visit));
    let service = service_fn(move |request| {
        let (server, visit, refusal) = (Arc::clone(&server), Arc::clone(&visit), visit.arrive());
        async move { Ok::<_, Infallible>(answer(&server, visit, origin, refusal, request).await) }
    });
    let connection = http1::Builder::new()
        .max_headers(HEADERS_MAX)
        // Head and body of an answer in one piece: answers are small, and so it costs less.
        .writev(false)
        .max_buf_size(HEAD_BYTES_MAX * 2)
        .serve_connection(guard, service);
    let connection = graceful.watch(connection);
    async move {
        // How a connection ends is the client's affair.
        let _ = connection.await;
        drop(slot);
    }
}

/// Waits until every connection has given its slot back.
async fn all_free(places: &[(Arc<Semaphore>, usize)]) {
    for (slots, most) in places {
        let _ = slots.acquire_many(u32::try_from(*most).unwrap_or(u32::MAX)).await;
    }
}

const CONTROL_CONNECTIONS_MAX: usize = 16;
const CONTROL_PER_MINUTE: u32 = 6_000;
const CONTROL_BURST: u32 = 600;
const READERS_MAX: usize = 2;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const LOGGED_PER_MINUTE: u32 = 60;
const LOGGED_BURST: u32 = 60;
