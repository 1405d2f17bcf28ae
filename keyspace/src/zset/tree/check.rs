//! The invariants of a tree, checked whole; for tests.

use super::node::{Entry, NIL};
use super::{LeafId, Members, Tree};

impl Tree {
    /// Panics when the tree is not sound.
    pub(super) fn check<M: Members>(&self, members: &M) {
        let mut seen = Seen::default();
        if self.root != NIL {
            let count = self.check_node(members, self.root, NIL, self.height, &mut seen);
            assert_eq!(count, self.len);
        }
        assert_eq!(seen.entries.len(), self.len);
        assert_eq!(self.leaves.live(), seen.leaves);
        assert_eq!(self.inners.live(), seen.inners);
        for pair in seen.entries.windows(2) {
            let keys = pair.iter().map(|e| (e.score, members.member(e.handle)));
            assert!(keys.is_sorted(), "{pair:?}");
        }
    }

    fn check_node<M: Members>(&self, members: &M, node: u32, parent: u32, height: u8, seen: &mut Seen) -> usize {
        if height == 0 {
            let leaf = &self.leaves[node];
            assert_eq!(leaf.parent, parent);
            assert!(leaf.len > 0, "an empty leaf");
            seen.leaves += 1;
            for at in 0..leaf.len() {
                let entry = leaf.entry(at);
                assert_eq!(members.leaf(entry.handle), LeafId(node), "{entry:?}");
                seen.entries.push(entry);
            }
            return leaf.len();
        }
        let inner = &self.inners[node];
        assert_eq!((inner.parent, inner.level), (parent, height));
        assert!(inner.len > 0, "an empty inner node");
        assert!(parent != NIL || inner.len > 1, "a root with one child");
        seen.inners += 1;
        let mut count = 0;
        for slot in 0..inner.len() {
            let (child, known) = (inner.children[slot], inner.first(slot));
            let start = seen.entries.len();
            let under = self.check_node(members, child, node, height - 1, seen);
            assert_eq!(under, inner.counts[slot] as usize);
            let first = seen.entries[start];
            assert_eq!(first.handle, known.handle);
            assert!(first.score == known.score);
            count += under;
        }
        count
    }

    /// The share of the live leaves' places that hold an entry.
    pub(super) fn fill(&self) -> f64 {
        self.len as f64 / (self.leaves.live() * super::LEAF_LEN) as f64
    }
}

#[derive(Default)]
struct Seen {
    entries: Vec<Entry>,
    leaves: usize,
    inners: usize,
}
