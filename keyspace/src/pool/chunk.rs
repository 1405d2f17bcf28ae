//! What is known of one chunk: how much of it is in use, and which of its pages the system holds.

use super::{CHUNK_SIZE, PAGE_SIZE, UNIT_SIZE};

const PAGES: usize = CHUNK_SIZE / PAGE_SIZE;

/// See the module's head.
pub(super) struct Chunk {
    pub(super) used_units: usize,
    /// A bit for each page that takes no memory of the system.
    absent: [u64; PAGES / 64],
}

impl Chunk {
    /// Its pages come one by one, as they are touched.
    pub(super) fn absent() -> Self {
        Self { used_units: 0, absent: [u64::MAX; PAGES / 64] }
    }

    /// It counts as there from the beginning.
    pub(super) fn present() -> Self {
        Self { used_units: 0, absent: [0; PAGES / 64] }
    }

    pub(super) fn absent_pages(&self) -> usize {
        self.absent.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Counts units as used, and answers how many pages this brings in.
    pub(super) fn take(&mut self, offset: usize, units: usize) -> usize {
        self.used_units += units;
        let (first, last) = (offset / PAGE_SIZE, (offset + units * UNIT_SIZE - 1) / PAGE_SIZE);
        (first..=last).filter(|&page| self.set_absent(page, false)).count()
    }

    /// Counts free pages as given back, and answers how many were not yet.
    pub(super) fn drop_pages(&mut self, first: usize, pages: usize) -> usize {
        (first..first + pages).filter(|&page| self.set_absent(page, true)).count()
    }

    /// Whether this changes anything.
    fn set_absent(&mut self, page: usize, absent: bool) -> bool {
        let (word, bit) = (&mut self.absent[page / 64], 1 << (page % 64));
        let was = *word & bit != 0;
        if absent {
            *word |= bit;
        } else {
            *word &= !bit;
        }
        was != absent
    }
}
