//! One request from its head to its answer: whose it is, whether they may, what it leads to, and what is logged of it.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request, Response, StatusCode};

use super::auth::{Caller, identify};
use super::client::{Client, Origin};
use super::handler::Ask;
use super::problem::{ApiError, Code};
use super::reply::{Reply, ReplyBody, X_REQUEST_ID};
use super::reserve::Reserve;
use super::route::{Found, Route, find};
use super::server::Server;
use super::slots::{Holder, Slot};
use crate::clock::Mark;
use crate::domain::hex;
use crate::log::message;
use crate::redact::holds_run_of_secret;

/// Names for requests whose client did not choose one: a word for this server and a number.
#[derive(Debug)]
pub(super) struct RequestIds {
    word: u32,
    next: AtomicU64,
}

/// What is known of a request by the time it is answered.
#[derive(Default)]
struct Known {
    client: Option<Client>,
    caller: Option<Caller>,
    route: Option<&'static Route>,
}

/// Answers one request. `refusal` says why its head was refused, if it was.
pub(super) async fn answer(
    server: &Arc<Server>,
    slot: &Slot,
    origin: Origin,
    refusal: Option<Code>,
    request: Request<Incoming>,
) -> Response<ReplyBody> {
    let began = Mark::now();
    let chosen = request
        .headers()
        .get(X_REQUEST_ID)
        .filter(|id| is_request_id(id.as_bytes()) && !is_secret(server, id))
        .cloned();
    let (parts, mut body) = request.into_parts();
    let mut known = Known::default();
    let answered = match judge(server, slot, origin, refusal, &parts, &mut known) {
        Ok((route, part, caller)) => {
            let _urgent = route.reserve().map(|_| slot.visit.mark_urgent());
            let id = chosen.as_ref().and_then(|id| id.to_str().ok());
            Ask { server, slot, route, part, parts: &parts, caller: &caller, id }.answer(&mut body).await
        }
        Err(error) => Err(error),
    };
    let id = chosen.unwrap_or_else(|| server.ids.next());
    let (status, refused) = match &answered {
        Ok(reply) => (reply.status(), None),
        Err(error) => (error.code.status(), Some(error)),
    };
    if refused.is_some() || known.route.is_some_and(Route::changes) {
        log(server, origin, &known, &id, status, refused, began);
    }
    // Whether what is left of a refused body has arrived by now is a matter of luck; nobody should count on it.
    let unread = refused.is_some() && !body.is_end_stream();
    let is_stream = matches!(answered, Ok(Reply::Events(_)));
    let visit = Arc::clone(&slot.visit);
    let mut response = match answered {
        Ok(reply) => reply.response(id, visit),
        Err(error) => error.response(id, visit),
    };
    // Whoever has no valid token, or asks too much, keeps no connection.
    let unwelcome = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS) || !slot.visit.is_kept();
    if unread || unwelcome || is_stream || server.is_leaving() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Everything that is decided before a handler sees the request, cheapest first.
fn judge<'p>(
    server: &Server,
    slot: &Slot,
    origin: Origin,
    refusal: Option<Code>,
    parts: &'p Parts,
    known: &mut Known,
) -> Result<(&'static Route, &'p str, Caller), ApiError> {
    let settings = &server.settings;
    let client = Client::of(origin, &parts.headers, &settings.trusted_proxies, settings.unix_is_proxy);
    known.client = Some(client);
    let well_formed = refusal.map_or(Ok(()), |code| Err(ApiError::of(code))).and_then(|()| check_target(parts));
    well_formed.map_err(|error| unknown(server, client, error))?;
    let caller = recognise(server, origin, client, &parts.headers)?;
    known.caller = Some(caller.clone());
    slot.visit.touch(server.requests.fetch_add(1, Ordering::Relaxed));
    let kept = slot.keep(caller.holder());
    let found = find(&parts.method, parts.uri.path());
    let reserve = match found {
        Found::Route(route, _) if caller.scope() >= route.scope => route.reserve(),
        Found::Route(..) | Found::OtherMethod(_) | Found::Nothing => None,
    };
    if !kept && reserve.is_none() {
        // Its answer would hold memory for as long as it is read.
        let detail = "as many connections as may be are being answered; wait for one of them";
        return Err(ApiError::say(Code::RateLimited, detail).after(CONNECTION_PAUSE));
    }
    admit(server, caller.holder(), reserve)?;
    match found {
        Found::Route(route, part) => {
            known.route = Some(route);
            Ok((route, part, caller))
        }
        Found::OtherMethod(allow) => Err(ApiError { allow: Some(allow), ..ApiError::of(Code::MethodNotAllowed) }),
        Found::Nothing => Err(ApiError::of(Code::NotFound)),
    }
}

/// Counts a request of somebody who is let in, by the token: whatever others ask from the same address must not keep an
/// operator from halting. Nor must what the same token asked before, be it to cancel and to close without end: each kind of
/// request that makes the bot do less has a budget of its own besides.
fn admit(server: &Server, holder: Holder, reserve: Option<Reserve>) -> Result<(), ApiError> {
    let admitted = match holder {
        Holder::Control => server.control_quota.try_acquire().or_else(|wait| match reserve {
            Some(reserve) => server.control_reserves.of(reserve).try_acquire(),
            None => Err(wait),
        }),
        Holder::Token(token) => {
            let quotas = server.quotas.read().unwrap_or_else(PoisonError::into_inner);
            quotas.requests.try_acquire(token).or_else(|wait| match reserve {
                Some(reserve) => quotas.reserves.of(reserve).try_acquire(token),
                None => Err(wait),
            })
        }
    };
    admitted.map_err(|wait| ApiError::of(Code::RateLimited).after(wait))
}

/// Counts a request that was refused before anybody knew whose it was; the refusal, or that there are too many.
fn unknown(server: &Server, client: Client, error: ApiError) -> ApiError {
    let quotas = server.quotas.read().unwrap_or_else(PoisonError::into_inner);
    quotas.unknown.try_acquire(client).map_or_else(|wait| ApiError::of(Code::RateLimited).after(wait), |()| error)
}

/// An address in full must name the host that `Host` names.
fn check_target(parts: &Parts) -> Result<(), ApiError> {
    let Some(authority) = parts.uri.authority() else { return Ok(()) };
    let host = parts.headers.get(HOST).map(HeaderValue::as_bytes);
    if host.is_none_or(|host| host.eq_ignore_ascii_case(authority.as_str().as_bytes())) {
        return Ok(());
    }
    Err(ApiError::say(Code::BadHost, "the address in the request line names another host than the Host header"))
}

/// Whoever comes with a valid token is let in, however many failures there were from their address: a script with an old
/// token must not keep the operator from halting.
fn recognise(server: &Server, origin: Origin, client: Client, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let now = (server.doors.now)();
    let look = || {
        let tokens = server.tokens.read().unwrap_or_else(PoisonError::into_inner);
        identify(origin, headers, &tokens, now)
    };
    let error = match look() {
        Ok(caller) => return Ok(caller),
        Err(error) => error,
    };
    if error.code.status() != StatusCode::UNAUTHORIZED {
        return Err(unknown(server, client, error));
    }
    let quotas = server.quotas.read().unwrap_or_else(PoisonError::into_inner);
    quotas.failures.try_acquire(client).map_err(|wait| ApiError::of(Code::FailuresLimited).after(wait))?;
    // The token may have been made a moment ago.
    if server.follow_tokens() { look() } else { Err(error) }
}

/// One event for each refusal and each change. Refusals cost the one who causes them nothing, so only so many are logged.
fn log(
    server: &Server,
    origin: Origin,
    known: &Known,
    id: &HeaderValue,
    status: StatusCode,
    refused: Option<&ApiError>,
    began: Mark,
) {
    let changed = refused.is_none();
    if !changed && server.log_quota.try_acquire().is_err() {
        server.unlogged.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let request_id = id.to_str().unwrap_or_default();
    let by = known.caller.as_ref().map_or("-", Caller::name);
    let scope = known.caller.as_ref().map_or("-", |caller| caller.scope().as_str());
    let (method, path) = known.route.map_or(("-", "-"), |route| (route.verb.as_str(), route.path));
    let (status, micros) = (status.as_u16(), began.elapsed().nanos() / 1_000);
    match refused {
        None => {
            let message_id = message::OPERATOR_ACTED.id;
            tracing::info!(message_id, request_id, by, scope, method, path, status, micros, "changed")
        }
        Some(error) => {
            let (code, detail) = (error.code.as_str(), error.detail.as_deref().unwrap_or("-"));
            let client = known.client.map_or_else(String::new, |client| client.to_string());
            let unlogged = server.unlogged.swap(0, Ordering::Relaxed);
            let listener = origin.as_str();
            let message_id = message::ACCESS_DENIED.id;
            tracing::warn!(
                message_id, request_id, by, scope, method, path, status, code, detail, client, listener, unlogged,
                micros, "refused"
            );
        }
    }
}

impl RequestIds {
    /// A word that no server before had, most likely.
    pub(super) fn new() -> Self {
        let mut bytes = [0; 4];
        // Without randomness the ids repeat after a restart, which only makes the logs harder to read.
        let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::NONBLOCK);
        Self { word: u32::from_ne_bytes(bytes), next: AtomicU64::new(1) }
    }

    fn next(&self) -> HeaderValue {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut text = [b'-'; 17];
        let (word, rest) = text.split_at_mut(8);
        hex::write_digits(word, u64::from(self.word));
        hex::write_digits(rest.get_mut(1..).unwrap_or_default(), number);
        HeaderValue::from_bytes(&text).expect("hexadecimal digits fit a header")
    }
}

/// Whether an id would carry a secret of this process, or a token, further. It must be there whole or nearly so: what becomes of
/// the id shows in the answer, to whoever asks, and must not tell whether a guess at a part was right. The log hides parts.
fn is_secret(server: &Server, id: &HeaderValue) -> bool {
    let text = id.to_str().unwrap_or_default();
    holds_run_of_secret(text) || server.tokens.read().unwrap_or_else(PoisonError::into_inner).are_digits_of_one(text)
}

fn is_request_id(text: &[u8]) -> bool {
    (1..=REQUEST_ID_BYTES_MAX).contains(&text.len())
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

const REQUEST_ID_BYTES_MAX: usize = 64;
/// When to come again for a connection.
const CONNECTION_PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_are_made_differ_and_would_be_taken_back() {
        let ids = RequestIds::new();
        let (first, second) = (ids.next(), ids.next());
        assert_ne!(first, second);
        assert!(is_request_id(first.as_bytes()));
        assert!(first.to_str().unwrap().ends_with("-00000001"), "{first:?}");
    }

    #[test]
    fn an_id_from_outside_is_short_and_plain() {
        assert!(is_request_id(b"a-B_9.z"));
        for id in [&b""[..], b"a b", b"a\"", &[b'a'; 65], b"\xff"] {
            assert!(!is_request_id(id));
        }
    }
}
