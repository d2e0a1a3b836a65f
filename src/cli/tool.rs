//! Programs of the system that a command asks: from where the system keeps them, never from the caller's path.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Exit, Failure};

/// A program of the system.
#[derive(Debug, Clone, Copy)]
pub struct Tool {
    /// What it is called.
    pub name: &'static str,
    /// The package that has it.
    pub package: &'static str,
}

/// What a program said.
#[derive(Debug)]
pub struct Answer {
    /// Whether it did what it was asked.
    pub done: bool,
    /// Its output.
    pub output: Vec<u8>,
    /// Its complaint, on one line.
    pub complaint: String,
}

impl Tool {
    /// Asks with nothing on its standard input, and says what came, be it a complaint.
    ///
    /// # Errors
    ///
    /// It is not installed, or cannot be started.
    pub fn ask(&self, arguments: &[&str]) -> Result<Answer, Failure> {
        self.run(arguments, &[], Stdio::piped())
    }

    /// Asks only whether it works; its output, which may be a secret, goes nowhere.
    ///
    /// # Errors
    ///
    /// It is not installed, or cannot be started.
    pub fn try_out(&self, arguments: &[&str]) -> Result<Answer, Failure> {
        self.run(arguments, &[], Stdio::null())
    }

    /// Asks with `input`, and takes a complaint for a failure.
    ///
    /// # Errors
    ///
    /// It is not installed, cannot be started, or complains.
    pub fn feed(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, Failure> {
        let answer = self.run(arguments, input, Stdio::piped())?;
        if answer.done {
            return Ok(answer.output);
        }
        let complaint = if answer.complaint.is_empty() { "it does not say why" } else { &answer.complaint };
        Err(Failure::say(Exit::Failure, format!("{} {}: {complaint}", self.name, arguments.join(" "))))
    }

    /// Has something done, and takes a complaint for a failure.
    ///
    /// # Errors
    ///
    /// It is not installed, cannot be started, or complains.
    pub fn tell(&self, arguments: &[&str]) -> Result<(), Failure> {
        self.feed(arguments, &[]).map(drop)
    }

    fn run(&self, arguments: &[&str], input: &[u8], output: Stdio) -> Result<Answer, Failure> {
        let path = self.find().ok_or_else(|| {
            let Self { name, package } = self;
            Failure::say(Exit::Failure, format!("{name} is not installed; apt install {package} brings it"))
        })?;
        let fault = |source: &io::Error| Failure::say(Exit::Failure, format!("{}: {source}", path.display()));
        let mut child = Command::new(&path)
            .args(arguments)
            .env_clear()
            .envs([("PATH", FOLDERS.join(":").as_str()), ("LC_ALL", "C.UTF-8"), ("SYSTEMD_COLORS", "0")])
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| fault(&source))?;
        // What is fed is a secret at most, and fits in the pipe; whoever does not want it may close it.
        if let Some(mut stdin) = child.stdin.take() {
            match stdin.write_all(input) {
                Err(source) if source.kind() != io::ErrorKind::BrokenPipe => return Err(fault(&source)),
                Ok(()) | Err(_) => {}
            }
        }
        let output = child.wait_with_output().map_err(|source| fault(&source))?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        let complaint: Vec<&str> = complaint.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Ok(Answer { done: output.status.success(), output: output.stdout, complaint: complaint.join("; ") })
    }

    fn find(&self) -> Option<PathBuf> {
        FOLDERS.iter().map(|folder| Path::new(folder).join(self.name)).find(|path| path.is_file())
    }
}

impl Answer {
    /// Its output as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }
}

/// The firewall of the kernel.
pub const NFT: Tool = Tool { name: "nft", package: "nftables" };
/// The service manager.
pub const SYSTEMCTL: Tool = Tool { name: "systemctl", package: "systemd" };
/// The journal.
pub const JOURNALCTL: Tool = Tool { name: "journalctl", package: "systemd" };
/// What seals credentials.
pub const SYSTEMD_CREDS: Tool = Tool { name: "systemd-creds", package: "systemd" };
/// The clock of the machine.
pub const TIMEDATECTL: Tool = Tool { name: "timedatectl", package: "systemd" };
/// What starts something later.
pub const SYSTEMD_RUN: Tool = Tool { name: "systemd-run", package: "systemd" };

const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_fed_and_answers() {
        let cat = Tool { name: "cat", package: "coreutils" };
        assert_eq!(cat.feed(&[], b"word").unwrap(), b"word");
        let answer = cat.ask(&["/nowhere"]).unwrap();
        assert!(!answer.done && answer.complaint.contains("/nowhere"), "{}", answer.complaint);
        let failure = cat.tell(&["/nowhere"]).unwrap_err();
        assert!(failure.to_string().starts_with("cat /nowhere: "), "{failure}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named_with_its_package() {
        let none = Tool { name: "no-such-program", package: "nothing" };
        let failure = none.ask(&[]).unwrap_err();
        assert_eq!(failure.to_string(), "no-such-program is not installed; apt install nothing brings it");
    }
}
