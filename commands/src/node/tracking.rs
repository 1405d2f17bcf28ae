//! Client-side caching: which connection has read which keys, and what it is told when they change.
//!
//! # Invariants
//! - A key is noted while it is locked for the read, and looked up after it was unlocked by the write: a write that
//!   comes after the read always finds it.
//! - A connection gets the message that a key changed after the reply in which it saw the key: its replies and its
//!   outbox leave in this order.
//!
//! Source: <https://redis.io/docs/latest/develop/reference/client-side-caching/>.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};

use bytes::Bytes;
use dashmap::DashMap;
use keyspace::change::{Change, Event, Interest};
use parking_lot::{Mutex, RwLock};
use resp::{Proto, Writer};
use smallvec::SmallVec;

use super::Node;
use crate::client::{Client, Shared};
use crate::ctx::Ctx;
use crate::keys::find_keys;
use crate::request::Request;
use crate::spec::{flag, key};
use crate::table::Group;

/// How a connection is tracked, as bits of [`crate::client::Facts::tracking`].
pub mod mode {
    /// Tracked at all.
    pub const ON: u32 = 1 << 0;
    /// It hears of all keys with its prefixes.
    pub const BCAST: u32 = 1 << 1;
    /// Only reads after CLIENT CACHING yes count.
    pub const OPTIN: u32 = 1 << 2;
    /// Reads after CLIENT CACHING no do not count.
    pub const OPTOUT: u32 = 1 << 3;
    /// It does not hear of its own changes.
    pub const NOLOOP: u32 = 1 << 4;
    /// The connection that messages go to is gone.
    pub const BROKEN: u32 = 1 << 5;
}

/// Sent on this channel to connections that speak RESP2.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// Who is tracked, and what they know.
#[derive(Default)]
pub struct Tracking {
    /// The connections that have read a key.
    readers: DashMap<Box<[u8]>, SmallVec<[u64; 2]>>,
    /// The keys of `readers`.
    keys: AtomicUsize,
    /// All entries of `readers`.
    items: AtomicUsize,
    prefixes: RwLock<Prefixes>,
    /// Tracked connections.
    clients: Mutex<usize>,
}

/// Bytes that one prefix costs beside its text: a map entry, a list of listeners and a reference.
const PREFIX_BYTES: u64 = 64;

/// Prefixes with those who asked for them, and how many prefixes there are of a length.
#[derive(Default)]
struct Prefixes {
    by_prefix: HashMap<Box<[u8]>, Vec<Arc<Shared>>>,
    lengths: BTreeMap<usize, usize>,
}

impl Prefixes {
    /// The prefixes in use that a key has.
    fn of<'p>(&'p self, key: &'p [u8]) -> impl Iterator<Item = (&'p [u8], &'p [Arc<Shared>])> {
        let lengths = self.lengths.range(..=key.len()).map(|(len, _)| *len);
        lengths.filter_map(|len| self.by_prefix.get_key_value(&key[..len])).map(|(prefix, all)| (&**prefix, &**all))
    }
}

impl Tracking {
    /// Tracked connections, keys, entries and prefixes, for INFO.
    pub(crate) fn totals(&self) -> (usize, usize, usize, usize) {
        let (keys, items) = (self.keys.load(Relaxed), self.items.load(Relaxed));
        (*self.clients.lock(), keys, items, self.prefixes.read().by_prefix.len())
    }

    /// The prefixes of a connection, in order.
    pub(crate) fn prefixes_of(&self, id: u64) -> Vec<Box<[u8]>> {
        let prefixes = self.prefixes.read();
        let own = prefixes.by_prefix.iter().filter(|(_, all)| all.iter().any(|shared| shared.id == id));
        let mut own: Vec<Box<[u8]>> = own.map(|(prefix, _)| prefix.clone()).collect();
        own.sort_unstable();
        own
    }

    fn add_prefix(&self, shared: &Arc<Shared>, prefix: &[u8]) {
        let mut prefixes = self.prefixes.write();
        let listeners = prefixes.by_prefix.entry(prefix.into()).or_default();
        let is_new = listeners.is_empty();
        if !listeners.iter().any(|known| known.id == shared.id) {
            listeners.push(shared.clone());
            shared.facts.prefix_bytes.fetch_add(PREFIX_BYTES + prefix.len() as u64, Relaxed);
        }
        if is_new {
            *prefixes.lengths.entry(prefix.len()).or_default() += 1;
        }
    }

    fn remove_prefixes(&self, id: u64) {
        let Prefixes { by_prefix, lengths } = &mut *self.prefixes.write();
        by_prefix.retain(|prefix, listeners| {
            listeners.retain(|shared| shared.id != id);
            if listeners.is_empty() {
                let count = lengths.entry(prefix.len()).or_default();
                *count = count.saturating_sub(1);
                if *count == 0 {
                    lengths.remove(&prefix.len());
                }
            }
            !listeners.is_empty()
        });
    }

    /// Notes that a connection has read a key.
    fn note(&self, key: &[u8], id: u64) {
        let mut readers = match self.readers.get_mut(key) {
            Some(readers) => readers,
            None => self.readers.entry(key.into()).or_default(),
        };
        if readers.is_empty() {
            self.keys.fetch_add(1, Relaxed);
        }
        if !readers.contains(&id) {
            readers.push(id);
            self.items.fetch_add(1, Relaxed);
        }
    }

    /// Forgets who has read anything.
    fn forget_all(&self) {
        // One by one: a read may be noted meanwhile, and must count.
        self.readers.retain(|_, readers| {
            self.keys.fetch_sub(1, Relaxed);
            self.items.fetch_sub(readers.len(), Relaxed);
            false
        });
    }

    /// Forgets who has read a key, and answers them.
    fn take(&self, key: &[u8]) -> SmallVec<[u64; 2]> {
        let Some((_, readers)) = self.readers.remove(key) else { return SmallVec::new() };
        self.keys.fetch_sub(1, Relaxed);
        self.items.fetch_sub(readers.len(), Relaxed);
        readers
    }
}

/// What CLIENT TRACKING ON asked for.
#[derive(Default)]
pub(crate) struct Wish<'a> {
    pub(crate) mode: u32,
    /// 0: the messages go to the connection itself.
    pub(crate) redirect: u64,
    pub(crate) prefixes: Vec<&'a [u8]>,
}

impl Client {
    /// What is tracked of it now.
    pub(crate) fn tracking(&self) -> u32 {
        self.shared.facts.tracking.load(Relaxed)
    }

    /// CLIENT TRACKING ON.
    pub(crate) fn track(&mut self, node: &Node, wish: &Wish<'_>) {
        let facts = &self.shared.facts;
        if facts.tracking.load(Relaxed) == 0 {
            let mut clients = node.tracking.clients.lock();
            *clients += 1;
            node.space.set_interest(Interest::FOLLOW, true);
        }
        facts.redirect.store(wish.redirect, Relaxed);
        facts.tracking.store(wish.mode | mode::ON, SeqCst);
        self.tracked = true;
        if wish.mode & mode::BCAST != 0 {
            let old = node.tracking.prefixes_of(self.shared.id);
            if wish.prefixes.is_empty() && old.is_empty() {
                node.tracking.add_prefix(&self.shared, b"");
            }
            wish.prefixes.iter().for_each(|prefix| node.tracking.add_prefix(&self.shared, prefix));
        }
    }

    /// CLIENT TRACKING OFF, or the end of the connection. Keys that it read stay noted until they change.
    pub(crate) fn untrack(&mut self, node: &Node) {
        (self.tracked, self.caching) = (false, None);
        let facts = &self.shared.facts;
        let before = facts.tracking.swap(0, SeqCst);
        facts.redirect.store(0, Relaxed);
        if before == 0 {
            return;
        }
        if before & mode::BCAST != 0 {
            node.tracking.remove_prefixes(self.shared.id);
            facts.prefix_bytes.store(0, Relaxed);
        }
        let mut clients = node.tracking.clients.lock();
        *clients -= 1;
        if *clients == 0 {
            node.space.set_interest(Interest::FOLLOW, false);
        }
    }
}

impl Ctx<'_> {
    /// Notes the keys that a request has read, which are still locked.
    #[cold]
    pub(crate) fn note_reads(&mut self, request: &Request<'_>) {
        let (node, client, command) = (self.node, &*self.client, request.row.command);
        // Of a script only what it calls reads.
        if !command.has(flag::READONLY) || command.has(flag::PUBSUB) || request.row.group == Group::Scripting {
            return;
        }
        let wanted = match client.tracking() & (mode::BCAST | mode::OPTIN | mode::OPTOUT) {
            0 => true,
            mode::OPTIN => client.caching == Some(true),
            mode::OPTOUT => client.caching != Some(false),
            _ => false,
        };
        if !wanted {
            return;
        }
        // What a transaction changed before it read is no news to it.
        let tally = &mut *self.keys.tally;
        let told = std::mem::replace(&mut tally.invalidated, tally.changes.len());
        node.invalidate(&tally.changes[told..], client.shared.id);
        for found in find_keys(request) {
            if let (0, Some(word)) = (found.flags & key::NOT_KEY, request.word(found.word)) {
                node.tracking.note(word, client.shared.id);
            }
        }
    }
}

/// To whom, and which keys.
type Message<'a> = (Arc<Shared>, Vec<&'a [u8]>);

impl Node {
    /// Tells of changes, which are unlocked again, and which `actor` (0: nobody) made.
    #[cold]
    pub(crate) fn invalidate(&self, changes: &[Change], actor: u64) {
        let by = |change: &Change| if is_by_itself(change.event) { 0 } else { actor };
        for change in changes.iter().filter(|change| change.modified) {
            for id in self.tracking.take(&change.key) {
                self.tell_reader(id, &change.key, by(change));
            }
        }
        if !self.tracking.prefixes.read().by_prefix.is_empty() {
            self.broadcast(changes, by);
        }
    }

    /// Tells one who has read a key.
    fn tell_reader(&self, id: u64, key: &[u8], actor: u64) {
        let Some(shared) = self.clients.get(&id).map(|shared| shared.clone()) else { return };
        let tracking = shared.facts.tracking.load(Relaxed);
        // It may have changed its mind since it read the key.
        let is_heard = tracking & mode::ON != 0 && tracking & mode::BCAST == 0;
        if is_heard && !(tracking & mode::NOLOOP != 0 && actor == id) {
            self.send_invalidation(&shared, Some(&[key]));
        }
    }

    /// One message for each prefix and connection, with all the keys it is to hear of.
    fn broadcast(&self, changes: &[Change], by: impl Fn(&Change) -> u64) {
        let prefixes = self.tracking.prefixes.read();
        let mut messages: BTreeMap<(&[u8], u64), Message<'_>> = BTreeMap::new();
        for change in changes.iter().filter(|change| change.modified) {
            for (prefix, listeners) in prefixes.of(&change.key) {
                for shared in listeners.iter().filter(|shared| self.hears(shared, change, by(change))) {
                    let message = messages.entry((prefix, shared.id));
                    let (_, keys) = message.or_insert_with(|| (shared.clone(), Vec::new()));
                    if !keys.contains(&&*change.key) {
                        keys.push(&change.key);
                    }
                }
            }
        }
        for (shared, keys) in messages.values() {
            self.send_invalidation(shared, Some(keys));
        }
    }

    /// Whether a connection in broadcast mode is told of a change: not of its own with NOLOOP, and never the name of
    /// a key that its user may not read.
    fn hears(&self, shared: &Shared, change: &Change, actor: u64) -> bool {
        let is_own = shared.facts.tracking.load(Relaxed) & mode::NOLOOP != 0 && actor == shared.id;
        !is_own && {
            let user = self.acl.users.get(&shared.facts.user.lock());
            user.is_some_and(|user| user.is_unrestricted() || user.reads_key(&change.key))
        }
    }

    /// After FLUSHALL or FLUSHDB: whoever is tracked is to forget everything.
    #[cold]
    pub(crate) fn invalidate_all(&self) {
        self.tracking.forget_all();
        let tracked = self.clients.iter().filter(|shared| shared.facts.tracking.load(Relaxed) & mode::ON != 0);
        let tracked: Vec<Arc<Shared>> = tracked.map(|shared| shared.clone()).collect();
        tracked.iter().for_each(|shared| self.send_invalidation(shared, None));
    }

    /// Forgets keys beyond `tracking-table-max-keys`, as if they had changed.
    pub(crate) fn bound_tracking(&self) {
        let max = self.settings.tracking_table_max_keys() as usize;
        if max == 0 {
            return;
        }
        let excess = self.tracking.keys.load(Relaxed).saturating_sub(max);
        if excess > 0 {
            let some: Vec<Box<[u8]>> = self.tracking.readers.iter().take(excess).map(|at| at.key().clone()).collect();
            for key in &some {
                for id in self.tracking.take(key) {
                    self.tell_reader(id, key, 0);
                }
            }
        }
    }

    /// Sends keys (None: all) to a tracked connection, or where it lets its messages go.
    fn send_invalidation(&self, tracked: &Arc<Shared>, keys: Option<&[&[u8]]>) {
        let redirect = tracked.facts.redirect.load(Relaxed);
        let target = if redirect == 0 {
            Some(tracked.clone())
        } else {
            let found = self.clients.get(&redirect).map(|shared| shared.clone());
            found.filter(|shared| !shared.facts.ended.load(Relaxed))
        };
        let Some(target) = target else { return self.tell_broken(tracked, redirect) };
        let resp3 = target.facts.resp3.load(Relaxed);
        // Under RESP2 only a subscriber can tell a message from a reply.
        if resp3 || redirect != 0 && target.is_subscriber() {
            let is_null_resp3 = tracked.facts.resp3.load(Relaxed);
            self.push_message(&target, encode(resp3, is_null_resp3, keys));
        }
    }

    fn tell_broken(&self, tracked: &Shared, redirect: u64) {
        tracked.facts.tracking.fetch_or(mode::BROKEN, SeqCst);
        if tracked.facts.resp3.load(Relaxed) {
            let mut out = Writer::new(Proto::Resp3);
            out.push(2);
            out.bulk(b"tracking-redir-broken");
            out.int(redirect as i64);
            self.push_message(tracked, out.take().pop().unwrap_or_default());
        }
    }

    fn push_message(&self, target: &Shared, message: Bytes) {
        let waiting = target.send(message) + target.facts.reply_bytes.load(Relaxed) as usize;
        self.bound_output(target, waiting);
    }
}

/// Whether nobody's command made the change.
fn is_by_itself(event: Event) -> bool {
    event == Event::EXPIRED || event == Event::EVICTED
}

fn encode(resp3: bool, is_null_resp3: bool, keys: Option<&[&[u8]]>) -> Bytes {
    let mut out = Writer::new(if resp3 { Proto::Resp3 } else { Proto::Resp2 });
    if resp3 {
        out.push(2);
        out.bulk(b"invalidate");
    } else {
        out.array(3);
        out.bulk(b"message");
        out.bulk(CHANNEL);
    }
    match keys {
        Some(keys) => {
            out.array(keys.len());
            keys.iter().for_each(|key| out.bulk(key));
        }
        // As the tracked connection's own protocol spells it.
        None => out.raw(if is_null_resp3 { b"_\r\n" } else { b"$-1\r\n" }),
    }
    let pieces = out.take();
    if pieces.len() == 1 { pieces.into_iter().next().unwrap_or_default() } else { pieces.concat().into() }
}
