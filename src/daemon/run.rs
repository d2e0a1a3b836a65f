//! The story of one life, from its configuration to its last entry.

use std::path::{Path, PathBuf};

use crate::api::{Access, Settings, TokenHash};
use crate::clock;
use crate::config::{Config, Own, Speed};
use crate::domain::{Snapshot, Span};
use crate::ledger::Head;
use crate::log::{Log, LogFormat, message};
use crate::redact::{self, holds_secret};
use crate::secrets::{SecretName, Secrets};
use crate::systemd::{Inherited, Instance, Notifier};

use super::confine::confine;
use super::drive::{Ending, drive};
use super::error::DaemonError;
use super::inbox::Inbox;
use super::latch::Latch;
use super::life::{self, LEDGER_FILE, Life};
use super::observer::{RunObserver, Source};
use super::redact::Redactor;
use super::report::{Reporter, Started};
use super::rescue::rescue;
use super::serve::{Addresses, Served, listen};
use super::shell::Shell;

/// What is to be run, and for how long.
#[derive(Debug)]
pub struct RunOptions {
    /// As configured.
    pub config: Config,
    /// Where that was read from, to read it again when asked to.
    pub path: Option<PathBuf>,
    /// The places of its own by which that is read, when it is not the first bot of its host.
    pub own: Option<Own>,
    /// Which bot of its host it is.
    pub bot: Instance,
    /// How fast the market goes by, if not at its own pace.
    pub speed: Option<Speed>,
    /// When to stop without being told to.
    pub duration: Option<Span>,
    /// What must never be written to the log.
    pub secrets: Secrets,
    /// Listeners that the service manager handed over.
    pub sockets: Inherited,
    /// Whether the log is lines of JSON.
    pub json: bool,
}

/// How a life ended.
#[derive(Debug)]
pub struct Summary {
    /// Why.
    pub ending: Ending,
    /// The last picture.
    pub snapshot: Snapshot,
    /// The last entry.
    pub head: Head,
}

/// Runs until told to stop, until the market's data is over, or for as long as was asked.
///
/// # Errors
///
/// Whatever keeps it from starting, or from ending in order.
pub fn run(options: RunOptions, reporter: &mut dyn Reporter) -> Result<Summary, DaemonError> {
    let RunOptions { config, path, own, bot, speed, duration, mut secrets, mut sockets, json } = options;
    let log = start_log(&config, &secrets, json)?;
    say_borrowed(&config, path.as_deref());
    let admin = admin_token(&mut secrets)?;
    check_names(&config)?;
    let notifier = Notifier::from_environment();
    life::make_folder(&config.state)?;
    let latch = Latch::of(&config.state, notifier.clone(), sockets.halt.take());
    let runtime = latch.folder().map(Path::to_owned);
    let Life { mut shell, mut feed } = Life::begin(&config, speed, Some(latch))?;
    shell.keep_secrets(Redactor::of(&config.state, admin));
    let (listeners, addresses) = listen(&config, sockets)?;
    let access = access(&addresses, &bot);
    let confined = confine(&config, path.as_deref(), runtime, &bot)?;
    let settings = Settings { admin, access, bot_flag: bot.flag(), ..Settings::new(&config.api, config.state.clone()) };
    let (mailbox, inbox) = Inbox::new();
    let served = Served::start(&confined, &config, settings, listeners, &shell, mailbox)?;
    let state = config.state.clone();
    let started = started(&state, addresses, &shell, &log);
    let source = Source { config, path, own };
    let mut observer = RunObserver::new(served, notifier, log, source, started, reporter);
    let until = duration.map(|span| clock::now().plus(span));
    let driven = drive(&mut shell, feed.as_mut(), &inbox, &mut observer, until);
    observer.stop();
    let snapshot = shell.snapshot();
    let run = shell.engine().run();
    let head = shell.end().map_err(|unwritten| DaemonError::Unsaved {
        rescued: rescue(&state, run, &unwritten),
        source: unwritten.cause,
    })?;
    tracing::info!(message_id = message::STOPPED.id, head = %head, "stopped in order");
    Ok(Summary { ending: driven?, snapshot, head })
}

/// Whether a bot could start with what its configuration points at: the log's file, the first admin token, the market's data.
///
/// # Errors
///
/// What would keep it from starting. Nothing is made, opened for good or listened on.
pub fn check(config: &Config, secrets: &mut Secrets) -> Result<(), DaemonError> {
    Log::check(&config.log.settings())?;
    admin_token(secrets)?;
    life::check(config)
}

/// The log, which from its first line on knows what must never be written.
fn start_log(config: &Config, secrets: &Secrets, json: bool) -> Result<Log, DaemonError> {
    let mut settings = config.log.settings();
    if json {
        settings.format = LogFormat::Json;
    }
    let log = Log::start(&settings)?;
    for (_, secret) in secrets.each() {
        secret.expose(redact::hold);
    }
    for (name, source) in secrets.sources() {
        let message_id = message::SECRET_TAKEN.id;
        let words = if name == SecretName::ApiToken {
            "secret taken; it is for commands that ask the API, and opens nothing by itself"
        } else {
            "secret taken"
        };
        let name = name.variable();
        tracing::info!(message_id, name, place = %source, "{words}");
    }
    Ok(log)
}

/// Names of strategies stand in the ledger with every order, where nothing can be deleted.
fn check_names(config: &Config) -> Result<(), DaemonError> {
    let mut names = config.strategies.iter().map(|strategy| strategy.name.as_str());
    match names.position(holds_secret) {
        Some(at) => Err(DaemonError::SecretName { number: at + 1 }),
        None => Ok(()),
    }
}

/// Says which keys of the file name places of another bot. Its own hold, as its unit has them.
fn say_borrowed(config: &Config, path: Option<&Path>) {
    if let (false, Some(path)) = (config.borrowed.is_empty(), path) {
        let (message_id, keys) = (message::CONFIG_OF_FIRST.id, config.borrowed.join(", "));
        let (state, file) = (config.state.display(), path.display());
        tracing::warn!(message_id, keys, %state, %file, "these keys name the first bot's places; this bot has its own all the same");
    }
}

/// The hash of the first admin token, when the service manager gave one.
fn admin_token(secrets: &mut Secrets) -> Result<Option<TokenHash>, DaemonError> {
    let Some(secret) = secrets.take(SecretName::AdminTokenHash) else { return Ok(None) };
    secret.expose(TokenHash::parse).map(Some).ok_or(DaemonError::AdminTokenHash)
}

/// Where programs reach the API. A service that was started by its control socket alone may have got no other.
fn access(addresses: &Addresses, bot: &Instance) -> Access {
    let listening = addresses.api.clone();
    if !listening.is_empty() {
        return Access { listening, fault: None };
    }
    let socket = bot.socket();
    let fault = format!(
        "{socket} handed nothing over, because it is not started or its address is taken; see `systemctl status {socket}`, \
         free the address, then: systemctl restart {}",
        bot.service()
    );
    tracing::warn!(message_id = message::API_CLOSED.id, unit = socket, "the API is closed: {fault}");
    Access { listening, fault: Some(fault) }
}

/// The run as it is told once it is ready.
fn started(state: &Path, addresses: Addresses, shell: &Shell, log: &Log) -> Started {
    Started {
        run: shell.engine().run(),
        state: state.to_owned(),
        ledger: state.join(LEDGER_FILE),
        control: addresses.control,
        api: addresses.api,
        halt: None,
        in_journal: log.is_journal(),
    }
}
