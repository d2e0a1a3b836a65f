//! The parts of a request that handlers ask for, each read with a limit and refused with its place.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde::Deserialize;

use super::doors::{Page, PageOrder};
use super::problem::{ApiError, Code};
use super::route::Query;
use crate::domain::{Reason, ReasonError, hex};
use crate::redact::without_secrets;

/// A reason, as an operator gives it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reasoned {
    reason: String,
}

/// Which part of a list a query asks for; `None` when the route has no list.
pub(super) fn page(query: Option<&str>, allowed: Query) -> Result<Option<Page>, ApiError> {
    let order = match allowed {
        Query::Nothing => {
            return match query {
                None => Ok(None),
                Some(_) => Err(ApiError::say(Code::BadQuery, "this path takes no query")),
            };
        }
        Query::PageNewest => PageOrder::Newest,
        Query::PageOldest => PageOrder::Oldest,
    };
    let mut page = Page { order, after: None, limit: PAGE_DEFAULT };
    let mut seen: Vec<&str> = Vec::new();
    for pair in query.unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if seen.contains(&name) {
            return Err(ApiError::say(Code::BadQuery, format!("`{}` stands twice in the query", excerpt(name))));
        }
        match name {
            "limit" => page.limit = limit(value)?,
            "cursor" => page.after = Some(cursor(value)?),
            "order" => page.order = page_order(value)?,
            _ => {
                let text = format!("the query knows limit, cursor and order, but not `{}`", excerpt(name));
                return Err(ApiError::say(Code::BadQuery, text));
            }
        }
        seen.push(name);
    }
    Ok(Some(page))
}

/// Makes sure that there is no body.
pub(super) fn no_body(body: &Incoming) -> Result<(), ApiError> {
    if body.is_end_stream() { Ok(()) } else { Err(ApiError::of(Code::UnexpectedBody)) }
}

/// The reason in a body of `{"reason": "…"}`, without what looks like a secret in it; how long the body is has been judged before.
pub(super) async fn reason(headers: &HeaderMap, body: &mut Incoming, time: Duration) -> Result<String, ApiError> {
    if !is_json(headers) {
        return Err(ApiError::of(Code::NotJson));
    }
    let whole = tokio::time::timeout(time, body.collect()).await.map_err(|_| ApiError::of(Code::BodyTimeout))?;
    let whole = whole.map_err(|error| ApiError::of(Code::BadBody).because(error))?.to_bytes();
    let reason = read_reason(&whole)?;
    // It goes into the ledger, where nothing can be deleted. It is no ground to refuse a halt.
    Ok(without_secrets(reason.as_str()).into_owned())
}

fn read_reason(body: &[u8]) -> Result<Reason, ApiError> {
    let refuse =
        |why: &dyn std::fmt::Display| ApiError::say(Code::BadBody, format!("the body must be {REASON_SHAPE}: {why}"));
    // An array with the value of each field would do for one who reads JSON, and is not what was asked for.
    if body.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(refuse(&"it is not an object"));
    }
    let Reasoned { reason } = serde_json::from_slice(body).map_err(|error| refuse(&error))?;
    reason.parse().map_err(|error: ReasonError| ApiError::say(Code::BadBody, error.to_string()))
}

/// What a part of a path stands for, once `%` and two digits are read as a byte.
pub(super) fn part<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, ApiError> {
    let decoded = decode(text).ok_or(ApiError::say(Code::BadPath, "the path is not UTF-8 in percent-encoding"))?;
    decoded.parse().map_err(|error: T::Err| ApiError::say(Code::BadPath, error.to_string()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else { return false };
    let (kind, parameters) = kind.split_once(';').unwrap_or((kind, ""));
    let parameters = parameters.trim();
    kind.trim().eq_ignore_ascii_case("application/json")
        && (parameters.is_empty() || parameters.eq_ignore_ascii_case("charset=utf-8"))
        && !headers.contains_key(CONTENT_ENCODING)
}

fn limit(value: &str) -> Result<usize, ApiError> {
    plain_number(value)
        .and_then(|number| usize::try_from(number).ok())
        .filter(|number| (1..=PAGE_MAX).contains(number))
        .ok_or_else(|| ApiError::say(Code::BadQuery, format!("`limit` is a whole number from 1 to {PAGE_MAX}")))
}

fn cursor(value: &str) -> Result<u64, ApiError> {
    let number = plain_number(value).filter(|_| value.len() <= CURSOR_DIGITS_MAX);
    number.ok_or_else(|| ApiError::say(Code::BadQuery, "`cursor` is what `next` held in the part before"))
}

fn page_order(value: &str) -> Result<PageOrder, ApiError> {
    match value {
        "newest" => Ok(PageOrder::Newest),
        "oldest" => Ok(PageOrder::Oldest),
        _ => Err(ApiError::say(Code::BadQuery, "`order` is newest or oldest")),
    }
}

fn plain_number(value: &str) -> Option<u64> {
    let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|_| plain)
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        if *byte == b'%' {
            let (digits, after) = after.split_first_chunk()?;
            bytes.push(hex::decode_pair(*digits)?);
            rest = after;
        } else {
            bytes.push(*byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// What a client sent, short and harmless enough to send back.
fn excerpt(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic()).take(EXCERPT_CHARS_MAX).collect()
}

/// Most items in one part of a list.
pub(super) const PAGE_MAX: usize = 500;
/// Most digits of a cursor; any number of so many fits.
pub(super) const CURSOR_DIGITS_MAX: usize = 19;
/// Items in one part of a list, unless asked otherwise.
pub(super) const PAGE_DEFAULT: usize = 100;
const REASON_SHAPE: &str = "{\"reason\": \"…\"}";
const EXCERPT_CHARS_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::InstrumentId;

    fn read(query: &str) -> Result<Page, Code> {
        page(Some(query), Query::PageNewest).map(|page| page.unwrap()).map_err(|error| error.code)
    }

    #[test]
    fn a_page_is_asked_for_in_plain_words() {
        assert_eq!(read(""), Ok(Page { order: PageOrder::Newest, after: None, limit: 100 }));
        assert_eq!(
            read("order=oldest&limit=500&cursor=17"),
            Ok(Page { order: PageOrder::Oldest, after: Some(17), limit: 500 })
        );
        for query in [
            "limit=0",
            "limit=501",
            "limit=-1",
            "limit=+1",
            "limit=",
            "limit",
            "limit=1e2",
            "limit=1&limit=1",
            "cursor=x",
            "cursor=99999999999999999999",
            "cursor=00000000000000000001",
            "order=up",
            "offset=1",
            "limit=%31",
            "limit=1;cursor=2",
        ] {
            assert_eq!(read(query), Err(Code::BadQuery), "{query}");
        }
        assert!(page(None, Query::Nothing).unwrap().is_none());
        assert_eq!(page(Some("a"), Query::Nothing).unwrap_err().code, Code::BadQuery);
    }

    #[test]
    fn a_part_of_a_path_is_decoded_once() {
        assert_eq!(part::<InstrumentId>("BTCUSDT-PERP").unwrap().to_string(), "BTCUSDT-PERP");
        assert_eq!(part::<InstrumentId>("%E5%B8%81USDT").unwrap().to_string(), "币USDT");
        for text in ["%", "%4", "%zz", "%+1", "%ff", "%C3%28", "BTC%00", "%2e%2e%2f", "%2542TC"] {
            assert_eq!(part::<InstrumentId>(text).unwrap_err().code, Code::BadPath, "{text}");
        }
    }

    #[test]
    fn a_reason_is_an_object_with_one_field_that_stands_once() {
        assert_eq!(read_reason(b" {\"reason\": \" lunch \"}\n").unwrap().as_str(), "lunch");
        for body in [
            &b"[\"x\"]"[..],
            b" [\"x\"]",
            b"\"x\"",
            b"null",
            b"1",
            b"",
            b"{}",
            b"{\"reason\":\"a\"} x",
            b"{\"reason\":\"a\"}{}",
            b"{\"reason\":\"a\",\"reason\":\"a\"}",
            b"{\"reason\":\"a\",\"x\":1}",
            b"{\"reason\":[\"a\"]}",
            b"{\"Reason\":\"a\"}",
            b"\xef\xbb\xbf{\"reason\":\"a\"}",
            b"{\"reason\":\"\\ud800\"}",
            b"{\"reason\":\"\xff\"}",
            b"{\"reason\":\"\\u2028\"}",
            b"{\"reason\":\"\\u200b\"}",
        ] {
            assert_eq!(read_reason(body).unwrap_err().code, Code::BadBody, "{}", String::from_utf8_lossy(body));
        }
        let error = read_reason(b"{\"reason\":\"\\u001b[31m\"}").unwrap_err();
        assert_eq!(error.text, "character 1 of the reason is U+001B, a control character; leave it out");
        assert!(read_reason(b"[\"x\"]").unwrap_err().text.ends_with("it is not an object"));
    }

    #[test]
    fn json_is_what_says_so() {
        let says = |kind: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, kind.parse().unwrap());
            is_json(&headers)
        };
        assert!(says("application/json") && says("Application/JSON; charset=UTF-8"));
        assert!(!says("text/plain") && !says("application/json; charset=latin-1") && !says("application/jsonx"));
        assert!(!is_json(&HeaderMap::new()));
    }
}
