//! A trading bot that treats its security handbook as its specification.

pub mod domain;
pub mod ledger;
