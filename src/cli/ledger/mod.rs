//! `tradingbot ledger`: checks, shows and exports what was kept, with the bot running or not.

mod describe;
mod export;
mod show;
mod verify;

use std::io::Write;
use std::path::{Path, PathBuf};

use super::bot_unit::BotUnit;
use super::{Exit, Failure};
use crate::daemon::LEDGER_FILE;
use crate::ledger::{ReadError, Reader};
use crate::systemd::Instance;

/// `tradingbot ledger`.
#[derive(Debug, clap::Args)]
pub struct Ledger {
    /// One more bot of this host, tradingbot@NAME, with the control socket, state folder and configuration of that name.
    #[arg(long, value_name = "NAME", global = true)]
    bot: Option<Instance>,
    /// The ledger's file; without it, `ledger.sqlite` in the state folder of --bot, in `$STATE_DIRECTORY` or in
    /// `/var/lib/tradingbot`.
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "bot")]
    ledger: Option<PathBuf>,
    #[command(subcommand)]
    act: Act,
}

/// A ledger by its path alone.
#[derive(Debug, clap::Args)]
struct Which {
    /// The ledger's file, as with `--ledger`.
    #[arg(value_name = "LEDGER")]
    file: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Act {
    /// Check that no entry was changed, removed, moved or inserted.
    Verify(verify::Verify),
    /// Show entries.
    Show(show::Show),
    /// Write entries out for other programs.
    Export(export::Export),
}

impl Ledger {
    /// Does what is asked.
    pub fn run(&self, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let named = match &self.act {
            Act::Verify(verify) => &verify.which,
            Act::Show(show) => &show.which,
            Act::Export(export) => &export.which,
        };
        let path = match (&named.file, &self.ledger) {
            (Some(file), Some(ledger)) if file != ledger => {
                let (file, ledger) = (file.display(), ledger.display());
                return Err(Failure::say(Exit::Usage, format!("two ledgers are named, {file} and {ledger}; name one")));
            }
            (Some(file), None) if self.bot.is_some() => {
                let message =
                    format!("'--bot <NAME>' cannot be used with a ledger's file, {}; name one", file.display());
                return Err(Failure::say(Exit::Usage, message));
            }
            (Some(path), _) | (None, Some(path)) => path.clone(),
            (None, None) => BotUnit::from(self.bot.clone()).state().join(LEDGER_FILE),
        };
        match &self.act {
            Act::Verify(verify) => verify.run(&path, json, out),
            Act::Show(show) => show.run(&path, json, out),
            Act::Export(export) => export.run(&path, json, out),
        }
    }
}

fn open(path: &Path) -> Result<Reader, Failure> {
    Reader::open(path).map_err(|error| failure(&error))
}

fn failure(error: &ReadError) -> Failure {
    Failure::new(Exit::Ledger, error)
}
