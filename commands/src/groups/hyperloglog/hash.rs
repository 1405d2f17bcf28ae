//! Which register an element belongs to, and what it says there.

use super::object::REGISTERS;

const SEED: u64 = 0xadc8_3b19;

/// The bits of a hash that pick the register.
pub(super) const INDEX_BITS: u32 = REGISTERS.trailing_zeros();

/// The bits of a hash that are left to count zeros in.
pub(super) const COUNTED_BITS: u32 = 64 - INDEX_BITS;

/// The register of an element, and one more than the zeros that its hash ends with: 1 to 51.
pub(super) fn place(element: &[u8]) -> (usize, u8) {
    let hash = murmur64a(element, SEED);
    // The bit that is set bounds the count.
    let counted = hash >> INDEX_BITS | 1 << COUNTED_BITS;
    (hash as usize & (REGISTERS - 1), counted.trailing_zeros() as u8 + 1)
}

/// MurmurHash64A of Austin Appleby, words read as little-endian.
fn murmur64a(bytes: &[u8], seed: u64) -> u64 {
    const MULTIPLIER: u64 = 0xc6a4_a793_5bd1_e995;
    const SHIFT: u32 = 47;
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let mut mixed = u64::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        mixed ^= mixed >> SHIFT;
        hash = (hash ^ mixed.wrapping_mul(MULTIPLIER)).wrapping_mul(MULTIPLIER);
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ hash >> SHIFT).wrapping_mul(MULTIPLIER);
    hash ^ hash >> SHIFT
}
