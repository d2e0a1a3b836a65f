//! `tradingbot ledger verify`.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::Which;
use crate::cli::show::count;
use crate::cli::{Exit, Failure};
use crate::ledger::{self, Head, Verified, VerifyError};

/// Checks the whole ledger.
#[derive(Debug, clap::Args)]
pub struct Verify {
    #[command(flatten)]
    pub(super) which: Which,
    /// A head noted earlier, which the ledger must still hold: `SEQ:HASH`.
    #[arg(long, value_name = "SEQ:HASH")]
    head: Option<Head>,
}

impl Verify {
    /// Says that it holds, or what is wrong first.
    pub fn run(&self, path: &Path, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        match ledger::verify(path, self.head) {
            Ok(Verified { entries, head }) if json => {
                let file = path.display().to_string();
                Ok(writeln!(out, "{}", json!({ "valid": true, "ledger": file, "entries": entries, "head": head }))?)
            }
            Ok(Verified { entries, head }) => {
                writeln!(out, "{}: in order, {} entries", path.display(), count(entries))?;
                writeln!(out, "head {head}")?;
                if self.head.is_none() {
                    writeln!(out, "note this head elsewhere: with --head, an end that was cut off shows too")?;
                }
                Ok(())
            }
            Err(error) => {
                let failure = Failure::new(Exit::Ledger, &error);
                if json {
                    let (seq, trusted) = place(&error);
                    let fault = failure.to_string();
                    let file = path.display().to_string();
                    let verdict =
                        json!({ "valid": false, "ledger": file, "fault": fault, "seq": seq, "trusted": trusted });
                    writeln!(out, "{verdict}")?;
                }
                Err(failure)
            }
        }
    }
}

/// The first bad entry and the last good one, where they are known.
const fn place(error: &VerifyError) -> (Option<u64>, Option<Head>) {
    match error {
        VerifyError::Read(_) => (None, None),
        VerifyError::Entry { seq, trusted, .. } => (Some(*seq), Some(*trusted)),
        VerifyError::Cut { last, .. } => (Some(last.seq + 1), Some(*last)),
        VerifyError::Rewritten { .. } => (None, None),
        VerifyError::Schema { trusted, .. } | VerifyError::Damaged { trusted, .. } => (None, Some(*trusted)),
    }
}
