//! SHELL: candles, trades and recorded streams on disk, in Binance's own layouts, plain or packed with zstd.

mod error;
mod field;
mod gap;
mod kind;
mod kline;
mod lines;
mod name;
mod recording;
mod trades;

pub use error::{FieldFault, FillGapsError, LineFault, Place, ReadKlinesError, ReadTradesError};
pub use gap::{FILLED_MAX, Gap, fill_gaps};
pub use kind::{DataKind, DataKindError};
pub use kline::{CANDLES_MAX, KlineFile, KlineReader, read_klines, read_klines_as};
pub use lines::LINE_BYTES_MAX;
pub use recording::{ReadRecordingError, Recorded, RecordingReader, STEP_BACK_MAX};
pub use trades::TradeReader;
