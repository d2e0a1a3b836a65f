//! APP: a backtest, the same engine over past candles.

mod report;
mod run;
mod trades;

pub use report::{Group, Report};
pub use run::{BacktestError, Feed, FillRule, Outcome, Settings, run};
pub use trades::{TradeRow, rows, write_csv};

pub use crate::engine::FREQTRADE_USABLE;
