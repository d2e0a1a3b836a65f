//! What is done for each line of the table.

mod change;
mod look;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use super::auth::{self, Admin, Caller, Read, Trade};
use super::listen::listen;
use super::problem::{ApiError, Code};
use super::reply::Reply;
use super::request::{no_body, page, part, reason};
use super::route::{Endpoint, Route};
use super::server::Server;
use super::slots::Slot;
use super::views::View;
use crate::domain::OperatorRequest;

/// A request on its way to its handler.
pub(super) struct Ask<'r> {
    pub(super) server: &'r Arc<Server>,
    pub(super) slot: &'r Slot,
    pub(super) route: &'static Route,
    /// What stands in place of the braces in the route's path.
    pub(super) part: &'r str,
    pub(super) parts: &'r Parts,
    pub(super) caller: &'r Caller,
    /// The request id, if the client chose it.
    pub(super) id: Option<&'r str>,
}

impl Ask<'_> {
    /// Answers.
    pub(super) async fn answer(self, body: &mut Incoming) -> Result<Reply, ApiError> {
        if !self.route.takes_reason {
            no_body(body)?;
        }
        if self.route.changes() { self.answer_change(body).await } else { self.answer_look().await }
    }

    async fn answer_look(self) -> Result<Reply, ApiError> {
        let _who = auth::check::<Read>(self.caller)?;
        let page = page(self.parts.uri.query(), self.route.query)?;
        match self.route.endpoint {
            Endpoint::Status => Ok(self.view(View::Status)),
            Endpoint::Balance => Ok(self.view(View::Balance)),
            Endpoint::Positions => Ok(self.view(View::Positions)),
            Endpoint::Orders => Ok(self.view(View::Orders)),
            Endpoint::Strategies => Ok(self.view(View::Strategies)),
            Endpoint::Health => Ok(self.health()),
            Endpoint::Ready => self.ready(),
            Endpoint::Trades => self.list(page, |history, page| history.trips(page)).await,
            Endpoint::Fills => self.list(page, |history, page| history.fills(page)).await,
            Endpoint::Equity => self.list(page, |history, page| history.marks(page)).await,
            Endpoint::LedgerEntries => self.list(page, |history, page| history.entries(page)).await,
            Endpoint::LedgerHead => self.ledger_head().await,
            Endpoint::Config => Ok(self.config()),
            Endpoint::OpenApi => Ok(self.openapi()),
            Endpoint::Events => self.events(),
            Endpoint::Halt
            | Endpoint::Resume
            | Endpoint::PauseStrategy
            | Endpoint::ResumeStrategy
            | Endpoint::CancelOrder
            | Endpoint::ClosePosition => Err(ApiError::of(Code::MethodNotAllowed)),
        }
    }

    async fn answer_change(self, body: &mut Incoming) -> Result<Reply, ApiError> {
        page(self.parts.uri.query(), self.route.query)?;
        match self.route.endpoint {
            Endpoint::Halt => {
                let who = auth::check::<Trade>(self.caller)?;
                let reason = self.reason(body).await?;
                self.change(&who, OperatorRequest::Halt { reason }).await
            }
            Endpoint::Resume => {
                let who = auth::check::<Admin>(self.caller)?;
                let reason = self.reason(body).await?;
                self.change(&who, OperatorRequest::Resume { reason }).await
            }
            Endpoint::PauseStrategy => {
                let who = auth::check::<Trade>(self.caller)?;
                let strategy = part(self.part)?;
                self.change(&who, OperatorRequest::Pause { strategy }).await
            }
            Endpoint::ResumeStrategy => {
                let who = auth::check::<Trade>(self.caller)?;
                let strategy = part(self.part)?;
                self.change(&who, OperatorRequest::Unpause { strategy }).await
            }
            Endpoint::CancelOrder => {
                let who = auth::check::<Trade>(self.caller)?;
                let id = part(self.part)?;
                self.change(&who, OperatorRequest::Cancel { id }).await
            }
            Endpoint::ClosePosition => {
                let who = auth::check::<Trade>(self.caller)?;
                let instrument = part(self.part)?;
                self.change(&who, OperatorRequest::Close { instrument }).await
            }
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
            | Endpoint::OpenApi => Err(ApiError::of(Code::MethodNotAllowed)),
        }
    }

    async fn reason(&self, body: &mut Incoming) -> Result<String, ApiError> {
        reason(&self.parts.headers, body, self.server.settings.body_timeout).await
    }

    fn events(&self) -> Result<Reply, ApiError> {
        if self.parts.method == Method::HEAD {
            return Ok(Reply::Events(None));
        }
        let seen = self.parts.headers.get("last-event-id").map(|id| id.to_str().unwrap_or(""));
        let stream = listen(self.server, self.caller.holder(), seen)?;
        self.slot.become_stream();
        Ok(Reply::Events(Some(stream)))
    }

    fn success(&self) -> StatusCode {
        self.route.success
    }
}
