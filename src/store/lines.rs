//! Lines of a file, plain or packed with zstd, one at a time and in bounded memory.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::path::Path;

use memchr::memchr;

use super::error::LineFault;

/// Longest line of a CSV file that is read, without its end.
pub const LINE_BYTES_MAX: usize = 1_024;

/// A file as lines. What it is packed with shows by its first bytes, not by its name.
pub(super) struct Lines {
    source: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    number: u64,
    blank: Option<u64>,
    drained: bool,
    unended: bool,
    line_bytes_max: usize,
}

/// Why there is no next line.
#[derive(Debug)]
pub(super) enum LinesError {
    /// The file cannot be opened.
    Open(io::Error),
    /// The operating system or the unpacker says no at this line.
    Read(u64, io::Error),
    /// What stands on this line is no row.
    Line(u64, LineFault),
}

impl Lines {
    /// Opens a file of short lines and looks at its first bytes.
    pub(super) fn open(path: &Path) -> Result<Self, LinesError> {
        Self::open_with(path, LINE_BYTES_MAX)
    }

    /// Opens a file whose lines have up to `line_bytes_max` bytes without their end.
    pub(super) fn open_with(path: &Path, line_bytes_max: usize) -> Result<Self, LinesError> {
        let mut file = File::open(path).map_err(LinesError::Open)?;
        let mut head = Vec::with_capacity(MAGIC_BYTES);
        let magic = u64::try_from(MAGIC_BYTES).expect("a handful");
        file.by_ref().take(magic).read_to_end(&mut head).map_err(LinesError::Open)?;
        let named_packed = path.extension().is_some_and(|extension| extension == "zst");
        let whole = io::Cursor::new(head.clone()).chain(file);
        let source: Box<dyn Read + Send> = match head.as_slice() {
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
                Box::new(unpacker(whole).map_err(LinesError::Open)?)
            }
            [b'P', b'K', 3, 4] => return Err(refused(LineFault::OtherPacking { format: "a zip archive" })),
            [0x1f, 0x8b, ..] => return Err(refused(LineFault::OtherPacking { format: "packed with gzip" })),
            [] => Box::new(whole),
            _ if named_packed => return Err(refused(LineFault::NotPacked)),
            _ => Box::new(whole),
        };
        Ok(Self {
            source,
            buffer: vec![0; BUFFER_BYTES + line_bytes_max],
            start: 0,
            end: 0,
            number: 0,
            blank: None,
            drained: false,
            unended: false,
            line_bytes_max,
        })
    }

    /// The next line with its number, without its end (`\n` or `\r\n`); `None` after the last one. Empty lines are
    /// passed over at the end of the file and refused before it.
    pub(super) fn next_line(&mut self) -> Result<Option<(u64, &[u8])>, LinesError> {
        let range = loop {
            let Some(range) = self.advance()? else { return Ok(None) };
            if !range.is_empty() {
                break range;
            }
            self.blank = self.blank.or(Some(self.number));
        };
        if let Some(blank) = self.blank {
            return Err(LinesError::Line(blank, LineFault::Blank));
        }
        let line = self.buffer.get(range).expect("a line lies inside the buffer");
        Ok(Some((self.number, line)))
    }

    /// Finds the next line and says where in the buffer it lies.
    fn advance(&mut self) -> Result<Option<Range<usize>>, LinesError> {
        let len = loop {
            let window = self.buffer.get(self.start..self.end).expect("start and end stay inside the buffer");
            match memchr(b'\n', window) {
                Some(len) => break len,
                None if self.drained && window.is_empty() => return Ok(None),
                None if self.drained || window.len() > self.line_bytes_max + 1 => {
                    self.unended = true;
                    break window.len();
                }
                None => self.fill().map_err(|error| LinesError::Read(self.number + 1, error))?,
            }
        };
        self.number += 1;
        let (mut from, mut to) = (self.start, self.start + len);
        self.start = self.end.min(to + 1);
        let line = self.buffer.get(from..to).expect("a line lies inside the buffer");
        if self.number == 1 && line.starts_with(BYTE_ORDER_MARK) {
            from += BYTE_ORDER_MARK.len();
        }
        if line.ends_with(b"\r") {
            to -= 1;
        }
        if to - from > self.line_bytes_max {
            return Err(LinesError::Line(self.number, LineFault::TooLong));
        }
        Ok(Some(from..to))
    }

    /// Number of the line that was read last, counted from 1; 0 before the first.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Whether the line that was read last, being the last of the file, has no line end: it may be cut off.
    pub(super) const fn is_unended(&self) -> bool {
        self.unended
    }

    /// Moves what is left to the front and reads on behind it.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let free = self.buffer.get_mut(self.end..).expect("end stays inside the buffer");
        match self.source.read(free) {
            Ok(0) => self.drained = true,
            Ok(read) => self.end += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn refused(fault: LineFault) -> LinesError {
    LinesError::Line(1, fault)
}

fn unpacker(packed: impl Read + Send + 'static) -> io::Result<impl Read + Send> {
    let mut decoder = zstd::Decoder::with_buffer(BufReader::with_capacity(BUFFER_BYTES, packed))?;
    decoder.window_log_max(WINDOW_LOG_MAX)?;
    Ok(decoder)
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const MAGIC_BYTES: usize = 4;
const BUFFER_BYTES: usize = 256 * 1_024;

/// A packed file may ask for this much memory, as a power of two: 128 MiB, what `zstd --long` makes.
const WINDOW_LOG_MAX: u32 = 27;
