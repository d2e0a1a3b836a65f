//! CORE: what a market is made of, and a seeded one to practise on.

pub mod fixed;
pub mod random;

pub use random::Random;
