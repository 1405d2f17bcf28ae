//! Which keys there are under patterns that go as a whole: what `cart:*` takes along is found without a walk over all
//! keys.
//!
//! # Invariants
//! - A shard's list is changed only by who holds the shard's lock, before he gives it back: whoever locks the shard
//!   next finds what is there.
//! - It holds all keys that match a pattern which edges take along as a whole, and maybe some that are gone.

use std::collections::BTreeSet;
use std::ops::Bound;

use ownership::Pattern;
use parking_lot::Mutex;

type Names = BTreeSet<Box<[u8]>>;

/// See the module's head.
#[derive(Default)]
pub(super) struct Members {
    /// By shard, then by database.
    shards: Box<[Mutex<Vec<Names>>]>,
}

impl Members {
    pub(super) fn new(shards: usize, databases: usize) -> Self {
        let shard = || Mutex::new((0..databases).map(|_| Names::new()).collect());
        Self { shards: (0..shards).map(|_| shard()).collect() }
    }

    /// Notes that a key is there, or that it is not.
    pub(super) fn set(&self, (shard, db): (usize, usize), key: &[u8], is_there: bool) {
        let mut dbs = self.shards[shard].lock();
        if !is_there {
            dbs[db].remove(key);
        } else if !dbs[db].contains(key) {
            dbs[db].insert(key.into());
        }
    }

    /// Up to `limit` keys of a pattern behind `after`, in order.
    pub(super) fn some(
        &self,
        (shard, db): (usize, usize),
        pattern: &Pattern,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Vec<Box<[u8]>> {
        let prefix = pattern.literal_prefix();
        let from = after.map_or(Bound::Included(&prefix[..]), Bound::Excluded);
        let dbs = self.shards[shard].lock();
        let near = dbs[db].range::<[u8], _>((from, Bound::Unbounded)).take_while(|key| key.starts_with(&prefix));
        near.filter(|key| pattern.matches(key)).take(limit).cloned().collect()
    }

    /// A database was emptied.
    pub(super) fn clear(&self, db: usize) {
        self.shards.iter().for_each(|shard| shard.lock()[db].clear());
    }

    /// Two databases were exchanged.
    pub(super) fn swap(&self, a: usize, b: usize) {
        self.shards.iter().for_each(|shard| shard.lock().swap(a, b));
    }

    /// How many keys it holds.
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().iter().map(BTreeSet::len).sum::<usize>()).sum()
    }
}
