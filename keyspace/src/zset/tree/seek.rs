//! From the root down: by rank, by probe, to the ends; and from a leaf to the next one.

use super::node::NIL;
use super::{Entry, Members, Probe, Tree};

/// A place between two entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) leaf: u32,
    /// The entry after the place; the leaf's length when it is in the next leaf or nowhere.
    pub(super) at: usize,
}

/// A direction along the order.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Side {
    Before,
    After,
}

impl Tree {
    /// How many entries stand before the probe.
    pub(crate) fn rank_of(&self, probe: &impl Probe) -> usize {
        if self.root == NIL {
            return 0;
        }
        let (mut node, mut rank) = (self.root, 0);
        for _ in 0..self.height {
            let inner = &self.inners[node];
            let Some(slot) = inner.partition(probe).checked_sub(1) else { return rank };
            rank += inner.counts[..slot].iter().map(|&count| count as usize).sum::<usize>();
            node = inner.children[slot];
        }
        rank + self.leaves[node].partition(probe)
    }

    /// The entry with `rank` entries before it.
    pub(crate) fn select(&self, rank: usize) -> Option<Entry> {
        (rank < self.len).then(|| {
            let place = self.place(rank);
            self.leaves[place.leaf].entry(place.at)
        })
    }

    /// Takes out the first entry.
    pub(crate) fn pop_first<M: Members>(&mut self, members: &mut M) -> Option<Entry> {
        let leaf = (self.root != NIL).then(|| self.first_leaf())?;
        Some(self.remove_at(members, leaf, 0))
    }

    /// Takes out the last entry.
    pub(crate) fn pop_last<M: Members>(&mut self, members: &mut M) -> Option<Entry> {
        let leaf = (self.root != NIL).then(|| self.last_leaf())?;
        let at = self.leaves[leaf].len() - 1;
        Some(self.remove_at(members, leaf, at))
    }

    /// The place before the entry of a rank below `len`.
    pub(super) fn place(&self, rank: usize) -> Place {
        let (mut node, mut rest) = (self.root, rank);
        for _ in 0..self.height {
            let inner = &self.inners[node];
            let mut slot = 0;
            while rest >= inner.counts[slot] as usize {
                rest -= inner.counts[slot] as usize;
                slot += 1;
            }
            node = inner.children[slot];
        }
        Place { leaf: node, at: rest }
    }

    pub(super) fn first_leaf(&self) -> u32 {
        self.edge(self.root, self.height, Side::Before)
    }

    pub(super) fn last_leaf(&self) -> u32 {
        self.edge(self.root, self.height, Side::After)
    }

    /// The leaf beside a leaf.
    pub(super) fn beside(&self, leaf: u32, side: Side) -> Option<u32> {
        let (mut node, mut parent) = (leaf, self.leaves[leaf].parent);
        while parent != NIL {
            let inner = &self.inners[parent];
            let slot = inner.slot(node);
            let next = match side {
                Side::Before => slot.checked_sub(1),
                Side::After => Some(slot + 1).filter(|&next| next < inner.len()),
            };
            if let Some(next) = next {
                let opposite = if side == Side::After { Side::Before } else { Side::After };
                return Some(self.edge(inner.children[next], inner.level - 1, opposite));
            }
            (node, parent) = (parent, inner.parent);
        }
        None
    }

    /// The outermost leaf under a node with `height` inner nodes on the way.
    fn edge(&self, mut node: u32, height: u8, side: Side) -> u32 {
        for _ in 0..height {
            let inner = &self.inners[node];
            let slot = if side == Side::Before { 0 } else { inner.len() - 1 };
            node = inner.children[slot];
        }
        node
    }
}
