//! The directory: from hash bits to segments, and the record count of each segment.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use super::segment::{Segment, prefetch};
use super::{Records, Slot};
use crate::epoch;

/// Segments at this depth grow instead of splitting; SCAN cursors have room for no more bits.
pub(super) const DEPTH_MAX: u32 = 20;

/// `1 << depth` entries. A segment of smaller depth stands in several neighbouring entries; its count stands
/// at the first of them. Immutable but for its atomics.
#[repr(C)]
pub(super) struct Directory {
    depth: u32,
    // followed by `1 << depth` entries of 8 bytes and as many counts of 4 bytes
}

const ENTRIES_AT: usize = 8;
/// Buckets that are looked at for a record to prefetch; hardly any stands farther from its home.
const BUCKETS_AHEAD: usize = 4;

impl Directory {
    /// A directory of one empty segment.
    pub(super) fn first() -> NonNull<Self> {
        Self::of_segments(0, 1)
    }

    /// A directory of empty segments, of so many buckets each.
    pub(super) fn of_segments(depth: u32, buckets: usize) -> NonNull<Self> {
        let directory = Self::allocate(depth);
        for index in 0..1 << depth {
            // SAFETY: just allocated.
            unsafe { directory.as_ref() }.set_segment(index, Segment::allocate(buckets, depth), 0);
        }
        directory
    }

    fn allocate(depth: u32) -> NonNull<Self> {
        let layout = Self::layout(depth);
        // SAFETY: the layout is not empty.
        let memory = unsafe { alloc(layout) };
        let Some(directory) = NonNull::new(memory.cast::<Self>()) else { handle_alloc_error(layout) };
        // SAFETY: the allocation has room for the header, entries and counts.
        unsafe {
            directory.write(Self { depth });
            memory.add(ENTRIES_AT).write_bytes(0, (1 << depth) * 12);
        }
        directory
    }

    fn layout(depth: u32) -> Layout {
        Layout::from_size_align(ENTRIES_AT + (1 << depth) * 12, 8).expect("a directory is below 2^24 entries")
    }

    pub(super) fn memory_usage(&self) -> usize {
        Self::layout(self.depth).size()
    }

    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    fn entry(&self, index: usize) -> &AtomicU64 {
        debug_assert!(index < 1 << self.depth);
        // SAFETY: inside the allocation; initialised in `allocate`. `expose`d provenance covers all of it
        // because every `&Directory` comes from the allocation's own pointer.
        unsafe { &*std::ptr::from_ref(self).cast::<u8>().add(ENTRIES_AT).cast::<AtomicU64>().add(index) }
    }

    fn count_at(&self, index: usize) -> &AtomicU32 {
        let counts = ENTRIES_AT + (8 << self.depth);
        // SAFETY: as in `entry`.
        unsafe { &*std::ptr::from_ref(self).cast::<u8>().add(counts).cast::<AtomicU32>().add(index) }
    }

    /// The entry for a hash whose first `skip` bits belong to somebody else.
    #[inline]
    pub(super) fn index(&self, hash: u64, skip: u32) -> usize {
        // Two shifts: a shift by 64 is not defined, and depth 0 must give 0.
        (hash << skip >> 1 >> (63 - self.depth)) as usize
    }

    #[inline]
    pub(super) fn segment(&self, index: usize) -> Segment {
        Segment::from_word(self.entry(index).load(Relaxed))
    }

    /// How many entries point to a segment.
    pub(super) fn reach(&self, segment: Segment) -> usize {
        1 << (self.depth - segment.depth())
    }

    /// The first entry that points to the segment at `index`.
    #[inline]
    pub(super) fn first_index(&self, index: usize) -> usize {
        let shift = self.depth - self.segment(index).depth();
        index >> shift << shift
    }

    #[inline]
    pub(super) fn count(&self, index: usize) -> usize {
        self.count_at(self.first_index(index)).load(Relaxed) as usize
    }

    #[inline]
    pub(super) fn add_count(&self, index: usize, delta: i32) -> usize {
        let count = self.count_at(self.first_index(index));
        let sum = count.load(Relaxed).wrapping_add_signed(delta);
        count.store(sum, Relaxed);
        sum as usize
    }

    /// Puts a segment into all entries of its range, which begins at or before `index`.
    pub(super) fn set_segment(&self, index: usize, segment: Segment, count: usize) {
        let reach = self.reach(segment);
        let first = index / reach * reach;
        for at in first..first + reach {
            // Release: a look without the lock must find zeroed or later slots behind the address.
            self.entry(at).store(segment.into_word(), Ordering::Release);
        }
        self.count_at(first).store(count as u32, Relaxed);
    }

    /// The other half of the segment at `index`, when it is as deep.
    pub(super) fn buddy(&self, index: usize) -> Option<usize> {
        let segment = self.segment(index);
        if segment.depth() == 0 {
            return None;
        }
        let buddy = self.first_index(index) ^ self.reach(segment);
        (self.segment(buddy).depth() == segment.depth()).then_some(buddy)
    }

    /// A directory of twice the entries for the same segments.
    pub(super) fn doubled(&self) -> NonNull<Self> {
        let new = Self::allocate(self.depth + 1);
        // SAFETY: just allocated.
        let directory = unsafe { new.as_ref() };
        let mut at = 0;
        while at < 1 << self.depth {
            let segment = self.segment(at);
            directory.set_segment(at * 2, segment, self.count(at));
            at += self.reach(segment);
        }
        new
    }

    pub(super) fn for_each_segment(&self, mut visit: impl FnMut(Segment)) {
        let mut at = 0;
        while at < 1 << self.depth {
            let segment = self.segment(at);
            visit(segment);
            at += self.reach(segment);
        }
    }

    /// # Safety
    /// No table points to it any more.
    pub(super) unsafe fn discard(directory: NonNull<Self>, shared: bool) {
        // SAFETY: live until retired or freed below.
        let layout = Self::layout(unsafe { directory.as_ref() }.depth);
        // SAFETY: allocated with this layout in `allocate`.
        unsafe {
            if shared {
                epoch::retire(directory.cast(), layout, free);
            } else {
                free(directory.cast(), layout);
            }
        }
    }
}

/// # Safety
/// `memory` is of a directory with this layout, and nobody looks at it any more.
unsafe fn free(memory: NonNull<u8>, layout: Layout) {
    // SAFETY: the caller's promise.
    unsafe { dealloc(memory.as_ptr(), layout) };
}

/// Where other cores begin to look at a table without its lock: only to prefetch.
pub struct Hint(AtomicPtr<Directory>);

impl Hint {
    /// Leads nowhere.
    pub const fn none() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()))
    }

    pub(super) fn new(directory: NonNull<Directory>) -> Self {
        Self(AtomicPtr::new(directory.as_ptr()))
    }

    /// Follows the table to its present directory; the lock holder calls this when it is done.
    #[inline]
    pub fn follow(&self, table: &Self) {
        let now = table.0.load(Relaxed);
        if self.0.load(Relaxed) != now {
            self.0.store(now, Ordering::Release);
        }
    }

    /// Leads nowhere from now on.
    pub fn forget(&self) {
        self.0.store(std::ptr::null_mut(), Ordering::Release);
    }

    /// # Safety
    /// The caller is a core that takes part in `epoch`, or holds the table's lock.
    #[inline]
    unsafe fn segment(&self, hash: u64, skip: u32) -> Option<Segment> {
        // SAFETY: a directory that a core can still reach is retired, not freed, until that core is quiet.
        let directory = unsafe { self.0.load(Ordering::Acquire).as_ref() }?;
        let index = directory.index(hash, skip);
        Some(Segment::from_word(directory.entry(index).load(Ordering::Acquire)))
    }

    /// Finds a key in the table, as [`super::Dict::find`] would.
    ///
    /// # Safety
    /// The caller holds the table's lock, its records are of layout `R`, and it has not changed since it was last
    /// followed.
    #[inline]
    pub unsafe fn find<R: Records>(&self, hash: u64, skip: u32, key: &[u8]) -> Option<Slot> {
        // SAFETY: the caller's promise.
        let segment = unsafe { self.segment(hash, skip) }?;
        // SAFETY: records in the table are live while it is locked.
        let word = segment.find_by(hash as u16, |record| unsafe { R::key(record) } == key)?;
        Some(Slot { word, hash })
    }

    /// First pass: brings the home bucket in.
    ///
    /// # Safety
    /// The caller is a core that takes part in `epoch`.
    #[inline]
    pub unsafe fn prefetch_bucket(&self, hash: u64, skip: u32) {
        // SAFETY: the caller's promise.
        if let Some(segment) = unsafe { self.segment(hash, skip) } {
            prefetch(segment.bucket_address(segment.home(hash as u16)));
        }
    }

    /// Second pass: brings in the records whose tags fit, of the home bucket or, where that has overflowed without
    /// one, of the next ones: so does one record in nine, at high load one in six.
    ///
    /// # Safety
    /// The caller is a core that takes part in `epoch`.
    #[inline]
    pub unsafe fn prefetch_record(&self, hash: u64, skip: u32) {
        // SAFETY: the caller's promise.
        let Some(segment) = (unsafe { self.segment(hash, skip) }) else { return };
        let mut bucket = segment.home(hash as u16);
        for _ in 0..BUCKETS_AHEAD {
            let fitting = segment.tagged(bucket, hash as u16);
            // An empty slot's word brings the first lines of memory in at worst, which never faults.
            fitting.for_each(|slot| segment.get(bucket, slot).prefetch());
            if !fitting.is_empty() || segment.has_room(bucket) {
                return;
            }
            bucket = segment.after(bucket);
        }
    }
}
