//! A block: entries in a row, packed.
//!
//! ```text
//! names of the fields of the first entry, in `packed` form
//! entry ..:  head       bit 0: the fields are those, bit 1: a number follows, rest: milliseconds since the last
//!                       entry, or 63 when those follow
//!            [ms]       varint, since the last entry
//!            [number]   varint: within a new millisecond as it is, within the same one what exceeds the expected one
//!            [fields]   varint, where they are not those of the first entry
//!            value, value .. or name, value, name, value ..  in `packed` form
//! ```
//! An entry of a busy stream so takes one byte beside its values.
//!
//! # Invariants
//! - Ids ascend. The first entry is told relative to the block's own id, which the owner keeps.
//! - Entries that were removed leave no bytes, only their number in `deleted`.
//! - The bytes may be shared with a copy, as the picture of a snapshot is: who changes them first makes his own.

use std::sync::Arc;

use crate::packed::{self, Element, Encoded};

use super::id::Id;

const SAME_FIELDS: u8 = 1;
const HAS_SEQ: u8 = 2;
const MS_SHIFT: u32 = 2;
const MS_FOLLOWS: u8 = 63;
/// Head, and two varints of 64 bits.
const HEAD_LEN_MAX: usize = 21;

/// Header, end and the byte behind the master entry of the listpack that Redis would make.
const LISTPACK_FIXED: usize = 6 + 1 + 2;

/// See the module's head.
#[derive(Clone)]
pub(super) struct Block {
    bytes: Arc<Vec<u8>>,
    /// The last entry; meaningless in an empty block.
    newest: Id,
    entries_at: u32,
    fields: u32,
    count: u32,
    deleted: u32,
    /// Bytes that the elements of Redis's listpack would take: they decide when a block is full, which clients see.
    listpack_bytes: u32,
}

/// Where an entry stands and what it is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) id: Id,
    /// Behind what tells the id.
    body: u32,
    has_block_fields: bool,
}

impl Block {
    /// A block whose first entry will have the fields given.
    pub(super) fn new<'v>(id: Id, names: impl Iterator<Item = &'v [u8]>) -> Self {
        let (mut bytes, mut fields, mut listpack_bytes) = (Vec::new(), 0, 0);
        for name in names {
            listpack_bytes += append(&mut bytes, name);
            fields += 1;
        }
        listpack_bytes += integer_size(i64::from(fields));
        Self {
            entries_at: bytes.len() as u32,
            bytes: Arc::new(bytes),
            newest: start(id),
            fields,
            count: 0,
            deleted: 0,
            listpack_bytes: listpack_bytes as u32,
        }
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn deleted(&self) -> u32 {
        self.deleted
    }

    pub(super) fn set_deleted(&mut self, deleted: u32) {
        self.deleted = deleted;
    }

    pub(super) fn newest(&self) -> Id {
        self.newest
    }

    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// What Redis would need for these entries.
    pub(super) fn listpack_bytes(&self) -> usize {
        let counts = integer_size(i64::from(self.count)) + integer_size(i64::from(self.deleted));
        LISTPACK_FIXED + counts + self.listpack_bytes as usize
    }

    /// The names of the fields that most entries share.
    pub(super) fn names(&self) -> packed::Iter<'_> {
        packed::Iter::new(&self.bytes[..self.entries_at as usize])
    }

    /// Gives room that is not needed back.
    pub(super) fn shrink(&mut self) {
        if let Some(bytes) = Arc::get_mut(&mut self.bytes) {
            bytes.shrink_to_fit();
        }
    }

    /// Adds an entry of `words`, which are field, value, field, value ..; `id` is greater than all before.
    #[inline]
    pub(super) fn append<'v>(&mut self, own: Id, id: Id, words: impl Iterator<Item = &'v [u8]> + Clone) {
        let is_same = self.has_fields(words.clone().step_by(2));
        let head = Head::new(self.newest, id, is_same);
        let bytes = Arc::make_mut(&mut self.bytes);
        bytes.extend_from_slice(head.bytes());
        let mut size =
            2 + integer_size(id.ms.wrapping_sub(own.ms) as i64) + integer_size(id.seq.wrapping_sub(own.seq) as i64);
        let mut stored = 0;
        if is_same {
            for value in words.skip(1).step_by(2) {
                size += append(bytes, value);
                stored += 1;
            }
            size += integer_size(stored + 3);
        } else {
            let fields = words.clone().count() / 2;
            push_varint(bytes, fields as u64);
            size += integer_size(fields as i64);
            for word in words {
                size += append(bytes, word);
                stored += 1;
            }
            size += integer_size(stored + 4);
        }
        self.listpack_bytes += size as u32;
        self.newest = id;
        self.count += 1;
    }

    #[inline]
    fn has_fields<'v>(&self, names: impl Iterator<Item = &'v [u8]>) -> bool {
        let mut own = self.names();
        for name in names {
            if !own.next().is_some_and(|(element, _)| element.eq_bytes(name)) {
                return false;
            }
        }
        own.next().is_none()
    }

    /// A walk over the entries.
    pub(super) fn walk(&self, own: Id) -> Walk<'_> {
        Walk { block: self, at: self.entries_at as usize, previous: start(own) }
    }

    fn place_at(&self, at: usize, previous: Id) -> Place {
        let head = self.bytes[at];
        let mut at = at + 1;
        let mut ms = u64::from(head >> MS_SHIFT);
        if ms == u64::from(MS_FOLLOWS) {
            (ms, at) = read_varint(&self.bytes, at);
        }
        let expected = if ms == 0 { previous.seq.wrapping_add(1) } else { 0 };
        let mut seq = expected;
        if head & HAS_SEQ != 0 {
            let (more, next) = read_varint(&self.bytes, at);
            (seq, at) = (expected.wrapping_add(more), next);
        }
        let id = Id { ms: previous.ms.wrapping_add(ms), seq };
        Place { id, body: at as u32, has_block_fields: head & SAME_FIELDS != 0 }
    }

    fn end_of(&self, place: Place) -> usize {
        let (mut at, mut elements) = (place.body as usize, self.fields as usize);
        if !place.has_block_fields {
            let (fields, next) = read_varint(&self.bytes, at);
            (at, elements) = (next, fields as usize * 2);
        }
        for _ in 0..elements {
            let Some(next) = packed::skip(&self.bytes, at) else { break };
            at = next;
        }
        at
    }

    /// Whether there is an entry with this id.
    pub(super) fn find(&self, own: Id, id: Id) -> Option<Place> {
        if id > self.newest {
            return None;
        }
        self.walk(own).map(|(_, place)| place).find(|place| place.id >= id).filter(|place| place.id == id)
    }

    /// The number of fields of an entry.
    pub(super) fn fields_of(&self, place: Place) -> usize {
        if place.has_block_fields {
            self.fields as usize
        } else {
            read_varint(&self.bytes, place.body as usize).0 as usize
        }
    }

    /// The fields of an entry with their values.
    pub(super) fn pairs(&self, place: Place) -> Fields<'_> {
        if place.has_block_fields {
            let values = packed::Iter::from_offset(&self.bytes, place.body as usize);
            return Fields { names: Some(self.names()), rest: values, left: self.fields as usize };
        }
        let (fields, at) = read_varint(&self.bytes, place.body as usize);
        Fields { names: None, rest: packed::Iter::from_offset(&self.bytes, at), left: fields as usize }
    }

    /// Removes an entry; whether it was there.
    pub(super) fn remove(&mut self, own: Id, id: Id) -> bool {
        if id > self.newest {
            return false;
        }
        let mut previous = start(own);
        let Some((at, place)) = self.walk(own).find(|(_, place)| {
            let is_before = place.id < id;
            if is_before {
                previous = place.id;
            }
            !is_before
        }) else {
            return false;
        };
        if place.id != id {
            return false;
        }
        self.cut(at, self.end_of(place), previous, id, 1);
        true
    }

    /// Removes entries from the first on while `goes` says so; the number of those that went.
    pub(super) fn remove_first(&mut self, own: Id, mut goes: impl FnMut(Id) -> bool) -> u32 {
        let (mut end, mut last, mut count) = (self.entries_at as usize, start(own), 0);
        for (at, place) in self.walk(own) {
            if !goes(place.id) {
                break;
            }
            (end, last, count) = (self.end_of(place), place.id, count + 1);
            debug_assert!(at < end);
        }
        if count > 0 {
            self.cut(self.entries_at as usize, end, start(own), last, count);
        }
        count
    }

    /// Removes the bytes of `count` entries, of which `last` is the last one, after the entry `previous`.
    fn cut(&mut self, from: usize, to: usize, previous: Id, last: Id, count: u32) {
        self.count -= count;
        self.deleted = self.deleted.saturating_add(count);
        let next = (to < self.bytes.len()).then(|| self.place_at(to, last));
        let bytes = Arc::make_mut(&mut self.bytes);
        if let Some(next) = next {
            let head = Head::new(previous, next.id, next.has_block_fields);
            bytes.splice(from..next.body as usize, head.bytes().iter().copied());
        } else {
            bytes.truncate(from);
            self.newest = previous;
        }
        if bytes.capacity() > 2 * bytes.len() + 64 {
            bytes.shrink_to_fit();
        }
    }
}

/// What a block's first entry is told relative to: the id right before the block's own, in the same millisecond.
fn start(own: Id) -> Id {
    Id { ms: own.ms, seq: own.seq.wrapping_sub(1) }
}

/// Appends an element; the bytes that it would take in a listpack.
#[inline]
fn append(bytes: &mut Vec<u8>, word: &[u8]) -> usize {
    let before = bytes.len();
    packed::encode(word, bytes);
    with_back_length(bytes.len() - before)
}

/// A listpack element of `len` bytes with the length behind it, 7 bits a byte.
#[inline]
fn with_back_length(len: usize) -> usize {
    len + match len {
        0..128 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

#[inline]
fn integer_size(integer: i64) -> usize {
    Encoded::int(integer).len() + 1
}

/// What tells the id of an entry.
struct Head {
    bytes: [u8; HEAD_LEN_MAX],
    len: u8,
}

impl Head {
    #[inline]
    fn new(previous: Id, id: Id, is_same: bool) -> Self {
        let mut head = Self { bytes: [0; HEAD_LEN_MAX], len: 1 };
        let ms = id.ms.wrapping_sub(previous.ms);
        let mut flags = u8::from(is_same) * SAME_FIELDS;
        if ms < u64::from(MS_FOLLOWS) {
            flags |= (ms as u8) << MS_SHIFT;
        } else {
            flags |= MS_FOLLOWS << MS_SHIFT;
            head.push(ms);
        }
        let expected = if ms == 0 { previous.seq.wrapping_add(1) } else { 0 };
        let more = id.seq.wrapping_sub(expected);
        if more != 0 {
            flags |= HAS_SEQ;
            head.push(more);
        }
        head.bytes[0] = flags;
        head
    }

    fn push(&mut self, mut number: u64) {
        while number >= 128 {
            self.bytes[usize::from(self.len)] = number as u8 | 128;
            number >>= 7;
            self.len += 1;
        }
        self.bytes[usize::from(self.len)] = number as u8;
        self.len += 1;
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

fn push_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 128 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[inline]
fn read_varint(bytes: &[u8], mut at: usize) -> (u64, usize) {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = bytes[at];
        at += 1;
        number |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return (number, at);
        }
        shift += 7;
    }
}

/// Entries in order, each with where it begins.
#[derive(Clone)]
pub(super) struct Walk<'a> {
    pub(super) block: &'a Block,
    at: usize,
    previous: Id,
}

impl Walk<'_> {
    /// Goes on at the first entry that is not before `id`.
    #[inline]
    pub(super) fn seek(&mut self, id: Id) {
        while self.at < self.block.bytes.len() {
            let place = self.block.place_at(self.at, self.previous);
            if place.id >= id {
                return;
            }
            self.at = self.block.end_of(place);
            self.previous = place.id;
        }
    }
}

impl Walk<'_> {
    /// Goes behind the last entry.
    pub(super) fn seek_end(&mut self) {
        self.at = self.block.bytes.len();
    }
}

impl Iterator for Walk<'_> {
    type Item = (usize, Place);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.block.bytes.len() {
            return None;
        }
        let (at, place) = (self.at, self.block.place_at(self.at, self.previous));
        self.at = self.block.end_of(place);
        self.previous = place.id;
        Some((at, place))
    }
}

/// The fields of an entry with their values, in the order in which they were added.
#[derive(Clone)]
pub struct Fields<'a> {
    names: Option<packed::Iter<'a>>,
    rest: packed::Iter<'a>,
    left: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Element<'a>, Element<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let (name, _) = match &mut self.names {
            Some(names) => names.next()?,
            None => self.rest.next()?,
        };
        let (value, _) = self.rest.next()?;
        Some((name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}
