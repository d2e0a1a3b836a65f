//! `tradingbot ledger`: checks, shows and exports what was kept, with the bot running or not.

mod describe;
mod export;
mod show;
mod verify;

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Exit, Failure};
use crate::daemon::LEDGER_FILE;
use crate::ledger::{ReadError, Reader};

/// `tradingbot ledger`.
#[derive(Debug, clap::Args)]
pub struct Ledger {
    /// The ledger's file; without it, `ledger.sqlite` in `$STATE_DIRECTORY` or in `/var/lib/tradingbot`.
    #[arg(long, value_name = "FILE", global = true)]
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
            (Some(path), _) | (None, Some(path)) => path.clone(),
            (None, None) => default_path(),
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

/// Where the service keeps it; the service manager may name several folders, with a colon between them.
fn default_path() -> PathBuf {
    let state = std::env::var("STATE_DIRECTORY").unwrap_or_default();
    let folder = state.split(':').find(|folder| !folder.is_empty()).unwrap_or(STATE_FOLDER);
    Path::new(folder).join(LEDGER_FILE)
}

const STATE_FOLDER: &str = "/var/lib/tradingbot";
