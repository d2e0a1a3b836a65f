//! What several tests need.

pub mod desk;
