//! The two kinds of nodes: leaves with the entries, inner nodes with counted children.
//!
//! Invariants: keys stand in ascending order; only the first `len` places of an array count; an
//! inner node's key `i` is exactly the first key under child `i`.

use std::ops::Range;

use super::{Handle, probe::Probe};

/// 63 entries and the header fill twelve cache lines, and 64 such leaves a 48 KB size class.
pub(crate) const LEAF_LEN: usize = 63;
/// 50 children fill sixteen cache lines.
pub(super) const FANOUT: usize = 50;
/// No node.
pub(super) const NIL: u32 = u32::MAX;

/// A score and the handle of its member.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) score: f64,
    pub(crate) handle: Handle,
}

#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(super) struct Leaf {
    pub(super) scores: [f64; LEAF_LEN],
    pub(super) handles: [Handle; LEAF_LEN],
    pub(super) parent: u32,
    pub(super) len: u8,
}

impl Leaf {
    pub(super) const EMPTY: Self =
        Self { scores: [0.0; LEAF_LEN], handles: [Handle(0); LEAF_LEN], parent: NIL, len: 0 };

    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub(super) fn scores(&self) -> &[f64] {
        &self.scores[..self.len()]
    }

    pub(super) fn handles(&self) -> &[Handle] {
        &self.handles[..self.len()]
    }

    pub(super) fn entry(&self, at: usize) -> Entry {
        Entry { score: self.scores[at], handle: self.handles[at] }
    }

    pub(super) fn partition(&self, probe: &impl Probe) -> usize {
        probe.partition(self.scores(), self.handles())
    }

    /// Where `handle` stands. Whole groups are compared without a branch; places past `len` may
    /// hold old handles, but a live one comes before them.
    pub(super) fn position(&self, handle: Handle) -> Option<usize> {
        let (groups, _) = self.handles.as_chunks::<16>();
        let start = groups
            .iter()
            .position(|group| group.iter().fold(false, |hit, &other| hit | (other == handle)))
            .unwrap_or(groups.len())
            * 16;
        let at = start + self.handles[start..].iter().position(|&other| other == handle)?;
        (at < self.len()).then_some(at)
    }

    /// Opens place `at` for `entry`; the leaf must have room.
    pub(super) fn insert(&mut self, at: usize, entry: Entry) {
        let len = self.len();
        self.scores.copy_within(at..len, at + 1);
        self.handles.copy_within(at..len, at + 1);
        self.scores[at] = entry.score;
        self.handles[at] = entry.handle;
        self.len += 1;
    }

    pub(super) fn remove(&mut self, at: usize) -> Entry {
        let entry = self.entry(at);
        let len = self.len();
        self.scores.copy_within(at + 1..len, at);
        self.handles.copy_within(at + 1..len, at);
        self.len -= 1;
        entry
    }

    /// Takes out the entries of a range of places.
    pub(super) fn remove_run(&mut self, run: Range<usize>) {
        let len = self.len();
        self.scores.copy_within(run.end..len, run.start);
        self.handles.copy_within(run.end..len, run.start);
        self.len -= run.len() as u8;
    }

    /// Moves the entry at `from` to `to`, where it gets `score`, and closes up between.
    pub(super) fn shift(&mut self, from: usize, to: usize, score: f64) {
        if from < to {
            self.scores[from..=to].rotate_left(1);
            self.handles[from..=to].rotate_left(1);
        } else if to < from {
            self.scores[to..=from].rotate_right(1);
            self.handles[to..=from].rotate_right(1);
        }
        self.scores[to] = score;
    }
}

/// A child of an inner node with what its parent knows of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Child {
    pub(super) id: u32,
    pub(super) count: u32,
    pub(super) first: Entry,
}

#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(super) struct Inner {
    pub(super) scores: [f64; FANOUT],
    pub(super) handles: [Handle; FANOUT],
    pub(super) children: [u32; FANOUT],
    pub(super) counts: [u32; FANOUT],
    pub(super) parent: u32,
    pub(super) len: u8,
    /// 1 when the children are leaves.
    pub(super) level: u8,
}

impl Inner {
    pub(super) fn new(level: u8) -> Self {
        Self {
            scores: [0.0; FANOUT],
            handles: [Handle(0); FANOUT],
            children: [NIL; FANOUT],
            counts: [0; FANOUT],
            parent: NIL,
            len: 0,
            level,
        }
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub(super) fn children(&self) -> &[u32] {
        &self.children[..self.len()]
    }

    pub(super) fn counts(&self) -> &[u32] {
        &self.counts[..self.len()]
    }

    /// How many entries stand under this node.
    pub(super) fn count(&self) -> u32 {
        self.counts().iter().sum()
    }

    /// The first key under the child in `slot`.
    pub(super) fn first(&self, slot: usize) -> Entry {
        Entry { score: self.scores[slot], handle: self.handles[slot] }
    }

    pub(super) fn set_first(&mut self, slot: usize, first: Entry) {
        self.scores[slot] = first.score;
        self.handles[slot] = first.handle;
    }

    /// How many children begin before the probe.
    pub(super) fn partition(&self, probe: &impl Probe) -> usize {
        let len = self.len();
        probe.partition(&self.scores[..len], &self.handles[..len])
    }

    /// The slot of a child; the parent link that led here guarantees that there is one.
    pub(super) fn slot(&self, child: u32) -> usize {
        let (groups, _) = self.children.as_chunks::<16>();
        let start = groups
            .iter()
            .position(|group| group.iter().fold(false, |hit, &other| hit | (other == child)))
            .unwrap_or(groups.len())
            * 16;
        let found = self.children[start..].iter().position(|&other| other == child);
        start + found.expect("a node's parent lists it")
    }

    pub(super) fn insert(&mut self, slot: usize, child: Child) {
        let len = self.len();
        self.scores.copy_within(slot..len, slot + 1);
        self.handles.copy_within(slot..len, slot + 1);
        self.children.copy_within(slot..len, slot + 1);
        self.counts.copy_within(slot..len, slot + 1);
        self.len += 1;
        self.children[slot] = child.id;
        self.counts[slot] = child.count;
        self.set_first(slot, child.first);
    }

    pub(super) fn remove(&mut self, slot: usize) {
        let len = self.len();
        self.scores.copy_within(slot + 1..len, slot);
        self.handles.copy_within(slot + 1..len, slot);
        self.children.copy_within(slot + 1..len, slot);
        self.counts.copy_within(slot + 1..len, slot);
        self.len -= 1;
    }

    /// Appends the children of `other` from slot `start` on and returns how many there were.
    pub(super) fn append(&mut self, other: &Self, start: usize) -> usize {
        let (at, moved) = (self.len(), other.len() - start);
        self.scores[at..at + moved].copy_from_slice(&other.scores[start..other.len()]);
        self.handles[at..at + moved].copy_from_slice(&other.handles[start..other.len()]);
        self.children[at..at + moved].copy_from_slice(&other.children[start..other.len()]);
        self.counts[at..at + moved].copy_from_slice(&other.counts[start..other.len()]);
        self.len += moved as u8;
        moved
    }
}

const _: () = assert!(size_of::<Leaf>() == 768 && size_of::<Inner>() == 1024);
