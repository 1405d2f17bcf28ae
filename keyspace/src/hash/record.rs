//! A field of a large hash with its value: one record in the hash's slab.
//!
//! ```text
//! byte 0            widths of the two lengths (2 bits each: 1, 2, 4 or 8 bytes), has a deadline
//! 1, 2, 4 or 8      field length
//! 1, 2, 4 or 8      value length
//! [8]               deadline, unix milliseconds
//! ..                field, value
//! ```
//! 16 bytes with 16 bytes take 35: a slot of 40.
//!
//! # Invariants
//! - Only this module reads or writes records; the owner allocates [`Shape::size`] bytes for one and frees as many.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::dict::Records;
use crate::slab;

const VALUE_WIDTH_AT: u32 = 2;
const WIDTH_MASK: u8 = 3;
const HAS_DEADLINE: u8 = 1 << 4;

/// The layout of a large hash's table.
pub(super) struct Fields;

impl Records for Fields {
    #[inline]
    unsafe fn key<'a>(record: NonNull<u8>) -> &'a [u8] {
        // SAFETY: the caller's promise; every record of these tables is one of ours.
        unsafe { Record::at(record) }.field()
    }
}

/// The measures of a record; they decide where everything stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) field_len: usize,
    pub(super) value_len: usize,
    pub(super) has_deadline: bool,
}

/// The binary logarithm of the bytes that a length takes.
#[inline]
fn width(len: usize) -> u8 {
    match len {
        0..=0xFF => 0,
        0x100..=0xFFFF => 1,
        0x1_0000..=0xFFFF_FFFF => 2,
        _ => 3,
    }
}

impl Shape {
    #[inline]
    fn flags(self) -> u8 {
        width(self.field_len)
            | width(self.value_len) << VALUE_WIDTH_AT
            | if self.has_deadline { HAS_DEADLINE } else { 0 }
    }

    #[inline]
    pub(super) fn size(self) -> usize {
        field_at(self.flags()) + self.field_len + self.value_len
    }

    /// Whether a record of this shape in a slab can become one of shape `new` where it stands.
    #[inline]
    pub(super) fn shares_slot_with(self, new: Self) -> bool {
        self.flags() == new.flags() && slab::usable_size(self.size()) == slab::usable_size(new.size())
    }
}

#[inline]
fn field_width(flags: u8) -> u8 {
    flags & WIDTH_MASK
}

#[inline]
fn value_width(flags: u8) -> u8 {
    flags >> VALUE_WIDTH_AT & WIDTH_MASK
}

#[inline]
fn deadline_at(flags: u8) -> usize {
    1 + (1 << field_width(flags)) + (1 << value_width(flags))
}

#[inline]
fn field_at(flags: u8) -> usize {
    deadline_at(flags) + if flags & HAS_DEADLINE != 0 { 8 } else { 0 }
}

/// A live record.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    at: NonNull<u8>,
    lifetime: PhantomData<&'a [u8]>,
}

impl<'a> Record<'a> {
    /// # Safety
    /// `record` was written by [`write`] and lives, unchanged, for `'a`.
    #[inline]
    pub(super) unsafe fn at(record: NonNull<u8>) -> Self {
        Self { at: record, lifetime: PhantomData }
    }

    #[inline]
    fn flags(self) -> u8 {
        // SAFETY: a record begins with its flags.
        unsafe { self.at.read() }
    }

    #[inline]
    fn length(self, at: usize, width: u8) -> usize {
        // SAFETY: the caller passes a length's place and width as the flags give them.
        unsafe {
            let place = self.at.add(at);
            match width {
                0 => usize::from(place.read()),
                1 => usize::from(place.cast::<u16>().read_unaligned()),
                2 => place.cast::<u32>().read_unaligned() as usize,
                _ => place.cast::<u64>().read_unaligned() as usize,
            }
        }
    }

    #[inline]
    fn bytes(self, at: usize, len: usize) -> &'a [u8] {
        // SAFETY: field and value lie inside the record, by the layout.
        unsafe { std::slice::from_raw_parts(self.at.add(at).as_ptr(), len) }
    }

    /// The field's name.
    #[inline]
    pub(super) fn field(self) -> &'a [u8] {
        let flags = self.flags();
        self.bytes(field_at(flags), self.length(1, field_width(flags)))
    }

    /// Its value.
    #[inline]
    pub(super) fn value(self) -> &'a [u8] {
        let (flags, shape) = (self.flags(), self.shape());
        self.bytes(field_at(flags) + shape.field_len, shape.value_len)
    }

    #[inline]
    pub(super) fn shape(self) -> Shape {
        let flags = self.flags();
        Shape {
            field_len: self.length(1, field_width(flags)),
            value_len: self.length(1 + (1 << field_width(flags)), value_width(flags)),
            has_deadline: flags & HAS_DEADLINE != 0,
        }
    }

    /// When the field expires, unix milliseconds.
    #[inline]
    pub(super) fn deadline_ms(self) -> Option<i64> {
        let flags = self.flags();
        // SAFETY: the flag says that the deadline is there.
        (flags & HAS_DEADLINE != 0).then(|| unsafe { self.at.add(deadline_at(flags)).cast::<i64>().read_unaligned() })
    }
}

/// Writes a whole record.
///
/// # Safety
/// `room` has space for the shape of these parts, which do not overlap it.
#[inline]
pub(super) unsafe fn write(room: NonNull<u8>, field: &[u8], value: &[u8], deadline_ms: Option<i64>) {
    // SAFETY: the caller's promise, and the layout.
    unsafe {
        write_head(room, shape_of(field, value, deadline_ms), deadline_ms);
        let at = room.add(field_at(room.read()));
        at.as_ptr().copy_from_nonoverlapping(field.as_ptr(), field.len());
        at.add(field.len()).as_ptr().copy_from_nonoverlapping(value.as_ptr(), value.len());
    }
}

/// Gives a record another value and deadline where it stands.
///
/// # Safety
/// The record is live, has room for the new shape, which differs in the value's length at most, nobody else refers to it, and `value`
/// does not overlap it.
#[inline]
pub(super) unsafe fn rewrite(record: NonNull<u8>, value: &[u8], deadline_ms: Option<i64>) {
    // SAFETY: the caller's promise: the flags stay, so the field stays in its place.
    unsafe {
        let field_len = Record::at(record).shape().field_len;
        let shape = Shape { field_len, value_len: value.len(), has_deadline: deadline_ms.is_some() };
        write_head(record, shape, deadline_ms);
        let at = record.add(field_at(record.read()) + field_len);
        at.as_ptr().copy_from_nonoverlapping(value.as_ptr(), value.len());
    }
}

/// Changes the deadline of a record that has one.
///
/// # Safety
/// The record is live, has a deadline, and nobody else refers to it.
pub(super) unsafe fn set_deadline_ms(record: NonNull<u8>, deadline_ms: i64) {
    // SAFETY: the caller's promise, and the layout.
    unsafe { record.add(deadline_at(record.read())).cast::<i64>().write_unaligned(deadline_ms) }
}

/// The shape of a record of these parts.
#[inline]
pub(super) fn shape_of(field: &[u8], value: &[u8], deadline_ms: Option<i64>) -> Shape {
    Shape { field_len: field.len(), value_len: value.len(), has_deadline: deadline_ms.is_some() }
}

/// # Safety
/// `room` has space for `shape`.
#[inline]
unsafe fn write_head(room: NonNull<u8>, shape: Shape, deadline_ms: Option<i64>) {
    let flags = shape.flags();
    // SAFETY: the caller's promise, and the layout.
    unsafe {
        room.write(flags);
        write_length(room.add(1), shape.field_len, field_width(flags));
        write_length(room.add(1 + (1 << field_width(flags))), shape.value_len, value_width(flags));
        if let Some(deadline_ms) = deadline_ms {
            room.add(deadline_at(flags)).cast::<i64>().write_unaligned(deadline_ms);
        }
    }
}

/// # Safety
/// `place` has space for a length of this width.
#[inline]
unsafe fn write_length(place: NonNull<u8>, len: usize, width: u8) {
    // SAFETY: the caller's promise.
    unsafe {
        match width {
            0 => place.write(len as u8),
            1 => place.cast::<u16>().write_unaligned(len as u16),
            2 => place.cast::<u32>().write_unaligned(len as u32),
            _ => place.cast::<u64>().write_unaligned(len as u64),
        }
    }
}
