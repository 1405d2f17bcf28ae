//! An order-statistic B+tree over (score, member), made for small memory and cheap score updates.
//!
//! The tree holds scores and handles; the member's bytes and the id of the leaf that holds it stand
//! in a record elsewhere ([`Members`]), so a member known by its handle is found in its leaf without
//! a descent, and a score that changes a little changes in place.
//!
//! Invariants:
//! - keys ascend by (score, member); no score is NaN; -0.0 equals 0.0;
//! - a member's record names the leaf that holds it;
//! - an inner node knows each child's first key and the exact count of entries under it, and every
//!   node but the root knows its parent; there are no links between leaves;
//! - `height` inner nodes stand above every leaf; an empty tree owns no node.

mod balance;
mod inners;
mod iter;
mod node;
mod pool;
mod prefetch;
mod probe;
mod seek;

#[cfg(test)]
mod check;
#[cfg(test)]
mod tests;

pub(crate) use iter::Iter;
pub(crate) use node::{Entry, LEAF_LEN};
use node::{Inner, Leaf, NIL};
use pool::Pool;
use prefetch::prefetch;
use probe::BeforeKey;
pub(crate) use probe::{AfterScore, BeforeScore, ByMember, Probe};

use smallvec::SmallVec;

use super::Put;
pub(crate) use crate::slab::Handle;

/// The name of a leaf, kept in the record of each member that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeafId(pub(crate) u32);

/// Where the members' records live.
pub(crate) trait Members {
    /// The member's bytes.
    fn member(&self, handle: Handle) -> &[u8];
    /// The leaf that the record names.
    fn leaf(&self, handle: Handle) -> LeafId;
    /// Names the leaf that now holds the member.
    fn set_leaf(&mut self, handle: Handle, leaf: LeafId);
}

/// The ordered index of a large sorted set.
pub(crate) struct Tree {
    leaves: Pool<Leaf>,
    inners: Pool<Inner>,
    root: u32,
    height: u8,
    len: usize,
}

impl Tree {
    pub(crate) const fn new() -> Self {
        Self { leaves: Pool::new(), inners: Pool::new(), root: NIL, height: 0, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of the nodes, free ones included.
    pub(crate) fn allocated_bytes(&self) -> usize {
        self.leaves.allocated_bytes() + self.inners.allocated_bytes()
    }

    /// Adds a member that is not in the tree.
    pub(crate) fn insert<M: Members>(&mut self, members: &mut M, score: f64, handle: Handle) {
        debug_assert!(!score.is_nan());
        let entry = Entry { score, handle };
        if self.root == NIL {
            self.root = self.leaves.alloc(Leaf::EMPTY);
        }
        let probe = BeforeKey { score, member: members.member(handle), members: &*members };
        let mut node = self.root;
        for _ in 0..self.height {
            let inner = &mut self.inners[node];
            prefetch(inner);
            let slot = match inner.partition(&probe) {
                0 => {
                    inner.set_first(0, entry);
                    0
                }
                before => before - 1,
            };
            inner.counts[slot] += 1;
            node = inner.children[slot];
        }
        self.len += 1;
        let leaf = &mut self.leaves[node];
        prefetch(leaf);
        let at = leaf.partition(&probe);
        if leaf.len() < LEAF_LEN {
            leaf.insert(at, entry);
            members.set_leaf(handle, LeafId(node));
        } else {
            self.overflow(members, node, at, entry);
        }
    }

    /// Takes a member out and returns its score.
    pub(crate) fn remove<M: Members>(&mut self, members: &mut M, handle: Handle) -> f64 {
        let LeafId(leaf) = members.leaf(handle);
        prefetch(&self.leaves[leaf]);
        let (leaf, at) = self.locate(members, handle);
        self.remove_at(members, leaf, at).score
    }

    /// Gives a member the score that `decide` answers to its present one. Equal scores change
    /// nothing, so 0.0 does not become -0.0.
    pub(crate) fn update<M: Members>(
        &mut self,
        members: &mut M,
        handle: Handle,
        decide: impl FnOnce(f64) -> Option<f64>,
    ) -> Put {
        let LeafId(leaf) = members.leaf(handle);
        prefetch(&self.leaves[leaf]);
        let (leaf, at) = self.locate(members, handle);
        let old = self.leaves[leaf].scores[at];
        let Some(score) = decide(old) else { return Put::Declined };
        debug_assert!(!score.is_nan());
        if score == old {
            return Put::Same;
        }
        if let Some(to) = self.place_within(members, leaf, at, score) {
            self.leaves[leaf].shift(at, to, score);
            if to == 0 || at == 0 {
                self.refresh_first(leaf);
            }
        } else {
            self.remove_at(members, leaf, at);
            self.insert(members, score, handle);
        }
        Put::Updated(old)
    }

    /// The score of a member.
    pub(crate) fn score<M: Members>(&self, members: &M, handle: Handle) -> f64 {
        let (leaf, at) = self.locate(members, handle);
        self.leaves[leaf].scores[at]
    }

    /// How many entries stand before a member, and its score.
    pub(crate) fn rank<M: Members>(&self, members: &M, handle: Handle) -> (usize, f64) {
        let (leaf, at) = self.locate(members, handle);
        let (mut node, mut parent) = (leaf, self.leaves[leaf].parent);
        let mut rank = at;
        while parent != NIL {
            let inner = &self.inners[parent];
            let before = &inner.counts[..inner.slot(node)];
            rank += before.iter().map(|&count| count as usize).sum::<usize>();
            (node, parent) = (parent, inner.parent);
        }
        (rank, self.leaves[leaf].scores[at])
    }

    /// Asks for the leaf that a score is about to go to, while the caller looks its member up.
    pub(crate) fn prefetch(&self, score: f64) {
        if self.height == 0 {
            return;
        }
        let mut node = self.root;
        for _ in 0..self.height {
            let inner = &self.inners[node];
            prefetch(inner);
            node = inner.children[inner.partition(&BeforeScore(score)).saturating_sub(1)];
        }
        prefetch(&self.leaves[node]);
    }

    /// The leaf of a member and its place there.
    fn locate<M: Members>(&self, members: &M, handle: Handle) -> (u32, usize) {
        let LeafId(leaf) = members.leaf(handle);
        let at = self.leaves[leaf].position(handle);
        (leaf, at.expect("a member's record names its leaf"))
    }

    /// The place that the entry at `at` would have with `score`, when it surely stays in its leaf:
    /// the new key lies between the first and the last key that the leaf has now.
    fn place_within<M: Members>(&self, members: &M, leaf: u32, at: usize, score: f64) -> Option<usize> {
        let node = &self.leaves[leaf];
        let alone = self.height == 0;
        let last = node.len() - 1;
        if !alone && (score < node.scores[0] || score > node.scores[last]) {
            return None;
        }
        let probe = BeforeKey { score, member: members.member(node.handles[at]), members };
        let before = node.partition(&probe);
        // Among its peers: the entry itself is left out where it stands before its new place. An
        // equal score finds the entry itself, which is not before its own key.
        let to = before - usize::from(before > at);
        let above_first = to > 0 || (at == 0 && score >= node.scores[0]);
        let below_last = to < last || (at == last && score <= node.scores[last]);
        (alone || (above_first && below_last)).then_some(to)
    }

    /// Takes out the entry at a place and mends counts, first keys and fill above it.
    fn remove_at<M: Members>(&mut self, members: &mut M, leaf: u32, at: usize) -> Entry {
        let entry = self.leaves[leaf].remove(at);
        self.len -= 1;
        if self.len == 0 {
            *self = Self::new();
            return entry;
        }
        self.settle_removed(members, leaf, at, 1);
        entry
    }

    /// Takes out the entries from a rank on that stand in one leaf, `count` at most (and not 0).
    pub(crate) fn remove_run<M: Members>(
        &mut self,
        members: &mut M,
        rank: usize,
        count: usize,
    ) -> SmallVec<[Handle; 64]> {
        let place = self.place(rank);
        let leaf = &mut self.leaves[place.leaf];
        let run = place.at..leaf.len().min(place.at + count);
        let gone = SmallVec::from_slice(&leaf.handles()[run.clone()]);
        leaf.remove_run(run);
        self.len -= gone.len();
        if self.len == 0 {
            *self = Self::new();
        } else {
            self.settle_removed(members, place.leaf, place.at, gone.len() as u32);
        }
        gone
    }

    /// Mends counts, first keys and fill above a leaf that lost entries from a place on.
    fn settle_removed<M: Members>(&mut self, members: &mut M, leaf: u32, at: usize, gone: u32) {
        let (mut node, mut parent) = (leaf, self.leaves[leaf].parent);
        while parent != NIL {
            let inner = &mut self.inners[parent];
            let slot = inner.slot(node);
            inner.counts[slot] -= gone;
            (node, parent) = (parent, inner.parent);
        }
        if at == 0 && self.leaves[leaf].len > 0 {
            self.refresh_first(leaf);
        }
        self.underflow(members, leaf);
    }

    /// Writes a leaf's first key into the inner nodes that begin with this leaf.
    fn refresh_first(&mut self, leaf: u32) {
        let first = self.leaves[leaf].entry(0);
        self.set_first_above(leaf, self.leaves[leaf].parent, first);
    }

    /// Writes the first key of a node into its parent, and further up while the node comes first.
    fn set_first_above(&mut self, mut node: u32, mut parent: u32, first: Entry) {
        while parent != NIL {
            let inner = &mut self.inners[parent];
            let slot = inner.slot(node);
            inner.set_first(slot, first);
            if slot > 0 {
                return;
            }
            (node, parent) = (parent, inner.parent);
        }
    }
}
