//! Nodes of one kind, addressed by `u32`, in chunks of 64.
//!
//! Invariants:
//! - a node never moves in memory by itself: growth adds a chunk and copies nothing (only the first
//!   chunk grows by doubling, so that a small tree stays small);
//! - `used` has a bit for each live node of its chunk, and no chunk after the last live node exists;
//! - chunks below `open` are full, so the lowest free slot is taken first and the tail drains.

use std::ops::{Index, IndexMut};

const CHUNK_LEN: usize = 64;

struct Chunk<T> {
    nodes: Vec<T>,
    used: u64,
}

/// A pool of plain nodes; dropping it drops the chunks and walks no node.
pub(super) struct Pool<T> {
    chunks: Vec<Chunk<T>>,
    live: usize,
    open: usize,
}

impl<T: Copy> Pool<T> {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), live: 0, open: 0 }
    }

    /// Stores `node` in the lowest free slot and returns its id.
    pub(super) fn alloc(&mut self, node: T) -> u32 {
        while self.chunks.get(self.open).is_some_and(|chunk| chunk.used == u64::MAX) {
            self.open += 1;
        }
        if self.open == self.chunks.len() {
            let capacity = if self.open == 0 { 1 } else { CHUNK_LEN };
            self.chunks.push(Chunk { nodes: Vec::with_capacity(capacity), used: 0 });
        }
        let chunk = &mut self.chunks[self.open];
        let slot = chunk.used.trailing_ones() as usize;
        match chunk.nodes.get_mut(slot) {
            Some(old) => *old = node,
            None => chunk.nodes.push(node),
        }
        chunk.used |= 1 << slot;
        self.live += 1;
        (self.open * CHUNK_LEN + slot) as u32
    }

    /// Gives the slot of `id` back, and the memory of the chunks that this leaves empty at the end.
    pub(super) fn free(&mut self, id: u32) {
        let (chunk, slot) = split(id);
        debug_assert!(self.chunks[chunk].used & (1 << slot) != 0);
        self.chunks[chunk].used &= !(1 << slot);
        self.live -= 1;
        self.open = self.open.min(chunk);
        while self.chunks.last().is_some_and(|chunk| chunk.used == 0) {
            self.chunks.pop();
        }
        self.open = self.open.min(self.chunks.len());
    }

    /// The highest live id, when so many slots are free that moving this node down pays.
    pub(super) fn straggler(&self) -> Option<u32> {
        let slots = self.chunks.len() * CHUNK_LEN;
        if slots <= self.live + self.live / 8 + CHUNK_LEN {
            return None;
        }
        let chunk = self.chunks.last()?;
        Some(((self.chunks.len() - 1) * CHUNK_LEN) as u32 + chunk.used.ilog2())
    }

    #[cfg(test)]
    pub(super) fn live(&self) -> usize {
        self.live
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        let nodes: usize = self.chunks.iter().map(|chunk| chunk.nodes.capacity()).sum();
        nodes * size_of::<T>() + self.chunks.capacity() * size_of::<Chunk<T>>()
    }
}

fn split(id: u32) -> (usize, usize) {
    (id as usize / CHUNK_LEN, id as usize % CHUNK_LEN)
}

impl<T> Index<u32> for Pool<T> {
    type Output = T;

    fn index(&self, id: u32) -> &T {
        let (chunk, slot) = split(id);
        &self.chunks[chunk].nodes[slot]
    }
}

impl<T> IndexMut<u32> for Pool<T> {
    fn index_mut(&mut self, id: u32) -> &mut T {
        let (chunk, slot) = split(id);
        &mut self.chunks[chunk].nodes[slot]
    }
}
