//! Lines of a file, plain or packed with zstd, one at a time and in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memchr;

use super::error::LineFault;

/// Longest line of a CSV file that is read, without its end.
pub const LINE_BYTES_MAX: usize = 1_024;

/// A file as lines. What it is packed with shows by its first bytes, not by its name.
pub(super) struct Lines {
    source: Box<dyn Read + Send>,
    taken: Arc<AtomicU64>,
    taken_before: u64,
    size: Option<u64>,
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
        let size = size(&file);
        let mut head = Vec::with_capacity(MAGIC_BYTES);
        let magic = u64::try_from(MAGIC_BYTES).expect("a handful");
        file.by_ref().take(magic).read_to_end(&mut head).map_err(LinesError::Open)?;
        let named_packed = path.extension().is_some_and(|extension| extension == "zst");
        let taken = Arc::new(AtomicU64::new(0));
        let whole = io::Cursor::new(head.clone()).chain(file);
        let counted = taken.clone();
        let source: Box<dyn Read + Send> = match head.as_slice() {
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
                let inner = BufReader::with_capacity(BUFFER_BYTES, whole);
                Box::new(unpacker(Counted { inner, taken: counted }).map_err(LinesError::Open)?)
            }
            [b'P', b'K', 3, 4] => return Err(refused(LineFault::OtherPacking { format: "a zip archive" })),
            [0x1f, 0x8b, ..] => return Err(refused(LineFault::OtherPacking { format: "packed with gzip" })),
            [] => Box::new(whole),
            _ if named_packed => return Err(refused(LineFault::NotPacked)),
            _ => Box::new(Counted { inner: whole, taken: counted }),
        };
        Ok(Self {
            source,
            taken,
            taken_before: 0,
            size,
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

    /// Bytes of the file, as it lies on disk; `None` when it is no file with an end.
    pub(super) const fn size(&self) -> Option<u64> {
        self.size
    }

    /// Bytes of the file that the lines so far took; of a packed one about as many.
    pub(super) fn position(&self) -> u64 {
        let taken = self.taken.load(Ordering::Relaxed);
        let share = |part: usize| u64::try_from(part).unwrap_or(u64::MAX);
        let of_buffer = (taken - self.taken_before).saturating_mul(share(self.start));
        self.taken_before + of_buffer.checked_div(share(self.end)).unwrap_or(0)
    }

    /// Moves what is left to the front and reads on behind it.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        self.taken_before = self.taken.load(Ordering::Relaxed);
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

/// Bytes that whoever reads has taken.
struct Counted<R> {
    inner: R,
    taken: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    fn count(&self, bytes: usize) {
        self.taken.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.inner.consume(bytes);
        self.count(bytes);
    }
}

/// Bytes of a file on disk; a pipe or a device has no end that one could know.
pub(super) fn size(file: &File) -> Option<u64> {
    file.metadata().ok().filter(std::fs::Metadata::is_file).map(|about| about.len())
}

fn refused(fault: LineFault) -> LinesError {
    LinesError::Line(1, fault)
}

fn unpacker(packed: impl BufRead + Send + 'static) -> io::Result<impl Read + Send> {
    let mut decoder = zstd::Decoder::with_buffer(packed)?;
    decoder.window_log_max(WINDOW_LOG_MAX)?;
    Ok(decoder)
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const MAGIC_BYTES: usize = 4;
const BUFFER_BYTES: usize = 256 * 1_024;

/// A packed file may ask for this much memory, as a power of two: 128 MiB, what `zstd --long` makes.
const WINDOW_LOG_MAX: u32 = 27;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_goes_from_the_start_of_a_file_to_its_end_packed_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let text: String = (0..100_000).map(|number| format!("{number},{}\n", number * 7 % 13)).collect();
        for packed in [false, true] {
            let path = folder.path().join("file");
            let bytes = if packed { zstd::encode_all(text.as_bytes(), 1).unwrap() } else { text.clone().into_bytes() };
            std::fs::write(&path, &bytes).unwrap();
            let mut lines = Lines::open(&path).unwrap();
            let size = u64::try_from(bytes.len()).unwrap();
            assert_eq!((lines.size(), lines.position()), (Some(size), 0));
            let mut last = 0;
            while let Some((number, _)) = lines.next_line().unwrap() {
                let position = lines.position();
                assert!(position >= last, "line {number}");
                if number == 50_000 {
                    assert!(position > size / 3 && position < size * 2 / 3, "{position} of {size}");
                }
                last = position;
            }
            assert_eq!(lines.position(), size);
        }
    }

    #[test]
    fn a_device_has_no_size() {
        assert_eq!(Lines::open(Path::new("/dev/null")).unwrap().size(), None);
    }
}
