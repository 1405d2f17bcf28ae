//! The shards: a power of two of tables, each behind its own short lock on its own cache lines.
//!
//! # Invariants
//! - `data` is touched only by the holder of `lock`.
//! - Locks are taken in ascending order, held for memory work only, never across I/O.
//! - Before a shard is unlocked, its hints follow its tables' directories.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::lock_api::{RawMutex as _, RawMutexTimed as _};
use parking_lot::{Mutex, RawMutex};

use crate::change::Interest;
use crate::db::{self, Db};
use crate::dict::{self, Hint, Slot};
use crate::entry::Entries;
use crate::snapshot::Side;
use crate::waits::Waits;
use crate::warm;

/// Two lines: adjacent lines are fetched together.
#[repr(align(128))]
struct Shard {
    lock: RawMutex,
    data: UnsafeCell<ShardData>,
    /// The last place in the log of a record about this shard's keys; read and written under the lock.
    stamp: AtomicU64,
}

// SAFETY: `data` is only reached through `lock`.
unsafe impl Sync for Shard {}

/// Set when a watched key changes; read at EXEC.
pub type WatchFlag = Arc<AtomicBool>;

/// What a shard's lock guards.
#[derive(Default)]
pub(crate) struct ShardData {
    dbs: Vec<Option<Box<Db>>>,
    watched: HashMap<Box<[u8]>, Vec<(usize, WatchFlag)>>,
}

/// All keys of all databases.
pub struct Keyspace {
    shards: Box<[Shard]>,
    /// Of each database, of each shard. Apart from the shards, whose lines go from core to core with their locks:
    /// these hardly ever change, so a look at them misses no cache.
    hints: Box<[Hint]>,
    shard_bits: u32,
    seed: u64,
    databases: usize,
    interest: AtomicU32,
    /// How many wait for keys of these hashes, roughly: a change of any other key concerns none of them.
    awaited: Box<[AtomicU32]>,
    watching: AtomicUsize,
    /// The capture that is running.
    pub(crate) capture: Mutex<Option<Arc<Side>>>,
    pub(crate) waits: Waits,
    pub(crate) warm_reader: OnceLock<warm::Reader>,
}

impl Keyspace {
    /// `shards` is rounded up to a power of two, at most 4096; `seed` should come from the OS.
    pub fn new(shards: usize, databases: usize, seed: u64) -> Self {
        let shards = shards.next_power_of_two().min(SHARDS_MAX);
        let shard = || Shard {
            lock: RawMutex::INIT,
            data: UnsafeCell::new(ShardData { dbs: (0..databases).map(|_| None).collect(), watched: HashMap::new() }),
            stamp: AtomicU64::new(0),
        };
        Self {
            shards: (0..shards).map(|_| shard()).collect(),
            hints: (0..shards * databases).map(|_| Hint::none()).collect(),
            shard_bits: shards.trailing_zeros(),
            seed,
            databases,
            interest: AtomicU32::new(0),
            awaited: (0..AWAITED_LEN).map(|_| AtomicU32::new(0)).collect(),
            watching: AtomicUsize::new(0),
            capture: Mutex::new(None),
            waits: Waits::default(),
            warm_reader: OnceLock::new(),
        }
    }

    /// The number of databases.
    pub fn databases(&self) -> usize {
        self.databases
    }

    /// The number of shards.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// What keys are hashed with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The hash of a key.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        dict::hash(self.seed, key)
    }

    /// The shard of a hash.
    #[inline]
    pub fn shard_of(&self, hash: u64) -> usize {
        (hash >> 1 >> (63 - self.shard_bits)) as usize
    }

    #[inline]
    fn hint(&self, shard: usize, db: usize) -> &Hint {
        &self.hints[db * self.shards.len() + shard]
    }

    /// First pass over a batch: brings the key's bucket in.
    ///
    /// # Safety
    /// The caller is a core that takes part in `epoch`.
    #[inline]
    pub unsafe fn prefetch_bucket(&self, db: usize, hash: u64) {
        let shard = self.shard_of(hash);
        dict::prefetch_for_write(&raw const self.shards[shard].lock as usize);
        // SAFETY: the caller's promise.
        unsafe { self.hint(shard, db).prefetch_bucket(hash, self.shard_bits) }
    }

    /// Second pass over a batch: brings the key's entry in.
    ///
    /// # Safety
    /// The caller is a core that takes part in `epoch`.
    #[inline]
    pub unsafe fn prefetch_entry(&self, db: usize, hash: u64) {
        // SAFETY: the caller's promise.
        unsafe { self.hint(self.shard_of(hash), db).prefetch_record(hash, self.shard_bits) }
    }

    /// Finds a key by its hint alone: the table itself is one more line, out of the cache mostly.
    ///
    /// # Safety
    /// The caller holds the shard's lock and has changed nothing since it took it.
    #[inline]
    pub(crate) unsafe fn find(&self, shard: usize, db: usize, hash: u64, key: &[u8]) -> Option<Slot> {
        // SAFETY: the caller's promise; hints follow before a shard is unlocked.
        unsafe { self.hint(shard, db).find::<Entries>(hash, self.shard_bits, key) }
    }

    /// Whether anybody is interested in `what`.
    #[inline]
    pub fn interest(&self) -> u32 {
        self.interest.load(Ordering::Relaxed)
    }

    /// Says that one more waits for a key, whose shard is locked.
    pub fn await_key(&self, hash: u64) {
        self.awaited[hash as usize % AWAITED_LEN].fetch_add(1, Ordering::SeqCst);
    }

    /// Takes one [`Keyspace::await_key`] back.
    pub fn forgo_key(&self, hash: u64) {
        self.awaited[hash as usize % AWAITED_LEN].fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether somebody may be waiting for a key.
    pub(crate) fn may_be_awaited(&self, hash: u64) -> bool {
        self.awaited[hash as usize % AWAITED_LEN].load(Ordering::Relaxed) != 0
    }

    /// Says that somebody is, or that nobody is any more. Called with a lock held where the interest concerns
    /// one key, so that who locks that key's shard next sees it.
    pub fn set_interest(&self, what: Interest, on: bool) {
        if on {
            self.interest.fetch_or(what.0, Ordering::SeqCst);
        } else {
            self.interest.fetch_and(!what.0, Ordering::SeqCst);
        }
    }

    /// Locks a shard, however long that takes.
    #[inline]
    pub(crate) fn lock(&self, shard: usize) {
        if !self.try_lock(shard) {
            self.wait_for(shard);
        }
    }

    /// Locks a shard if that needs no waiting.
    #[inline]
    pub(crate) fn try_lock(&self, shard: usize) -> bool {
        self.shards[shard].lock.try_lock()
    }

    /// Locks a shard if that takes no longer than this.
    pub(crate) fn try_lock_for(&self, shard: usize, longest: Duration) -> bool {
        self.shards[shard].lock.try_lock_for(longest)
    }

    /// Locks all shards, at a moment when all are free if one of `tries` finds it: so nobody waits for a lock here
    /// because somebody else works long under another.
    pub(crate) fn lock_all_soon(&self, tries: usize) {
        for _ in 0..tries {
            let Some(busy) = self.shards.iter().position(|shard| !shard.lock.try_lock()) else { return };
            for shard in &self.shards[..busy] {
                // SAFETY: locked just now; nothing was changed.
                unsafe { shard.lock.unlock() };
            }
            std::thread::sleep(Duration::from_micros(50));
        }
        self.lock_all_in_order();
    }

    /// The place in the log that whoever sees the shard's keys depends on. The caller holds the lock.
    #[inline]
    pub(crate) fn stamp(&self, shard: usize) -> &AtomicU64 {
        &self.shards[shard].stamp
    }

    /// # Safety
    /// The caller holds the lock.
    #[inline]
    pub(crate) unsafe fn unlock(&self, shard: usize, db: usize) {
        // SAFETY: the caller holds the lock.
        unsafe {
            if let Some(table) = self.db(shard, db) {
                self.hint(shard, db).follow(&table.hint());
            }
            self.shards[shard].lock.unlock();
        }
    }

    /// As `unlock`, where nothing was changed.
    ///
    /// # Safety
    /// The caller holds the lock.
    #[inline]
    pub(crate) unsafe fn unlock_unchanged(&self, shard: usize) {
        // SAFETY: the caller holds the lock.
        unsafe { self.shards[shard].lock.unlock() }
    }

    /// As `unlock`, after a change of several databases.
    ///
    /// # Safety
    /// The caller holds the lock.
    pub(crate) unsafe fn unlock_all_dbs(&self, shard: usize) {
        // SAFETY: the caller holds the lock.
        unsafe {
            self.follow(shard);
            self.shards[shard].lock.unlock();
        }
    }

    /// # Safety
    /// The caller holds the lock.
    unsafe fn follow(&self, shard: usize) {
        for db in 0..self.databases {
            let hint = self.hint(shard, db);
            // SAFETY: the caller holds the lock.
            match unsafe { self.db(shard, db) } {
                Some(db) => hint.follow(&db.hint()),
                None => hint.forget(),
            }
        }
    }

    /// # Safety
    /// The caller holds the lock, and no other reference from here is in use.
    #[inline]
    #[allow(clippy::mut_from_ref)]
    unsafe fn data(&self, shard: usize) -> &mut ShardData {
        // SAFETY: the caller's promise.
        unsafe { &mut *self.shards[shard].data.get() }
    }

    /// # Safety
    /// The caller holds the lock, and nobody mutates through it meanwhile.
    #[inline]
    pub(crate) unsafe fn db(&self, shard: usize, db: usize) -> Option<&Db> {
        // SAFETY: the caller's promise.
        unsafe { (&(*self.shards[shard].data.get()).dbs)[db].as_deref() }
    }

    /// # Safety
    /// The caller holds the lock, and no other reference from here is in use.
    #[inline]
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn db_mut(&self, shard: usize, db: usize) -> Option<&mut Db> {
        // SAFETY: the caller's promise.
        unsafe { self.data(shard) }.dbs[db].as_deref_mut()
    }

    /// As `db_mut`; makes the table when it is not there yet.
    ///
    /// # Safety
    /// As for `db_mut`.
    #[inline]
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn db_or_new(&self, shard: usize, db: usize) -> &mut Db {
        // SAFETY: the caller's promise.
        let data = unsafe { self.data(shard) };
        data.dbs[db].get_or_insert_with(|| Box::new(Db::new(self.seed, self.shard_bits, shard)))
    }

    /// # Safety
    /// The caller holds the lock, and no other reference from here is in use.
    pub(crate) unsafe fn flush(&self, shard: usize, db: usize, lazily: bool) -> usize {
        // SAFETY: the caller's promise.
        let data = unsafe { self.data(shard) };
        let Some(table) = data.dbs[db].take() else { return 0 };
        for (key, watchers) in &data.watched {
            if table.find(self.hash(key), key).is_some() {
                mark(watchers, db);
            }
        }
        self.hint(shard, db).forget();
        let len = table.len();
        match &*self.capture.lock() {
            // It may lack entries of this table, or parts of its collections.
            Some(side) => side.adopt(table),
            None => db::discard(*table, lazily),
        }
        len
    }

    /// Exchanges two databases in one shard; watched keys that were in either count as changed.
    ///
    /// # Safety
    /// The caller holds the lock, and no other reference from here is in use.
    pub(crate) unsafe fn swap(&self, shard: usize, a: usize, b: usize) {
        // SAFETY: the caller's promise.
        let data = unsafe { self.data(shard) };
        for (key, watchers) in &data.watched {
            let hash = self.hash(key);
            let is_in = |db: usize| data.dbs[db].as_ref().is_some_and(|table| table.find(hash, key).is_some());
            if is_in(a) || is_in(b) {
                mark(watchers, a);
                mark(watchers, b);
            }
        }
        data.dbs.swap(a, b);
        // SAFETY: the caller's promise.
        unsafe { self.follow(shard) };
    }

    /// # Safety
    /// The caller holds the lock, and no other reference from here is in use.
    #[cold]
    pub(crate) unsafe fn mark_watched(&self, shard: usize, db: usize, key: &[u8]) {
        // SAFETY: the caller's promise.
        if let Some(watchers) = unsafe { self.data(shard) }.watched.get(key) {
            mark(watchers, db);
        }
    }

    /// # Safety
    /// The caller holds the lock, and no other reference from here is in use.
    pub(crate) unsafe fn watch(&self, shard: usize, db: usize, key: &[u8], flag: &WatchFlag) -> bool {
        // SAFETY: the caller's promise.
        let watchers = unsafe { self.data(shard) }.watched.entry(key.into()).or_default();
        if watchers.iter().any(|(at, other)| *at == db && Arc::ptr_eq(other, flag)) {
            return false;
        }
        watchers.push((db, flag.clone()));
        if self.watching.fetch_add(1, Ordering::SeqCst) == 0 {
            self.set_interest(Interest::WATCH, true);
        }
        true
    }

    /// Takes a watch back. The interest in watched keys stays set: clearing it could race with the next watch,
    /// and a lookup in an empty map is cheap.
    pub fn unwatch(&self, db: usize, key: &[u8], flag: &WatchFlag) {
        let shard = self.shard_of(self.hash(key));
        if self.lock_for_request(shard).is_err() {
            return self.unwatch_later(db, key, flag);
        }
        // SAFETY: locked above, and no reference into the shard is in use.
        unsafe {
            self.unwatch_locked(shard, db, key, flag);
            self.unlock(shard, db);
        }
    }

    /// As `unwatch`, in a shard that is locked.
    ///
    /// # Safety
    /// The caller holds the lock, and no other reference from here is in use.
    pub(crate) unsafe fn unwatch_locked(&self, shard: usize, db: usize, key: &[u8], flag: &WatchFlag) {
        // SAFETY: the caller's promise.
        let data = unsafe { self.data(shard) };
        if let Some(watchers) = data.watched.get_mut(key) {
            let before = watchers.len();
            watchers.retain(|(at, other)| *at != db || !Arc::ptr_eq(other, flag));
            self.watching.fetch_sub(before - watchers.len(), Ordering::SeqCst);
            if watchers.is_empty() {
                data.watched.remove(key);
            }
        }
    }

    /// The watched keys of a shard, whatever their database.
    ///
    /// # Safety
    /// The caller holds the lock, and no other reference from here is in use.
    pub(crate) unsafe fn watched_keys(&self, shard: usize) -> Vec<Box<[u8]>> {
        // SAFETY: the caller's promise.
        unsafe { self.data(shard) }.watched.keys().cloned().collect()
    }

    /// The number of watched (client, key) pairs.
    pub fn watching(&self) -> usize {
        self.watching.load(Ordering::Relaxed)
    }
}

/// Enough that unrelated keys hardly ever meet where thousands wait.
const AWAITED_LEN: usize = 4096;
/// SCAN cursors have 12 bits for the shard.
pub(crate) const SHARDS_MAX: usize = 1 << 12;

fn mark(watchers: &[(usize, WatchFlag)], db: usize) {
    for (at, flag) in watchers {
        if *at == db {
            flag.store(true, Ordering::SeqCst);
        }
    }
}
