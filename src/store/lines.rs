//! Lines of a file, plain or packed with zstd, one at a time and in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memchr;

use super::error::LineFault;
use super::foreign::{self, Foreign};
use super::open::open_file;

/// Longest line of a CSV file that is read, without its end.
pub const LINE_BYTES_MAX: usize = 1_024;

/// Most empty lines in a row that are passed over, at the end of a file: a packed file of a few bytes can have any number.
pub const BLANK_LINES_MAX: u64 = 1_000;

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
    head: Vec<u8>,
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
        let mut file = open_file(path).map_err(LinesError::Open)?;
        let size = size(&file);
        let mut head = Vec::with_capacity(MAGIC_BYTES);
        let magic = u64::try_from(MAGIC_BYTES).expect("a handful");
        file.by_ref().take(magic).read_to_end(&mut head).map_err(LinesError::Open)?;
        let named_packed = path.extension().is_some_and(|extension| extension == "zst");
        let taken = Arc::new(AtomicU64::new(0));
        let whole = io::Cursor::new(head.clone()).chain(file);
        let counted = taken.clone();
        if let Some(format) = foreign::packing_of(&head) {
            return Err(refused(LineFault::OtherPacking { format }));
        }
        let source: Box<dyn Read + Send> = match head.as_slice() {
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                let inner = BufReader::with_capacity(BUFFER_BYTES, whole);
                Box::new(unpacker(Counted { inner, taken: counted }).map_err(LinesError::Open)?)
            }
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
            head: Vec::new(),
            drained: false,
            unended: false,
            line_bytes_max,
        })
    }

    /// Reads the first bytes, unpacked, and refuses what they show to be no text.
    fn look_at_head(&mut self) -> Result<(), LinesError> {
        while self.end < HEAD_BYTES && !self.drained {
            self.fill().map_err(|error| LinesError::Read(1, error))?;
        }
        let head = self.buffer.get(..self.end.min(HEAD_BYTES)).expect("end stays inside the buffer");
        self.head = head.to_vec();
        match foreign::binary_of(head) {
            Some(kind) => Err(refused(LineFault::Foreign { kind })),
            None => Ok(()),
        }
    }

    /// What is wrong with the line that was read last: among the first ones of a file that shows to be of another kind than
    /// `own`, that, and not `fault`.
    #[cold]
    pub(super) fn explain(&self, fault: LineFault, own: Foreign) -> LineFault {
        let kind = if self.number <= FOREIGN_LINES_MAX { self.foreign() } else { None };
        kind.filter(|kind| *kind != own).map_or(fault, |kind| LineFault::Foreign { kind })
    }

    /// What the first lines show the file to be, once one was read; `None` when they look like nothing that is known.
    pub(super) fn foreign(&self) -> Option<Foreign> {
        foreign::text_of(&self.head)
    }

    /// The next line with its number, without its end (`\n` or `\r\n`); `None` after the last one. Empty lines are
    /// passed over at the end of the file and refused before it.
    pub(super) fn next_line(&mut self) -> Result<Option<(u64, &[u8])>, LinesError> {
        if self.number == 0 {
            self.look_at_head()?;
        }
        let range = loop {
            let Some(range) = self.advance()? else { return Ok(None) };
            if !range.is_empty() {
                break range;
            }
            let first = *self.blank.get_or_insert(self.number);
            if self.number - first >= BLANK_LINES_MAX {
                return Err(LinesError::Line(first, LineFault::ManyBlank));
            }
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

    /// The same for a line that could not be had at all.
    #[cold]
    pub(super) fn explain_error(&self, error: LinesError, own: Foreign) -> LinesError {
        match error {
            LinesError::Line(line, fault @ LineFault::TooLong) => LinesError::Line(line, self.explain(fault, own)),
            LinesError::Line(line, LineFault::Blank) => {
                let kind = self.foreign().filter(|kind| !kind.is_ours() && line == 1);
                LinesError::Line(line, kind.map_or(LineFault::Blank, |kind| LineFault::Foreign { kind }))
            }
            LinesError::Open(_) | LinesError::Read(..) | LinesError::Line(..) => error,
        }
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
const MAGIC_BYTES: usize = 16;
/// So much of a file's start is kept, to tell what it is.
const HEAD_BYTES: usize = 1_024;
/// A file of another kind shows within so many lines.
const FOREIGN_LINES_MAX: u64 = 2;
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
    fn what_is_no_ordinary_file_is_refused_for_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        for (path, said) in [
            (pipe.as_path(), "it is a pipe, which may never end"),
            (&link, "it is a pipe, which may never end"),
            (&socket, "it is a socket, not a file"),
            (folder.path(), "it is a folder; name the files in it"),
            (Path::new("/dev/zero"), "it is a device, not a file"),
        ] {
            let Err(LinesError::Open(error)) = Lines::open(path) else { panic!("{} was opened", path.display()) };
            assert!(error.to_string().starts_with(said), "{}: {error}", path.display());
        }
    }

    #[test]
    fn empty_lines_at_the_end_are_passed_over_up_to_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let most = usize::try_from(BLANK_LINES_MAX).unwrap();
        for (blank, refused) in [(0, false), (most, false), (most + 1, true)] {
            for end in ["\n", "\r\n"] {
                std::fs::write(&path, format!("1,2{end}{}", end.repeat(blank))).unwrap();
                let mut lines = Lines::open(&path).unwrap();
                assert_eq!(lines.next_line().unwrap(), Some((1, b"1,2".as_slice())));
                let limit = matches!(lines.next_line(), Err(LinesError::Line(2, LineFault::ManyBlank)));
                assert_eq!(limit, refused, "{blank}");
            }
        }
    }

    #[test]
    fn what_unpacks_to_nothing_without_end_ends_at_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.csv.zst");
        for (filling, limit) in [(b'\n', LineFault::ManyBlank), (b'1', LineFault::TooLong)] {
            let mut packer = zstd::Encoder::new(File::create(&path).unwrap(), 1).unwrap();
            io::copy(&mut io::repeat(filling).take(1 << 28), &mut packer).unwrap();
            packer.finish().unwrap();
            let mut lines = Lines::open(&path).unwrap();
            let Err(LinesError::Line(1, fault)) = lines.next_line() else { panic!("line 1 was taken") };
            assert_eq!(fault, limit);
            assert!(lines.taken.load(Ordering::Relaxed) < 1 << 20, "most of it was never read");
        }
    }
}
