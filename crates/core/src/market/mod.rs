//! CORE: what a market is made of, and a seeded one to practise on.

mod book;
mod candles;
pub mod fixed;
mod interval;
mod ladder;
mod places;
pub mod practice;
pub mod random;
mod sync;

pub use book::Book;
pub use candles::{BuildCandleError, CandleBuilder, CandleMerger, MergeCandlesError};
pub use interval::{Interval, IntervalError};
pub use ladder::LEVELS_MAX;
pub use places::Places;
pub use random::Random;
pub use sync::{BookSync, Step, SyncCounts};
