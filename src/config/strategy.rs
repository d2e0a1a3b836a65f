//! The strategies that run, each with its rule, its size and its ways out.

use super::key::keys;
use super::market::{no_repeats, of_market};
use super::reader::Reader;
use super::risk::tradable;
use super::rule::RawRule;
use super::sizing::{RawSizing, Surroundings};
use super::words::words;
use crate::domain::{EntryStyle, Exits, InstrumentId, Market, Rate, RoiStep, Sizing, Span, StrategyName, Trailing};
use crate::strategy::{Rule, StrategySettings};

/// What an entry order is, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// [`EntryStyle::Market`].
    Market,
    /// [`EntryStyle::PostOnly`].
    PostOnly,
}

words!(EntryKind { Market = "market", PostOnly = "post-only" });

keys! {
    /// A strategy: a rule over some symbols, how much an entry is worth, and when a position is left. One table each;
    /// several may trade the same symbol, each with a book of its own. Without any, the bot only watches.
    pub struct RawStrategy {
        fragment rule: RawRule, before symbols;
        /// Its name in the ledger, the API and the logs: lower-case letters, digits and dashes, at most 31, none twice.
        name: StrategyName, required("\"ema-btc\"");
        /// What it trades; some of `market.symbols`.
        symbols: Vec<InstrumentId>, required("[\"BTCUSDT\"]");
        /// Length of its candles; a whole number of them must make a day.
        interval: Span, required("\"5m\""), within("'1s'", "'1d'");
        /// How much an entry is worth.
        sizing: RawSizing, required("{ by = \"fixed\", stake = \"100\" }");
        /// What an entry order is: `"market"`, or `"post-only"`, which rests at the best bid and never takes.
        entry: EntryKind, default("'market'");
        /// For `post-only`: how long an entry order may rest before it is cancelled.
        entry_timeout: Span, absent("`\"30s\"` for `post-only`"), within("'1s'", "'1d'");
        /// How far under the entry price a position is left.
        stop_loss: Rate, absent("there is none"), unit("share of the entry price"), within("'0.0001'", "'0.9999'");
        /// How the stop follows the price.
        trailing: RawTrailing, absent("it does not");
        /// The least profit to leave with, by age; the step with the largest age that has passed counts. Ages rise.
        roi: Vec<RawRoiStep>, default("[]");
        /// How long a symbol is left alone after a position in it was closed.
        cooldown: Span, default("'0s'"), within("'0s'", "'4w'");
        /// Most positions at once, over all its symbols.
        positions_max: u32, absent("as many as it has symbols"), unit("positions"), within("1", "200");
        /// Candles of each symbol that only warm the rule up; no position is entered on them.
        warm_up: u32, absent("as many as rule and sizing need"), unit("candles"), within("1", "20000");
    }
}

keys! {
    /// A stop that rises with the highest price since entry and never falls.
    pub struct RawTrailing {
        /// How far under the highest price the position is left.
        distance: Rate, required("\"0.02\""), unit("share of the highest price"), within("'0.0001'", "'0.9999'");
        /// The profit after fees from which `distance` holds.
        offset: Rate, absent("it holds from the start"), unit("share of what was paid"), within("'0'", "'100'");
        /// How far under the highest price before that profit is reached; only together with `offset`.
        distance_before: Rate, absent("it does not follow until then"), unit("share of the highest price"),
            within("'0.0001'", "'0.9999'");
    }
}

keys! {
    /// The least profit to leave with from an age on.
    pub struct RawRoiStep {
        /// Age of the position.
        after: Span, required("\"30m\""), within("'0s'", "'52w'");
        /// Least profit after fees.
        profit: Rate, required("\"0.01\""), unit("share of what was paid"), within("'-1'", "'100'");
    }
}

impl RawStrategy {
    /// The settings, if they make sense together. What was left open is written into `self`.
    pub(super) fn check(
        &mut self,
        path: &str,
        around: Option<&Surroundings>,
        reader: &mut Reader<'_>,
    ) -> Option<StrategySettings> {
        let market = around.map_or(Market::Spot, |around| around.market);
        let symbols = self.symbols.as_ref().map(|written| of_market(written, market));
        if let Some(symbols) = &symbols {
            let path = format!("{path}.symbols");
            no_repeats(symbols, &path, reader);
            if let Some(around) = around {
                tradable(symbols, &path, &around.limits.symbols, "risk.symbols", reader);
            }
        }
        if let Some(interval) = self.interval
            && Span::DAY.nanos() % interval.nanos() != 0
        {
            let what = "does not divide a day; write for example \"1m\", \"5m\", \"15m\", \"1h\", \"4h\" or \"1d\"";
            reader.conflict(&[&format!("{path}.interval")], what);
        }
        let rule = self.rule.check(path, reader);
        let traded = symbols.as_deref().unwrap_or_default();
        let sizing =
            self.sizing.as_ref().and_then(|sizing| sizing.check(&format!("{path}.sizing"), traded, around, reader));
        let exits = self.exits(path, reader);
        let entry = self.entry(path, reader);
        let (rule, sizing, symbols) = (rule?, sizing?, symbols?);
        let needed = warm_up_min(&rule, sizing);
        let warm_up = *self.warm_up.get_or_insert(needed);
        if warm_up < needed {
            let what = format!("is too few candles for {rule} and its sizing; write {needed} or more");
            reader.conflict(&[&format!("{path}.warm-up")], &what);
        }
        let count = u32::try_from(symbols.len()).expect("lists are short");
        Some(StrategySettings {
            name: self.name?,
            rule,
            symbols,
            interval: self.interval?,
            sizing,
            entry,
            exits: exits?,
            positions_max: *self.positions_max.get_or_insert(count),
            warm_up,
        })
    }

    fn exits(&self, path: &str, reader: &mut Reader<'_>) -> Option<Exits> {
        let trailing = match &self.trailing {
            None => None,
            Some(trailing) => {
                let before = format!("{path}.trailing.distance-before");
                if trailing.distance_before.is_some() && trailing.offset.is_none() {
                    let what = "has no effect without offset; write offset, or take it out";
                    reader.conflict(&[&before, &format!("{path}.trailing.offset")], what);
                }
                Some(Trailing {
                    distance: trailing.distance?,
                    offset: trailing.offset,
                    distance_before: trailing.distance_before,
                })
            }
        };
        for (at, pair) in self.roi.windows(2).enumerate() {
            if let [RawRoiStep { after: Some(earlier), .. }, RawRoiStep { after: Some(later), .. }] = pair
                && later <= earlier
            {
                let what = format!("does not come after the age before it, {earlier}; write the steps by rising age");
                reader.conflict(&[&format!("{path}.roi[{}].after", at + 1)], &what);
            }
        }
        let roi = self.roi.iter().map(|step| Some(RoiStep { after: step.after?, profit: step.profit? }));
        let roi = roi.collect::<Option<Vec<RoiStep>>>()?;
        Some(Exits { stop_loss: self.stop_loss, trailing, roi, cooldown: self.cooldown })
    }

    fn entry(&mut self, path: &str, reader: &mut Reader<'_>) -> EntryStyle {
        let key = format!("{path}.entry-timeout");
        match self.entry {
            EntryKind::Market => {
                if reader.has(&key) {
                    let what = "is for entry = \"post-only\"; take it out, or change the entry";
                    reader.conflict(&[&key], what);
                }
                EntryStyle::Market
            }
            EntryKind::PostOnly => {
                EntryStyle::PostOnly { timeout: *self.entry_timeout.get_or_insert(Span::from_secs(30)) }
            }
        }
    }
}

/// Candles that rule and sizing must have seen before the first that may enter.
fn warm_up_min(rule: &Rule, sizing: Sizing) -> u32 {
    let of_rule = rule.warm_up();
    match sizing {
        Sizing::VolatilityTarget { period, .. } => of_rule.max(period),
        Sizing::Fixed { .. } | Sizing::EquityShare { .. } => of_rule,
    }
}

/// Notes a fault for each parameter that the choice under `choice` needs and lacks, or has and cannot use.
pub(super) fn parameters(path: &str, choice: &str, used: &[&str], all: &[&str], reader: &mut Reader<'_>) {
    let choice = format!("{path}.{choice}");
    for name in all {
        let key = format!("{path}.{name}");
        match (used.contains(name), reader.has(&key)) {
            (true, false) => reader.conflict(&[&choice], &format!("needs {name}; write it beside")),
            (false, true) => {
                let what = format!("is not used here; take it out: the keys that belong here are {}", used.join(", "));
                reader.conflict(&[&key], &what);
            }
            (true, true) | (false, false) => {}
        }
    }
}
