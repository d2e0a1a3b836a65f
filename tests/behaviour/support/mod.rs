//! What several tests need.

pub mod api;
pub mod candle_events;
pub mod candles;
pub mod desk;
pub mod exchange;
pub mod statistics;
