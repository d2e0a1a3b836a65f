//! `tradingbot paper`: trades on paper in the foreground, with nothing to configure.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::clock;
use crate::config::{self, Config, Source, Speed};
use crate::daemon::{self, Ending, RunOptions, Summary};
use crate::domain::{Market, Span, Timestamp, hex};
use crate::store::{Piece, RecordingReader, ToldMarket};
use crate::systemd::Instance;

use super::run::{failed, secrets};
use super::show::{Money, Percent, count};
use super::terminal::Terminal;
use super::{Exit, Failure, Inherited};

/// `tradingbot paper`.
#[derive(Debug, Args)]
pub struct Paper {
    #[command(flatten)]
    market: MarketArgs,
    /// How fast the market goes by: `1x` its own pace, `10x`, or `max`.
    #[arg(long)]
    speed: Option<Speed>,
    /// Folder for ledger and tokens; a new one under the user's state folder for each run when it is not given.
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Stop after this long.
    #[arg(long = "for", value_name = "SPAN")]
    duration: Option<Span>,
}

/// Which market is traded, and by which configuration.
#[derive(Debug, Args)]
pub(super) struct MarketArgs {
    /// Configuration; without one, two strategies trade the practice market.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Trade on recorded streams instead, `.jsonl` or `.jsonl.zst`, in this order.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    recording: Vec<PathBuf>,
    /// Seed of the practice market.
    #[arg(long, conflicts_with = "recording")]
    seed: Option<u64>,
}

impl Paper {
    /// Runs until Ctrl-C, until the recording is over, or for as long as was asked.
    pub fn run(&self, inherited: Inherited, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let config = self.config()?;
        let secrets = secrets(&config, inherited.environment, Some(PathBuf::from(".env")))?;
        let has_end = matches!(config.market.source, Source::Recording { .. });
        let options = RunOptions {
            config,
            path: self.market.config.clone(),
            own: None,
            bot: Instance::default(),
            speed: self.speed,
            duration: self.duration,
            secrets,
            sockets: inherited.sockets,
            json,
        };
        let mut terminal = Terminal::new(out, json, has_end);
        let Summary { ending, snapshot, head } = daemon::run(options, &mut terminal).map_err(|error| failed(&error))?;
        let (name, why) = match ending {
            Ending::Stopped => ("stopped", "stopped"),
            Ending::Exhausted => ("recording-over", "the recording is over"),
            Ending::Expired => ("time-up", "the time is up"),
        };
        if json {
            let ended = json!({
                "event": "ended",
                "reason": name,
                "equity": snapshot.equity,
                "drawdown": snapshot.drawdown,
                "fills": snapshot.fills,
                "head": head,
            });
            return Ok(writeln!(out, "{ended}")?);
        }
        writeln!(
            out,
            "{why}: equity {}, drawdown {}, {} fills; ledger head {}:{}",
            snapshot.equity.map_or_else(|| "-".to_owned(), |equity| format!("{:.2}", Money(equity))),
            snapshot.drawdown.map_or_else(|| "-".to_owned(), |drawdown| Percent(drawdown).to_string()),
            count(snapshot.fills),
            head.seq,
            head.hash,
        )?;
        Ok(())
    }

    fn config(&self) -> Result<Config, Failure> {
        let mut config = self.market.configuration()?;
        if let Some(state) = &self.state {
            config.state.clone_from(state);
        } else if self.market.config.is_none() {
            config.state = fresh_folder(clock::now());
        }
        Ok(config)
    }
}

impl MarketArgs {
    /// The built-in configuration, on the market that the recording is of.
    fn built_in(&self) -> String {
        let told = RecordingReader::open(&self.recording).ok().and_then(|mut reader| {
            for _ in 0..LINES_ASKED {
                match reader.read_within(1) {
                    Ok(Piece::Event(_) | Piece::Lines) => {}
                    Ok(Piece::End) | Err(_) => break,
                }
            }
            reader.told()
        });
        match told {
            Some(ToldMarket { market: Market::UsdM, .. }) => {
                PAPER.replacen("[market]", "[market]\nmarket = \"usd-m\"", 1)
            }
            Some(ToldMarket { market: Market::Spot, .. }) | None => PAPER.to_owned(),
        }
    }

    /// The first argument that was given, if any was.
    pub(super) fn named(&self) -> Option<&'static str> {
        let given = [
            (self.config.is_some(), "--config <FILE>"),
            (!self.recording.is_empty(), "--recording <FILE>..."),
            (self.seed.is_some(), "--seed <SEED>"),
        ];
        given.into_iter().find_map(|(given, name)| given.then_some(name))
    }

    /// The configuration at a path, or the built-in one, with what the command line says in its place.
    pub(super) fn configuration(&self) -> Result<Config, Failure> {
        let mut config = match &self.config {
            Some(path) => config::load(path),
            None => config::parse(Path::new("paper.toml"), self.built_in().as_bytes()),
        }
        .map_err(|faults| Failure::new(Exit::Config, &faults))?;
        if !self.recording.is_empty() {
            config.market.source = Source::Recording { files: self.recording.clone(), speed: Speed::Max };
            // Another source has other rules for its instruments, so this is another configuration.
            config.digest = hex::encode(&Sha256::digest(format!("{} on a recording", config.digest)));
        } else if let (Some(seed), Source::Practice { .. }) = (self.seed, &config.market.source) {
            config.market.source = Source::Practice { seed };
        }
        Ok(config)
    }
}

/// A folder for one run, named after its time, under `$XDG_STATE_HOME` or `~/.local/state`.
fn fresh_folder(now: Timestamp) -> PathBuf {
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    let base = env::var_os("XDG_STATE_HOME").map(PathBuf::from).or_else(home).unwrap_or_else(env::temp_dir);
    let name: String = now.to_string().chars().filter(|c| *c != ':').collect();
    base.join("tradingbot").join("paper").join(name)
}

/// So many lines are asked for their market.
const LINES_ASKED: u32 = 10_000;
const PAPER: &str = include_str!("../../config/paper.toml");
