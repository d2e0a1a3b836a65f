//! `tradingbot reload`: has a running bot read its configuration again, and says what came of it.

use std::io::Write;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

use super::call::{Call, parse};
use super::{Exit, Failure, Inherited};
use crate::clock::Mark;
use crate::domain::Span;

/// `tradingbot reload`.
#[derive(Debug, clap::Args)]
pub struct Reload {
    /// The bot's process, which gets the signal. The service manager knows it: say `systemctl reload tradingbot`.
    #[arg(long, value_name = "PID")]
    pid: i32,
    #[command(flatten)]
    call: Call,
}

/// Of the configuration in force, what is said of reloads.
#[derive(Debug, Deserialize)]
struct View {
    reload: Reloads,
}

#[derive(Debug, Deserialize)]
struct Reloads {
    count: u64,
    refused: Option<String>,
}

impl Reload {
    /// Sends the signal and waits for the verdict.
    ///
    /// # Errors
    ///
    /// The bot refuses the configuration, cannot be reached or signalled, or gives no verdict in time.
    pub fn run(&self, inherited: Inherited, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let pid = Pid::from_raw(self.pid).filter(|_| self.pid > 0);
        let pid = pid.ok_or_else(|| Failure::say(Exit::Usage, format!("--pid {} is no process", self.pid)))?;
        let bot = self.call.bot(inherited)?;
        let look = || bot.get("/v1/config").and_then(|body| parse::<View>(&body));
        let before = look()?.reload.count;
        kill_process(pid, Signal::HUP)
            .map_err(|error| Failure::say(Exit::Denied, format!("process {} gets no signal: {error}", self.pid)))?;
        let (asked, mut pause) = (Mark::now(), FIRST_PAUSE);
        loop {
            std::thread::sleep(pause);
            pause *= 2;
            match look() {
                Ok(View { reload: Reloads { count, refused } }) if count > before => return say(refused, json, out),
                Ok(_) if asked.elapsed() > VERDICT_TIME_MAX => {
                    let message = format!("no verdict of the bot within {VERDICT_TIME_MAX}; look at its journal");
                    return Err(Failure::say(Exit::Unreachable, message));
                }
                Err(failure) if asked.elapsed() > VERDICT_TIME_MAX => return Err(failure),
                Ok(_) | Err(_) => {}
            }
        }
    }
}

fn say(refused: Option<String>, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    match refused {
        Some(why) => Err(Failure::say(Exit::Config, format!("not reloaded, nothing was changed: {why}"))),
        None if json => Ok(writeln!(out, "{}", serde_json::json!({ "verdict": "done" }))?),
        None => Ok(writeln!(out, "reloaded")?),
    }
}

/// Each look comes after twice the time of the one before: the bot reads within milliseconds, and looks are counted.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const VERDICT_TIME_MAX: Span = Span::from_millis(10_000);
