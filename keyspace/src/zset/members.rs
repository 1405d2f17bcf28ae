//! The members of a large sorted set: their records in a slab, found through a hash table.
//!
//! # Invariants
//! - A record is `[leaf: u32][length][member]`. The length is one byte, or `MEDIUM` and two bytes.
//!   A member whose record would be too large for a slab page stands in a box of its own, and the
//!   record is `[leaf: u32][LARGE, 3 bytes of padding][address][length][index in boxes: u32]`.
//! - Handles that come in were given out by [`Store::insert`] of the same store and not yet removed;
//!   they never leave the sorted set. So every record that is read is live.
//! - The table holds exactly the live records, and hashes with its own seed.
#![allow(unsafe_code)]

use std::ptr::NonNull;

use super::tree::{LeafId, Members};
use crate::dict::{Dict, Records, Slot};
use crate::slab::{Handle, RECORD_SIZE_MAX, Slab};

const LENGTH_AT: usize = 4;
const MEDIUM: u8 = 254;
const LARGE: u8 = 255;
const ADDRESS_AT: usize = 8;
const SIZE_AT: usize = 16;
const INDEX_AT: usize = 24;
const LARGE_RECORD_SIZE: usize = 28;

/// How a record of a member of `len` bytes looks: where the member begins in it, and its size.
fn shape(len: usize) -> (u8, usize, usize) {
    let (tag, start) = if len < MEDIUM as usize { (len as u8, 5) } else { (MEDIUM, 7) };
    if start + len > RECORD_SIZE_MAX {
        (LARGE, LARGE_RECORD_SIZE, LARGE_RECORD_SIZE)
    } else {
        (tag, start, start + len)
    }
}

/// The layout of the records, for the table.
struct Layout;

impl Records for Layout {
    #[inline]
    unsafe fn key<'a>(record: NonNull<u8>) -> &'a [u8] {
        // SAFETY: a live record has one of the three shapes.
        unsafe {
            let (start, len) = match record.add(LENGTH_AT).read() {
                LARGE => {
                    let address = record.add(ADDRESS_AT).cast::<NonNull<u8>>().read();
                    (address, record.add(SIZE_AT).cast::<usize>().read())
                }
                MEDIUM => {
                    let len = record.add(LENGTH_AT + 1).cast::<u16>().read_unaligned();
                    (record.add(LENGTH_AT + 3), usize::from(len))
                }
                len => (record.add(LENGTH_AT + 1), usize::from(len)),
            };
            std::slice::from_raw_parts(start.as_ptr(), len)
        }
    }
}

/// A member too large for the slab.
struct Boxed(NonNull<[u8]>);

// SAFETY: the bytes are owned by this value alone.
unsafe impl Send for Boxed {}
// SAFETY: shared access only reads.
unsafe impl Sync for Boxed {}

impl Boxed {
    fn new(member: &[u8]) -> Self {
        Self(NonNull::from(Box::leak(Box::<[u8]>::from(member))))
    }
}

impl Drop for Boxed {
    fn drop(&mut self) {
        // SAFETY: leaked in `new` and owned since.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// The members and the way to find them.
pub(super) struct Store {
    slab: Slab,
    dict: Dict<Layout>,
    boxes: Vec<Option<Boxed>>,
    spare_boxes: Vec<u32>,
    boxed_bytes: usize,
}

impl Store {
    pub(super) fn new(seed: u64) -> Self {
        Self { slab: Slab::new(), dict: Dict::new(seed), boxes: Vec::new(), spare_boxes: Vec::new(), boxed_bytes: 0 }
    }

    pub(super) fn seed(&self) -> u64 {
        self.dict.seed()
    }

    pub(super) fn hash(&self, member: &[u8]) -> u64 {
        self.dict.hash(member)
    }

    pub(super) fn find(&self, hash: u64, member: &[u8]) -> Option<(Slot, Handle)> {
        let slot = self.dict.find(hash, member)?;
        Some((slot, Slab::handle(slot.record())))
    }

    /// Adds a member that is not in the store.
    pub(super) fn insert(&mut self, hash: u64, member: &[u8]) -> Handle {
        let (tag, start, size) = shape(member.len());
        let record = self.slab.alloc(size);
        // SAFETY: `size` bytes were just allocated, aligned to 8, and are written by their shape;
        // the record stays until `remove` takes it out of the table.
        unsafe {
            record.cast::<u32>().write(u32::MAX);
            record.add(LENGTH_AT).write(tag);
            if tag == LARGE {
                let boxed = Boxed::new(member);
                record.add(ADDRESS_AT).cast::<NonNull<u8>>().write(boxed.0.cast());
                record.add(SIZE_AT).cast::<usize>().write(member.len());
                record.add(INDEX_AT).cast::<u32>().write(self.keep_box(boxed));
                self.boxed_bytes += member.len();
            } else {
                if tag == MEDIUM {
                    let len = member.len() as u16;
                    record.add(LENGTH_AT + 1).cast::<u16>().write_unaligned(len);
                }
                let to = record.add(start).as_ptr();
                to.copy_from_nonoverlapping(member.as_ptr(), member.len());
            }
            self.dict.insert(hash, record, false);
        }
        Slab::handle(record)
    }

    fn keep_box(&mut self, boxed: Boxed) -> u32 {
        if let Some(index) = self.spare_boxes.pop() {
            self.boxes[index as usize] = Some(boxed);
            return index;
        }
        self.boxes.push(Some(boxed));
        (self.boxes.len() - 1) as u32
    }

    /// Takes a member out; `slot` is where the table has it, when that is known.
    pub(super) fn remove(&mut self, slot: Option<Slot>, handle: Handle) {
        let record = self.slab.record(handle);
        // SAFETY: the record is live until it is freed below.
        let member: &[u8] = unsafe { Layout::key(record) };
        let len = member.len();
        let slot = slot.or_else(|| self.dict.slot_of(self.dict.hash(member), record));
        if let Some(slot) = slot {
            self.dict.remove(slot);
        }
        let (tag, _, size) = shape(len);
        if tag == LARGE {
            // SAFETY: the shape of a large record.
            let index = unsafe { record.add(INDEX_AT).cast::<u32>().read() };
            self.boxes[index as usize] = None;
            self.spare_boxes.push(index);
            self.boxed_bytes -= len;
        }
        // SAFETY: allocated with this size in `insert`, and nothing refers to it any more.
        unsafe { self.slab.free(record, size) };
    }

    /// Asks for a record that will be read soon.
    #[inline]
    pub(super) fn prefetch(&self, handle: Handle) {
        let record = self.slab.record(handle);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: prefetching has no other effect than on the cache.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(record.as_ptr().cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = record;
    }

    /// Visits members from a place in hash order on, as [`Dict::scan`] does.
    pub(super) fn scan(&self, cursor: u64, mut visit: impl FnMut(Handle)) -> u64 {
        self.dict.scan(cursor, |record, _| visit(Slab::handle(record)))
    }

    /// Begins a capture of the members.
    pub(super) fn begin_capture(&mut self) {
        self.dict.begin_capture();
    }

    /// Counts a live member as captured; false when it was already.
    pub(super) fn set_captured(&mut self, slot: Option<Slot>, handle: Handle) -> bool {
        let record = self.slab.record(handle);
        let slot = slot.or_else(|| self.dict.slot_of(self.dict.hash(self.member(handle)), record));
        let Some(slot) = slot.filter(|&slot| !self.dict.is_captured(slot)) else { return false };
        self.dict.set_captured(slot);
        true
    }

    /// Visits members that were not captured, which are from then on, as [`Dict::capture`] does.
    pub(super) fn capture(&mut self, cursor: u64, visit: impl FnMut(Handle)) -> u64 {
        let mut visit = visit;
        self.dict.capture(cursor, |record| visit(Slab::handle(record)))
    }

    /// Bytes of records, boxes and table.
    pub(super) fn memory_usage(&self) -> usize {
        let boxes = self.boxes.capacity() * size_of::<Option<Boxed>>() + self.spare_boxes.capacity() * size_of::<u32>();
        self.slab.bytes() + self.dict.memory_usage() + self.boxed_bytes + boxes
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.dict.len()
    }
}

impl Members for Store {
    #[inline]
    fn member(&self, handle: Handle) -> &[u8] {
        // SAFETY: handles are of live records; the bytes change only with the record's removal.
        unsafe { Layout::key(self.slab.record(handle)) }
    }

    #[inline]
    fn leaf(&self, handle: Handle) -> LeafId {
        // SAFETY: handles are of live records, which begin with their leaf.
        LeafId(unsafe { self.slab.record(handle).cast::<u32>().read() })
    }

    #[inline]
    fn set_leaf(&mut self, handle: Handle, LeafId(leaf): LeafId) {
        // SAFETY: as in `leaf`; nobody borrows a member while the store is borrowed mutably.
        unsafe { self.slab.record(handle).cast::<u32>().write(leaf) };
    }
}
