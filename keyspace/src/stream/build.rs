//! Making a stream block by block, as snapshots keep it.

use super::block::Block;
use super::group::Group;
use super::id::Id;
use super::log::{ENTRY_BYTES_MAX, Limits, Log};
use super::{Groups, Stream};

/// Why something is no stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed(pub &'static str);

/// The counters of a stream, beside its entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// The greatest id that was ever given out.
    pub last_id: Id,
    /// The greatest id that was ever removed by name.
    pub max_deleted_id: Id,
    /// How many entries were ever added.
    pub entries_added: u64,
}

/// Makes a stream: [`Builder::block`] begins a block, [`Builder::entry`] adds to it, [`Builder::finish`] gives the
/// stream, to which groups are added with [`Stream::add_group`] and [`GroupBuilder`].
///
/// Without `block` the entries are put into blocks as XADD does.
#[derive(Default)]
pub struct Builder {
    log: Log,
    limits: Limits,
    /// A block that has no entry yet.
    begun: Option<(Id, Block)>,
}

impl Builder {
    /// A stream whose blocks are bounded where nobody begins one.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Begins a block: its id (that of the first entry it ever had), the names of that entry's fields, and how many of
    /// its entries were removed. A block that gets no entry is left out.
    pub fn block<'v>(&mut self, id: Id, names: impl Iterator<Item = &'v [u8]>, deleted: u32) -> Result<(), Malformed> {
        self.settle();
        if !self.log.blocks.is_empty() && id <= self.log.last_id {
            return Err(Malformed("a block begins before the end of the one before it"));
        }
        let mut block = Block::new(id, names);
        block.set_deleted(deleted);
        self.begun = Some((id, block));
        Ok(())
    }

    /// Adds an entry of field, value, field, value ..; ids ascend.
    pub fn entry<'v>(&mut self, id: Id, words: impl Iterator<Item = &'v [u8]> + Clone) -> Result<(), Malformed> {
        let count = words.clone().count();
        if count == 0 || !count.is_multiple_of(2) {
            return Err(Malformed("an entry is pairs of fields and values"));
        }
        if words.clone().map(<[u8]>::len).sum::<usize>() > ENTRY_BYTES_MAX {
            return Err(Malformed("an entry is too large"));
        }
        if id <= self.log.last_id {
            return Err(Malformed("ids do not ascend"));
        }
        match &mut self.begun {
            Some((own, block)) => {
                if id < *own {
                    return Err(Malformed("an entry is before its block"));
                }
                if block.listpack_bytes() > 2 * ENTRY_BYTES_MAX {
                    return Err(Malformed("a block is too large"));
                }
                block.append(*own, id, words);
                self.log.len += 1;
                self.log.last_id = id;
                if self.log.len == 1 {
                    self.log.first_id = id;
                }
            }
            None => self.log.add(id, words, self.limits),
        }
        Ok(())
    }

    fn settle(&mut self) {
        if let Some((own, mut block)) = self.begun.take()
            && block.count() > 0
        {
            block.shrink();
            self.log.bytes += block.capacity();
            self.log.blocks.insert(own, block);
        }
    }

    /// How many entries there are so far.
    pub fn len(&self) -> u64 {
        self.log.len
    }

    /// Whether there is no entry yet.
    pub fn is_empty(&self) -> bool {
        self.log.len == 0
    }

    /// The stream, without groups.
    pub fn finish(mut self, counters: Counters) -> Result<Stream, Malformed> {
        self.settle();
        if counters.last_id < self.log.last_id {
            return Err(Malformed("the last id is before the last entry"));
        }
        let Counters { last_id, max_deleted_id, entries_added } = counters;
        let log = Log { last_id, max_deleted_id, entries_added, ..self.log };
        Ok(Stream { log, groups: Groups::new() })
    }
}

/// Makes a group: first the pending entries, then each consumer with those that are its own.
pub struct GroupBuilder(Group);

impl GroupBuilder {
    /// A group that has read up to an entry.
    pub fn new(last_id: Id, entries_read: Option<i64>) -> Self {
        Self(Group::new(last_id, entries_read))
    }

    /// Adds a pending entry, whose consumer is told later.
    pub fn pending(&mut self, id: Id, delivered_ms: i64, deliveries: u64) -> Result<(), Malformed> {
        if self.0.pending(id).is_some() {
            return Err(Malformed("an entry is pending twice"));
        }
        self.0.add_orphan(id, delivered_ms, deliveries);
        Ok(())
    }

    /// Adds a consumer with the ids of the entries pending for it.
    pub fn consumer(
        &mut self,
        name: &[u8],
        seen_ms: i64,
        active_ms: Option<i64>,
        ids: impl Iterator<Item = Id>,
    ) -> Result<(), Malformed> {
        let consumer = self.0.create(name, seen_ms).ok_or(Malformed("Duplicate stream consumer detected"))?;
        self.0[consumer].active_ms = active_ms;
        for id in ids {
            let pending = self.0.pending(id).ok_or(Malformed("a consumer's entry is not pending in its group"))?;
            self.0.assign(id, consumer, pending.delivered_ms, pending.deliveries);
        }
        Ok(())
    }

    /// The group; each of its pending entries has a consumer.
    pub fn finish(self) -> Result<Group, Malformed> {
        if self.0.is_whole() { Ok(self.0) } else { Err(Malformed("a pending entry has no consumer")) }
    }
}
