//! Manual pages and completions, made from the command line's own definition.

use std::io::Write;
use std::path::PathBuf;

use super::{Failure, definition};

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
            Some(folder) => Ok(clap_mangen::generate_to(definition(), folder)?),
            None => Ok(clap_mangen::Man::new(definition()).render(&mut &mut *out)?),
        }
    }
}
