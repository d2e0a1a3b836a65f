//! The server: accepts, answers, follows the tokens, and leaves without losing a request.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use tokio::sync::{Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::accept::{Ready, accept};
use super::answer::RequestIds;
use super::client::Client;
use super::doors::Doors;
use super::listen::Streams;
use super::listener::{Listener, ListenerError};
use super::quota::{Quota, SharedQuota};
use super::replays::Replays;
use super::reply::Tagged;
use super::reserve::Reserves;
use super::settings::Settings;
use super::slots::{SlotLimits, Slots};
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
    /// What may still halt, cancel or close over the control socket when [`Server::control_quota`] is used up.
    pub(super) control_reserves: Reserves<SharedQuota>,
    pub(super) log_quota: SharedQuota,
    pub(super) unlogged: AtomicU64,
    pub(super) views: Views,
    pub(super) openapi: OnceLock<Tagged>,
    pub(super) ids: RequestIds,
    pub(super) streams: Streams,
    pub(super) readers: Arc<Semaphore>,
    /// Places of changes that wait for the engine, but for those with places of their own.
    pub(super) changes: Arc<Semaphore>,
    /// Places of requests to halt, cancel or close that wait for the engine.
    pub(super) reserved: Reserves<Arc<Semaphore>>,
    /// Requests that were let in.
    pub(super) requests: AtomicU64,
    pub(super) leaving: watch::Sender<bool>,
    replays: Mutex<Replays>,
    left: AtomicBool,
}

/// The limits for each token and each address; made anew when the operator changes them.
#[derive(Debug)]
pub(super) struct Quotas {
    /// Requests with a valid token, whatever address they come from.
    pub(super) requests: Quota<TokenId>,
    /// What may still halt, cancel or close when the token's other requests are used up.
    pub(super) reserves: Reserves<Quota<TokenId>>,
    /// Requests that are refused before anybody looks at whose they are.
    pub(super) unknown: Quota<Client>,
    /// Requests without a valid token.
    pub(super) failures: Quota<Client>,
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
    let mut all_slots = Vec::new();
    let mut accepting = tokio::task::JoinSet::new();
    let api = listeners.iter().filter(|listener| !listener.is_control()).count();
    let Settings { newcomers_max, connections_max, .. } = server.settings;
    let limits = SlotLimits::within(files_max(), newcomers_max, connections_max, api);
    server.compare(limits);
    for listener in listeners {
        let slots = Slots::new(if listener.is_control() { SlotLimits::CONTROL } else { limits });
        accepting.spawn(accept(Arc::clone(&server), Ready::of(listener)?, Arc::clone(&slots)));
        all_slots.push(slots);
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
    let _ = timeout(settings.linger, all_gone(&all_slots)).await;
    all_slots.iter().for_each(|slots| slots.finish_all());
    let _ = timeout(settings.drain, all_gone(&all_slots)).await;
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
            control_reserves: Reserves::new(|| SharedQuota::new(RESERVE_PER_MINUTE, RESERVE_BURST)),
            streams: Streams::new(settings.streams_max),
            readers: Arc::new(Semaphore::new(READERS_MAX)),
            changes: Arc::new(Semaphore::new(CHANGES_MAX)),
            reserved: Reserves::new(|| Arc::new(Semaphore::new(RESERVED_MAX))),
            requests: AtomicU64::new(0),
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

    /// Says so when there are fewer slots than the operator asked for.
    fn compare(&self, limits: SlotLimits) {
        let wanted = self.settings.connections_max;
        if limits.kept < wanted {
            tracing::warn!(
                message_id = message::CONNECTIONS_FEWER.id,
                wanted,
                kept = limits.kept,
                files = files_max(),
                "fewer connections are kept than api.connections-max says, for want of open files (ulimit -n)"
            );
        }
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
                "there is no token yet, so the API refuses everybody; make one with `tradingbot token new{} --name NAME --scope read`",
                self.settings.bot_flag
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
            requests: Quota::new(settings.rate_limit_per_minute, settings.rate_limit_burst),
            reserves: Reserves::new(|| Quota::new(RESERVE_PER_MINUTE, RESERVE_BURST)),
            unknown: Quota::new(settings.rate_limit_per_minute, settings.rate_limit_burst),
            failures: Quota::new(failures, failures),
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
        quotas.reserves.each().for_each(Quota::sweep);
        quotas.unknown.sweep();
        quotas.failures.sweep();
    }
}

/// Waits until no connection is open.
async fn all_gone(all: &[Arc<Slots>]) {
    for slots in all {
        slots.all_gone().await;
    }
}

/// How many files this process may have open.
fn files_max() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

const CONTROL_PER_MINUTE: u32 = 6_000;
const CONTROL_BURST: u32 = 600;
const RESERVE_PER_MINUTE: u32 = 60;
const RESERVE_BURST: u32 = 20;
const READERS_MAX: usize = 2;
const CHANGES_MAX: usize = 16;
/// For each kind of request that makes the bot do less.
const RESERVED_MAX: usize = 16;
/// Calls that wait for the engine at most. Its queue has as many places, so that each kind finds its own.
pub const CALLS_MAX: usize = CHANGES_MAX + 3 * RESERVED_MAX;
const LOGGED_PER_MINUTE: u32 = 60;
const LOGGED_BURST: u32 = 60;
