//! Logarithm and power of two in whole numbers, so that every machine computes the same digits.

/// One, as a count of 2^-32.
pub const ONE_Q32: u64 = 1 << 32;

/// `-log2(x / 2^64)` as a count of 2^-32, for `x` drawn evenly; `x` of zero counts as one.
///
/// Off by at most 3 x 10^-6: the mantissa's logarithm is read from a table of 257 points, straight lines between them.
#[must_use]
pub const fn neg_log2_q32(x: u64) -> u64 {
    let x = if x == 0 { 1 } else { x };
    let zeros = x.leading_zeros();
    let fraction = (x << zeros) << 1;
    let index = (fraction >> 56) as usize;
    let between = (fraction >> 24) & 0xffff_ffff;
    let (low, high) = (LOG2[index], LOG2[index + 1]);
    let log = low + (((high - low) * between) >> 32);
    (zeros as u64 + 1) * ONE_Q32 - log
}

/// `2^(x / 65536)` as a count of 2^-16, for `x` between -16 x 65536 and 16 x 65536 (further out it stays there).
///
/// Off by at most 0.002 %: the fraction's power is read from a table of 65 points, straight lines between them.
#[must_use]
pub const fn exp2_q16(x: i64) -> i64 {
    let limit = 16 * 65_536;
    let x = if x > limit {
        limit
    } else if x < -limit {
        -limit
    } else {
        x
    };
    let whole = x.div_euclid(65_536);
    let fraction = x.rem_euclid(65_536);
    let index = (fraction >> 10) as usize;
    let (low, high) = (EXP2[index], EXP2[index + 1]);
    let power = low + (((high - low) * (fraction & 1_023)) >> 10);
    // `power` counts 2^-32.
    if whole >= 0 { (power << whole) >> 16 } else { power >> (16 - whole) }
}

/// `log2(1 + i / 256)` as a count of 2^-32, by repeated squaring.
const LOG2: [u64; 257] = {
    let mut table = [ONE_Q32; 257];
    let mut i = 0;
    while i < 256 {
        let mut x: u128 = (256 + i as u128) << 54;
        let mut log = 0;
        let mut digit = 0;
        while digit < 32 {
            x = (x * x) >> 62;
            log <<= 1;
            if x >= 2 << 62 {
                log |= 1;
                x >>= 1;
            }
            digit += 1;
        }
        table[i] = log;
        i += 1;
    }
    table
};

/// `2^(i / 64)` as a count of 2^-32, by repeated square roots.
const EXP2: [i64; 65] = {
    let mut roots = [0_u128; 6];
    let mut root: u128 = 2 << 60;
    let mut i = 0;
    while i < 6 {
        root = (root << 60).isqrt();
        roots[i] = root;
        i += 1;
    }
    let mut table = [2 << 32; 65];
    let mut i = 0;
    while i < 64 {
        let mut power: u128 = 1 << 60;
        let mut bit = 0;
        while bit < 6 {
            if (i >> (5 - bit)) & 1 == 1 {
                power = (power * roots[bit]) >> 60;
            }
            bit += 1;
        }
        table[i] = (power >> 28) as i64;
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_of_powers_of_two_are_whole() {
        for bit in 0..64 {
            assert_eq!(neg_log2_q32(1 << bit), (64 - bit) * ONE_Q32);
        }
        assert_eq!(neg_log2_q32(0), 64 * ONE_Q32);
    }

    #[test]
    fn logarithm_falls_as_its_argument_rises() {
        let mut before = u64::MAX;
        for step in 1..10_000_u64 {
            let log = neg_log2_q32(step * (u64::MAX / 10_000));
            assert!(log < before, "{step}");
            before = log;
        }
    }

    #[test]
    fn logarithm_of_three_quarters_is_what_the_books_say() {
        // log2(4/3) = 0.415037499278844
        let expected = 1_782_572_486_i64;
        let got = i64::try_from(neg_log2_q32(3 << 62)).unwrap();
        assert!((got - expected).abs() < 13_000, "{got}");
    }

    #[test]
    fn powers_are_what_the_books_say() {
        assert_eq!(exp2_q16(0), 65_536);
        assert_eq!(exp2_q16(65_536), 131_072);
        assert_eq!(exp2_q16(-65_536), 32_768);
        assert_eq!(exp2_q16(32_768), 92_681);
        assert_eq!(exp2_q16(i64::MAX), exp2_q16(16 * 65_536));
        assert!((exp2_q16(21_845) - 82_570).abs() <= 2, "{}", exp2_q16(21_845));
    }
}
