//! The packed row of Redis 7 and later: checked whole, then walked.

use keyspace::backlen;
use keyspace::packed::{self, Element};

use super::super::input::{Malformed, Result};

const HEAD_SIZE: usize = 6;
const END: u8 = 0xFF;
/// The number of elements when it does not fit its two bytes.
const COUNT_UNKNOWN: u16 = u16::MAX;
/// The tags of elements end here.
const TAG_MAX: u8 = 0xF4;

const BAD: Malformed = Malformed("Listpack integrity check failed.");

/// A row that was found sound.
#[derive(Clone)]
pub(super) struct Listpack<'a> {
    row: &'a [u8],
    /// How many elements there are.
    pub(super) len: usize,
}

impl<'a> Listpack<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self> {
        let size = bytes.first_chunk().map(|&size| u32::from_le_bytes(size) as usize);
        let count = bytes.get(4..).and_then(|rest| rest.first_chunk()).map(|&count| u16::from_le_bytes(count));
        let (Some(size), Some(count), Some(&END)) = (size, count, bytes.last()) else { return Err(BAD) };
        if size != bytes.len() || size <= HEAD_SIZE {
            return Err(BAD);
        }
        let row = &bytes[HEAD_SIZE..size - 1];
        let (mut at, mut len) = (0, 0);
        while at < row.len() {
            at = checked_next(row, at).ok_or(BAD)?;
            len += 1;
        }
        if count != COUNT_UNKNOWN && usize::from(count) != len {
            return Err(BAD);
        }
        Ok(Self { row, len })
    }

    /// The bytes of all elements.
    pub(super) fn size(&self) -> usize {
        self.row.len()
    }

    /// The elements in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let (row, mut at) = (self.row, 0);
        std::iter::from_fn(move || {
            let (element, next) = packed::decode(row, at)?;
            at = next + backlen::size(next - at);
            Some(element)
        })
    }
}

/// The offset after the element at an offset, whose length stands behind it as it should.
#[inline]
fn checked_next(row: &[u8], at: usize) -> Option<usize> {
    if row[at] > TAG_MAX {
        return None;
    }
    let end = packed::skip(row, at)?;
    let len = end - at;
    let behind = row.get(end..end + backlen::size(len))?;
    if let [byte] = behind {
        return (usize::from(*byte) == len).then_some(end + 1);
    }
    let mut expected = [0; 5];
    let expected = &mut expected[..behind.len()];
    backlen::write(expected, len);
    (behind == expected).then_some(end + behind.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_rows_and_others() {
        let sound = b"\x0d\0\0\0\x02\0\x05\x01\x82hi\x03\xff";
        let list = Listpack::new(sound).expect("it is sound");
        assert_eq!(list.iter().map(|element| element.text_len()).collect::<Vec<_>>(), [1, 2]);
        for at in 0..sound.len() {
            for bit in 0..8 {
                let mut bytes = *sound;
                bytes[at] ^= 1 << bit;
                if let Ok(list) = Listpack::new(&bytes) {
                    assert!(matches!(at, 6 | 9 | 10), "{at}: only the elements' own bytes are free");
                    assert_eq!(list.iter().count(), 2);
                }
            }
            assert!(Listpack::new(&sound[..at]).is_err());
        }
    }
}
