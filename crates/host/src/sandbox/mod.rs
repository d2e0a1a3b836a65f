//! BASE: what keeps this process from doing harm: what it takes from itself for good, and what it finds around itself.

mod attempt;
mod confine;
mod mounts;
mod surroundings;

pub use confine::{ConfineError, Confined, Enforcement, Grants, Missing, Require, confine};
pub use surroundings::{Layer, Surroundings, SurroundingsError, Verdict};
