//! `tradingbot backtest`: a strategy over candle files.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;

use crate::backtest::{self, Feed, FillRule, Outcome, Report, Settings, TradeRow};
use crate::domain::instrument::split_symbol;
use crate::domain::{
    Asset, EntryStyle, Exits, Instrument, InstrumentId, Limits, Market, Notional, Rate, RoiStep, Sizing, Span, Symbol,
    Trailing,
};
use crate::strategy::{Rule, StrategySettings};

use load::Loaded;
use rule::RuleOptions;

use super::show::{Age, Money, Percent, Table, count};
use super::{Exit, Failure};

mod check;
mod configured;
mod files;
mod load;
mod rule;

/// `tradingbot backtest`.
#[derive(Debug, Args)]
pub struct Backtest {
    /// Candle files, `.csv` or `.csv.zst`, in the layout of Binance's public data; files of one symbol follow each other.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Trade as this configuration file says: its strategies, limits, balance, fees and rules for instruments. Options for
    /// these are not taken then.
    #[arg(long, value_name = "FILE", conflicts_with_all = CONFIGURED)]
    config: Option<PathBuf>,
    #[command(flatten)]
    rule: RuleOptions,
    /// Value of an entry, in the quote asset.
    #[arg(long, alias = "stake-amount", default_value = "100", allow_negative_numbers = true)]
    stake: Notional,
    /// Value of an entry as a share of equity, in place of a stake: 0.1 for a tenth.
    #[arg(long, conflicts_with = "stake", value_name = "SHARE", allow_negative_numbers = true)]
    equity_share: Option<Rate>,
    /// How far under the entry price a position is left, as a share of it: 0.1 for 10 %. A minus sign in front means the
    /// same, here and with the other distances.
    #[arg(long, alias = "stoploss", value_name = "SHARE", allow_negative_numbers = true)]
    stop_loss: Option<Rate>,
    /// How far under the highest price a rising stop follows, as a share of it.
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    trailing: Option<Rate>,
    /// The profit, after fees, from which the stop follows; from the start when it is not given.
    #[arg(long, value_name = "SHARE", requires = "trailing", allow_negative_numbers = true)]
    trailing_offset: Option<Rate>,
    /// How far under the highest price it follows before that profit; not at all when it is not given.
    #[arg(long, value_name = "SHARE", requires = "trailing_offset", allow_negative_numbers = true)]
    trailing_before: Option<Rate>,
    /// Least profit to leave with, by age: `0m:0.1,12h:0.05,2d:0.02`. A bare age is in minutes.
    #[arg(long, value_delimiter = ',', value_name = "AGE:SHARE", value_parser = roi_step)]
    roi: Vec<RoiStep>,
    /// How long a symbol is left alone after a position in it was closed, such as `2h`.
    #[arg(long, default_value = "0s", value_name = "SPAN")]
    cooldown: Span,
    /// Positions that may be open at once; as many as symbols when it is not given.
    #[arg(long, alias = "max-open-trades", value_name = "COUNT")]
    positions_max: Option<u32>,
    /// Candles of each symbol that only warm the rule up.
    #[arg(long, default_value_t = 200, value_name = "COUNT")]
    warm_up: u32,
    /// What is there at the start, in the quote asset.
    #[arg(long, aliases = ["starting-balance", "dry-run-wallet"], default_value = "10000", allow_negative_numbers = true)]
    balance: Notional,
    /// Fee of each order, as a share of its value.
    #[arg(long, default_value = "0.001", value_name = "SHARE", allow_negative_numbers = true)]
    fee: Rate,
    /// Least value of an order, in the quote asset.
    #[arg(long, default_value = "5", value_name = "AMOUNT", allow_negative_numbers = true)]
    notional_min: Notional,
    /// What is assumed about the inside of a candle.
    #[arg(long, value_enum, default_value_t = FillRuleName::Strict)]
    fill_rule: FillRuleName,
    /// How much worse market and stop orders trade, as a share of the price; 0.0005 with `strict`, 0 with `freqtrade`.
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    slippage: Option<Rate>,
    /// Interval of the candles, when the file names do not tell.
    #[arg(long, alias = "timeframe", value_name = "SPAN")]
    interval: Option<Span>,
    /// Longest stretch without candles that is filled up with flat ones, such as 30d; longer ones are refused. 7d with
    /// `strict`, any with `freqtrade`.
    #[arg(long, value_name = "SPAN")]
    gap_max: Option<Span>,
    /// Symbol of the candles, when the file name does not tell.
    #[arg(long)]
    symbol: Option<Symbol>,
    /// Write the list of trades to this file, which must not exist: as JSON when its name ends in `.json`, else as CSV. `-`
    /// prints it in place of the report, with --json as JSON.
    #[arg(long, value_name = "FILE")]
    trades: Option<PathBuf>,
    /// Write what the account was worth, candle by candle, to this file, which must not exist: as JSON when its name ends in
    /// `.json`, else as CSV. `-` prints it in place of the report, with --json as JSON.
    #[arg(long, value_name = "FILE")]
    equity: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FillRuleName {
    /// Pessimistic.
    Strict,
    /// As the freqtrade backtester does it.
    Freqtrade,
}

#[derive(Serialize)]
struct Json<'a> {
    report: &'a Report,
    trades: &'a [TradeRow],
}

impl Backtest {
    /// Runs it and prints what came of it, and to `notes` what gives one to think.
    pub fn run(&self, json: bool, out: &mut dyn Write, notes: &mut dyn Write) -> Result<(), Failure> {
        self.check()?;
        self.check_files()?;
        let (loaded, settings, doubts) = match &self.config {
            Some(path) => self.configured(path)?,
            None => self.optioned()?,
        };
        let Loaded { feeds, notes: said } = loaded;
        let said = said.iter().map(|note| ("note", note)).chain(doubts.iter().map(|doubt| ("warning", doubt)));
        for (kind, words) in said {
            if json {
                writeln!(notes, "{}", json!({ kind: words }))?;
            } else {
                writeln!(notes, "{kind}: {words}")?;
            }
        }
        let outcome = backtest::run(&settings, &feeds).map_err(|error| Failure::new(Exit::Failure, &error))?;
        let report = Report::of(&outcome).map_err(|error| Failure::new(Exit::Failure, &error))?;
        let rules: Vec<Instrument> = feeds.iter().map(|feed| feed.rules.clone()).collect();
        let named = self.config.is_some();
        let rows = backtest::rows(&outcome.trips, &rules, named);
        let points = &outcome.curve.points;
        let printed = |path: &Option<PathBuf>| path.as_deref().is_some_and(files::is_stdout);
        if let Some(path) = self.trades.as_deref().filter(|path| !files::is_stdout(path)) {
            files::write(path, &rows, |file| backtest::write_csv(file, &rows, named))?;
        }
        if let Some(path) = self.equity.as_deref().filter(|path| !files::is_stdout(path)) {
            files::write(path, points, |file| backtest::write_equity_csv(file, points))?;
        }
        if printed(&self.trades) {
            let csv = |out: &mut dyn Write| backtest::write_csv(out, &rows, named);
            return Ok(if json { files::write_json(out, &rows) } else { csv(out) }?);
        }
        if printed(&self.equity) {
            let csv = |out: &mut dyn Write| backtest::write_equity_csv(out, points);
            return Ok(if json { files::write_json(out, points) } else { csv(out) }?);
        }
        if json {
            return Ok(files::write_json(out, &Json { report: &report, trades: &rows })?);
        }
        show(&report, &outcome, out)
    }

    /// What the options say.
    fn optioned(&self) -> Result<(Loaded, Settings, Vec<String>), Failure> {
        let rule = self.rule.read()?;
        let loaded = self.load(|symbol| Ok(self.rules(symbol)))?;
        let settings = self.settings(&loaded.feeds, rule.clone())?;
        let doubts = self.doubts(&loaded.feeds, &rule);
        Ok((loaded, settings, doubts))
    }

    fn rules(&self, symbol: Symbol) -> Instrument {
        let (base, quote) = split_symbol(&symbol).unwrap_or_else(|| {
            let whole: Asset = symbol
                .as_str()
                .get(..ASSET_BYTES_MAX.min(symbol.as_str().len()))
                .and_then(|text| text.parse().ok())
                .unwrap_or_else(|| "BASE".parse().expect("it is an asset's name"));
            (whole, "QUOTE".parse().expect("it is an asset's name"))
        });
        let mut rules = Instrument::plain(InstrumentId::new(Market::Spot, symbol), base, quote, self.fee);
        rules.notional_min = self.notional_min;
        rules
    }

    fn settings(&self, feeds: &[Feed], rule: Rule) -> Result<Settings, Failure> {
        let usage = |message: &str| Failure::say(Exit::Usage, message);
        let first = feeds.first().expect("clap asks for at least one file");
        if feeds.iter().any(|feed| feed.rules.quote != first.rules.quote) {
            return Err(usage("the symbols are not all paid with the same asset; test them one by one"));
        }
        let interval = Self::interval_of(feeds)?;
        let symbols: Vec<InstrumentId> = feeds.iter().map(|feed| feed.rules.id).collect();
        let count = u32::try_from(symbols.len()).unwrap_or(u32::MAX);
        let strategy = StrategySettings {
            name: "backtest".parse().expect("it is a strategy's name"),
            rule,
            symbols: symbols.clone(),
            interval,
            sizing: match self.equity_share {
                Some(share) => Sizing::EquityShare { share },
                None => Sizing::Fixed { stake: self.stake },
            },
            entry: EntryStyle::Market,
            exits: self.exits()?,
            positions_max: self.positions_max.unwrap_or(count),
            warm_up: self.warm_up,
        };
        let (fill_rule, slippage) = self.fills();
        Ok(Settings {
            quote: first.rules.quote,
            balance: self.balance,
            strategies: vec![strategy],
            limits: Limits::none(symbols),
            fill_rule,
            slippage,
            every_point: self.equity.is_some(),
        })
    }

    fn interval_of(feeds: &[Feed]) -> Result<Span, Failure> {
        let first = feeds.first().expect("clap asks for at least one file").interval;
        if feeds.iter().any(|feed| feed.interval != first) {
            let message = "the files do not all have candles of the same length; test them one by one";
            return Err(Failure::say(Exit::Usage, message));
        }
        Ok(first)
    }

    fn fills(&self) -> (FillRule, Rate) {
        let (rule, slippage) = match self.fill_rule {
            FillRuleName::Strict => (FillRule::Strict, Rate::from_units(STRICT_SLIPPAGE_UNITS)),
            FillRuleName::Freqtrade => (FillRule::Freqtrade, Rate::ZERO),
        };
        (rule, self.slippage.unwrap_or(slippage))
    }

    fn exits(&self) -> Result<Exits, Failure> {
        let mut steps: BTreeMap<Span, Rate> = BTreeMap::new();
        for step in &self.roi {
            if steps.insert(step.after, step.profit).is_some() {
                let message = format!("--roi names the age {} twice", step.after);
                return Err(Failure::say(Exit::Usage, message));
            }
        }
        let trailing_before = distance("--trailing-before", self.trailing_before)?;
        Ok(Exits {
            stop_loss: distance("--stop-loss", self.stop_loss)?,
            trailing: distance("--trailing", self.trailing)?.map(|distance| Trailing {
                distance,
                offset: self.trailing_offset,
                distance_before: trailing_before,
            }),
            roi: steps.into_iter().map(|(after, profit)| RoiStep { after, profit }).collect(),
            cooldown: self.cooldown,
        })
    }
}

fn roi_step(text: &str) -> Result<RoiStep, String> {
    let (age, profit) = text.split_once(':').ok_or("write it as AGE:SHARE, such as 12h:0.05")?;
    let after = match age.parse::<u32>() {
        Ok(minutes) => Span::from_secs(i64::from(minutes) * 60),
        Err(_) => age.parse::<Span>().map_err(|error| error.to_string())?,
    };
    Ok(RoiStep { after, profit: profit.parse::<Rate>().map_err(|error| error.to_string())? })
}

/// A distance under a price. There is but one side that it can be meant for, so a minus sign says nothing more.
fn distance(flag: &str, share: Option<Rate>) -> Result<Option<Rate>, Failure> {
    let Some(given) = share else { return Ok(None) };
    let share = Rate::from_units(given.units().saturating_abs());
    if share == Rate::ZERO || share >= Rate::ONE {
        let message = format!("{flag} {given}: must be a share between 0 and 1, such as 0.1 for 10 %");
        return Err(Failure::say(Exit::Usage, message));
    }
    Ok(Some(share))
}

fn show(report: &Report, outcome: &Outcome, out: &mut dyn Write) -> Result<(), Failure> {
    let candles = match report.candles_made_up {
        0 => format!("{} candles", count(report.candles)),
        made_up => format!("{} candles and {} made up where there were none", count(report.candles), count(made_up)),
    };
    writeln!(out, "{} to {}, {candles}", report.from, report.to)?;
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    let mut totals = Table::new(&["", ""]);
    let rows = [
        ("balance", format!("{:.2}", Money(report.balance))),
        ("equity", format!("{:.2}", Money(report.equity))),
        ("profit", format!("{:.2} ({})", Money(report.profit), Percent(report.profit_ratio))),
        ("largest drawdown", Percent(report.drawdown_max).to_string()),
        ("trades", format!("{}, {} won", count(report.trades.count), count(report.trades.won))),
        ("fees", format!("{:.2}", Money(report.trades.fees))),
        ("profit factor", number(report.profit_factor)),
        ("expectancy", number(report.expectancy)),
        ("Sharpe ratio", number(report.sharpe)),
        ("Sortino ratio", number(report.sortino)),
    ];
    for (name, value) in rows {
        totals.row(vec![name.to_owned(), value]);
    }
    totals.write(out)?;
    let groups = [("strategy", &report.by_strategy), ("symbol", &report.by_symbol), ("left by", &report.by_reason)];
    for (title, groups) in groups.into_iter().skip(usize::from(report.by_strategy.len() < 2)) {
        let mut table = Table::new(&[title, "trades", "won", "profit", "mean", "mean time"]);
        for (name, group) in groups {
            table.row(vec![
                name.clone(),
                count(group.count),
                count(group.won),
                format!("{:.2}", Money(group.profit)),
                Percent(group.profit_ratio_mean).to_string(),
                Age(group.duration_mean).to_string(),
            ]);
        }
        writeln!(out)?;
        table.write(out)?;
    }
    if let Some(reason) = &outcome.refusal_last {
        let orders = if report.refusals == 1 { "order was refused" } else { "orders were refused, the last" };
        writeln!(out, "\n{} {orders} because {reason}", count(report.refusals))?;
    }
    for entry in &report.entries_too_small {
        writeln!(out, "\n{entry}; later ones are not listed")?;
    }
    Ok(())
}

/// Options for what a configuration file says, besides those of the rule.
const CONFIGURED: [&str; 13] = [
    "stake",
    "equity_share",
    "stop_loss",
    "trailing",
    "trailing_offset",
    "trailing_before",
    "roi",
    "cooldown",
    "positions_max",
    "warm_up",
    "balance",
    "fee",
    "notional_min",
];
const ASSET_BYTES_MAX: usize = 15;
/// A twentieth of a percent: a spread and a little depth.
const STRICT_SLIPPAGE_UNITS: i64 = 50_000;
