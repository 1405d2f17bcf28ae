//! The length that stands behind an element of a list's node, so that the node can be walked backwards.
//!
//! Seven bits a byte, most significant first; every byte but the leftmost has its top bit set,
//! so reading starts at the right. The widths follow the listpack format to the byte.

/// Bytes that the back length of an element of `len` bytes takes.
#[inline]
pub fn size(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// Fills `out`, which is [`size`] bytes long, with the back length of an element of `len` bytes.
#[inline]
pub fn write(out: &mut [u8], len: usize) {
    if let [byte] = out {
        *byte = len as u8;
        return;
    }
    let mut rest = len;
    for byte in out.iter_mut().rev() {
        *byte = rest as u8 | 0x80;
        rest >>= 7;
    }
    out[0] &= 0x7F;
}

/// Where the element that ends, back length included, at the end of `bytes` starts.
#[inline]
pub fn start_of_last(bytes: &[u8]) -> Option<usize> {
    let last = *bytes.last()?;
    if last < 0x80 {
        return bytes.len().checked_sub(usize::from(last) + 1);
    }
    start_of_long(bytes)
}

/// The same for an element of more than 127 bytes.
#[inline(never)]
fn start_of_long(bytes: &[u8]) -> Option<usize> {
    let (mut len, mut size) = (0usize, 0);
    for &byte in bytes.iter().rev().take(5) {
        len |= usize::from(byte & 0x7F) << (7 * size);
        size += 1;
        if byte < 0x80 {
            break;
        }
    }
    bytes.len().checked_sub(len + size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_a_listpack() {
        let cases: [(usize, &[u8]); 7] = [
            (1, &[1]),
            (127, &[0x7F]),
            (128, &[0x01, 0x80]),
            (16_382, &[0x7F, 0xFE]),
            (16_383, &[0x00, 0xFF, 0xFF]),
            (16_384, &[0x01, 0x80, 0x80]),
            (268_435_455, &[0x00, 0xFF, 0xFF, 0xFF, 0xFF]),
        ];
        for (len, expected) in cases {
            let mut out = vec![0; size(len)];
            write(&mut out, len);
            assert_eq!(out, expected, "{len}");
        }
    }

    #[test]
    fn reading_finds_the_start() {
        for len in (0..300).chain(16_000..17_000).chain([2_097_150, 2_097_151, 2_097_152]) {
            let mut bytes = vec![0xFF; 3 + len + size(len)];
            write(&mut bytes[3 + len..], len);
            assert_eq!(start_of_last(&bytes), Some(3), "{len}");
        }
        assert_eq!(start_of_last(&[]), None);
        assert_eq!(start_of_last(&[9]), None);
        assert_eq!(start_of_last(&[0xFF; 8]), None);
    }
}
