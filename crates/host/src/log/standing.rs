//! The last line of a terminal, which standing text and the lines of the log share.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

/// Text that stands at the end of standard error while something long runs. Lines of the log go above it, and it goes
/// away with this.
#[derive(Debug)]
pub struct Standing(());

impl Standing {
    /// A place for text, when standard error is a terminal that can clear a line.
    #[must_use]
    pub fn new() -> Option<Self> {
        let able = env::var_os("TERM").is_none_or(|term| term != "dumb");
        (able && io::stderr().is_terminal()).then_some(Self(()))
    }

    /// How much fits on the line.
    #[must_use]
    pub fn columns(&self) -> usize {
        let columns = rustix::termios::tcgetwinsize(io::stderr()).map_or(0, |size| usize::from(size.ws_col));
        // In the last column some terminals begin another line.
        if columns == 0 { COLUMNS } else { columns - 1 }
    }

    /// Puts `text`, one line that fits, where the text before it stood.
    pub fn show(&mut self, text: String) {
        let mut standing = STANDING.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = io::stderr().write_all(format!("{CLEAR}{text}").as_bytes());
        *standing = Some(text);
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        clear();
    }
}

/// Takes what stands there away.
pub(super) fn clear() {
    if STANDING.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
        let _ = io::stderr().write_all(CLEAR.as_bytes());
    }
}

/// Standard error for whole lines, which go above what stands there.
pub(super) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let standing = STANDING.lock().unwrap_or_else(PoisonError::into_inner);
        match standing.as_deref() {
            Some(standing) => io::stderr().write_all(&above(standing, lines)).map(|()| lines.len()),
            None => io::stderr().write(lines),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// What puts `lines` where `standing` stood, and that below them.
fn above(standing: &str, lines: &[u8]) -> Vec<u8> {
    [CLEAR.as_bytes(), lines, standing.as_bytes()].concat()
}

/// What stands at the end of standard error.
static STANDING: Mutex<Option<String>> = Mutex::new(None);
/// Back to the start of the line, and nothing on it.
const CLEAR: &str = "\r\x1b[K";
/// Of a terminal that does not say.
const COLUMNS: usize = 79;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_take_the_place_of_what_stood_there_and_it_stands_below_them() {
        assert_eq!(above("12%", b"filled\n"), b"\r\x1b[Kfilled\n12%");
        assert_eq!(above("12%", b"filled\nclosed\n"), b"\r\x1b[Kfilled\nclosed\n12%");
    }
}
