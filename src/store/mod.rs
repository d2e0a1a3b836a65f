//! SHELL: candles and trades on disk, in the layouts of Binance's public data files, plain or packed with zstd.

mod error;
mod field;
mod gap;
mod kline;
mod lines;
mod name;
mod trades;

pub use error::{FieldFault, FillGapsError, LineFault, Place, ReadKlinesError, ReadTradesError};
pub use gap::{FILLED_MAX, Gap, fill_gaps};
pub use kline::{CANDLES_MAX, KlineFile, KlineReader, read_klines, read_klines_as};
pub use lines::LINE_BYTES_MAX;
pub use trades::TradeReader;
