//! What a request is refused with: a stable code for programs, words for people, details for the journal.

use std::borrow::Cow;
use std::time::Duration;

use hyper::StatusCode;
use serde::Serialize;

/// A request that was not served. `text` goes to the client, `detail` to the journal, and never the other way.
#[derive(Debug)]
pub(super) struct ApiError {
    pub(super) code: Code,
    pub(super) text: Cow<'static, str>,
    pub(super) detail: Option<String>,
    pub(super) retry_after: Option<Duration>,
    pub(super) allow: Option<&'static str>,
}

/// The body of a refusal (RFC 9457).
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Problem<'p> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'p str,
    request_id: &'p str,
}

impl ApiError {
    /// Refused for the reason that `code` itself gives.
    pub(super) const fn of(code: Code) -> Self {
        Self { code, text: Cow::Borrowed(code.text()), detail: None, retry_after: None, allow: None }
    }

    /// Refused, with words that fit this request better.
    pub(super) fn say(code: Code, text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: text.into(), ..Self::of(code) }
    }

    /// With what only the journal may know.
    pub(super) fn because(mut self, detail: impl ToString) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// With the time after which it may succeed.
    pub(super) const fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// As JSON.
    pub(super) fn body(&self, request_id: &str) -> Vec<u8> {
        let status = self.code.status();
        let problem = Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Refused"),
            status: status.as_u16(),
            code: self.code.as_str(),
            detail: &self.text,
            request_id,
        };
        serde_json::to_vec(&problem).expect("text and numbers have a JSON form")
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $status:ident, $text:literal;)*) => {
        /// Why a request was refused. The words are stable: programs may rely on them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Code {
            $(#[doc = $text] $name,)*
        }

        impl Code {
            /// All of them.
            #[cfg(test)]
            pub(super) const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word for programs.
            pub(super) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The status it comes with.
            pub(super) const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// What it means and what to do.
            pub(super) const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    Malformed = "malformed-request", BAD_REQUEST, "the request is not well-formed HTTP/1.1";
    FramingConflict = "framing-conflict", BAD_REQUEST, "Content-Length and Transfer-Encoding contradict each other";
    HeaderRepeated = "header-repeated", BAD_REQUEST, "a header that may stand once stands twice";
    BadHost = "bad-host", BAD_REQUEST, "the Host header is missing or names no host";
    BadPath = "bad-path", BAD_REQUEST, "a part of the path is not what should stand there";
    BadQuery = "bad-query", BAD_REQUEST, "the query has a parameter that is unknown, repeated or out of range";
    BadRequestId = "bad-request-id", BAD_REQUEST,
        "the X-Request-Id of a change has 1 to 64 letters, digits, dots, underscores and dashes; nothing was changed";
    BadBody = "bad-body", BAD_REQUEST, "the body is not the JSON that was asked for";
    UnexpectedBody = "unexpected-body", BAD_REQUEST, "this request takes no body";
    TokenMissing = "token-missing", UNAUTHORIZED,
        "send `Authorization: Bearer TOKEN`; `tradingbot token new` makes a token";
    TokenUnknown = "token-unknown", UNAUTHORIZED, "there is no such token; `tradingbot token new` makes one";
    TokenExpired = "token-expired", UNAUTHORIZED, "the token has expired; make a new one with `tradingbot token new`";
    TokenRevoked = "token-revoked", UNAUTHORIZED, "the token was revoked; ask the operator for another";
    ScopeTooSmall = "scope-too-small", FORBIDDEN, "the token's scope does not allow this";
    NotFound = "not-found", NOT_FOUND, "there is nothing at this path; /v1/openapi.json lists what there is";
    UnknownOrder = "unknown-order", NOT_FOUND, "no order of that id may still trade; /v1/orders lists those that may";
    UnknownStrategy = "unknown-strategy", NOT_FOUND, "no strategy of that name runs; /v1/strategies lists them";
    NoPosition = "no-position", NOT_FOUND, "nothing is held of that symbol; /v1/positions lists what is";
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "the path does not know this method; see Allow";
    HeadTimeout = "head-timeout", REQUEST_TIMEOUT, "the head of the request took too long to arrive";
    BodyTimeout = "body-timeout", REQUEST_TIMEOUT, "the body of the request took too long to arrive";
    Refused = "refused", CONFLICT, "the engine refused";
    RequestIdReused = "request-id-reused", CONFLICT,
        "another request came with this X-Request-Id before; use each once, or repeat the same request";
    LengthRequired = "length-required", LENGTH_REQUIRED, "a body needs a Content-Length; chunks are not taken";
    BodyTooLarge = "body-too-large", PAYLOAD_TOO_LARGE, "the body is larger than this server takes";
    UriTooLong = "uri-too-long", URI_TOO_LONG, "the path and query are longer than this server takes";
    NotJson = "not-json", UNSUPPORTED_MEDIA_TYPE, "send the body as `Content-Type: application/json`";
    ExpectationFailed = "expectation-failed", EXPECTATION_FAILED, "nothing but `Expect: 100-continue` is understood";
    RateLimited = "rate-limited", TOO_MANY_REQUESTS, "too many requests; wait as long as Retry-After says";
    FailuresLimited = "failures-limited", TOO_MANY_REQUESTS,
        "too many requests without a valid token; wait as long as Retry-After says";
    HeadTooLarge = "head-too-large", REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are more than this server takes";
    NotReady = "not-ready", SERVICE_UNAVAILABLE, "the bot is not ready yet";
    EngineBusy = "engine-busy", SERVICE_UNAVAILABLE, "the engine takes no more requests now; nothing was changed";
    EngineGone = "engine-gone", SERVICE_UNAVAILABLE, "the engine has stopped; nothing was changed";
    HistoryUnavailable = "history-unavailable", SERVICE_UNAVAILABLE, "the ledger cannot be read now";
    TokensUnreadable = "tokens-unreadable", SERVICE_UNAVAILABLE,
        "the file of tokens cannot be read, so nobody is let in; see the bot's log";
    TooManyStreams = "too-many-streams", SERVICE_UNAVAILABLE, "no more event streams can be open at once";
    Unanswered = "unanswered", GATEWAY_TIMEOUT,
        "the engine has not answered in time and may still do it; repeat with the same X-Request-Id to learn what came of it";
    VersionUnsupported = "version-unsupported", HTTP_VERSION_NOT_SUPPORTED, "this server speaks HTTP/1.1 and HTTP/1.0";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_one_word_of_its_own_and_an_error() {
        let mut words: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{code:?}");
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{code:?}");
            assert!(!code.text().ends_with('.'), "{code:?}");
        }
    }

    #[test]
    fn the_detail_for_the_journal_never_reaches_the_client() {
        let error = ApiError::of(Code::HistoryUnavailable).because("disk sda1 is broken");
        let body = String::from_utf8(error.body("r-1")).unwrap();
        assert!(!body.contains("sda1"));
        let json: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(json["code"], "history-unavailable");
        assert_eq!(json["status"], 503);
        assert_eq!(json["request-id"], "r-1");
    }
}
