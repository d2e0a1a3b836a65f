//! SHELL: the HTTP API. Every request is judged before it is served; what it changes, the engine judges again.

mod accept;
mod answer;
mod auth;
mod client;
mod doors;
mod feed;
mod guard;
mod handler;
mod head;
mod listen;
mod listener;
mod openapi;
mod problem;
mod quota;
mod replays;
mod reply;
mod request;
mod reserve;
mod route;
mod server;
mod settings;
mod shown;
mod slots;
mod stream;
mod token;
mod views;
mod visit;

pub use doors::{
    Doors, HeadView, History, HistoryError, Mark, Numbered, OperatorCall, OperatorDoorError, Page, PageOrder,
    ProvenEntry, Readiness, UnwrittenError,
};
pub use feed::Feed;
pub use listener::{Listener, ListenerError};
pub use server::{CALLS_MAX, serve};
pub use settings::{Access, Settings};
pub use shown::{ChangeVerdict, ChangeView, Listed, OrderView, ReplayView, StatusView, StrategyWarmUp};
pub use token::{
    Scope, ScopeError, Standing, TOKEN_DIGITS, Token, TokenFile, TokenFileError, TokenHash, TokenName, TokenNameError,
    TokenRecord,
};
