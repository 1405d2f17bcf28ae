//! How leaves share entries: a full leaf first gives to a neighbour, then three become four; thin
//! neighbours become one less.
//!
//! Each entry that changes its leaf costs a write to its record, a likely cache miss; the windows
//! and limits below weigh these writes against fill.

use super::node::{Child, Entry, FANOUT, LEAF_LEN, Leaf, NIL};
use super::{Handle, LeafId, Members, Tree};

/// The most leaves that one step looks at.
const WINDOW: usize = 3;
/// A neighbour takes entries when it has at least this much room.
const ROOM_MIN: usize = 5;
/// A leaf with more entries does not look whether a merge is due.
const THIN: usize = 48;
/// Room that must be left over in each leaf when neighbours are merged.
const MERGE_ROOM: usize = 4;

/// Entries of neighbouring leaves, laid out in a row.
struct Row {
    scores: [f64; WINDOW * LEAF_LEN + 1],
    handles: [Handle; WINDOW * LEAF_LEN + 1],
    len: usize,
    /// Where the pending entry lies.
    new: Option<usize>,
}

impl Row {
    fn new() -> Self {
        Self { scores: [0.0; WINDOW * LEAF_LEN + 1], handles: [Handle(0); WINDOW * LEAF_LEN + 1], len: 0, new: None }
    }

    fn push(&mut self, leaf: &Leaf, from: usize, to: usize) {
        let end = self.len + to - from;
        self.scores[self.len..end].copy_from_slice(&leaf.scores[from..to]);
        self.handles[self.len..end].copy_from_slice(&leaf.handles[from..to]);
        self.len = end;
    }

    fn push_new(&mut self, entry: Entry) {
        self.new = Some(self.len);
        self.scores[self.len] = entry.score;
        self.handles[self.len] = entry.handle;
        self.len += 1;
    }
}

/// An entry on its way into a full leaf.
struct Pending {
    leaf: u32,
    at: usize,
    entry: Entry,
}

/// What becomes of the leaves of a window.
#[derive(Clone, Copy, PartialEq)]
enum Change {
    Same,
    OneMore,
    OneLess,
}

impl Tree {
    /// Puts `entry` at place `at` of a full leaf. The counts above the leaf hold it already.
    #[cold]
    pub(super) fn overflow<M: Members>(&mut self, members: &mut M, leaf: u32, at: usize, entry: Entry) {
        if self.height == 0 {
            self.grow_root(Child { id: leaf, count: self.len as u32, first: self.leaves[leaf].entry(0) });
        }
        if (at == LEAF_LEN && leaf == self.last_leaf()) || (at == 0 && leaf == self.first_leaf()) {
            return self.extend(members, leaf, at, entry);
        }
        let pending = Pending { leaf, at, entry };
        let parent = self.leaves[leaf].parent;
        let inner = &self.inners[parent];
        let slot = inner.slot(leaf);
        let room = |slot: usize| LEAF_LEN.saturating_sub(inner.counts[slot] as usize);
        let left = if slot > 0 { room(slot - 1) } else { 0 };
        let right = if slot + 1 < inner.len() { room(slot + 1) } else { 0 };
        if left.max(right) >= ROOM_MIN {
            let first = if left >= right { slot - 1 } else { slot };
            return self.respread(members, parent, first, 2, Change::Same, Some(&pending));
        }
        let parent = self.make_room(parent, leaf);
        let inner = &self.inners[parent];
        let slot = inner.slot(leaf);
        let first = slot.saturating_sub(1);
        let width = (slot + 2).min(inner.len()) - first;
        self.respread(members, parent, first, width, Change::OneMore, Some(&pending));
    }

    /// Ascending and descending inserts leave full leaves behind: a new leaf begins beyond the edge.
    fn extend<M: Members>(&mut self, members: &mut M, leaf: u32, at: usize, entry: Entry) {
        let parent = self.make_room(self.leaves[leaf].parent, leaf);
        let mut new = Leaf::EMPTY;
        new.insert(0, entry);
        new.parent = parent;
        let id = self.leaves.alloc(new);
        members.set_leaf(entry.handle, LeafId(id));
        let first = self.leaves[leaf].entry(0);
        let inner = &mut self.inners[parent];
        let slot = inner.slot(leaf);
        inner.counts[slot] = LEAF_LEN as u32;
        inner.set_first(slot, first);
        inner.insert(slot + usize::from(at > 0), Child { id, count: 1, first: entry });
    }

    /// Merges a leaf that became thin with its neighbours, when they leave room.
    pub(super) fn underflow<M: Members>(&mut self, members: &mut M, leaf: u32) {
        let parent = self.leaves[leaf].parent;
        if parent == NIL || self.leaves[leaf].len() > THIN {
            return;
        }
        let inner = &self.inners[parent];
        let slot = inner.slot(leaf);
        if self.leaves[leaf].len == 0 {
            self.leaves.free(leaf);
            self.remove_child(parent, slot);
            return self.settle_leaves(members);
        }
        let count = |range: std::ops::Range<usize>| {
            let counts = inner.counts().get(range)?;
            Some(counts.iter().sum::<u32>() as usize)
        };
        let fits = |first: Option<usize>, width: usize| {
            let first = first?;
            let total = count(first..first + width)?;
            (total <= (width - 1) * (LEAF_LEN - MERGE_ROOM)).then_some((first, width))
        };
        let before = slot.checked_sub(1);
        let window = fits(before, 2)
            .or_else(|| fits(Some(slot), 2))
            .or_else(|| fits(before, 3))
            .or_else(|| fits(slot.checked_sub(2), 3))
            .or_else(|| fits(Some(slot), 3));
        if let Some((first, width)) = window {
            self.respread(members, parent, first, width, Change::OneLess, None);
            self.settle_leaves(members);
        }
    }

    /// Spreads the entries of the `width` children of `parent` from slot `first` on evenly over as
    /// many leaves, one more or one less. `parent` must have room for one more.
    fn respread<M: Members>(
        &mut self,
        members: &mut M,
        parent: u32,
        first: usize,
        width: usize,
        change: Change,
        pending: Option<&Pending>,
    ) {
        debug_assert!(width <= WINDOW && self.inners[parent].level == 1);
        let mut row = Row::new();
        // Leaf ids in their new order, each with the places of the row that it held.
        let mut leaves = [(NIL, 0, 0); WINDOW + 1];
        let mut kept = 0;
        // The middle one comes or goes: this moves the fewest entries.
        let middle = width.div_ceil(2);
        for (index, slot) in (first..first + width).enumerate() {
            let id = self.inners[parent].children[slot];
            let start = row.len;
            self.gather(&mut row, id, pending);
            if change == Change::OneLess && index == middle {
                self.leaves.free(id);
                continue;
            }
            if change == Change::OneMore && index == middle {
                kept += 1;
            }
            leaves[kept] = (id, start, row.len);
            kept += 1;
        }
        match change {
            Change::Same => {}
            Change::OneMore => {
                let id = self.leaves.alloc(Leaf { parent, ..Leaf::EMPTY });
                leaves[middle] = (id, 0, 0);
                kept = width + 1;
                // Count and first key follow below.
                let child = Child { id, count: 0, first: self.inners[parent].first(first) };
                self.inners[parent].insert(first + middle, child);
            }
            Change::OneLess => self.inners[parent].remove(first + middle),
        }
        let mut start = 0;
        for (index, &leaf) in leaves[..kept].iter().enumerate() {
            let end = row.len * (index + 1) / kept;
            self.deal(members, &row, leaf, start..end);
            let inner = &mut self.inners[parent];
            inner.counts[first + index] = (end - start) as u32;
            let key = Entry { score: row.scores[start], handle: row.handles[start] };
            inner.set_first(first + index, key);
            start = end;
        }
        if change == Change::OneLess {
            self.thin_inner(parent);
        }
    }

    /// Appends a leaf's entries, and the pending one at its place, to the row.
    fn gather(&self, row: &mut Row, id: u32, pending: Option<&Pending>) {
        let leaf = &self.leaves[id];
        match pending {
            Some(pending) if pending.leaf == id => {
                row.push(leaf, 0, pending.at);
                row.push_new(pending.entry);
                row.push(leaf, pending.at, leaf.len());
            }
            _ => row.push(leaf, 0, leaf.len()),
        }
    }

    /// Fills a leaf with a part of the row and tells the members that are new to it. The leaf held
    /// the places `had_start..had_end` before.
    fn deal<M: Members>(
        &mut self,
        members: &mut M,
        row: &Row,
        (id, had_start, had_end): (u32, usize, usize),
        part: std::ops::Range<usize>,
    ) {
        let leaf = &mut self.leaves[id];
        leaf.scores[..part.len()].copy_from_slice(&row.scores[part.clone()]);
        leaf.handles[..part.len()].copy_from_slice(&row.handles[part.clone()]);
        leaf.len = part.len() as u8;
        if let Some(new) = row.new.filter(|new| part.contains(new)) {
            members.set_leaf(row.handles[new], LeafId(id));
        }
        let before = part.start..part.end.min(had_start.max(part.start));
        let after = part.start.max(had_end).min(part.end).max(before.end)..part.end;
        for &handle in row.handles[before].iter().chain(&row.handles[after]) {
            members.set_leaf(handle, LeafId(id));
        }
    }

    /// Moves the last leaves into free slots while too many are free, so that a set that shrank
    /// gives its memory back.
    fn settle_leaves<M: Members>(&mut self, members: &mut M) {
        for _ in 0..2 {
            let Some(from) = self.leaves.straggler() else { return };
            let leaf = self.leaves[from];
            self.leaves.free(from);
            let to = self.leaves.alloc(leaf);
            for &handle in leaf.handles() {
                members.set_leaf(handle, LeafId(to));
            }
            match leaf.parent {
                NIL => self.root = to,
                parent => {
                    let slot = self.inners[parent].slot(from);
                    self.inners[parent].children[slot] = to;
                }
            }
        }
    }

    /// Makes sure that the parent of `leaf` can take one more child; returns the parent it then has.
    fn make_room(&mut self, parent: u32, leaf: u32) -> u32 {
        if self.inners[parent].len() < FANOUT {
            return parent;
        }
        self.split_inner(parent);
        self.leaves[leaf].parent
    }
}
