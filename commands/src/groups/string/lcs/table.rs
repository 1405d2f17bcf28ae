//! Longest common subsequences, 64 cells at a time (Hyyro 2004).
//!
//! Let `l(i, j)` be the length for the first `i` bytes of `a` and the first `j` of `b`. It grows by at most one from
//! cell to cell, so a row is a vector of bits.
//!
//! # Invariants
//! - Bit `j` of row `i` (both from 0) is clear exactly when `l(i + 1, j + 1)` is `l(i + 1, j) + 1`.
//! - Bits past the end of `b` stay set.

/// The rows for two strings, kept to walk back over them.
pub(super) struct Table<'a> {
    a: &'a [u8],
    b: &'a [u8],
    row_len: usize,
    rows: Vec<u64>,
}

/// Bytes in a row that are the same in both strings, and part of the common subsequence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Run {
    /// Where they begin in the first.
    pub(super) a: usize,
    /// Where they begin in the second.
    pub(super) b: usize,
    /// How many.
    pub(super) len: usize,
}

/// The length alone: needs one row.
pub(super) fn len(a: &[u8], b: &[u8]) -> usize {
    let places = Places::new(a, b);
    let mut row = vec![u64::MAX; b.len().div_ceil(64)];
    for &byte in a {
        advance(&mut row, places.of(byte));
    }
    common(&row)
}

/// The length that a last row says.
fn common(row: &[u64]) -> usize {
    row.iter().map(|word| word.count_zeros() as usize).sum()
}

/// The row after the next byte of `a`, which stands at `places` of `b`.
fn advance(row: &mut [u64], places: &[u64]) {
    let mut carry = false;
    for (word, &places) in row.iter_mut().zip(places) {
        let (sum, overflow) = word.overflowing_add(*word & places);
        let (sum, overflow_of_carry) = sum.overflowing_add(u64::from(carry));
        carry = overflow || overflow_of_carry;
        *word = sum | (*word & !places);
    }
}

/// For each byte of `a`: a bit for each place of `b` where it stands.
struct Places {
    /// Which vector is a byte's.
    index: [u16; 256],
    row_len: usize,
    bits: Vec<u64>,
}

const NONE: u16 = u16::MAX;

impl Places {
    fn new(a: &[u8], b: &[u8]) -> Self {
        let (mut index, mut count) = ([NONE; 256], 0);
        for &byte in a {
            if index[usize::from(byte)] == NONE {
                index[usize::from(byte)] = count;
                count += 1;
            }
        }
        let row_len = b.len().div_ceil(64);
        let mut bits = vec![0; row_len * usize::from(count)];
        for (at, &byte) in b.iter().enumerate() {
            if index[usize::from(byte)] != NONE {
                bits[usize::from(index[usize::from(byte)]) * row_len + at / 64] |= 1 << (at % 64);
            }
        }
        Self { index, row_len, bits }
    }

    fn of(&self, byte: u8) -> &[u64] {
        let start = usize::from(self.index[usize::from(byte)]) * self.row_len;
        &self.bits[start..start + self.row_len]
    }
}

impl<'a> Table<'a> {
    pub(super) fn new(a: &'a [u8], b: &'a [u8]) -> Self {
        let (places, row_len) = (Places::new(a, b), b.len().div_ceil(64));
        let mut rows = Vec::with_capacity(row_len * a.len());
        let mut row = vec![u64::MAX; row_len];
        for &byte in a {
            advance(&mut row, places.of(byte));
            rows.extend_from_slice(&row);
        }
        Self { a, b, row_len, rows }
    }

    /// The length of the common subsequence.
    pub(super) fn len(&self) -> usize {
        self.rows.len().checked_sub(self.row_len).map_or(0, |last| common(&self.rows[last..]))
    }

    /// The runs of the common subsequence, the last one first.
    pub(super) fn runs(&self) -> impl Iterator<Item = Run> {
        let (mut i, mut j) = (self.a.len(), self.b.len());
        std::iter::from_fn(move || {
            while i > 0 && j > 0 && self.a[i - 1] != self.b[j - 1] {
                // Where leaving out either byte gives the same length, the one of `b` goes, as in Redis.
                if self.grows(i - 1, j - 1) { i -= 1 } else { j -= 1 }
            }
            let mut len = 0;
            while i > 0 && j > 0 && self.a[i - 1] == self.b[j - 1] {
                (i, j, len) = (i - 1, j - 1, len + 1);
            }
            (len > 0).then_some(Run { a: i, b: j, len })
        })
    }

    fn grows(&self, row: usize, at: usize) -> bool {
        self.rows[row * self.row_len + at / 64] >> (at % 64) & 1 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain_len(a: &[u8], b: &[u8]) -> usize {
        let mut row = vec![0; b.len() + 1];
        for x in a {
            let mut before = 0;
            for (j, y) in b.iter().enumerate() {
                let up = row[j + 1];
                row[j + 1] = if x == y { before + 1 } else { up.max(row[j]) };
                before = up;
            }
        }
        row[b.len()]
    }

    #[test]
    fn agrees_with_the_plain_table() {
        let mut seed = 1u64;
        for round in 0..300usize {
            let mut next = |limit: u64| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 33) % limit
            };
            let letters = 1 + round as u64 % 5;
            let mut text = |len: usize| (0..len).map(|_| b'a' + next(letters) as u8).collect::<Vec<_>>();
            let (a, b) = (text(round % 90), text(round * 7 % 200));
            let expected = plain_len(&a, &b);
            let table = Table::new(&a, &b);
            assert_eq!((len(&a, &b), table.len()), (expected, expected));
            let runs: Vec<Run> = table.runs().collect();
            assert_eq!(runs.iter().map(|run| run.len).sum::<usize>(), expected);
            for run in &runs {
                assert_eq!(a[run.a..run.a + run.len], b[run.b..run.b + run.len]);
            }
            assert!(
                runs.windows(2)
                    .all(|pair| pair[1].a + pair[1].len <= pair[0].a && pair[1].b + pair[1].len <= pair[0].b)
            );
        }
    }
}
