//! CORE: what is decided, by events alone: no clock, no input or output, no async. In the order to read them:

pub mod market;
pub mod strategy;

pub mod risk;

pub mod engine;

pub mod sim;
