//! A look ahead: what the commands of a batch will search for in one large hash or set.
//!
//! One search in a table of a million elements waits for the memory twice, for the bucket and for the record. The
//! commands of a batch come one after the other, and so would their misses.

use crate::entry::Kind;
use crate::hash::Hash;
use crate::set::Set;
use crate::shard::Keyspace;

/// Smaller tables are in the cache soon.
const LEN_MIN: usize = 1 << 17;

impl Keyspace {
    /// Brings `members` of the hash or set at a key into the cache, if it is a large one.
    pub fn prefetch_members<'m>(&self, db: usize, hash: u64, key: &[u8], members: impl Iterator<Item = &'m [u8]>) {
        self.with_table(self.shard_of(hash), db, |table| {
            let Some(slot) = table.find(hash, key) else { return };
            let entry = table.entry(slot);
            match entry.kind() {
                Kind::Hash => {
                    let hash = Hash::of_entry(entry);
                    if hash.len() >= LEN_MIN {
                        hash.prefetch(members);
                    }
                }
                Kind::Set => {
                    let set = Set::of_entry(entry);
                    if set.len() >= LEN_MIN {
                        set.prefetch(members);
                    }
                }
                _ => {}
            }
        });
    }
}
