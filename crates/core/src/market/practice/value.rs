//! What a practice pair is worth, though nobody sees it: a price with clusters of volatility, trends and jumps.
//!
//! All of it is whole numbers (counts of 2^-16), so that every machine walks the same way.

use crate::market::{Random, fixed};
use tradingbot_domain::{Rate, Span, Timestamp};

/// The hidden value, in ticks.
#[derive(Debug)]
pub(super) struct Value {
    /// Ticks x 2^16.
    level: i64,
    /// Where the value is pulled back to over a day.
    home: i64,
    /// Share of the value that it moves in one second, in a calm or a wild hour alike on average.
    volatility: i64,
    /// Logarithms to base 2 of what volatility is multiplied with: one that changes in seconds, one in minutes.
    gusts: i64,
    weather: i64,
    /// Both together, and the hour of the day.
    intensity: i64,
    /// Standard deviations of a second that the value drifts in each second.
    drift: i64,
    jumps: u64,
    at: Timestamp,
    next_second: Timestamp,
    random: Random,
}

impl Value {
    /// A value that starts at so many ticks; `volatility` is the share of itself that it moves in one second.
    pub(super) fn new(ticks: i64, volatility: Rate, start: Timestamp, random: Random) -> Self {
        let level = ticks.clamp(TICKS_MIN, TICKS_MAX) << 16;
        let mut value = Self {
            level,
            home: level,
            volatility: volatility.units().clamp(1, VOLATILITY_MAX),
            gusts: 0,
            weather: 0,
            intensity: ONE,
            drift: 0,
            jumps: 0,
            at: start,
            next_second: start,
            random,
        };
        value.advance(start);
        value
    }

    /// The whole ticks of it.
    pub(super) const fn ticks(&self) -> i64 {
        self.level >> 16
    }

    /// How lively the market is, as a count of 2^-16: one on average, less in a calm hour, more in a storm.
    pub(super) const fn intensity(&self) -> i64 {
        self.intensity
    }

    /// How many ticks it moves in a second of average liveliness.
    pub(super) const fn ticks_per_second(&self) -> i64 {
        self.sigma() >> 16
    }

    /// How often it has jumped.
    pub(super) const fn jumps(&self) -> u64 {
        self.jumps
    }

    /// Lets it walk on until `now`.
    pub(super) fn advance(&mut self, now: Timestamp) {
        while self.next_second <= now {
            self.second();
            self.next_second = self.next_second.plus(Span::SECOND);
        }
        let elapsed = now.since(self.at).nanos().clamp(0, ELAPSED_MAX);
        self.at = now;
        let root = elapsed.isqrt();
        let deviation = (self.sigma() * self.intensity) >> 16;
        let noise = ((deviation * self.random.normal()) >> 16) * root / ROOT_OF_SECOND;
        let trend = ((deviation * self.drift) >> 16) * (elapsed / MICROS) / MICROS_PER_SECOND;
        self.shift(noise + trend);
    }

    /// What changes once a second: volatility, trend, jumps, and the pull home.
    fn second(&mut self) {
        let random = &mut self.random;
        self.gusts += ((GUSTS_SHOCK * random.normal()) >> 16) - self.gusts / GUSTS_SECONDS;
        self.weather += ((WEATHER_SHOCK * random.normal()) >> 16) - self.weather / WEATHER_SECONDS;
        let hour = self.next_second.nanos().rem_euclid(Span::DAY.nanos()) / Span::HOUR.nanos();
        let of_day = usize::try_from(hour).ok().and_then(|hour| HOURS.get(hour)).copied().unwrap_or(100);
        let lively = fixed::exp2_q16(self.gusts + self.weather - CENTRE) * of_day / 100;
        self.intensity = lively.clamp(INTENSITY_MIN, INTENSITY_MAX);
        if random.odds(1, TREND_SECONDS) {
            self.drift = random.between(-DRIFT_MAX, DRIFT_MAX);
        }
        if random.odds(1, JUMP_SECONDS) {
            let size = (JUMP_MIN + random.exponential(JUMP_MORE)).min(JUMP_MAX);
            let signed = if random.odds(1, 2) { size } else { -size };
            self.jumps += 1;
            let shift = (self.sigma() * signed) >> 16;
            self.shift(shift);
        }
        self.shift((self.home - self.level) / HOME_SECONDS);
    }

    /// Standard deviation of one second, in ticks x 2^16.
    const fn sigma(&self) -> i64 {
        (self.level >> 8) * self.volatility / (100_000_000 >> 8)
    }

    fn shift(&mut self, by: i64) {
        self.level = (self.level + by).clamp(TICKS_MIN << 16, TICKS_MAX << 16);
    }
}

const ONE: i64 = 1 << 16;
/// Bounds of a value, so that no product overflows and no price reaches zero.
const TICKS_MIN: i64 = 1_000;
const TICKS_MAX: i64 = 1 << 32;
/// 0.1 % a second.
const VOLATILITY_MAX: i64 = 100_000;

/// Gusts: deviation 0.4, gone after 20 s. The shock of a second is 0.4 x sqrt(2 / 20).
const GUSTS_SECONDS: i64 = 20;
const GUSTS_SHOCK: i64 = 8_290;
/// Weather: deviation 0.45, gone after ten minutes. The shock of a second is 0.45 x sqrt(2 / 600).
const WEATHER_SECONDS: i64 = 600;
const WEATHER_SHOCK: i64 = 1_703;
/// Taken off so that the mean square of the intensity is about one: ln 2 x (0.4^2 + 0.45^2).
const CENTRE: i64 = 16_470;
const INTENSITY_MIN: i64 = ONE / 5;
const INTENSITY_MAX: i64 = ONE * 5;

/// A trend lasts 40 s on average and moves up to a quarter of a deviation a second.
const TREND_SECONDS: u64 = 40;
const DRIFT_MAX: i64 = ONE / 4;
/// A jump comes every ten minutes on average: 5 deviations of a second and 2 more on average, 12 at most.
const JUMP_SECONDS: u64 = 600;
const JUMP_MIN: i64 = 5 * ONE;
const JUMP_MORE: i64 = 2 * ONE;
const JUMP_MAX: i64 = 12 * ONE;
/// Half of the way home takes 0.7 days.
const HOME_SECONDS: i64 = 86_400;

const MICROS: i64 = 1_000;
const MICROS_PER_SECOND: i64 = 1_000_000;
const ROOT_OF_SECOND: i64 = 31_623;
const ELAPSED_MAX: i64 = 60 * Span::SECOND.nanos();

/// How lively each hour of the day is, UTC, in percent.
const HOURS: [i64; 24] =
    [85, 80, 80, 80, 85, 90, 95, 105, 110, 105, 100, 100, 105, 120, 130, 130, 120, 110, 105, 100, 95, 90, 90, 85];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_stays_within_its_bounds_whatever_it_starts_from() {
        for (ticks, volatility) in [(1, 1), (TICKS_MIN, 100_000), (TICKS_MAX, 100_000), (i64::MAX, i64::MAX)] {
            let mut value = Value::new(ticks, Rate::from_units(volatility), Timestamp::ZERO, Random::seeded(1));
            let mut now = Timestamp::ZERO;
            for step in 0..20_000 {
                now = now.plus(Span::from_millis(if step % 100 == 0 { 90_000 } else { 50 }));
                value.advance(now);
                assert!((TICKS_MIN..=TICKS_MAX).contains(&value.ticks()));
                assert!((INTENSITY_MIN..=INTENSITY_MAX).contains(&value.intensity()));
            }
        }
    }

    #[test]
    fn the_value_moves_as_much_in_a_second_as_it_was_told() {
        let mut value = Value::new(1_000_000, Rate::from_units(10_000), Timestamp::ZERO, Random::seeded(2));
        let (mut now, mut before, mut squares) = (Timestamp::ZERO, value.ticks(), 0_i64);
        let seconds = 40_000;
        for _ in 0..seconds {
            for _ in 0..20 {
                now = now.plus(Span::from_millis(50));
                value.advance(now);
            }
            squares += (value.ticks() - before).pow(2);
            before = value.ticks();
        }
        let deviation = (squares / seconds).isqrt();
        assert!((90..130).contains(&deviation), "100 ticks of a million: {deviation}");
        assert!((40..100).contains(&value.jumps()), "one in 600 s: {}", value.jumps());
    }
}
