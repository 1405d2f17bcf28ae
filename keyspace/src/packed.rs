//! The codec of small collections: a flat run of elements, read forwards only.
//!
//! Each element has the encoding of a listpack element (integers of 7, 13, 16, 24, 32 and 64 bits,
//! strings with a length of 6, 12 or 32 bits) without the back length, header and terminator of a
//! listpack. A value of canonical decimal form is always stored as an integer in the narrowest
//! width that holds it, so two elements are equal exactly when their encodings are.
//!
//! A blob stands in memory that somebody else owns: nothing here edits one; a caller splices the
//! bytes of [`encode`] into the range that [`find`] or [`Iter`] gave. Blobs are trusted, yet a
//! truncated one ends the walk instead of panicking.

use base::number::parse_i64;
use std::borrow::Cow;
use std::ops::Range;

/// Longest head: the first byte and a length of 64 bits, or the first byte and an i64.
const HEAD_MAX: usize = 9;

const STR6: u8 = 0x80;
const INT13: u8 = 0xC0;
const STR12: u8 = 0xE0;
const STR32: u8 = 0xF0;
const INT16: u8 = 0xF1;
const INT24: u8 = 0xF2;
const INT32: u8 = 0xF3;
const INT64: u8 = 0xF4;
/// Our own, for values of 4 GiB and more, which a listpack cannot hold.
const STR64: u8 = 0xF5;

/// One element as stored.
#[derive(Clone, Copy, Debug)]
pub enum Element<'a> {
    /// Text that is no canonical integer.
    Bytes(&'a [u8]),
    /// A canonical integer.
    Int(i64),
}

impl<'a> Element<'a> {
    /// Whether the element's text equals `value`.
    #[inline]
    pub fn eq_bytes(&self, value: &[u8]) -> bool {
        match *self {
            Self::Bytes(bytes) => bytes == value,
            Self::Int(int) => parse_i64(value) == Some(int),
        }
    }

    /// Length of the element's text.
    #[inline]
    pub fn text_len(&self) -> usize {
        match *self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Int(int) => base::number::digits(int),
        }
    }

    /// Appends the element's text.
    #[inline]
    pub fn write_to(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Bytes(bytes) => out.extend_from_slice(bytes),
            Self::Int(int) => base::number::push_i64(out, int),
        }
    }

    /// The element's text; an integer is spelled into `text`, nothing is allocated.
    #[inline]
    pub fn as_bytes<'b>(&self, text: &'b mut IntText) -> &'b [u8]
    where
        'a: 'b,
    {
        match *self {
            Self::Bytes(bytes) => bytes,
            Self::Int(int) => text.spell(int),
        }
    }

    /// The element's text, borrowed when it is stored as such.
    pub fn as_cow(&self) -> Cow<'a, [u8]> {
        match *self {
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
            Self::Int(int) => Cow::Owned(IntText::default().spell(int).to_vec()),
        }
    }
}

/// Room for the decimal form of any i64.
#[derive(Default)]
pub struct IntText([u8; 20]);

impl IntText {
    /// Writes `value` in decimal and returns the text.
    pub fn spell(&mut self, value: i64) -> &[u8] {
        let mut at = self.0.len();
        let mut rest = value.unsigned_abs();
        loop {
            at -= 1;
            self.0[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if value < 0 {
            at -= 1;
            self.0[at] = b'-';
        }
        &self.0[at..]
    }
}

/// A value in encoded form without a copy of its bytes: the head, then the payload.
pub(crate) struct Encoded<'a> {
    /// What follows the first `head_len` bytes is arbitrary.
    head: [u8; HEAD_MAX],
    head_len: u8,
    payload: &'a [u8],
}

impl<'a> Encoded<'a> {
    #[inline]
    pub(crate) fn new(value: &'a [u8]) -> Self {
        match parse_i64(value) {
            Some(int) => Self::int(int),
            None => Self::string(value),
        }
    }

    /// An element that was decoded elsewhere, perhaps from another encoding than ours.
    #[inline]
    pub(crate) fn of(element: Element<'a>) -> Self {
        match element {
            Element::Bytes(bytes) => Self::new(bytes),
            Element::Int(int) => Self::int(int),
        }
    }

    /// Bytes that stay text even where they spell an integer.
    #[inline]
    pub(crate) fn string(value: &'a [u8]) -> Self {
        let mut head = [0; HEAD_MAX];
        let len = value.len();
        let head_len = if len < 64 {
            head[0] = STR6 | len as u8;
            1
        } else if len < 4096 {
            head[0] = STR12 | (len >> 8) as u8;
            head[1] = len as u8;
            2
        } else if let Ok(len) = u32::try_from(len) {
            head[0] = STR32;
            head[1..5].copy_from_slice(&len.to_le_bytes());
            5
        } else {
            head[0] = STR64;
            head[1..9].copy_from_slice(&(len as u64).to_le_bytes());
            9
        };
        Self { head, head_len, payload: value }
    }

    #[inline]
    pub(crate) fn int(int: i64) -> Self {
        let mut head = [0; HEAD_MAX];
        let head_len = match int {
            0..=127 => {
                head[0] = int as u8;
                1
            }
            -4096..=4095 => {
                head[0] = INT13 | ((int >> 8) as u8 & 0x1F);
                head[1] = int as u8;
                2
            }
            _ => {
                head[1..].copy_from_slice(&int.to_le_bytes());
                let (tag, len) = wide_int(int);
                head[0] = tag;
                len
            }
        };
        Self { head, head_len, payload: &[] }
    }

    /// Bytes that the element takes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        usize::from(self.head_len) + self.payload.len()
    }

    #[inline]
    fn head(&self) -> &[u8] {
        &self.head[..usize::from(self.head_len)]
    }

    /// Writes the element to the start of `out`, which has room for [`Self::len`] bytes.
    #[inline]
    pub(crate) fn write(&self, out: &mut [u8]) {
        // Heads of one byte are nearly all heads: a store beats a call of memcpy.
        if self.head_len == 1 {
            out[0] = self.head[0];
            out[1..=self.payload.len()].copy_from_slice(self.payload);
        } else {
            let (head, payload) = out[..self.len()].split_at_mut(usize::from(self.head_len));
            head.copy_from_slice(self.head());
            payload.copy_from_slice(self.payload);
        }
    }

    #[inline]
    fn append_to(&self, out: &mut Vec<u8>) {
        out.reserve(self.len());
        out.extend_from_slice(self.head());
        out.extend_from_slice(self.payload);
    }

    /// Whether `bytes` starts with this element.
    #[inline]
    fn leads(&self, bytes: &[u8]) -> bool {
        bytes.strip_prefix(self.head()).is_some_and(|rest| rest.starts_with(self.payload))
    }
}

/// Tag and encoded length of an integer that needs 16 bits or more.
#[inline]
fn wide_int(int: i64) -> (u8, u8) {
    if i16::try_from(int).is_ok() {
        (INT16, 3)
    } else if (-(1 << 23)..1 << 23).contains(&int) {
        (INT24, 4)
    } else if i32::try_from(int).is_ok() {
        (INT32, 5)
    } else {
        (INT64, 9)
    }
}

/// Appends `value` as an element.
#[inline]
pub fn encode(value: &[u8], out: &mut Vec<u8>) {
    Encoded::new(value).append_to(out);
}

/// Bytes that `value` takes as an element.
#[inline]
pub fn encoded_len(value: &[u8]) -> usize {
    Encoded::new(value).len()
}

/// Appends `int` as an element.
#[inline]
pub fn encode_int(int: i64, out: &mut Vec<u8>) {
    Encoded::int(int).append_to(out);
}

/// The element at `at` and where the next one starts; `None` at the end or when truncated.
#[inline]
pub fn decode(blob: &[u8], at: usize) -> Option<(Element<'_>, usize)> {
    let tag = *blob.get(at)?;
    if tag < STR6 {
        return Some((Element::Int(i64::from(tag)), at + 1));
    }
    // Offsets rather than an `Element` come out of the branches: an element that is joined from
    // several of them goes through memory, which costs more than all the rest.
    let (start, end) = if tag < INT13 {
        (at + 1, at + 1 + usize::from(tag & 0x3F))
    } else {
        let next = next_wide(tag, blob, at)?;
        match tag {
            STR12..STR32 => (at + 2, next),
            STR32 => (at + 5, next),
            STR64 => (at + 9, next),
            _ => return Some((Element::Int(read_int(blob.get(at..next)?)), next)),
        }
    };
    Some((Element::Bytes(blob.get(start..end)?), end))
}

/// The integer of more than 7 bits that `whole` is.
fn read_int(whole: &[u8]) -> i64 {
    match *whole {
        // The tag's upper three bits are not the number's: shift them out and the sign back in.
        [tag, low] => i64::from(i16::from_be_bytes([tag, low]) << 3 >> 3),
        [_, a, b] => i64::from(i16::from_le_bytes([a, b])),
        [_, a, b, c] => i64::from(i32::from_le_bytes([0, a, b, c]) >> 8),
        [_, a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        [_, a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => 0,
    }
}

/// Where the element after the one at `at` starts, without reading its value. May lie beyond the
/// end of a truncated blob.
#[inline]
pub fn skip(blob: &[u8], at: usize) -> Option<usize> {
    let tag = *blob.get(at)?;
    if tag < INT13 {
        // The next step waits for this one, so small integers (1 byte) and short strings (1 byte
        // and what the tag exceeds STR6 by) share the shortest chain of instructions.
        return Some(at + usize::from(tag.max(STR6) - (STR6 - 1)));
    }
    next_wide(tag, blob, at)
}

fn next_wide(tag: u8, blob: &[u8], at: usize) -> Option<usize> {
    let rest = &blob[at + 1..];
    let len = match tag {
        INT13..STR12 => 2,
        STR12..STR32 => 2 + (usize::from(tag & 0x0F) << 8 | usize::from(*rest.first()?)),
        STR32 => 5 + u32::from_le_bytes(*rest.first_chunk()?) as usize,
        INT16 => 3,
        INT24 => 4,
        INT32 => 5,
        INT64 => 9,
        STR64 => usize::try_from(u64::from_le_bytes(*rest.first_chunk()?)).ok()?.checked_add(9)?,
        _ => return None,
    };
    at.checked_add(len)
}

/// Number of elements.
pub fn count(blob: &[u8]) -> usize {
    let (mut at, mut count) = (0, 0);
    while let Some(next) = skip(blob, at) {
        at = next;
        count += 1;
    }
    count
}

/// Elements in order, each with the range of its bytes in the blob.
#[derive(Clone)]
pub struct Iter<'a> {
    blob: &'a [u8],
    at: usize,
}

impl<'a> Iter<'a> {
    /// Starts at the blob's first element.
    #[inline]
    pub fn new(blob: &'a [u8]) -> Self {
        Self { blob, at: 0 }
    }

    /// Starts at the element at offset `at`.
    #[inline]
    pub fn from_offset(blob: &'a [u8], at: usize) -> Self {
        Self { blob, at }
    }

    /// Where the element that `next` will return starts.
    #[inline]
    pub fn offset(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Element<'a>, Range<usize>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (element, next) = decode(self.blob, self.at)?;
        let range = self.at..next;
        self.at = next;
        Some((element, range))
    }
}

/// The first element equal to `value`, looking at each `skip + 1`-th one from the first on: with a
/// `skip` of 1 at the fields of a hash and not at their values.
///
/// The needle is compared in encoded form, so that no element is decoded.
pub fn find(blob: &[u8], value: &[u8], skip: usize) -> Option<Range<usize>> {
    let needle = Encoded::new(value);
    let len = needle.len();
    let at = if len < 8 {
        let short = Short::new(&needle);
        find_by(blob, skip, |at| short.is_at(blob, at))
    } else {
        // Keys that look alike differ at their end ("user:1001"): its 8 bytes decide nearly always.
        let (tag, tail) = (needle.head[0], tail_of(&needle));
        let tail_is_at =
            |at: usize| blob[at] == tag && blob.get(at + len - 8..at + len).is_some_and(|bytes| bytes == tail);
        find_by(blob, skip, |at| tail_is_at(at) && needle.leads(&blob[at..]))
    }?;
    Some(at..at + len)
}

/// The first offset that `is_match` accepts; it is only asked for offsets inside the blob.
#[inline]
fn find_by(blob: &[u8], step: usize, is_match: impl Fn(usize) -> bool) -> Option<usize> {
    let mut at = 0;
    while at < blob.len() {
        if is_match(at) {
            return Some(at);
        }
        for _ in 0..=step {
            at = skip(blob, at)?;
        }
    }
    None
}

/// The last 8 bytes of an encoding of at least 8 bytes.
fn tail_of(needle: &Encoded<'_>) -> [u8; 8] {
    if let Some(tail) = needle.payload.last_chunk() {
        return *tail;
    }
    // At most 9 + 7 bytes: put them in a row.
    let mut row = [0; HEAD_MAX + 8];
    needle.write(&mut row);
    *row[..needle.len()].last_chunk().unwrap_or(&[0; 8])
}

/// An encoding of fewer than 8 bytes, compared as one masked word.
struct Short {
    word: u64,
    mask: u64,
    len: usize,
}

impl Short {
    fn new(needle: &Encoded<'_>) -> Self {
        let mut bytes = [0; 8];
        needle.write(&mut bytes);
        let len = needle.len();
        Self { word: u64::from_le_bytes(bytes), mask: (1 << (8 * len)) - 1, len }
    }

    #[inline]
    fn is_at(&self, blob: &[u8], at: usize) -> bool {
        match blob[at..].first_chunk() {
            Some(bytes) => u64::from_le_bytes(*bytes) & self.mask == self.word,
            None => blob[at..].starts_with(&self.word.to_le_bytes()[..self.len]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn blob_of(values: &[Vec<u8>]) -> Vec<u8> {
        let mut blob = Vec::new();
        for value in values {
            let before = blob.len();
            encode(value, &mut blob);
            assert_eq!(blob.len() - before, encoded_len(value));
        }
        blob
    }

    /// Values around the borders of every encoding.
    fn value() -> impl Strategy<Value = Vec<u8>> {
        let near = |bits: u32| {
            (-3..3i64, any::<bool>()).prop_map(move |(off, negative)| {
                let border = (1i64 << bits).wrapping_add(off);
                (if negative { border.wrapping_neg() } else { border }).to_string().into_bytes()
            })
        };
        let text = |len: Range<usize>| (len, any::<u8>()).prop_map(|(len, fill)| vec![fill; len]);
        prop_oneof![
            4 => prop::sample::select(vec![7u32, 12, 15, 23, 31, 63]).prop_flat_map(near),
            2 => any::<i64>().prop_map(|int| int.to_string().into_bytes()),
            2 => "[-+0-9]{0,3}".prop_map(String::into_bytes),
            4 => prop::collection::vec(prop::sample::select(b"ab1".to_vec()), 0..12),
            1 => text(60..68),
            1 => text(4090..4100),
        ]
    }

    #[test]
    fn encodings_are_those_of_a_listpack() {
        let cases: [(&[u8], &[u8]); 14] = [
            (b"0", &[0x00]),
            (b"127", &[0x7F]),
            (b"128", &[0xC0, 0x80]),
            (b"-1", &[0xDF, 0xFF]),
            (b"4095", &[0xCF, 0xFF]),
            (b"-4096", &[0xD0, 0x00]),
            (b"4096", &[0xF1, 0x00, 0x10]),
            (b"-32769", &[0xF2, 0xFF, 0x7F, 0xFF]),
            (b"8388608", &[0xF3, 0x00, 0x00, 0x80, 0x00]),
            (b"-9223372036854775808", &[0xF4, 0, 0, 0, 0, 0, 0, 0, 0x80]),
            (b"", &[0x80]),
            (b"-0", &[0x82, b'-', b'0']),
            (b"01", &[0x82, b'0', b'1']),
            (b"a", &[0x81, b'a']),
        ];
        for (value, encoding) in cases {
            let mut blob = Vec::new();
            encode(value, &mut blob);
            assert_eq!(blob, encoding, "{:?}", String::from_utf8_lossy(value));
        }
        for (len, head) in [(63, &[0xBF][..]), (64, &[0xE0, 64]), (4095, &[0xEF, 0xFF]), (4096, &[0xF0, 0, 16, 0, 0])] {
            let blob = blob_of(&[vec![b'x'; len]]);
            assert_eq!(&blob[..head.len()], head);
            assert_eq!(blob.len(), head.len() + len);
        }
    }

    #[test]
    fn a_listpack_cannot_hold_what_we_hold_above_4_gib() {
        let mut blob = vec![STR64, 3, 0, 0, 0, 0, 0, 0, 0];
        blob.extend_from_slice(b"abc7");
        let (element, next) = decode(&blob, 0).unwrap();
        assert!(element.eq_bytes(b"abc"));
        assert_eq!(next, 12);
        // A length that overflows the address space is a truncation, not a panic.
        assert!(decode(&[STR64, 255, 255, 255, 255, 255, 255, 255, 255], 0).is_none());
    }

    proptest! {
        #[test]
        fn elements_come_back_in_order(values in prop::collection::vec(value(), 0..20)) {
            let blob = blob_of(&values);
            prop_assert_eq!(count(&blob), values.len());
            let mut at = 0;
            let mut iter = Iter::new(&blob);
            for value in &values {
                let (element, range) = iter.next().unwrap();
                prop_assert_eq!(range.start, at);
                prop_assert_eq!(skip(&blob, at), Some(range.end));
                at = range.end;
                prop_assert!(element.eq_bytes(value));
                prop_assert_eq!(element.text_len(), value.len());
                prop_assert_eq!(&*element.as_cow(), &value[..]);
                let mut spelled = IntText::default();
                prop_assert_eq!(element.as_bytes(&mut spelled), &value[..]);
                let mut text = b"x".to_vec();
                element.write_to(&mut text);
                prop_assert_eq!(&text[1..], &value[..]);
                let is_int = std::str::from_utf8(value)
                    .is_ok_and(|text| text.parse::<i64>().is_ok_and(|int| int.to_string() == text));
                prop_assert_eq!(matches!(element, Element::Int(_)), is_int);
            }
            prop_assert!(iter.next().is_none());
            prop_assert_eq!(iter.offset(), blob.len());
        }

        #[test]
        fn find_is_the_first_equal_element(
            values in prop::collection::vec(value(), 0..20),
            other in value(),
            pick: prop::sample::Index,
            skip in 0usize..3,
        ) {
            let blob = blob_of(&values);
            let mut needles = vec![other];
            if !values.is_empty() {
                needles.push(values[pick.index(values.len())].clone());
            }
            for needle in needles {
                let ranges: Vec<_> = Iter::new(&blob).map(|(_, range)| range).collect();
                let model = (0..values.len()).step_by(skip + 1).find(|&i| values[i] == needle);
                prop_assert_eq!(find(&blob, &needle, skip), model.map(|i| ranges[i].clone()));
            }
        }

        #[test]
        fn keys_that_share_head_and_tail_are_told_apart(keys in prop::collection::vec("[ab]{8,20}", 1..20), needle in "[ab]{8,20}") {
            let values: Vec<Vec<u8>> = keys.iter().map(|key| key.clone().into_bytes()).collect();
            let found = find(&blob_of(&values), needle.as_bytes(), 0);
            prop_assert_eq!(found.is_some(), keys.contains(&needle));
        }

        #[test]
        fn encode_int_is_encode_of_its_text(int: i64, bits in 0u32..64) {
            let (int, mut by_int, mut by_text) = (int >> bits, Vec::new(), Vec::new());
            encode_int(int, &mut by_int);
            encode(int.to_string().as_bytes(), &mut by_text);
            prop_assert_eq!(by_int, by_text);
        }

        #[test]
        fn no_bytes_make_it_panic_or_hang(blob in prop::collection::vec(any::<u8>(), 0..64), needle in value()) {
            count(&blob);
            Iter::new(&blob).for_each(drop);
            find(&blob, &needle, 1);
        }
    }
}
