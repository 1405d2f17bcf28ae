//! Chunks from the system: mapped at a multiple of their size, and given back.
//!
//! # Invariants
//! - What `map` answers is zeroed, writable, aligned to its size, and its provenance is exposed.
//! - The pool calls the others only for memory that nothing refers to.
#![allow(unsafe_code)]

#[cfg(all(target_os = "linux", not(miri)))]
mod os {
    use std::alloc::{Layout, handle_alloc_error};
    use std::ptr;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// Where the next chunk would stand beside the last one, so that the system keeps few mappings.
    static NEXT: AtomicUsize = AtomicUsize::new(0);

    fn map_near(wish: usize, bytes: usize) -> usize {
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new private mapping at an address of the system's choice (the wish is only that) touches nothing
        // that exists.
        let memory = unsafe { libc::mmap(ptr::without_provenance_mut(wish), bytes, protection, flags, -1, 0) };
        if memory == libc::MAP_FAILED {
            handle_alloc_error(Layout::from_size_align(bytes, super::super::PAGE_SIZE).expect("sizes of chunks"));
        }
        memory.expose_provenance()
    }

    pub(in super::super) fn map(size: usize) -> usize {
        let wish = NEXT.load(Relaxed);
        if wish != 0 {
            let start = map_near(wish, size);
            if start.is_multiple_of(size) {
                NEXT.store(start - size, Relaxed);
                return start;
            }
            // SAFETY: mapped just now, and nobody knows of it.
            unsafe { unmap(start, size) };
        }
        // Twice as much holds an aligned part; the rest goes back.
        let start = map_near(0, size * 2);
        let base = start.next_multiple_of(size);
        NEXT.store(base - size, Relaxed);
        let (head, tail) = (base - start, start + size - base);
        for (at, len) in [(start, head), (base + size, tail)] {
            if len > 0 {
                // SAFETY: a part of the mapping made above, which nobody knows of.
                unsafe { unmap(at, len) };
            }
        }
        base
    }

    pub(in super::super) unsafe fn unmap(address: usize, size: usize) {
        // SAFETY: the caller's promise. It cannot fail but for lack of kernel memory, where the mapping stays.
        unsafe { libc::munmap(ptr::with_exposed_provenance_mut(address), size) };
    }

    pub(in super::super) fn want_huge_pages(address: usize, size: usize) {
        // SAFETY: advice about the pool's own mapping; contents stay.
        unsafe { libc::madvise(ptr::with_exposed_provenance_mut(address), size, libc::MADV_HUGEPAGE) };
    }

    pub(in super::super) fn give_back(address: usize, size: usize) {
        // SAFETY: free pages of the pool: nobody cares for their contents.
        unsafe { libc::madvise(ptr::with_exposed_provenance_mut(address), size, libc::MADV_DONTNEED) };
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod os {
    use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, size).expect("a power of two")
    }

    pub(in super::super) fn map(size: usize) -> usize {
        // SAFETY: the layout is not empty.
        let memory = unsafe { alloc_zeroed(layout(size)) };
        if memory.is_null() {
            handle_alloc_error(layout(size));
        }
        memory.expose_provenance()
    }

    pub(in super::super) unsafe fn unmap(address: usize, size: usize) {
        // SAFETY: the caller's promise; allocated with this layout in `map`.
        unsafe { dealloc(std::ptr::with_exposed_provenance_mut(address), layout(size)) };
    }

    pub(in super::super) fn want_huge_pages(_: usize, _: usize) {}

    pub(in super::super) fn give_back(_: usize, _: usize) {}
}

pub(super) use os::{give_back, map, unmap, want_huge_pages};
