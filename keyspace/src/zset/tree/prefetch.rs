//! Cache lines asked for ahead of their use.
//!
//! A prefetch reads nothing and faults on nothing, whatever the address.
#![allow(unsafe_code)]

const LINE_SIZE: usize = 64;

/// Asks for all lines of a value at once, so that the search in it waits for memory once only.
#[inline]
pub(super) fn prefetch<T>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<i8>();
    for offset in (0..size_of::<T>()).step_by(LINE_SIZE) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the address lies inside `value`; prefetching has no other effect than on the cache.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(start.add(offset));
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (start, offset);
    }
}
