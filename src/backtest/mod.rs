//! APP: a backtest, the same engine over past candles.

mod run;

pub use run::{Feed, FillRule, Outcome, Settings, run};
