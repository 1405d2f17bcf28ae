//! A stream as its blocks, for those who write it out or tell of its form.

use super::block::Block;
use super::id::Id;
use super::log::{Entry, Log};
use crate::packed::Element;

/// A block of a stream, to read.
#[derive(Clone, Copy)]
pub struct BlockView<'a> {
    id: Id,
    block: &'a Block,
}

impl<'a> BlockView<'a> {
    /// The id of the first entry that it ever had.
    pub fn id(&self) -> Id {
        self.id
    }

    /// How many entries it has, at least one.
    pub fn len(&self) -> usize {
        self.block.count() as usize
    }

    /// Never.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of its entries were removed.
    pub fn deleted(&self) -> u32 {
        self.block.deleted()
    }

    /// The names of the fields that its first entry had.
    pub fn names(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        self.block.names().map(|(name, _)| name)
    }

    /// Its entries.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let block = self.block;
        block.walk(self.id).map(move |(_, place)| Entry { block, place })
    }
}

impl Log {
    /// The blocks from the one that `from` belongs into on, so that a walk can be interrupted.
    pub fn blocks_from(&self, from: Id) -> impl Iterator<Item = BlockView<'_>> {
        let first = self.blocks.range(..=from).next_back().map_or(from, |(own, _)| *own);
        self.blocks.range(first..).map(|(&id, block)| BlockView { id, block })
    }

    /// All blocks.
    pub fn blocks(&self) -> impl Iterator<Item = BlockView<'_>> {
        self.blocks_from(Id::ZERO)
    }

    /// How many nodes a radix tree of the blocks' ids has (as 16 bytes, the high ones first): XINFO tells it, since
    /// Redis keeps them in one.
    pub fn radix_tree_nodes(&self) -> usize {
        let mut nodes = Nodes::default();
        for id in self.blocks.keys() {
            nodes.add((u128::from(id.ms) << 64 | u128::from(id.seq)).to_be_bytes());
        }
        nodes.count()
    }
}

/// Counts the nodes of a radix tree that compresses chains, from its keys in order. Known of the last key is where
/// other keys branched off.
#[derive(Default)]
struct Nodes {
    /// Nodes of what the last key does not touch any more.
    closed: usize,
    last: Option<[u8; 16]>,
    /// Depths at which the last key's path branches, ascending.
    branches: smallvec::SmallVec<[usize; 16]>,
}

impl Nodes {
    fn add(&mut self, key: [u8; 16]) {
        if let Some(last) = self.last {
            let common = last.iter().zip(key).take_while(|(a, b)| **a == *b).count();
            // From where the two part, the last key's path is closed: its nodes below its branch at `common`.
            let mut from = 16;
            self.closed += 1;
            while let Some(&depth) = self.branches.last()
                && depth > common
            {
                self.branches.pop();
                self.closed += 1 + usize::from(from - depth > 1);
                from = depth;
            }
            self.closed += usize::from(from - common > 1);
            if self.branches.last() != Some(&common) {
                self.branches.push(common);
            }
        }
        self.last = Some(key);
    }

    fn count(&self) -> usize {
        if self.last.is_none() {
            return 1;
        }
        // The last key's own path: its leaf, its branches, and a chain where more than the branching byte is between.
        let mut nodes = self.closed + 1 + self.branches.len();
        let mut above = None;
        for depth in self.branches.iter().copied().chain([16]) {
            nodes += usize::from(above.map_or(depth > 0, |above| depth - above > 1));
            above = Some(depth);
        }
        nodes
    }
}
