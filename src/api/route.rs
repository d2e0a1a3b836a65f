//! What can be asked: one table, from which requests are dispatched and the OpenAPI document is made.

use hyper::{Method, StatusCode};

use super::problem::Code;
use super::reserve::Reserve;
use super::token::Scope;

/// One line of the table.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) verb: Verb,
    /// The path; one part of it may be in braces.
    pub(super) path: &'static str,
    pub(super) endpoint: Endpoint,
    /// The least scope.
    pub(super) scope: Scope,
    /// What its query may hold.
    pub(super) query: Query,
    /// Whether it takes a reason as its body, or no body at all.
    pub(super) takes_reason: bool,
    /// The status when all is well.
    pub(super) success: StatusCode,
    /// Which schema its answer has.
    pub(super) reply: Schema,
    /// Whether the answer carries an entity tag.
    pub(super) tagged: bool,
    /// How it may be refused besides what [`Route::refusals`] adds.
    pub(super) codes: &'static [Code],
    /// What it does, in a line.
    pub(super) summary: &'static str,
}

/// How it is asked. `HEAD` goes wherever `GET` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Delete,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Endpoint {
    Status,
    Health,
    Ready,
    Balance,
    Positions,
    Orders,
    Strategies,
    Trades,
    Fills,
    Equity,
    LedgerHead,
    LedgerEntries,
    Config,
    Events,
    OpenApi,
    Halt,
    Resume,
    PauseStrategy,
    ResumeStrategy,
    CancelOrder,
    ClosePosition,
}

/// What a query may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Query {
    /// Nothing.
    Nothing,
    /// Which part of a list; newest first unless asked otherwise.
    PageNewest,
    /// Which part of a list; oldest first unless asked otherwise.
    PageOldest,
}

/// What an answer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Schema {
    Health,
    Ready,
    Status,
    Balance,
    Positions,
    Orders,
    Strategies,
    Trades,
    Fills,
    Equity,
    LedgerHead,
    LedgerEntries,
    Config,
    Events,
    OpenApi,
    Verdict,
}

/// What a method and a path lead to.
#[derive(Debug)]
pub(super) enum Found<'p> {
    /// A line of the table, and what stands in place of the braces.
    Route(&'static Route, &'p str),
    /// A path that does not know the method, and those it knows.
    OtherMethod(&'static str),
    /// Nothing.
    Nothing,
}

impl Route {
    const fn look(path: &'static str, endpoint: Endpoint, reply: Schema, summary: &'static str) -> Self {
        Self {
            verb: Verb::Get,
            path,
            endpoint,
            scope: Scope::Read,
            query: Query::Nothing,
            takes_reason: false,
            success: StatusCode::OK,
            reply,
            tagged: false,
            codes: &[],
            summary,
        }
    }

    const fn change(verb: Verb, path: &'static str, endpoint: Endpoint, summary: &'static str) -> Self {
        Self { verb, scope: Scope::Trade, ..Self::look(path, endpoint, Schema::Verdict, summary) }
    }

    const fn tagged(self) -> Self {
        Self { tagged: true, ..self }
    }

    const fn paged(self, query: Query) -> Self {
        Self { query, codes: &[Code::HistoryUnavailable], ..self }
    }

    const fn may(self, codes: &'static [Code]) -> Self {
        Self { codes, ..self }
    }

    const fn with_reason(self, scope: Scope) -> Self {
        Self { takes_reason: true, scope, ..self }
    }

    /// It is done later, and the answer says only that it will be.
    const fn later(self) -> Self {
        Self { success: StatusCode::ACCEPTED, ..self }
    }

    /// Whether it changes anything.
    pub(super) const fn changes(&self) -> bool {
        !matches!(self.verb, Verb::Get)
    }

    /// The room that is kept for it, if it makes the bot do less: nothing may keep an operator from that.
    pub(super) const fn reserve(&self) -> Option<Reserve> {
        match self.endpoint {
            Endpoint::Halt => Some(Reserve::Halt),
            Endpoint::CancelOrder => Some(Reserve::Cancel),
            Endpoint::ClosePosition => Some(Reserve::Close),
            Endpoint::Status
            | Endpoint::Health
            | Endpoint::Ready
            | Endpoint::Balance
            | Endpoint::Positions
            | Endpoint::Orders
            | Endpoint::Strategies
            | Endpoint::Trades
            | Endpoint::Fills
            | Endpoint::Equity
            | Endpoint::LedgerHead
            | Endpoint::LedgerEntries
            | Endpoint::Config
            | Endpoint::Events
            | Endpoint::OpenApi
            | Endpoint::Resume
            | Endpoint::PauseStrategy
            | Endpoint::ResumeStrategy => None,
        }
    }

    /// How it may be refused, besides what may happen to any request.
    pub(super) fn refusals(&self) -> impl Iterator<Item = Code> {
        let reasoned = if self.takes_reason { REASONED } else { &[] };
        let change = if self.changes() { CHANGE } else { &[] };
        self.codes.iter().chain(reasoned).chain(change).copied()
    }

    /// The part of the path that stands in braces.
    pub(super) fn parameter(&self) -> Option<&'static str> {
        let (_, rest) = self.path.split_once('{')?;
        rest.split_once('}').map(|(name, _)| name)
    }

    fn capture<'p>(&self, path: &'p str) -> Option<&'p str> {
        let (before, rest) = self.path.split_once('{')?;
        let (_, after) = rest.split_once('}')?;
        let part = path.strip_prefix(before)?.strip_suffix(after)?;
        (!part.is_empty() && !part.contains('/')).then_some(part)
    }
}

impl Verb {
    /// The methods it stands for, as `Allow` lists them.
    pub(super) const fn allow(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }

    /// The method.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }

    fn is(self, method: &Method) -> bool {
        match self {
            Self::Get => method == Method::GET || method == Method::HEAD,
            Self::Post => method == Method::POST,
            Self::Delete => method == Method::DELETE,
        }
    }
}

/// What a method and a path lead to. The path is taken as it was sent: what is spelt otherwise is another path.
pub(super) fn find<'p>(method: &Method, path: &'p str) -> Found<'p> {
    let plain = ROUTES.iter().find(|route| route.path == path).map(|route| (route, ""));
    let found = plain.or_else(|| ROUTES.iter().find_map(|route| Some((route, route.capture(path)?))));
    match found {
        Some((route, part)) if route.verb.is(method) => Found::Route(route, part),
        Some((route, _)) => Found::OtherMethod(route.verb.allow()),
        None => Found::Nothing,
    }
}

/// How any request may be refused.
pub(super) const COMMON: &[Code] = &[
    Code::Malformed,
    Code::FramingConflict,
    Code::HeaderRepeated,
    Code::BadHost,
    Code::BadQuery,
    Code::UnexpectedBody,
    Code::TokenMissing,
    Code::TokenUnknown,
    Code::TokenExpired,
    Code::TokenRevoked,
    Code::ScopeTooSmall,
    Code::HeadTimeout,
    Code::LengthRequired,
    Code::BodyTooLarge,
    Code::UriTooLong,
    Code::ExpectationFailed,
    Code::RateLimited,
    Code::FailuresLimited,
    Code::HeadTooLarge,
    Code::TokensUnreadable,
    Code::VersionUnsupported,
];
/// How any change may be refused besides.
const CHANGE: &[Code] =
    &[Code::BadRequestId, Code::Refused, Code::RequestIdReused, Code::EngineBusy, Code::EngineGone, Code::Unanswered];
/// How a change with a reason may be refused besides.
const REASONED: &[Code] = &[Code::BadBody, Code::NotJson, Code::BodyTimeout];

/// Everything that can be asked; what is asked most often stands first.
pub(super) const ROUTES: &[Route] = &[
    Route::look("/v1/status", Endpoint::Status, Schema::Status, "How the bot is doing, in one answer").tagged(),
    Route::look("/v1/health", Endpoint::Health, Schema::Health, "Whether the server answers"),
    Route::look("/v1/ready", Endpoint::Ready, Schema::Ready, "Whether the bot does its work").may(&[Code::NotReady]),
    Route::look("/v1/balance", Endpoint::Balance, Schema::Balance, "What is held, and what it is worth").tagged(),
    Route::look("/v1/positions", Endpoint::Positions, Schema::Positions, "Open positions").tagged(),
    Route::look("/v1/orders", Endpoint::Orders, Schema::Orders, "Orders that may still trade").tagged(),
    Route::look("/v1/strategies", Endpoint::Strategies, Schema::Strategies, "Running strategies").tagged(),
    Route::look("/v1/trades", Endpoint::Trades, Schema::Trades, "Closed positions").paged(Query::PageNewest),
    Route::look("/v1/fills", Endpoint::Fills, Schema::Fills, "Trades of our orders").paged(Query::PageNewest),
    Route::look("/v1/equity", Endpoint::Equity, Schema::Equity, "What the account was worth").paged(Query::PageNewest),
    Route::look("/v1/ledger/head", Endpoint::LedgerHead, Schema::LedgerHead, "Number and hash of the last entry")
        .may(&[Code::HistoryUnavailable]),
    Route::look("/v1/ledger/entries", Endpoint::LedgerEntries, Schema::LedgerEntries, "Entries with their hashes")
        .paged(Query::PageOldest),
    Route::look("/v1/config", Endpoint::Config, Schema::Config, "The configuration in force, without secrets").tagged(),
    Route::look("/v1/events", Endpoint::Events, Schema::Events, "What happens, as server-sent events")
        .may(&[Code::TooManyStreams]),
    Route::look("/v1/openapi.json", Endpoint::OpenApi, Schema::OpenApi, "This document").tagged(),
    Route::change(Verb::Post, "/v1/halt", Endpoint::Halt, "Send nothing more, until resumed").with_reason(Scope::Trade),
    Route::change(Verb::Post, "/v1/resume", Endpoint::Resume, "Trade again after a halt").with_reason(Scope::Admin),
    Route::change(
        Verb::Post,
        "/v1/strategies/{name}/pause",
        Endpoint::PauseStrategy,
        "Take no new positions for a strategy",
    )
    .may(&[Code::BadPath, Code::UnknownStrategy]),
    Route::change(
        Verb::Post,
        "/v1/strategies/{name}/resume",
        Endpoint::ResumeStrategy,
        "Let a strategy take positions again",
    )
    .may(&[Code::BadPath, Code::UnknownStrategy]),
    Route::change(Verb::Delete, "/v1/orders/{id}", Endpoint::CancelOrder, "Cancel an order")
        .may(&[Code::BadPath, Code::UnknownOrder])
        .later(),
    Route::change(
        Verb::Post,
        "/v1/positions/{symbol}/close",
        Endpoint::ClosePosition,
        "Leave what every strategy holds of a symbol, at market",
    )
    .may(&[Code::BadPath, Code::NoPosition])
    .later(),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(method: Method, path: &str) -> Option<(Endpoint, &str)> {
        match find(&method, path) {
            Found::Route(route, part) => Some((route.endpoint, part)),
            Found::OtherMethod(_) | Found::Nothing => None,
        }
    }

    #[test]
    fn a_path_leads_to_one_line_of_the_table() {
        assert_eq!(endpoint(Method::GET, "/v1/status"), Some((Endpoint::Status, "")));
        assert_eq!(endpoint(Method::HEAD, "/v1/status"), Some((Endpoint::Status, "")));
        assert_eq!(endpoint(Method::DELETE, "/v1/orders/tb-1"), Some((Endpoint::CancelOrder, "tb-1")));
        assert_eq!(endpoint(Method::POST, "/v1/strategies/a/pause"), Some((Endpoint::PauseStrategy, "a")));
        for (at, route) in ROUTES.iter().enumerate() {
            assert!(ROUTES.iter().skip(at + 1).all(|other| other.path != route.path), "{}", route.path);
            assert!(ROUTES.iter().skip(at + 1).all(|other| other.endpoint != route.endpoint), "{}", route.path);
        }
    }

    #[test]
    fn what_is_spelt_otherwise_is_another_path() {
        for path in [
            "",
            "/",
            "*",
            "/v1",
            "/v1/",
            "/v1/status/",
            "//v1/status",
            "/V1/status",
            "/v1/./status",
            "/v1/%73tatus",
            "/v1/orders/",
            "/v1/orders/a/b",
            "/v1/strategies//pause",
            "/v1/../v1/status",
            "/v1/strategies/{name}",
        ] {
            assert!(endpoint(Method::GET, path).is_none() && endpoint(Method::DELETE, path).is_none(), "{path}");
        }
    }

    #[test]
    fn other_methods_are_told_which_ones_there_are() {
        assert!(matches!(find(&Method::POST, "/v1/status"), Found::OtherMethod("GET, HEAD")));
        assert!(matches!(find(&Method::GET, "/v1/halt"), Found::OtherMethod("POST")));
        assert!(matches!(find(&Method::OPTIONS, "/v1/orders/x"), Found::OtherMethod("DELETE")));
    }
}
