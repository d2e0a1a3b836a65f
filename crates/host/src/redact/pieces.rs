//! Secrets cut into pieces, so that they are found in every form they may take in a text.

use std::ops::Range;

use memchr::memmem;
use tradingbot_domain::hex;

/// What must never be written, cut into pieces of eight bytes.
///
/// A piece is enough to be found, so a secret that a message has cut short is found too. The case of letters does not
/// count. A filter of bits says no to almost every place in an ordinary text, at about a nanosecond a byte.
#[derive(Default)]
pub(super) struct Pieces {
    filter: Option<Box<[u64; FILTER_WORDS]>>,
    pieces: Vec<u64>,
    short: Vec<Vec<u8>>,
}

impl Pieces {
    /// A list with nothing on it.
    pub(super) const fn new() -> Self {
        Self { filter: None, pieces: Vec::new(), short: Vec::new() }
    }

    /// Adds a secret: as it is, in hexadecimal and in base 64. Escaped ones are found by taking the escapes away.
    ///
    /// One of fewer than four bytes is not added: it would blot out every text.
    pub(super) fn add(&mut self, secret: &[u8]) {
        if secret.len() < SHORT_BYTES_MIN {
            return;
        }
        let without_backslashes = secret.iter().copied().filter(|byte| *byte != b'\\').collect();
        let mut forms = vec![secret.to_vec(), without_backslashes, hex::encode(secret).into_bytes()];
        for shift in 0..3 {
            let standard = in_base64(secret, shift);
            forms.push(standard.iter().map(|byte| for_url(*byte)).collect());
            forms.push(standard);
        }
        for form in forms {
            if form.len() >= PIECE_BYTES {
                self.pieces.extend(form.windows(PIECE_BYTES).map(piece));
            } else if form.len() >= SHORT_BYTES_MIN {
                self.short.push(form);
            }
        }
        self.pieces.sort_unstable();
        self.pieces.dedup();
        let filter = self.filter.get_or_insert_with(|| Box::new([0; FILTER_WORDS]));
        for piece in &self.pieces {
            let (word, bit) = place(*piece);
            filter[word] |= bit;
        }
    }

    /// Calls `mark` with each place in `text` that belongs to a secret; places may overlap.
    pub(super) fn find(&self, text: &[u8], mut mark: impl FnMut(Range<usize>)) {
        self.find_pieces(text, |at| mark(at..at + PIECE_BYTES));
        for short in &self.short {
            for at in memmem::find_iter(text, short) {
                mark(at..at + short.len());
            }
        }
        if memchr::memchr2(b'%', b'\\', text).is_some() {
            let (plain, places) = without_escapes(text);
            self.find_pieces(&plain, |at| mark(places[at]..places[at + PIECE_BYTES]));
        }
        self.find_in_lists(text, mark);
    }

    /// Whether so many bytes of one form of a secret stand in `text` in a row.
    pub(super) fn has_run(&self, text: &[u8], bytes: usize) -> bool {
        let (mut found, mut begin, mut last) = (false, 0, None);
        self.find_pieces(text, |at| {
            if last.is_none_or(|last| last + 1 != at) {
                begin = at;
            }
            last = Some(at);
            found |= at + PIECE_BYTES - begin >= bytes;
        });
        found
    }

    /// Calls `mark` with the beginning of each piece.
    fn find_pieces(&self, text: &[u8], mut mark: impl FnMut(usize)) {
        let Some(filter) = &self.filter else { return };
        for (at, window) in text.windows(PIECE_BYTES).enumerate() {
            let piece = piece(window);
            let (word, bit) = place(piece);
            if filter[word] & bit != 0 && self.pieces.binary_search(&piece).is_ok() {
                mark(at);
            }
        }
    }

    /// Finds secrets written as a list of numbers, as `Debug` writes bytes: `[104, 117, 110]`, also in hexadecimal.
    fn find_in_lists(&self, text: &[u8], mut mark: impl FnMut(Range<usize>)) {
        if self.filter.is_none() {
            return;
        }
        for start in memchr::memchr_iter(b'[', text) {
            let end = memchr::memchr(b']', &text[start..]).map_or(text.len(), |length| start + length);
            let numbers = || {
                let list = text[start + 1..end].split(|byte| matches!(byte, b',' | b' ' | b'\n'));
                list.filter(|number| !number.is_empty()).map(|number| std::str::from_utf8(number).unwrap_or("x"))
            };
            for radix in [10, 16] {
                let bytes: Vec<u8> = numbers().map_while(|number| u8::from_str_radix(number, radix).ok()).collect();
                self.find_pieces(&bytes, |_| mark(start..end));
            }
        }
    }
}

/// Eight bytes as a number, capitals as small letters (and a few signs as others, which does no harm).
fn piece(window: &[u8]) -> u64 {
    let bytes = window.try_into().expect("a window is as long as it was asked to be");
    u64::from_le_bytes(bytes) | CASE_BITS
}

/// Which bit of the filter stands for a piece.
const fn place(piece: u64) -> (usize, u64) {
    let hash = piece.wrapping_mul(MIXER) >> (64 - FILTER_BITS_LOG2);
    ((hash >> 6) as usize, 1 << (hash & 63))
}

/// The text with `%41` as `A` and without backslashes, and where each byte of it stood; one place more for its end.
fn without_escapes(text: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let (mut plain, mut places) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len() + 1));
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let digits = text[at + 1..].first_chunk().filter(|_| *byte == b'%');
        let decoded = digits.and_then(|digits| hex::decode_pair(*digits));
        if *byte != b'\\' {
            plain.push(decoded.unwrap_or(*byte));
            places.push(at);
        }
        at += if decoded.is_some() { 3 } else { 1 };
    }
    places.push(text.len());
    (plain, places)
}

/// The characters of base 64 that the secret alone decides, when `shift` bytes stand before it.
fn in_base64(secret: &[u8], shift: usize) -> Vec<u8> {
    let mut bytes = vec![0; shift];
    bytes.extend_from_slice(secret);
    let characters: Vec<u8> = bytes
        .chunks(3)
        .flat_map(|three| {
            let number = three.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
            let number = number << (8 * (3 - three.len()));
            (0..=three.len()).map(move |at| BASE64[number >> (18 - 6 * at) & 63])
        })
        .collect();
    let first = (shift * 8).div_ceil(6);
    let last = (bytes.len() * 8) / 6;
    characters[first..last].to_vec()
}

/// The same in the alphabet for URLs and file names.
const fn for_url(character: u8) -> u8 {
    match character {
        b'+' => b'-',
        b'/' => b'_',
        other => other,
    }
}

const PIECE_BYTES: usize = 8;
const SHORT_BYTES_MIN: usize = 4;
const FILTER_BITS_LOG2: u32 = 16;
const FILTER_WORDS: usize = 1 << (FILTER_BITS_LOG2 - 6);
const CASE_BITS: u64 = 0x2020_2020_2020_2020;
/// Spreads a piece over the filter; any odd number with mixed bits does.
const MIXER: u64 = 0x9e37_79b9_7f4a_7c15;
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
