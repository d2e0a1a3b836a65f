//! A run as somebody at a terminal sees it: where everything is, and how far it has come.

use std::env;
use std::io::Write;

use serde_json::json;

use crate::daemon::{Progress, Reporter, Started};

use super::progress::ProgressLine;

/// Prints what a run reports. Whoever reads it may have gone; that is no reason not to trade.
pub(super) struct Terminal<'o> {
    out: &'o mut dyn Write,
    json: bool,
    line: Option<ProgressLine>,
}

impl<'o> Terminal<'o> {
    /// Prints to `out`, as lines or as JSON. Where `has_end`, it says how far the run has come, if somebody sees it.
    pub(super) fn new(out: &'o mut dyn Write, json: bool, has_end: bool) -> Self {
        Self { out, json, line: has_end.then(ProgressLine::new).flatten() }
    }
}

impl Reporter for Terminal<'_> {
    fn ready(&mut self, started: &Started) {
        if !started.in_journal {
            let _ = writeln!(self.out, "{}", if self.json { as_json(started) } else { as_lines(started) });
            let _ = self.out.flush();
        }
    }

    fn progress(&mut self, progress: &Progress) {
        if let Some(line) = &mut self.line {
            line.show(progress);
        }
    }

    fn stopping(&mut self) {
        self.line = None;
    }
}

fn as_json(started: &Started) -> String {
    let halted = started.halt.as_ref().map(|halt| json!({ "by": halt.by, "reason": halt.reason }));
    let started = json!({
        "event": "started",
        "run": started.run.0,
        "state": started.state.display().to_string(),
        "ledger": started.ledger.display().to_string(),
        "control": started.control.as_ref().map(|control| control.display().to_string()),
        "api": started.api,
        "halted": halted,
    });
    started.to_string()
}

fn as_lines(started: &Started) -> String {
    let program = program();
    let state = started.state.display();
    let mut lines = vec![
        "paper trading; Ctrl-C stops it".to_owned(),
        format!("ledger   {}, run {}", started.ledger.display(), started.run.0),
    ];
    if let Some(control) = &started.control {
        let control = control.display();
        lines.push(format!("look     {program} status --socket {control}"));
        lines.push(format!("stop     {program} halt --reason WHY --socket {control}"));
        lines.push(format!("go on    {program} resume --reason WHY --socket {control}"));
    }
    for api in &started.api {
        lines.push(format!("API      {api}, for whoever has a token:"));
        lines.push(format!("         {program} token new --name NAME --scope read --state {state}"));
    }
    if let Some(halt) = &started.halt {
        lines.push(format!("halted   by {}: {}", halt.by, halt.reason));
    }
    lines.join("\n")
}

/// What to type for this program: its name where that finds it, and otherwise where it lies.
fn program() -> String {
    let Ok(own) = env::current_exe() else { return PROGRAM.to_owned() };
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(PROGRAM)).find(|file| file.is_file());
    if found.and_then(|file| file.canonicalize().ok()).is_some_and(|file| file == own) {
        return PROGRAM.to_owned();
    }
    own.display().to_string()
}

const PROGRAM: &str = "tradingbot";
