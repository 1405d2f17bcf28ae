//! The warm tier, as requests and eviction see it: values move out when memory is full, and come back for requests
//! that need them.
//!
//! A request that needs a value which is not in memory is set aside before anything has changed: its locks are given
//! back, the value is read (at once, where the system has the block in memory; by a thread of the tier, while others
//! go on, where it has not), and the request is tried again. What was read for it stays with its client until then, so
//! that nothing can take it away in between.
//!
//! # Invariants
//! - Nothing is read from a file while a shard is locked, but in two cases where going back would undo what others
//!   may have seen: a script that has changed something and then comes to a key that it did not declare, and a
//!   transaction that finds a key under a database it selects itself. (And DEBUG DIGEST, which locks everything anyway.)
//! - A value that is lent for one read ([`Db::warm_for_now`]) is given back before the locks are.
//!
//! [`Db::warm_for_now`]: keyspace::db::Db::warm_for_now

use std::path::Path;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

use keyspace::keys::{Key, Keys};
use keyspace::warm::{Stub, Ticket};
use parking_lot::Mutex;
use persistence::disk::Disk;
use persistence::tier::{Fault, Fetched, Options, Room, Tier};

use super::Node;
use crate::client::{Client, Multi, Origin};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::keys::{KeyShape, find_keys};
use crate::request::Request;
use crate::spec::{Locks, flag, key};

/// The instance's tier, if it has one.
#[derive(Default)]
pub struct Warm {
    is_on: AtomicBool,
    tier: OnceLock<Arc<Tier>>,
    promotions: AtomicU64,
}

/// What a client's request needs of the tier, from its first try to its last.
#[derive(Default)]
pub struct Landing {
    /// Read for it, or why not.
    landed: Vec<Fetched>,
    /// Put into their entries for this try alone.
    lent: Vec<Lent>,
    /// Found missing by this try.
    missing: Vec<Ticket>,
    flight: Option<Arc<Flight>>,
    /// Whether the request is in the statistics.
    pub(crate) is_counted: bool,
}

struct Lent {
    db: usize,
    key: Box<[u8]>,
    stub: Stub,
}

/// What is being read.
#[derive(Default)]
struct Flight {
    landed: Mutex<Vec<Fetched>>,
    is_over: AtomicBool,
}

/// Bytes that wait to be written, at most; an eighth of `maxmemory`, if that is less.
const HELD_MAX: u64 = 16 << 20;
const HELD_MIN: u64 = 64 << 10;

/// What stands in the way of a request.
enum Lack {
    Nothing,
    Missing,
    Failed(Error),
}

impl Warm {
    /// Whether there is a tier.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.is_on.load(Relaxed)
    }

    /// The tier.
    pub fn tier(&self) -> Option<&Arc<Tier>> {
        self.tier.get()
    }

    /// Values that came back to stay.
    pub fn promotions(&self) -> u64 {
        self.promotions.load(Relaxed)
    }

    /// Brings the value of a key back, if it is out: from memory, or as it landed.
    fn bring(&self, keys: &mut Keys<'_>, key: &Key<'_>, landing: &mut Landing, may_lend: bool) -> Lack {
        let Some(slot) = keys.peek(key) else { return Lack::Nothing };
        let Some(ticket) = keys.entry(key, slot).ticket() else { return Lack::Nothing };
        if let Some(value) = keys.db_mut(key.hash).take_held(slot) {
            keys.db_mut(key.hash).warm(slot, value);
            self.promotions.fetch_add(1, Relaxed);
            return Lack::Nothing;
        }
        let Some(at) = landing.landed.iter().position(|landed| landed.ticket == ticket) else {
            landing.missing.push(ticket);
            return Lack::Missing;
        };
        if let Err(fault) = &landing.landed[at].value {
            return Lack::Failed(unreadable(key.bytes, fault));
        }
        let Fetched { value, stays, .. } = landing.landed.swap_remove(at);
        let Ok(value) = value else { return Lack::Nothing };
        if stays || !may_lend {
            keys.db_mut(key.hash).warm(slot, value);
            self.promotions.fetch_add(1, Relaxed);
        } else {
            let stub = keys.db_mut(key.hash).warm_for_now(slot, value);
            landing.lent.push(Lent { db: keys.db_index(), key: key.bytes.into(), stub });
        }
        Lack::Nothing
    }
}

#[cold]
fn unreadable(key: &[u8], fault: &Fault) -> Error {
    let shown = key[..key.len().min(128)].escape_ascii();
    Error::text(format!(
        "IOERR the value of key '{shown}' cannot be read from the warm tier: {fault}. Delete or overwrite the key, or \
         restart the server to load it from the log or snapshot."
    ))
}

/// Whether a request needs the value of a key with these flags: not where it is overwritten or removed unseen.
#[inline]
fn needs_value(flags: u16) -> bool {
    flags & (key::RO | key::RW) != 0 && flags & (key::NOT_KEY | key::VALUELESS) == 0
}

/// Visits the keys whose values a request needs, until `visit` says no.
fn for_each_needed(request: &Request<'_>, keys: &mut Keys<'_>, mut visit: impl FnMut(&mut Keys<'_>, &Key<'_>) -> bool) {
    let command = request.row.command;
    match request.row.key_shape {
        KeyShape::None => {}
        KeyShape::One(word) => {
            let flags = match command.key_flags {
                Some(key_flags) => key_flags(request),
                None => command.keys[0].flags,
            };
            if !needs_value(flags) {
                return;
            }
            if let Some(bytes) = request.word(word) {
                let hash = request.hashes.first().map_or_else(|| keys.space().hash(bytes), |key| key.hash);
                visit(keys, &Key { bytes, hash });
            }
        }
        KeyShape::Specs => {
            for found in find_keys(request) {
                if needs_value(found.flags)
                    && let Some(bytes) = request.word(found.word)
                {
                    let key = keys.key(bytes);
                    if !visit(keys, &key) {
                        return;
                    }
                }
            }
        }
    }
}

impl Client {
    /// Whether its request is set aside until values were read, or there is room.
    #[inline]
    pub fn is_set_aside(&self) -> bool {
        self.landing.as_ref().is_some_and(|landing| landing.is_under_way())
    }
}

impl Landing {
    fn is_under_way(&self) -> bool {
        self.flight.as_ref().is_some_and(|flight| !flight.is_over.load(SeqCst))
    }

    /// Takes what landed since the last try.
    fn unload(&mut self) {
        if let Some(flight) = self.flight.take() {
            self.landed.append(&mut flight.landed.lock());
        }
    }
}

/// The cache of blocks takes this part of `maxmemory`, within bounds.
const CACHE_PART: u64 = 64;
const CACHE_MIN: u64 = 256 << 10;
const CACHE_MAX: u64 = 64 << 20;

impl Node {
    /// Opens the warm tier that the settings name; none is no error.
    pub fn open_tier(self: &Arc<Self>, disk: Arc<dyn Disk>) -> std::io::Result<()> {
        let path = self.settings.warm_tier_path();
        if path.is_empty() { Ok(()) } else { self.open_tier_at(path.as_path(), disk) }
    }

    /// Opens the warm tier in a directory.
    pub(crate) fn open_tier_at(self: &Arc<Self>, dir: &Path, disk: Arc<dyn Disk>) -> std::io::Result<()> {
        let node = Arc::downgrade(self);
        let limits = self.limits();
        let tier = Tier::open(
            disk,
            Options {
                dir: dir.to_owned(),
                bytes_max: self.settings.warm_tier_max_size(),
                cache_bytes: self.tier_cache_bytes(),
                limits: Box::new(move || node.upgrade().map_or(limits, |node| node.limits())),
            },
        )?;
        self.set_tier(tier);
        Ok(())
    }

    fn tier_cache_bytes(&self) -> usize {
        (self.settings.maxmemory() / CACHE_PART).clamp(CACHE_MIN, CACHE_MAX) as usize
    }

    /// Lets the tier's cache follow `maxmemory`.
    pub(crate) fn size_tier_cache(&self) {
        if let Some(tier) = self.warm.tier() {
            tier.set_cache_bytes(self.tier_cache_bytes());
        }
    }

    /// Gives the instance its tier, once.
    pub fn set_tier(&self, tier: Arc<Tier>) {
        let reader = tier.clone();
        self.space.set_warm_reader(Box::new(move |ticket| reader.read(ticket).map_err(|fault| fault.to_string())));
        if self.warm.tier.set(tier).is_ok() {
            self.warm.is_on.store(true, SeqCst);
        }
    }

    /// Brings back what a request needs whose keys are locked; false: it is to be tried again after
    /// [`Node::await_values`]. An error is its answer.
    pub(crate) fn bring_values(
        &self,
        keys: &mut Keys<'_>,
        client: &mut Client,
        request: &Request<'_>,
        transaction: Option<&Multi>,
    ) -> Result<bool> {
        let mut landing = client.landing.take().unwrap_or_default();
        landing.unload();
        let may_lend = request.row.command.has(flag::READONLY);
        let mut failure = None;
        let mut bring = |keys: &mut Keys<'_>, key: &Key<'_>| {
            if let Lack::Failed(error) = self.warm.bring(keys, key, &mut landing, may_lend) {
                failure.get_or_insert(error);
            }
            true
        };
        if request.row.command.locks == Locks::Queued {
            // An unreadable value is the error of the command that needs it.
            for queued in transaction.map_or(&[][..], |multi| &multi.queue) {
                for_each_needed(&queued.request(), keys, &mut bring);
            }
            failure = None;
        } else {
            for_each_needed(request, keys, &mut bring);
        }
        let is_whole = landing.missing.is_empty();
        if !is_whole || failure.is_some() {
            give_back(keys, &mut landing);
        }
        if !is_whole || !landing.landed.is_empty() || !landing.lent.is_empty() {
            client.landing = Some(landing);
        }
        failure.map_or(Ok(is_whole), Err)
    }

    /// Has what a try found missing read: false where that takes a while, and the request is set aside. Nothing is
    /// locked.
    pub(crate) fn await_values(&self, client: &mut Client, origin: Origin) -> bool {
        let (Some(tier), Some(landing)) = (self.warm.tier(), &mut client.landing) else { return true };
        let mut missing = std::mem::take(&mut landing.missing);
        missing.retain(|&ticket| match tier.fetch_now(ticket) {
            Some(fetched) => {
                landing.landed.push(fetched);
                false
            }
            None => true,
        });
        if missing.is_empty() {
            return true;
        }
        if origin != Origin::Connection {
            // Whoever waits for a key is served by the thread that changed it, and the log is replayed by one.
            landing.landed.extend(missing.into_iter().map(|ticket| tier.fetch_here(ticket)));
            return true;
        }
        let flight = Arc::new(Flight::default());
        landing.flight = Some(flight.clone());
        let shared = client.shared.clone();
        tier.fetch(missing, move |fetched| {
            *flight.landed.lock() = fetched;
            flight.is_over.store(true, SeqCst);
            shared.wake();
        });
        false
    }

    /// Whether a request that adds may go on; if not, it is set aside until what memory gave up is written.
    pub(crate) fn has_room_to_move(&self, client: &mut Client) -> bool {
        let (Some(tier), limit) = (self.warm.tier(), self.settings.maxmemory()) else { return true };
        if limit == 0
            || self.used_memory() <= limit
            || self.counted_memory() <= limit
            || tier.room(held_max(limit)) != Room::Soon
        {
            return true;
        }
        let flight = Arc::new(Flight::default());
        client.landing.get_or_insert_default().flight = Some(flight.clone());
        let shared = client.shared.clone();
        tier.when_room(move || {
            flight.is_over.store(true, SeqCst);
            shared.wake();
        });
        false
    }

    /// Moves all values that can; everything is locked.
    pub(crate) fn cool_everything(&self, keys: &mut Keys<'_>) -> Vec<Ticket> {
        let (own, mut moved) = (keys.db_index(), Vec::new());
        for db in 0..self.space.databases() {
            keys.select(db);
            for shard in 0..self.space.shards() {
                let mut keys = keys.enter_shard(shard);
                let mut names: Vec<Box<[u8]>> = Vec::new();
                if let Some(table) = keys.table() {
                    table.dict().for_each(|record| names.push(table.entry_of(record).key().into()));
                }
                for name in names {
                    let key = keys.key(&name);
                    if let Some(slot) = keys.peek(&key) {
                        moved.extend(keys.db_mut(key.hash).cool_any(slot));
                    }
                }
            }
        }
        keys.select(own);
        if let Some(tier) = self.warm.tier() {
            moved.iter().for_each(|&ticket| tier.offer(ticket));
        }
        moved
    }

    /// Waits while more waits to be written than may. Nothing is locked.
    pub(super) fn wait_for_room(&self, limit: u64) {
        while self.warm.tier().is_some_and(|tier| tier.room(held_max(limit)) == Room::Soon) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// Moves values out of a table that keys were just loaded into, while memory is full, and lets the loader wait
    /// where that takes longer. Nothing is locked.
    pub fn relieve(&self, shard: usize, db: usize) {
        const AT_ONCE: usize = 256;
        let (Some(tier), limit) = (self.warm.tier(), self.settings.maxmemory()) else { return };
        let mut random = limit.rotate_left(shard as u32);
        while limit > 0 && self.memory_in_use() > limit {
            match tier.room(held_max(limit)) {
                Room::Free => {}
                Room::Soon => {
                    self.wait_for_room(limit);
                    continue;
                }
                Room::None => return,
            }
            random = random.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
            let moved = self.space.with_table_mut(shard, db, |table| table.cool_some(random, AT_ONCE));
            if moved.is_empty() {
                return;
            }
            moved.into_iter().for_each(|ticket| tier.offer(ticket));
        }
    }

    /// Gives back what a read was lent, and forgets what a request that is over needed.
    pub(crate) fn end_landing(&self, keys: &mut Keys<'_>, client: &mut Client, is_over: bool) {
        if let Some(landing) = &mut client.landing {
            give_back(keys, landing);
            if is_over {
                client.landing = None;
            }
        }
    }
}

/// Bytes that may wait to be written.
pub(super) fn held_max(limit: u64) -> usize {
    (limit / 8).clamp(HELD_MIN, HELD_MAX) as usize
}

fn give_back(keys: &mut Keys<'_>, landing: &mut Landing) {
    let own = keys.db_index();
    for Lent { db, key, stub } in landing.lent.drain(..) {
        if db != keys.db_index() {
            keys.select(db);
        }
        let key = keys.key(&key);
        if let Some(slot) = keys.peek(&key) {
            keys.db_mut(key.hash).cool_again(slot, stub);
        }
    }
    if own != keys.db_index() {
        keys.select(own);
    }
}

impl Ctx<'_> {
    /// Brings back the value of a key that the request did not declare, whose shard is locked. [`Error::Fetch`]
    /// where it has to be read first: the request will be tried again from its beginning, and must not have changed
    /// anything.
    pub(crate) fn bring(&mut self, key: &Key<'_>) -> Result<()> {
        if !self.node.warm.is_on() {
            return Ok(());
        }
        let goes_back = self.origin == Origin::Connection;
        self.bring_or(key, goes_back)
    }

    fn bring_or(&mut self, key: &Key<'_>, goes_back: bool) -> Result<()> {
        let mut landing = self.client.landing.take().unwrap_or_default();
        let mut lack = self.node.warm.bring(&mut self.keys, key, &mut landing, false);
        if let (Lack::Missing, false, Some(tier)) = (&lack, goes_back, self.node.warm.tier()) {
            landing.landed.extend(landing.missing.drain(..).map(|ticket| tier.fetch_here(ticket)));
            lack = self.node.warm.bring(&mut self.keys, key, &mut landing, false);
        }
        self.client.landing = Some(landing);
        match lack {
            Lack::Nothing => Ok(()),
            Lack::Missing => Err(Error::Fetch),
            Lack::Failed(error) => Err(error),
        }
    }

    /// Brings back what one request of a script or a transaction needs; its keys are locked.
    pub(crate) fn bring_for(&mut self, request: &Request<'_>, goes_back: bool) -> Result<()> {
        let mut needed: Vec<(Box<[u8]>, u64)> = Vec::new();
        for_each_needed(request, &mut self.keys, |keys, key| {
            if keys.peek(key).is_some_and(|slot| keys.entry(key, slot).kind().is_warm()) {
                needed.push((key.bytes.into(), key.hash));
            }
            true
        });
        let mut result = Ok(());
        for (bytes, hash) in needed {
            // All that is missing is read at once.
            match self.bring_or(&Key { bytes: &bytes, hash }, goes_back) {
                Err(Error::Fetch) => result = Err(Error::Fetch),
                other => other?,
            }
        }
        result
    }
}
