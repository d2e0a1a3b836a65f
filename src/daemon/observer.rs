//! Looks on at a run for everybody outside: the API, the log, the service manager and whoever started it.

use std::path::PathBuf;

use crate::clock::Mark;
use crate::config::{self, Config, Own};
use crate::domain::Span;
use crate::log::{Log, message};
use crate::systemd::{Notifier, NotifyError};

use super::drive::Observer;
use super::feed::Feed;
use super::report::{Progress, Reporter, Started};
use super::serve::{Reloads, Served};
use super::shell::Shell;
use super::warm_ups::WarmUps;

/// The configuration in force, and where it was read from, to read it again when asked to.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) config: Config,
    /// `None` when it was read from no file.
    pub(super) path: Option<PathBuf>,
    /// The places of its own by which it is read, when it is not the first bot of its host.
    pub(super) own: Option<Own>,
}

/// Tells everybody outside how a run goes.
pub(super) struct RunObserver<'r> {
    served: Served,
    notifier: Notifier,
    reporter: &'r mut dyn Reporter,
    started: Started,
    is_open: bool,
    beaten: Mark,
    headed: Mark,
    progressed: Mark,
    extended: Mark,
    status: String,
    reloads: Reloads,
    warm_ups: WarmUps,
    log: Log,
    source: Source,
}

impl<'r> RunObserver<'r> {
    /// Of a run that has begun, and whose market is not open yet.
    pub(super) fn new(
        served: Served,
        notifier: Notifier,
        log: Log,
        source: Source,
        started: Started,
        reporter: &'r mut dyn Reporter,
    ) -> Self {
        let now = Mark::now();
        Self {
            served,
            notifier,
            reporter,
            started,
            is_open: false,
            beaten: now,
            headed: now,
            progressed: now,
            extended: now,
            status: String::new(),
            reloads: Reloads::default(),
            warm_ups: WarmUps::new(),
            log,
            source,
        }
    }

    /// The loop has ended, and with it the API.
    pub(super) fn stop(&mut self) {
        self.reporter.stopping();
        tracing::info!(message_id = message::STOPPING.id, "stopping");
        tell_manager(self.notifier.stopping("stopping"));
        self.served.stop();
    }

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

    /// What it waits for, to the log once and to the service manager, which is given no reason to lose patience.
    fn say_waiting(&mut self, waits_for: &str) {
        let status = format!("starting: waits for {waits_for}");
        if self.status.is_empty() {
            tracing::info!(message_id = message::OPENING.id, waits_for, "the market opens; meanwhile the API answers");
        }
        if self.status != status {
            tell_manager(self.notifier.status(&status));
            self.status = status;
        }
    }

    /// Takes what may change without a restart, or says why nothing is changed.
    fn read_again(&mut self, shell: &mut Shell) -> Result<(), String> {
        if let Err(error) = self.log.reopen() {
            let message_id = message::LOG_FILE_LOST.id;
            tracing::warn!(message_id, cause = %error, "the log's file cannot be opened anew");
        }
        let Some(path) = &self.source.path else {
            let message_id = message::CONFIG_REFUSED.id;
            tracing::warn!(message_id, "asked to reload, but there is no configuration file");
            return Err("there is no configuration file".to_owned());
        };
        let mut fresh = config::load_as(path, self.source.own.as_ref()).map_err(|faults| {
            let message_id = message::CONFIG_REFUSED.id;
            tracing::error!(message_id, faults = %faults, "the configuration is refused; the one in force stays");
            faults.to_string()
        })?;
        let difference = Config::reloadable_difference(&self.source.config, &fresh);
        if !difference.restart.is_empty() {
            let keys = difference.restart.join(", ");
            let message_id = message::RESTART_NEEDED.id;
            tracing::error!(message_id, keys = keys.as_str(), "these keys need a restart; nothing was changed");
            return Err(format!("these keys need a restart: {keys}"));
        }
        fresh.state.clone_from(&self.source.config.state);
        self.log.reload(&fresh.log.settings());
        self.served.reload(&fresh);
        shell.set_limits(fresh.limits.clone());
        let keys = difference.reloadable.join(", ");
        tracing::info!(message_id = message::RELOADED.id, keys = keys.as_str(), "reloaded");
        self.source.config = fresh;
        Ok(())
    }
}

impl Observer for RunObserver<'_> {
    fn opened(&mut self, shell: &mut Shell) {
        self.is_open = true;
        self.served.look(shell, None);
        self.started.halt = shell.snapshot().halt;
        self.reporter.ready(&self.started);
        self.say_ready(shell);
    }

    fn look(&mut self, shell: &mut Shell, feed: &dyn Feed) {
        if self.headed.elapsed() >= HEAD_EVERY {
            self.headed = Mark::now();
            say_head(shell);
        }
        let waits_for = feed.waits_for();
        if !self.served.look(shell, waits_for) {
            return;
        }
        if let Some(waits_for) = waits_for {
            return self.say_waiting(waits_for);
        }
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

    /// The watchdog is fed from the loop itself: a loop that hangs is a bot that hangs.
    fn alive(&mut self, shell: &Shell, feed: &dyn Feed) {
        if self.progressed.elapsed() >= PROGRESS_EVERY {
            self.progressed = Mark::now();
            let equity = shell.snapshot().equity;
            let (events, market_time) = (shell.events(), shell.now());
            self.reporter.progress(&Progress { events, position: feed.position(), market_time, equity });
        }
        let beat = self.notifier.alive_every();
        if beat.is_some_and(|beat| self.beaten.elapsed() >= beat) {
            self.beaten = Mark::now();
            tell_manager(self.notifier.alive());
        }
        if !self.is_open && self.extended.elapsed() >= EXTEND_EVERY {
            self.extended = Mark::now();
            tell_manager(self.notifier.more_time(EXTENSION));
        }
    }

    /// Reads the configuration again. If only what may change has changed, that is followed; otherwise nothing is.
    fn reload(&mut self, shell: &mut Shell) {
        // Before it is ready, there is no reload for the service manager to wait for, and its end would say ready.
        if self.is_open {
            tell_manager(self.notifier.reloading());
        }
        self.reloads = Reloads { count: self.reloads.count + 1, refused: self.read_again(shell).err() };
        self.served.show_config(&self.source.config, &self.reloads);
        if self.is_open {
            self.say_ready(shell);
        }
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
/// How often the ledger's head is logged.
const HEAD_EVERY: Span = Span::HOUR;
/// How often it is said how far a run has come.
const PROGRESS_EVERY: Span = Span::from_millis(200);
/// While a market opens the service manager waits for that long, and is asked to as often.
const EXTENSION: Span = Span::MINUTE;
const EXTEND_EVERY: Span = Span::from_secs(10);
