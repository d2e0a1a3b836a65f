//! APP: the command line.

mod backtest;
mod book;
mod candles;
mod check_config;
mod exit;
mod indicator;
mod padded;
mod pages;
mod paper;
mod show;
mod token;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use exit::{Exit, Failure};

/// A trading bot for Binance spot and USD-M futures.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Args {
    /// Print results as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Trade on paper in the foreground, on the practice market or a recording.
    Paper(paper::Paper),
    /// Test a strategy on files of candles.
    Backtest(Box<backtest::Backtest>),
    /// Build the order book of recorded market streams and print its best prices.
    Book(book::BookOfRecording),
    /// Build candles from trades, or longer candles from shorter ones.
    Candles(candles::Candles),
    /// Check the configuration as start-up would, without starting.
    CheckConfig(check_config::CheckConfig),
    /// Print the completion script of a shell.
    Completions(pages::Completions),
    /// Print an indicator over a file of klines, as CSV or JSON.
    Indicator(indicator::Indicator),
    /// Print the manual page, or write all pages to a folder.
    Man(pages::Man),
    /// Make, list and take back tokens for the API.
    Token(token::Token),
}

/// Runs one command line and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    let mut out = BufWriter::new(io::stdout().lock());
    let result = run(args, &mut out).and_then(|()| out.flush().map_err(Failure::from));
    match result {
        Ok(()) => Exit::Success.into(),
        Err(failure) => {
            if failure.exit() != Exit::Success {
                let _ = writeln!(io::stderr(), "error: {failure}");
            }
            failure.exit().into()
        }
    }
}

fn run(args: Args, out: &mut dyn Write) -> Result<(), Failure> {
    match args.command {
        Command::Paper(command) => command.run(out),
        Command::Backtest(command) => command.run(args.json, out),
        Command::Book(command) => command.run(args.json, out, &mut io::stderr()),
        Command::Candles(command) => command.run(args.json, out, &mut io::stderr()),
        Command::CheckConfig(command) => command.run(args.json, out),
        Command::Completions(command) => command.run(out),
        Command::Indicator(command) => command.run(args.json, out),
        Command::Man(command) => command.run(out),
        Command::Token(command) => command.run(args.json, out),
    }
}

/// The command line as clap knows it, for pages made from it.
fn definition() -> clap::Command {
    Args::command()
}
