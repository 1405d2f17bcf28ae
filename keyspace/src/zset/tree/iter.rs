//! A range of ranks, walked from either end.

use std::ops::Range;

use super::seek::{Place, Side};
use super::{Entry, Handle, Tree};

/// Entries of a range of ranks in order; each end descends the tree when it is first used.
#[derive(Clone)]
pub(crate) struct Iter<'a> {
    tree: &'a Tree,
    ranks: Range<usize>,
    front: Option<Place>,
    back: Option<Place>,
}

impl Tree {
    /// The entries of `ranks`, cut to those that there are.
    pub(crate) fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        let end = ranks.end.min(self.len);
        let ranks = ranks.start.min(end)..end;
        Iter { tree: self, ranks, front: None, back: None }
    }
}

impl Iter<'_> {
    /// The handle some entries after the one that `next` gave last, when it is in the same leaf.
    #[inline]
    pub(crate) fn ahead(&self, distance: usize) -> Option<Handle> {
        let place = self.front?;
        self.tree.leaves[place.leaf].handles().get(place.at + distance - 1).copied()
    }

    /// The handle some entries before the one that `next_back` gave last, when it is in the same
    /// leaf.
    #[inline]
    pub(crate) fn behind(&self, distance: usize) -> Option<Handle> {
        let place = self.back?;
        let at = place.at.checked_sub(distance)?;
        self.tree.leaves[place.leaf].handles().get(at).copied()
    }
}

impl Iterator for Iter<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let rank = self.ranks.next()?;
        let mut place = match self.front {
            Some(place) => place,
            None => self.tree.place(rank),
        };
        let mut leaf = &self.tree.leaves[place.leaf];
        if place.at == leaf.len() {
            place = Place { leaf: self.tree.beside(place.leaf, Side::After)?, at: 0 };
            leaf = &self.tree.leaves[place.leaf];
        }
        let entry = leaf.entry(place.at);
        place.at += 1;
        self.front = Some(place);
        Some(entry)
    }

    /// Skips by rank: the tree is descended again instead of walked.
    fn nth(&mut self, n: usize) -> Option<Entry> {
        if n > 0 {
            self.front = None;
        }
        self.ranks.start = self.ranks.start.saturating_add(n).min(self.ranks.end);
        self.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranks.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Entry> {
        let rank = self.ranks.next_back()?;
        let mut place = match self.back {
            Some(place) => place,
            None => {
                let place = self.tree.place(rank);
                Place { at: place.at + 1, ..place }
            }
        };
        if place.at == 0 {
            let leaf = self.tree.beside(place.leaf, Side::Before)?;
            place = Place { leaf, at: self.tree.leaves[leaf].len() };
        }
        place.at -= 1;
        self.back = Some(place);
        Some(self.tree.leaves[place.leaf].entry(place.at))
    }
}

impl ExactSizeIterator for Iter<'_> {}
