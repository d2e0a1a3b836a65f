//! One secret, and what a text must be to be one.

use std::fmt;
use std::io::{self, Read};

use secrecy::zeroize::{Zeroize, Zeroizing};
use secrecy::{ExposeSecret, SecretSlice};
use thiserror::Error;

/// A secret: lends its bytes to a closure and does nothing else with them.
///
/// It wipes itself when dropped, cannot be copied, shown or written out, and is printable ASCII.
pub struct Secret(SecretSlice<u8>);

impl Secret {
    /// A secret from what a file or variable holds; a line end after it is not part of it.
    ///
    /// # Errors
    ///
    /// It is empty, too long, or has blanks around it or characters that cannot be printed. No error shows any of it.
    pub fn parse(raw: &[u8]) -> Result<Self, ParseSecretError> {
        let bytes = raw.strip_suffix(b"\n").unwrap_or(raw);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if bytes.is_empty() {
            return Err(ParseSecretError::Empty);
        }
        if bytes.len() > SECRET_BYTES_MAX {
            return Err(ParseSecretError::Long);
        }
        if bytes.starts_with(b" ") || bytes.ends_with(b" ") {
            return Err(ParseSecretError::Blank);
        }
        if let Some(at) = bytes.iter().position(|byte| !matches!(byte, b' '..=b'~')) {
            return Err(ParseSecretError::Unprintable { position: at + 1 });
        }
        // Exactly as long as it is: a buffer that shrinks would leave a copy behind.
        let mut exact = vec![0; bytes.len()];
        exact.copy_from_slice(bytes);
        Ok(Self(SecretSlice::from(exact)))
    }

    /// A secret from all that `from` holds; a line end after it is not part of it.
    ///
    /// # Errors
    ///
    /// It cannot be read, or what it holds is no secret.
    pub fn read(from: impl Read) -> Result<Self, ReadSecretError> {
        let raw = read_wiped(from, SECRET_BYTES_MAX + LINE_END_BYTES)?;
        Ok(Self::parse(&raw.ok_or(ParseSecretError::Long)?)?)
    }

    /// Lends the bytes to `borrower`.
    pub fn expose<T>(&self, borrower: impl FnOnce(&[u8]) -> T) -> T {
        borrower(self.0.expose_secret())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Why a text is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ParseSecretError {
    /// Nothing.
    #[error("is empty")]
    Empty,
    /// More than any key or token.
    #[error("is longer than {SECRET_BYTES_MAX} bytes")]
    Long,
    /// Copied with a blank too many.
    #[error("begins or ends with a blank")]
    Blank,
    /// A character that no key or token has.
    #[error("has something other than printable ASCII at character {position}")]
    Unprintable {
        /// Which, counted from 1.
        position: usize,
    },
}

/// Why no secret could be read.
#[derive(Debug, Error)]
pub enum ReadSecretError {
    /// The source fails.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It holds something else.
    #[error("it {0}")]
    Value(#[from] ParseSecretError),
}

/// Reads at most `limit` bytes into memory that wipes itself; `None` when there is more.
pub(super) fn read_wiped(mut from: impl Read, limit: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    // One byte more than allowed, and never grown: a buffer that grows leaves copies behind.
    let mut buffer = Zeroizing::new(vec![0; limit + 1]);
    let mut filled = 0;
    loop {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if filled > limit {
        return Ok(None);
    }
    buffer[filled..].zeroize();
    buffer.truncate(filled);
    Ok(Some(buffer))
}

/// The longest secret, in bytes; keys of the exchange have 64, Telegram's tokens 46.
pub const SECRET_BYTES_MAX: usize = 1_024;
pub(super) const LINE_END_BYTES: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_not_part_of_the_secret() {
        for raw in ["abc", "abc\n", "abc\r\n"] {
            assert_eq!(Secret::parse(raw.as_bytes()).unwrap().expose(<[u8]>::to_vec), b"abc");
        }
        assert_eq!(Secret::parse(b"abc\n\n").unwrap_err(), ParseSecretError::Unprintable { position: 4 });
    }

    #[test]
    fn what_no_key_looks_like_is_refused() {
        assert_eq!(Secret::parse(b"\n").unwrap_err(), ParseSecretError::Empty);
        assert_eq!(Secret::parse(b" abc").unwrap_err(), ParseSecretError::Blank);
        assert_eq!(Secret::parse(b"abc \n").unwrap_err(), ParseSecretError::Blank);
        assert_eq!(Secret::parse("a\u{e9}".as_bytes()).unwrap_err(), ParseSecretError::Unprintable { position: 2 });
        assert_eq!(Secret::parse(&[b'a'; SECRET_BYTES_MAX + 1]).unwrap_err(), ParseSecretError::Long);
        assert!(Secret::parse(&[b'a'; SECRET_BYTES_MAX]).is_ok());
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::parse(b"hunter2").unwrap()), "Secret(..)");
    }

    #[test]
    fn reading_stops_at_the_limit() {
        assert_eq!(read_wiped(&b"abcd"[..], 4).unwrap().unwrap().as_slice(), b"abcd");
        assert!(read_wiped(&b"abcde"[..], 4).unwrap().is_none());
        assert!(read_wiped(std::io::repeat(b'a'), 1_000).unwrap().is_none());
    }
}
