//! How a command ends: exit codes, and failures that say what to do next.

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;

use serde_json::{Value, json};

/// Exit codes; stable, so that scripts may rely on them. Where sysexits.h (BSD) has a number for what happened, it is that
/// one: the service manager names it (`status=78/CONFIG`). It takes 3 to 7 for those of init scripts (`NOTINSTALLED`), so
/// nothing ends with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Success = 0,
    /// It failed in a way no other code stands for.
    Failure = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// A secret is missing, or kept where it is not safe.
    Secret = 8,
    /// The sandbox that was asked for cannot be had.
    Sandbox = 9,
    /// A comparison that should hold does not.
    Mismatch = 10,
    /// A data file was refused (`EX_DATAERR`).
    Data = 65,
    /// The running bot cannot be reached (`EX_UNAVAILABLE`).
    Unreachable = 69,
    /// The ledger cannot be used, or does not hold what was written (`EX_IOERR`).
    Ledger = 74,
    /// The running bot refused, or this user may not do it (`EX_NOPERM`).
    Denied = 77,
    /// The configuration was refused (`EX_CONFIG`).
    Config = 78,
}

/// The codes, for the help and the manual page.
pub(super) const CODES: &str = "Exit codes: 0 success, 1 failure, 2 usage, 8 secret, 9 sandbox, 10 mismatch, 65 data, \
                                69 unreachable, 74 ledger, 77 denied, 78 config";

impl Exit {
    /// Its name for programs; stable.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Usage => "usage",
            Self::Config => "config",
            Self::Data => "data",
            Self::Ledger => "ledger",
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::Secret => "secret",
            Self::Sandbox => "sandbox",
            Self::Mismatch => "mismatch",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that failed.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// A failure with its exit code; the message is the error and all its causes on one line, each said once.
    pub fn new(exit: Exit, error: &dyn Error) -> Self {
        let mut last = error.to_string();
        let mut message = last.clone();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Some libraries say a thing again in what they give as its cause.
            if !text.contains(&last) && !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
                last = text;
            }
            source = cause.source();
        }
        Self { exit, message }
    }

    /// A failure in words.
    pub fn say(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// A command line that clap refuses; the usage and its tips are the help.
    pub(super) fn of_arguments(error: &clap::Error) -> Self {
        let text = error.to_string();
        let (what, help) = text.split_once("\n\n").unwrap_or((&text, ""));
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let what = words(what);
        let what = what.strip_prefix("error: ").unwrap_or(&what);
        Self::say(Exit::Usage, format!("{what}; {}", words(help).replace("; ", ", ")))
    }

    /// For programs: `code`, `message` and, from the last semicolon of a message of one line on, `help`.
    pub(super) fn json(&self) -> Value {
        let split = self.message.rsplit_once("; ").filter(|_| !self.message.contains('\n'));
        let (message, help) = match split {
            Some((message, help)) => (message, Some(help)),
            None => (self.message.as_str(), None),
        };
        json!({ "code": self.exit.name(), "message": message, "help": help })
    }

    /// Its exit code.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<io::Error> for Failure {
    /// Output that cannot be written: whoever read it has left (which is no failure), or the disk refuses.
    fn from(error: io::Error) -> Self {
        let exit = if error.kind() == io::ErrorKind::BrokenPipe { Exit::Success } else { Exit::Failure };
        Self::new(exit, &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_each_code_and_none_is_one_of_init_scripts() {
        let all = [
            Exit::Success,
            Exit::Failure,
            Exit::Usage,
            Exit::Secret,
            Exit::Sandbox,
            Exit::Mismatch,
            Exit::Data,
            Exit::Unreachable,
            Exit::Ledger,
            Exit::Denied,
            Exit::Config,
        ];
        let listed: Vec<String> = all.iter().map(|exit| format!("{} {}", *exit as u8, exit.name())).collect();
        assert_eq!(CODES, format!("Exit codes: {}", listed.join(", ")));
        assert!(all.iter().all(|exit| !(3..=7).contains(&(*exit as u8))));
    }

    #[test]
    fn what_to_do_stands_apart_from_what_is_wrong() {
        let json = |message: &str| Failure::say(Exit::Data, message).json();
        let parted = json!({ "code": "data", "message": "a.csv: no symbol; none at all", "help": "give it" });
        assert_eq!(json("a.csv: no symbol; none at all; give it"), parted);
        assert_eq!(json("gone"), json!({ "code": "data", "message": "gone", "help": null }));
        assert_eq!(json("2 faults\na; b")["message"], "2 faults\na; b");
    }
}
