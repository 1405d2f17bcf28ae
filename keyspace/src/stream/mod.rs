//! The stream: a log of entries, and the groups that read it.
//!
//! Entries stand in blocks of packed data as long as a node of Redis's (`stream-node-max-bytes` and `-entries` decide
//! alike, since XINFO and trimming by `~` show them), blocks in a B-tree by the id of their first entry. A group has
//! one record for each pending entry, and its consumers the ids. Clones, as pictures take them, share blocks and rows
//! of what is pending until those change.
//!
//! For snapshots: [`Log::blocks`], [`Stream::groups`], [`Group::pending_in`], [`Group::consumers`] and the counters
//! read everything; [`Builder`] and [`GroupBuilder`] make a stream of it again.

mod block;
mod build;
mod counters;
mod group;
mod id;
mod keys;
mod log;
mod pel;
mod range;
#[cfg(test)]
mod tests;
mod trim;
mod view;

use std::collections::BTreeMap;

pub use block::Fields;
pub use build::{Builder, Counters, GroupBuilder, Malformed};
pub use group::{Consumer, ConsumerRef, Group, Pending};
pub use id::{Id, IdText};
pub use log::{ENTRY_BYTES_MAX, Entry, Limits, Log};
pub use range::{Entries, EntriesRev};
pub use trim::{Keep, References, Removed, Trim};
pub use view::BlockView;

/// Groups by name.
pub type Groups = BTreeMap<Box<[u8]>, Group>;

/// Redis's stream type. A stream without entries is a value like any other.
#[derive(Clone, Default)]
pub struct Stream {
    /// The entries.
    pub log: Log,
    groups: Groups,
}

impl Stream {
    /// The groups, by name.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// A group.
    #[inline]
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name)
    }

    /// The entries, and a group for changes.
    #[inline]
    pub fn group_mut(&mut self, name: &[u8]) -> Option<(&Log, &mut Group)> {
        Some((&self.log, self.groups.get_mut(name)?))
    }

    /// Adds a group; false when there is one of this name.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        let is_new = !self.groups.contains_key(name);
        if is_new {
            self.groups.insert(name.into(), group);
        }
        is_new
    }

    /// Removes a group; whether it was there.
    pub fn remove_group(&mut self, name: &[u8]) -> bool {
        self.groups.remove(name).is_some()
    }

    /// How many allocations go with it, roughly: what dropping it costs.
    pub fn free_effort(&self) -> usize {
        let pending = |group: &Group| 1 + group.pending_count() / 8 + group.consumers().len();
        self.log.block_count() + self.groups.values().map(pending).sum::<usize>()
    }

    /// Bytes that it takes, nearly.
    pub fn memory_usage(&self) -> usize {
        let groups: usize = self.groups.iter().map(|(name, group)| name.len() + group.memory_usage()).sum();
        size_of::<Self>() + self.log.memory_usage() + groups
    }
}
