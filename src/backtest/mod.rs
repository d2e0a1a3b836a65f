//! APP: a backtest, the same engine over past candles.

mod curve;
mod driver;
mod freqtrade;
mod lane;
mod report;
mod run;
mod trades;

pub use curve::{Curve, EquityPoint, write_equity_csv};
pub use freqtrade::{FREQTRADE_USABLE, Freqtrade};
pub use report::{Group, Report};
pub use run::{BacktestError, Feed, FillRule, Outcome, Settings, run};
pub use trades::{TradeRow, rows, write_csv};
