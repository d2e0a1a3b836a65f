//! Behaviour through the public API: given, when, then.
#![expect(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test looks for one thing, and may panic")]
#![expect(clippy::print_stdout, clippy::float_arithmetic, reason = "a test says what it measured, and may measure")]

mod api;
mod api_log;
mod api_slots;
mod backtest;
mod backtest_config;
mod backtest_equity;
mod backtest_events;
mod backtest_exits;
mod backtest_fills;
mod backtest_options;
mod backtest_report;
mod book;
mod candles;
mod client;
mod config;
#[path = "../support/data.rs"]
mod data;
mod decode;
mod engine;
mod engine_faults;
mod engine_holds;
mod engine_losses;
mod engine_markets;
mod engine_operator;
mod engine_pace;
#[path = "../support/entries.rs"]
mod entries;
mod events;
mod foreign;
mod gaps;
mod gate;
mod hostile;
mod indicators;
mod interval_rules;
mod klines;
mod ledger;
mod ledger_journal;
mod ledger_schema_1;
mod ledger_tamper;
mod limits;
mod mutation;
mod own_words;
mod partial;
mod practice;
mod redaction;
#[path = "../support/schema_1.rs"]
mod schema_1;
mod shipped;
mod sim;
mod sim_faults;
mod sim_model;
mod sim_recorded;
mod spacing;
mod strategies;
mod support;
mod trades;
mod warm_up;
