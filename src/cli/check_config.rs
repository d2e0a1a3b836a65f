//! `tradingbot check-config`: the verdict of start-up, without starting.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use super::bot_unit::BotUnit;
use super::run::{failed, secrets};
use super::{Exit, Failure, Inherited};
use crate::config::{self, Borrowed, Config, ConfigFaults, Source, Start};
use crate::daemon;
use crate::domain::Sizing;
use crate::strategy::StrategySettings;

/// `tradingbot check-config`.
#[derive(Debug, clap::Args)]
pub struct CheckConfig {
    /// The configuration file. When it is not named, that of --bot, else /etc/tradingbot/tradingbot.toml.
    file: Option<PathBuf>,
    #[command(flatten)]
    bot: BotUnit,
    /// Print the reference of all keys instead.
    #[arg(long)]
    reference: bool,
}

impl CheckConfig {
    /// Says what would run, or all that is wrong.
    pub fn run(&self, inherited: Inherited, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        if self.reference {
            let reference = config::reference();
            let text = if json { format!("{}\n", json!({ "reference": reference })) } else { reference };
            return Ok(out.write_all(text.as_bytes())?);
        }
        let file = self.file.clone().unwrap_or_else(|| self.bot.instance().config());
        let own = self.bot.own(Borrowed::Refused);
        let checked = config::load_as(&file, own.as_ref()).map(|config| startable(&config, inherited).map(|()| config));
        match checked {
            Ok(Err(failure)) => {
                let file = file.display();
                if json {
                    let fault = json!({ "file": file.to_string(), "message": failure.to_string() });
                    writeln!(out, "{}", json!({ "valid": false, "file": file.to_string(), "faults": [fault] }))?;
                }
                Err(failure)
            }
            Ok(Ok(config)) if json => {
                let file = file.display().to_string();
                let verdict = json!({ "valid": true, "file": file, "digest": config.digest, "config": config.view() });
                Ok(writeln!(out, "{verdict}")?)
            }
            Ok(Ok(config)) => {
                writeln!(out, "{}: in order", file.display())?;
                Ok(summarize(&config, out)?)
            }
            Err(faults) => {
                if json {
                    writeln!(out, "{}", listed(&faults))?;
                }
                Err(faults.into())
            }
        }
    }
}

/// Whether what the configuration points at can be used, asked of the code that starts the bot.
fn startable(config: &Config, inherited: Inherited) -> Result<(), Failure> {
    let mut secrets = secrets(config, inherited.environment, None)?;
    daemon::check(config, &mut secrets).map_err(|error| failed(&error))
}

impl From<ConfigFaults> for Failure {
    fn from(faults: ConfigFaults) -> Self {
        let count = match faults.faults().len() {
            1 => "1 fault".to_owned(),
            count => format!("{count} faults"),
        };
        Self::say(Exit::Config, format!("the configuration is refused, {count}\n{faults}"))
    }
}

fn listed(faults: &ConfigFaults) -> serde_json::Value {
    let file = faults.file().display().to_string();
    let each: Vec<serde_json::Value> = faults
        .faults()
        .iter()
        .map(|fault| {
            json!({
                "file": file,
                "line": fault.line,
                "column": fault.column,
                "key": fault.key,
                "message": fault.message,
            })
        })
        .collect();
    json!({ "valid": false, "file": file, "faults": each })
}

fn summarize(config: &Config, out: &mut dyn Write) -> std::io::Result<()> {
    let quote = config.account.quote;
    let start = match config.start {
        Start::Halted => "halted until an operator resumes it",
        Start::Trading => "trading at once",
    };
    let source = match &config.market.source {
        Source::Practice { seed } => format!("practice market from seed {seed}"),
        Source::Recording { files, speed } => {
            let count = if files.len() == 1 { "1 recording".to_owned() } else { format!("{} recordings", files.len()) };
            format!("{count} at {speed}")
        }
    };
    let symbols: Vec<String> = config.market.symbols.iter().map(ToString::to_string).collect();
    let limits = &config.limits;
    writeln!(out, "  mode      paper, {start}")?;
    writeln!(out, "  market    {source}: {}", symbols.join(", "))?;
    writeln!(
        out,
        "  account   {} {quote}; fees {} resting, {} taking; orders take {} to {}",
        config.account.balance,
        config.account.fee_maker,
        config.account.fee_taker,
        config.account.latency_min,
        config.account.latency_max
    )?;
    writeln!(
        out,
        "  risk      at most {} an order, {} a position, {} in all; no entry after a loss of {} in a day or {} from the \
         peak",
        limits.order_notional_max,
        limits.position_notional_max,
        limits.exposure_max,
        limits.loss_per_day_max,
        limits.drawdown_max
    )?;
    for strategy in &config.strategies {
        describe(strategy, out)?;
    }
    if config.strategies.is_empty() {
        writeln!(out, "  strategy  none: the bot only watches")?;
    }
    writeln!(
        out,
        "  api       {}; {} requests a minute for each client, {} at once",
        config.api.listen, config.api.rate_limit_per_minute, config.api.rate_limit_burst
    )?;
    writeln!(out, "  state     {}", config.state.display())?;
    writeln!(out, "  digest    {}", config.digest)
}

fn describe(strategy: &StrategySettings, out: &mut dyn Write) -> std::io::Result<()> {
    let size = match strategy.sizing {
        Sizing::Fixed { stake } => format!("{stake} an entry"),
        Sizing::EquityShare { share } => format!("{share} of equity an entry"),
        Sizing::VolatilityTarget { risk, share_max, .. } => {
            format!("risking {risk} of equity an entry, worth at most {share_max} of it")
        }
    };
    let symbols: Vec<String> = strategy.symbols.iter().map(ToString::to_string).collect();
    writeln!(
        out,
        "  strategy  {}: {} on {} candles of {}, {size}, from candle {} on",
        strategy.name,
        strategy.rule,
        strategy.interval,
        symbols.join(", "),
        strategy.warm_up.saturating_add(1)
    )
}
