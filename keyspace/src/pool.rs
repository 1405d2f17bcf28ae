//! The pages of all slabs and the segments of all tables, carved from chunks of 2 MB.
//!
//! Tables change the sizes of their segments all the time while they grow. What a segment leaves behind serves the
//! next pages of records, because both come from here; in a general allocator it waits for its own size class, or
//! for the decay of dirty pages (4 to 5 bytes for each key, measured). A chunk is one huge page.
//!
//! # Invariants
//! - Memory is given out in units of 1 KB; an extent is a maximal run of free units inside one chunk.
//! - Every extent stands in `extents` and `by_units`, and in `by_pages` when it holds a whole aligned page.
//! - `absent` says which pages of a chunk the system was given back, or never asked for; only free ones are.
//! - Chunks are mapped and unmapped whole; the provenance of their memory is exposed.
//! - The lock is held for a few tree operations only; memory goes back to the system outside of it, except in `trim`,
//!   which is bounded.
#![allow(unsafe_code)]

mod chunk;
mod extents;
mod system;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::taken_by_thread;

use std::collections::BTreeMap;
use std::ptr::NonNull;

use parking_lot::Mutex;

use chunk::Chunk;
use extents::{Extents, Fit};

/// What memory is given out in.
pub(crate) const UNIT_SIZE: usize = 1024;
/// What the system gives and takes.
pub(crate) const PAGE_SIZE: usize = 4096;
const CHUNK_SIZE: usize = 2 << 20;
/// A pool of fewer chunks does without huge pages: a small server stays small.
const SMALL_CHUNKS: usize = 8;
/// Free memory that is kept for what comes next: so much, and a part of what is in use.
const KEEP_BYTES: usize = 4 << 20;
const KEEP_PART: usize = 16;
/// How many extents one `trim` gives back: each costs the system about 10 us.
const TRIM_EXTENTS_MAX: usize = 32;

/// How many it looks at: those that the system has already stand among the others.
const EXTENTS_SEEN_MAX: usize = 4096;

static POOL: Mutex<Pool> = Mutex::new(Pool::new());

struct Pool {
    free: Extents,
    /// By address.
    chunks: BTreeMap<usize, Chunk>,
    free_units: usize,
    absent_pages: usize,
    /// The least that was free since the last `trim`.
    free_units_min: usize,
}

/// Bytes of the pool at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Asked of the system.
    pub mapped: usize,
    /// In pages of records and segments.
    pub active: usize,
    /// Of `mapped`, what the system holds in memory for us.
    pub resident: usize,
}

/// A page, aligned to its size; uninitialised.
pub(crate) fn allocate_page() -> NonNull<u8> {
    #[cfg(test)]
    tests::TAKEN.set(tests::TAKEN.get() + PAGE_SIZE as i64);
    POOL.lock().allocate(PAGE_SIZE / UNIT_SIZE, Fit::Page)
}

/// A run of units for `bytes`, aligned to a unit; uninitialised.
pub(crate) fn allocate(bytes: usize) -> NonNull<u8> {
    debug_assert!(bytes > 0 && bytes <= CHUNK_SIZE);
    #[cfg(test)]
    tests::TAKEN.set(tests::TAKEN.get() + bytes as i64);
    POOL.lock().allocate(bytes.div_ceil(UNIT_SIZE), Fit::Units)
}

/// Gives memory back.
///
/// # Safety
/// `memory` came from [`allocate`] of as many `bytes`, or from [`allocate_page`], and is not used afterwards.
pub(crate) unsafe fn release(memory: NonNull<u8>, bytes: usize) {
    #[cfg(test)]
    tests::TAKEN.set(tests::TAKEN.get() - bytes as i64);
    let surplus = POOL.lock().release(memory.as_ptr().expose_provenance(), bytes.div_ceil(UNIT_SIZE));
    if let Some(chunk) = surplus {
        // SAFETY: a chunk that nothing is in, and that the pool does not know any more.
        unsafe { system::unmap(chunk, CHUNK_SIZE) };
    }
}

/// Gives back to the system a part of what has been free since the last call and is more than what comes next will
/// need; to be called about once a second.
pub fn trim() {
    let mut pool = POOL.lock();
    let (idle, keep) = (pool.free_units_min * UNIT_SIZE, pool.keep_bytes());
    let unused = (idle.saturating_sub(pool.absent_pages * PAGE_SIZE)).saturating_sub(keep);
    pool.free_units_min = pool.free_units;
    if unused > 0 {
        pool.give_back(unused, TRIM_EXTENTS_MAX);
    }
}

/// Gives all free pages back to the system.
pub fn purge() {
    while POOL.lock().give_back(usize::MAX, TRIM_EXTENTS_MAX) {}
}

/// What the pool holds.
pub fn figures() -> Figures {
    let pool = POOL.lock();
    let mapped = pool.chunks.len() * CHUNK_SIZE;
    Figures { mapped, active: mapped - pool.free_units * UNIT_SIZE, resident: mapped - pool.absent_pages * PAGE_SIZE }
}

impl Pool {
    const fn new() -> Self {
        Self { free: Extents::new(), chunks: BTreeMap::new(), free_units: 0, absent_pages: 0, free_units_min: 0 }
    }

    fn allocate(&mut self, units: usize, fit: Fit) -> NonNull<u8> {
        let address = self.free.take(units, fit).unwrap_or_else(|| {
            self.grow();
            self.free.take(units, fit).expect("a fresh chunk has room")
        });
        self.free_units -= units;
        self.free_units_min = self.free_units_min.min(self.free_units);
        let chunk = self.chunks.get_mut(&chunk_of(address)).expect("extents lie in chunks");
        self.absent_pages -= chunk.take(offset_of(address), units);
        NonNull::new(std::ptr::with_exposed_provenance_mut(address)).expect("chunks are not at 0")
    }

    /// Answers a chunk that is to be unmapped.
    fn release(&mut self, address: usize, units: usize) -> Option<usize> {
        let base = chunk_of(address);
        let chunk = self.chunks.get_mut(&base).expect("memory comes from chunks");
        chunk.used_units -= units;
        let is_empty = chunk.used_units == 0;
        self.free_units += units;
        self.free.put(address, units);
        let free_bytes = self.free_units * UNIT_SIZE - self.absent_pages * PAGE_SIZE;
        (is_empty && free_bytes > self.keep_bytes() + CHUNK_SIZE).then(|| self.forget(base))
    }

    /// Takes an empty chunk out of the books.
    fn forget(&mut self, base: usize) -> usize {
        let taken = self.free.remove(base);
        debug_assert_eq!(taken, CHUNK_SIZE / UNIT_SIZE);
        if let Some(chunk) = self.chunks.remove(&base) {
            self.absent_pages -= chunk.absent_pages();
        }
        self.free_units -= CHUNK_SIZE / UNIT_SIZE;
        self.free_units_min = self.free_units_min.min(self.free_units);
        base
    }

    fn keep_bytes(&self) -> usize {
        let used = self.chunks.len() * CHUNK_SIZE - self.free_units * UNIT_SIZE;
        (used / KEEP_PART).min(KEEP_BYTES * 16).max(KEEP_BYTES.min(used))
    }

    #[cold]
    fn grow(&mut self) {
        let base = system::map(CHUNK_SIZE);
        let is_huge = self.chunks.len() >= SMALL_CHUNKS;
        if self.chunks.len() == SMALL_CHUNKS {
            // It is no small server any more.
            self.chunks.keys().for_each(|&early| system::want_huge_pages(early, CHUNK_SIZE));
        }
        if is_huge {
            system::want_huge_pages(base, CHUNK_SIZE);
        }
        // A huge page comes whole with the first touch.
        let chunk = if is_huge { Chunk::present() } else { Chunk::absent() };
        self.absent_pages += chunk.absent_pages();
        self.chunks.insert(base, chunk);
        self.free_units += CHUNK_SIZE / UNIT_SIZE;
        self.free.put(base, CHUNK_SIZE / UNIT_SIZE);
    }

    /// Gives up to `bytes` in the largest extents back to the system; false when there is nothing left to give.
    fn give_back(&mut self, bytes: usize, extents_max: usize) -> bool {
        let (mut given, mut extents) = (0, 0);
        for (address, pages) in self.free.largest_pages().take(EXTENTS_SEEN_MAX) {
            if given >= bytes || extents == extents_max {
                break;
            }
            let chunk = self.chunks.get_mut(&chunk_of(address)).expect("extents lie in chunks");
            if chunk.used_units == 0 && pages * PAGE_SIZE == CHUNK_SIZE {
                continue;
            }
            let gone = chunk.drop_pages(offset_of(address) / PAGE_SIZE, pages);
            if gone > 0 {
                system::give_back(address, pages * PAGE_SIZE);
                self.absent_pages += gone;
                given += gone * PAGE_SIZE;
                extents += 1;
            }
        }
        for base in self.free.of_units(CHUNK_SIZE / UNIT_SIZE) {
            if given >= bytes || extents == extents_max {
                break;
            }
            self.forget(base);
            // SAFETY: nothing is in it, and the pool does not know it any more.
            unsafe { system::unmap(base, CHUNK_SIZE) };
            given += CHUNK_SIZE;
            extents += 1;
        }
        extents > 0
    }
}

fn chunk_of(address: usize) -> usize {
    address & !(CHUNK_SIZE - 1)
}

fn offset_of(address: usize) -> usize {
    address & (CHUNK_SIZE - 1)
}
