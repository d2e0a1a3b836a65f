//! `tradingbot run`: the bot as a service, by its configuration file.

use std::env;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::config::{self, Borrowed, Config, Source};
use crate::daemon::{self, DaemonError, RunOptions};
use crate::secrets::{Environment, Places, Secrets};
use crate::systemd::Instance;

use super::bot_unit::{BotUnit, own};
use super::terminal::Terminal;
use super::{Exit, Failure, Inherited};

/// `tradingbot run`.
#[derive(Debug, Args)]
pub struct Run {
    /// The configuration. When it is not named, that of --bot, else /etc/tradingbot/tradingbot.toml.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    bot: BotUnit,
}

impl Run {
    /// Runs until told to stop.
    pub fn run(&self, inherited: Inherited, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let path = self.config.clone().unwrap_or_else(|| self.bot.instance().config());
        // Its unit gives a bot its places, so those that its file names are no danger there; by hand they would be used.
        let (bot, own) = match Instance::own() {
            unit if unit.name().is_some() && !self.bot.is_named() => (unit.clone(), own(&unit, Borrowed::Replaced)),
            _ => (self.bot.instance(), self.bot.own(Borrowed::Refused)),
        };
        let mut config = config::load_as(&path, own.as_ref()).map_err(|faults| Failure::new(Exit::Config, &faults))?;
        if let Some(state) = env::var_os("STATE_DIRECTORY") {
            config.state = PathBuf::from(state);
        }
        let secrets = secrets(&config, inherited.environment, None)?;
        let has_end = matches!(config.market.source, Source::Recording { .. });
        let options = RunOptions {
            config,
            path: Some(path),
            own,
            bot,
            speed: None,
            duration: None,
            secrets,
            sockets: inherited.sockets,
            json,
        };
        daemon::run(options, &mut Terminal::new(out, json, has_end)).map_err(|error| failed(&error))?;
        Ok(())
    }
}

/// The secrets that a bot is started with, from each place that may hold one.
pub(super) fn secrets(
    config: &Config,
    environment: Environment,
    env_file: Option<PathBuf>,
) -> Result<Secrets, Failure> {
    let folder = config.secrets.directory.clone();
    Secrets::load(Places { credentials: Places::credentials(), folder, environment, env_file })
        .map_err(|error| Failure::new(Exit::Secret, &error))
}

/// A bot that could not run, with the exit code of what kept it.
pub(super) fn failed(error: &DaemonError) -> Failure {
    let exit = match error {
        DaemonError::Open(_)
        | DaemonError::Read(_)
        | DaemonError::Restore(_)
        | DaemonError::Ahead { .. }
        | DaemonError::Commit(_)
        | DaemonError::Unsaved { .. } => Exit::Ledger,
        DaemonError::Confine(_) | DaemonError::Surroundings(_) | DaemonError::Unguarded(_) => Exit::Sandbox,
        DaemonError::AdminTokenHash | DaemonError::SecretName { .. } => Exit::Secret,
        DaemonError::Feed(_) => Exit::Data,
        DaemonError::State { .. }
        | DaemonError::Random { .. }
        | DaemonError::Private(_)
        | DaemonError::Listen { .. }
        | DaemonError::NoSocket { .. }
        | DaemonError::Listener(_)
        | DaemonError::Thread(_)
        | DaemonError::Log(_) => Exit::Failure,
    };
    Failure::new(exit, error)
}
