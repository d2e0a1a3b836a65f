//! The story of one life, from its configuration to its last entry.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::api::{Access, Settings, TokenHash};
use crate::clock::{self, Mark};
use crate::config::{self, Config, Own, Source, Speed};
use crate::domain::{Snapshot, Span};
use crate::ledger::Head;
use crate::log::{Log, LogFormat, message};
use crate::redact::{self, holds_secret};
use crate::sandbox::{self, Confined, Enforcement, Grants, Surroundings};
use crate::secrets::{SecretName, Secrets};
use crate::systemd::{Inherited, Instance, Notifier, NotifyError};

use super::drive::{Ending, Observer, drive};
use super::error::DaemonError;
use super::inbox::Inbox;
use super::latch::Latch;
use super::life::{self, LEDGER_FILE, Life};
use super::progress::Progress;
use super::redact::Redactor;
use super::rescue::rescue;
use super::serve::{Addresses, Reloads, Served, listen};
use super::shell::Shell;
use super::source::Source as MarketSource;
use super::warm_ups::WarmUps;

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
    /// Whether the log and what is said at the start are lines of JSON.
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
pub fn run(options: RunOptions, out: &mut dyn Write) -> Result<Summary, DaemonError> {
    let RunOptions { config, path, own, bot, speed, duration, mut secrets, mut sockets, json } = options;
    let log = start_log(&config, &secrets, json)?;
    say_borrowed(&config, path.as_deref());
    let admin = admin_token(&mut secrets)?;
    check_names(&config)?;
    let notifier = Notifier::from_environment();
    life::make_folder(&config.state)?;
    let latch = Latch::of(&config.state, notifier.clone(), sockets.halt.take());
    let runtime = latch.folder().map(Path::to_owned);
    let Life { mut shell, mut source, speed } = Life::begin(&config, speed, Some(latch))?;
    shell.keep_secrets(Redactor::of(&config.state, admin));
    let (listeners, addresses) = listen(&config, sockets)?;
    let access = access(&addresses, &bot);
    let confined = confine(&config, path.as_deref(), runtime, &bot)?;
    let settings = Settings { admin, access, bot_flag: bot.flag(), ..Settings::new(&config.api, config.state.clone()) };
    let (mailbox, inbox) = Inbox::new();
    let mut observer = RunObserver {
        served: Served::start(&confined, &config, settings, listeners, &shell, mailbox)?,
        beat: notifier.alive_every(),
        beaten: Mark::now(),
        headed: Mark::now(),
        progress: Progress::new(&config),
        status: String::new(),
        reloads: Reloads::default(),
        warm_ups: WarmUps::new(),
        notifier,
        log,
        config,
        path,
        own,
    };
    if !observer.log.is_journal() {
        greet(&observer.config, &addresses, &shell, json, out);
    }
    observer.say_ready(&shell);
    let until = duration.map(|span| clock::now().plus(span));
    let driven = drive(&mut shell, source.as_mut(), speed, &inbox, &mut observer, until);
    observer.say_stopping();
    observer.served.stop();
    let snapshot = shell.snapshot();
    let run = shell.engine().run();
    let head = shell.end().map_err(|unwritten| DaemonError::Unsaved {
        rescued: rescue(&observer.config.state, run, &unwritten),
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

/// Looks at what guards the process, and takes from it all but its state, its configuration and its recordings.
fn confine(
    config: &Config,
    path: Option<&Path>,
    runtime: Option<PathBuf>,
    bot: &Instance,
) -> Result<Confined, DaemonError> {
    let folder = |path: &Path| match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
        Some(folder) => folder.to_owned(),
        None => PathBuf::from("/"),
    };
    let mut grants = Grants { write: vec![config.state.clone()], ..Grants::default() };
    grants.write.extend(runtime);
    grants.read.extend(path.map(folder));
    if let Source::Recording { files, .. } = &config.market.source {
        grants.read.extend(files.iter().cloned());
    }
    grants.write.extend(config.log.file.as_deref().map(folder));
    let message_id = message::CONFINED.id;
    let surroundings = Surroundings::own()?.satisfy(config.sandbox.require);
    let surroundings = surroundings.map_err(DaemonError::Unguarded)?;
    match (surroundings.are_whole(), path) {
        (true, _) => tracing::info!(message_id, "{surroundings}"),
        // In a terminal there are none to be had.
        (false, None) => tracing::debug!(message_id, "{surroundings}"),
        (false, Some(_)) => {
            let flag = bot.flag();
            tracing::warn!(message_id, "{surroundings}; tradingbot doctor --sandbox{flag} says what to do");
        }
    }
    let confined = sandbox::confine(&grants, config.sandbox.require)?;
    match confined.enforcement() {
        Enforcement::Full => tracing::info!(message_id, "{confined}"),
        Enforcement::Partial | Enforcement::Nothing => tracing::warn!(message_id, "{confined}"),
    }
    Ok(confined)
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

/// Says where everything is, to somebody at a terminal. Whoever reads this may have gone; that is no reason not to trade.
fn greet(config: &Config, addresses: &Addresses, shell: &Shell, json: bool, out: &mut dyn Write) {
    let state = config.state.display();
    if json {
        let halted = shell.engine().halted();
        let halted = halted.map(|halt| json!({ "by": halt.by.to_string(), "reason": halt.reason.to_string() }));
        let started = json!({
            "event": "started",
            "run": shell.engine().run().0,
            "state": state.to_string(),
            "ledger": format!("{state}/{LEDGER_FILE}"),
            "control": addresses.control.as_ref().map(|control| control.display().to_string()),
            "api": addresses.api.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "halted": halted,
        });
        let _ = writeln!(out, "{started}");
        let _ = out.flush();
        return;
    }
    let program = program();
    let mut lines = vec![
        "paper trading; Ctrl-C stops it".to_owned(),
        format!("ledger   {state}/{LEDGER_FILE}, run {}", shell.engine().run().0),
    ];
    if let Some(control) = &addresses.control {
        let control = control.display();
        lines.push(format!("look     {program} status --socket {control}"));
        lines.push(format!("stop     {program} halt --reason WHY --socket {control}"));
        lines.push(format!("go on    {program} resume --reason WHY --socket {control}"));
    }
    for api in &addresses.api {
        lines.push(format!("API      {api}, for whoever has a token:"));
        lines.push(format!("         {program} token new --name NAME --scope read --state {state}"));
    }
    if let Some(halt) = shell.engine().halted() {
        lines.push(format!("halted   by {}: {}", halt.by, halt.reason));
    }
    let _ = writeln!(out, "{}", lines.join("\n"));
    let _ = out.flush();
}

/// What to type for this program: its name where that finds it, and otherwise where it lies.
fn program() -> String {
    let Ok(own) = env::current_exe() else { return PROGRAM.to_owned() };
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(PROGRAM)).find(|file| file.is_file());
    if found.and_then(|file| file.canonicalize().ok()).is_some_and(|file| file == own) {
        return PROGRAM.to_owned();
    }
    own.display().to_string()
}

/// Looks on for everybody outside: the API, the log and the service manager.
struct RunObserver {
    served: Served,
    notifier: Notifier,
    beat: Option<Span>,
    beaten: Mark,
    headed: Mark,
    progress: Option<Progress>,
    status: String,
    reloads: Reloads,
    warm_ups: WarmUps,
    log: Log,
    config: Config,
    path: Option<PathBuf>,
    own: Option<Own>,
}

impl RunObserver {
    fn say_ready(&mut self, shell: &Shell) {
        say_head(shell);
        self.status = self.status(shell);
        tracing::info!(message_id = message::READY.id, status = self.status.as_str(), "ready");
        tell_manager(self.notifier.ready(&self.status));
    }

    /// How it goes, for `systemctl status`.
    fn status(&self, shell: &Shell) -> String {
        let status = status(shell);
        match &self.reloads.refused {
            Some(why) => format!("{status}; not reloaded: {why}"),
            None => status,
        }
    }

    fn say_stopping(&mut self) {
        self.progress = None;
        tracing::info!(message_id = message::STOPPING.id, "stopping");
        tell_manager(self.notifier.stopping("stopping"));
    }
}

impl Observer for RunObserver {
    fn look(&mut self, shell: &mut Shell) {
        if self.headed.elapsed() >= HEAD_EVERY {
            self.headed = Mark::now();
            say_head(shell);
        }
        if self.served.look(shell) {
            let status = self.status(shell);
            if status != self.status {
                if self.status.starts_with(HALTED) {
                    self.warm_ups.say_again();
                }
                tell_manager(self.notifier.status(&status));
                self.status = status;
            }
            self.warm_ups.look(shell);
        }
    }

    /// The watchdog is fed from the loop itself: a loop that hangs is a bot that hangs.
    fn alive(&mut self, shell: &Shell, source: &dyn MarketSource) {
        if let Some(progress) = &mut self.progress {
            progress.show(shell, source);
        }
        if self.beat.is_some_and(|beat| self.beaten.elapsed() >= beat) {
            self.beaten = Mark::now();
            tell_manager(self.notifier.alive());
        }
    }

    /// Reads the configuration again. If only what may change has changed, that is followed; otherwise nothing is.
    fn reload(&mut self, shell: &mut Shell) {
        tell_manager(self.notifier.reloading());
        self.reloads = Reloads { count: self.reloads.count + 1, refused: self.read_again(shell).err() };
        self.served.show_config(&self.config, &self.reloads);
        self.say_ready(shell);
    }
}

impl RunObserver {
    /// Takes what may change without a restart, or says why nothing is changed.
    fn read_again(&mut self, shell: &mut Shell) -> Result<(), String> {
        if let Err(error) = self.log.reopen() {
            let message_id = message::LOG_FILE_LOST.id;
            tracing::warn!(message_id, cause = %error, "the log's file cannot be opened anew");
        }
        let Some(path) = &self.path else {
            let message_id = message::CONFIG_REFUSED.id;
            tracing::warn!(message_id, "asked to reload, but there is no configuration file");
            return Err("there is no configuration file".to_owned());
        };
        let mut fresh = config::load_as(path, self.own.as_ref()).map_err(|faults| {
            let message_id = message::CONFIG_REFUSED.id;
            tracing::error!(message_id, faults = %faults, "the configuration is refused; the one in force stays");
            faults.to_string()
        })?;
        let difference = Config::reloadable_difference(&self.config, &fresh);
        if !difference.restart.is_empty() {
            let keys = difference.restart.join(", ");
            let message_id = message::RESTART_NEEDED.id;
            tracing::error!(message_id, keys = keys.as_str(), "these keys need a restart; nothing was changed");
            return Err(format!("these keys need a restart: {keys}"));
        }
        fresh.state.clone_from(&self.config.state);
        self.log.reload(&fresh.log.settings());
        self.served.reload(&fresh);
        shell.set_limits(fresh.limits.clone());
        let keys = difference.reloadable.join(", ");
        tracing::info!(message_id = message::RELOADED.id, keys = keys.as_str(), "reloaded");
        self.config = fresh;
        Ok(())
    }
}

/// The ledger's head, in a place that whoever changes the ledger would have to change too.
fn say_head(shell: &Shell) {
    tracing::info!(message_id = message::LEDGER_HEAD.id, head = %shell.head(), "ledger head");
}

/// How it goes, for `systemctl status`.
fn status(shell: &Shell) -> String {
    let engine = shell.engine();
    match engine.halted() {
        Some(halt) => {
            let written = if shell.is_halt_written() { "" } else { " (not written down)" };
            format!("{HALTED} by {}: {}{written}", halt.by, halt.reason)
        }
        None if engine.is_holding() => "trading, holding a position".to_owned(),
        None => "trading".to_owned(),
    }
}

/// A service manager that does not listen is no reason to stop.
fn tell_manager(told: Result<(), NotifyError>) {
    if let Err(error) = told {
        tracing::warn!(message_id = message::MANAGER_DEAF.id, cause = %error, "the service manager was not told");
    }
}

/// How the status of a halted bot begins.
const HALTED: &str = "halted";
const PROGRAM: &str = "tradingbot";
/// How often the ledger's head is logged.
const HEAD_EVERY: Span = Span::HOUR;
