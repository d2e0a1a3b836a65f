//! What a package carries besides the program: manual pages and completions, made from the command line's own definition,
//! and the journal's catalogue.

use std::io::Write;
use std::path::PathBuf;

use super::{Exit, Failure, definition};
use crate::log::message;

/// `tradingbot completions`.
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// Which shell.
    shell: clap_complete::Shell,
}

impl Completions {
    /// Prints the script.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut definition(), "tradingbot", &mut script);
        Ok(out.write_all(&script)?)
    }
}

/// `tradingbot catalogue`.
#[derive(Debug, clap::Args)]
pub struct Catalogue {}

impl Catalogue {
    /// Prints it.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        Ok(out.write_all(message::catalogue().as_bytes())?)
    }
}

/// `tradingbot man`.
#[derive(Debug, clap::Args)]
pub struct Man {
    /// Write one page a command to this folder.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

impl Man {
    /// Prints the main page, or writes all of them.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        match &self.out {
            Some(folder) => clap_mangen::generate_to(definition(), folder).map_err(|error| {
                let folder = folder.display();
                let message = format!("cannot write the pages to {folder}: {error}; name a folder that is there");
                Failure::say(Exit::Failure, message)
            }),
            None => Ok(clap_mangen::Man::new(definition()).render(&mut &mut *out)?),
        }
    }
}
