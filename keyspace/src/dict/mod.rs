//! The hash table of the server: extendible hashing over small segments of cache-line buckets.
//!
//! A directory, indexed by hash bits, points to segments of at most 256 buckets; a bucket is one cache line of
//! 8 slots; a slot is a pointer to a record with 16 hash bits in its upper part. Segments grow in steps of a
//! quarter or less, from the hash bits in the slots alone, and split in two when they are full; so growth
//! costs tens of microseconds at a time whatever the table's size, and the load of large tables stays between 83 and 95%
//! (8.4 to 9.7 bytes a record). The idea is Dash's (Lu et al., VLDB 2020), the buckets are our own.
//!
//! # Invariants
//! - Of the hash `h`, bits from `skip` down choose the directory entry, the low 16 bits are the tag.
//! - A record's home bucket is `tag * buckets >> 16`, so buckets are in hash order and growing keeps that order.
//! - A record stands in its home bucket or, where that is full, in the next bucket (cyclic) that was not.
//!   A bucket with an empty slot therefore ends every search. Removal moves displaced records back.
//! - Empty slots are 0 and at the end of their bucket.
//! - Directory, entries and slots are atomics with plain (relaxed) stores: the lock holder mutates, and
//!   [`Hint::prefetch`] may look at them from any core at any time; see `epoch`.
#![allow(unsafe_code)]

mod capture;
mod directory;
mod probe;
mod scan;
mod segment;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

pub use directory::Hint;
use directory::{DEPTH_MAX, Directory};
pub use scan::CURSOR_BITS;
pub(crate) use segment::prefetch_for_write;
use segment::{BUCKETS_MAX, SLOTS, Segment, SlotWord};

/// The mean number of records of a segment that was made for a number of records, at most: with what chance adds,
/// they still fit into one.
const FILLED_MAX: usize = BUCKETS_MAX * SLOTS * 7 / 8;

/// What the table must know of its records.
pub trait Records {
    /// The key's bytes.
    ///
    /// # Safety
    /// `record` is live, and the result is used only while it is.
    unsafe fn key<'a>(record: NonNull<u8>) -> &'a [u8];
}

/// Where a record stands; good until the next change of the table.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    word: NonNull<AtomicU64>,
    hash: u64,
}

impl Slot {
    /// The record.
    #[inline]
    pub fn record(self) -> NonNull<u8> {
        SlotWord::load(self.word).record()
    }

    /// The hash of the record's key.
    #[inline]
    pub fn hash(self) -> u64 {
        self.hash
    }

    /// The mark bit, for the owner's use (the keyspace marks records that have a deadline).
    #[inline]
    pub fn is_marked(self) -> bool {
        SlotWord::load(self.word).is_marked()
    }
}

/// A table of records of layout `R`. It does not own the records' memory: a slab beside it does.
pub struct Dict<R> {
    directory: NonNull<Directory>,
    len: usize,
    marked: usize,
    /// Upper hash bits used by somebody above (the shard's number).
    skip: u32,
    seed: u64,
    /// Other cores look at it: memory is retired, not freed.
    shared: bool,
    /// What the words of new and of captured records bear; see `capture`.
    sense: bool,
    layout: PhantomData<fn(R)>,
}

// SAFETY: the table owns its directory and segments; records are only addresses to it.
unsafe impl<R> Send for Dict<R> {}
// SAFETY: `&Dict` only reads atomics.
unsafe impl<R> Sync for Dict<R> {}

impl<R: Records> Dict<R> {
    /// A table for the use of one thread at a time, hashing with `seed`.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, 0, false)
    }

    /// A table that other cores prefetch through its [`Hint`]; the first `skip` hash bits are constant in it.
    pub fn new_shared(seed: u64, skip: u32) -> Self {
        Self::with(seed, skip, true)
    }

    fn with(seed: u64, skip: u32, shared: bool) -> Self {
        Self { directory: Directory::first(), len: 0, marked: 0, skip, seed, shared, sense: false, layout: PhantomData }
    }

    /// The number of records.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of marked records.
    #[inline]
    pub fn marked(&self) -> usize {
        self.marked
    }

    /// What other cores prefetch through; changes when the directory grows.
    pub fn hint(&self) -> Hint {
        Hint::new(self.directory)
    }

    /// What keys are hashed with, for tables that belong to this one.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The hash of a key in this table.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        hash(self.seed, key)
    }

    #[inline]
    fn dir(&self) -> &Directory {
        // SAFETY: the directory lives as long as this table points to it, and is only shared, never `&mut`.
        unsafe { self.directory.as_ref() }
    }

    #[inline]
    fn segment_of(&self, hash: u64) -> (usize, Segment) {
        let directory = self.dir();
        let index = directory.index(hash, self.skip);
        (index, directory.segment(index))
    }

    /// Finds a key.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<Slot> {
        // SAFETY: records in the table are live, by the owner's contract in `insert`.
        self.find_by(hash, |record| unsafe { R::key(record) } == key)
    }

    /// Brings what searches for these hashes look at into the cache, the misses side by side: buckets, then records.
    pub fn prefetch(&self, hashes: &[u64]) {
        let hint = self.hint();
        for &hash in hashes {
            // SAFETY: the hint is fresh and the table is borrowed, so what it leads to is live.
            unsafe { hint.prefetch_bucket(hash, self.skip) };
        }
        for &hash in hashes {
            // SAFETY: as above.
            unsafe { hint.prefetch_record(hash, self.skip) };
        }
    }

    /// Finds the record that `is_it` says yes to, among those that may have this hash.
    #[inline]
    pub fn find_by(&self, hash: u64, is_it: impl FnMut(NonNull<u8>) -> bool) -> Option<Slot> {
        let (_, segment) = self.segment_of(hash);
        segment.find_by(hash as u16, is_it).map(|word| Slot { word, hash })
    }

    /// Adds a record whose key is not in the table.
    ///
    /// # Safety
    /// `record` is aligned to 8 and stays live, with the same key, until removed or replaced.
    #[inline]
    pub unsafe fn insert(&mut self, hash: u64, record: NonNull<u8>, mark: bool) -> Slot {
        let (mut index, mut segment) = self.segment_of(hash);
        if self.dir().count(index) >= segment.limit() {
            self.make_room(hash);
            (index, segment) = self.segment_of(hash);
        }
        let word = segment.place(SlotWord::new(record, hash as u16, mark, self.sense));
        self.dir().add_count(index, 1);
        self.len += 1;
        self.marked += usize::from(mark);
        Slot { word, hash }
    }

    /// Puts another record with the same key in a slot's place and answers the old one.
    ///
    /// # Safety
    /// As for [`Dict::insert`].
    #[inline]
    pub unsafe fn replace(&mut self, slot: Slot, record: NonNull<u8>, mark: bool) -> NonNull<u8> {
        let old = SlotWord::load(slot.word);
        SlotWord::new(record, old.tag(), mark, old.sense()).store(slot.word);
        self.marked = self.marked - usize::from(old.is_marked()) + usize::from(mark);
        old.record()
    }

    /// Takes a record out and answers it; its memory is the caller's to free.
    #[inline]
    pub fn remove(&mut self, slot: Slot) -> NonNull<u8> {
        let old = SlotWord::load(slot.word);
        let (index, segment) = self.segment_of(slot.hash);
        segment.take(slot.word);
        let count = self.dir().add_count(index, -1);
        self.len -= 1;
        self.marked -= usize::from(old.is_marked());
        if segment.buckets() > 1 && count * 4 < segment.capacity() {
            self.shrink(slot.hash);
        }
        old.record()
    }

    /// Makes an empty table as large as it would become by growing to `expected` records: a load then moves none of
    /// them twice. A guess: fewer only leave room, more make it grow as ever.
    pub fn expect(&mut self, expected: usize) {
        let (mut depth, mut each) = (0, expected);
        while each > FILLED_MAX && depth < DEPTH_MAX {
            (depth, each) = (depth + 1, each / 2);
        }
        if self.len > 0 || self.dir().depth() > 0 || each <= SLOTS {
            return;
        }
        // Segments get more and fewer records than the mean; with this margin hardly one of them grows.
        let buckets = segment::size_for(each + 3 * each.isqrt()).min(BUCKETS_MAX);
        let (old, segment) = (self.directory, self.dir().segment(0));
        self.directory = Directory::of_segments(depth, buckets);
        self.discard(segment);
        self.discard_directory(old);
    }

    #[cold]
    fn make_room(&mut self, hash: u64) {
        let (index, segment) = self.segment_of(hash);
        if segment.buckets() < BUCKETS_MAX || segment.depth() >= DEPTH_MAX {
            return self.resize(index, segment::next_size(segment.buckets()));
        }
        self.split(index);
    }

    /// Rehashes one segment into `buckets` buckets; needs no record.
    fn resize(&mut self, index: usize, buckets: usize) {
        let directory = self.dir();
        let old = directory.segment(index);
        let new = Segment::allocate(buckets, old.depth());
        new.fill(|place| old.for_each(place));
        directory.set_segment(index, new, directory.count(index));
        self.discard(old);
    }

    fn split(&mut self, index: usize) {
        if self.dir().segment(index).depth() == self.dir().depth() {
            self.double_directory();
            return self.split(index * 2);
        }
        let directory = self.dir();
        let old = directory.segment(index);
        let depth = old.depth();
        let mut halves = [Vec::with_capacity(BUCKETS_MAX * SLOTS), Vec::with_capacity(BUCKETS_MAX * SLOTS)];
        old.prefetch_records(|word| {
            // SAFETY: records in the table are live.
            let hash = hash(self.seed, unsafe { R::key(word.record()) });
            halves[(hash << self.skip << depth >> 63) as usize].push(word);
        });
        let first = directory.first_index(index);
        let reach = directory.reach(old) / 2;
        for (half, words) in halves.iter().enumerate() {
            let new = Segment::allocate(segment::size_for(words.len()), depth + 1);
            new.fill(|place| words.iter().copied().for_each(place));
            directory.set_segment(first + half * reach, new, words.len());
        }
        self.discard(old);
    }

    #[cold]
    fn double_directory(&mut self) {
        let old = self.directory;
        self.directory = self.dir().doubled();
        self.discard_directory(old);
    }

    #[cold]
    fn shrink(&mut self, hash: u64) {
        let (index, segment) = self.segment_of(hash);
        let directory = self.dir();
        if let Some(buddy) = directory.buddy(index) {
            let together = directory.count(index) + directory.count(buddy);
            if together * 4 < BUCKETS_MAX * SLOTS * 3 {
                return self.merge(index, buddy);
            }
        }
        let buckets = segment::size_for(directory.count(index));
        if buckets < segment.buckets() {
            self.resize(index, buckets);
        }
    }

    /// Joins two halves of one parent; needs no record.
    fn merge(&mut self, index: usize, buddy: usize) {
        let directory = self.dir();
        let (a, b) = (directory.segment(index), directory.segment(buddy));
        let together = directory.count(index) + directory.count(buddy);
        let new = Segment::allocate(segment::size_for(together), a.depth() - 1);
        new.fill(|place| {
            a.for_each(&mut *place);
            b.for_each(place);
        });
        directory.set_segment(index.min(buddy), new, together);
        self.discard(a);
        self.discard(b);
    }

    fn discard(&self, segment: Segment) {
        // SAFETY: no directory entry points to it any more.
        unsafe { segment.discard(self.shared) }
    }

    fn discard_directory(&self, directory: NonNull<Directory>) {
        // SAFETY: the table does not point to it any more.
        unsafe { Directory::discard(directory, self.shared) }
    }

    /// Visits every record. Those of a table of many segments are on their way into the cache before their turn;
    /// a smaller one is likely to be there.
    pub fn for_each(&self, mut visit: impl FnMut(NonNull<u8>)) {
        let prefetches = self.dir().depth() > 0;
        self.dir().for_each_segment(|segment| {
            if prefetches {
                segment.prefetch_records(|word| visit(word.record()));
            } else {
                segment.for_each(|word| visit(word.record()));
            }
        });
    }

    /// Takes every record out, leaving an empty table.
    pub fn clear(&mut self) -> Self {
        let empty = Self::with(self.seed, self.skip, self.shared);
        std::mem::replace(self, empty)
    }

    /// The number of buckets in all segments.
    pub fn buckets(&self) -> usize {
        let mut buckets = 0;
        self.dir().for_each_segment(|segment| buckets += segment.buckets());
        buckets
    }

    /// Bytes of directory and segments.
    pub fn memory_usage(&self) -> usize {
        let mut bytes = self.dir().memory_usage();
        self.dir().for_each_segment(|segment| bytes += segment.memory_usage());
        bytes
    }

    /// The slot of a record that is known to be in the table.
    pub fn slot_of(&self, hash: u64, record: NonNull<u8>) -> Option<Slot> {
        self.find_by(hash, |candidate| candidate == record)
    }
}

impl<R> Drop for Dict<R> {
    fn drop(&mut self) {
        // SAFETY: nobody else owns the directory or the segments.
        unsafe {
            let directory = self.directory.as_ref();
            directory.for_each_segment(|segment| segment.discard(self.shared));
            Directory::discard(self.directory, self.shared);
        }
    }
}

/// The hash of a key; `seed` is chosen at start, so that nobody outside can aim at one bucket.
#[inline]
pub fn hash(seed: u64, key: &[u8]) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = foldhash::quality::FixedState::with_seed(seed).build_hasher();
    hasher.write(key);
    hasher.finish()
}
