//! The real program in a state folder of its own, as a service manager would run it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tradingbot::api::{Scope, TokenFile};
use tradingbot::clock;

/// A running bot; it is stopped when this goes.
pub struct Bot {
    /// Where its API listens.
    pub address: SocketAddr,
    /// Worth `read` there.
    pub token: String,
    child: Child,
    _state: TempDir,
}

/// Kibibytes that are resident.
#[derive(Clone, Copy)]
pub struct Memory {
    /// All of them.
    pub all: f64,
    /// Those that hold data of the process alone.
    pub anonymous: f64,
    /// The most there ever were.
    pub peak: f64,
}

impl Bot {
    /// Starts it on the first core with the configuration of that text, and waits until it greets.
    pub fn start(config: &str) -> Self {
        let state = tempfile::tempdir().unwrap();
        let config = configured(config, state.path());
        let (token, _) =
            TokenFile::of(state.path()).add("bench".parse().unwrap(), Scope::Read, clock::now(), None).unwrap();
        let token = token.expose(str::to_owned);
        let mut child = Command::new("taskset")
            .args(["-c", "0"])
            .arg(program())
            .args(["run", "--config"])
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.as_mut().unwrap()).lines().map(Result::unwrap);
        let address = said.filter_map(|line| address_in(&line)).next().unwrap();
        Self { address, token, child, _state: state }
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// What it holds at the moment.
    pub fn memory(&self) -> Memory {
        memory_of(self.process())
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// Asks a process to stop, and waits for it.
pub fn stop(child: &mut Child) {
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
    let _ = child.wait();
}

/// What a process holds at the moment.
pub fn memory_of(process: u32) -> Memory {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let kib = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    Memory { all: kib("VmRSS"), anonymous: kib("RssAnon"), peak: kib("VmHWM") }
}

/// Writes a configuration into `state` that differs from `text` in nothing but its state folder, its port, and how much it
/// lets a client ask.
pub fn configured(text: &str, state: &Path) -> PathBuf {
    let path = state.join("tradingbot.toml");
    let kept: Vec<&str> = text.lines().filter(|line| !REPLACED.iter().any(|key| line.starts_with(key))).collect();
    let api = "[api]\nlisten = \"127.0.0.1:0\"\nrate-limit-per-minute = 60000000\nrate-limit-burst = 10000\n\
               trusted-proxies = [\"127.0.0.1\"]";
    let text = format!("state = {:?}\n{}\n", state.display().to_string(), kept.join("\n").replace("[api]", api));
    fs::write(&path, text).unwrap();
    path
}

/// The program, built beside this one.
pub fn program() -> PathBuf {
    let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("tradingbot");
    assert!(program.exists(), "there is no {}; run cargo build --release first", program.display());
    program
}

/// The configuration as shipped: on the practice market, and halted.
pub const SHIPPED: &str = include_str!("../config/tradingbot.toml");
/// What `tradingbot paper` runs: two strategies that trade at once.
pub const PAPER: &str = include_str!("../config/paper.toml");

const REPLACED: [&str; 4] = ["state =", "listen =", "rate-limit-per-minute =", "rate-limit-burst ="];

fn address_in(line: &str) -> Option<SocketAddr> {
    line.split_once("http://")?.1.split(',').next()?.parse().ok()
}
