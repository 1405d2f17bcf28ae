//! One look at a bucket: all eight tags at once.
//!
//! # Invariants
//! - A bucket is 64 bytes, aligned to as many; its words may change during a look (see `epoch`), each as a whole.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

/// The slots of the bucket that begins with `first`, a bit each, whose upper 16 bits are `tag`.
///
/// A loop over the words leaves at another one each time, which no branch predictor foresees.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline]
pub(super) fn tagged(first: NonNull<AtomicU64>, tag: u16) -> u32 {
    use std::arch::asm;
    use std::arch::x86_64::{
        __m128, _mm_castps_si128, _mm_cmpeq_epi16, _mm_movemask_epi8, _mm_packs_epi16, _mm_packs_epi32, _mm_set1_epi16,
        _mm_setzero_si128, _mm_shuffle_ps, _mm_srai_epi32,
    };
    let (a, b, c, d): (__m128, __m128, __m128, __m128);
    // SAFETY: SSE2 is part of the architecture. The loads are aligned and inside the bucket; they are written in
    // assembly because others may store to these words, and each half of an aligned load is as a load of its own.
    unsafe {
        asm!(
            "movaps {a}, xmmword ptr [{first}]",
            "movaps {b}, xmmword ptr [{first} + 16]",
            "movaps {c}, xmmword ptr [{first} + 32]",
            "movaps {d}, xmmword ptr [{first} + 48]",
            first = in(reg) first.as_ptr(),
            a = out(xmm_reg) a, b = out(xmm_reg) b, c = out(xmm_reg) c, d = out(xmm_reg) d,
            options(readonly, nostack, preserves_flags)
        );
    }
    // SAFETY: as above.
    unsafe {
        // The upper half of each word, and of that the upper half.
        let tags_of = |low, high| _mm_srai_epi32::<16>(_mm_castps_si128(_mm_shuffle_ps::<0b11_01_11_01>(low, high)));
        let tags = _mm_packs_epi32(tags_of(a, b), tags_of(c, d));
        let same = _mm_cmpeq_epi16(tags, _mm_set1_epi16(tag.cast_signed()));
        _mm_movemask_epi8(_mm_packs_epi16(same, _mm_setzero_si128())) as u32
    }
}

/// As above, word by word.
#[cfg(any(miri, not(target_arch = "x86_64")))]
#[inline]
pub(super) fn tagged(first: NonNull<AtomicU64>, tag: u16) -> u32 {
    word_by_word(first, tag)
}

#[cfg(any(test, miri, not(target_arch = "x86_64")))]
fn word_by_word(first: NonNull<AtomicU64>, tag: u16) -> u32 {
    use super::segment::SLOTS;
    use std::sync::atomic::Ordering::Relaxed;
    // SAFETY: the words of one bucket.
    let word = |slot| unsafe { first.add(slot).as_ref() }.load(Relaxed);
    (0..SLOTS).filter(|&slot| (word(slot) >> 48) as u16 == tag).fold(0, |slots, slot| slots | 1 << slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(align(64))]
    struct Bucket([AtomicU64; 8]);

    #[test]
    fn tags_are_found_where_they_are() {
        let tags = [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF, 0xFF00];
        for seed in 0..2000_usize {
            let word = |slot: usize| u64::from(tags[(seed * 31 + slot * slot * (seed % 7 + 1)) % 7]) << 48;
            // The other bits are as those of tags that are asked for.
            let bucket = Bucket(std::array::from_fn(|slot| AtomicU64::new(word(slot) | word(slot + 1) >> 16 | 0x8001)));
            let first = NonNull::from(&bucket.0).cast();
            for tag in tags {
                let expected = (0..8).filter(|&slot| word(slot) >> 48 == u64::from(tag)).map(|slot| 1 << slot).sum();
                assert_eq!((tagged(first, tag), word_by_word(first, tag)), (expected, expected));
            }
        }
    }
}
