//! Looks at one shard at a time, under its lock.
#![allow(unsafe_code)]

use smallvec::SmallVec;

use super::{Held, Keys, Now};
use crate::change::Tally;
use crate::db::Db;
use crate::shard::Keyspace;

impl Keyspace {
    /// Runs `visit` on one database's table of one shard under its lock: for walks that go shard by shard
    /// (DBSIZE, SCAN, RANDOMKEY, expiry, eviction).
    pub fn with_table<T>(&self, shard: usize, db: usize, visit: impl FnOnce(&Db) -> T) -> Option<T> {
        self.lock_for_request(shard).ok()?;
        // SAFETY: the lock is held until `visit` is done.
        unsafe {
            let answer = self.db(shard, db).map(visit);
            self.unlock(shard, db);
            answer
        }
    }

    /// Lets whoever holds a shard finish; false when that is a script that takes long.
    pub fn pass_through(&self, shard: usize) -> bool {
        if self.lock_for_request(shard).is_err() {
            return false;
        }
        // SAFETY: locked above, and nothing was changed.
        unsafe { self.unlock_unchanged(shard) };
        true
    }

    /// As `with_table`, for writing; makes the table when it is not there yet. `change` hears no events: it is for
    /// loading, before anybody listens.
    pub fn with_table_mut<T>(&self, shard: usize, db: usize, change: impl FnOnce(&mut Db) -> T) -> T {
        self.lock(shard);
        // SAFETY: the lock is held until `change` is done, and no other reference from there is in use.
        unsafe {
            let answer = change(self.db_or_new(shard, db));
            self.unlock(shard, db);
            answer
        }
    }

    /// The databases whose table in one shard is as `is_it` says.
    pub fn dbs_where(&self, shard: usize, is_it: impl Fn(&Db) -> bool) -> SmallVec<[usize; 4]> {
        if self.lock_for_request(shard).is_err() {
            return SmallVec::new();
        }
        // SAFETY: the lock is held until the list is made.
        unsafe {
            let is_it = |&db: &usize| self.db(shard, db).is_some_and(&is_it);
            let found = (0..self.databases()).filter(is_it).collect();
            self.unlock_unchanged(shard);
            found
        }
    }

    /// The databases that have keys or hash fields with a deadline in one shard.
    pub fn expiring_dbs(&self, shard: usize) -> SmallVec<[usize; 4]> {
        self.dbs_where(shard, |db| db.expiring() + db.expiring_hashes() > 0)
    }

    /// The locked view of one whole shard; None while a script holds it for long.
    pub fn lock_shard<'k>(&'k self, shard: usize, db: usize, now: Now, tally: &'k mut Tally) -> Option<Keys<'k>> {
        self.lock_for_request(shard).ok()?;
        Some(Keys {
            space: self,
            db,
            held: Held::One(shard),
            selected: false,
            wrote: false,
            keep_expired: false,
            now,
            tally,
        })
    }
}
