//! The locked view of keys that a command works on.
//!
//! # Invariants
//! - While a `Keys` lives it holds the locks of `held`, and only those shards' keys may be asked for.
//! - A key whose deadline has passed is never seen: finding it removes it first.
//! - While `wrote` is false no table has changed since the locks were taken, so the hints lead to what is there.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::sync::atomic::Ordering;

pub use access::{Access, decayed};
pub use hold::Hold;
use smallvec::SmallVec;

use crate::change::{Change, Event, Interest, Tally};
use crate::db::{Db, Value};
use crate::dict::Slot;
use crate::entry::{Entry, EntryMut, Type};
use crate::shard::{Keyspace, SHARDS_MAX, WatchFlag};
use crate::waits::Halted;

mod access;
mod extend;
mod hold;
mod walk;

/// A key and its hash, which is computed once for a request.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// [`Keyspace::hash`] of them.
    pub hash: u64,
}

/// How accesses are clocked, and what time it is; the same for all commands of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Wall clock, unix milliseconds.
    pub unix_ms: i64,
    /// What an access writes into an entry's clock.
    pub access: Access,
}

/// The key holds a value of another type than the command works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongType;

enum Held<'k> {
    None,
    One(usize),
    /// One, which a hold keeps locked and wants to know about.
    Kept(usize, &'k Cell<hold::Did>),
    Many(Shards),
    All,
    /// One shard that a view above keeps locked.
    Lent(usize),
    /// Some, likewise.
    LentMany(Shards),
    /// All, likewise.
    LentAll,
}

/// Shards that are listed without an allocation.
const FEW: usize = 8;

type Shards = SmallVec<[u16; FEW]>;

/// Shards, each once and in ascending order: a few are sorted, of many a bit each is set.
fn distinct(mut shards: impl Iterator<Item = u16>) -> Shards {
    let mut few: Shards = shards.by_ref().take(FEW).collect();
    let Some(next) = shards.next() else {
        few.sort_unstable();
        few.dedup();
        return few;
    };
    let mut seen = [0u64; SHARDS_MAX.div_ceil(64)];
    for shard in few.drain(..).chain([next]).chain(shards) {
        seen[usize::from(shard) / 64] |= 1 << (shard % 64);
    }
    let mut many = Shards::with_capacity(seen.iter().map(|word| word.count_ones() as usize).sum());
    for (index, mut word) in seen.into_iter().enumerate() {
        while word != 0 {
            many.push((index * 64) as u16 + word.trailing_zeros() as u16);
            word &= word - 1;
        }
    }
    many
}

/// See the module's head.
pub struct Keys<'k> {
    space: &'k Keyspace,
    db: usize,
    held: Held<'k>,
    /// Whether more than one database was looked at, so that the hints of all of them must follow at the end.
    selected: bool,
    /// Whether a table may have changed: who only reads neither looks at it nor has its hint followed.
    wrote: bool,
    /// Expired keys count as absent but stay (while clients are paused); only for views that do not write.
    pub keep_expired: bool,
    /// The time of the batch.
    pub now: Now,
    /// What was done.
    pub tally: &'k mut Tally,
}

impl<'k> Keys<'k> {
    /// No key.
    pub fn none(space: &'k Keyspace, db: usize, now: Now, tally: &'k mut Tally) -> Self {
        Self { space, db, held: Held::None, selected: false, wrote: false, keep_expired: false, now, tally }
    }

    /// Locks one key's shard.
    #[inline]
    pub fn lock_one(space: &'k Keyspace, db: usize, hash: u64, now: Now, tally: &'k mut Tally) -> Result<Self, Halted> {
        let shard = space.shard_of(hash);
        space.lock_for_request(shard)?;
        Ok(Self { space, db, held: Held::One(shard), selected: false, wrote: false, keep_expired: false, now, tally })
    }

    /// Locks the shards of some keys.
    pub fn lock_many(
        space: &'k Keyspace,
        db: usize,
        hashes: impl Iterator<Item = u64>,
        now: Now,
        tally: &'k mut Tally,
    ) -> Result<Self, Halted> {
        let shards = distinct(hashes.map(|hash| space.shard_of(hash) as u16));
        space.lock_in_order(shards.iter().map(|&shard| usize::from(shard)))?;
        Ok(Self { space, db, held: Held::Many(shards), selected: false, wrote: false, keep_expired: false, now, tally })
    }

    /// Locks everything, unless that is to be given up.
    pub fn lock_all_or_halt(space: &'k Keyspace, db: usize, now: Now, tally: &'k mut Tally) -> Result<Self, Halted> {
        space.lock_in_order(0..space.shards())?;
        Ok(Self { space, db, held: Held::All, selected: true, wrote: false, keep_expired: false, now, tally })
    }

    /// Locks everything.
    pub fn lock_all(space: &'k Keyspace, db: usize, now: Now, tally: &'k mut Tally) -> Self {
        space.lock_all_in_order();
        Self { space, db, held: Held::All, selected: true, wrote: false, keep_expired: false, now, tally }
    }

    /// The database that keys are looked up in.
    pub fn db_index(&self) -> usize {
        self.db
    }

    /// Looks keys up in another database from now on (MOVE, COPY, EXEC with SELECT); answers the previous one.
    pub fn select(&mut self, db: usize) -> usize {
        self.selected = true;
        std::mem::replace(&mut self.db, db)
    }

    /// The keyspace behind the view.
    pub fn space(&self) -> &'k Keyspace {
        self.space
    }

    /// The key of some bytes.
    #[inline]
    pub fn key<'a>(&self, bytes: &'a [u8]) -> Key<'a> {
        Key { bytes, hash: self.space.hash(bytes) }
    }

    #[inline]
    fn shard_of(&self, hash: u64) -> usize {
        let shard = self.space.shard_of(hash);
        debug_assert!(
            match &self.held {
                Held::None => false,
                Held::One(held) | Held::Kept(held, _) | Held::Lent(held) => *held == shard,
                Held::Many(held) | Held::LentMany(held) => held.binary_search(&(shard as u16)).is_ok(),
                Held::All | Held::LentAll => true,
            },
            "a key that the request did not declare"
        );
        shard
    }

    /// The table of a key's shard, when it has been made.
    #[inline]
    pub fn db(&self, hash: u64) -> Option<&Db> {
        // SAFETY: the shard is locked for as long as `self` lives; `&self` keeps `db_mut` away.
        unsafe { self.space.db(self.shard_of(hash), self.db) }
    }

    /// The table of a key's shard, for writing.
    #[inline]
    pub fn db_mut(&mut self, hash: u64) -> &mut Db {
        self.wrote = true;
        // SAFETY: the shard is locked for as long as `self` lives; `&mut self` is the only way in.
        unsafe { self.space.db_or_new(self.shard_of(hash), self.db) }
    }

    /// The table of the one locked shard, when it has been made: for work that is not about a key known before.
    pub(crate) fn table_mut(&mut self) -> Option<&mut Db> {
        let (Held::One(shard) | Held::Kept(shard, _) | Held::Lent(shard)) = self.held else { return None };
        self.wrote = true;
        // SAFETY: the shard is locked for as long as `self` lives; `&mut self` is the only way in.
        unsafe { self.space.db_mut(shard, self.db) }
    }

    /// As `table_mut`, for reading.
    pub fn table(&self) -> Option<&Db> {
        let (Held::One(shard) | Held::Kept(shard, _) | Held::Lent(shard)) = self.held else { return None };
        // SAFETY: the shard is locked for as long as `self` lives; `&self` keeps `db_mut` away.
        unsafe { self.space.db(shard, self.db) }
    }

    /// The view of one whole shard, for walks that go shard by shard: locks it, unless everything is locked.
    ///
    /// # Panics
    /// When some shards are locked: one more, out of order, could never be had.
    pub fn enter_shard(&mut self, shard: usize) -> Keys<'_> {
        let held = match self.held {
            Held::None if self.space.lock_for_request(shard).is_ok() => Held::One(shard),
            Held::None => {
                // A script holds it for long: the request is answered that.
                self.tally.halted = true;
                Held::None
            }
            Held::All | Held::LentAll => Held::Lent(shard),
            _ => panic!("a walk over the shards by a command that declares no `Locks::Walk`"),
        };
        let Self { space, db, keep_expired, now, .. } = *self;
        self.wrote = true;
        Keys { space, db, held, selected: false, wrote: true, keep_expired, now, tally: &mut *self.tally }
    }

    /// Finds a key for a read: counts hit or miss, and moves its access clock.
    #[inline]
    pub fn find(&mut self, key: &Key) -> Option<Slot> {
        let slot = self.find_for_write(key);
        self.count(key, slot.is_some());
        slot
    }

    /// As [`Keys::find`], for the commands that are worth a copy of all of it.
    #[inline(always)]
    pub(crate) fn find_here(&mut self, key: &Key) -> Option<Slot> {
        let found = self.find_stored(key).filter(|slot| !slot.is_marked() || !self.expires_now(key, *slot));
        if let Some(slot) = found {
            self.touch(key, slot);
        }
        self.count(key, found.is_some());
        found
    }

    /// Finds a key for a read that is none of its value (EXISTS, TTL): counts hit or miss, the clock stays.
    pub fn find_unclocked(&mut self, key: &Key) -> Option<Slot> {
        let slot = self.find_untouched(key);
        self.count(key, slot.is_some());
        slot
    }

    #[inline(always)]
    fn count(&mut self, key: &Key, hit: bool) {
        if hit {
            self.tally.hits += 1;
        } else {
            self.tally.misses += 1;
            self.event(key, Event::KEY_MISS);
        }
    }

    /// Finds a key for a write: no hit or miss is counted.
    #[inline]
    pub fn find_for_write(&mut self, key: &Key) -> Option<Slot> {
        let slot = self.find_untouched(key)?;
        self.touch(key, slot);
        Some(slot)
    }

    /// Moves the access clock.
    #[inline(always)]
    fn touch(&mut self, key: &Key, slot: Slot) {
        let clock = self.entry(key, slot).clock();
        let next = self.now.access.next(clock, key.hash as u32);
        if next != clock {
            // SAFETY: the slot is of a table that this view keeps locked, and `&mut self` is the only way in.
            unsafe { EntryMut::at(slot.record()) }.set_clock(next);
        }
    }

    /// Finds a key without leaving a trace on it; an expired one is removed.
    #[inline]
    pub fn find_untouched(&mut self, key: &Key) -> Option<Slot> {
        let slot = self.find_stored(key)?;
        if slot.is_marked() && self.expires_now(key, slot) { None } else { Some(slot) }
    }

    /// Whether the key at a slot has expired: then it is removed.
    fn expires_now(&mut self, key: &Key, slot: Slot) -> bool {
        let is_expired = self.is_expired(key, slot);
        if is_expired && !self.keep_expired {
            self.expire(key, slot);
        }
        is_expired
    }

    /// Finds a key, expired or not.
    #[inline(always)]
    pub fn find_stored(&self, key: &Key) -> Option<Slot> {
        if self.wrote {
            return self.db(key.hash)?.find(key.hash, key.bytes);
        }
        // SAFETY: the shard is locked for as long as `self` lives, and nothing was changed in it.
        unsafe { self.space.find(self.shard_of(key.hash), self.db, key.hash, key.bytes) }
    }

    #[inline]
    fn is_expired(&self, key: &Key, slot: Slot) -> bool {
        slot.is_marked() && self.entry(key, slot).deadline_ms().is_some_and(|at| at <= self.now.unix_ms)
    }

    /// Finds a key in a shared view: an expired one counts as absent but stays.
    pub fn peek(&self, key: &Key) -> Option<Slot> {
        let slot = self.find_stored(key)?;
        (!self.is_expired(key, slot)).then_some(slot)
    }

    #[cold]
    fn expire(&mut self, key: &Key, slot: Slot) {
        self.db_mut(key.hash).remove(slot);
        self.tally.expired += 1;
        self.tally.effects.push_expired(self.db, key.bytes);
        // The time did it, not a client: INFO counts no change.
        self.changed_with(key, Event::EXPIRED);
    }

    /// The entry at a slot of a key.
    #[inline]
    pub fn entry(&self, key: &Key, slot: Slot) -> Entry<'_> {
        debug_assert_eq!(key.hash, slot.hash());
        // SAFETY: the slot is of a table that this view keeps locked; `&self` keeps `db_mut` away.
        unsafe { Entry::at(slot.record()) }
    }

    /// The type of a key; None when there is none. Leaves no trace.
    pub fn type_of(&mut self, key: &Key) -> Option<Type> {
        let slot = self.find_untouched(key)?;
        Some(self.entry(key, slot).kind().type_of())
    }

    /// Whether a key is there. Leaves no trace.
    pub fn exists(&mut self, key: &Key) -> bool {
        self.find_untouched(key).is_some()
    }

    /// Removes a key; whether it was there. Records nothing: the caller names the event.
    pub fn remove(&mut self, key: &Key) -> bool {
        let Some(slot) = self.find_untouched(key) else { return false };
        self.db_mut(key.hash).remove(slot);
        true
    }

    /// Puts a value at a key, whatever was there, with the deadline given. Records nothing.
    pub fn put(&mut self, key: &Key, value: Value, deadline_ms: Option<i64>) {
        let clock = self.now.access.initial();
        match self.find_untouched(key) {
            Some(slot) => self.db_mut(key.hash).put_value(slot, value, deadline_ms),
            None => {
                self.db_mut(key.hash).insert_value(key.hash, key.bytes, value, deadline_ms, clock);
                self.created(key);
            }
        }
    }

    /// Takes a key's value out of the keyspace, with its deadline. Records nothing.
    pub fn take(&mut self, key: &Key) -> Option<(Value, Option<i64>)> {
        let slot = self.find_untouched(key)?;
        let deadline_ms = self.entry(key, slot).deadline_ms();
        Some((self.db_mut(key.hash).take(slot), deadline_ms))
    }

    /// Marks what is locked with the place in the log of a record about it: who sees it from now on depends on that.
    pub fn stamp(&mut self, place: u64) {
        self.tally.awaited = self.tally.awaited.max(place);
        self.each_held(|space, shard| space.stamp(shard).store(place, Ordering::Relaxed));
    }

    /// Takes note of the marks of what is locked.
    fn heed_stamps(&mut self) {
        let mut latest = self.tally.awaited;
        self.each_held(|space, shard| latest = latest.max(space.stamp(shard).load(Ordering::Relaxed)));
        self.tally.awaited = latest;
    }

    fn each_held(&self, mut visit: impl FnMut(&Keyspace, usize)) {
        match &self.held {
            // The view behind a lent one visits its shards.
            Held::None | Held::LentMany(_) | Held::LentAll => {}
            Held::One(shard) | Held::Kept(shard, _) | Held::Lent(shard) => visit(self.space, *shard),
            Held::Many(shards) => shards.iter().for_each(|&shard| visit(self.space, usize::from(shard))),
            Held::All => (0..self.space.shards()).for_each(|shard| visit(self.space, shard)),
        }
    }

    /// Records that a key was modified, with the event that clients hear of.
    #[inline]
    pub fn changed(&mut self, key: &Key, event: Event) {
        self.changed_by(key, event, 1);
    }

    /// As [`Keys::changed`], where INFO counts `count` changes: an HSET of three fields, 3; fields that expired, 0.
    #[inline]
    pub fn changed_by(&mut self, key: &Key, event: Event, count: usize) {
        self.tally.dirty += count as u64;
        self.changed_with(key, event);
    }

    /// Records that another key was modified by what `changed` counted already (RENAME, MOVE).
    #[inline]
    pub fn changed_with(&mut self, key: &Key, event: Event) {
        let interest = self.space.interest();
        if interest != 0 {
            self.note(key, event, interest);
        }
    }

    /// Records that a key went because another one changed: whoever takes keys along knows that already.
    pub fn went_along(&mut self, key: &Key, event: Event) {
        self.note(key, event, self.space.interest() & !Interest::OWNERSHIP.0);
    }

    /// Records an event that modified nothing (more), such as `del` after the last element went.
    #[inline]
    pub fn event(&mut self, key: &Key, event: Event) {
        if self.space.interest() & Interest::EVENTS.0 != 0 {
            self.push_change(key, event, false);
        }
    }

    /// Says that a key came into being.
    #[inline]
    pub fn created(&mut self, key: &Key) {
        self.event(key, Event::NEW);
    }

    #[cold]
    fn note(&mut self, key: &Key, event: Event, interest: u32) {
        if interest & Interest::WATCH.0 != 0 {
            // SAFETY: the shard is locked, and no reference into it is in use.
            unsafe { self.space.mark_watched(self.shard_of(key.hash), self.db, key.bytes) };
        }
        if interest & Interest::HEARS_ALL != 0
            || interest & Interest::BLOCKED.0 != 0 && self.space.may_be_awaited(key.hash)
        {
            self.push_change(key, event, true);
        }
    }

    #[cold]
    fn push_change(&mut self, key: &Key, event: Event, modified: bool) {
        self.tally.changes.push(Change { db: self.db, event, key: key.bytes.into(), modified });
    }

    /// Takes a watch of a key back.
    pub fn unwatch(&mut self, key: &Key, flag: &WatchFlag) {
        // SAFETY: the shard is locked, and no reference into it is in use.
        unsafe { self.space.unwatch_locked(self.shard_of(key.hash), self.db, key.bytes, flag) }
    }

    /// Sets `flag` when the key changes from now on; false when it was watched already.
    pub fn watch(&mut self, key: &Key, flag: &WatchFlag) -> bool {
        // SAFETY: the shard is locked, and no reference into it is in use.
        unsafe { self.space.watch(self.shard_of(key.hash), self.db, key.bytes, flag) }
    }

    /// Empties the current database, `lazily` in the background; the number of keys that went. All shards must be
    /// locked.
    pub fn flush(&mut self, lazily: bool) -> usize {
        assert!(self.holds_all(), "FLUSH locks everything");
        self.tally.flushed = true;
        // SAFETY: all shards are locked, and no reference into them is in use.
        (0..self.space.shards()).map(|shard| unsafe { self.space.flush(shard, self.db, lazily) }).sum()
    }

    /// Exchanges two databases. All shards must be locked.
    pub fn swap_dbs(&mut self, a: usize, b: usize) {
        assert!(self.holds_all(), "SWAPDB locks everything");
        for shard in 0..self.space.shards() {
            // SAFETY: the shard is locked, and no reference into it is in use.
            for bytes in unsafe { self.space.watched_keys(shard) } {
                // An expired key would look like a change to those who watch it where it comes to.
                let key = self.key(&bytes);
                for db in [a, b] {
                    let own = self.select(db);
                    self.find_untouched(&key);
                    self.select(own);
                }
            }
            // SAFETY: all shards are locked, and no reference into them is in use.
            unsafe { self.space.swap(shard, a, b) };
        }
    }

    /// The tables of the current database in all shards, by shard number. All shards must be locked.
    pub fn tables(&self) -> impl Iterator<Item = &Db> {
        assert!(self.holds_all(), "a walk over everything locks everything");
        // SAFETY: all shards are locked; `&self` keeps `db_mut` away.
        (0..self.space.shards()).filter_map(|shard| unsafe { self.space.db(shard, self.db) })
    }
}

impl Keys<'_> {
    /// # Safety
    /// The shard is locked by this view.
    #[inline]
    unsafe fn unlock(&self, shard: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            if !self.wrote {
                self.space.unlock_unchanged(shard);
            } else if self.selected {
                self.space.unlock_all_dbs(shard);
            } else {
                self.space.unlock(shard, self.db);
            }
        }
    }
}

impl Drop for Keys<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.tally.effects.is_on() {
            self.heed_stamps();
        }
        self.unlock_held();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_distinct_and_ascend() {
        for (count, spread) in [(0, 1), (1, 1), (8, 3), (8, 4096), (9, 1), (9, 4096), (500, 64), (5000, 4096)] {
            let some = |at: u32| (at.wrapping_mul(2_654_435_761) >> 7) as u16 % spread;
            let expected: std::collections::BTreeSet<u16> = (0..count).map(some).collect();
            assert_eq!(distinct((0..count).map(some)).to_vec(), expected.into_iter().collect::<Vec<_>>());
        }
    }
}
