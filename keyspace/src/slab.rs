//! Records of a few bytes to half a kilobyte, packed into 4 KB pages by size class.
//!
//! A general allocator rounds a 38-byte entry to 48 and an 86-byte one to 96; steps of 8 bytes waste 4 on
//! average. A slab belongs to one table (or one large collection), so a dropped table gives its pages back
//! wholesale, without visiting its records, and a collection moves between shards by moving one pointer.
//!
//! # Invariants
//! - A page comes from the pool, 4096 bytes aligned to 4096, so a record's page header is found by masking its address.
//! - A page is in its class's list of partial pages exactly when it has room.
//! - Records larger than [`RECORD_SIZE_MAX`] come from the global allocator and are counted in `large`.
//! - Whoever allocates with a size frees with the same size.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::ptr::NonNull;

use crate::memory;
use crate::pool::{self, PAGE_SIZE};

const HEADER_SIZE: usize = size_of::<PageHeader>();
/// Records above this size are allocations of their own.
pub const RECORD_SIZE_MAX: usize = 512;
const NONE: u32 = u32::MAX;
const NO_SLOT: u16 = 0;

/// Classes: 8-byte steps to 256, then the largest sizes of which 15, 14, 13 ... fit a page.
const CLASSES: usize = 32 + WIDE_SIZES.len();
const WIDE_SIZES: [usize; 9] = [264, 288, 312, 336, 368, 400, 448, 504, RECORD_SIZE_MAX];

const fn class_of(size: usize) -> usize {
    if size <= 256 {
        return size.div_ceil(8) - 1;
    }
    let mut wide = 0;
    while WIDE_SIZES[wide] < size {
        wide += 1;
    }
    32 + wide
}

const fn class_size(class: usize) -> usize {
    if class < 32 { (class + 1) * 8 } else { WIDE_SIZES[class - 32] }
}

/// The bytes that a record of `size` bytes really occupies.
pub const fn usable_size(size: usize) -> usize {
    if size > RECORD_SIZE_MAX { size } else { class_size(class_of(size)) }
}

/// A record's address in 32 bits: page index and offset in units of 8 bytes (32 GB for each slab).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handle(pub u32);

#[repr(C, align(8))]
struct PageHeader {
    index: u32,
    next: u32,
    prev: u32,
    /// First freed slot, in units of 8 bytes from the page's start; a freed slot holds the next one.
    free: u16,
    /// First slot that was never given out, in the same units.
    fresh: u16,
    used: u16,
    class: u8,
}

/// An allocator of small records; not thread-safe, it lives under its shard's lock.
pub struct Slab {
    pages: Vec<*mut PageHeader>,
    spare_indexes: Vec<u32>,
    partial: [u32; CLASSES],
    /// An empty page for whatever class needs one next: records that grow class by class leave one behind in each.
    spare: u32,
    /// How many live records are allocations of their own.
    large: usize,
    bytes: usize,
}

// SAFETY: the pages are owned by this slab alone, the pointers are to heap memory.
unsafe impl Send for Slab {}
// SAFETY: shared access only reads `pages`; every mutation takes `&mut self`.
unsafe impl Sync for Slab {}

impl Default for Slab {
    fn default() -> Self {
        Self::new()
    }
}

impl Slab {
    /// An empty slab; it owns no page until the first record.
    pub const fn new() -> Self {
        Self { pages: Vec::new(), spare_indexes: Vec::new(), partial: [NONE; CLASSES], spare: NONE, large: 0, bytes: 0 }
    }

    /// Bytes of live records, rounded to their classes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether any record is an allocation of its own, which the owner must free before dropping the slab.
    pub fn has_large(&self) -> bool {
        self.large != 0
    }

    /// Room for `size` bytes, aligned to 8; uninitialised.
    #[inline]
    pub fn alloc(&mut self, size: usize) -> NonNull<u8> {
        debug_assert!(size > 0);
        self.bytes += usable_size(size);
        if size > RECORD_SIZE_MAX {
            return self.alloc_large(size);
        }
        let class = class_of(size);
        let page = match self.partial[class] {
            NONE => self.new_page(class),
            index => self.pages[index as usize],
        };
        // SAFETY: `page` is a live page of this slab with room for one record of `class`.
        unsafe { self.take_slot(page, class) }
    }

    /// Gives back a record of `size` bytes.
    ///
    /// # Safety
    /// `record` came from `alloc(size)` of this slab and is not used afterwards.
    #[inline]
    pub unsafe fn free(&mut self, record: NonNull<u8>, size: usize) {
        self.bytes -= usable_size(size);
        if size > RECORD_SIZE_MAX {
            self.large -= 1;
            // SAFETY: allocated with the same layout in `alloc_large`.
            return unsafe { dealloc(record.as_ptr(), large_layout(size)) };
        }
        let class = class_of(size);
        let page = page_of(record);
        memory::add_pooled(-(class_size(class) as i64));
        // SAFETY: the record lies in a page of this slab, so its header is live and ours.
        unsafe {
            let header = &mut *page;
            let slot = ((record.as_ptr() as usize - page as usize) / 8) as u16;
            record.as_ptr().cast::<u16>().write(header.free);
            let was_full = header.free == NO_SLOT && !has_fresh(header, class);
            header.free = slot;
            header.used -= 1;
            if header.used == 0 {
                if !was_full {
                    self.unlink(page, class);
                }
                self.retire_page(page);
            } else if was_full {
                self.link(page, class);
            }
        }
    }

    /// Gives a record that is an allocation of its own another size, with which it stays one. Its bytes stay, and
    /// mostly their address: allocators leave room behind large blocks.
    ///
    /// # Safety
    /// `record` came from `alloc(size)` of this slab and is not used afterwards; both sizes are above
    /// [`RECORD_SIZE_MAX`].
    pub unsafe fn resize_large(&mut self, record: NonNull<u8>, size: usize, new_size: usize) -> NonNull<u8> {
        debug_assert!(size.min(new_size) > RECORD_SIZE_MAX);
        self.bytes = self.bytes - size + new_size;
        // SAFETY: allocated with this layout in `alloc_large`; the new size is not 0.
        NonNull::new(unsafe { realloc(record.as_ptr(), large_layout(size), new_size) })
            .unwrap_or_else(|| handle_alloc_error(large_layout(new_size)))
    }

    /// The handle of a small record.
    #[inline]
    pub fn handle(record: NonNull<u8>) -> Handle {
        let page = page_of(record);
        // SAFETY: a live record's page header is live.
        let index = unsafe { (*page).index };
        Handle(index << 9 | ((record.as_ptr() as usize & (PAGE_SIZE - 1)) / 8) as u32)
    }

    /// The record of a handle that [`Slab::handle`] gave for a live record of this slab.
    #[inline]
    pub fn record(&self, handle: Handle) -> NonNull<u8> {
        let page = self.pages[(handle.0 >> 9) as usize].cast::<u8>();
        // SAFETY: the offset is below the page size and the page is live while its record is.
        unsafe { NonNull::new_unchecked(page.add((handle.0 & 511) as usize * 8)) }
    }

    fn alloc_large(&mut self, size: usize) -> NonNull<u8> {
        self.large += 1;
        let layout = large_layout(size);
        // SAFETY: the layout has a size above RECORD_SIZE_MAX.
        NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
    }

    /// # Safety
    /// `page` is a live page of this slab, of `class`, with room.
    #[inline]
    unsafe fn take_slot(&mut self, page: *mut PageHeader, class: usize) -> NonNull<u8> {
        memory::add_pooled(class_size(class) as i64);
        // SAFETY: the caller's promise; slots lie inside the page.
        unsafe {
            let header = &mut *page;
            let slot = if header.free != NO_SLOT {
                let slot = header.free;
                header.free = page.cast::<u8>().add(slot as usize * 8).cast::<u16>().read();
                slot
            } else {
                let slot = header.fresh;
                header.fresh += (class_size(class) / 8) as u16;
                slot
            };
            header.used += 1;
            let full = header.free == NO_SLOT && !has_fresh(header, class);
            if full {
                self.unlink(page, class);
            }
            NonNull::new_unchecked(page.cast::<u8>().add(slot as usize * 8))
        }
    }

    #[cold]
    fn new_page(&mut self, class: usize) -> *mut PageHeader {
        let (page, index) = self.spare_page().unwrap_or_else(|| self.pooled_page());
        let header = PageHeader {
            index,
            next: NONE,
            prev: NONE,
            free: NO_SLOT,
            fresh: (HEADER_SIZE / 8) as u16,
            used: 0,
            class: class as u8,
        };
        // SAFETY: `page` is a fresh allocation large enough for the header.
        unsafe {
            page.write(header);
            self.link(page, class);
        }
        page
    }

    fn spare_page(&mut self) -> Option<(*mut PageHeader, u32)> {
        let index = std::mem::replace(&mut self.spare, NONE);
        (index != NONE).then(|| (self.pages[index as usize], index))
    }

    fn pooled_page(&mut self) -> (*mut PageHeader, u32) {
        let page = pool::allocate_page().cast::<PageHeader>().as_ptr();
        let index = self.spare_indexes.pop().unwrap_or_else(|| {
            self.pages.push(std::ptr::null_mut());
            (self.pages.len() - 1) as u32
        });
        self.pages[index as usize] = page;
        (page, index)
    }

    /// # Safety
    /// `page` is a live page of this slab outside its class's list.
    unsafe fn link(&mut self, page: *mut PageHeader, class: usize) {
        // SAFETY: listed indexes are live pages of this slab.
        unsafe {
            (*page).prev = NONE;
            (*page).next = self.partial[class];
            if self.partial[class] != NONE {
                (*self.pages[self.partial[class] as usize]).prev = (*page).index;
            }
            self.partial[class] = (*page).index;
        }
    }

    /// # Safety
    /// `page` is a live page of this slab and is in its class's list.
    unsafe fn unlink(&mut self, page: *mut PageHeader, class: usize) {
        // SAFETY: listed indexes are live pages of this slab.
        unsafe {
            let (prev, next) = ((*page).prev, (*page).next);
            match prev {
                NONE => self.partial[class] = next,
                prev => (*self.pages[prev as usize]).next = next,
            }
            if next != NONE {
                (*self.pages[next as usize]).prev = prev;
            }
        }
    }

    /// # Safety
    /// `page` is a live page of this slab, holds no record and is in no list.
    #[cold]
    unsafe fn retire_page(&mut self, page: *mut PageHeader) {
        // SAFETY: the caller's promise; pages come from the pool.
        unsafe {
            let index = (*page).index;
            if self.spare == NONE {
                self.spare = index;
                return;
            }
            self.pages[index as usize] = std::ptr::null_mut();
            self.spare_indexes.push(index);
            pool::release(NonNull::new_unchecked(page.cast()), PAGE_SIZE);
        }
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        debug_assert_eq!(self.large, 0, "large records are freed by the slab's owner");
        for &page in &self.pages {
            if !page.is_null() {
                // SAFETY: a live page of this slab; its records die with it by the owner's decision.
                unsafe {
                    let used = (*page).used as usize * class_size((*page).class as usize);
                    memory::add_pooled(-(used as i64));
                    pool::release(NonNull::new_unchecked(page.cast()), PAGE_SIZE);
                }
            }
        }
    }
}

#[inline]
fn has_fresh(header: &PageHeader, class: usize) -> bool {
    header.fresh as usize * 8 + class_size(class) <= PAGE_SIZE
}

#[inline]
fn page_of(record: NonNull<u8>) -> *mut PageHeader {
    record.as_ptr().map_addr(|address| address & !(PAGE_SIZE - 1)).cast()
}

fn large_layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("sizes are below isize::MAX")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_cover_all_sizes() {
        for size in 1..=RECORD_SIZE_MAX {
            assert!(usable_size(size) >= size && usable_size(size) < size + 56, "{size}");
            assert_eq!(class_of(usable_size(size)), class_of(size));
        }
        assert_eq!(class_of(RECORD_SIZE_MAX), CLASSES - 1);
        let in_page = |size: usize| (PAGE_SIZE - HEADER_SIZE) / size;
        for size in WIDE_SIZES.into_iter().filter(|&size| size < RECORD_SIZE_MAX) {
            assert!(in_page(size) > in_page(size + 8), "{size} is the largest of which so many fit a page");
        }
    }

    #[test]
    fn records_keep_their_bytes_and_pages_come_back() {
        let mut slab = Slab::new();
        let mut live: Vec<(NonNull<u8>, usize, u8)> = Vec::new();
        let mut seed = 7_u64;
        for step in 0..20_000_u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step);
            let random = (seed >> 33) as usize;
            if random % 5 < 3 || live.is_empty() {
                let size = random % 700 + 1;
                let record = slab.alloc(size);
                // SAFETY: `size` bytes were just allocated.
                unsafe { record.as_ptr().write_bytes(step as u8, size) };
                live.push((record, size, step as u8));
            } else {
                let (record, size, byte) = live.swap_remove(random % live.len());
                // SAFETY: the record is live and of this size.
                unsafe {
                    assert!(std::slice::from_raw_parts(record.as_ptr(), size).iter().all(|&b| b == byte));
                    if size <= RECORD_SIZE_MAX {
                        assert_eq!(slab.record(Slab::handle(record)), record);
                    }
                    slab.free(record, size);
                }
            }
        }
        for (record, size, _) in live {
            // SAFETY: live, of this size.
            unsafe { slab.free(record, size) };
        }
        assert_eq!(slab.bytes(), 0);
        assert!(!slab.has_large());
        assert_eq!(slab.pages.iter().filter(|page| !page.is_null()).count(), 1, "the spare one");
    }
}
