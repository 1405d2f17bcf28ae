//! Walks over the entries of a stream, forwards and backwards.

use std::collections::btree_map;

use smallvec::SmallVec;

use super::block::{Block, Place, Walk};
use super::id::Id;
use super::log::{Entry, Log};

/// Entries in the order of their ids.
pub struct Entries<'a> {
    blocks: btree_map::Range<'a, Id, Block>,
    walk: Option<Walk<'a>>,
    to: Id,
}

impl<'a> Entries<'a> {
    pub(super) fn new(log: &'a Log, from: Id, to: Id) -> Self {
        if from > to {
            return Self { blocks: btree_map::Range::default(), walk: None, to };
        }
        let first = log.blocks.range(..=from).next_back().map_or(from, |(own, _)| *own);
        let mut blocks = log.blocks.range(first..=to.max(first));
        let walk = blocks.next().map(|(&own, block)| {
            let mut walk = block.walk(own);
            if from <= block.newest() {
                walk.seek(from);
                return walk;
            }
            // Nothing in the block is so late: a read of what is new need not go through it.
            walk.seek_end();
            walk
        });
        Self { blocks, walk, to }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let walk = self.walk.as_mut()?;
            if let Some((_, place)) = walk.next() {
                if place.id > self.to {
                    self.walk = None;
                    return None;
                }
                return Some(Entry { block: walk.block, place });
            }
            self.walk = self.blocks.next().map(|(&own, block)| block.walk(own));
        }
    }
}

/// Entries in the reverse order of their ids. A block is read forwards, so its places are collected first.
pub struct EntriesRev<'a> {
    blocks: btree_map::Range<'a, Id, Block>,
    block: Option<&'a Block>,
    places: SmallVec<[Place; 128]>,
    from: Id,
    to: Id,
}

impl<'a> EntriesRev<'a> {
    pub(super) fn new(log: &'a Log, from: Id, to: Id) -> Self {
        let blocks = log.blocks.range(..=to);
        Self { blocks, block: None, places: SmallVec::new(), from, to }
    }
}

impl<'a> Iterator for EntriesRev<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if let (Some(place), Some(block)) = (self.places.pop(), self.block) {
                return (place.id >= self.from).then_some(Entry { block, place });
            }
            let (&own, block) = self.blocks.next_back()?;
            if block.newest() < self.from {
                return None;
            }
            let to = self.to;
            self.block = Some(block);
            self.places.extend(block.walk(own).map(|(_, place)| place).take_while(|place| place.id <= to));
        }
    }
}
