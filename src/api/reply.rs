//! Answers: JSON with the headers every answer has, and bodies that say when they are over.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::problem::{ApiError, Code};
use super::visit::Visit;

/// What a handler has to say.
#[derive(Debug)]
pub(super) enum Reply {
    /// JSON, whole.
    Json(StatusCode, Bytes),
    /// JSON that whoever has seen it need not be sent again.
    Tagged(Tagged),
    /// The one who asks has seen it.
    Unchanged(HeaderValue),
    /// Server-sent events; no body for `HEAD`.
    Events(Option<mpsc::Receiver<Bytes>>),
    /// What was answered before to the same request.
    Replayed(StatusCode, Bytes),
}

/// JSON and the tag that changes with it.
#[derive(Debug, Clone)]
pub(super) struct Tagged {
    pub(super) body: Bytes,
    pub(super) tag: HeaderValue,
}

/// The body of an answer. Tells its connection when it is over, one way or the other.
#[derive(Debug)]
pub(super) struct ReplyBody {
    content: Content,
    visit: Arc<Visit>,
}

#[derive(Debug)]
enum Content {
    Whole(Option<Bytes>),
    Stream(mpsc::Receiver<Bytes>),
}

impl Tagged {
    /// Tags JSON by what it says.
    pub(super) fn new(body: Vec<u8>) -> Self {
        let digest = Sha256::digest(&body);
        let mut tag = String::with_capacity(TAG_BYTES * 2 + 2);
        tag.push('"');
        for byte in digest.iter().take(TAG_BYTES) {
            use std::fmt::Write;
            let _ = write!(tag, "{byte:02x}");
        }
        tag.push('"');
        let tag = HeaderValue::try_from(tag).expect("hexadecimal digits in quotes fit a header");
        Self { body: Bytes::from(body), tag }
    }

    /// The answer to somebody who has seen what `if_none_match` lists.
    pub(super) fn for_one_who_knows(self, if_none_match: Option<&HeaderValue>) -> Reply {
        let known = if_none_match.and_then(|value| value.to_str().ok()).is_some_and(|list| {
            let tag = self.tag.to_str().unwrap_or_default();
            list.trim() == "*" || list.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)
        });
        if known { Reply::Unchanged(self.tag) } else { Reply::Tagged(self) }
    }
}

impl Reply {
    /// JSON, freshly made.
    pub(super) fn json(status: StatusCode, body: &impl serde::Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("what the API shows has a JSON form");
        Self::Json(status, Bytes::from(body))
    }

    /// Its status.
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::Json(status, _) | Self::Replayed(status, _) => *status,
            Self::Tagged(_) | Self::Events(_) => StatusCode::OK,
            Self::Unchanged(_) => StatusCode::NOT_MODIFIED,
        }
    }

    /// As it is sent.
    pub(super) fn response(self, request_id: HeaderValue, visit: Arc<Visit>) -> Response<ReplyBody> {
        let is_stream = matches!(self, Self::Events(_));
        let (status, whole) = (self.status(), |body| Content::Whole(Some(body)));
        let (content, header) = match self {
            Self::Json(_, body) => (whole(body), None),
            Self::Tagged(Tagged { body, tag }) => (whole(body), Some((ETAG, tag))),
            Self::Unchanged(tag) => (Content::Whole(None), Some((ETAG, tag))),
            Self::Replayed(_, body) => (whole(body), Some((X_REPLAYED, HeaderValue::from_static("true")))),
            Self::Events(stream) => {
                let kind = HeaderValue::from_static("text/event-stream");
                (stream.map_or(Content::Whole(None), Content::Stream), Some((CONTENT_TYPE, kind)))
            }
        };
        let json = matches!(content, Content::Whole(Some(_)));
        let mut response = plain(status, request_id, ReplyBody { content, visit });
        let headers = response.headers_mut();
        if json {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some((name, value)) = header {
            headers.insert(name, value);
        }
        if is_stream {
            // Or nginx would hold events back until it has a buffer full of them.
            headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
        }
        response
    }
}

impl ApiError {
    /// As it is sent.
    pub(super) fn response(&self, request_id: HeaderValue, visit: Arc<Visit>) -> Response<ReplyBody> {
        let body = self.body(request_id.to_str().unwrap_or_default());
        let content = Content::Whole(Some(Bytes::from(body)));
        let mut response = plain(self.code.status(), request_id, ReplyBody { content, visit });
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = self.retry_after {
            // Whole seconds, and never too early.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if self.code.status() == StatusCode::UNAUTHORIZED {
            let challenge = if self.code == Code::TokenMissing { CHALLENGE } else { CHALLENGE_INVALID };
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

impl ReplyBody {
    fn left(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Whole(bytes) => bytes.as_ref(),
            Content::Stream(_) => None,
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.content {
            Content::Whole(left) => {
                let piece = left.as_mut().map(|bytes| bytes.split_to(bytes.len().min(PIECE_BYTES_MAX)));
                *left = left.take().filter(|bytes| !bytes.is_empty());
                Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
            }
            Content::Stream(stream) => stream.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(bytes) => bytes.is_none(),
            Content::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(_) => {
                let len = self.left().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(len).expect("a length fits 64 bits"))
            }
            Content::Stream(_) => SizeHint::default(),
        }
    }
}

impl Drop for ReplyBody {
    fn drop(&mut self) {
        self.visit.answered();
    }
}

fn plain(status: StatusCode, request_id: HeaderValue, body: ReplyBody) -> Response<ReplyBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(8);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_REQUEST_ID, request_id);
    response
}

/// Ties answer and request together, in both logs.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Says that an answer was given before.
pub(super) const X_REPLAYED: HeaderName = HeaderName::from_static("x-replayed");
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const CHALLENGE: &str = "Bearer realm=\"tradingbot\"";
const CHALLENGE_INVALID: &str = "Bearer realm=\"tradingbot\", error=\"invalid_token\"";
const TAG_BYTES: usize = 16;
/// What is handed to a connection at once: it copies that, so a long answer costs each of many slow readers no more.
const PIECE_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_seen_it_is_not_sent_it_again() {
        let tagged = Tagged::new(b"{}".to_vec());
        let tag = tagged.tag.to_str().unwrap().to_owned();
        let knows = |list: &str| {
            let list = HeaderValue::try_from(list).unwrap();
            matches!(tagged.clone().for_one_who_knows(Some(&list)), Reply::Unchanged(_))
        };
        assert!(knows(&tag) && knows("*") && knows(&format!("\"x\", W/{tag}")));
        assert!(!knows("\"x\"") && !knows("") && !knows(tag.trim_matches('"')));
        assert!(matches!(tagged.clone().for_one_who_knows(None), Reply::Tagged(_)));
    }

    #[test]
    fn the_tag_changes_with_what_is_said() {
        assert_ne!(Tagged::new(b"[1]".to_vec()).tag, Tagged::new(b"[2]".to_vec()).tag);
        assert_eq!(Tagged::new(b"[1]".to_vec()).tag, Tagged::new(b"[1]".to_vec()).tag);
    }

    #[test]
    fn a_long_answer_is_handed_over_in_pieces_and_says_how_much_is_left() {
        for len in [0, 1, PIECE_BYTES_MAX, PIECE_BYTES_MAX + 1, 5 * PIECE_BYTES_MAX + 7] {
            let whole: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let content = Content::Whole(Some(Bytes::from(whole.clone())));
            let mut body = ReplyBody { content, visit: Arc::default() };
            let mut cx = Context::from_waker(std::task::Waker::noop());
            let mut told = Vec::new();
            while let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut cx) {
                let piece = frame.into_data().unwrap();
                assert!(piece.len() <= PIECE_BYTES_MAX);
                told.extend_from_slice(&piece);
                assert_eq!(body.size_hint().exact().unwrap(), u64::try_from(len - told.len()).unwrap());
                assert_eq!(body.is_end_stream(), told.len() == len);
            }
            assert_eq!(told, whole);
        }
    }
}
