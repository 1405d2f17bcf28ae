//! The free extents: found by size for runs of units, by whole pages for pages, the tightest first.

use std::collections::{BTreeMap, BTreeSet};

use super::{CHUNK_SIZE, PAGE_SIZE, UNIT_SIZE, chunk_of};

/// What a request must fit into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fit {
    /// Any run of units.
    Units,
    /// One aligned page.
    Page,
}

/// See the module's head.
pub(super) struct Extents {
    /// Units by address.
    extents: BTreeMap<usize, usize>,
    by_units: BTreeSet<(usize, usize)>,
    /// By how many whole aligned pages they hold, when any.
    by_pages: BTreeSet<(usize, usize)>,
}

impl Extents {
    pub(super) const fn new() -> Self {
        Self { extents: BTreeMap::new(), by_units: BTreeSet::new(), by_pages: BTreeSet::new() }
    }

    /// Takes units out of the tightest extent that has them, and answers their address.
    pub(super) fn take(&mut self, units: usize, fit: Fit) -> Option<usize> {
        let (extent, start) = match fit {
            Fit::Units => {
                let &(_, extent) = self.by_units.range((units, 0)..).next()?;
                (extent, extent)
            }
            Fit::Page => {
                let &(_, extent) = self.by_pages.range((1, 0)..).next()?;
                (extent, extent.next_multiple_of(PAGE_SIZE))
            }
        };
        let (len, before) = (self.remove(extent), (start - extent) / UNIT_SIZE);
        self.insert(extent, before);
        self.insert(start + units * UNIT_SIZE, len - before - units);
        Some(start)
    }

    /// Adds free units, joined with what is free beside them in their chunk.
    pub(super) fn put(&mut self, address: usize, units: usize) {
        let (mut start, mut end) = (address, address + units * UNIT_SIZE);
        if let Some((&before, &len)) = self.extents.range(chunk_of(address)..address).next_back()
            && before + len * UNIT_SIZE == address
        {
            self.remove(before);
            start = before;
        }
        if !end.is_multiple_of(CHUNK_SIZE) && self.extents.contains_key(&end) {
            end += self.remove(end) * UNIT_SIZE;
        }
        self.insert(start, (end - start) / UNIT_SIZE);
    }

    /// Takes the extent that begins at an address, and answers its units.
    pub(super) fn remove(&mut self, address: usize) -> usize {
        let Some(units) = self.extents.remove(&address) else { return 0 };
        self.by_units.remove(&(units, address));
        let (_, pages) = pages_in(address, units);
        if pages > 0 {
            self.by_pages.remove(&(pages, address));
        }
        units
    }

    fn insert(&mut self, address: usize, units: usize) {
        if units == 0 {
            return;
        }
        self.extents.insert(address, units);
        self.by_units.insert((units, address));
        let (_, pages) = pages_in(address, units);
        if pages > 0 {
            self.by_pages.insert((pages, address));
        }
    }

    /// The whole pages of each extent as (address, number), most pages first.
    pub(super) fn largest_pages(&self) -> impl Iterator<Item = (usize, usize)> {
        self.by_pages.iter().rev().map(|&(_, address)| pages_in(address, self.extents[&address]))
    }

    /// The extents of at least so many units.
    pub(super) fn of_units(&self, units: usize) -> Vec<usize> {
        self.by_units.range((units, 0)..).map(|&(_, address)| address).collect()
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        self.extents.iter().map(|(&address, &units)| (address, units))
    }
}

/// The first whole page, and how many there are.
fn pages_in(address: usize, units: usize) -> (usize, usize) {
    let first = address.next_multiple_of(PAGE_SIZE);
    let end = address + units * UNIT_SIZE;
    (first, end.saturating_sub(first) / PAGE_SIZE)
}
