//! A small seeded generator: the same seed gives the same numbers on every machine, because nothing in it is a float.

use tradingbot_domain::{Rate, Span, Timestamp};

use super::fixed;

/// Seeded pseudo-random numbers (xoshiro256++, its state filled by splitmix64). Not for secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// What [`Random::normal`] calls one standard deviation.
    pub const NORMAL_ONE: i64 = 1 << 16;

    /// The generator of this seed.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        let mut splitmix = seed;
        let mut state = [0; 4];
        let mut i = 0;
        while i < 4 {
            splitmix = splitmix.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = splitmix;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            state[i] = mixed ^ (mixed >> 31);
            i += 1;
        }
        Self { state }
    }

    /// Another generator, seeded by this one's next number: what it is asked for later changes nothing here.
    #[must_use]
    pub const fn branch(&mut self) -> Self {
        Self::seeded(self.bits())
    }

    /// 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        let (b, a) = (b ^ c, a ^ d);
        self.state = [a, b, c ^ (self.state[1] << 17), d.rotate_left(45)];
        result
    }

    /// A whole number under `bound`, all equally likely; zero when `bound` is zero.
    pub const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        // The high half of a 128-bit product is even but for its first 2^64 mod bound low halves, which are drawn again.
        let unfair = bound.wrapping_neg() % bound;
        loop {
            let product = self.bits() as u128 * bound as u128;
            if product as u64 >= unfair {
                return (product >> 64) as u64;
            }
        }
    }

    /// A whole number from `low` to `high`, both included and all equally likely; `low` when the range is empty.
    pub const fn between(&mut self, low: i64, high: i64) -> i64 {
        if high <= low {
            return low;
        }
        let width = high.wrapping_sub(low) as u64;
        let offset = if width == u64::MAX { self.bits() } else { self.below(width + 1) };
        low.wrapping_add(offset as i64)
    }

    /// True `part` times out of `whole`.
    pub const fn odds(&mut self, part: u64, whole: u64) -> bool {
        self.below(whole) < part
    }

    /// True with the probability `share`; a share of zero draws nothing.
    pub fn chance(&mut self, share: Rate) -> bool {
        let part = u64::try_from(share.units()).unwrap_or(0);
        part > 0 && self.odds(part, Rate::ONE.units().unsigned_abs())
    }

    /// A span from `min` to `max`, both included and all equally likely; `min` when the range is empty.
    pub const fn span(&mut self, min: Span, max: Span) -> Span {
        Span::from_nanos(self.between(min.nanos(), max.nanos()))
    }

    /// A time that comes by chance, on average `mean` after `now`; never when that is nothing.
    pub fn after(&mut self, now: Timestamp, mean: Span) -> Timestamp {
        if mean <= Span::ZERO {
            return Timestamp::MAX;
        }
        now.plus(Span::from_nanos(self.exponential(mean.nanos())))
    }

    /// A number that is close to normally distributed, of mean zero; [`Random::NORMAL_ONE`] is one standard deviation.
    ///
    /// It is the number of ones among 64 bits, smoothed by the difference of two even numbers: no tail past 8.3
    /// deviations, kurtosis 2.97 instead of 3.
    pub const fn normal(&mut self) -> i64 {
        let ones = self.bits().count_ones() as i64 - 32;
        let smooth = self.bits();
        let sum = (ones << 32) + (smooth >> 32) as i64 - (smooth & 0xffff_ffff) as i64;
        sum / NORMAL_UNITS
    }

    /// A number that is exponentially distributed with this mean, rounded down: the wait for what comes by chance.
    pub const fn exponential(&mut self, mean: i64) -> i64 {
        let log = fixed::neg_log2_q32(self.bits()) as i128;
        let wait = (log * LN2_Q32) >> 32;
        let scaled = (wait * mean as i128) >> 32;
        if scaled > i64::MAX as i128 { i64::MAX } else { scaled as i64 }
    }
}

/// Standard deviation of the sum in [`Random::normal`], sqrt(16 + 1/6) x 2^32, over [`Random::NORMAL_ONE`].
const NORMAL_UNITS: i64 = 263_506;

/// The natural logarithm of 2 as a count of 2^-32.
const LN2_Q32: i128 = 2_977_044_472;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_published_algorithm() {
        let mut random = Random { state: [1, 2, 3, 4] };
        let numbers: [u64; 4] = std::array::from_fn(|_| random.bits());
        assert_eq!(numbers, [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]);
        // The first number of splitmix64 for a seed of zero.
        assert_eq!(Random::seeded(0).state[0], 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn every_number_of_a_range_comes_equally_often() {
        let mut random = Random::seeded(1);
        let mut seen = [0_u32; 7];
        for _ in 0..70_000 {
            let drawn = random.between(-3, 3);
            seen[usize::try_from(drawn + 3).unwrap()] += 1;
        }
        assert!(seen.iter().all(|count| (9_600..10_400).contains(count)), "{seen:?}");
    }

    #[test]
    fn empty_and_full_ranges_are_ranges() {
        let mut random = Random::seeded(1);
        assert_eq!(random.between(5, 5), 5);
        assert_eq!(random.between(5, 4), 5);
        assert_eq!(random.below(0), 0);
        assert_eq!(random.below(1), 0);
        random.between(i64::MIN, i64::MAX);
        assert_eq!(random.span(Span::SECOND, Span::SECOND), Span::SECOND);
    }

    #[test]
    fn odds_and_shares_come_true_as_often_as_they_say() {
        let mut random = Random::seeded(2);
        let hits = (0..40_000).filter(|_| random.odds(1, 4)).count();
        assert!((9_600..10_400).contains(&hits), "{hits}");
        let tenth: Rate = "0.1".parse().unwrap();
        let hits = (0..40_000).filter(|_| random.chance(tenth)).count();
        assert!((3_700..4_300).contains(&hits), "{hits}");
        let before = random.clone();
        assert!(!random.chance(Rate::ZERO));
        assert_eq!(random, before);
        assert!((0..100).all(|_| random.chance(Rate::ONE)));
    }

    #[test]
    fn normal_numbers_have_the_moments_they_should() {
        let mut random = Random::seeded(3);
        let count = 200_000_i128;
        let (mut sum, mut square, mut fourth, mut beyond_two) = (0_i128, 0_i128, 0_i128, 0_u32);
        for _ in 0..count {
            let x = i128::from(random.normal());
            sum += x;
            square += x * x;
            fourth += x * x * x * x;
            beyond_two += u32::from(x.abs() > 2 * i128::from(Random::NORMAL_ONE));
        }
        let one = i128::from(Random::NORMAL_ONE);
        assert!((sum / count).abs() < one / 100, "mean {}", sum / count);
        let variance = square / count;
        assert!((variance - one * one).abs() < one * one / 50, "variance {variance}");
        let kurtosis_percent = fourth / count * 100 / (variance * variance);
        assert!((285..310).contains(&kurtosis_percent), "kurtosis {kurtosis_percent} %");
        assert!((8_700..9_500).contains(&beyond_two), "4.55 % lie beyond two deviations: {beyond_two}");
    }

    #[test]
    fn waits_have_the_mean_and_the_tail_they_should() {
        let mut random = Random::seeded(4);
        let waits: Vec<i64> = (0..200_000).map(|_| random.exponential(1_000_000)).collect();
        let mean = waits.iter().sum::<i64>() / 200_000;
        assert!((990_000..1_010_000).contains(&mean), "{mean}");
        let long = waits.iter().filter(|wait| **wait > 3_000_000).count();
        assert!((9_500..10_400).contains(&long), "4.98 % last longer than three means: {long}");
        assert!(waits.iter().all(|wait| *wait >= 0));
    }

    #[test]
    fn branches_differ_and_leave_their_parent_alone() {
        let mut parent = Random::seeded(5);
        let mut twin = Random::seeded(5);
        let (mut first, mut second) = (parent.branch(), parent.branch());
        assert_ne!(first.bits(), second.bits());
        let _ = (twin.bits(), twin.bits());
        assert_eq!(parent, twin);
    }
}
