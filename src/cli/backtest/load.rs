//! The files of a backtest: read, joined by symbol, and filled up where candles are missing.

use std::path::Path;

use crate::backtest::Feed;
use crate::domain::instrument::is_coin_margined;
use crate::domain::{Candle, Instrument, Price, Rate, Span, Symbol};
use crate::store::{self, KlineFile};

use super::{Backtest, Exit, Failure, FillRuleName};
use crate::cli::series::{Holes, Series};
use crate::cli::show::{Percent, count, counted};

/// What the files gave.
pub(super) struct Loaded {
    /// The candles by symbol, in the order of the files.
    pub(super) feeds: Vec<Feed>,
    /// What is missing in them.
    pub(super) notes: Vec<String>,
}

impl Backtest {
    /// Reads the files; `rules` has the exchange's rules for a symbol.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, does not go on from those before, has candles of another length than is asked for, or of
    /// a kind that a backtest cannot compute; or more candles are missing at a stretch than may be.
    pub(super) fn load(&self, rules: impl Fn(Symbol) -> Result<Instrument, Failure>) -> Result<Loaded, Failure> {
        let mut series: Vec<(Symbol, Series)> = Vec::new();
        for path in &self.files {
            let file = store::read_klines_as(path, self.symbol, self.interval)
                .map_err(|error| Failure::new(Exit::Data, &error))?;
            let symbol = check(path, &file)?;
            match series.iter_mut().find(|(known, _)| *known == symbol) {
                Some((_, series)) => series.go_on(path, file)?,
                None => series.push((symbol, Series::begin(file))),
            }
        }
        let mut loaded = Loaded { feeds: Vec::new(), notes: Vec::new() };
        for (symbol, series) in series {
            let holes = series.holes();
            self.check_holes(symbol, holes.as_ref())?;
            let interval = series.spacing.interval;
            let candles = store::fill_gaps(&series.candles, interval)
                .map_err(|error| Failure::say(Exit::Data, format!("{symbol}: {error}")))?;
            let made_up = u64::try_from(candles.len() - series.candles.len()).unwrap_or(u64::MAX);
            loaded.notes.extend(holes.map(|holes| filled_up(symbol, &holes, made_up, &candles)));
            loaded.notes.extend(off_the_grid(symbol, &series));
            loaded.notes.extend(self.without_volume(symbol, &series));
            loaded.feeds.push(Feed { rules: rules(symbol)?, interval, candles, made_up });
        }
        Ok(loaded)
    }

    /// Behind a long gap the same name may stand for another coin, and prices on both sides have nothing to do with each
    /// other.
    fn check_holes(&self, symbol: Symbol, holes: Option<&Holes>) -> Result<(), Failure> {
        let of_rule = match self.fill_rule {
            FillRuleName::Strict => Some(GAP_MAX_STRICT),
            FillRuleName::Freqtrade => None,
        };
        let Some((holes, most)) = holes.zip(self.gap_max.or(of_rule)) else { return Ok(()) };
        if holes.longest() <= most {
            return Ok(());
        }
        let ((from, until), longest) = (holes.longest, holes.longest());
        Err(Failure::say(
            Exit::Data,
            format!(
                "{symbol}: no candles for {longest}, from {from} to {until}, where a gap may be {most} long: another coin may \
                 go by the name afterwards; add the files in between, test each side by itself, or allow it with \
                 --gap-max {longest}"
            ),
        ))
    }

    fn without_volume(&self, symbol: Symbol, series: &Series) -> Option<String> {
        let any = series.candles.iter().any(|candle| !candle.volume.is_zero());
        (!any && self.fill_rule == FillRuleName::Strict).then(|| {
            format!(
                "{symbol}: no candle has volume, as in files of mark or index prices: nothing can be entered on them"
            )
        })
    }
}

/// The symbol of a file that a backtest can compute.
fn check(path: &Path, file: &KlineFile) -> Result<Symbol, Failure> {
    let refuse = |what: &str| Err(Failure::say(Exit::Data, format!("{}: {what}", path.display())));
    let Some(symbol) = file.symbol else {
        return refuse("its name does not tell the symbol; give it with --symbol");
    };
    if file.months {
        return refuse("its candles are of calendar months, which differ in length; give candles of 1d or 1w");
    }
    // A file that lost the end of its symbol; others are quoted in a coin or token, and what they hold may look alike by chance.
    let of_dollars = symbol.as_str().ends_with("USD");
    if is_coin_margined(&symbol) || (of_dollars && has_contracts(&file.candles)) {
        return refuse(
            "its candles are of coin-margined futures (COIN-M): volume counts contracts of a fixed value in dollars, and \
             profit is paid in the coin, which is not computed here; give candles of the spot market or USD-M futures",
        );
    }
    Ok(symbol)
}

/// Whether volume counts contracts of 10 or 100 dollars, and the value is in coins, as in the exchange's COIN-M files.
fn has_contracts(candles: &[Candle]) -> bool {
    let traded = candles.iter().filter(|candle| !candle.volume.is_zero() && candle.quote_volume.is_positive());
    let (mut seen, mut contracts) = (0_u32, 0_u32);
    for candle in traded.take(CANDLES_LOOKED_AT) {
        seen += 1;
        contracts += u32::from(counts_contracts(candle).unwrap_or(false));
    }
    seen >= CANDLES_LEAST && contracts == seen
}

fn counts_contracts(candle: &Candle) -> Option<bool> {
    let (volume, value) = (candle.volume.units(), candle.quote_volume.units());
    let units = |price: Price| i128::from(price.units());
    let is_linear = value >= volume.checked_mul(units(candle.low))?.checked_mul(99)? / 100
        && value <= volume.checked_mul(units(candle.high))?.checked_mul(101)? / 100;
    let between = |size: i128| -> Option<bool> {
        let dollars = volume.checked_mul(size)?.checked_mul(i128::from(ONE))?;
        let of = |price: Price| (value / i128::from(ONE)).checked_mul(units(price));
        Some(of(candle.low)? <= dollars.checked_mul(101)? / 100 && of(candle.high)? >= dollars.checked_mul(99)? / 100)
    };
    Some(!is_linear && (between(10)? || between(100)?))
}

fn filled_up(symbol: Symbol, holes: &Holes, made_up: u64, candles: &[Candle]) -> String {
    let all = u64::try_from(candles.len()).unwrap_or(u64::MAX);
    let share = u128::from(made_up) * u128::from(Rate::ONE.units().unsigned_abs()) / u128::from(all.max(1));
    let share = Rate::from_units(i64::try_from(share).unwrap_or(i64::MAX));
    format!(
        "{symbol}: {} of {} candles ({}) are made up, flat and without volume, since no file has them: {}",
        count(made_up),
        count(all),
        Percent(share),
        holes.places(),
    )
}

fn off_the_grid(symbol: Symbol, series: &Series) -> Option<String> {
    let unaligned = u64::try_from(series.unaligned).ok().filter(|unaligned| *unaligned > 0)?;
    let (interval, verb) = (series.spacing.interval, if unaligned == 1 { "does" } else { "do" });
    Some(format!(
        "{symbol}: {} {verb} not start a whole number of {interval} after the first of the file; each stays where it is",
        counted(unaligned, "candle"),
    ))
}

/// A longer gap is refused under `strict`.
const GAP_MAX_STRICT: Span = Span::from_secs(7 * 86_400);
/// So many candles show what volume counts.
const CANDLES_LOOKED_AT: usize = 1_000;
const CANDLES_LEAST: u32 = 3;
/// A quantity or price of one, in units.
const ONE: i64 = 100_000_000;
