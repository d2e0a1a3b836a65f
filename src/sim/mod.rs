//! CORE: an exchange in memory.

mod candle;

pub use candle::CandleSim;
