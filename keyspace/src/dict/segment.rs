//! A segment: up to 256 buckets of 8 slots, and the words that stand in slots.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::probe;
use crate::epoch;
use crate::{memory, pool};

/// Slots of a bucket: one cache line.
pub(super) const SLOTS: usize = 8;
/// A segment of this many buckets splits instead of growing.
pub(super) const BUCKETS_MAX: usize = 256;
const BUCKET_SIZE: usize = SLOTS * 8;
const RECORD_MASK: u64 = 0x0000_FFFF_FFFF_FFF8;
const SEGMENT_MASK: u64 = 0x0000_FFFF_FFFF_FFC0;
const MARK: u64 = 1;
const SENSE: u64 = 2;

/// Segments of so many buckets come from the page pool, smaller ones from the allocator.
const POOLED_MIN: usize = 64;
/// Small ones are those that allocators have classes for, four for each doubling. Large ones, which all segments of
/// a large table are, are whole units of the pool and finer.
const SIZES: [usize; 30] = [
    1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, // the allocator's
    64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, // the pool's
];

/// The size after `buckets`.
pub(super) fn next_size(buckets: usize) -> usize {
    SIZES.iter().copied().find(|&size| size > buckets).unwrap_or(buckets * 2)
}

/// The smallest size that holds `count` records and has room for some more.
pub(super) fn size_for(count: usize) -> usize {
    SIZES.iter().copied().find(|&size| count + 1 < limit_of(size)).unwrap_or_else(|| (count / 4).next_power_of_two())
}

fn limit_of(buckets: usize) -> usize {
    if buckets == 1 { SLOTS } else { buckets * SLOTS * 61 / 64 }
}

/// What stands in a slot: 16 hash bits, a record's address, a mark, a sense (see `capture`); or 0.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct SlotWord(u64);

impl SlotWord {
    #[inline]
    pub(super) fn new(record: NonNull<u8>, tag: u16, mark: bool, sense: bool) -> Self {
        let address = record.as_ptr().expose_provenance() as u64;
        debug_assert_eq!(address & !RECORD_MASK, 0);
        Self(address | u64::from(tag) << 48 | u64::from(sense) << 1 | u64::from(mark))
    }

    #[inline]
    pub(super) fn sense(self) -> bool {
        self.0 & SENSE != 0
    }

    #[inline]
    pub(super) fn turned(self) -> Self {
        Self(self.0 ^ SENSE)
    }

    #[inline]
    pub(super) fn load(word: NonNull<AtomicU64>) -> Self {
        // SAFETY: slots point into segments that are live while their table is borrowed.
        Self(unsafe { word.as_ref() }.load(Relaxed))
    }

    #[inline]
    pub(super) fn store(self, word: NonNull<AtomicU64>) {
        // SAFETY: as in `load`.
        unsafe { word.as_ref() }.store(self.0, Relaxed);
    }

    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(super) fn tag(self) -> u16 {
        (self.0 >> 48) as u16
    }

    #[inline]
    pub(super) fn is_marked(self) -> bool {
        self.0 & MARK != 0
    }

    /// The address; for a word that is not empty.
    #[inline]
    pub(super) fn record(self) -> NonNull<u8> {
        debug_assert!(!self.is_empty());
        // SAFETY: a word that is not empty was made from a non-null address.
        unsafe { NonNull::new_unchecked(std::ptr::with_exposed_provenance_mut((self.0 & RECORD_MASK) as usize)) }
    }

    #[inline]
    pub(super) fn prefetch(self) {
        // Two lines: most entries reach into a second one.
        let address = (self.0 & RECORD_MASK) as usize;
        prefetch(address);
        prefetch(address + 64);
    }
}

/// Brings a cache line in; any address is allowed.
#[inline]
pub(super) fn prefetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::without_provenance(address));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Brings a cache line in to be changed, taking it from the core that has it; any address is allowed.
#[inline]
pub(crate) fn prefetch_for_write(address: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_ET0>(std::ptr::without_provenance(address));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Slots of one bucket, a bit each, the first slot's lowest.
#[derive(Clone, Copy)]
pub(super) struct Slots(u32);

impl Slots {
    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl Iterator for Slots {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let slot = (self.0 != 0).then(|| self.0.trailing_zeros() as usize)?;
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

/// A directory entry: address, number of buckets and local depth in one word, so that a look at a bucket
/// needs no segment header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Segment(u64);

impl Segment {
    pub(super) fn allocate(buckets: usize, depth: u32) -> Self {
        debug_assert!(buckets < 1 << 16 && depth < 64);
        let memory = if buckets >= POOLED_MIN { pooled(buckets * BUCKET_SIZE) } else { heaped(layout(buckets)) };
        Self(memory.expose_provenance() as u64 | (buckets as u64) << 48 | u64::from(depth))
    }

    pub(super) fn from_word(word: u64) -> Self {
        Self(word)
    }

    pub(super) fn into_word(self) -> u64 {
        self.0
    }

    #[inline]
    pub(super) fn buckets(self) -> usize {
        (self.0 >> 48) as usize
    }

    #[inline]
    pub(super) fn depth(self) -> u32 {
        (self.0 & 63) as u32
    }

    pub(super) fn capacity(self) -> usize {
        self.buckets() * SLOTS
    }

    /// How many records it takes before it must grow.
    #[inline]
    pub(super) fn limit(self) -> usize {
        limit_of(self.buckets())
    }

    pub(super) fn memory_usage(self) -> usize {
        self.buckets() * BUCKET_SIZE
    }

    #[inline]
    pub(super) fn home(self, tag: u16) -> usize {
        (usize::from(tag) * self.buckets()) >> 16
    }

    /// The bucket after `bucket`, cyclic.
    #[inline]
    pub(super) fn after(self, bucket: usize) -> usize {
        if bucket + 1 == self.buckets() { 0 } else { bucket + 1 }
    }

    fn base(self) -> *mut AtomicU64 {
        std::ptr::with_exposed_provenance_mut((self.0 & SEGMENT_MASK) as usize)
    }

    /// The address of a bucket, for prefetching.
    #[inline]
    pub(super) fn bucket_address(self, bucket: usize) -> usize {
        (self.0 & SEGMENT_MASK) as usize + bucket * BUCKET_SIZE
    }

    #[inline]
    pub(super) fn word(self, bucket: usize, slot: usize) -> NonNull<AtomicU64> {
        debug_assert!(bucket < self.buckets() && slot < SLOTS);
        // SAFETY: inside the segment's allocation, which is not null.
        unsafe { NonNull::new_unchecked(self.base().add(bucket * SLOTS + slot)) }
    }

    #[inline]
    pub(super) fn get(self, bucket: usize, slot: usize) -> SlotWord {
        SlotWord::load(self.word(bucket, slot))
    }

    /// Whether nothing of a bucket stands in later ones: it never overflowed.
    #[inline]
    pub(super) fn has_room(self, bucket: usize) -> bool {
        self.get(bucket, SLOTS - 1).is_empty()
    }

    /// The slots of a bucket, a bit each, whose words have a tag; empty slots have tag 0.
    #[inline]
    pub(super) fn tagged(self, bucket: usize, tag: u16) -> Slots {
        Slots(probe::tagged(self.word(bucket, 0), tag))
    }

    /// The slot with a tag whose record `is_it` says yes to.
    #[inline]
    pub(super) fn find_by(self, tag: u16, mut is_it: impl FnMut(NonNull<u8>) -> bool) -> Option<NonNull<AtomicU64>> {
        let home = self.home(tag);
        let mut bucket = home;
        loop {
            for slot in self.tagged(bucket, tag) {
                let word = self.word(bucket, slot);
                let found = SlotWord::load(word);
                if !found.is_empty() && is_it(found.record()) {
                    return Some(word);
                }
            }
            if self.has_room(bucket) {
                return None;
            }
            bucket = self.after(bucket);
            if bucket == home {
                return None;
            }
        }
    }

    /// Puts a word into its home bucket or the next with room; there is room.
    #[inline]
    pub(super) fn place(self, word: SlotWord) -> NonNull<AtomicU64> {
        let mut bucket = self.home(word.tag());
        while !self.has_room(bucket) {
            bucket = self.after(bucket);
        }
        let slot = (0..SLOTS - 1).find(|&slot| self.get(bucket, slot).is_empty()).unwrap_or(SLOTS - 1);
        let place = self.word(bucket, slot);
        word.store(place);
        place
    }

    /// Places many words into a segment that is empty: it keeps in mind how full each bucket is instead of looking.
    pub(super) fn fill(self, words: impl FnOnce(&mut dyn FnMut(SlotWord))) {
        if self.buckets() > BUCKETS_MAX {
            // A table at its greatest depth; there is no room on the stack for all that.
            return words(&mut |word| {
                self.place(word);
            });
        }
        let mut filled = [0_u8; BUCKETS_MAX];
        words(&mut |word| {
            let mut bucket = self.home(word.tag());
            while usize::from(filled[bucket]) == SLOTS {
                bucket = self.after(bucket);
            }
            word.store(self.word(bucket, usize::from(filled[bucket])));
            filled[bucket] += 1;
        });
    }

    /// Empties a slot and moves displaced words back, so that no search ends too early.
    pub(super) fn take(self, word: NonNull<AtomicU64>) {
        let offset = (word.as_ptr() as usize - self.base() as usize) / 8;
        let (mut bucket, mut slot) = (offset / SLOTS, offset % SLOTS);
        loop {
            let was_full = !self.get(bucket, SLOTS - 1).is_empty();
            self.close_gap(bucket, slot);
            if !was_full {
                return;
            }
            let Some(displaced) = self.displaced_over(bucket) else { return };
            let from = displaced;
            self.get(from.0, from.1).store(self.word(bucket, SLOTS - 1));
            (bucket, slot) = from;
        }
    }

    fn close_gap(self, bucket: usize, slot: usize) {
        let last = (slot..SLOTS).rev().find(|&last| !self.get(bucket, last).is_empty()).unwrap_or(slot);
        self.get(bucket, last).store(self.word(bucket, slot));
        SlotWord(0).store(self.word(bucket, last));
    }

    /// A word behind `bucket` that passed over it on the way from its home.
    fn displaced_over(self, bucket: usize) -> Option<(usize, usize)> {
        let distance = |from: usize, to: usize| if to >= from { to - from } else { to + self.buckets() - from };
        let mut at = self.after(bucket);
        while at != bucket {
            for slot in 0..SLOTS {
                let word = self.get(at, slot);
                if word.is_empty() {
                    return None;
                }
                let home = self.home(word.tag());
                if distance(home, at) >= distance(bucket, at) {
                    return Some((at, slot));
                }
            }
            at = self.after(at);
        }
        None
    }

    #[inline]
    pub(super) fn for_each(self, mut visit: impl FnMut(SlotWord)) {
        for bucket in 0..self.buckets() {
            for slot in 0..SLOTS {
                let word = self.get(bucket, slot);
                if word.is_empty() {
                    break;
                }
                visit(word);
            }
        }
    }

    /// As `for_each`, with the records of the buckets ahead on their way into the cache.
    pub(super) fn prefetch_records(self, mut visit: impl FnMut(SlotWord)) {
        const AHEAD: usize = 2;
        let warm = |bucket: usize| (0..SLOTS).for_each(|slot| self.get(bucket, slot).prefetch());
        (0..AHEAD.min(self.buckets())).for_each(warm);
        for bucket in 0..self.buckets() {
            if bucket + AHEAD < self.buckets() {
                warm(bucket + AHEAD);
            }
            for slot in 0..SLOTS {
                let word = self.get(bucket, slot);
                if !word.is_empty() {
                    visit(word);
                }
            }
        }
    }

    /// # Safety
    /// Nothing that is not retired itself leads to this segment any more.
    pub(super) unsafe fn discard(self, shared: bool) {
        let memory = self.base().cast::<u8>();
        // SAFETY: allocated with this layout in `allocate`.
        unsafe {
            let memory = NonNull::new_unchecked(memory);
            if shared {
                epoch::retire(memory, layout(self.buckets()), free);
            } else {
                free(memory, layout(self.buckets()));
            }
        }
    }
}

/// Zeroed memory of the page pool.
fn pooled(bytes: usize) -> *mut u8 {
    let memory = pool::allocate(bytes).as_ptr();
    memory::add_pooled(bytes as i64);
    // SAFETY: so many bytes were just given out.
    unsafe { memory.write_bytes(0, bytes) };
    memory
}

/// Zeroed memory of the allocator.
fn heaped(layout: Layout) -> *mut u8 {
    // SAFETY: the layout is not empty.
    let memory = unsafe { alloc_zeroed(layout) };
    if memory.is_null() {
        handle_alloc_error(layout);
    }
    memory
}

/// # Safety
/// `memory` is of a segment with this layout, and nobody looks at it any more.
unsafe fn free(memory: NonNull<u8>, layout: Layout) {
    // SAFETY: allocated by `pooled` or `heaped`, by the same rule.
    unsafe {
        if layout.size() >= POOLED_MIN * BUCKET_SIZE {
            memory::add_pooled(-(layout.size() as i64));
            pool::release(memory, layout.size());
        } else {
            dealloc(memory.as_ptr(), layout);
        }
    }
}

fn layout(buckets: usize) -> Layout {
    Layout::from_size_align(buckets * BUCKET_SIZE, BUCKET_SIZE).expect("a segment is small")
}
