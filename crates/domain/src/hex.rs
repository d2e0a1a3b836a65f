//! Bytes in hexadecimal and back, without a branch or a look-up that depends on them: some are of keys and tokens.

/// Two lower-case digits for each byte.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(digit(byte >> 4)));
        text.push(char::from(digit(byte & 15)));
    }
    text
}

/// The bytes of what [`encode`] wrote: two lower-case digits for each of `N`. `None` for anything else.
#[must_use]
pub fn decode<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    let mut bad = 0;
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (value(*high), value(*low));
        bad |= (high | low) & BAD;
        *byte = (high & 15) << 4 | low & 15;
    }
    (bad == 0).then_some(bytes)
}

/// The byte of two digits of any case, as a URL has them behind a `%`.
#[must_use]
pub fn decode_pair([high, low]: [u8; 2]) -> Option<u8> {
    decode::<1>(&[high.to_ascii_lowercase(), low.to_ascii_lowercase()]).map(|[byte]| byte)
}

/// Fills `into` with the lowest digits of `number`, with zeros in front.
pub fn write_digits(into: &mut [u8], mut number: u64) {
    for place in into.iter_mut().rev() {
        let [.., lowest] = number.to_be_bytes();
        *place = digit(lowest & 15);
        number >>= 4;
    }
}

/// The digit of a value under 16.
const fn digit(value: u8) -> u8 {
    b'0' + value + (is_under(9, value) & (b'a' - b'9' - 1))
}

/// The value of a lower-case digit; [`BAD`] is set in that of anything else.
const fn value(digit: u8) -> u8 {
    let (decimal, letter) = (digit.wrapping_sub(b'0'), digit.wrapping_sub(b'a'));
    let (is_decimal, is_letter) = (is_under(decimal, 10), is_under(letter, 6));
    (decimal & is_decimal) | (letter.wrapping_add(10) & is_letter) | (BAD & !(is_decimal | is_letter))
}

/// All bits when `value` is under `limit`, none otherwise.
const fn is_under(value: u8, limit: u8) -> u8 {
    let [sign, _] = (value_of(value) - value_of(limit)).to_be_bytes();
    sign
}

const fn value_of(byte: u8) -> i16 {
    i16::from_be_bytes([0, byte])
}

/// No digit.
const BAD: u8 = 1 << 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_written_as_two_digits_and_read_back() {
        for byte in 0..=u8::MAX {
            let text = encode(&[byte]);
            assert_eq!(text, format!("{byte:02x}"));
            assert_eq!(decode::<1>(text.as_bytes()), Some([byte]));
            assert_eq!(decode_pair(text.to_uppercase().as_bytes().try_into().unwrap()), Some(byte));
        }
        assert_eq!(encode(&[0xde, 0xad, 0x01]), "dead01");
        assert_eq!(decode(b"dead01"), Some([0xde, 0xad, 0x01]));
    }

    #[test]
    fn nothing_else_is_read() {
        for first in 0..=u8::MAX {
            let is_digit = matches!(first, b'0'..=b'9' | b'a'..=b'f');
            assert_eq!(decode::<1>(&[first, b'0']).is_some(), is_digit, "{first}");
            assert_eq!(decode::<1>(&[b'0', first]).is_some(), is_digit, "{first}");
        }
        for text in ["", "0", "000", "0000"] {
            assert_eq!(decode::<1>(text.as_bytes()), None, "{text}");
        }
        assert_eq!(decode_pair(*b"g0"), None);
    }

    #[test]
    fn a_number_fills_the_room_it_is_given() {
        for (number, written) in [(0, "00000000"), (0xbeef, "0000beef"), (u64::MAX, "ffffffff")] {
            let mut into = [0; 8];
            write_digits(&mut into, number);
            assert_eq!(std::str::from_utf8(&into).unwrap(), written);
        }
    }
}
