//! LZF: literals of up to 32 bytes and references up to 8 KB back.
//!
//! ```text
//! 000LLLLL                    L + 1 literal bytes follow
//! LLLooooo oooooooo           L + 2 bytes, from o + 1 bytes back
//! 111ooooo LLLLLLLL oooooooo  L + 9 bytes, from o + 1 bytes back
//! ```
//! Our own rather than the `lzf` crate's: that one clears 512 KB for each string that it compresses. A table that
//! is never cleared does: positions count on from string to string, so what an earlier string left is out of reach.

const LITERALS_MAX: usize = 32;
const BACK_MAX: usize = 1 << 13;
const MATCH_MAX: usize = 264;
const TABLE_BITS: u32 = 14;

/// Compresses one string after the other.
pub(super) struct Compressor {
    /// The last place of three bytes of a hash, counted over all strings.
    places: Box<[u32]>,
    base: u32,
}

impl Default for Compressor {
    fn default() -> Self {
        // Places from BACK_MAX on are of a string: zeros are out of reach.
        Self { places: vec![0; 1 << TABLE_BITS].into(), base: BACK_MAX as u32 + 1 }
    }
}

fn slot_of(bytes: &[u8], at: usize) -> usize {
    let word = u32::from_be_bytes([0, bytes[at], bytes[at + 1], bytes[at + 2]]);
    (word.wrapping_mul(0x9E37_79B1) >> (32 - TABLE_BITS)) as usize
}

impl Compressor {
    /// Appends the compressed form; false, and nothing is appended, when it does not save at least four bytes.
    pub(super) fn compress(&mut self, input: &[u8], out: &mut Vec<u8>) -> bool {
        let (start, budget) = (out.len(), input.len().saturating_sub(4));
        if budget == 0 || input.len() > u32::MAX as usize / 4 {
            return false;
        }
        if self.base > u32::MAX / 2 {
            *self = Self::default();
        }
        let base = self.base as usize;
        self.base += (input.len() + BACK_MAX + 1) as u32;
        let (mut at, mut literals) = (0, 0);
        while at + 2 < input.len() {
            let slot = slot_of(input, at);
            let place = std::mem::replace(&mut self.places[slot], (base + at) as u32) as usize;
            let back = base + at - place;
            if back > BACK_MAX || input[at - back..at - back + 3] != input[at..at + 3] {
                at += 1;
                continue;
            }
            let from = at - back;
            let limit = MATCH_MAX.min(input.len() - at);
            let len = (3..limit).find(|&len| input[from + len] != input[at + len]).unwrap_or(limit);
            push_literals(&input[literals..at], out);
            push_match(back, len, out);
            if out.len() - start > budget {
                out.truncate(start);
                return false;
            }
            at += len;
            literals = at;
        }
        push_literals(&input[literals..], out);
        if out.len() - start > budget {
            out.truncate(start);
            return false;
        }
        true
    }
}

fn push_literals(bytes: &[u8], out: &mut Vec<u8>) {
    for run in bytes.chunks(LITERALS_MAX) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
    }
}

fn push_match(back: usize, len: usize, out: &mut Vec<u8>) {
    let (offset, len) = (back - 1, len - 2);
    if len < 7 {
        out.push((offset >> 8) as u8 | (len as u8) << 5);
    } else {
        out.push((offset >> 8) as u8 | 7 << 5);
        out.push((len - 7) as u8);
    }
    out.push(offset as u8);
}

/// Three bytes become 264 at most.
const GROWTH_MAX: usize = MATCH_MAX / 3;

/// The string of `len` bytes whose compressed form this is; None when it is the form of no such string.
pub(super) fn decompress(input: &[u8], len: usize) -> Option<Vec<u8>> {
    if len > input.len().checked_mul(GROWTH_MAX)? {
        return None;
    }
    let (mut out, mut at) = (Vec::with_capacity(len), 0);
    while let Some(&head) = input.get(at) {
        at += 1;
        if usize::from(head) < LITERALS_MAX {
            let run = input.get(at..at + usize::from(head) + 1)?;
            at += run.len();
            out.extend_from_slice(run);
        } else {
            let mut count = usize::from(head >> 5) + 2;
            if head >> 5 == 7 {
                count += usize::from(*input.get(at)?);
                at += 1;
            }
            let back = (usize::from(head & 31) << 8 | usize::from(*input.get(at)?)) + 1;
            at += 1;
            let from = out.len().checked_sub(back)?;
            if out.len() + count > len {
                return None;
            }
            if back >= count {
                out.extend_from_within(from..from + count);
            } else {
                // The run overlaps itself: it repeats what it has written.
                (from..from + count).for_each(|place| out.push(out[place]));
            }
        }
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn comes_back(strings in prop::collection::vec(prop::collection::vec(0..3_u8, 0..2000), 1..5)) {
            let mut compressor = Compressor::default();
            for string in strings {
                let mut out = vec![9];
                if compressor.compress(&string, &mut out) {
                    prop_assert!(out.len() + 4 <= string.len() + 1);
                    prop_assert_eq!(decompress(&out[1..], string.len()), Some(string.clone()));
                    prop_assert_eq!(lzf::decompress(&out[1..], string.len()).ok(), Some(string));
                } else {
                    prop_assert_eq!(out, [9]);
                }
            }
        }

        #[test]
        fn reads_what_another_wrote(string in prop::collection::vec(0..4_u8, 20..9000)) {
            if let Ok(packed) = lzf::compress(&string) {
                prop_assert_eq!(decompress(&packed, string.len()), Some(string));
            }
        }

        #[test]
        fn no_input_is_too_bad(input in prop::collection::vec(any::<u8>(), 0..100), len in 0..5000_usize) {
            let _ = decompress(&input, len);
        }
    }

    #[test]
    fn long_runs() {
        let mut compressor = Compressor::default();
        for string in [vec![7; 100_000], (0..100_000_u32).map(|at| (at % 251 * (at % 7)) as u8).collect()] {
            let mut out = Vec::new();
            assert!(compressor.compress(&string, &mut out));
            assert_eq!(decompress(&out, string.len()), Some(string));
        }
        assert_eq!(decompress(&[0xE0, 0xFF, 0], 1 << 40), None);
    }
}
