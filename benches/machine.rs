//! Where and when figures were measured, and of which commit.

use std::fs;
use std::process::Command;

use tradingbot::clock;
use tradingbot::domain::Span;

/// A line for the top of the page.
pub fn description() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    format!(
        "{}, commit {}. {} x {cores}, {} memory, Linux {}, {}. Load when it began: {}.\n\n",
        clock::now().floor(Span::SECOND),
        said("git", &["describe", "--always", "--dirty", "--abbrev=10"]),
        value("/proc/cpuinfo", "model name"),
        value("/proc/meminfo", "MemTotal"),
        said("uname", &["-r"]).split('-').next().unwrap_or_default(),
        said("rustc", &["--version"]),
        load.join(", "),
    )
}

fn said(program: &str, arguments: &[&str]) -> String {
    let said = Command::new(program).args(arguments).output().map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&said).trim().to_owned();
    if text.is_empty() { "unknown".to_owned() } else { text }
}

fn value(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(':'));
    line.map_or("unknown", |(_, value)| value.trim()).to_owned()
}
