//! Where a table's records live: in a slab where many are of one size, in allocations of their own elsewhere.
//!
//! A slab's page serves one size class, so the records of a table of ten members might take ten pages. Records
//! go to the allocator until the table is worth a slab, and then those of a class until they would fill a
//! page. A table of many sizes thus wastes at most about as much as it holds, one of few sizes next to nothing.
//!
//! # Invariants
//! - Whoever allocates keeps what `alloc` said of the record's home and gives it to `free`.
//! - The slab holds no large records, so dropping it needs no walk.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use crate::slab::{self, RECORD_SIZE_MAX, Slab};

/// A table with less than this in its records needs no slab.
const LOOSE_BYTES_MAX: usize = 8192;
/// A class with less than this in records of their own needs no page.
const CLASS_LOOSE_BYTES_MAX: u16 = 4096;
/// Size classes are multiples of 8 up to [`RECORD_SIZE_MAX`].
const CLASSES: usize = RECORD_SIZE_MAX / 8;

/// Whose memory a record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Home {
    Slab,
    Own,
}

/// See the module's head.
#[derive(Default)]
pub(crate) struct Room {
    paged: Option<Box<Paged>>,
    loose_bytes: usize,
}

struct Paged {
    slab: Slab,
    /// Bytes given out as own allocations since the slab is there, by class.
    loose_bytes: [u16; CLASSES],
}

impl Room {
    /// Bytes of live records, and of the slab's own state.
    pub(crate) fn memory_usage(&self) -> usize {
        self.loose_bytes + self.paged.as_ref().map_or(0, |paged| size_of::<Paged>() + paged.slab.bytes())
    }

    /// Room for `size` bytes, aligned to 8, uninitialised; and where it is.
    #[inline]
    pub(crate) fn alloc(&mut self, size: usize) -> (NonNull<u8>, Home) {
        if size <= RECORD_SIZE_MAX
            && let Some(paged) = &mut self.paged
        {
            let class = slab::usable_size(size) / 8 - 1;
            if paged.loose_bytes[class] >= CLASS_LOOSE_BYTES_MAX {
                return (paged.slab.alloc(size), Home::Slab);
            }
            paged.loose_bytes[class] += slab::usable_size(size) as u16;
        }
        (self.alloc_loose(size), Home::Own)
    }

    fn alloc_loose(&mut self, size: usize) -> NonNull<u8> {
        self.loose_bytes += size;
        if self.loose_bytes > LOOSE_BYTES_MAX && self.paged.is_none() {
            self.paged = Some(Box::new(Paged { slab: Slab::new(), loose_bytes: [0; CLASSES] }));
        }
        let layout = layout(size);
        // SAFETY: records are not empty.
        NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
    }

    /// Gives back a record.
    ///
    /// # Safety
    /// `alloc(size)` of this room gave `record` and `home`, and the record is not used afterwards.
    #[inline]
    pub(crate) unsafe fn free(&mut self, record: NonNull<u8>, size: usize, home: Home) {
        match (&mut self.paged, home) {
            // SAFETY: the caller's promise.
            (Some(paged), Home::Slab) => unsafe { paged.slab.free(record, size) },
            _ => {
                self.loose_bytes -= size;
                // SAFETY: allocated with this layout in `alloc_loose`.
                unsafe { dealloc(record.as_ptr(), layout(size)) }
            }
        }
    }
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("sizes are below isize::MAX")
}
