//! The entries of a stream with their counters: blocks by the id of their first entry.
//!
//! # Invariants
//! - No block is empty, and blocks do not overlap.
//! - `len` is the sum of the blocks' counts; `first_id` is the first entry's id, 0-0 when there is none.
//! - No entry is after `last_id`.

use std::collections::BTreeMap;

use super::block::{Block, Fields, Place};
use super::id::Id;
use super::range::{Entries, EntriesRev};

/// What bounds a block; 0 sets no bound.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `stream-node-max-bytes`
    pub node_bytes: usize,
    /// `stream-node-max-entries`
    pub node_entries: u64,
}

impl Default for Limits {
    /// Redis's defaults.
    fn default() -> Self {
        Self { node_bytes: 4096, node_entries: 100 }
    }
}

/// The most bytes of a block, and so of an entry's fields and values.
pub const ENTRY_BYTES_MAX: usize = 1 << 30;
/// Counts and a vector's head before the bytes.
const SHARED_OVERHEAD: usize = 40;
/// A key and a block in a B-tree that grows at its end, where nodes are a little more than half full.
const BLOCK_OVERHEAD: usize = (size_of::<Id>() + size_of::<Block>()) * 16 / 9 + SHARED_OVERHEAD;

/// See the module's head.
#[derive(Clone, Default)]
pub struct Log {
    pub(super) blocks: BTreeMap<Id, Block>,
    pub(super) len: u64,
    /// The greatest id that was ever given out.
    pub last_id: Id,
    pub(super) first_id: Id,
    /// The greatest id that was ever removed by name.
    pub max_deleted_id: Id,
    /// How many entries were ever added.
    pub entries_added: u64,
    /// Room of the blocks.
    pub(super) bytes: usize,
}

/// One entry.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    pub(super) block: &'a Block,
    pub(super) place: Place,
}

impl<'a> Entry<'a> {
    /// Its id.
    #[inline]
    pub fn id(&self) -> Id {
        self.place.id
    }

    /// The number of its fields.
    pub fn len(&self) -> usize {
        self.block.fields_of(self.place)
    }

    /// Never: an entry has a field.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its fields with their values.
    #[inline]
    pub fn fields(&self) -> Fields<'a> {
        self.block.pairs(self.place)
    }
}

impl Log {
    /// The number of entries.
    #[inline]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The id of the first entry, 0-0 when there is none.
    pub fn first_id(&self) -> Id {
        self.first_id
    }

    /// The id of the last entry that is there, 0-0 when there is none.
    pub fn newest_id(&self) -> Id {
        self.blocks.last_key_value().map_or(Id::ZERO, |(_, block)| block.newest())
    }

    /// The number of blocks.
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// Bytes that the blocks take.
    pub fn memory_usage(&self) -> usize {
        self.bytes + self.blocks.len() * BLOCK_OVERHEAD
    }

    /// Adds an entry of `words`, which are field, value, field, value ..; `id` is greater than [`Log::last_id`].
    #[inline]
    pub fn add<'v>(&mut self, id: Id, words: impl Iterator<Item = &'v [u8]> + Clone, limits: Limits) {
        debug_assert!(id > self.last_id);
        self.append(id, words, limits);
        self.len += 1;
        self.entries_added += 1;
        self.last_id = id;
        if self.len == 1 {
            self.first_id = id;
        }
    }

    #[inline]
    fn append<'v>(&mut self, id: Id, words: impl Iterator<Item = &'v [u8]> + Clone, limits: Limits) {
        if let Some(mut last) = self.blocks.last_entry() {
            let (own, block) = (*last.key(), last.get_mut());
            let before = block.capacity();
            if has_room(block, words.clone(), limits) {
                block.append(own, id, words);
                // A block of its own may have less room than the one that it shared.
                self.bytes = self.bytes + block.capacity() - before;
                return;
            }
            block.shrink();
            self.bytes -= before - block.capacity();
        }
        let mut block = Block::new(id, words.clone().step_by(2));
        block.append(id, id, words);
        self.bytes += block.capacity();
        self.blocks.insert(id, block);
    }

    /// The entry with this id.
    pub fn get(&self, id: Id) -> Option<Entry<'_>> {
        let (&own, block) = self.blocks.range(..=id).next_back()?;
        block.find(own, id).map(|place| Entry { block, place })
    }

    /// Whether there is an entry with this id.
    pub fn contains(&self, id: Id) -> bool {
        self.get(id).is_some()
    }

    /// The entries from one id to another, both included, forwards.
    #[inline]
    pub fn range(&self, from: Id, to: Id) -> Entries<'_> {
        Entries::new(self, from, to)
    }

    /// The entries from one id to another, both included, backwards from the second.
    pub fn range_rev(&self, from: Id, to: Id) -> EntriesRev<'_> {
        EntriesRev::new(self, from, to)
    }

    /// All entries.
    pub fn iter(&self) -> Entries<'_> {
        self.range(Id::ZERO, Id::MAX)
    }

    /// Removes an entry by name; whether it was there.
    pub fn remove(&mut self, id: Id) -> bool {
        let is_gone = self.drop_entry(id);
        if is_gone {
            self.max_deleted_id = self.max_deleted_id.max(id);
            if id == self.first_id {
                self.find_first();
            }
        }
        is_gone
    }

    /// Removes an entry; the first id is not looked after.
    pub(super) fn drop_entry(&mut self, id: Id) -> bool {
        let Some((&own, block)) = self.blocks.range_mut(..=id).next_back() else { return false };
        let before = block.capacity();
        if !block.remove(own, id) {
            return false;
        }
        self.bytes -= before - block.capacity();
        self.len -= 1;
        if block.count() == 0 {
            self.drop_block(own);
        }
        true
    }

    pub(super) fn drop_block(&mut self, own: Id) {
        if let Some(block) = self.blocks.remove(&own) {
            self.bytes -= block.capacity();
            self.len -= u64::from(block.count());
        }
    }

    pub(super) fn find_first(&mut self) {
        let first = self.blocks.first_key_value().and_then(|(&own, block)| block.walk(own).next());
        self.first_id = first.map_or(Id::ZERO, |(_, place)| place.id);
    }
}

/// Whether a block takes one more entry.
#[inline]
fn has_room<'v>(block: &Block, words: impl Iterator<Item = &'v [u8]>, limits: Limits) -> bool {
    let bytes_max = if limits.node_bytes == 0 { ENTRY_BYTES_MAX } else { limits.node_bytes.min(ENTRY_BYTES_MAX) };
    let entries = u64::from(block.count()) + u64::from(block.deleted());
    let size: usize = words.map(<[u8]>::len).sum();
    block.listpack_bytes().saturating_add(size) < bytes_max
        && (limits.node_entries == 0 || entries < limits.node_entries)
}
