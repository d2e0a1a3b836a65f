//! SHELL: candles, trades and recorded streams on disk, in Binance's own layouts, plain or packed with zstd.

mod error;
mod field;
mod foreign;
mod gap;
mod ids;
mod kind;
mod kline;
mod lines;
mod name;
mod open;
mod recording;
mod spacing;
mod trades;

pub use error::{FieldFault, FillGapsError, LineFault, Place, ReadKlinesError, ReadTradesError};
pub use foreign::Foreign;
pub use gap::{FILLED_MAX, Gap, fill_gaps};
pub use ids::{STRETCHES_MAX, TradeIds, TradeOrder};
pub use kind::{DataKind, DataKindError};
pub use kline::{CANDLES_MAX, KlineFile, KlineReader, read_klines, read_klines_as};
pub use lines::{BLANK_LINES_MAX, LINE_BYTES_MAX};
pub use recording::{Piece, ReadRecordingError, Recorded, RecordingReader, STEP_BACK_MAX, ToldMarket};
pub use spacing::Spacing;
pub use trades::TradeReader;
