//! `tradingbot paper`: trades on paper in the foreground, with nothing to configure.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use clap::Args;

use crate::clock;
use crate::config::{self, Config, Source, Speed, Start};
use crate::daemon::{self, Audience, Ending, Life, Message, Shell, drive};
use crate::domain::{Span, Timestamp};
use crate::log::Log;

use super::show::{Money, Percent, count};
use super::{Exit, Failure};

/// `tradingbot paper`.
#[derive(Debug, Args)]
pub struct Paper {
    /// Configuration; without one, two strategies trade the practice market.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Trade on recorded streams instead, `.jsonl` or `.jsonl.zst`, in this order.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    recording: Vec<PathBuf>,
    /// How fast the market goes by: `1x` its own pace, `10x`, or `max`.
    #[arg(long)]
    speed: Option<Speed>,
    /// Seed of the practice market.
    #[arg(long)]
    seed: Option<u64>,
    /// Folder for ledger and tokens; a new one under the user's state folder for each run when it is not given.
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Stop after this long.
    #[arg(long = "for", value_name = "SPAN")]
    duration: Option<Span>,
}

impl Paper {
    /// Runs until Ctrl-C, until the recording is over, or for as long as was asked.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let config = self.config()?;
        Log::start(&config.log).map_err(|error| Failure::new(Exit::Failure, &error))?;
        let fail = |error: &daemon::DaemonError| Failure::new(Exit::Failure, error);
        let Life { mut shell, mut source, mut pace } = Life::begin(&config).map_err(|error| fail(&error))?;
        pace.speed = self.speed.unwrap_or(pace.speed);
        writeln!(out, "paper trading, ledger in {}; Ctrl-C stops it", config.state.display())?;
        out.flush()?;
        let (sender, inbox) = mpsc::sync_channel(16);
        stop_on_signal(sender)?;
        let until = self.duration.map(|span| clock::now().plus(span));
        let mut onlooker = Onlooker;
        let ending =
            drive(&mut shell, source.as_mut(), pace, &inbox, &mut onlooker, until).map_err(|error| fail(&error))?;
        let last = shell.snapshot();
        let head = shell.end().map_err(|error| fail(&error))?;
        let why = match ending {
            Ending::Stopped => "stopped",
            Ending::Exhausted => "the recording is over",
            Ending::Expired => "the time is up",
        };
        writeln!(
            out,
            "{why}: equity {:.2}, drawdown {}, {} fills; ledger head {} {}",
            Money(last.equity),
            Percent(last.drawdown),
            count(last.fills),
            head.seq,
            head.hash,
        )?;
        Ok(())
    }

    fn config(&self) -> Result<Config, Failure> {
        let parsed = match &self.config {
            Some(path) => config::load(path),
            None => config::parse(Path::new("paper.toml"), PAPER.as_bytes()),
        };
        let mut config = parsed.map_err(|faults| Failure::new(Exit::Config, &faults))?;
        if self.config.is_none() || self.state.is_some() {
            config.state = self.state.clone().unwrap_or_else(|| fresh_folder(clock::now()));
        }
        if self.config.is_none() {
            config.start = Start::Trading;
        }
        if !self.recording.is_empty() {
            let speed = self.speed.unwrap_or(Speed::Max);
            config.market.source = Source::Recording { files: self.recording.clone(), speed };
        } else if let (Some(seed), Source::Practice { .. }) = (self.seed, &config.market.source) {
            config.market.source = Source::Practice { seed };
        }
        Ok(config)
    }
}

struct Onlooker;

impl Audience for Onlooker {
    fn look(&mut self, shell: &mut Shell, _source: &dyn daemon::Source) {
        drop(shell.take_told());
    }

    fn alive(&mut self) {}

    fn reload(&mut self) {}
}

/// A folder for one run, named after its time, under `$XDG_STATE_HOME` or `~/.local/state`.
fn fresh_folder(now: Timestamp) -> PathBuf {
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let base = env::var_os("XDG_STATE_HOME").map(PathBuf::from).or_else(home).unwrap_or_else(env::temp_dir);
    let name: String = now.to_string().chars().filter(|c| *c != ':').collect();
    base.join("tradingbot").join("paper").join(name)
}

fn stop_on_signal(sender: mpsc::SyncSender<Message>) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _guard = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                biased;
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        let _ = sender.send(Message::Stop);
    })?;
    Ok(())
}

const PAPER: &str = include_str!("../../config/paper.toml");
