//! Numbers that a seed makes: the same in every run.

/// A linear congruential generator; good enough to choose moments with.
pub struct Random(u64);

impl Random {
    /// Begins with `seed`, which is printed so that a failure can be run again.
    pub fn new(seed: u64) -> Self {
        println!("seed {seed:#x}");
        Self(seed)
    }

    /// A number under `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}
