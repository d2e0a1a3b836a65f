//! Options of `tradingbot backtest` that cannot be meant, and those that give no trades.

use std::fmt::Display;

use crate::backtest::{FREQTRADE_USABLE, Feed};
use crate::domain::{Notional, Rate, Rounding, Span};
use crate::strategy::Rule;

use super::{Backtest, Exit, Failure, FillRuleName};

impl Backtest {
    /// Refuses what no backtest can be made from.
    ///
    /// # Errors
    ///
    /// The first such option: what is wrong with it, and what to write.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.check_account()?;
        self.check_entries()?;
        self.rule.read().map(drop)
    }

    fn check_account(&self) -> Result<(), Failure> {
        if self.balance <= Notional::ZERO {
            return refuse("--balance", self.balance, "there is nothing to trade with; give more than 0");
        }
        within("--fee", self.fee, Rate::ZERO, COST_MAX, "0.001 for 0.1 %")?;
        if let Some(slippage) = self.slippage {
            within("--slippage", slippage, Rate::ZERO, COST_MAX, "0.0005 for 0.05 %")?;
        }
        if self.notional_min < Notional::ZERO {
            return refuse("--notional-min", self.notional_min, "is negative; give 0 or more");
        }
        match self.interval {
            Some(interval) if interval <= Span::ZERO => {
                refuse("--interval", interval, "is no length of a candle; give one such as 1h")
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check_entries(&self) -> Result<(), Failure> {
        if let Some(offset) = self.trailing_offset.filter(|offset| *offset < Rate::ZERO) {
            return refuse("--trailing-offset", offset, "is a profit after fees; give 0 or more, such as 0.04 for 4 %");
        }
        if self.positions_max == Some(0) {
            return refuse("--positions-max", 0, "leaves no place for a position; give 1 or more");
        }
        match self.equity_share {
            Some(share) if share <= Rate::ZERO || share > Rate::ONE => {
                refuse("--equity-share", share, "is no share of equity; give more than 0 and at most 1, such as 0.1")
            }
            Some(_) => Ok(()),
            None if self.stake <= Notional::ZERO => {
                refuse("--stake", self.stake, "an entry must be worth something; give more than 0, such as 100")
            }
            None if self.stake < self.notional_min => {
                let what = format!(
                    "is less than the least order, {}, so none could be sent; raise it or lower --notional-min",
                    self.notional_min
                );
                refuse("--stake", self.stake, what)
            }
            None => Ok(()),
        }
    }

    /// What may be meant, but does not do what it says.
    pub(super) fn doubts(&self, feeds: &[Feed], rule: &Rule) -> Vec<String> {
        let mut doubts = Vec::new();
        let cost = Rate::ONE.plus(self.fee).and_then(|share| self.stake.scaled(share, Rounding::Up));
        let strict = self.fill_rule == FillRuleName::Strict;
        if strict && self.equity_share.is_none() && cost.is_ok_and(|cost| cost > self.balance) {
            doubts.push(format!(
                "--stake {} and its fee are more than --balance {}: entries are cut to what is there",
                self.stake, self.balance
            ));
        }
        let usable = self.balance.scaled(FREQTRADE_USABLE, Rounding::Down);
        if !strict && self.equity_share.is_none() && usable.is_ok_and(|usable| usable < self.stake) {
            doubts.push(format!(
                "--stake {} is more than {FREQTRADE_USABLE} of --balance {}, which is all that freqtrade uses: \
                 nothing can be entered",
                self.stake, self.balance
            ));
        }
        doubts.extend(feeds.iter().filter_map(|feed| too_short(feed, rule, self.warm_up)));
        doubts
    }
}

/// Why nothing can be entered on candles as few as these.
pub(super) fn too_short(feed: &Feed, rule: &Rule, warm_up: u32) -> Option<String> {
    let period = rule.warm_up();
    let (needed, what) = if warm_up >= period {
        (warm_up, format!("a warm-up of {warm_up} takes all of them"))
    } else {
        (period, format!("{rule} needs more"))
    };
    let least = u64::from(needed) + CANDLES_OF_ENTRY;
    let (symbol, count) = (feed.rules.id, feed.candles.len());
    u64::try_from(count)
        .is_ok_and(|count| count < least)
        .then(|| format!("{symbol} has {count} candles and {what}: nothing can be entered; give {least} or more"))
}

fn within(flag: &str, share: Rate, least: Rate, most: Rate, example: &str) -> Result<(), Failure> {
    if (least..=most).contains(&share) {
        return Ok(());
    }
    refuse(flag, share, format!("is not a share from {least} to {most}; write {example}"))
}

pub(super) fn refuse<T>(flag: &str, value: impl Display, what: impl Display) -> Result<T, Failure> {
    Err(Failure::say(Exit::Usage, format!("{flag} {value}: {what}")))
}

/// No exchange asks for more than a tenth, and no market order trades so much worse.
const COST_MAX: Rate = Rate::from_units(10_000_000);
/// Besides those that warm up: the one that gives the signal, the one that is entered, and a last one, which never is.
const CANDLES_OF_ENTRY: u64 = 3;
