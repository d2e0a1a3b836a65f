//! PROTOCOL: Binance, spot and USD-M futures side by side, without a socket.

pub mod decode;
mod fault;
mod frame;
mod levels;
mod told;
mod value;

pub use decode::{Decoded, decode};
pub use fault::DecodeError;
pub use levels::Decimals;
pub use told::{ToldMarket, market_of};
