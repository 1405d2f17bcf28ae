//! The small form of a hash: a count, then a row of `packed` elements, inside the entry.
//!
//! ```text
//! HashPacked     count (u16)   field value, field value ...
//! HashPackedEx   count (u16)   field value deadline, field value deadline ...
//! ```
//! The count spares every HLEN, HGETALL and HSET a walk; [`COUNT_UNKNOWN`] says that a walk it takes.
//!
//! # Invariants
//! - Fields with a deadline come first, ascending, and those without (deadline 0) after them in the order of
//!   their coming: the order in which Redis shows them. So the earliest deadline is the first one, and expired
//!   fields are a prefix.
//! - A field that gets a deadline stands before those with an equal one.

use smallvec::SmallVec;

use super::has_passed;
use crate::entry::Kind;
use crate::packed::{self, Element, Encoded};

/// Bytes of the count.
pub(super) const COUNT_SIZE: usize = 2;
const COUNT_UNKNOWN: u16 = u16::MAX;
/// A blob does not grow beyond this, whatever the limits: as a listpack.
pub(super) const SIZE_MAX: usize = 1 << 30;

/// Encoded elements on their way into a blob.
pub(super) type Scratch = SmallVec<[u8; 256]>;

/// A small hash as it is stored.
#[derive(Clone, Copy)]
pub(super) struct Small<'a> {
    blob: &'a [u8],
    has_deadlines: bool,
}

/// A field in its place.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) start: usize,
    pub(super) value_start: usize,
    /// Where the value ends: the deadline, or the next field.
    pub(super) value_end: usize,
    pub(super) end: usize,
    pub(super) value: Element<'a>,
    pub(super) deadline_ms: Option<i64>,
}

impl<'a> Small<'a> {
    /// The hash in the value bytes of an entry of this kind.
    #[inline]
    pub(super) fn of(kind: Kind, blob: &'a [u8]) -> Self {
        debug_assert!(matches!(kind, Kind::HashPacked | Kind::HashPackedEx));
        Self { blob, has_deadlines: kind == Kind::HashPackedEx }
    }

    #[inline]
    pub(super) fn kind(self) -> Kind {
        if self.has_deadlines { Kind::HashPackedEx } else { Kind::HashPacked }
    }

    #[inline]
    pub(super) fn blob(self) -> &'a [u8] {
        self.blob
    }

    #[inline]
    fn row(self) -> &'a [u8] {
        self.blob.get(COUNT_SIZE..).unwrap_or(&[])
    }

    /// The number of stored fields.
    #[inline]
    pub(super) fn len(self) -> usize {
        match self.blob.first_chunk().map(|&count| u16::from_le_bytes(count)) {
            None => 0,
            Some(COUNT_UNKNOWN) => packed::count(self.row()) / self.stride(),
            Some(count) => usize::from(count),
        }
    }

    #[inline]
    fn stride(self) -> usize {
        if self.has_deadlines { 3 } else { 2 }
    }

    /// Finds a field, expired or not.
    #[inline]
    pub(super) fn find(self, field: &[u8]) -> Option<Place<'a>> {
        let at = packed::find(self.row(), field, self.stride() - 1)?;
        self.place(at.start + COUNT_SIZE, at.end + COUNT_SIZE)
    }

    #[inline]
    fn place(self, start: usize, value_start: usize) -> Option<Place<'a>> {
        let (value, value_end) = packed::decode(self.blob, value_start)?;
        let mut place = Place { start, value_start, value_end, end: value_end, value, deadline_ms: None };
        if self.has_deadlines {
            let (deadline, end) = packed::decode(self.blob, value_end)?;
            place.end = end;
            if let Element::Int(deadline_ms @ 1..) = deadline {
                place.deadline_ms = Some(deadline_ms);
            }
        }
        Some(place)
    }

    /// The fields from an offset on, with their places.
    pub(super) fn fields_from(self, mut at: usize) -> impl Iterator<Item = (Element<'a>, Place<'a>)> {
        std::iter::from_fn(move || {
            let (field, value_start) = packed::decode(self.blob, at)?;
            let place = self.place(at, value_start)?;
            at = place.end;
            Some((field, place))
        })
    }

    /// All fields, with their places.
    pub(super) fn fields(self) -> impl Iterator<Item = (Element<'a>, Place<'a>)> {
        self.fields_from(COUNT_SIZE)
    }

    /// The earliest deadline of any field.
    #[inline]
    pub(super) fn deadline_ms(self) -> Option<i64> {
        if !self.has_deadlines {
            return None;
        }
        self.fields().next()?.1.deadline_ms
    }

    /// How many fields have expired, and where the first live one starts.
    pub(super) fn expired(self, unix_ms: i64) -> (usize, usize) {
        let mut expired = (0, COUNT_SIZE);
        if self.has_deadlines {
            for (_, place) in self.fields().take_while(|(_, place)| has_passed(place.deadline_ms, unix_ms)) {
                expired = (expired.0 + 1, place.end);
            }
        }
        expired
    }

    /// Where a field with this deadline belongs.
    pub(super) fn position(self, deadline_ms: Option<i64>) -> usize {
        let Some(deadline_ms) = deadline_ms else { return self.blob.len() };
        let is_later = |place: &Place<'_>| place.deadline_ms.is_none_or(|other| other >= deadline_ms);
        self.fields().find(|(_, place)| is_later(place)).map_or(self.blob.len(), |(_, place)| place.start)
    }

    /// The same fields with room for deadlines.
    pub(super) fn with_deadlines(self) -> Vec<u8> {
        let mut blob = Vec::with_capacity(self.blob.len() + self.len());
        blob.extend_from_slice(&self.blob[..COUNT_SIZE]);
        for (_, place) in self.fields() {
            blob.extend_from_slice(&self.blob[place.start..place.value_end]);
            packed::encode_int(0, &mut blob);
        }
        blob
    }
}

/// The count's bytes for `len` fields.
#[inline]
pub(super) fn count_bytes(len: usize) -> [u8; COUNT_SIZE] {
    u16::try_from(len).unwrap_or(COUNT_UNKNOWN).to_le_bytes()
}

/// Appends elements' encodings.
#[inline]
pub(super) fn push<const N: usize>(scratch: &mut Scratch, elements: [&Encoded<'_>; N]) {
    let mut at = scratch.len();
    scratch.resize(at + elements.iter().map(|element| element.len()).sum::<usize>(), 0);
    for element in elements {
        element.write(&mut scratch[at..]);
        at += element.len();
    }
}

/// Sets a field in a blob without deadlines; whether it is new. The count is the caller's.
pub(super) fn put(blob: &mut Scratch, field: &[u8], value: &[u8]) -> bool {
    let value = Encoded::new(value);
    let Some(place) = Small::of(Kind::HashPacked, blob).find(field) else {
        push(blob, [&Encoded::new(field), &value]);
        return true;
    };
    let (start, old_len) = (place.value_start, place.value_end - place.value_start);
    let end = blob.len();
    if value.len() > old_len {
        blob.resize(end + value.len() - old_len, 0);
    }
    blob.copy_within(start + old_len..end, start + value.len());
    value.write(&mut blob[start..start + value.len()]);
    blob.truncate(end + value.len() - old_len);
    false
}

/// The encoding of a deadline.
#[inline]
pub(super) fn encoded_deadline(deadline_ms: Option<i64>) -> Encoded<'static> {
    Encoded::int(deadline_ms.unwrap_or(0))
}
