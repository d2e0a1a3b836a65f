//! What several tests need.

pub mod desk;
pub mod exchange;
pub mod statistics;
