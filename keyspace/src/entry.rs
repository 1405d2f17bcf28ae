//! A key with its value: one record in a table's slab.
//!
//! ```text
//! byte 0     kind (5 bits), has a deadline, long key, long value
//! 1..4       access clock, 24 bits: seconds (LRU) or minutes and counter (LFU)
//! [8]        deadline, unix milliseconds
//! 1 or 4     key length         1 or 4   value length
//! ..         key                ..       value
//! ```
//! A 16-byte key with a 16-byte value takes 38 bytes: a slot of 40.
//!
//! # Invariants
//! - The value of an object kind is 8 bytes: the address of a leaked box or Arc that this entry alone owns, or the
//!   word of a stub.
#![allow(unsafe_code)]

use std::ops::Range;
use std::ptr::NonNull;

use crate::dict::Records;

/// What an entry's value bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// A string as it was written.
    Str,
    /// A string that was edited in place; the same bytes, but Redis calls it raw.
    StrRaw,
    /// A string in canonical decimal form, as 8 bytes.
    Int,
    /// A string of its own allocation, shared with replies under way.
    StrShared,
    /// A count, then field, value, field, value ... in `packed` form.
    HashPacked,
    /// A count, then field, value, deadline (0: none) ... in `packed` form.
    HashPackedEx,
    /// [`crate::hash::Hash`].
    Hash,
    /// [`crate::list::List`].
    List,
    /// Sorted integers in `intset` form.
    SetInts,
    /// Their number, then the members, in `packed` form.
    SetPacked,
    /// [`crate::set::Set`].
    Set,
    /// Member, score ... in `packed` form, sorted.
    ZsetPacked,
    /// [`crate::zset::SortedSet`].
    Zset,
    /// [`crate::stream::Stream`].
    Stream,
    /// A string that is not in memory: [`crate::warm::Stub`].
    WarmString,
    /// A hash, likewise.
    WarmHash,
    /// A list, likewise.
    WarmList,
    /// A set, likewise.
    WarmSet,
    /// A sorted set, likewise.
    WarmZset,
    /// A stream, likewise.
    WarmStream,
}

/// Types as clients know them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// string
    String,
    /// hash
    Hash,
    /// list
    List,
    /// set
    Set,
    /// zset
    Zset,
    /// stream
    Stream,
}

impl Type {
    /// As TYPE answers it.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Hash => "hash",
            Self::List => "list",
            Self::Set => "set",
            Self::Zset => "zset",
            Self::Stream => "stream",
        }
    }
}

const KINDS: [Kind; 20] = [
    Kind::Str,
    Kind::StrRaw,
    Kind::Int,
    Kind::StrShared,
    Kind::HashPacked,
    Kind::HashPackedEx,
    Kind::Hash,
    Kind::List,
    Kind::SetInts,
    Kind::SetPacked,
    Kind::Set,
    Kind::ZsetPacked,
    Kind::Zset,
    Kind::Stream,
    Kind::WarmString,
    Kind::WarmHash,
    Kind::WarmList,
    Kind::WarmSet,
    Kind::WarmZset,
    Kind::WarmStream,
];

impl Kind {
    /// The type that a kind implements.
    #[inline]
    pub fn type_of(self) -> Type {
        match self {
            Self::Str | Self::StrRaw | Self::Int | Self::StrShared | Self::WarmString => Type::String,
            Self::HashPacked | Self::HashPackedEx | Self::Hash | Self::WarmHash => Type::Hash,
            Self::List | Self::WarmList => Type::List,
            Self::SetInts | Self::SetPacked | Self::Set | Self::WarmSet => Type::Set,
            Self::ZsetPacked | Self::Zset | Self::WarmZset => Type::Zset,
            Self::Stream | Self::WarmStream => Type::Stream,
        }
    }

    /// Whether the value bytes are the address of an object.
    #[inline]
    pub fn is_object(self) -> bool {
        matches!(self, Self::StrShared | Self::Hash | Self::List | Self::Set | Self::Zset | Self::Stream)
            || self.is_warm()
    }

    /// The kind of a number that was one.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        KINDS.get(usize::from(number)).copied()
    }
}

const KIND_MASK: u8 = 31;
const HAS_DEADLINE: u8 = 1 << 5;
const LONG_KEY: u8 = 1 << 6;
const LONG_VALUE: u8 = 1 << 7;
const HEAD_SIZE: usize = 4;

/// The layout of the keyspace's tables.
pub struct Entries;

impl Records for Entries {
    #[inline]
    unsafe fn key<'a>(record: NonNull<u8>) -> &'a [u8] {
        // SAFETY: the caller's promise; every record of these tables is an entry.
        unsafe { Entry::at(record) }.key()
    }
}

/// The measures of an entry; they decide where everything stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) key_len: usize,
    pub(crate) value_len: usize,
    pub(crate) has_deadline: bool,
}

fn length_size(len: usize) -> usize {
    if len < 256 { 1 } else { 4 }
}

impl Shape {
    pub(crate) fn key_at(self) -> usize {
        HEAD_SIZE + usize::from(self.has_deadline) * 8 + length_size(self.key_len) + length_size(self.value_len)
    }

    pub(crate) fn size(self) -> usize {
        self.key_at() + self.key_len + self.value_len
    }

    fn flags(self, kind: Kind) -> u8 {
        kind as u8
            | if self.has_deadline { HAS_DEADLINE } else { 0 }
            | if self.key_len > 255 { LONG_KEY } else { 0 }
            | if self.value_len > 255 { LONG_VALUE } else { 0 }
    }
}

/// A live entry.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    record: NonNull<u8>,
    lifetime: std::marker::PhantomData<&'a [u8]>,
}

impl<'a> Entry<'a> {
    /// # Safety
    /// `record` is an entry that lives, unchanged in its shape, for `'a`.
    #[inline]
    pub(crate) unsafe fn at(record: NonNull<u8>) -> Self {
        Self { record, lifetime: std::marker::PhantomData }
    }

    pub(crate) fn record(self) -> NonNull<u8> {
        self.record
    }

    #[inline]
    fn byte(self, at: usize) -> u8 {
        // SAFETY: `at` is inside the record, by the layout.
        unsafe { self.record.add(at).read() }
    }

    #[inline]
    fn length(self, at: usize, long: bool) -> (usize, usize) {
        if long {
            // SAFETY: a long length takes 4 bytes, by the layout.
            (unsafe { self.record.add(at).cast::<u32>().read_unaligned() } as usize, at + 4)
        } else {
            (usize::from(self.byte(at)), at + 1)
        }
    }

    #[inline]
    fn parts(self) -> (usize, usize, usize) {
        let flags = self.byte(0);
        let at = HEAD_SIZE + if flags & HAS_DEADLINE != 0 { 8 } else { 0 };
        let (key_len, at) = self.length(at, flags & LONG_KEY != 0);
        let (value_len, at) = self.length(at, flags & LONG_VALUE != 0);
        (at, key_len, value_len)
    }

    pub(crate) fn shape(self) -> Shape {
        let (_, key_len, value_len) = self.parts();
        Shape { key_len, value_len, has_deadline: self.has_deadline() }
    }

    /// What the value is.
    #[inline]
    pub fn kind(self) -> Kind {
        KINDS[usize::from(self.byte(0) & KIND_MASK)]
    }

    /// The key.
    #[inline]
    pub fn key(self) -> &'a [u8] {
        let (at, key_len, _) = self.parts();
        // SAFETY: the layout.
        unsafe { std::slice::from_raw_parts(self.record.add(at).as_ptr(), key_len) }
    }

    /// The value's bytes (an address for objects).
    #[inline]
    pub fn value(self) -> &'a [u8] {
        let (at, key_len, value_len) = self.parts();
        // SAFETY: the layout.
        unsafe { std::slice::from_raw_parts(self.record.add(at + key_len).as_ptr(), value_len) }
    }

    /// The number of the value's bytes.
    #[inline]
    pub(crate) fn value_len(self) -> usize {
        self.parts().2
    }

    /// The number that the value is, when it is stored as one.
    pub fn int(self) -> Option<i64> {
        (self.kind() == Kind::Int).then(|| self.word() as i64)
    }

    /// The 8 value bytes of an integer or an object's address.
    #[inline]
    pub(crate) fn word(self) -> u64 {
        let (at, key_len, value_len) = self.parts();
        debug_assert_eq!(value_len, 8);
        // SAFETY: the layout; only called for kinds of 8 bytes.
        unsafe { self.record.add(at + key_len).cast::<u64>().read_unaligned() }
    }

    /// Whether the key expires.
    #[inline]
    pub fn has_deadline(self) -> bool {
        self.byte(0) & HAS_DEADLINE != 0
    }

    /// When the key expires, unix milliseconds.
    #[inline]
    pub fn deadline_ms(self) -> Option<i64> {
        // SAFETY: the layout.
        self.has_deadline().then(|| unsafe { self.record.add(HEAD_SIZE).cast::<i64>().read_unaligned() })
    }

    /// The access clock, 24 bits.
    #[inline]
    pub fn clock(self) -> u32 {
        // SAFETY: the head is 4 bytes, and records are aligned to 8.
        unsafe { self.record.cast::<u32>().read() }.to_le() >> 8
    }
}

/// Changes of an entry in place; for the holder of the table's lock.
pub(crate) struct EntryMut(NonNull<u8>);

impl EntryMut {
    /// # Safety
    /// `record` is a live entry (or memory for one of the shape about to be written) and nobody else uses it.
    #[inline]
    pub(crate) unsafe fn at(record: NonNull<u8>) -> Self {
        Self(record)
    }

    /// Writes everything but the value.
    ///
    /// # Safety
    /// The record has room for `shape`; `key` is `shape.key_len` long and does not overlap it.
    #[inline]
    pub(crate) unsafe fn write_head(&self, kind: Kind, shape: Shape, clock: u32, deadline_ms: i64, key: &[u8]) {
        // SAFETY: the caller's promise, and the layout.
        unsafe {
            self.0.cast::<u32>().write((u32::from(shape.flags(kind)) | clock << 8).to_le());
            let mut at = HEAD_SIZE;
            if shape.has_deadline {
                self.0.add(at).cast::<i64>().write_unaligned(deadline_ms);
                at += 8;
            }
            for len in [shape.key_len, shape.value_len] {
                if len > 255 {
                    self.0.add(at).cast::<u32>().write_unaligned(len as u32);
                    at += 4;
                } else {
                    self.0.add(at).write(len as u8);
                    at += 1;
                }
            }
            self.0.add(at).as_ptr().copy_from_nonoverlapping(key.as_ptr(), key.len());
        }
    }

    /// Changes kind, lengths and access clock where the key stays in its place.
    ///
    /// # Safety
    /// The record has room for `shape`, whose key is the present one and begins where it does now.
    #[inline]
    pub(crate) unsafe fn set_lengths(&self, kind: Kind, shape: Shape, clock: u32) {
        // SAFETY: the caller's promise, and the layout: the value's length stands right before the key.
        unsafe {
            self.0.cast::<u32>().write((u32::from(shape.flags(kind)) | clock << 8).to_le());
            let at = shape.key_at() - length_size(shape.value_len);
            if shape.value_len > 255 {
                self.0.add(at).cast::<u32>().write_unaligned(shape.value_len as u32);
            } else {
                self.0.add(at).write(shape.value_len as u8);
            }
        }
    }

    /// Replaces a range of the value by other bytes.
    ///
    /// # Safety
    /// The record, now of shape `old`, has room for `new` too, which differs in the value's length alone and leaves
    /// the key where it is. `range` lies inside the value, and `new` is as much longer as `insert` is than it.
    #[inline]
    pub(crate) unsafe fn splice_in_place(
        &self,
        kind: Kind,
        old: Shape,
        new: Shape,
        clock: u32,
        range: Range<usize>,
        insert: &[u8],
    ) {
        // SAFETY: the caller's promise; the value stands right behind the key.
        unsafe {
            let value = self.0.add(old.key_at() + old.key_len).as_ptr();
            let tail = value.add(range.start + insert.len());
            tail.copy_from(value.add(range.end), old.value_len - range.end);
            value.add(range.start).copy_from_nonoverlapping(insert.as_ptr(), insert.len());
            self.set_lengths(kind, new, clock);
        }
    }

    /// The value's bytes for writing.
    ///
    /// # Safety
    /// The head is written, and no other reference to the record is in use.
    #[inline]
    pub(crate) unsafe fn value_mut<'a>(&self) -> &'a mut [u8] {
        // SAFETY: the caller's promise, and the layout.
        unsafe {
            let (at, key_len, value_len) = Entry::at(self.0).parts();
            std::slice::from_raw_parts_mut(self.0.add(at + key_len).as_ptr(), value_len)
        }
    }

    /// # Safety
    /// The entry has a deadline.
    #[inline]
    pub(crate) unsafe fn set_deadline_ms(&self, deadline_ms: i64) {
        // SAFETY: the caller's promise, and the layout.
        unsafe { self.0.add(HEAD_SIZE).cast::<i64>().write_unaligned(deadline_ms) }
    }

    /// Changes the access clock and nothing else.
    #[inline]
    pub(crate) fn set_clock(&self, clock: u32) {
        // SAFETY: the head is 4 bytes.
        unsafe {
            let flags = u32::from(self.0.read());
            self.0.cast::<u32>().write((flags | clock << 8).to_le());
        }
    }

    /// Changes kind and access clock and nothing else.
    #[inline]
    pub(crate) fn set_kind_and_clock(&self, kind: Kind, clock: u32) {
        // SAFETY: the head is 4 bytes.
        unsafe {
            let flags = self.0.read() & !KIND_MASK | kind as u8;
            self.0.cast::<u32>().write((u32::from(flags) | clock << 8).to_le());
        }
    }
}
