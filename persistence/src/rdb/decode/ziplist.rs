//! The packed rows of Redis before 7 (ziplist) and before 2.6 (zipmap): checked whole, then walked.

use keyspace::packed::Element;

use super::super::input::{Malformed, Result};

const HEAD_SIZE: usize = 10;
const END: u8 = 0xFF;
const LONG: u8 = 254;
/// The number of elements when it does not fit its two bytes.
const COUNT_UNKNOWN: u16 = u16::MAX;

const BAD: Malformed = Malformed("Ziplist integrity check failed.");

/// A row that was found sound.
pub(super) struct Ziplist<'a> {
    row: &'a [u8],
    /// How many elements there are.
    pub(super) len: usize,
}

/// An element with what stands around it.
struct Item<'a> {
    /// The size of the element before.
    before: usize,
    element: Element<'a>,
    end: usize,
}

impl<'a> Ziplist<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self> {
        let word = |at: usize| bytes.get(at..)?.first_chunk().map(|&word| u32::from_le_bytes(word) as usize);
        let count = bytes.get(8..).and_then(|rest| rest.first_chunk()).map(|&count| u16::from_le_bytes(count));
        let (Some(size), Some(tail), Some(count)) = (word(0), word(4), count) else { return Err(BAD) };
        if size != bytes.len() || size <= HEAD_SIZE || bytes.last() != Some(&END) {
            return Err(BAD);
        }
        let row = &bytes[HEAD_SIZE..size - 1];
        let (mut at, mut last, mut before, mut len) = (0, 0, 0, 0);
        while at < row.len() {
            let item = item_at(row, at).filter(|item| item.before == before).ok_or(BAD)?;
            (last, before, at) = (at, item.end - at, item.end);
            len += 1;
        }
        if tail != last + HEAD_SIZE || count != COUNT_UNKNOWN && usize::from(count) != len {
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
            let item = item_at(row, at)?;
            at = item.end;
            Some(item.element)
        })
    }
}

fn chunk<const N: usize>(row: &[u8], at: usize) -> Option<[u8; N]> {
    row.get(at..)?.first_chunk().copied()
}

fn item_at(row: &[u8], at: usize) -> Option<Item<'_>> {
    let (before, at) = match *row.get(at)? {
        LONG => (u32::from_le_bytes(chunk(row, at + 1)?) as usize, at + 5),
        END => return None,
        before => (usize::from(before), at + 1),
    };
    let tag = *row.get(at)?;
    let (start, len) = match tag >> 6 {
        0 => (at + 1, usize::from(tag & 0x3F)),
        1 => (at + 2, usize::from(tag & 0x3F) << 8 | usize::from(*row.get(at + 1)?)),
        2 => (at + 5, u32::from_be_bytes(chunk(row, at + 1)?) as usize),
        _ => {
            let (int, end) = int_at(tag, row, at + 1)?;
            return Some(Item { before, element: Element::Int(int), end });
        }
    };
    let end = start.checked_add(len)?;
    Some(Item { before, element: Element::Bytes(row.get(start..end)?), end })
}

fn int_at(tag: u8, row: &[u8], at: usize) -> Option<(i64, usize)> {
    Some(match tag {
        0xC0 => (i64::from(i16::from_le_bytes(chunk(row, at)?)), at + 2),
        0xD0 => (i64::from(i32::from_le_bytes(chunk(row, at)?)), at + 4),
        0xE0 => (i64::from_le_bytes(chunk(row, at)?), at + 8),
        0xF0 => {
            let [a, b, c] = chunk(row, at)?;
            (i64::from(i32::from_le_bytes([0, a, b, c]) >> 8), at + 3)
        }
        0xFE => (i64::from(i8::from_le_bytes(chunk(row, at)?)), at + 1),
        0xF1..=0xFD => (i64::from(tag & 0x0F) - 1, at),
        _ => return None,
    })
}

/// Field, value, field, value ... of a zipmap, checked.
pub(super) fn zipmap(bytes: &[u8]) -> Result<Vec<(&[u8], &[u8])>> {
    const BAD: Malformed = Malformed("Zipmap integrity check failed.");
    let (mut pairs, mut at) = (Vec::new(), 1);
    let count = *bytes.first().ok_or(BAD)?;
    while *bytes.get(at).ok_or(BAD)? != END {
        let (field, next) = zipmap_string(bytes, at, false).ok_or(BAD)?;
        let (value, next) = zipmap_string(bytes, next, true).ok_or(BAD)?;
        pairs.push((field, value));
        at = next;
    }
    if at + 1 != bytes.len() || count < LONG && usize::from(count) != pairs.len() {
        return Err(BAD);
    }
    Ok(pairs)
}

/// A string of a zipmap; a value may have unused bytes behind it.
fn zipmap_string(bytes: &[u8], at: usize, is_value: bool) -> Option<(&[u8], usize)> {
    let (len, mut at) = match *bytes.get(at)? {
        END => return None,
        LONG => (u32::from_le_bytes(chunk(bytes, at + 1)?) as usize, at + 5),
        len => (usize::from(len), at + 1),
    };
    let mut unused = 0;
    if is_value {
        unused = usize::from(*bytes.get(at)?);
        at += 1;
    }
    let end = at.checked_add(len)?;
    let next = end.checked_add(unused)?;
    (next < bytes.len()).then(|| (&bytes[at..end], next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ziplist_of_all_encodings() {
        let row: &[u8] =
            b"\x00\x02ab\x04\xf1\x02\xfd\x02\xc0\x00\x80\x04\xf0\xff\xff\xff\x05\xfe\x80\x03\xd0\0\0\0\x80";
        let mut bytes = (row.len() as u32 + 11).to_le_bytes().to_vec();
        bytes.extend_from_slice(&(row.len() as u32 + 10 - 6).to_le_bytes());
        bytes.extend_from_slice(b"\x07\0");
        bytes.extend_from_slice(row);
        bytes.push(END);
        let list = Ziplist::new(&bytes).expect("it is sound");
        let texts: Vec<String> =
            list.iter().map(|element| String::from_utf8_lossy(&element.as_cow()).into_owned()).collect();
        assert_eq!((texts.join(" "), list.len), ("ab 0 12 -32768 -1 -128 -2147483648".into(), 7));
        for at in 0..bytes.len() {
            assert!(Ziplist::new(&bytes[..at]).is_err());
            for bit in 0..8 {
                let mut other = bytes.clone();
                other[at] ^= 1 << bit;
                if let Ok(list) = Ziplist::new(&other) {
                    assert!(list.iter().count() == list.len);
                }
            }
        }
    }

    #[test]
    fn a_zipmap_with_room_behind_a_value() {
        assert_eq!(zipmap(b"\x01\x01f\x01\x02v\0\0\xff"), Ok(vec![(&b"f"[..], &b"v"[..])]));
        for bad in [
            &b"\x02\x01f\x01\0v\xff"[..],
            b"\x01\x01f\x01\0v",
            b"\x01\x01f\x09\0v\xff",
            b"",
            b"\x01\x01f\xff",
            b"\0\xff\xff",
        ] {
            assert!(zipmap(bad).is_err(), "{bad:?}");
        }
    }
}
