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
use crate::log::without_secrets;

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
    let Reasoned { reason } = serde_json::from_slice(&whole)
        .map_err(|error| ApiError::say(Code::BadBody, format!("the body must be {REASON_SHAPE}: {error}")))?;
    let reason = reason.trim();
    let length = reason.chars().count();
    if length == 0 || length > REASON_CHARS_MAX || reason.chars().any(char::is_control) {
        let text = format!("the reason must have 1 to {REASON_CHARS_MAX} characters and no line ends");
        return Err(ApiError::say(Code::BadBody, text));
    }
    // It goes into the ledger, where nothing can be deleted. It is no ground to refuse a halt.
    Ok(without_secrets(reason).into_owned())
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
    plain_number(value).ok_or_else(|| ApiError::say(Code::BadQuery, "`cursor` is what `next` held in the part before"))
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
            let (digits, after) = after.split_at_checked(2)?;
            let digits =
                std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|d| d.is_ascii_hexdigit()))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
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
/// Items in one part of a list, unless asked otherwise.
pub(super) const PAGE_DEFAULT: usize = 100;
/// Longest reason.
pub(super) const REASON_CHARS_MAX: usize = 200;
const REASON_SHAPE: &str = "{\"reason\": \"…\"}";
const EXCERPT_CHARS_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Symbol;

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
        assert_eq!(part::<Symbol>("BTCUSDT").unwrap().as_str(), "BTCUSDT");
        assert_eq!(part::<Symbol>("%E5%B8%81USDT").unwrap().as_str(), "币USDT");
        for text in ["%", "%4", "%zz", "%+1", "%ff", "%C3%28", "BTC%00", "%2e%2e%2f", "%2542TC"] {
            assert_eq!(part::<Symbol>(text).unwrap_err().code, Code::BadPath, "{text}");
        }
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
