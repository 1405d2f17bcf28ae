//! The packed set: the number of members, then the members, all in `packed` form.
//!
//! The number stands in front so that SCARD, the limits and a random choice need no walk; it takes one byte
//! up to 127 members.

use std::ops::Range;

use smallvec::SmallVec;

use crate::packed::{self, Element, Encoded};

/// A packed set's blob, its head read.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a> {
    blob: &'a [u8],
    /// Where the members begin.
    pub(super) at: usize,
    pub(super) count: usize,
}

impl<'a> Packed<'a> {
    #[inline]
    pub(super) fn new(blob: &'a [u8]) -> Self {
        match packed::decode(blob, 0) {
            Some((Element::Int(count), at)) => Self { blob, at, count: count as usize },
            _ => Self { blob, at: blob.len(), count: 0 },
        }
    }

    /// Where a member stands in the blob.
    #[inline]
    pub(super) fn find(&self, member: &[u8]) -> Option<Range<usize>> {
        let found = packed::find(&self.blob[self.at..], member, 0)?;
        Some(found.start + self.at..found.end + self.at)
    }

    #[inline]
    pub(super) fn iter(&self) -> packed::Iter<'a> {
        packed::Iter::from_offset(self.blob, self.at)
    }

    /// The member at a place in the blob's order, and where it stands.
    pub(super) fn get(&self, index: usize) -> Option<(Element<'a>, Range<usize>)> {
        let mut at = self.at;
        for _ in 0..index {
            at = packed::skip(self.blob, at)?;
        }
        packed::Iter::from_offset(self.blob, at).next()
    }
}

/// The head of a blob of `count` members.
pub(super) fn head(count: usize) -> SmallVec<[u8; 16]> {
    if count <= 127 {
        // The encoding of such a number is the number: no buffer is needed.
        return SmallVec::from_slice(&[count as u8]);
    }
    let mut head = Vec::new();
    packed::encode_int(count as i64, &mut head);
    SmallVec::from_vec(head)
}

/// A member in `packed` form, on the stack when it is short enough for usual limits.
#[inline]
pub(super) fn encoded(member: &[u8]) -> SmallVec<[u8; 96]> {
    let encoded = Encoded::new(member);
    let mut bytes = SmallVec::from_elem(0, encoded.len());
    encoded.write(&mut bytes);
    bytes
}
