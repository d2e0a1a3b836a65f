//! Runs `examples/probe.rs`: what a process does to itself cannot be tried in the one that runs all tests.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A command that runs the probe in that role.
pub fn command(role: &str) -> Command {
    let mut command = Command::new(path());
    command.arg(role).stdin(Stdio::null());
    command
}

/// Runs it, asserts that it ended well, and gives all it wrote.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

/// Where cargo puts it, seen from where cargo puts this test.
pub fn path() -> PathBuf {
    let path = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples/probe");
    assert!(path.exists(), "{} is missing: run `cargo build --examples`", path.display());
    path
}
