//! The head of a request, byte by byte, stricter than the standard asks: two readers must never see two requests.

use super::problem::Code;

/// Looks for the end of a head while it arrives, and refuses it at the first byte that no head may hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Scanner {
    /// Bytes that are in order.
    checked: usize,
    /// Where the line begins.
    line: usize,
    /// Lines that are over.
    lines: usize,
}

/// What a head says about what comes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Framing {
    /// Bytes of the body.
    pub(super) body: usize,
}

impl Scanner {
    /// Looks on through `bytes`, of which it has seen the beginning before; gives the length of the head once it is whole.
    pub(super) fn look(&mut self, bytes: &[u8]) -> Result<Option<usize>, Code> {
        loop {
            let fresh = bytes.get(self.checked..).unwrap_or_default();
            let Some(len) = memchr::memchr(b'\n', fresh) else {
                // A carriage return in the end may be the beginning of a line end.
                let part = fresh.strip_suffix(b"\r").unwrap_or(fresh);
                self.check(part)?;
                return Ok(None);
            };
            let part = fresh.get(..len).and_then(|line| line.strip_suffix(b"\r")).ok_or(Code::Malformed)?;
            self.check(part)?;
            let empty = self.checked == self.line;
            self.checked += 2;
            self.line = self.checked;
            if empty {
                return if self.lines == 0 { Err(Code::Malformed) } else { Ok(Some(self.checked)) };
            }
            self.lines += 1;
            if self.lines > HEADERS_MAX + 1 {
                return Err(Code::HeadTooLarge);
            }
        }
    }

    /// Checks the next bytes of a line.
    fn check(&mut self, part: &[u8]) -> Result<(), Code> {
        // Without a way out in the middle, so that many bytes are looked at in one step.
        let plain = if self.lines == 0 {
            part.iter().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'))
        } else {
            part.iter().fold(true, |plain, byte| plain & matches!(byte, b'\t' | b' '..=b'~' | 0x80..=0xff))
        };
        if !plain {
            return Err(Code::Malformed);
        }
        self.checked += part.len();
        if self.lines == 0 && self.checked > REQUEST_LINE_BYTES_MAX {
            return Err(Code::UriTooLong);
        }
        if self.checked > HEAD_BYTES_MAX {
            return Err(Code::HeadTooLarge);
        }
        Ok(())
    }
}

impl Framing {
    /// Reads a whole head, which ends in an empty line.
    pub(super) fn read(head: &[u8], body_bytes_max: usize) -> Result<Self, Code> {
        let (line, mut rest) = first_line(head);
        let http_11 = request_line(line)?;
        let mut seen = Seen::default();
        let mut length = None;
        loop {
            let (line, after) = first_line(rest);
            rest = after;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_at(leading(line, TOKEN));
            let value = value.strip_prefix(b":").filter(|_| !name.is_empty()).ok_or(Code::Malformed)?.trim_ascii();
            let Some(single) = Single::of(name) else { continue };
            if !seen.first(single) {
                return Err(if single == Single::Host { Code::BadHost } else { single.repeated() });
            }
            match single {
                Single::Host if !is_host(value) => return Err(Code::BadHost),
                Single::ContentLength => length = Some(content_length(value)?),
                Single::Expect if !value.eq_ignore_ascii_case(b"100-continue") => return Err(Code::ExpectationFailed),
                Single::Host
                | Single::Expect
                | Single::TransferEncoding
                | Single::Authorization
                | Single::ContentType
                | Single::RequestId
                | Single::LastEventId => {}
            }
        }
        if http_11 && !seen.has(Single::Host) {
            return Err(Code::BadHost);
        }
        match (seen.has(Single::TransferEncoding), length) {
            (true, Some(_)) => Err(Code::FramingConflict),
            (true, None) => Err(Code::LengthRequired),
            (false, Some(body)) if body > body_bytes_max => Err(Code::BodyTooLarge),
            (false, length) => Ok(Self { body: length.unwrap_or(0) }),
        }
    }
}

/// Headers that may stand once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Single {
    Host,
    ContentLength,
    TransferEncoding,
    Authorization,
    ContentType,
    RequestId,
    Expect,
    LastEventId,
}

impl Single {
    fn of(name: &[u8]) -> Option<Self> {
        let (known, single): (&[u8], _) = match name.len() {
            4 => (b"host", Self::Host),
            6 => (b"expect", Self::Expect),
            12 if name.first().is_some_and(|byte| matches!(byte, b'x' | b'X')) => (b"x-request-id", Self::RequestId),
            12 => (b"content-type", Self::ContentType),
            13 if name.first().is_some_and(|byte| matches!(byte, b'l' | b'L')) => (b"last-event-id", Self::LastEventId),
            13 => (b"authorization", Self::Authorization),
            14 => (b"content-length", Self::ContentLength),
            17 => (b"transfer-encoding", Self::TransferEncoding),
            _ => return None,
        };
        name.eq_ignore_ascii_case(known).then_some(single)
    }

    const fn repeated(self) -> Code {
        match self {
            Self::ContentLength | Self::TransferEncoding => Code::FramingConflict,
            Self::Host
            | Self::Authorization
            | Self::ContentType
            | Self::RequestId
            | Self::Expect
            | Self::LastEventId => Code::HeaderRepeated,
        }
    }
}

#[derive(Debug, Default)]
struct Seen(u8);

impl Seen {
    fn first(&mut self, single: Single) -> bool {
        let first = !self.has(single);
        self.0 |= Self::bit(single);
        first
    }

    const fn has(&self, single: Single) -> bool {
        self.0 & Self::bit(single) != 0
    }

    const fn bit(single: Single) -> u8 {
        1 << match single {
            Single::Host => 0,
            Single::ContentLength => 1,
            Single::TransferEncoding => 2,
            Single::Authorization => 3,
            Single::ContentType => 4,
            Single::RequestId => 5,
            Single::Expect => 6,
            Single::LastEventId => 7,
        }
    }
}

/// A line without its end, and what comes after it.
fn first_line(text: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
    let (line, rest) = text.split_at(end);
    (line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..).unwrap_or_default())
}

/// Whether it speaks HTTP/1.1, or an error when it speaks neither that nor HTTP/1.0.
fn request_line(line: &[u8]) -> Result<bool, Code> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Code::Malformed);
    };
    let plain = !method.is_empty() && method.len() <= METHOD_BYTES_MAX;
    if !plain || leading(method, TOKEN) < method.len() || !is_target(target) {
        return Err(Code::Malformed);
    }
    match version {
        b"HTTP/1.1" => Ok(true),
        b"HTTP/1.0" => Ok(false),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => Err(Code::VersionUnsupported),
        _ => Err(Code::Malformed),
    }
}

/// A path with its query, `*`, or a whole address as proxies are sent it. No fragment, which nobody should send.
fn is_target(target: &[u8]) -> bool {
    let plain = leading(target, TARGET) == target.len();
    let whole = || hyper::Uri::try_from(target).is_ok_and(|uri| uri.scheme().is_some());
    plain && (target.first() == Some(&b'/') || target == b"*" || whole())
}

fn content_length(value: &[u8]) -> Result<usize, Code> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Code::FramingConflict);
    }
    // What does not fit a number is larger than any body that is taken.
    std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok()).ok_or(Code::BodyTooLarge)
}

/// A name or address, maybe with a port; nothing that could be taken for a path, a list or a user.
fn is_host(value: &[u8]) -> bool {
    !value.is_empty() && value.len() <= HOST_BYTES_MAX && leading(value, HOST) == value.len()
}

/// How many of the first bytes are of a class.
fn leading(text: &[u8], class: u8) -> usize {
    text.iter().position(|byte| CLASSES[usize::from(*byte)] & class == 0).unwrap_or(text.len())
}

/// May stand in a method or the name of a header.
const TOKEN: u8 = 1;
/// May stand in what a request is for.
const TARGET: u8 = 2;
/// May stand in a host.
const HOST: u8 = 4;
/// What each byte may stand in.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    loop {
        let (mut class, alphanumeric) = (0, byte.is_ascii_alphanumeric());
        if alphanumeric || holds(b"!#$%&'*+-.^_`|~", byte) {
            class |= TOKEN;
        }
        if alphanumeric || holds(b"-._~%!$&'()*+,;=:@/?[]", byte) {
            class |= TARGET;
        }
        if alphanumeric || holds(b".-_:[]", byte) {
            class |= HOST;
        }
        classes[byte as usize] = class;
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    classes
};

const fn holds(bytes: &[u8], wanted: u8) -> bool {
    match bytes {
        [first, rest @ ..] => *first == wanted || holds(rest, wanted),
        [] => false,
    }
}

/// Largest head, request line and headers together.
pub(super) const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Most headers.
pub(super) const HEADERS_MAX: usize = 64;
const REQUEST_LINE_BYTES_MAX: usize = 2 * 1024;
const METHOD_BYTES_MAX: usize = 16;
const HOST_BYTES_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(text: &str) -> Result<Option<usize>, Code> {
        let bytes = text.as_bytes();
        match Scanner::default().look(bytes)? {
            Some(len) => Framing::read(&bytes[..len], 1_000).map(|framing| Some(framing.body)),
            None => Ok(None),
        }
    }

    #[test]
    fn an_ordinary_head_is_taken_with_the_length_of_its_body() {
        assert_eq!(judge("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(Some(0)));
        assert_eq!(
            judge("POST / HTTP/1.1\r\nhost: [::1]:80\r\ncontent-LENGTH:  12 \r\nx: \t\u{e4}\r\n\r\n"),
            Ok(Some(12))
        );
        assert_eq!(judge("GET / HTTP/1.0\r\nA: b\r\n\r\n"), Ok(Some(0)));
        assert_eq!(judge("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(Some(0)));
        assert_eq!(judge("GET http://a:80/b?c HTTP/1.1\r\nHost: a:80\r\n\r\n"), Ok(Some(0)));
        assert_eq!(judge("GET / HTTP/1.1\r\nHost: a\r\n"), Ok(None));
    }

    #[test]
    fn a_head_is_the_same_however_it_is_cut() {
        let text = b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n\r\nrest";
        let whole = Scanner::default().look(text).unwrap();
        let mut scanner = Scanner::default();
        let cut = (1..=text.len()).find_map(|len| scanner.look(&text[..len]).unwrap());
        assert_eq!((whole, cut), (Some(text.len() - 4), Some(text.len() - 4)));
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for (rest, code) in [
            ("GET / HTTP/1.1\nHost: a\n\n", Code::Malformed),
            ("GET / HTTP/1.1\r\nHost: a\n\r\n", Code::Malformed),
            ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", Code::Malformed),
            ("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n", Code::Malformed),
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", Code::Malformed),
            ("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", Code::Malformed),
            ("GET / HTTP/1.1\r\nHost: a\r\nA: \0\r\n\r\n", Code::Malformed),
            ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Code::Malformed),
            ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", Code::Malformed),
            ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", Code::Malformed),
            ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", Code::Malformed),
            ("GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", Code::Malformed),
            ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", Code::Malformed),
            ("GET http://[/ HTTP/1.1\r\nHost: a\r\n\r\n", Code::Malformed),
            ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", Code::Malformed),
            ("GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n", Code::Malformed),
            ("GET /\r\n\r\n", Code::Malformed),
            ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Code::Malformed),
            ("\u{16}\u{3}\u{1}", Code::Malformed),
            ("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", Code::Malformed),
            ("GET / http/1.1\r\nHost: a\r\n\r\n", Code::Malformed),
            ("GET / HTTP/2.0\r\n\r\n", Code::VersionUnsupported),
            ("GET / HTTP/1.1\r\nA: b\r\n\r\n", Code::BadHost),
            ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Code::BadHost),
            ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Code::BadHost),
            ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Code::BadHost),
            ("GET / HTTP/1.1\r\nHost: u@b\r\n\r\n", Code::BadHost),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Code::BadHost),
            ("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nauthorization: x\r\n\r\n", Code::HeaderRepeated),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", Code::FramingConflict),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", Code::FramingConflict),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", Code::FramingConflict),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", Code::FramingConflict),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                Code::FramingConflict,
            ),
            ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", Code::LengthRequired),
            ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n", Code::LengthRequired),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", Code::BodyTooLarge),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", Code::BodyTooLarge),
            ("GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", Code::ExpectationFailed),
        ] {
            assert_eq!(judge(rest), Err(code), "{rest:?}");
        }
    }

    #[test]
    fn what_is_too_much_is_refused_before_it_is_whole() {
        assert_eq!(judge(&format!("GET /{}", "a".repeat(3_000))), Err(Code::UriTooLong));
        assert_eq!(judge(&format!("GET / HTTP/1.1\r\nA: {}", "a".repeat(17_000))), Err(Code::HeadTooLarge));
        assert_eq!(judge(&format!("GET / HTTP/1.1\r\n{}", "a: b\r\n".repeat(65))), Err(Code::HeadTooLarge));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0_u8..=255, 0..600)) {
            let _ = Scanner::default().look(&bytes);
            let _ = Framing::read(&bytes, 1_000);
        }
    }
}
