//! How inner nodes grow and shrink. They are a thirtieth of the tree, so plain halves will do.

use super::Tree;
use super::node::{Child, FANOUT, Inner, NIL};

/// An inner node with fewer children looks for a neighbour to merge with.
const THIN: usize = FANOUT / 2;
/// Merged neighbours have at most this many children, so that they do not split at once.
const MERGED_MAX: usize = FANOUT - 6;

impl Tree {
    /// Puts a root above the only node there is.
    pub(super) fn grow_root(&mut self, child: Child) {
        self.height += 1;
        let mut root = Inner::new(self.height);
        root.insert(0, child);
        self.root = self.inners.alloc(root);
        self.set_parent(self.height, child.id, self.root);
    }

    /// Splits a full inner node; its parents are split first when they are full.
    pub(super) fn split_inner(&mut self, node: u32) {
        let level = self.inners[node].level;
        if self.inners[node].parent == NIL {
            let inner = &self.inners[node];
            let child = Child { id: node, count: inner.count(), first: inner.first(0) };
            self.grow_root(child);
        } else if self.inners[self.inners[node].parent].len() == FANOUT {
            self.split_inner(self.inners[node].parent);
        }
        let parent = self.inners[node].parent;
        let slot = self.inners[parent].slot(node);
        // At an end it is likely that the keys ascend or descend: leave more behind.
        let keep = match slot {
            _ if slot + 1 == self.inners[parent].len() => FANOUT * 7 / 8,
            0 => FANOUT / 8,
            _ => FANOUT / 2,
        };
        let mut right = Inner::new(level);
        right.parent = parent;
        right.append(&self.inners[node], keep);
        self.inners[node].len = keep as u8;
        let left_count = self.inners[node].count();
        let id = self.inners.alloc(right);
        self.adopt(id, 0);
        self.inners[parent].counts[slot] = left_count;
        let child = Child { id, count: right.count(), first: right.first(0) };
        self.inners[parent].insert(slot + 1, child);
    }

    /// Takes the empty child in `slot` out of `node`, and `node` itself when that was its last.
    pub(super) fn remove_child(&mut self, node: u32, slot: usize) {
        self.inners[node].remove(slot);
        let parent = self.inners[node].parent;
        if self.inners[node].len == 0 {
            let slot = self.inners[parent].slot(node);
            self.inners.free(node);
            return self.remove_child(parent, slot);
        }
        if slot == 0 {
            let first = self.inners[node].first(0);
            self.set_first_above(node, parent, first);
        }
        self.thin_inner(node);
    }

    /// Merges an inner node that became thin with a neighbour, when the two fit into one.
    pub(super) fn thin_inner(&mut self, node: u32) {
        let inner = &self.inners[node];
        let (parent, len) = (inner.parent, inner.len());
        if parent == NIL {
            return self.lower_root();
        }
        if len >= THIN {
            return;
        }
        let above = &self.inners[parent];
        let slot = above.slot(node);
        let fits = |slot: usize| self.inners[above.children[slot]].len() + len <= MERGED_MAX;
        let left = if slot > 0 && fits(slot - 1) {
            slot - 1
        } else if slot + 1 < above.len() && fits(slot + 1) {
            slot
        } else {
            return;
        };
        let (into, from) = (above.children[left], above.children[left + 1]);
        let count = above.counts[left + 1];
        let source = self.inners[from];
        let start = self.inners[into].len();
        self.inners[into].append(&source, 0);
        self.adopt(into, start);
        self.inners.free(from);
        let above = &mut self.inners[parent];
        above.counts[left] += count;
        above.remove(left + 1);
        self.thin_inner(parent);
        self.settle_inners();
    }

    /// A root with one child gives way to it.
    fn lower_root(&mut self) {
        while self.height > 0 && self.inners[self.root].len == 1 {
            let child = self.inners[self.root].children[0];
            self.inners.free(self.root);
            self.set_parent(self.height, child, NIL);
            self.height -= 1;
            self.root = child;
        }
    }

    /// Moves the last inner node into a free slot while too many are free.
    fn settle_inners(&mut self) {
        let Some(from) = self.inners.straggler() else { return };
        let inner = self.inners[from];
        self.inners.free(from);
        let to = self.inners.alloc(inner);
        self.adopt(to, 0);
        match inner.parent {
            NIL => self.root = to,
            parent => {
                let slot = self.inners[parent].slot(from);
                self.inners[parent].children[slot] = to;
            }
        }
    }

    /// Tells the children of `node` from slot `start` on who their parent is.
    fn adopt(&mut self, node: u32, start: usize) {
        let inner = self.inners[node];
        for &child in &inner.children()[start..] {
            self.set_parent(inner.level, child, node);
        }
    }

    /// Sets the parent of a child of an inner node of `level`.
    fn set_parent(&mut self, level: u8, child: u32, parent: u32) {
        if level == 1 {
            self.leaves[child].parent = parent;
        } else {
            self.inners[child].parent = parent;
        }
    }
}
