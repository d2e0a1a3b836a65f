//! LANGUAGE: the values and words everyone speaks; nothing here does anything but hold and compare.

pub mod amount;
pub mod candle;
pub mod decimal;
pub mod entry;
pub mod event;
pub mod hex;
pub mod id;
pub mod instrument;
pub mod instrument_id;
pub mod limits;
pub mod operator;
pub mod order;
pub mod order_id;
pub mod reason;
pub mod remedy;
pub mod round_trip;
pub mod snapshot;
pub mod strategy;
pub mod time;

pub use amount::{AmountError, Notional, Price, Qty, Rate};
pub use candle::Candle;
pub use decimal::Rounding;
pub use entry::Entry;
pub use event::{AccountEvent, Event, LinkEvent, MarketEvent, Stamped};
pub use id::{ExchangeOrderId, RunId, Seq, TradeId};
pub use instrument::{Asset, Instrument, Market, StrategyName, Symbol};
pub use instrument_id::InstrumentId;
pub use limits::Limits;
pub use operator::{Objection, OperatorEvent, OperatorRequest, Verdict};
pub use order::{
    ExitReason, Fee, Fill, Liquidity, NewOrder, Order, OrderKind, OrderState, Outcome, Purpose, Side, TimeInForce,
};
pub use order_id::{ClientOrderId, IdError, OrderSeries, RunTag};
pub use reason::{Reason, ReasonError};
pub use remedy::Remedy;
pub use round_trip::RoundTrip;
pub use snapshot::Snapshot;
pub use strategy::{EntryStyle, Exits, RoiStep, Sizing, Trailing};
pub use time::{Span, Timestamp};
