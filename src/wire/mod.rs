//! PROTOCOL: the exchanges' languages, without a socket.

pub mod binance;
