//! What a backtest says in the end: totals, risk and the list of trades.
#![expect(
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "statistics of a report, not money"
)]

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::domain::{AmountError, Notional, Rate, RoundTrip, Rounding, Span, Timestamp};

use crate::engine::EntryTooSmall;

use super::run::Outcome;

/// Figures about a whole backtest. Amounts are in the quote asset; `docs/backtest.md` has every formula.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// First candle.
    pub from: Timestamp,
    /// Last candle.
    pub to: Timestamp,
    /// Candles of the files.
    pub candles: u64,
    /// Candles that were made up, flat and without volume, where the files have none.
    pub candles_made_up: u64,
    /// Orders sent.
    pub orders: u64,
    /// Orders that the risk gate refused.
    pub refusals: u64,
    /// Entries that came to less than the exchange takes and were not made; the first of each strategy and symbol.
    pub entries_too_small: Vec<EntryTooSmall>,
    /// What was there at the start.
    pub balance: Notional,
    /// What was there at the end.
    pub equity: Notional,
    /// Their difference.
    pub profit: Notional,
    /// The same as a share of what was there at the start.
    pub profit_ratio: Rate,
    /// Farthest that equity was under an earlier peak, as a share of that peak.
    pub drawdown_max: Rate,
    /// Closed positions.
    pub trades: Group,
    /// Mean of the daily returns over their standard deviation, times the square root of 365; absent under three days or
    /// without any change.
    pub sharpe: Option<f64>,
    /// The same, but only days with a loss count for the deviation.
    pub sortino: Option<f64>,
    /// Gains of winning trades over losses of losing ones; absent without a loss.
    pub profit_factor: Option<f64>,
    /// Mean gain or loss of a trade.
    pub expectancy: Option<f64>,
    /// Mean gain or loss of a trade over the mean loss of a losing one; absent without a loss.
    pub expectancy_ratio: Option<f64>,
    /// Closed positions by strategy.
    pub by_strategy: BTreeMap<String, Group>,
    /// Closed positions by symbol.
    pub by_symbol: BTreeMap<String, Group>,
    /// Closed positions by why they were left.
    pub by_reason: BTreeMap<String, Group>,
}

/// Figures about some trades.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Group {
    /// How many.
    pub count: u64,
    /// How many with a gain.
    pub won: u64,
    /// Gains and losses together.
    pub profit: Notional,
    /// Gains of the winning ones.
    pub gains: Notional,
    /// Losses of the losing ones, as a positive amount.
    pub losses: Notional,
    /// Fees paid.
    pub fees: Notional,
    /// Mean of the profit ratios.
    pub profit_ratio_mean: Rate,
    /// Mean time from first to last fill; in JSON in minutes.
    #[serde(rename = "duration_mean_minutes", serialize_with = "as_minutes")]
    pub duration_mean: Span,
    #[serde(skip)]
    ratio_sum: i128,
    #[serde(skip)]
    duration_sum: i128,
}

impl Report {
    /// The report of `outcome`.
    ///
    /// # Errors
    ///
    /// [`AmountError`].
    pub fn of(outcome: &Outcome) -> Result<Self, AmountError> {
        let mut trades = Group::default();
        let mut by_strategy: BTreeMap<String, Group> = BTreeMap::new();
        let mut by_symbol: BTreeMap<String, Group> = BTreeMap::new();
        let mut by_reason: BTreeMap<String, Group> = BTreeMap::new();
        for trip in &outcome.trips {
            trades.take(trip)?;
            by_strategy.entry(trip.strategy.to_string()).or_default().take(trip)?;
            by_symbol.entry(trip.symbol.to_string()).or_default().take(trip)?;
            by_reason.entry(trip.reason.to_string()).or_default().take(trip)?;
        }
        let profit = outcome.equity_last.minus(outcome.balance)?;
        let profit_ratio = if outcome.balance.is_positive() {
            profit.share_of(outcome.balance, Rounding::Nearest)?
        } else {
            Rate::ZERO
        };
        let returns = daily_returns(&outcome.curve.days);
        let (gains, losses, count) = (float(trades.gains), float(trades.losses), trades.count as f64);
        let lost = (trades.count - trades.won) as f64;
        let expectancy = (trades.count > 0).then(|| float(trades.profit) / count);
        let loss_mean = (losses > 0.0).then(|| losses / lost);
        Ok(Self {
            from: outcome.from,
            to: outcome.to,
            candles: outcome.candles.saturating_sub(outcome.candles_made_up),
            candles_made_up: outcome.candles_made_up,
            orders: outcome.orders,
            refusals: outcome.refusals,
            entries_too_small: outcome.entries_too_small.clone(),
            balance: outcome.balance,
            equity: outcome.equity_last,
            profit,
            profit_ratio,
            drawdown_max: outcome.curve.drawdown_max,
            sharpe: ratio(&returns, |_| true),
            sortino: ratio(&returns, |change| change < 0.0),
            profit_factor: (losses > 0.0).then(|| gains / losses),
            expectancy,
            expectancy_ratio: expectancy.zip(loss_mean).map(|(gain, loss)| gain / loss),
            trades,
            by_strategy,
            by_symbol,
            by_reason,
        })
    }
}

impl Group {
    fn take(&mut self, trip: &RoundTrip) -> Result<(), AmountError> {
        self.count += 1;
        self.profit = self.profit.plus(trip.profit)?;
        self.fees = self.fees.plus(trip.fees)?;
        if trip.profit.is_positive() {
            self.won += 1;
            self.gains = self.gains.plus(trip.profit)?;
        } else {
            self.losses = self.losses.minus(trip.profit)?;
        }
        self.ratio_sum += i128::from(trip.profit_ratio.units());
        self.duration_sum += i128::from(trip.duration().nanos());
        let mean = |sum: i128| i64::try_from(sum / i128::from(self.count)).map_err(|_| AmountError::Overflow);
        self.profit_ratio_mean = Rate::from_units(mean(self.ratio_sum)?);
        self.duration_mean = Span::from_millis(Span::from_nanos(mean(self.duration_sum)?).millis());
        Ok(())
    }
}

/// Relative change of equity from the end of each UTC day to that of the next, the first from the balance. On a day in which
/// no candle ends nothing changes.
fn daily_returns(days: &[(i64, Notional)]) -> Vec<f64> {
    let mut returns = Vec::new();
    for pair in days.windows(2) {
        let [(day_before, before), (day, after)] = pair else { continue };
        returns.extend((day_before + 1..*day).map(|_| 0.0));
        let (before, after) = (float(*before), float(*after));
        if before > 0.0 {
            returns.push(after / before - 1.0);
        }
    }
    returns
}

/// Mean of all over the root mean square of those that `counts`, taken from their mean for all of them and from zero for
/// losses alone (Sortino and Price, 1994), for a year of 365 days.
fn ratio(returns: &[f64], counts: impl Fn(f64) -> bool) -> Option<f64> {
    if returns.len() < 3 {
        return None;
    }
    let count = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / count;
    let all = counts(1.0);
    let squares: f64 = returns
        .iter()
        .filter(|change| counts(**change))
        .map(|change| if all { (change - mean).powi(2) } else { change.powi(2) })
        .sum();
    let deviation = (squares / if all { count - 1.0 } else { count }).sqrt();
    (deviation > 0.0).then(|| mean / deviation * DAYS_A_YEAR.sqrt())
}

fn float(amount: Notional) -> f64 {
    amount.units() as f64 / 1e16
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn as_minutes<S: Serializer>(span: &Span, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.millis() as f64 / 60_000.0)
}

const DAYS_A_YEAR: f64 = 365.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::Curve;
    use crate::domain::ExitReason;

    fn trip(profit: &str) -> RoundTrip {
        RoundTrip {
            strategy: "s".parse().unwrap(),
            symbol: "BTCUSDT".parse().unwrap(),
            opened: Timestamp::ZERO,
            closed: Timestamp::from_nanos(Span::HOUR.nanos()),
            entry: "100".parse().unwrap(),
            exit: "100".parse().unwrap(),
            qty: "1".parse().unwrap(),
            fees: "0.2".parse().unwrap(),
            profit: profit.parse().unwrap(),
            profit_ratio: "0.01".parse().unwrap(),
            reason: ExitReason::Roi,
            lowest: "100".parse().unwrap(),
            highest: "100".parse().unwrap(),
            stop_initial: None,
            stop_last: None,
        }
    }

    #[test]
    fn gains_and_losses_make_the_factor_and_the_expectancy() {
        let outcome = Outcome {
            trips: vec![trip("30"), trip("-10"), trip("10")],
            balance: "1000".parse().unwrap(),
            equity_last: "1030".parse().unwrap(),
            ..Outcome::default()
        };
        let report = Report::of(&outcome).unwrap();
        assert_eq!(report.profit_factor, Some(4.0));
        assert_eq!(report.expectancy, Some(10.0));
        assert_eq!(report.expectancy_ratio, Some(1.0));
        assert_eq!(report.profit_ratio, "0.03".parse().unwrap());
        assert_eq!((report.trades.count, report.trades.won), (3, 2));
        assert_eq!(report.by_reason["roi"].count, 3);
        assert_eq!(report.sharpe, None);
    }

    #[test]
    fn each_day_has_one_return_wherever_in_it_the_first_candle_starts() {
        for from in ["2024-01-01T00:00:00Z", "2024-01-01T07:00:00Z"] {
            let mut curve = Curve::new(from.parse().unwrap(), "1000".parse().unwrap(), false);
            let mut add = |at: &str, equity: &str| {
                curve.add(at.parse().unwrap(), Span::HOUR, None, equity.parse().unwrap()).unwrap();
            };
            add(from, "1050");
            add("2024-01-01T23:00:00Z", "1100");
            add("2024-01-02T23:00:00Z", "1210");
            add("2024-01-03T00:00:00Z", "1200");
            add("2024-01-03T23:00:00Z", "1331");
            let returns = daily_returns(&curve.days);
            assert_eq!(returns.len(), 3, "{from}: {returns:?}");
            assert!(returns.iter().all(|change| (change - 0.1).abs() < 1e-12), "{from}: {returns:?}");
        }
    }

    #[test]
    fn days_in_which_no_candle_ends_have_a_return_of_nothing() {
        let money = |text: &str| text.parse::<Notional>().unwrap();
        let returns = daily_returns(&[(6, money("100")), (7, money("150")), (10, money("75"))]);
        assert_eq!(returns, [0.5, 0.0, 0.0, -0.5]);
    }

    #[test]
    fn ratios_follow_their_formulas() {
        let returns = [0.01, -0.02, 0.03];
        let mean = 0.02 / 3.0;
        let deviation = ((0.01_f64 - mean).powi(2) + (-0.02 - mean).powi(2) + (0.03 - mean).powi(2)) / 2.0;
        let sharpe = mean / deviation.sqrt() * 365_f64.sqrt();
        assert!((ratio(&returns, |_| true).unwrap() - sharpe).abs() < 1e-12);
        let sortino = mean / (0.0004_f64 / 3.0).sqrt() * 365_f64.sqrt();
        assert!((ratio(&returns, |change| change < 0.0).unwrap() - sortino).abs() < 1e-12);
        assert_eq!(ratio(&[0.0; 5], |_| true), None);
    }
}
