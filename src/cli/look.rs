//! `tradingbot status`, `orders`, `positions`, `trades`: what a running bot says of itself.

use std::io::Write;

use serde_json::value::RawValue;

use super::call::{Bot, Call, parse};
use super::show::{Percent, Table, count};
use super::{Exit, Failure, Inherited};
use crate::api::{Listed, OrderView, StatusView, StrategyWarmUp};
use crate::domain::snapshot::{PositionView, WarmUpView};
use crate::domain::{Notional, OrderKind, OrderState, Outcome, Price, RoundTrip, Side, Span, StrategyName, Timestamp};

/// `tradingbot status`.
#[derive(Debug, clap::Args)]
pub struct Status {
    #[command(flatten)]
    call: Call,
}

/// `tradingbot orders`.
#[derive(Debug, clap::Args)]
pub struct Orders {
    #[command(flatten)]
    call: Call,
}

/// `tradingbot positions`.
#[derive(Debug, clap::Args)]
pub struct Positions {
    #[command(flatten)]
    call: Call,
}

/// `tradingbot trades`.
#[derive(Debug, clap::Args)]
pub struct Trades {
    /// Show so many, the latest first.
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    #[command(flatten)]
    call: Call,
}

impl Status {
    /// Shows how the bot is doing.
    ///
    /// # Errors
    ///
    /// It cannot be reached, or refuses.
    pub fn run(&self, inherited: Inherited, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let body = self.call.bot(inherited)?.get("/v1/status")?;
        if json { raw(&body, out) } else { show_status(&parse(&body)?, out) }
    }
}

impl Orders {
    /// Shows orders that may still trade.
    ///
    /// # Errors
    ///
    /// The bot cannot be reached, or refuses.
    pub fn run(&self, inherited: Inherited, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let body = self.call.bot(inherited)?.get("/v1/orders")?;
        if json {
            return raw(&body, out);
        }
        let orders: Listed<Vec<OrderView<'_>>> = parse(&body)?;
        let mut table = Table::new(&["ORDER", "STRATEGY", "SYMBOL", "SIDE", "QTY", "FILLED", "AT", "STATE", "CREATED"]);
        for order in &orders.items {
            table.row(vec![
                order.new.id.to_string(),
                order.new.strategy.to_string(),
                order.new.symbol.to_string(),
                side(order.new.side).to_owned(),
                order.new.qty.to_string(),
                order.filled.to_string(),
                kind(order.new.kind),
                state(&order.state).to_owned(),
                to_second(order.created),
            ]);
        }
        show_list(&table, orders.items.is_empty(), "no order may still trade", out)
    }
}

impl Positions {
    /// Shows open positions.
    ///
    /// # Errors
    ///
    /// The bot cannot be reached, or refuses.
    pub fn run(&self, inherited: Inherited, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let body = self.call.bot(inherited)?.get("/v1/positions")?;
        if json {
            return raw(&body, out);
        }
        let positions: Listed<Vec<PositionView>> = parse(&body)?;
        let mut table = Table::new(&["STRATEGY", "SYMBOL", "QTY", "ENTRY", "LAST", "STOP", "PROFIT", "SINCE"]);
        for position in &positions.items {
            table.row(vec![
                position.strategy.to_string(),
                position.symbol.to_string(),
                position.qty.to_string(),
                maybe(position.entry),
                maybe(position.last),
                maybe(position.stop),
                cents_or(position.profit),
                to_second(position.since),
            ]);
        }
        show_list(&table, positions.items.is_empty(), "nothing is held", out)
    }
}

impl Trades {
    /// Shows closed positions, latest first.
    ///
    /// # Errors
    ///
    /// The bot cannot be reached, or refuses.
    pub fn run(&self, inherited: Inherited, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
        let bot = self.call.bot(inherited)?;
        if json {
            let items: Vec<Box<RawValue>> = self.collect(&bot)?;
            let text = serde_json::to_string(&items).map_err(|error| Failure::new(Exit::Failure, &error))?;
            return Ok(writeln!(out, "{text}")?);
        }
        let trips: Vec<RoundTrip> = self.collect(&bot)?;
        let mut table = Table::new(&["STRATEGY", "SYMBOL", "CLOSED", "OPEN FOR", "ENTRY", "EXIT", "PROFIT", "", "WHY"]);
        for trip in &trips {
            table.row(vec![
                trip.strategy.to_string(),
                trip.symbol.to_string(),
                to_second(trip.closed),
                lasting(trip.duration()),
                trip.entry.to_string(),
                trip.exit.to_string(),
                cents(trip.profit),
                Percent(trip.profit_ratio).to_string(),
                trip.reason.to_string(),
            ]);
        }
        show_list(&table, trips.is_empty(), "no position has been closed yet", out)
    }

    /// Asks for part after part until there are enough.
    fn collect<T: serde::de::DeserializeOwned>(&self, bot: &Bot) -> Result<Vec<T>, Failure> {
        let wanted = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let limit = (wanted - items.len()).min(PART_MAX);
            let mut part: Listed<Vec<T>> = parse(&bot.get(&format!("/v1/trades?limit={limit}{cursor}"))?)?;
            let got = part.items.len();
            items.append(&mut part.items);
            match part.next {
                Some(next) if items.len() < wanted && got > 0 && next.bytes().all(|byte| byte.is_ascii_digit()) => {
                    cursor = format!("&cursor={next}");
                }
                Some(_) | None => {
                    items.truncate(wanted);
                    return Ok(items);
                }
            }
        }
    }
}

/// The bot's own words, on a line.
pub fn raw(body: &[u8], out: &mut dyn Write) -> Result<(), Failure> {
    out.write_all(body.trim_ascii_end())?;
    Ok(out.write_all(b"\n")?)
}

fn show_status(status: &StatusView<'_>, out: &mut dyn Write) -> Result<(), Failure> {
    let mut line = |name: &str, text: String| writeln!(out, "{name:14}{text}");
    match (&status.halt, &status.starting) {
        (None, None) => line("trading", "yes".to_owned())?,
        (None, Some(waits_for)) => line("trading", format!("not yet: it starts, and waits for {waits_for}"))?,
        (Some(halt), _) => {
            let written = if halt.written { "" } else { "; not written down: a restart may not remember it" };
            line(
                "trading",
                format!("no, halted by {} at {}: {}{written}", halt.by, to_second(halt.since), halt.reason),
            )?
        }
    }
    line("equity", equity(status))?;
    line("profit today", cents_or(status.profit_today))?;
    line("positions", count(status.positions))?;
    line("orders", count(status.orders))?;
    let paused =
        if status.strategies_paused == 0 { String::new() } else { format!(", {} paused", status.strategies_paused) };
    line("strategies", format!("{}{paused}", status.strategies))?;
    for StrategyWarmUp { strategy, progress } in &status.warming_up {
        line("warming up", warm_up(*strategy, progress))?;
    }
    line("fills", count(status.fills))?;
    line("refusals", count(status.refusals))?;
    for entry in status.entries_too_small.iter() {
        line("too small", entry.clone())?;
    }
    line("as of", format!("{}, event {} of run {}", to_second(status.at), status.seq.0, status.run.0))?;
    line("version", status.version.clone().into_owned())?;
    match &status.api.fault {
        Some(fault) => line("API", format!("CLOSED: {fault}"))?,
        None => line("API", status.api.listening.join(", "))?,
    }
    if status.markets.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let mut table = Table::new(&["MARKET", "LAST", "BID", "ASK", "HEARD", ""]);
    for market in status.markets.iter() {
        table.row(vec![
            market.symbol.to_string(),
            maybe(market.last),
            maybe(market.bid),
            maybe(market.ask),
            market.heard.map_or_else(unknown, to_second),
            if market.stale { "stale".to_owned() } else { String::new() },
        ]);
    }
    Ok(table.write(out)?)
}

fn equity(status: &StatusView<'_>) -> String {
    let peak = cents(status.equity_peak);
    match (status.equity, status.drawdown) {
        (Some(equity), Some(drawdown)) => format!("{}, {} under its peak of {peak}", cents(equity), Percent(drawdown)),
        (Some(equity), None) => format!("{}, its peak was {peak}", cents(equity)),
        (None, _) => format!("not known until all that is held has a price; its peak was {peak}"),
    }
}

fn warm_up(strategy: StrategyName, progress: &WarmUpView) -> String {
    let WarmUpView { symbol, seen, needed, ready } = progress;
    let from = ready.map_or_else(|| "once it trades".to_owned(), |ready| format!("from {} on", to_second(ready)));
    format!("{strategy} has seen {seen} of {needed} candles of {symbol}; it may enter {from}")
}

fn show_list(table: &Table, empty: bool, nothing: &str, out: &mut dyn Write) -> Result<(), Failure> {
    if empty { Ok(writeln!(out, "{nothing}")?) } else { Ok(table.write(out)?) }
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

fn kind(kind: OrderKind) -> String {
    match kind {
        OrderKind::Market => "market".to_owned(),
        OrderKind::Limit { price, .. } => price.to_string(),
        OrderKind::PostOnly { price } => format!("{price} maker"),
        OrderKind::Stop { trigger } => format!("stop {trigger}"),
    }
}

const fn state(state: &OrderState) -> &'static str {
    match state {
        OrderState::Intended => "intended",
        OrderState::Open { .. } => "open",
        OrderState::Cancelling { .. } => "cancelling",
        OrderState::Unknown { .. } => "unknown",
        OrderState::Done(Outcome::Filled) => "filled",
        OrderState::Done(Outcome::Cancelled) => "cancelled",
        OrderState::Done(Outcome::Rejected) => "rejected",
        OrderState::Done(Outcome::Expired) => "expired",
        OrderState::Done(Outcome::NeverPlaced) => "never placed",
    }
}

fn cents(amount: Notional) -> String {
    format!("{:.2}", super::show::Money(amount))
}

fn cents_or(amount: Option<Notional>) -> String {
    amount.map_or_else(unknown, cents)
}

fn maybe(price: Option<Price>) -> String {
    price.map_or_else(unknown, |price| price.to_string())
}

/// What stands where nothing is known.
fn unknown() -> String {
    "-".to_owned()
}

fn lasting(span: Span) -> String {
    let minutes = span.minutes();
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

fn to_second(at: Timestamp) -> String {
    at.floor(Span::SECOND).to_string()
}

/// Most items that the API gives at once.
const PART_MAX: usize = 500;
