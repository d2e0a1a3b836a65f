//! `tradingbot run`: the bot as a service, by its configuration file.

use std::env;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::config::{self, Config};
use crate::daemon::{self, DaemonError, Errand};
use crate::secrets::{Environment, Places, Secrets};

use super::{Exit, Failure, Inherited};

/// `tradingbot run`.
#[derive(Debug, Args)]
pub struct Run {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = config::PATH_DEFAULT)]
    config: PathBuf,
}

impl Run {
    /// Runs until told to stop.
    pub fn run(&self, inherited: Inherited, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let mut config = config::load(&self.config).map_err(|faults| Failure::new(Exit::Config, &faults))?;
        if let Some(state) = env::var_os("STATE_DIRECTORY") {
            config.state = PathBuf::from(state);
        }
        let secrets = secrets(&config, inherited.environment, None)?;
        let errand = Errand {
            config,
            path: Some(self.config.clone()),
            speed: None,
            duration: None,
            secrets,
            sockets: inherited.sockets,
            json,
        };
        daemon::run(errand, out).map_err(|error| failed(&error))?;
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
        DaemonError::Source(_) => Exit::Data,
        DaemonError::State { .. }
        | DaemonError::Private(_)
        | DaemonError::Listen { .. }
        | DaemonError::NoSocket { .. }
        | DaemonError::Listener(_)
        | DaemonError::Thread(_)
        | DaemonError::Log(_) => Exit::Failure,
    };
    Failure::new(exit, error)
}
