//! What happened under each pattern since the start, and which keys have lost what they belong to.
//!
//! Reads are counted one in [`READS_PER_SAMPLE`]: a look at the graph for each of them would cost more than the read. So
//! hits and misses are estimates; everything else is exact.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use keyspace::change::{Event, Interest};
use keyspace::keys::{Key, Keys};
use ownership::{Found, Graph, Keys as Gone, Pattern, Relation};
use parking_lot::{Mutex, RwLock};

use super::Own;
use crate::ctx::Ctx;
use crate::keys::find_keys;
use crate::node::Node;
use crate::node::core::Core;
use crate::publish;
use crate::request::Request;
use crate::spec::key;

/// One read in so many is looked at, and stands for all of them.
pub(super) const READS_PER_SAMPLE: u32 = 16;

/// What is counted for a pattern.
#[derive(Default)]
pub struct Counts {
    /// Reads that found their key, as far as one in sixteen tells.
    pub hits: AtomicU64,
    /// Reads that did not.
    pub misses: AtomicU64,
    /// Changes of keys.
    pub writes: AtomicU64,
    /// Keys that went because of others, or by INVALIDATE.
    pub invalidations: AtomicU64,
    /// Values whose sources had changed while they were made.
    pub refused_fills: AtomicU64,
    /// Writes that a lease, a limit or an owner forbade.
    pub denials: AtomicU64,
}

/// The counts of the graph's patterns, by their numbers.
type Numbered = Arc<[Arc<Counts>]>;

/// What all cores share.
pub(super) struct Tallies {
    by_number: RwLock<Numbered>,
    by_pattern: Mutex<HashMap<Pattern, Arc<Counts>>>,
}

impl Default for Tallies {
    fn default() -> Self {
        Self { by_number: RwLock::new(Arc::new([])), by_pattern: Mutex::default() }
    }
}

impl Tallies {
    /// Another graph is there: what is counted of a pattern stays as long as the pattern.
    pub(super) fn follow(&self, graph: &Graph) {
        let mut known = self.by_pattern.lock();
        let mut kept = HashMap::new();
        let all = graph.nodes().iter().map(|node| {
            let counts = known.remove(&node.pattern).unwrap_or_default();
            kept.insert(node.pattern.clone(), counts.clone());
            counts
        });
        let all: Vec<Arc<Counts>> = all.collect();
        *known = kept;
        *self.by_number.write() = all.into();
    }

    pub(super) fn all(&self) -> Numbered {
        self.by_number.read().clone()
    }

    /// Counts something for some of the graph's patterns.
    pub(super) fn add(&self, found: &Found, count: u64, what: impl Fn(&Counts) -> &AtomicU64) {
        if found.is_empty() {
            return;
        }
        let all = self.by_number.read();
        for counts in found.iter().filter_map(|&id| all.get(id as usize)) {
            what(counts).fetch_add(count, Relaxed);
        }
    }

    /// As `add`, for the patterns of a key.
    pub(super) fn add_of_key(&self, graph: &Graph, key: &[u8], what: impl Fn(&Counts) -> &AtomicU64) {
        let mut found = Found::new();
        graph.matches(key, &mut found);
        self.add(&found, 1, what);
    }
}

impl Node {
    /// The graph's patterns with what happened under them.
    pub fn ownership_counts(&self) -> Vec<(Pattern, Arc<Counts>)> {
        let (graph, all) = (self.ownership.graph(), self.ownership.tallies.all());
        graph.nodes().iter().map(|node| node.pattern.clone()).zip(all.iter().cloned()).collect()
    }
}

/// After a command that reads, on keys that are still locked: every sixteenth is looked at.
#[inline]
pub(crate) fn count_read(ctx: &Ctx<'_>, request: &Request<'_>) {
    let reads = ctx.core.own.reads.get();
    ctx.core.own.reads.set(reads.wrapping_add(1));
    if reads.is_multiple_of(READS_PER_SAMPLE) {
        count_sample(ctx, request);
    }
}

#[cold]
fn count_sample(ctx: &Ctx<'_>, request: &Request<'_>) {
    let graph = ctx.core.own.graph(ctx.node);
    for found_key in find_keys(request).iter().filter(|found| found.flags & key::ACCESS != 0) {
        let key = ctx.keys.key(request.word(found_key.word).unwrap_or_default());
        if !ctx.keys.holds(key.hash) {
            continue;
        }
        let is_hit = ctx.keys.peek(&key).is_some();
        let mut found = Found::new();
        graph.matches(key.bytes, &mut found);
        let tallies = &ctx.node.ownership.tallies;
        match is_hit {
            true => tallies.add(&found, u64::from(READS_PER_SAMPLE), |counts| &counts.hits),
            false => tallies.add(&found, u64::from(READS_PER_SAMPLE), |counts| &counts.misses),
        }
    }
}

/// A key whose source is gone.
pub struct Orphan {
    /// The key.
    pub key: Box<[u8]>,
    /// The key that it belongs to, or derives from.
    pub source: Box<[u8]>,
}

/// What OWNERSHIP DEAD found in a database.
#[derive(Default)]
pub struct Dead {
    /// Keys whose sources are gone.
    pub orphans: Vec<Orphan>,
    /// Keys under no pattern.
    pub ruleless: Vec<Box<[u8]>>,
}

/// The keys that a key needs: whose it is, and what it derives from, where that is told by name.
fn sources(graph: &Graph, key: &[u8]) -> Vec<Box<[u8]>> {
    let needed = graph.sources_of(key).into_iter().filter_map(|it| {
        let relation = graph.rules().edges[it.edge as usize].relation;
        match it.keys {
            Gone::One(key) if matches!(relation, Relation::Owns | Relation::Derives) => Some(key),
            _ => None,
        }
    });
    needed.collect()
}

/// Keys of a locked shard with their sources, and those under no pattern.
fn look(graph: &Graph, keys: &Keys<'_>) -> (Vec<Orphan>, Vec<Box<[u8]>>) {
    let (mut owned, mut ruleless) = (Vec::new(), Vec::new());
    let Some(table) = keys.table() else { return (owned, ruleless) };
    table.dict().for_each(|record| {
        let key = table.entry_of(record).key();
        let mut found = Found::new();
        graph.matches(key, &mut found);
        if found.is_empty() {
            ruleless.push(key.into());
            return;
        }
        owned.extend(sources(graph, key).into_iter().map(|source| Orphan { key: key.into(), source }));
    });
    (owned, ruleless)
}

/// Up to `limit` keys of each kind in the selected database. Nothing is locked at first.
pub fn dead(ctx: &mut Ctx<'_>, limit: usize) -> Dead {
    let (node, graph) = (ctx.node, ctx.node.ownership.graph());
    let mut dead = Dead::default();
    for shard in 0..node.space.shards() {
        let keys = ctx.keys.enter_shard(shard);
        if keys.tally.halted {
            break;
        }
        let (owned, ruleless) = look(&graph, &keys);
        drop(keys);
        let room = limit - dead.ruleless.len();
        dead.ruleless.extend(ruleless.into_iter().take(room));
        for it in owned {
            if dead.orphans.len() == limit {
                break;
            }
            let keys = ctx.keys.enter_shard(node.space.shard_of(node.space.hash(&it.source)));
            if keys.tally.halted {
                return dead;
            }
            let is_there = keys.peek(&keys.key(&it.source)).is_some();
            drop(keys);
            if !is_there && dead.orphans.last().is_none_or(|last| last.key != it.key) {
                dead.orphans.push(it);
            }
        }
        if dead.orphans.len() == limit && dead.ruleless.len() == limit {
            break;
        }
    }
    dead
}

/// A sweep in the background: the next database and shard, and how many keys went.
#[derive(Clone, Copy, Default)]
struct Place {
    db: usize,
    shard: usize,
    removed: u64,
}

/// What all cores share of it.
#[derive(Default)]
pub(super) struct Sweeping(Mutex<Option<Place>>);

/// How long one tick sweeps.
const SWEEP_US: u128 = 2000;

impl Node {
    /// Begins a sweep; false: one is under way.
    pub fn begin_sweep(&self) -> bool {
        let mut place = self.ownership.sweeping.0.lock();
        place.is_none() && place.replace(Place::default()).is_none()
    }

    /// Whether a sweep is under way.
    pub fn is_sweeping(&self) -> bool {
        self.ownership.sweeping.0.lock().is_some()
    }
}

/// By the clock: removes keys whose sources are gone, for a while.
pub(crate) fn go_on_sweeping(node: &Node, core: &mut Core) {
    let Some(mut place) = *node.ownership.sweeping.0.lock() else { return };
    let (started, graph) = (std::time::Instant::now(), node.ownership.graph());
    while started.elapsed().as_micros() < SWEEP_US {
        if place.db == node.space.databases() {
            let text = format!("OWNERSHIP SWEEP is done: {} keys whose sources were gone went", place.removed);
            node.host().log(settings::LogLevel::Notice, &text);
            *node.ownership.sweeping.0.lock() = None;
            return;
        }
        place.removed += sweep_shard(node, core, &graph, (place.shard, place.db));
        place.shard += 1;
        if place.shard == node.space.shards() {
            (place.db, place.shard) = (place.db + 1, 0);
        }
    }
    *node.ownership.sweeping.0.lock() = Some(place);
}

fn sweep_shard(node: &Node, core: &mut Core, graph: &Graph, (shard, db): (usize, usize)) -> u64 {
    let owned = {
        let Some(keys) = node.space.lock_shard(shard, db, core.now, &mut core.tally) else { return 0 };
        look(graph, &keys).0
    };
    let mut removed = 0;
    for it in owned {
        let before = core.tally.changes.len();
        let hashes = [node.space.hash(&it.key), node.space.hash(&it.source)];
        let Ok(mut keys) = Keys::lock_many(&node.space, db, hashes.into_iter(), core.now, &mut core.tally) else {
            return removed;
        };
        node.begin_effects(keys.tally);
        let source = Key { bytes: &it.source, hash: hashes[1] };
        let key = Key { bytes: &it.key, hash: hashes[0] };
        if keys.peek(&source).is_none() && keys.remove(&key) {
            removed += 1;
            keys.tally.effects.push(db, [&b"UNLINK"[..], key.bytes].into_iter());
            keys.changed(&key, Event::DEL);
            super::follow(node, &core.own, &mut keys, before);
        }
        let order = node.order_of(&keys, before);
        let record = node.reserve_record(&mut keys);
        drop(keys);
        match record {
            Some(record) => node.append_record(record, &mut core.tally),
            None => core.tally.effects.clear(),
        }
        if let Some(order) = order {
            node.announce(&order, &core.tally.changes[before..]);
        }
        publish::publish(node, core, 0);
    }
    removed
}

impl Own {
    /// A key went, or all of a pattern: whoever listens is told once no shard is locked.
    pub(super) fn note_gone(&self, node: &Node, db: usize, keys: &Gone) {
        let is_heard = node.space.interest() & Interest::FEED.0 != 0 || !node.pubsub.is_empty();
        if is_heard {
            self.gone.borrow_mut().push((db, keys.clone()));
        }
    }

    /// Tells of them.
    pub(super) fn tell_gone(&self, node: &Node) {
        let gone = std::mem::take(&mut *self.gone.borrow_mut());
        if !gone.is_empty() {
            node.tell_gone(gone);
        }
    }
}
