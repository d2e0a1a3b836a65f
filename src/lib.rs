//! The library behind `tradingbot`; its modules are listed in layer order, see `ARCHITECTURE.md`.

// LANGUAGE
pub use tradingbot_domain as domain;

// PROTOCOL: no sockets
pub use tradingbot_binance as binance;

// CORE: no clock, no input or output, no async
pub use tradingbot_core::{engine, market, risk, sim, strategy};

// BASE: named by shells and apps only
pub use tradingbot_host::{clock, log, private, random, redact, sandbox, secrets, systemd};

// What is set up
pub mod config;

// SHELLS: bytes in, bytes out
pub mod api;
pub mod ledger;
pub mod store;

// APPS
pub mod backtest;
pub mod cli;
pub mod daemon;
