//! What is missing between candles, and flat candles to stand in for it.

use super::error::FillGapsError;
use crate::domain::{Candle, Span, Timestamp};

/// Most candles that are put into one series.
pub const FILLED_MAX: u64 = 20_000_000;

/// A stretch without candles between two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Where the next candle should have started.
    pub from: Timestamp,
    /// Where it does.
    pub until: Timestamp,
    /// How many whole candles would fit; zero where the rows are not aligned and less than one interval is missing.
    pub missing: u64,
}

impl Gap {
    /// The gap between two candles that start at `before` and `after`; `None` when they follow each other.
    ///
    /// `interval` must be more than zero.
    #[must_use]
    pub fn between(before: Timestamp, after: Timestamp, interval: Span) -> Option<Self> {
        let from = before.plus(interval);
        let hole = after.since(from).nanos();
        let missing = u64::try_from(hole / interval.nanos()).ok()?;
        (hole > 0).then_some(Self { from, until: after, missing })
    }
}

/// Puts a flat candle (all prices the previous close, no volume) into every whole slot that is missing.
///
/// Candles that are there stay as and where they are. Slots are counted from the candle before the gap, so after rows
/// that are not aligned to the interval the fillers are not either, and a rest shorter than `interval` stays open.
///
/// # Errors
///
/// [`FillGapsError`] when `interval` is not more than zero, or more than [`FILLED_MAX`] candles are missing.
pub fn fill_gaps(candles: &[Candle], interval: Span) -> Result<Vec<Candle>, FillGapsError> {
    if interval <= Span::ZERO {
        return Err(FillGapsError::Interval { interval });
    }
    let too_many = || FillGapsError::TooMany { max: FILLED_MAX, interval };
    let gaps = || candles.windows(2).filter_map(|pair| gap_of_pair(pair, interval));
    let missing = gaps().try_fold(0_u64, |sum, gap| sum.checked_add(gap.missing)).ok_or_else(too_many)?;
    if missing > FILLED_MAX {
        return Err(too_many());
    }
    let capacity = usize::try_from(missing).map_err(|_| too_many())?.saturating_add(candles.len());
    let mut filled = Vec::with_capacity(capacity);
    for (at, candle) in candles.iter().enumerate() {
        filled.push(*candle);
        let gap = candles.get(at..at + 2).and_then(|pair| gap_of_pair(pair, interval));
        if let Some(gap) = gap {
            let mut slot = gap.from;
            for _ in 0..gap.missing {
                filled.push(Candle::flat(slot, candle.close));
                slot = slot.plus(interval);
            }
        }
    }
    Ok(filled)
}

fn gap_of_pair(pair: &[Candle], interval: Span) -> Option<Gap> {
    match pair {
        [before, after] => Gap::between(before.open_time, after.open_time, interval),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Price;

    fn candles(minutes: &[i64]) -> Vec<Candle> {
        minutes
            .iter()
            .map(|minute| Candle::flat(Timestamp::ZERO.plus(Span::from_secs(minute * 60)), Price::from_units(*minute)))
            .collect()
    }

    fn minutes(candles: &[Candle]) -> Vec<(i64, i64)> {
        candles.iter().map(|candle| (candle.open_time.millis() / 60_000, candle.close.units())).collect()
    }

    #[test]
    fn missing_slots_get_the_close_before_them() {
        let filled = fill_gaps(&candles(&[60, 120, 300, 360]), Span::HOUR).unwrap();
        assert_eq!(minutes(&filled), [(60, 60), (120, 120), (180, 120), (240, 120), (300, 300), (360, 360)]);
        assert!(filled.iter().all(|candle| candle.volume.is_zero()));
    }

    #[test]
    fn rows_off_the_grid_stay_and_only_whole_slots_are_filled() {
        let filled = fill_gaps(&candles(&[0, 208, 268, 300]), Span::HOUR).unwrap();
        assert_eq!(minutes(&filled), [(0, 0), (60, 0), (120, 0), (208, 208), (268, 268), (300, 300)]);
    }

    #[test]
    fn a_gap_is_where_the_next_candle_starts_late() {
        let at = |minute: i64| Timestamp::ZERO.plus(Span::from_secs(minute * 60));
        assert_eq!(Gap::between(at(0), at(60), Span::HOUR), None);
        assert_eq!(Gap::between(at(0), at(32), Span::HOUR), None);
        assert_eq!(Gap::between(at(0), at(150), Span::HOUR), Some(Gap { from: at(60), until: at(150), missing: 1 }));
        assert_eq!(Gap::between(at(0), at(90), Span::HOUR).map(|gap| gap.missing), Some(0));
    }

    #[test]
    fn a_hole_of_centuries_is_refused_before_memory_is_taken() {
        let far = [candles(&[0]), vec![Candle::flat(Timestamp::MAX, Price::ZERO)]].concat();
        assert!(matches!(fill_gaps(&far, Span::SECOND), Err(FillGapsError::TooMany { .. })));
        assert!(matches!(fill_gaps(&far, Span::ZERO), Err(FillGapsError::Interval { .. })));
        assert_eq!(fill_gaps(&[], Span::HOUR), Ok(vec![]));
    }
}
