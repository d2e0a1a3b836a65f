//! APP: the command line.

mod backtest;
mod book;
mod bot_unit;
mod call;
mod candles;
mod check_config;
mod credential;
mod doctor;
mod exit;
mod firewall;
mod indicator;
mod ledger;
mod look;
mod out_file;
mod padded;
mod pages;
mod paper;
mod progress;
mod reload;
mod replay;
mod run;
mod series;
mod show;
mod steer;
mod terminal;
mod token;
mod tool;

use std::env;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::log;
use crate::secrets::{Environment, seal_process};
use crate::systemd;

pub use exit::{Exit, Failure};

/// A trading bot for Binance spot and USD-M futures.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_long_help = exit::CODES)]
struct Args {
    /// Print results as JSON, and an error as one object with code, message and help on standard error.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Trade on paper in the foreground, on the practice market or a recording.
    Paper(Box<paper::Paper>),
    /// Run as a service, by a configuration file.
    Run(run::Run),
    /// Replay a run from its journal of inputs, and compare every command.
    Replay(replay::Replay),
    /// Test a strategy on files of candles.
    Backtest(Box<backtest::Backtest>),
    /// Build the order book of recorded market streams and print its best prices.
    Book(book::BookOfRecording),
    /// Build candles from trades, or longer candles from shorter ones.
    Candles(candles::Candles),
    /// Check the configuration as start-up would, without starting.
    CheckConfig(check_config::CheckConfig),
    /// Seal a secret to this host for the service.
    Credential(credential::Credential),
    /// Say whether a bot of this machine is in order, what confines it, and what to do about what is not.
    Doctor(doctor::Doctor),
    /// Show, load or remove the firewall rules of the bot's user, or deny what comes in.
    Firewall(firewall::Firewall),
    /// Check, show or export the ledger.
    Ledger(ledger::Ledger),
    /// Cancel an order of a running bot.
    Cancel(steer::Cancel),
    /// Leave what a running bot holds of a symbol, at market.
    Close(steer::Close),
    /// Print the catalogue that explains the bot's records in the journal.
    Catalogue(pages::Catalogue),
    /// Print the completion script of a shell.
    Completions(pages::Completions),
    /// Print an indicator over files of klines, as CSV or JSON.
    Indicator(indicator::Indicator),
    /// Halt a running bot: it sends nothing more until it is resumed.
    Halt(steer::Halt),
    /// Print the manual page, or write all pages to a folder.
    Man(pages::Man),
    /// Show orders of a running bot that may still trade.
    Orders(look::Orders),
    /// Show open positions of a running bot.
    Positions(look::Positions),
    /// Have a running bot read its configuration again, and say what came of it.
    Reload(reload::Reload),
    /// Let a halted bot trade again.
    Resume(steer::Resume),
    /// Show how a running bot is doing.
    Status(look::Status),
    /// Make, list and take back tokens for the API.
    Token(token::Tokens),
    /// Show positions that a running bot has closed, the latest first.
    Trades(look::Trades),
}

/// What this process was given besides its command line: taken once, before anything else.
#[derive(Debug)]
struct Inherited {
    environment: Environment,
    sockets: systemd::Inherited,
}

impl Inherited {
    /// Takes secrets out of the environment, and listeners from the service manager.
    fn take() -> Result<Self, Failure> {
        seal_process().map_err(|error| Failure::new(Exit::Secret, &error))?;
        let environment = Environment::take().map_err(|error| Failure::new(Exit::Secret, &error))?;
        let sockets = systemd::Inherited::take().map_err(|error| Failure::new(Exit::Failure, &error))?;
        Ok(Self { environment, sockets })
    }
}

/// Runs one command line and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    log::catch_panics();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() && env::args_os().any(|argument| argument == "--json") => {
            let failure = Failure::of_arguments(&error);
            complain(&failure, true);
            return failure.exit().into();
        }
        Err(error) => error.exit(),
    };
    let json = args.json;
    // The check of the ledger, which has a unit too, may make no socket, not even one to the journal.
    let records = matches!(args.command, Command::Run(_) | Command::Credential(_));
    let mut out = BufWriter::new(io::stdout().lock());
    let result = Inherited::take()
        .and_then(|inherited| run(args, inherited, &mut out))
        .and_then(|()| out.flush().map_err(Failure::from));
    match result {
        Ok(()) => Exit::Success.into(),
        Err(failure) => {
            let _ = out.flush();
            if failure.exit() != Exit::Success && !(records && log::last_words(&failure)) {
                complain(&failure, json);
            }
            failure.exit().into()
        }
    }
}

fn complain(failure: &Failure, json: bool) {
    if json {
        let _ = writeln!(io::stderr(), "{}", failure.json());
    } else {
        log::complain(failure);
    }
}

fn run(args: Args, inherited: Inherited, out: &mut dyn Write) -> Result<(), Failure> {
    match args.command {
        Command::Catalogue(_) | Command::Completions(_) | Command::Man(_) if args.json => {
            let message = "--json: what this command prints is for another program as it stands; leave --json out";
            Err(Failure::say(Exit::Usage, message))
        }
        Command::Paper(command) => command.run(inherited, args.json, out),
        Command::Run(command) => command.run(inherited, args.json, out),
        Command::Replay(command) => command.run(args.json, out),
        Command::Backtest(command) => command.run(args.json, out, &mut io::stderr()),
        Command::Book(command) => command.run(args.json, out, &mut io::stderr()),
        Command::Candles(command) => command.run(args.json, out, &mut io::stderr()),
        Command::CheckConfig(command) => command.run(inherited, args.json, out),
        Command::Credential(command) => command.run(args.json, out),
        Command::Doctor(command) => command.run(args.json, out),
        Command::Firewall(command) => command.run(args.json, out),
        Command::Ledger(command) => command.run(args.json, out),
        Command::Catalogue(command) => command.run(out),
        Command::Completions(command) => command.run(out),
        Command::Indicator(command) => command.run(args.json, out, &mut io::stderr()),
        Command::Man(command) => command.run(out),
        Command::Cancel(command) => command.run(inherited, args.json, out),
        Command::Close(command) => command.run(inherited, args.json, out),
        Command::Halt(command) => command.run(inherited, args.json, out),
        Command::Orders(command) => command.run(inherited, args.json, out),
        Command::Positions(command) => command.run(inherited, args.json, out),
        Command::Reload(command) => command.run(inherited, args.json, out),
        Command::Resume(command) => command.run(inherited, args.json, out),
        Command::Status(command) => command.run(inherited, args.json, out),
        Command::Token(command) => command.run(args.json, out),
        Command::Trades(command) => command.run(inherited, args.json, out),
    }
}

/// The command line as clap knows it, for pages made from it.
fn definition() -> clap::Command {
    Args::command()
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_arguments_of_a_command_get_in_each_others_way() {
        super::definition().debug_assert();
    }
}
